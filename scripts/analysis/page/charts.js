// Charts by Chart.js: one color and point shape per backend, in either theme.
"use strict";

// Markers of colors.py: what Chart.js calls them, turned by so many degrees, and as a letter.
const MARKERS = {
  o: ["circle", 0, "●"], s: ["rect", 0, "■"], "^": ["triangle", 0, "▲"], D: ["rectRot", 0, "◆"],
  v: ["triangle", 180, "▼"], X: ["crossRot", 0, "✖"], P: ["cross", 0, "✚"], p: ["star", 0, "✱"],
  "<": ["triangle", 270, "◀"], ">": ["triangle", 90, "▶"], h: ["rectRounded", 0, "▬"],
};
const charts = new Map();

// Black is drawn in the color of the text, which is light where the page is dark.
function colorOf(backend) {
  const { color } = styles.get(backend);
  return color === "#000000" ? themed("--text") : color;
}

function markerOf(backend) {
  return MARKERS[styles.get(backend).marker];
}

// The name with its mark, as charts draw it.
function backendLabel(backend, native = false) {
  const mark = element("span", { class: "mark", "aria-hidden": "true" }, markerOf(backend)[2]);
  mark.style.color = colorOf(backend);
  return element("span", { class: "backend" }, mark, " ", backend,
    native ? element("span", { class: "interval" }, " (native layout)") : null);
}

function pointStyle(backend, radius = 4) {
  const color = colorOf(backend);
  return {
    label: backend, pointStyle: markerOf(backend)[0], rotation: markerOf(backend)[1],
    pointRadius: radius,
    pointHoverRadius: radius + 2, backgroundColor: `${color}cc`, borderColor: color,
    borderWidth: 1.5,
  };
}

// Lines from lo to hi through the points of data sets that ask for them: whiskers is x or y.
const whiskers = {
  id: "whiskers",
  beforeDatasetsDraw(chart) {
    const { ctx, scales, chartArea } = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(chartArea.left, chartArea.top, chartArea.width, chartArea.height);
    ctx.clip();
    chart.data.datasets.forEach((dataset, index) => {
      if (!dataset.whiskers || !chart.isDatasetVisible(index)) return;
      const along = dataset.whiskers;
      chart.getDatasetMeta(index).data.forEach((point, at) => {
        const { lo, hi } = dataset.data[at];
        if (typeof lo !== "number") return;
        const [from, to] = [lo, hi].map((value) => scales[along].getPixelForValue(value));
        ctx.strokeStyle = dataset.borderColor;
        ctx.lineWidth = 1.5;
        ctx.beginPath();
        if (along === "x") { ctx.moveTo(from, point.y); ctx.lineTo(to, point.y); }
        else { ctx.moveTo(point.x, from); ctx.lineTo(point.x, to); }
        ctx.stroke();
      });
    });
    ctx.restore();
  },
};

// Vertical lines with a label on top: options.plugins.verticals.lines = [{at, label}].
const verticals = {
  id: "verticals",
  beforeDatasetsDraw(chart, _, options) {
    const { ctx, scales, chartArea } = chart;
    for (const { at, label } of options.lines || []) {
      const x = scales.x.getPixelForValue(at);
      if (!(x >= chartArea.left && x <= chartArea.right)) continue;
      ctx.save();
      ctx.strokeStyle = themed("--faint");
      ctx.fillStyle = themed("--quiet");
      ctx.setLineDash([4, 4]);
      ctx.beginPath();
      ctx.moveTo(x, chartArea.top);
      ctx.lineTo(x, chartArea.bottom);
      ctx.stroke();
      ctx.font = "11px system-ui, sans-serif";
      ctx.textAlign = "right";
      ctx.fillText(label, x - 4, chartArea.bottom - 6);
      ctx.restore();
    }
  },
};

function themed(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// A box with a chart; `label` says in words what it shows. Call with the section that owns it.
function chart(owner, { label, height = 320, type, datasets, labels, x, y, options = {} }) {
  const canvas = element("canvas", { role: "img", "aria-label": label, tabindex: 0 });
  const box = element("div", { class: "chart" }, canvas);
  box.style.height = `${height}px`;
  const make = () => charts.get(owner).push(new Chart(canvas, {
    type, data: { labels, datasets },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false, color: themed("--text"),
      indexAxis: options.indexAxis || "x",
      scales: { x: axis(x), y: axis(y) },
      plugins: {
        legend: { position: "bottom", labels: {
          usePointStyle: true, boxWidth: 7, boxHeight: 7, color: themed("--text"),
          filter: (item) => Boolean(item.text) } },
        tooltip: { callbacks: { title: (items) => items[0].raw.title || items[0].label,
          label: (item) => item.raw.lines || `${item.dataset.label}: ${item.formattedValue}` } },
        verticals: { lines: options.verticals || [] },
      },
    },
    plugins: [whiskers, verticals],
  }));
  if (!charts.has(owner)) charts.set(owner, []);
  pending.push(make);
  return box;
}

// Charts are made when their boxes are in the document and have a size.
const pending = [];

function drawPending() {
  pending.splice(0).forEach((make) => make());
}

function dropCharts(owner) {
  for (const own of charts.get(owner) || []) own.destroy();
  charts.delete(owner);
}

function axis({ title, type = "linear", toText, min, max, categories, ticks = logTicks }) {
  const scale = {
    type, min, max, offset: type === "category", title: { display: Boolean(title), text: title, color: themed("--quiet") },
    grid: { color: themed("--grid") }, ticks: { color: themed("--quiet"), autoSkip: !categories },
  };
  if (toText) scale.ticks.callback = (value) => toText(value);
  if (categories) {
    scale.ticks.callback = function lines(value) {
      return this.getLabelForValue(value).split(", ");
    };
  }
  if (type === "logarithmic") scale.afterBuildTicks = (own) => { own.ticks = ticks(own); };
  return scale;
}

// Powers of 4, so that a tick is a round number of bytes.
function binaryTicks({ min, max }) {
  const ticks = [];
  for (let value = 1; value <= max; value *= 4) {
    if (value >= min) ticks.push({ value });
  }
  return ticks;
}

// 1, 2 and 5 of each decade, or fewer where there are many decades.
function logTicks({ min, max }) {
  const decades = Math.log10(max / min);
  const steps = decades < 3 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); power++) {
    for (const step of steps) {
      const value = Number((step * 10 ** power).toPrecision(2));
      if (value >= min * 0.999 && value <= max * 1.001) ticks.push({ value });
    }
  }
  return ticks;
}

function rowLines(row, estimate, against) {
  return [row.backend, `median ${timeText(row.median)} from ${countText(row.samples.length, "sample")}`,
    estimate ? `${estimateText(estimate)} of ${against}` : null, row.detail || null].filter(Boolean);
}
