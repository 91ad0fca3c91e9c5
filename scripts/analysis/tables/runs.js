// Tables about several runs, and about what is missing in one.
import { accuracy, momentsLosses } from "../core/accuracy.js";
import { FAILS } from "../core/changes.js";
import { runHeading, sideBySide } from "../core/machines.js";
import { gaps, remarks } from "../core/notes.js";
import { digitsText, outcomeText, passText, ratioText, timeText, ulpText } from "../core/text.js";
import { backendCell, estimateCell, NONE, numberCell, numeric, unlessEmpty } from "./model.js";

// Passes by backends, a column per run: machine and versions in the heading; shared cases only.
export function machinesTable(views, names) {
  const found = sideBySide(views);
  const label = (backend) => backendCell(views.find((view) => view.backends.has(backend)), backend);
  return { found, table: {
    id: "machines", caption: `Time as a ratio to the best of the same run, over ${found.cases} shared cases`,
    head: ["setting", numeric("cases"), "backend", ...found.runs.map(({ machine, libraries }, at) => (
      { ...numeric(`${names[at]}: ${machine}`), title: libraries }))],
    body: found.lines.flatMap(({ title, cases, backends }) => backends.map(({ backend, cells }) => [
      title, numberCell(cases), label(backend),
      ...cells.map((cell) => (cell ? versionCell(cells, cell) : NONE))])) } };
}

// With the version, where they differ.
function versionCell(cells, { label, estimate }) {
  const cell = estimateCell(estimate);
  return cells.every((other) => !other || other.label === label) ? cell
    : { ...cell, note: `${cell.note} ${label}` };
}

// What the runs are: a line each.
export function runsTable(views, names) {
  return { id: "runs", caption: "Every run by itself",
    head: ["run", "date", "machine", "last cache", "libraries", "noise floor"], body: views.map((view, at) => {
      const { date, machine, cache, libraries, noise } = runHeading(view);
      return [names[at], date, machine, cache, libraries, noise].map((text) => text || "-");
    }) };
}

// What a row must change by: `found` is of core/changes.js.
export function changeFloorText({ floor: [least, most], threshold, sides: [old, recent] }) {
  const [low, high] = [least, most].map((ratio) => ratioText(Math.max(ratio, threshold)));
  if (old > 1 || recent > 1) {
    return `${old} and ${recent} runs: the unit is the run. A row by itself must change by more than ${high} `
      + "times, as 19 of 20 rows differ by less between runs of one side.";
  }
  return `One run a side: a row must change by more than ${low === high ? low : `${low} to ${high}`} times${
    most > threshold ? ", which is no more than what did not change, the copies and the other backends, differs "
      + "by (squared)" : ""}. Three a side tell more: run --repeat 3.`;
}

// `rows` are of core/changes.js.
export function changesTable(view, rows) {
  const shown = rows.filter(({ change }) => change !== "same");
  return { id: "changes", caption: "Rows that changed",
    head: ["change", "backend", "case", numeric("old"), numeric("new"), numeric("new / old")],
    body: shown.map(({ change, backend, case: id, before, after, estimate, row }) => [
      { text: change, strong: FAILS.includes(change) }, { text: view.label(backend), backend },
      { text: id, code: true, row }, sideCell(before), sideCell(after),
      estimate.ratio === null ? NONE : estimateCell(estimate)]) };
}

function sideCell(side) {
  if (!side) return { text: "not there" };
  return side.ns === null ? { text: outcomeText(side.outcome), title: side.reason }
    : { text: timeText(side.ns), value: side.ns };
}

export function accuracyTables(view) {
  const found = accuracy(view);
  return { ...found, moments: momentsTexts(view), tables: found.tables.map(({ kind, title, backends, lines }) => ({
    id: "accuracy", caption: kind === null ? `${title}: worst error, in units of its bound (grade claimed)`
      : `${title}: worst error in units of its bound / in ulp (grade claimed)`,
    head: ["norm", "pass", "dtype", ...backends.map((backend) => backendCell(view, backend))],
    body: lines.map(({ norm, pass, dtype, cells }) => [
      norm, passText(pass), dtype, ...cells.map(accuracyCell)]) })) };
}

// `dlib 19.24.0: variance by moments, cancels: off by up to 3e-5 of itself on random input`: [text].
export function momentsTexts(view) {
  return [...momentsLosses(view)].map(([backend, kinds]) => `${view.label(backend)}: variance by moments, cancels: ${
    [...kinds].map(([kind, loss]) => lossText(kind, loss)).filter(Boolean).join("; ")}`);
}

function lossText(kind, { relative, values, negative, nan }) {
  if (!relative && !negative && !nan) return "";
  return [`${relative ? `off by up to ${digitsText(relative)} of itself ` : ""}on ${kind} input`,
    negative ? `${negative} of ${values} negative` : "", nan ? `${nan} of ${values} NaN` : ""]
    .filter(Boolean).join(", ");
}

function accuracyCell(cell) {
  if (!cell) return NONE;
  const parts = [cell.bound === null ? null : ratioText(cell.bound), cell.ulp === null ? null : ulpText(cell.ulp)];
  const text = parts.filter((part) => part !== null).join(" / ") || "-";
  return { text, value: cell.bound ?? undefined, note: [
    cell.grades.length && text !== "-" ? `(${cell.grades.join("/")})` : "",
    cell.failed ? `${cell.failed} not passed` : ""].filter(Boolean).join(" "), strong: cell.failed > 0 };
}

export function gapsTable(view) {
  return unlessEmpty({ id: "gaps", caption: "Why rows have no time",
    head: ["backend", "outcome", "reason", numeric("cases")],
    body: gaps(view).map(({ backend, outcome, isFailure, reason, cases }) => [
      view.backends.has(backend) ? backendCell(view, backend) : backend, { text: outcome, bad: isFailure },
      reason || "-",
      cases === null ? "all" : numberCell(cases)]) });
}

export function remarksTable(view) {
  return unlessEmpty({ id: "remarks", caption: "Remarks", head: ["case", "backend", "remark"],
    body: remarks(view).map(({ row, remark }) => [
      { text: row.case, code: true, row }, backendCell(view, row.backend), remark]) });
}
