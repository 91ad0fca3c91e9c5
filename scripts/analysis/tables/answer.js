// The table of the answer, and the rankings behind it.
import { lineCases } from "../core/answer.js";
import { groupBy, keyOf, unique } from "../core/collections.js";
import { fullTitle, KEYS } from "../core/groups.js";
import { ALL_REGIMES, casesText } from "../core/rank.js";
import { FAILED } from "../core/rows.js";
import { ratioText } from "../core/text.js";
import { backendCell, backendColumns, column, estimateCell, NONE, numberCell, numeric, shapeCell } from "./model.js";

export const OWN_LAYOUT = "* its data was already in the library's own layout; the conversion is not timed, and it "
  + "has no rank.";

// Passes by backends: mean (worst). `table` is one of core/answer.js.
export function answerTable(view, table) {
  const native = new Set(table.columns.filter(({ isNative }) => isNative).map(({ backend }) => backend));
  return {
    id: "answer", caption: `${table.title}, time as a ratio to ${view.reference}: geometric mean (worst); above 1 is slower`,
    head: [column("pass"), numeric("shapes"),
      ...backendColumns(view, table.columns.map(({ backend }) => backend), (id) => native.has(id))],
    body: table.lines.map((line) => [line.title, { text: lineCases(line).replace(/ cases?/, ""), quiet: !line.group.isDecided },
      ...line.cells.map((cell, at) => answerCell(cell) || missing(view, line.group, table.columns[at].backend))]),
    note: native.size ? OWN_LAYOUT : "",
  };
}

// Who failed where others have a time.
function missing(view, { keys }, backend) {
  const hasFailed = view.rows.some((row) => row.backend === backend && FAILED.includes(row.outcome)
    && KEYS.every((key) => row[key] === keys[key]));
  return hasFailed ? { text: "failed", bad: true } : NONE;
}

function answerCell(cell) {
  if (!cell) return null;
  const { estimate, worst, mark } = cell;
  return { text: ratioText(estimate.ratio) + (mark === "tied" ? " =" : ""), note: `(${ratioText(worst.ratio)})`,
    value: estimate.ratio, strong: mark !== "", quiet: estimate.spread === "range", row: worst.row,
    interval: estimate };
}

// Per group its standings over all regimes and in each: [{keys, title, table}].
export function rankingTables(view) {
  return [...groupBy(view.groups, (group) => keyOf(group.keys, KEYS)).values()].map((groups) => ({
    keys: groups[0].keys, title: fullTitle(groups[0].keys), table: rankingTable(view, groups),
    leftOut: groups.flatMap((group) => group.leftOut.map(([backend, count]) => (
      `${regimeText(group)}: ${view.backends.get(backend).label} is not ranked, timed in ${count} of `
        + `${group.total} cases.`))),
  }));
}

function regimeText({ regime }) {
  return regime === ALL_REGIMES ? "all regimes" : regime;
}

function rankingTable(view, groups) {
  return {
    id: "ranking", caption: `${fullTitle(groups[0].keys)}, over all regimes and in each`,
    head: [column("regime"), column("cases"), numeric("rank"), column("backend"),
      numeric(`ratio to ${view.reference}`), numeric("wins"), numeric("worst"), column("worst shape")],
    body: groups.flatMap((group) => group.standings.filter(({ backend }) => view.isShown(backend))
      .map((standing) => standingCells(view, group, standing))),
  };
}

function standingCells(view, group, standing) {
  const against = view.baseline === null ? standing : standing.against;
  const isTop = standing.rank === 1;
  return [regimeText(group), casesText({ cases: standing.ratio.count, total: group.total }),
    standing.rank === null ? NONE : { text: `${standing.rank}${isTop && group.leaders.length > 1 ? " =" : ""}`,
      value: standing.rank, strong: isTop },
    backendCell(view, standing.backend, standing.isNative),
    against ? estimateCell(against.ratio, { strong: isTop, count: against.ratio.count }) : NONE,
    { text: `${standing.wins}${standing.shared ? ` (+${standing.shared})` : ""}`, value: standing.wins },
    numberCell(against && against.worst.ratio, ratioText), against ? shapeCell(against.worst.row) : NONE];
}

// The names of the backends that a run has, for who does not know them: id, label, what it is.
export function namesTable(view) {
  const kinds = { library: "a library", ours: "ours, not a library", other: "neither a library known here nor ours" };
  return {
    id: "names", caption: "Who is who", head: [column("name in commands"), column("backend"), column("what it is")],
    body: unique(view.rows.map((row) => row.backend)).map((id) => {
      const { kind, isOld, year } = view.backends.get(id);
      return [{ text: id, code: true }, backendCell(view, id), kinds[kind] + (isOld ? `, of ${year}` : "")];
    }),
  };
}
