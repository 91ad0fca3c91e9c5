// Effective GB/s against the working set, below the measured speed of copies.
import { roofline } from "../core/roofline.js";
import { bytesText } from "../core/text.js";
import { backendsIn, columnsFor, firstSetting, kindText, lineSample, makeSheet, panelTitles, series, slowestFirst, withRows,
  xAxis, yAxis,
} from "./frame.js";
import { cloud, lineThrough, lookOf, mark, rowTitle } from "./marks.js";
import { binaryTicks, limits, logScale, logTicks } from "./scales.js";
import { el, label, round, textWidth } from "./svg.js";

const LEFT = 52;
const COPIES = [["plain", "copy, measured", "6 3"], ["streaming", "streaming copy", "1.5 2.5"]];

// A panel per pass, at the most threads: a faint point per case, a line per backend through medians.
export function rooflineChart(view, groups, options = {}) {
  const setting = firstSetting(groups);
  const parts = setting.map((group) => ({ group, ...roofline(view, withRows(view, group)) }))
    .filter(({ points }) => points.length);
  if (!parts.length) return null;
  const { width = 800, background = false } = options;
  const shown = parts.map(({ group }) => group);
  const sheet = makeSheet(view, shown, { ...options, name: "roofline", heading: "Effective GB/s by working set" });
  const points = parts.flatMap((part) => part.points);
  const { backends, native } = backendsIn(view, shown, points.map(({ row }) => row.backend));
  const sizes = limits(points.map(({ bytes }) => bytes), 1.4);
  const copiesOf = ({ ceilings }) => COPIES.map(([key, text, dash]) => ({ text, dash, points: inRange(ceilings[key], sizes) }));
  const copies = parts.map(copiesOf);
  // Nothing but what is drawn decides how far the panels reach: no decade is empty.
  const speeds = limits([...points, ...copies.flat().flatMap((copy) => copy.points)].map(({ gbs }) => gbs), 1.25);
  const columns = columnsFor(shown, width, LEFT);
  const titles = panelTitles(shown);
  const boxes = sheet.panels(titles.map((title) => [title]), columns, { left: LEFT, heights: 240,
    above: 20 });
  boxes.forEach((box, at) => {
    const x = logScale(sizes, box.x, box.x + box.width);
    const y = logScale(speeds, box.y + box.height, box.y);
    sheet.add(xAxis(box, x, binaryTicks(x, 56), tickText, "bytes per call"), yAxis(box, y, logTicks(y, 16), String, "GB/s"),
      cacheLines(box, x, parts[at].caches),
      copies[at].map(({ points: own, dash }) => lineThrough(own.map(({ bytes, gbs }) => [x(bytes), y(gbs)]),
        { stroke: "currentColor", width: 1.4, dash })));
    for (const { backend, points: medians } of slowestFirst(parts[at].lines, backends)) {
      const look = lookOf(view, backend);
      const own = parts[at].points.filter(({ row }) => row.backend === backend);
      const isHollow = native.has(backend);
      const places = medians.map(({ bytes, gbs }) => [x(bytes), y(gbs)]);
      sheet.add(series(backend,
        cloud(look, own.map(({ row, bytes, gbs }) => ({ x: x(bytes), y: y(gbs), row, gbs })), points.length,
          background ? null : ({ row, gbs }) => rowTitle(view, row, `${gbs.toPrecision(3)} GB/s`)),
        lineThrough(places, { stroke: look.ink, gap: isHollow ? 5 : 0 }),
        places.map(([px, py], place) => mark(look, px, py, { radius: 4, hollow: isHollow, title: `${
          view.backends.get(backend).label}\nmedian ${medians[place].gbs.toPrecision(3)} GB/s at ${
          bytesText(medians[place].bytes)}` }))));
    }
  });
  const drawn = COPIES.filter((_, at) => copies.some((own) => own[at].points.length));
  sheet.legend(backends, { native, extra: drawn.map(([, text, dash]) => ({ text, draw: lineSample(dash) })) });
  sheet.note("Points: cases. Lines: medians of ranges of the working set. GB/s is effective: compulsory bytes / time.");
  const [{ points: first }] = parts;
  const best = first.reduce((a, b) => (b.gbs > a.gbs ? b : a));
  return sheet.finish(`Effective GB/s against the working set for ${kindText(shown)}, with the measured speed of copies and `
    + `the sizes of the caches. ${titles[0]}: from ${Math.min(...first.map(({ gbs }) => gbs)).toPrecision(2)} to ${
      best.gbs.toPrecision(3)} GB/s, the fastest is ${view.backends.get(best.row.backend).spoken} at ${
      bytesText(best.bytes)}.`);
}

// The part of a line of measured copies that is in the range, with its ends on the way to the next copies.
export function inRange(line, [low, high]) {
  const found = [];
  line.forEach((point, at) => {
    const before = line[at - 1];
    for (const edge of [low, high]) {
      if (before && before.bytes < edge && edge < point.bytes) {
        const share = Math.log(edge / before.bytes) / Math.log(point.bytes / before.bytes);
        found.push({ bytes: edge, gbs: before.gbs * (point.gbs / before.gbs) ** share });
      }
    }
    if (low <= point.bytes && point.bytes <= high) found.push(point);
  });
  return found;
}

// `64 KiB`.
export function tickText(bytes) {
  return bytesText(bytes).replace(/\.0+ /, " ");
}

// A line where each cache is full; its name above, with the size where there is room.
function cacheLines(box, x, caches) {
  let end = box.x - 20;
  return caches.filter(({ bytes }) => x.low < bytes && bytes < x.high).sort((a, b) => a.bytes - b.bytes).map(
    ({ level, bytes }, at, own) => {
      const place = x(bytes);
      const next = at + 1 < own.length ? x(own[at + 1].bytes) : box.x + box.width + 2 * (box.x + box.width - place);
      const texts = [`L${level} ${tickText(bytes)}`, `L${level}`];
      const found = texts.find((text) => place - textWidth(text, 10) / 2 > end
        && textWidth(text, 10) < next - place);
      if (found) end = place + textWidth(found, 10) / 2 + 4;
      return [el("path", { d: `M${round(place)} ${round(box.y)}v${round(box.height)}`, stroke: "currentColor",
        "stroke-opacity": 0.55, "stroke-dasharray": "2 3", fill: "none" }),
      found ? label(place, box.y - 5, found, { size: 10, anchor: "middle", faint: true }) : null];
    });
}
