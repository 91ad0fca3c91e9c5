// All pictures of a view, as the report has them beside its text.
import { groupBy, keyOf } from "../core/collections.js";
import { KIND } from "../core/groups.js";
import { accuracyChart } from "./accuracy.js";
import { heatChart } from "./heat.js";
import { profileChart } from "./profile.js";
import { rankingChart } from "./ranking.js";
import { rooflineChart } from "./roofline.js";
import { scalingChart } from "./scaling.js";

const MOST_KINDS = 3;
const CHARTS = [rankingChart, profileChart, heatChart, rooflineChart, scalingChart, accuracyChart];

// [{name, number, fileName, alt, tree}] of the first kinds of work (norm, dtype, layout): ranking.svg,
// heat.svg..., ranking-2.svg... serialize() of svg.js makes the text of a file of a tree.
export function drawCharts(view, options = { background: true }) {
  const kinds = [...groupBy(view.whole, ({ keys }) => keyOf(keys, KIND)).values()];
  return kinds.slice(0, MOST_KINDS).flatMap((groups, at) => CHARTS.map((draw) => draw(view, groups, options))
    .filter(Boolean).map((chart) => ({ ...chart, number: at + 1,
      fileName: `${chart.name}${at ? `-${at + 1}` : ""}.svg` })));
}
