// How much faster more threads make each backend, by where the data lives.
import { byNumber, unique } from "../core/collections.js";
import { threadScaling } from "../core/relative.js";
import { countText, listText, PASS_WORDS, ratioText, threadsText } from "../core/text.js";
import { backendsIn, columnsFor, firstSetting, kindText, lineSample, makeSheet, series, xAxis, yAxis } from "./frame.js";
import { lineThrough, lookOf, mark } from "./marks.js";
import { limits, linearScale, logScale, logTicks } from "./scales.js";
import { el, label, round } from "./svg.js";

const LEFT = 52;
const IDEAL = "6 3";
const SAME = ["norm", "dtype", "layout", "cache", "input"];

// With one larger number of threads a panel per pass, regimes side by side; with several a panel per pass and
// regime, threads across. Null when nothing was timed with several numbers of threads.
export function scalingChart(view, groups, options = {}) {
  const shown = firstSetting(groups);
  const table = shown.length ? threadScaling(view) : null;
  const lines = table ? table.lines.filter(({ keys }) => SAME.every((key) => keys[key] === shown[0].keys[key])) : [];
  if (!lines.length) return null;
  const { width = 800 } = options;
  const { fewest } = table;
  const counts = unique(lines.map(({ keys }) => keys.threads)).sort(byNumber);
  const passes = unique(lines.map(({ keys }) => keys.pass));
  const regimes = table.columns.filter((_, at) => lines.some(({ cells }) => cells[at]));
  // Every speedup: {pass, backend, threads, regime, ratio, count}.
  const points = lines.flatMap(({ keys, backend, cells }) => cells.flatMap((cell, at) => (cell ? [{ ...cell, backend,
    pass: keys.pass, threads: keys.threads, regime: table.columns[at] }] : [])));
  const { backends, native } = backendsIn(view, shown, points.map(({ backend }) => backend));
  const isCurve = counts.length > 1;
  const panels = passes.flatMap((pass) => (isCurve ? regimes.filter((regime) => points.some(
    (point) => point.pass === pass && point.regime === regime)).map((regime) => ({ pass, regime })) : [{ pass }]));
  const sheet = makeSheet(view, shown, { ...options, name: "scaling", heading: isCurve
    ? `Speedup over ${threadsText(fewest)}` : `Speedup from ${fewest} to ${threadsText(counts[0])}` });
  const range = limits([1, ...isCurve ? [] : [counts[0] / fewest], ...points.map(({ ratio }) => ratio)], 1.12);
  const columns = isCurve ? Math.min(regimes.length, Math.max(1, Math.floor((width - LEFT) / 150)))
    : columnsFor(passes.map((pass) => ({ keys: { pass } })), width, LEFT);
  const boxes = sheet.panels(panels.map(({ pass, regime }) => [[PASS_WORDS[pass] || pass, regime].filter(Boolean).join(", ")]),
    columns, { left: LEFT, heights: isCurve ? 140 : 200, below: isCurve ? 34 : 24 });
  boxes.forEach((box, at) => {
    const y = logScale(range, box.y + box.height, box.y);
    sheet.add(yAxis(box, y, logTicks(y, 18), String, "speedup"));
    const own = points.filter((point) => Object.entries(panels[at]).every(([key, value]) => point[key] === value));
    (isCurve ? curves : dots)(view, sheet, box, y, { own, backends, native, counts, fewest, regimes, range });
  });
  sheet.legend(backends, { native, extra: [{ text: "ideal", draw: lineSample(IDEAL) }] });
  sheet.note("Geometric mean over the cases that were timed with both numbers of threads; above 1 is faster.");
  const first = points.filter(({ pass, regime, threads }) => pass === passes[0] && regime === regimes.at(-1)
    && threads === counts.at(-1)).sort((a, b) => b.ratio - a.ratio);
  return sheet.finish(`Speedup with threads per backend, pass and regime for ${kindText(shown)}. ${PASS_WORDS[passes[0]]
    || passes[0]}, ${regimes.at(-1)}, from ${fewest} to ${threadsText(counts.at(-1))}: ${listText(first.map(
    ({ backend, ratio }) => `${view.backends.get(backend).spoken} ${ratioText(ratio)}`)) || "nothing"}.`);
}

function titleOf(view, { backend, threads, regime, ratio, count }) {
  return `${view.backends.get(backend).label}\n${regime}, ${threadsText(threads)}: ${ratioText(ratio)} times as fast, ${
    countText(count, "case")}`;
}

function curves(view, sheet, box, y, { own, backends, native, counts, fewest, range }) {
  const x = logScale([fewest / 1.1, counts.at(-1) * 1.1], box.x, box.x + box.width);
  const reach = Math.min(counts.at(-1) / fewest, range[1]);
  sheet.add(xAxis(box, x, [fewest, ...counts], String, "threads"),
    lineThrough([[x(fewest), y(1)], [x(fewest * reach), y(reach)]], { stroke: "currentColor", dash: IDEAL }));
  for (const backend of [...backends].reverse()) {
    const look = lookOf(view, backend);
    const line = own.filter((point) => point.backend === backend).sort((a, b) => a.threads - b.threads);
    const places = line.map(({ threads, ratio }) => [x(threads), y(ratio)]);
    const hollow = native.has(backend);
    sheet.add(series(backend, lineThrough([[x(fewest), y(1)], ...places], { stroke: look.ink, gap: hollow ? 5 : 0 }),
      places.map(([px, py], at) => mark(look, px, py, { radius: 4, hollow, title: titleOf(view, line[at]) }))));
  }
}

function dots(view, sheet, box, y, { own, backends, native, counts, fewest, regimes }) {
  const x = linearScale([0, regimes.length], box.x, box.x + box.width);
  const level = (at, more) => el("path", { d: `M${round(box.x)} ${round(y(at))}h${round(box.width)}`, fill: "none",
    stroke: "currentColor", ...more });
  sheet.add(level(1, { "stroke-opacity": 0.6 }), level(counts[0] / fewest, { "stroke-width": 1.4, "stroke-dasharray": IDEAL }),
    regimes.map((regime, at) => label(x(at + 0.5), box.y + box.height + 14, regime, { anchor: "middle", faint: true })));
  backends.forEach((backend, place) => {
    const look = lookOf(view, backend);
    const hollow = native.has(backend);
    sheet.add(series(backend, own.filter((point) => point.backend === backend).map((point) => {
      const at = x(regimes.indexOf(point.regime) + 0.1 + 0.8 * (place + 0.5) / backends.length);
      const reach = y(point.ratio) + (hollow ? 5 * Math.sign(y(1) - y(point.ratio)) : 0);
      return [el("path", { d: `M${round(at)} ${round(y(1))}V${round(reach)}`, stroke: look.ink, "stroke-width": 2 }),
        mark(look, at, y(point.ratio), { radius: 4.5, hollow, title: titleOf(view, point) })];
    })));
  });
}
