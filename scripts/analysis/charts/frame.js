// What all pictures share: heading, panels in a grid, axes, legend, notes.
import { lookOf, mark } from "./marks.js";
import { backendsIn, columnsFor, firstSetting, kindText, panelTitles, withRows } from "./panels.js";
import { el, fit, label, printable, round, textWidth, wrap } from "./svg.js";

const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
const MOST_NAME = 230; // pixels
const EDGE = 8;
const LINE = 15;

// A picture that grows downwards: panels(), legend() and note() add below what is there, add() wherever;
// finish() gives {name, alt, tree}. View and groups are null where a picture is of no run. `options` are those
// of the charts: width, and background for files.
export function makeSheet(view, groups, { name, heading, width = 800, background = false }) {
  const parts = [];
  let bottom = EDGE;
  const add = (...trees) => { parts.push(trees); };
  const lines = (text, size, { bold = false, faint = false } = {}) => {
    for (const line of wrap(text, width - 2 * EDGE, bold ? size * 1.06 : size)) {
      bottom += size * 1.3;
      add(label(EDGE, bottom, line, { size, bold, faint }));
    }
  };
  lines(groups ? `${heading}: ${kindText(groups).replaceAll(" ", "\u00a0")}` : heading, 13, { bold: true });

  // Boxes {x, y, width, height, isFirst}, isFirst of a row. `titles` are lists of lines, which are wrapped;
  // `heights` is one, or one per panel; `above` and `below` are what the axes take. Labels of `left` pixels
  // stand on the left of each row or, where `inner`, of each panel.
  const panels = (titles, columns, { left, heights, gap = 18, above = 6, below = 36, inner = false }) => {
    const [start, inset] = inner ? [0, left] : [left, 0];
    const wide = (width - EDGE - start - (columns - 1) * gap) / columns;
    const boxes = [];
    for (let first = 0; first < titles.length; first += columns) {
      const own = titles.slice(first, first + columns)
        .map((texts) => texts.flatMap((text) => wrap(text, wide - 4, 12, 3)));
      const high = Math.max(...own.map(({ length }) => length));
      const height = Array.isArray(heights) ? Math.max(...heights.slice(first, first + columns)) : heights;
      bottom += 12 + LINE * high;
      own.forEach((texts, at) => {
        const x = start + at * (wide + gap);
        add(texts.map((text, line) => label(inner ? x + EDGE : x, bottom + LINE * (line + 1 - texts.length),
          text, { size: 12 })));
        boxes.push({ x: x + inset, y: bottom + above + 2, width: wide - inset, height, isFirst: at === 0 });
      });
      bottom += above + 2 + height + below;
    }
    return boxes;
  };

  // Entries from left to right: the backends, hollow those in `native`; `extra` are {text, draw: (x, y)}.
  const legend = (backends, { native = new Set(), draw: drawOf = null, extra = [] } = {}) => {
    const markOf = (id) => (x, y) => mark(lookOf(view, id), x + 8, y, { hollow: native.has(id) });
    const entries = [...backends.map((id) => ({ id, text: view.label(id),
      draw: drawOf ? drawOf(id) : markOf(id) })), ...extra];
    let x = EDGE;
    bottom += 16;
    for (const { id, text, draw } of entries) {
      const short = fit(text, Math.min(MOST_NAME, width - 2 * EDGE - 24), 11);
      const wide = 34 + textWidth(short, 11);
      if (x > EDGE && x + wide > width) {
        x = EDGE;
        bottom += 18;
      }
      add(el("g", { "data-backend": id, class: id === undefined ? null : "entry" }, draw(x, bottom - 4),
        label(x + 20, bottom, short, { title: text })));
      x += wide;
    }
    bottom += 4;
  };

  const note = (text) => {
    bottom += 4;
    lines(text, 10.5, { faint: true });
  };

  const finish = (text) => {
    const alt = printable(text).replace(/\n/g, " ");
    const height = Math.ceil(bottom + EDGE);
    return { name, alt, tree: el("svg", { viewBox: `0 0 ${round(width)} ${height}`, width, height,
      role: "img", "aria-label": alt, "font-family": FONT, fill: "currentColor",
      color: background ? "#222222" : null },
    background ? el("rect", { width, height, fill: "#ffffff" }) : null, parts) };
  };

  return { width, add, panels, legend, note, finish };
}

