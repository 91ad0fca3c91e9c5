// Tables about shapes: the matrix, one shape, all rows, cliffs, kernels.
import { CLIFF } from "../core/cliffs.js";
import { FACETS, facetValues } from "../core/filters.js";
import { fullTitle, titlesIn } from "../core/groups.js";
import { detailText, kernelTable as kernels } from "../core/kernels.js";
import { bandwidth, copyShare, FAILED, timesBound } from "../core/rows.js";
import { estimateText, percentText, ratioText, reproText, shortOutcome } from "../core/text.js";
import { backendCell, backendColumns, estimateCell, NONE, numberCell, numeric, rowCell, shapeCell, timeCell,
  unlessEmpty } from "./model.js";

const RELATION_MARKS = { tied: " =", undecided: " ?" };
const REPRODUCE = { text: "reproduce", isCommand: true };

// Shapes by backends: `matrix` is one of core/matrix.js.
export function matrixTable(view, matrix) {
  return {
    id: "shapes", caption: `${fullTitle(matrix.keys)}: time as a ratio to ${view.reference}`,
    head: ["shape", "name", "best", numeric("time"), ...backendColumns(view, matrix.backends, matrix.marksOf)],
    body: matrix.lines.map(({ row, best, cells }) => [
      { text: shapeCell(row).text, value: row.elements, row }, row.name || "-",
      best ? backendCell(view, best.backend) : NONE, best ? timeCell(best) : NONE,
      ...matrix.backends.map((backend) => matrixCell(cells.get(backend)))]),
  };
}

function matrixCell(cell) {
  if (!cell) return NONE;
  if (!cell.estimate) return outcomeCell(cell.row);
  return { text: ratioText(cell.estimate.ratio) + (RELATION_MARKS[cell.relation] || ""),
    value: cell.estimate.ratio, strong: cell.relation === "reference", ratio: cell.estimate.ratio,
    title: estimateText(cell.estimate), row: cell.row };
}

function outcomeCell(row) {
  return { text: shortOutcome(row), title: row.reason, bad: FAILED.includes(row.outcome) };
}

// What was measured of a row, in the columns of measured().
function measuredHead(view, hasBound) {
  return [numeric("time"), numeric(`ratio to ${view.reference}`), numeric("GB/s"), numeric("% of copy"),
    ...(hasBound ? [numeric("times bound")] : []), "kernel", numeric("error"), REPRODUCE];
}

function measured(view, row, hasBound) {
  return [row.timed ? timeCell(row) : outcomeCell(row), ratioCell(view.toShown.get(row.index)),
    numberCell(bandwidth(row), (value) => value.toFixed(1)), numberCell(copyShare(row), percentText),
    ...(hasBound ? [numberCell(timesBound(row), ratioText)] : []),
    (row.timed ? detailText(row) : row.reason || detailText(row)) || "-", numberCell(row.error, ratioText),
    commandCell(row)];
}

function ratioCell(record) {
  if (!record) return NONE;
  return estimateCell(record.estimate, { strong: record.relation === "reference",
    text: ratioText(record.estimate.ratio) + (RELATION_MARKS[record.relation] || "") });
}

function commandCell(row) {
  return { text: reproText(row), code: true };
}

// All rows of one case, the fastest first, those without a time last.
export function caseTable(view, rows) {
  const hasBound = rows.some((row) => row.bound_ns !== null);
  const time = (row) => (row.timed ? row.median_ns : Infinity);
  return { id: "case", caption: rows[0].case, head: ["backend", ...measuredHead(view, hasBound)],
    body: [...rows].sort((a, b) => time(a) - time(b)).map((row) => [
      rowCell(view, row), ...measured(view, row, hasBound)]) };
}

// All shown rows, in the order of the run, with what differs between its cases.
export function rowsTable(view) {
  const facets = FACETS.filter((facet) => facet !== "regime" && facetValues(view.run, facet).length > 1);
  const hasBound = view.run.rows.some((row) => row.bound_ns !== null);
  return { id: "rows", caption: "Rows", body: view.shownRows,
    head: ["shape", "name", ...facets, "data in", "backend", ...measuredHead(view, hasBound)],
    cellsOf: (row) => [{ ...shapeCell(row), note: "" }, row.name,
      ...facets.map((facet) => ({ text: String(row[facet]), value: row[facet] })),
      { text: row.regime, value: view.schema.regimes.indexOf(row.regime) },
      rowCell(view, row), ...measured(view, row, hasBound)] };
}

// `cliffs` are some of core/cliffs.js.
export function cliffTable(view, cliffs) {
  const title = titlesIn(view.timed);
  return {
    id: "cliffs", caption: "Cliffs, the steepest first",
    head: ["backend", "shape", "setting", numeric("time"), numeric("ratio to the best"), "far off", "kernel",
      REPRODUCE],
    body: cliffs.map(({ row, estimate, reasons }) => [
      rowCell(view, row), shapeCell(row), title(row),
      timeCell(row), estimate ? estimateCell(estimate, { strong: estimate.ratio > CLIFF }) : NONE,
      reasons.join(", "), detailText(row) || "-", commandCell(row)]),
  };
}

export function kernelTable(view) {
  return unlessEmpty({
    id: "kernels", caption: "Kernels that were dispatched: time as a ratio to the best, mean (worst)",
    head: ["backend", "norm", "kernel", numeric("rows"), numeric("mean"), numeric("worst"), "where", "what it is"],
    body: kernels(view).map(({ backend, norm, kernel, meaning, rows, ratio, worst, where, ...marks }) => [
      backendCell(view, backend, marks), norm, { text: kernel, code: true }, numberCell(rows),
      numberCell(ratio.ratio, ratioText), numberCell(worst.ratio, ratioText, { row: worst.row }), where,
      meaning || "-"]),
  });
}
