// The ranking: per kind of work an overview with regimes, a picture, and a table per group.
import { rankingChart } from "../../charts/ranking.js";
import { answerTable } from "../../core/answer.js";
import { groupBy, keyOf } from "../../core/collections.js";
import { KIND, kindTitle, titleOf } from "../../core/groups.js";
import { ALL_REGIMES, casesText, wholeGroups } from "../../core/rank.js";
import { countText, ratioText } from "../../core/text.js";
import { OWN_LAYOUT, rankingTables } from "../../tables/answer.js";
import { element, folded, note } from "../dom.js";
import { backendHead, chartWidth, idOf, nothing, picture } from "../names.js";
import { estimateCell, show, table } from "../tables.js";

export function rankingSection(view) {
  const kinds = [...groupBy(view.groups, ({ keys }) => keyOf(keys, KIND)).values()];
  if (!kinds.length) return nothing("No case was timed.");
  return [
    note(`Geometric mean of the time as a ratio to ${view.reference}: above 1 is slower. Below it the 95% `
      + "interval; with 2 to 5 cases only their range, in gray: nobody wins there. Bold is the best, = "
      + "cannot be told apart from it."),
    kinds.map((groups, at) => folded(element("h3", {}, kindTitle(groups[0].keys)),
      { class: "kind", open: at === 0 }, () => kindRanking(view, groups, at)))];
}

function kindRanking(view, groups, at) {
  const { columns } = answerTable(view, groups);
  const among = groups.map(({ keys }) => keys);
  return [
    table({
      id: `ranking-${at}`, section: "ranking", class: "matrix ranking", sortable: false, rows: groups,
      caption: `Ratio to ${view.reference}: ${kindTitle(groups[0].keys)}`,
      groupOf: ({ keys }) => titleOf(keys, among),
      columns: [{ key: "regime", head: "data in", cell: (group) => ({ node: [
        group.regime === ALL_REGIMES ? "all sizes" : group.regime,
        element("span", { class: "aside" }, casesText(group))] }) },
      ...columns.map(({ backend, isNative, label }) => ({ key: backend, numeric: true, always: true,
        head: backendHead(view, backend, `${label}${isNative ? " *" : ""}`),
        cell: (group) => standingCell(view, group, backend) }))],
    }),
    columns.some(({ isNative }) => isNative) ? note(OWN_LAYOUT) : null,
    picture(rankingChart(view, wholeGroups(groups), { width: chartWidth() })),
    folded("Ranks, wins and worst shapes", { class: "screen" }, () => rankingTables(view)
      .filter(({ keys }) => keyOf(keys, KIND) === keyOf(groups[0].keys, KIND))
      .map((own) => standings(view, own)))];
}

function standings(view, { keys, title, table: model, leftOut }) {
  return folded(element("h4", {}, title), { class: "group screen" }, () => [
    show(view, model, { id: `standings-${idOf(keys)}`, section: "ranking", group: 0, class: "standings" }),
    leftOut.map((text) => note(text))]);
}

function standingCell(view, group, backend) {
  const standing = group.standings.find((own) => own.backend === backend);
  const shown = standing && (view.baseline === null ? standing : standing.against);
  if (!shown) return null;
  const isTop = standing.rank === 1;
  return estimateCell(shown.ratio, { bold: isTop, mark: isTop && group.leaders.length > 1 ? "=" : "",
    title: `rank ${standing.rank ?? "none"}, ${countText(standing.wins, "win")}, worst ${
      ratioText(shown.worst.ratio)}` });
}
