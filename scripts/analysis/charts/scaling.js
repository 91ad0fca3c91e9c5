// How much faster more threads make each backend, by where the data lives.
import { byNumber, unique } from "../core/collections.js";
import { threadScaling } from "../core/relative.js";
import { countText, listText, passText, ratioText, threadsText } from "../core/text.js";
import { lineSample, makeSheet, series, xAxis, yAxis } from "./frame.js";
import { lineThrough, lookOf, mark, spokenOf, tip } from "./marks.js";
import { backendsIn, columnsFor, firstSetting, kindText } from "./panels.js";
import { limits, linearScale, logScale, logTicks } from "./scales.js";
import { label } from "./svg.js";

const LEFT = 52;
const LEAST_PANEL = 150;
const IDEAL = "6 3";
const SAME = ["norm", "dtype", "layout", "cache", "input", "then"];

// With one larger number of threads a panel per pass, regimes side by side; with several a panel per pass and
// regime, threads across. Null when nothing was timed with several numbers of threads.
export function scalingChart(view, groups, options = {}) {
  const shown = firstSetting(groups);
  const table = shown.length ? threadScaling(view) : null;
  const isLike = ({ keys }) => SAME.every((key) => keys[key] === shown[0].keys[key]);
  const lines = table ? table.lines.filter(isLike) : [];
  if (!lines.length) return null;
  // Every speedup: {pass, backend, threads, regime, ratio, count}.
  const points = lines.flatMap(({ keys: { pass, threads }, backend, cells }) => cells.map((cell, at) => (
    cell && { ...cell, backend, pass, threads, regime: table.columns[at] })).filter(Boolean));
  const own = { fewest: table.fewest, counts: unique(points.map(({ threads }) => threads)).sort(byNumber),
    regimes: table.columns.filter((regime) => points.some((point) => point.regime === regime)),
    ...backendsIn(view, shown, points.map(({ backend }) => backend)) };
  const passes = unique(points.map(({ pass }) => pass));
  const most = own.counts.at(-1);
  const isCurve = own.counts.length > 1;
  const panels = !isCurve ? passes.map((pass) => ({ pass })) : passes.flatMap((pass) => own.regimes
    .filter((regime) => points.some((point) => point.pass === pass && point.regime === regime))
    .map((regime) => ({ pass, regime })));
  const sheet = makeSheet(view, shown, { ...options, name: "scaling", heading: isCurve
    ? `Speedup over ${threadsText(own.fewest)}` : `Speedup from ${own.fewest} to ${threadsText(most)}` });
  own.range = limits([1, ...isCurve ? [] : [most / own.fewest], ...points.map(({ ratio }) => ratio)], 1.12);
  const columns = isCurve ? Math.min(own.regimes.length, Math.floor((sheet.width - LEFT) / LEAST_PANEL))
    : columnsFor(passes.map((pass) => ({ keys: { pass } })), sheet.width, LEFT);
  const titles = panels.map(({ pass, regime }) => [[passText(pass), regime].filter(Boolean).join(", ")]);
  const boxes = sheet.panels(titles, columns, { left: LEFT, ...isCurve ? { heights: 140, below: 34 }
    : { heights: 200, below: 24 } });
  boxes.forEach((box, at) => {
    const y = logScale(own.range, box.y + box.height, box.y);
    const inPanel = (point) => Object.entries(panels[at]).every(([key, value]) => point[key] === value);
    sheet.add(yAxis(box, y, logTicks(y, 18), String, "speedup"),
      (isCurve ? curves : dots)(view, box, y, { ...own, points: points.filter(inPanel) }));
  });
  sheet.legend(own.backends, { native: own.native, extra: [{ text: "ideal", draw: lineSample(IDEAL) }] });
  sheet.note("Geometric mean over the cases that were timed with both numbers of threads; above 1 is "
    + "faster.");
  // The first pass is one that was timed with the most threads, as these come first.
  const far = points.filter(({ pass, threads }) => pass === passes[0] && threads === most);
  const { regime } = far.at(-1);
  const texts = far.filter((point) => point.regime === regime).sort((a, b) => b.ratio - a.ratio)
    .map(({ backend, ratio }) => `${spokenOf(view, backend)} ${ratioText(ratio)}`);
  return sheet.finish(`Speedup with threads per backend, pass and regime for ${kindText(shown)}. ${
    passText(passes[0])}, ${regime}, from ${own.fewest} to ${threadsText(most)}: ${listText(texts)}.`);
}

function markOf(view, look, x, y, point, hollow) {
  const { backend, regime, threads, ratio, count } = point;
  return mark(look, x, y, { radius: 4.5, hollow, title: tip(view, backend,
    `${regime}, ${threadsText(threads)}: ${ratioText(ratio)} times as fast, ${countText(count, "case")}`) });
}

function curves(view, box, y, { points, backends, native, counts, fewest, range }) {
  const x = logScale([fewest / 1.1, counts.at(-1) * 1.1], box.x, box.x + box.width);
  const reach = Math.min(counts.at(-1) / fewest, range[1]);
  return [xAxis(box, x, [fewest, ...counts], String, "threads"),
    lineThrough([[x(fewest), y(1)], [x(fewest * reach), y(reach)]], { dash: IDEAL }),
    [...backends].reverse().map((backend) => {
      const look = lookOf(view, backend);
      const own = points.filter((point) => point.backend === backend).sort((a, b) => a.threads - b.threads);
      const places = own.map(({ threads, ratio }) => [x(threads), y(ratio)]);
      const hollow = native.has(backend);
      const line = lineThrough([[x(fewest), y(1)], ...places], { stroke: look.ink, gap: hollow ? 5 : 0 });
      return series(backend, line,
        own.map((point, at) => markOf(view, look, ...places[at], point, hollow)));
    })];
}

function dots(view, box, y, { points, backends, native, counts, fewest, regimes }) {
  const x = linearScale([0, regimes.length], box.x, box.x + box.width);
  const level = (at) => [[box.x, y(at)], [box.x + box.width, y(at)]];
  return [lineThrough(level(1), { width: 1, opacity: 0.6 }),
    lineThrough(level(counts[0] / fewest), { dash: IDEAL }),
    regimes.map((regime, at) => label(x(at + 0.5), box.y + box.height + 14, regime,
      { anchor: "middle", faint: true })),
    backends.map((backend, place) => {
      const look = lookOf(view, backend);
      const hollow = native.has(backend);
      return series(backend, points.filter((point) => point.backend === backend).map((point) => {
        const at = x(regimes.indexOf(point.regime) + 0.1 + 0.8 * (place + 0.5) / backends.length);
        const end = y(point.ratio);
        const reach = hollow ? end + Math.sign(y(1) - end) * Math.min(5, Math.abs(y(1) - end)) : end;
        return [lineThrough([[at, y(1)], [at, reach]], { stroke: look.ink, width: 2 }),
          markOf(view, look, at, end, point, hollow)];
      }));
    })];
}
