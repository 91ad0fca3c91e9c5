// The tables of a report, once for page, Markdown and terminal.
//
// A table is {id, caption, head, body, note}. Headings are {text, numeric, backend, title}; cells are strings
// or {text, note, value, strong, quiet, bad, code, title, row, backend, marks}: `note` stands behind the text,
// smaller where that can be; `value` is what it is sorted by; `strong` marks a winner, `quiet` what is no claim,
// `bad` what failed; `code` is shown as typed; `row` is the row of a case to look up, `backend` one to show with its mark.
import { intervalText, ratioText, shapeText, timeText } from "../core/text.js";

export const NONE = { text: "-" };

export function column(text, more = {}) {
  return { text, numeric: false, ...more };
}

export function numeric(text, more = {}) {
  return { text, numeric: true, ...more };
}

// A column per backend, headed by the name that people know.
export function backendColumns(view, backends, isNative = () => false) {
  return backends.map((backend) => numeric(view.backends.get(backend).label + (isNative(backend) ? " *" : ""),
    { backend }));
}

export function backendCell(view, backend, isNative = false) {
  return { text: view.backends.get(backend).label + (isNative ? " *" : ""), backend };
}

export function numberCell(value, toText, more = {}) {
  return value === null || value === undefined ? NONE : { text: toText(value), value, ...more };
}

// A ratio with its interval; a range is no claim, and quiet.
export function estimateCell(estimate, more = {}) {
  if (!estimate) return NONE;
  return { text: ratioText(estimate.ratio), note: intervalText(estimate), value: estimate.ratio,
    quiet: estimate.spread !== "interval", ...more };
}

export function timeCell(row, more = {}) {
  return numberCell(row.median_ns, timeText, more);
}

export function shapeCell(row) {
  return { text: shapeText(row), note: row.name, value: row.elements, row };
}
