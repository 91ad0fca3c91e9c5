// Panels of lines with intervals, for whatever has a number on either axis.
import { lineSample, makeSheet, xAxis, yAxis } from "./frame.js";
import { lineThrough, markerPath } from "./marks.js";
import { limits, linearScale, logScale, logTicks } from "./scales.js";
import { el, round } from "./svg.js";

const LEFT = 52;
const INKS = ["#0072B2", "#c18600", "#009E73", "#CC79A7", "#D55E00", "#4a9bc8"];
const MARKERS = ["circle", "square", "triangle", "diamond", "down", "cross"];
const GAP_OF_TICKS = 34;

// How the series of this number looks; without one as theory does, dashed and without markers.
function lookOf(at) {
  return at === null ? { ink: "currentColor", marker: null, dash: "5 3" }
    : { ink: INKS[at % INKS.length], marker: MARKERS[at % MARKERS.length], dash: null };
}

// A picture {name, alt, tree}. `panels` are {title, series: [{label, points: [{x, y, lo, hi}], isTheory}]}; a
// series has the same look in all panels, by its label. Axes are {title, isLog, toText, ticks, isList}, isList
// of what has no order, so that no line goes from one to the next; the range of y is that of all panels. What
// is not finite, or not above 0 where the axis is logarithmic, is left out. Null without a panel.
export function linesChart({ name, heading, alt, panels, x: xKind, y: yKind, columns = 2 }, options = {}) {
  const isShown = (kind, value) => Number.isFinite(value) && (!kind.isLog || value > 0);
  const own = panels.map((panel) => ({ ...panel, series: panel.series.map((series) => ({ ...series,
    points: series.points.filter((point) => isShown(xKind, point.x) && isShown(yKind, point.y)) })) }))
    .filter(({ series }) => series.some(({ points }) => points.length));
  if (!own.length) return null;
  const all = own.flatMap(({ series }) => series.flatMap(({ points }) => points));
  const sheet = makeSheet(null, null, { ...options, name, heading });
  const labels = [...new Set(own.flatMap(({ series }) => series.filter(({ isTheory }) => !isTheory)
    .map(({ label }) => label)))];
  const boxes = sheet.panels(own.map(({ title }) => [title]), Math.min(columns, own.length),
    { left: LEFT, heights: 190, below: 36 });
  const [xs, ys] = [all.map((point) => point.x), all.flatMap(({ y, lo, hi }) => [y, lo, hi]
    .filter((value) => isShown(yKind, value)))];
  own.forEach(({ series }, at) => {
    const box = boxes[at];
    const x = scaleOf(xKind, xs, 1.15, box.x, box.x + box.width);
    const y = scaleOf(yKind, ys, 1.08, box.y + box.height, box.y);
    sheet.add(xAxis(box, x, ticksOf(xKind, x), xKind.toText ?? String, xKind.title),
      yAxis(box, y, ticksOf(yKind, y), yKind.toText ?? String, yKind.title),
      series.map(({ label, points, isTheory }) => drawSeries(lookOf(isTheory ? null : labels.indexOf(label)), x, y,
        points, label, xKind.isList)));
  });
  const draw = (look) => (at, height) => (look.marker === null ? lineSample(look.dash)(at, height)
    : el("path", { d: markerPath(look.marker, at + 8, height, 4.5), fill: look.ink }));
  sheet.legend([], { extra: [...labels.map((label, at) => ({ text: label, draw: draw(lookOf(at)) })),
    ...(own.some(({ series }) => series.some(({ isTheory }) => isTheory))
      ? [{ text: "theory", draw: draw(lookOf(null)) }] : [])] });
  return sheet.finish(alt);
}

function scaleOf({ isLog }, values, margin, from, to) {
  if (isLog) return logScale(limits(values, margin), from, to);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const more = 0.04 * (high - low || 1);
  return linearScale([low - more, high + more], from, to);
}

function ticksOf({ isLog, ticks }, scale) {
  const inside = (value) => scale.low <= value && value <= scale.high;
  if (ticks) return ticks.filter(inside);
  if (isLog) return logTicks(scale, GAP_OF_TICKS);
  const step = [1, 2, 5].flatMap((own) => [0.001, 0.01, 0.1, 1, 10, 100].map((power) => own * power))
    .sort((a, b) => a - b).find((own) => (scale.high - scale.low) / own <= 6) ?? scale.high - scale.low;
  const first = Math.ceil(scale.low / step);
  const count = Math.floor(scale.high / step) - first + 1;
  return Array.from({ length: count }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

function drawSeries({ ink, marker, dash }, x, y, points, title, isList) {
  const inRange = (value) => Math.min(Math.max(value, y.low), y.high);
  return el("g", {}, isList ? null : lineThrough(points.map((point) => [x(point.x), y(point.y)]), { stroke: ink,
    dash }),
    marker === null ? null : points.map((point) => [
      Number.isFinite(point.lo) && Number.isFinite(point.hi) ? el("path", { stroke: ink, "stroke-width": 1.5,
        d: `M${round(x(point.x))} ${round(y(inRange(point.lo)))}V${round(y(inRange(point.hi)))}` }) : null,
      el("path", { d: markerPath(marker, x(point.x), y(point.y), 4), fill: ink }, el("title", {}, title))]));
}
