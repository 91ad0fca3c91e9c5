// Tables about shapes: the matrix, one shape, cliffs, kernels.
import { CLIFF } from "../core/cliffs.js";
import { fullTitle, titleOf } from "../core/groups.js";
import { detailText, kernelTable as kernels } from "../core/kernels.js";
import { bandwidth, copyShare, FAILED, timesBound } from "../core/rows.js";
import { estimateText, percentText, ratioText, reproText, shortOutcome, timeText } from "../core/text.js";
import { backendCell, backendColumns, column, estimateCell, NONE, numberCell, numeric, shapeCell,
  timeCell } from "./model.js";

const RELATION_MARKS = { tied: " =", undecided: " ?" };

// Shapes by backends: `matrix` is one of core/matrix.js.
export function matrixTable(view, matrix) {
  return {
    id: "shapes", caption: `${fullTitle(matrix.keys)}: time as a ratio to ${view.reference}`,
    head: [column("shape"), column("name"), column("best"), numeric("time"),
      ...backendColumns(view, matrix.backends, matrix.isNative)],
    body: matrix.lines.map(({ row, best, cells }) => [
      { text: shapeCell(row).text, value: row.elements, row }, row.name || "-",
      best ? backendCell(view, best.backend) : NONE, best ? timeCell(best) : NONE,
      ...matrix.backends.map((backend) => matrixCell(cells.get(backend)))]),
  };
}

function matrixCell(cell) {
  if (!cell) return NONE;
  if (!cell.estimate) {
    return { text: shortOutcome(cell.row), title: cell.row.reason, bad: FAILED.includes(cell.row.outcome) };
  }
  return { text: ratioText(cell.estimate.ratio) + (RELATION_MARKS[cell.relation] || ""),
    value: cell.estimate.ratio, strong: cell.relation === "reference", ratio: cell.estimate.ratio,
    title: estimateText(cell.estimate), row: cell.row };
}

// All rows of one case, the fastest first, those without a time last.
export function caseTable(view, rows) {
  const hasBound = rows.some((row) => row.bound_ns !== null);
  const time = (row) => (row.timed ? row.median_ns : Infinity);
  return {
    id: "case", caption: rows[0].case,
    head: [column("backend"), numeric("time"), numeric(`ratio to ${view.reference}`), numeric("GB/s"),
      numeric("% of copy"), ...(hasBound ? [numeric("times bound")] : []), column("kernel"), numeric("error"),
      column("reproduce")],
    body: [...rows].sort((a, b) => time(a) - time(b)).map((row) => [
      backendCell(view, row.backend, row.native_layout), row.timed ? timeCell(row) : shortOutcome(row),
      caseRatio(view.toShown.get(row.index)), numberCell(bandwidth(row), (value) => value.toFixed(1)),
      numberCell(copyShare(row), percentText), ...(hasBound ? [numberCell(timesBound(row), ratioText)] : []),
      (row.timed ? detailText(row) : row.reason || detailText(row)) || "-", numberCell(row.error, ratioText),
      { text: reproText(row), code: true, isCommand: true }]),
  };
}

function caseRatio(record) {
  if (!record) return NONE;
  return estimateCell(record.estimate, { strong: record.relation === "reference",
    text: ratioText(record.estimate.ratio) + (RELATION_MARKS[record.relation] || "") });
}

// `cliffs` are some of core/cliffs.js.
export function cliffTable(view, cliffs) {
  return {
    id: "cliffs", caption: "Cliffs, the steepest first",
    head: [column("backend"), column("shape"), column("setting"), numeric("time"), numeric("ratio to the best"),
      column("far off"), column("kernel"), column("reproduce")],
    body: cliffs.map(({ row, estimate, reasons }) => [
      backendCell(view, row.backend, row.native_layout), shapeCell(row), titleOf(row, view.timed),
      { text: timeText(row.median_ns), value: row.median_ns },
      estimate ? estimateCell(estimate, { strong: estimate.ratio > CLIFF }) : NONE, reasons.join(", "),
      detailText(row) || "-", { text: reproText(row), code: true, isCommand: true }]),
  };
}

export function kernelTable(view) {
  const found = kernels(view);
  if (!found.length) return null;
  return {
    id: "kernels", caption: `Kernels that were dispatched: time as a ratio to the best, mean (worst)`,
    head: [column("backend"), column("norm"), column("kernel"), numeric("rows"), numeric("mean"), numeric("worst"),
      column("where"), column("what it is")],
    body: found.map(({ backend, isNative, norm, kernel, meaning, rows, ratio, worst, where }) => [
      backendCell(view, backend, isNative), norm, { text: kernel, code: true }, { text: String(rows), value: rows },
      { text: ratioText(ratio.ratio), value: ratio.ratio },
      { text: ratioText(worst.ratio), value: worst.ratio, row: worst.row }, where, meaning || "-"]),
  };
}