// A sheet with a panel per pass, at the most threads: {sheet, parts, shown, boxes, titles, backends, native}.
// `dataOf` says of a group what is drawn, and as `ids` of which backends; of none, the pass has no panel. Null
// when none has.
export function passSheet(view, groups, { dataOf, above = () => 6, ...panels }, options) {
  const parts = firstSetting(groups).map((group) => ({ group, ...dataOf(withRows(view, group)) }))
    .filter(({ ids }) => ids.length);
  if (!parts.length) return null;
  const shown = parts.map(({ group }) => group);
  const sheet = makeSheet(view, shown, options);
  const titles = panelTitles(shown);
  const boxes = sheet.panels(titles.map((title) => [title]), columnsFor(shown, sheet.width, panels.left),
    { ...panels, above: above(parts) });
  return { sheet, parts, shown, boxes, titles, ...backendsIn(view, shown, parts.flatMap(({ ids }) => ids)) };
}

const FAINT = { size: 10, faint: true };

function stroke(d, opacity, dash = null) {
  return el("path", { d, stroke: "currentColor", "stroke-opacity": opacity, "stroke-dasharray": dash,
    fill: "none" });
}

// Grid lines, tick labels and a title below a panel; a label that would reach far beyond it is left out.
export function xAxis(box, scale, ticks, toText, title = null) {
  const [right, bottom] = [box.x + box.width, box.y + box.height];
  const grid = ticks.map((tick) => `M${round(scale(tick))} ${round(box.y)}V${round(bottom)}`);
  const half = (tick) => textWidth(toText(tick), FAINT.size) / 2;
  const written = ticks.filter((tick) => scale(tick) + half(tick) < right + EDGE + 1);
  return [stroke(grid.join(""), 0.14), stroke(`M${round(box.x)} ${round(bottom)}H${round(right)}`, 0.5),
    written.map((tick) => label(scale(tick), bottom + 13, toText(tick), { ...FAINT, anchor: "middle" })),
    title ? label((box.x + right) / 2, bottom + 27, title, { ...FAINT, anchor: "middle" }) : null];
}

// The same on the left; labels and title only where the panel is the first of its row.
export function yAxis(box, scale, ticks, toText, title) {
  const [right, bottom] = [box.x + box.width, box.y + box.height];
  const grid = ticks.map((tick) => `M${round(box.x)} ${round(scale(tick))}H${round(right)}`);
  return [stroke(grid.join(""), 0.14), stroke(`M${round(box.x)} ${round(box.y)}V${round(bottom)}`, 0.5),
    box.isFirst ? [ticks.map((tick) => label(box.x - 5, scale(tick) + 3.5, toText(tick),
      { ...FAINT, anchor: "end" })),
    el("g", { transform: `translate(${round(box.x - 34)} ${round((box.y + bottom) / 2)}) rotate(-90)` },
      label(0, 0, title, { ...FAINT, anchor: "middle" }))] : null];
}

// A line from top to bottom of a panel.
export function verticalAt(box, x, dash = null) {
  return stroke(`M${round(x)} ${round(box.y)}v${round(box.height)}`, 0.6, dash);
}

// A sample of a line for the legend.
export function lineSample(dash) {
  return (x, y) => stroke(`M${round(x)} ${round(y)}h16`, 1, dash);
}

// What a backend draws in a panel: the page finds it by its name.
export function series(id, ...trees) {
  return el("g", { "data-backend": id, class: "series" }, trees);
}
