// The tables of a report, once for page, Markdown and terminal.
//
// A table is {id, caption, head, body, note}; `body` has the cells of each line, or with `cellsOf` what that makes
// them of, when they are needed. Headings are texts or {text, numeric, backend, isNative, title, isCommand}. Cells
// are texts or {text, note, value, strong, quiet, bad, code, title, row, backend, isNative, interval, ratio}:
// `note` stands behind the text, smaller where that can be; `value` is what it is sorted by; `strong` marks a
// winner, `quiet` what is no claim, `bad` what failed; `code` is shown as typed; `row` is the row of a case to
// look up, `backend` one to show with its mark; `interval` may be told where there is room, `ratio` shown as a
// color.
import { intervalText, ratioText, shapeText, timeText } from "../core/text.js";

export const NONE = { text: "-" };

// The table, or null where it has no line.
export function unlessEmpty(table) {
  return table.body.length ? table : null;
}

// A heading or a cell as an object.
export function asCell(given) {
  return typeof given === "string" ? { text: given } : given;
}

export function numeric(text) {
  return { text, numeric: true };
}

// A column per backend, headed by the name that people know.
export function backendColumns(view, backends, isNative = () => false) {
  return backends.map((backend) => ({ ...backendCell(view, backend, isNative(backend)), numeric: true }));
}

export function backendCell(view, backend, isNative = false) {
  return { text: view.label(backend) + (isNative ? " *" : ""), backend, isNative };
}

export function numberCell(value, toText = String, more = {}) {
  return value === null || value === undefined ? NONE : { text: toText(value), value, ...more };
}

// A ratio with its interval; a range is no claim, and quiet.
export function estimateCell(estimate, more = {}) {
  if (!estimate) return NONE;
  return { text: ratioText(estimate.ratio), note: intervalText(estimate), value: estimate.ratio,
    quiet: estimate.spread !== "interval", ...more };
}

export function timeCell(row) {
  return numberCell(row.median_ns, timeText);
}

export function shapeCell(row) {
  return { text: shapeText(row), note: row.name, value: row.elements, row };
}
