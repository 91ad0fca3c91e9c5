// Performance profile: in which share of the cases a backend is within a factor of the best.
import { FACTORS, performanceProfile } from "../core/profile.js";
import { listText, percentText } from "../core/text.js";
import { passSheet, series, xAxis, yAxis } from "./frame.js";
import { lookOf, mark, spokenOf, tip } from "./marks.js";
import { kindText, slowestFirst } from "./panels.js";
import { linearScale, logScale, logTicks } from "./scales.js";
import { el, round } from "./svg.js";

const LEFT = 58;
const FARTHEST = 10;

// A panel per pass with several cases, at the most threads: a curve of steps per backend, with its marker at
// FACTORS.
export function profileChart(view, groups, options = {}) {
  const dataOf = (group) => {
    const curves = performanceProfile(view, group);
    return { curves, ids: curves.some(({ cases }) => cases > 1) ? curves.map(({ backend }) => backend) : [] };
  };
  const found = passSheet(view, groups, { dataOf, left: LEFT, heights: 220 },
    { ...options, name: "profile", heading: "Share of the cases within a factor of the best" });
  if (!found) return null;
  const { sheet, parts, shown, boxes, titles, backends, native } = found;
  boxes.forEach((box, at) => {
    const x = logScale([1, FARTHEST], box.x, box.x + box.width);
    const y = linearScale([-0.03, 1.04], box.y + box.height, box.y);
    sheet.add(xAxis(box, x, logTicks(x, 28), String, "time / best, at most"),
      yAxis(box, y, [0, 0.25, 0.5, 0.75, 1], percentText, "share of cases"));
    for (const { backend, ratios, shares, cases } of slowestFirst(parts[at].curves, backends)) {
      const look = lookOf(view, backend);
      const marks = FACTORS.map((factor, place) => mark(look, x(factor), y(shares[place]), {
        radius: 4, hollow: native.has(backend), title: tip(view, backend,
          `within ${factor} times the best in ${percentText(shares[place])} of ${cases}`) }));
      sheet.add(series(backend, el("path", { d: stepPath(ratios, x, y), fill: "none", stroke: look.ink,
        "stroke-width": 1.6 }), marks));
    }
  });
  sheet.legend(backends, { native });
  sheet.note("Higher and further left is better. At 1: how often a backend is the best.");
  const texts = parts[0].curves.map(
    ({ backend, shares }) => `${spokenOf(view, backend)} ${percentText(shares[1])}`);
  return sheet.finish(`Performance profile for ${kindText(shown)}: in which share of the cases a backend is `
    + `within a factor of the best. ${titles[0]}, within ${FACTORS[1]} times: ${listText(texts)}.`);
}

// Steps up at each ratio, from 1 to the edge.
function stepPath(ratios, x, y) {
  const share = (ratio) => ratios.filter((own) => own <= ratio).length / ratios.length;
  const steps = ratios.filter((ratio) => ratio > 1 && ratio <= FARTHEST)
    .map((ratio) => `H${round(x(ratio))}V${round(y(share(ratio)))}`);
  return `M${round(x(1))} ${round(y(share(1)))}${steps.join("")}H${round(x(FARTHEST))}`;
}
