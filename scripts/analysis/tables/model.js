// The tables of a report, once for page, Markdown and terminal.
//
// A table is {id, caption, head, body, note}; `body` has the cells of each line, or with `cellsOf` what that makes
// them of, when they are needed. Headings are texts or {text, numeric, backend, isNative, isMoments, title,
// isCommand}. Cells are texts or {text, note, value, strong, quiet, bad, code, title, row, backend, isNative,
// isMoments, interval, ratio}: `note` stands behind the text, smaller where that can be; `value` is what it is
// sorted by; `strong` marks a winner, `quiet` what is no claim, `bad` what failed; `code` is shown as typed; `row`
// is the row of a case to look up, `backend` one to show with its mark; `interval` may be told where there is
// room, `ratio` shown as a color.
import { intervalText, MOMENTS_MARK, ratioText, shapeText, timeText } from "../core/text.js";

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
export function backendColumns(view, backends, marksOf = () => ({})) {
  return backends.map((backend) => ({ ...backendCell(view, backend, marksOf(backend)), numeric: true }));
}

// With why it is apart, if it is: MARKS says what that means.
export function backendCell(view, backend, { isNative = false, isMoments = false } = {}) {
  return { text: view.label(backend) + (isMoments ? MOMENTS_MARK : "") + (isNative ? " *" : ""), backend, isNative,
    isMoments };
}

export function rowCell(view, row) {
  return backendCell(view, row.backend, { isNative: row.native_layout, isMoments: Boolean(row.variance) });
}

export const OWN_LAYOUT = "* its data was already in the library's own layout; the conversion is not timed, "
  + "and it has no rank.";
export const MOMENTS = "(moments): where the pass finds a variance it is mean x^2 - mean^2, which is less work and "
  + "loses digits where the mean is large beside the deviation, down to none; there it has no rank.";

// What the marks of these say, each of {isNative, isMoments}.
export function marksNote(marked) {
  return [marked.some(({ isNative }) => isNative) && OWN_LAYOUT,
    marked.some(({ isMoments }) => isMoments) && MOMENTS].filter(Boolean).join(" ");
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
