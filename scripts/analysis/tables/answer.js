// The table of the answer, and the rankings behind it.
import { answerTable as settingTable, cellOf, lineCases, markOf } from "../core/answer.js";
import { groupBy, keyOf, unique } from "../core/collections.js";
import { fullTitle, isOf, kindTitle, KEYS, titlesIn } from "../core/groups.js";
import { ALL_REGIMES, casesText } from "../core/rank.js";
import { FAILED } from "../core/rows.js";
import { countText, ratioText } from "../core/text.js";
import { backendCell, backendColumns, estimateCell, marksNote, NONE, numberCell, numeric, shapeCell }
  from "./model.js";

const SIGNS = { winner: "", tied: " =", "": "" };

// Passes by backends: mean (worst). `table` is one of core/answer.js.
export function answerTable(view, { title, columns, lines }) {
  return {
    id: "answer",
    caption: `${title}, time as a ratio to ${view.reference}: geometric mean (worst); above 1 is slower`,
    head: ["pass", numeric("shapes"), ...headOf(view, columns)],
    body: lines.map(({ title: pass, group, cells }) => [pass,
      { text: lineCases({ group }).replace(/ cases?/, ""), quiet: !group.isDecided },
      ...cells.map((cell, at) => (cell ? answerCell(cell) : missing(view, group, columns[at].backend)))]),
    note: marksNote(columns),
  };
}

function headOf(view, columns) {
  return backendColumns(view, columns.map(({ backend }) => backend),
    (id) => columns.find(({ backend }) => backend === id));
}

// Who failed where others have a time.
function missing(view, group, backend) {
  const hasFailed = view.rows.filter(isOf(group)).some(
    (row) => row.backend === backend && FAILED.includes(row.outcome));
  return hasFailed ? { text: "failed", bad: true } : NONE;
}

function answerCell({ estimate, worst, mark }) {
  return { text: ratioText(estimate.ratio) + SIGNS[mark], note: `(${ratioText(worst.ratio)})`,
    value: estimate.ratio, strong: mark !== "", quiet: estimate.spread === "range", row: worst.row,
    interval: estimate };
}

// Per group its standings over all regimes and in each: [{keys, title, table}].
export function rankingTables(view) {
  return [...groupBy(view.groups, (group) => keyOf(group.keys, KEYS)).values()].map((groups) => ({
    keys: groups[0].keys, title: fullTitle(groups[0].keys), table: rankingTable(view, groups),
    leftOut: groups.flatMap((group) => group.leftOut.map(([backend, count]) => (
      `${regimeText(group)}: ${view.label(backend)} is not ranked, timed in ${count} of `
        + `${group.total} cases.`))),
  }));
}

function regimeText({ regime }) {
  return regime === ALL_REGIMES ? "all regimes" : regime;
}

function rankingTable(view, groups) {
  return {
    id: "ranking", caption: `${fullTitle(groups[0].keys)}, over all regimes and in each`,
    head: ["regime", "cases", numeric("rank"), "backend", numeric(`ratio to ${view.reference}`), numeric("wins"),
      numeric("worst"), "worst shape"],
    body: groups.flatMap((group) => group.standings.filter(({ backend }) => view.isShown(backend))
      .map((standing) => standingCells(view, group, standing))),
  };
}

function standingCells(view, group, standing) {
  const { backend, rank, wins, shared } = standing;
  const { estimate, worst } = cellOf(view, group, backend) || {};
  const mark = markOf(group, standing);
  return [regimeText(group), casesText({ cases: standing.ratio.count, total: group.total }),
    numberCell(rank, (own) => own + SIGNS[mark], { strong: mark !== "" }), backendCell(view, backend, standing),
    estimateCell(estimate, { strong: mark !== "" }),
    { text: `${wins}${shared ? ` (+${shared})` : ""}`, value: wins },
    numberCell(worst && worst.ratio, ratioText), worst ? shapeCell(worst.row) : NONE];
}

// Regimes by backends: a line for each of `groups`, with its setting in front.
export function regimesTable(view, groups) {
  const { columns, lines } = settingTable(view, groups);
  const title = titlesIn(groups.map(({ keys }) => keys));
  return {
    id: "regimes", caption: `Ratio to ${view.reference}: ${kindTitle(groups[0].keys)}`,
    head: ["setting", "data in", ...headOf(view, columns)],
    body: lines.map(({ group, cells }) => [title(group.keys),
      { text: regimeText(group), note: casesText(group) },
      ...cells.map((cell, at) => regimeCell(group, columns[at].backend, cell))]),
    note: marksNote(columns),
  };
}

function regimeCell(group, id, cell) {
  if (!cell) return NONE;
  const { rank, wins } = group.standings.find(({ backend }) => backend === id);
  const { estimate, worst, mark } = cell;
  return estimateCell(estimate, { text: ratioText(estimate.ratio) + SIGNS[mark], strong: mark !== "",
    title: `rank ${rank ?? "none"}, ${countText(wins, "win")}, worst ${ratioText(worst.ratio)}` });
}

// The names of the backends that a run has, for who does not know them: id, label, what it is.
export function namesTable(view) {
  const kinds = { library: "a library", ours: "ours, not a library",
    other: "neither a library known here nor ours" };
  return {
    id: "names", caption: "Who is who", head: ["name in commands", "backend", "what it is"],
    body: unique(view.rows.map((row) => row.backend)).map((id) => {
      const { kind, isOld, year } = view.backends.get(id);
      return [{ text: id, code: true }, backendCell(view, id), kinds[kind] + (isOld ? `, of ${year}` : "")];
    }),
  };
}
