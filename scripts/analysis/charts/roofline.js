// Effective GB/s against the working set, below the measured speed of copies.
import { roofline } from "../core/roofline.js";
import { bytesText } from "../core/text.js";
import { lineSample, passSheet, series, verticalAt, xAxis, yAxis } from "./frame.js";
import { cloud, lineThrough, lookOf, mark, rowTip, spokenOf, tip } from "./marks.js";
import { kindText, slowestFirst } from "./panels.js";
import { binaryTicks, limits, logScale, logTicks } from "./scales.js";
import { label, textWidth } from "./svg.js";

const LEFT = 52;
const COPIES = [{ key: "plain", text: "copy, measured", dash: "6 3" },
  { key: "streaming", text: "streaming copy", dash: "1.5 2.5" }];

// A panel per pass, at the most threads: a faint point per case, a line per backend through medians.
export function rooflineChart(view, groups, options = {}) {
  const dataOf = (group) => {
    const found = roofline(view, group);
    return { ...found, ids: found.lines.map(({ backend }) => backend) };
  };
  const found = passSheet(view, groups, { dataOf, left: LEFT, heights: 240,
    above: (parts) => (parts.some(({ caches }) => caches.length) ? 20 : 6) },
  { ...options, name: "roofline", heading: "Effective GB/s by working set" });
  if (!found) return null;
  const { sheet, parts, shown, boxes, titles, backends, native } = found;
  const points = parts.flatMap((part) => part.points);
  const sizes = limits(points.map(({ bytes }) => bytes), 1.4);
  const copies = parts.map(({ ceilings }) => COPIES.map(
    (copy) => ({ ...copy, points: inRange(ceilings[copy.key], sizes) })));
  // Nothing but what is drawn decides how far the panels reach: no decade is empty.
  const all = [...points, ...copies.flat().flatMap((copy) => copy.points)];
  const speeds = limits(all.map(({ gbs }) => gbs), 1.25);
  boxes.forEach((box, at) => {
    const x = logScale(sizes, box.x, box.x + box.width);
    const y = logScale(speeds, box.y + box.height, box.y);
    const place = ({ bytes, gbs }) => [x(bytes), y(gbs)];
    sheet.add(xAxis(box, x, binaryTicks(x, 56), tickText, "bytes per call"),
      yAxis(box, y, logTicks(y, 16), String, "GB/s"), cacheLines(box, x, parts[at].caches),
      copies[at].map((copy) => lineThrough(copy.points.map(place), { dash: copy.dash })));
    for (const { backend, points: medians } of slowestFirst(parts[at].lines, backends)) {
      const look = lookOf(view, backend);
      const hollow = native.has(backend);
      const own = parts[at].points.filter(({ row }) => row.backend === backend)
        .map((point) => ({ ...point, x: x(point.bytes), y: y(point.gbs) }));
      const tipOf = ({ row, gbs }) => rowTip(view, row, speedText(gbs));
      const marks = medians.map((median) => mark(look, ...place(median), { radius: 4, hollow,
        title: tip(view, backend, `median ${speedText(median.gbs)} at ${bytesText(median.bytes)}`) }));
      sheet.add(series(backend, cloud(look, own, points.length, options.background ? null : tipOf),
        lineThrough(medians.map(place), { stroke: look.ink, gap: hollow ? 5 : 0 }), marks));
    }
  });
  const drawn = COPIES.filter((_, at) => copies.some((own) => own[at].points.length));
  sheet.legend(backends, { native,
    extra: drawn.map(({ text, dash }) => ({ text, draw: lineSample(dash) })) });
  sheet.note("Points: cases. Lines: medians of ranges of the working set. GB/s is effective: compulsory "
    + "bytes / time.");
  const ordered = [...parts[0].points].sort((a, b) => a.gbs - b.gbs);
  const best = ordered.at(-1);
  return sheet.finish(`Effective GB/s against the working set for ${kindText(shown)}, with the measured `
    + `speed of copies and the sizes of the caches. ${titles[0]}: from ${speedText(ordered[0].gbs)} to ${
      speedText(best.gbs)}, the fastest is ${spokenOf(view, best.row.backend)} at ${bytesText(best.bytes)}.`);
}

function speedText(gbs) {
  return `${gbs < 99.95 ? gbs.toPrecision(3) : gbs.toFixed(0)} GB/s`;
}

// The part of a line of measured copies that is in the range, with its ends on the way to the next copies.
export function inRange(line, [low, high]) {
  const isIn = ({ bytes }) => low <= bytes && bytes <= high;
  const edges = line.slice(1).flatMap((point, at) => [low, high].filter(
    (edge) => line[at].bytes < edge && edge < point.bytes).map((edge) => {
    const share = Math.log(edge / line[at].bytes) / Math.log(point.bytes / line[at].bytes);
    return { bytes: edge, gbs: line[at].gbs * (point.gbs / line[at].gbs) ** share };
  }));
  return [...line.filter(isIn), ...edges].sort((a, b) => a.bytes - b.bytes);
}

// `64 KiB`.
export function tickText(bytes) {
  return bytesText(bytes).replace(/\.0+ /, " ");
}

// A line where each cache is full; its name above, with the size where there is room.
function cacheLines(box, x, caches) {
  const own = caches.filter(({ bytes }) => x.low < bytes && bytes < x.high).sort((a, b) => a.bytes - b.bytes);
  let end = box.x - 20;
  return own.map(({ level, bytes }, at) => {
    const place = x(bytes);
    const next = at + 1 < own.length ? x(own[at + 1].bytes) : 2 * (box.x + box.width) - place;
    const half = (text) => textWidth(text, 10) / 2;
    const text = [`L${level} ${tickText(bytes)}`, `L${level}`].find((found) => place - half(found) > end
      && place + 2 * half(found) < next);
    if (text) end = place + half(text) + 4;
    return [verticalAt(box, place, "2 3"),
      text ? label(place, box.y - 5, text, { size: 10, anchor: "middle", faint: true }) : null];
  });
}
