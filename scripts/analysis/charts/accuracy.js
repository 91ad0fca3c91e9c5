// Whether speed is bought with accuracy: the error in units of its bound against the ratio of times.
import { accuracyPoints } from "../core/accuracy.js";
import { largest } from "../core/statistics.js";
import { listText, ratioText } from "../core/text.js";
import { lineSample, passSheet, series, xAxis, yAxis } from "./frame.js";
import { cloud, lineThrough, lookOf, mark, referenceText, rowTip, spokenOf, tip } from "./marks.js";
import { kindText, slowestFirst } from "./panels.js";
import { limits, logScale, logTicks } from "./scales.js";

const LEFT = 58;
const LEAST = 1e-4; // smaller errors, and none, are drawn here
const BOUND = "6 3";

// A panel per pass, at the most threads: cases faintly, the worst error at the mean ratio large.
export function accuracyChart(view, groups, options = {}) {
  const what = `Worst error in units of its bound, by time as a ratio to ${referenceText(view)}`;
  const dataOf = (group) => {
    const found = accuracyPoints(view, group);
    return { ...found, ids: found.means.map(({ backend }) => backend) };
  };
  const found = passSheet(view, groups, { dataOf, left: LEFT, heights: 220 },
    { ...options, name: "accuracy", heading: what });
  if (!found) return null;
  const { sheet, parts, shown, boxes, backends, native } = found;
  const points = parts.flatMap((part) => part.points);
  const drawn = (error) => Math.max(LEAST, error);
  const ratios = limits([1, ...points.map(({ ratio }) => ratio)], 1.2);
  const errors = limits([1, ...points.map(({ error }) => drawn(error))], 1.3);
  const across = `time / ${view.baseline === null ? "best" : referenceText(view)}`;
  boxes.forEach((box, at) => {
    const x = logScale(ratios, box.x, box.x + box.width);
    const y = logScale(errors, box.y + box.height, box.y);
    sheet.add(xAxis(box, x, logTicks(x, 30), String, across),
      yAxis(box, y, logTicks(y, 18), tickText, "error / bound"),
      lineThrough([[box.x, y(1)], [box.x + box.width, y(1)]], { dash: BOUND }));
    for (const { backend, ratio, error } of slowestFirst(parts[at].means, backends)) {
      const look = lookOf(view, backend);
      const own = parts[at].points.filter(({ row }) => row.backend === backend)
        .map((point) => ({ ...point, x: x(point.ratio), y: y(drawn(point.error)) }));
      const tipOf = (point) => rowTip(view, point.row, `error ${errorText(point.error)} of its bound`);
      sheet.add(series(backend, cloud(look, own, points.length, options.background ? null : tipOf),
        mark(look, x(ratio), y(drawn(error)), { radius: 5.5, hollow: native.has(backend),
          title: tip(view, backend, `worst error ${errorText(error)} of its bound`,
            `mean ratio ${ratioText(ratio)}`) })));
    }
  });
  sheet.legend(backends, { native, extra: [{ text: "bound", draw: lineSample(BOUND) }] });
  sheet.note("Small: cases. Large: the worst error of all cases, at the geometric mean of the ratios.");
  const means = parts.flatMap((part) => part.means);
  const worst = backends.map((backend) => [largest(means.filter((mean) => mean.backend === backend)
    .map(({ error }) => error)), backend]).sort(([a], [b]) => a - b);
  const texts = worst.map(([error, backend]) => `${spokenOf(view, backend)} ${errorText(error)}`);
  return sheet.finish(`${what}, for ${kindText(shown)}; 1 is the limit. Worst per backend: ${
    listText(texts)}.`);
}

// `0.01`, `1e-3`.
function tickText(error) {
  return error < 0.01 ? error.toExponential() : String(error);
}

function errorText(error) {
  return error >= 0.1 || error === 0 ? ratioText(error) : error.toPrecision(2);
}
