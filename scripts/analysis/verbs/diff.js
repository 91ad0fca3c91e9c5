// normbench diff: what changed between two sides of runs, for a person and as a gate.
import { FAILS, findChanges, setupDifferences, THRESHOLD } from "../core/changes.js";
import { UserError } from "../core/errors.js";
import { changeFloorText } from "../tables/runs.js";
import { outcomeText, ratioText, spreadText, timeText } from "../core/text.js";
import { FILTERS, FORMAT, patternsOf } from "./options.js";
import { readRun } from "./files.js";
import { hoist, textTable, wrap } from "./format.js";
import { write, writeJson } from "./streams.js";

export const VERB = "diff";
export const ABOUT = `Compares runs row by row, NEW / OLD: 'diff OLD NEW', or several a side,
'diff OLD... -- NEW...', such as 'normbench run CONFIG --repeat 3 --against OTHER' prints. With several runs a
side the run is the unit, the fastest run of a side is its time, and a backend is judged as a whole, too. With
one a side, a row must also change by more than the copies and the other backends did.

Exit code 4: something got slower, failed, or is gone. 6: cannot tell, a backend (with one run a side, or fewer
than six rows: a row) looks slower by more than the threshold but not surely; make more runs. 0: neither.`;
export const ARGUMENTS = { least: 2, most: Infinity, what: "OLD... -- NEW..." };
export const OPTIONS = {
  threshold: { type: "string", value: "RATIO", default: String(THRESHOLD),
    text: `slower than this is a regression (default: ${THRESHOLD})` },
  all: { type: "boolean", text: "list the rows that are the same, too" },
  "allow-gone": { type: "boolean", text: "rows that were timed in OLD may be missing in NEW" },
  ...FORMAT("text", "json"), ...FILTERS,
};
const EXIT = { fine: 0, regression: 4, cannotTell: 6 };
const MARKS = { slower: "SLOWER", broken: "BROKEN", gone: "GONE", undecided: "?", faster: "faster", new: "new",
  same: "" };

export function run(options) {
  const threshold = Number(options.threshold);
  if (!(threshold >= 1 && threshold < Infinity)) {
    throw new UserError(`--threshold '${options.threshold}' is no ratio of at least 1`);
  }
  const [olds, recents] = sidesOf(options).map((folders) => folders.map((folder) => readRun(folder)));
  const wanted = new Set([...olds, ...recents].flatMap((own) => {
    const { rows, shown } = patternsOf(own, options);
    return rows.filter((row) => shown.has(row.backend)).map((row) => `${row.backend} ${row.case}`);
  }));
  const found = findChanges(olds, recents, threshold, (row) => wanted.has(`${row.backend} ${row.case}`));
  const inBoth = found.rows.filter(({ before, after }) => before && after).length;
  if (!inBoth) {
    throw new UserError(`${options.arguments.join(" and ")} have no case and backend in common, compare runs of `
      + "one config");
  }
  const differences = setupDifferences(olds, recents);
  if (options.format === "json") writeJson(asJson(found, differences, olds, recents));
  else write(asText(found, differences, olds, recents, options.all));
  const fails = FAILS.filter((change) => change !== "gone" || !options["allow-gone"]);
  if ([...found.rows, ...found.backends].some(({ change }) => fails.includes(change))) return EXIT.regression;
  // Of many rows some look slower by chance: where their backend as a whole is told, that counts.
  const told = new Set(found.backends.filter(({ estimate }) => estimate.spread === "interval")
    .map(({ backend }) => backend));
  const doubtful = [...found.backends, ...found.rows.filter(({ backend }) => !told.has(backend))]
    .filter(({ change, estimate }) => change === "undecided" && estimate.ratio > 1);
  return doubtful.length ? EXIT.cannotTell : EXIT.fine;
}

function sidesOf({ arguments: folders, before }) {
  if (before === null && folders.length > 2) {
    throw new UserError(`${folders.length} folders and no --: say which are the old ones, `
      + "'normbench diff OLD... -- NEW...'");
  }
  const at = before ?? 1;
  const sides = [folders.slice(0, at), folders.slice(at)];
  if (sides.some((side) => !side.length)) {
    throw new UserError("one side of -- has no folder, give 'OLD... -- NEW...'");
  }
  return sides;
}

function asJson(found, differences, olds, recents) {
  return { old: olds.map((own) => own.path), new: recents.map((own) => own.path), threshold: found.threshold,
    run_to_run_floor: found.floor, differences, backends: found.backends, counts: Object.fromEntries(found.counts),
    rows: found.rows.map(({ case: id, backend, before, after, estimate, change }) => ({ case: id, backend, change,
      outcome_old: before && before.outcome, outcome_new: after && after.outcome, old_ns: before && before.ns,
      new_ns: after && after.ns, ratio: estimate.ratio, lo: estimate.lo, hi: estimate.hi,
      count: estimate.count })) };
}

function asText({ rows, backends, counts, floor, threshold, sides }, differences, olds, recents, isWhole) {
  const listed = rows.filter(({ change }) => isWhole || change !== "same");
  const setup = differences.map(({ what, old, recent }) => `Different ${what}: OLD ${old}, NEW ${recent}. `
    + "The ratios compare more than the code.");
  const numbers = counts.map(([change, count]) => `${count} ${change === "undecided" ? "undecided (?)" : change}`);
  return `${[
    ...wrap([...setup, `Time as a ratio NEW / OLD: above 1 is slower in NEW. SLOWER: the whole interval is above ${
      threshold}.`, changeFloorText({ floor, threshold, sides }), `Rows: ${numbers.join(", ")}.`]),
    ...(backends.length ? ["", textTable(backendTable(backends))] : []),
    ...(listed.length ? ["", ...rowLines(listed)] : []),
    ...(listed.length < rows.length ? ["", "Rows that are the same are listed with --all."] : []),
    "", ...wrap(gone(rows)),
  ].join("\n").trimEnd()}\n`;
}

function rowLines(rows) {
  const [pattern, short] = hoist(rows.map((row) => row.case));
  return [...wrap([`cases ${pattern}`]), "", textTable({
    head: ["case", "backend", "old", "new", "ratio", "interval", ""],
    body: rows.map((row, at) => [short[at], row.backend, sideText(row.before), sideText(row.after),
      row.estimate.ratio === null ? "" : ratioText(row.estimate.ratio),
      row.estimate.ratio === null ? "" : spreadText(row.estimate),
      [MARKS[row.change], choiceText(row)].filter(Boolean).join(" ")]) }, [0, 1])];
}

function backendTable(backends) {
  return { head: ["geometric mean of", "rows", "ratio", "interval", ""],
    body: backends.map(({ backend, rows, estimate, change }) => [backend, String(rows), ratioText(estimate.ratio),
      spreadText(estimate), MARKS[change]]) };
}

// What the backend chose, where it was something else before and the row may have changed.
function choiceText({ before, after, change }) {
  if (change === "same" || !before || !after || before.ns === null || after.ns === null) return "";
  const [old, recent] = [before, after].map(({ detail }) => detail || "nothing");
  return old === recent ? "" : `now ${recent}, was ${old}`;
}

function sideText(side) {
  if (!side) return "not there";
  return side.ns === null ? outcomeText(side.outcome) : timeText(side.ns);
}

function gone(rows) {
  const names = rows.filter(({ change }) => change === "gone")
    .map(({ backend, case: id }) => `${backend} in ${id}`);
  return names.length ? [`Gone, timed in OLD and not in NEW (--allow-gone lets them): ${
    names.slice(0, 10).join("; ")}${names.length > 10 ? ` and ${names.length - 10} more` : ""}.`] : [];
}
