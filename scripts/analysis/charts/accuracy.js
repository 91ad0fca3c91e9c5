// Whether speed is bought with accuracy: the error in units of its bound against the ratio of times.
import { accuracyPoints } from "../core/accuracy.js";
import { largest } from "../core/statistics.js";
import { listText, ratioText } from "../core/text.js";
import { backendsIn, columnsFor, firstSetting, kindText, lineSample, makeSheet, panelTitles, series, slowestFirst, withRows,
  xAxis, yAxis,
} from "./frame.js";
import { cloud, lineThrough, lookOf, mark, referenceText, rowTitle } from "./marks.js";
import { limits, logScale, logTicks } from "./scales.js";

const LEFT = 58;
const LEAST = 1e-4; // smaller errors, and none, are drawn here
const BOUND = "6 3";

// A panel per pass, at the most threads: cases faintly, the worst error at the mean ratio large.
export function accuracyChart(view, groups, options = {}) {
  const parts = firstSetting(groups).map((group) => ({ group, ...accuracyPoints(view, withRows(view, group)) }))
    .filter(({ points }) => points.length);
  if (!parts.length) return null;
  const { width = 800, background = false } = options;
  const shown = parts.map(({ group }) => group);
  const sheet = makeSheet(view, shown, { ...options, name: "accuracy",
    heading: `Worst error in units of its bound, by time as a ratio to ${referenceText(view)}` });
  const points = parts.flatMap((part) => part.points);
  const { backends, native } = backendsIn(view, shown, points.map(({ row }) => row.backend));
  const clamped = (error) => Math.max(LEAST, error);
  const ratios = limits([1, ...points.map(({ ratio }) => ratio)], 1.2);
  const errors = limits([1, ...points.map(({ error }) => clamped(error))], 1.3);
  const columns = columnsFor(shown, width, LEFT);
  const titles = panelTitles(shown);
  const boxes = sheet.panels(titles.map((title) => [title]), columns, { left: LEFT, heights: 220 });
  boxes.forEach((box, at) => {
    const x = logScale(ratios, box.x, box.x + box.width);
    const y = logScale(errors, box.y + box.height, box.y);
    sheet.add(xAxis(box, x, logTicks(x, 30), String, `time / ${view.baseline === null ? "best" : referenceText(view)}`),
      yAxis(box, y, logTicks(y, 18), String, "error / bound"),
      lineThrough([[box.x, y(1)], [box.x + box.width, y(1)]], { stroke: "currentColor", width: 1.4, dash: BOUND }));
    for (const { backend, ratio, error } of slowestFirst(parts[at].means, backends)) {
      const look = lookOf(view, backend);
      const own = parts[at].points.filter(({ row }) => row.backend === backend);
      sheet.add(series(backend, cloud(look, own.map((point) => ({ ...point, x: x(point.ratio), y: y(clamped(point.error)) })),
        points.length, background ? null : (point) => rowTitle(view, point.row, `error ${errorText(point.error)} of its bound`)),
      mark(look, x(ratio), y(clamped(error)), { radius: 5.5, hollow: native.has(backend),
        title: `${view.backends.get(backend).label}\nworst error ${errorText(error)} of its bound, mean ratio ${ratioText(ratio)}` })));
    }
  });
  sheet.legend(backends, { native, extra: [{ text: "bound", draw: lineSample(BOUND) }] });
  sheet.note("Small: cases. Large: the worst error of all cases, at the geometric mean of the ratios.");
  const worst = backends.map((backend) => ({ backend, error: largest(parts.flatMap(({ means }) => means)
    .filter((mean) => mean.backend === backend).map(({ error }) => error)) })).sort((a, b) => a.error - b.error);
  return sheet.finish(`Worst error in units of the bound, where 1 is the limit, against the time as a ratio to ${
    referenceText(view)}, for ${kindText(shown)}. Worst per backend: ${listText(worst.map(({ backend, error }) => (
    `${view.backends.get(backend).spoken} ${errorText(error)}`)))}.`);
}

function errorText(error) {
  return error >= 0.1 || error === 0 ? ratioText(error) : error.toPrecision(2);
}
