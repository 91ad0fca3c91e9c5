// A picture as a plain tree: {tag, attributes, children}. Files get it as text, the page makes nodes of it.
// Only presentation attributes: the page's policy allows no inline style.

const UNSEEN = /[\0-\t\v-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]/gu;

// Children are trees or strings, in lists or not; null and false are left out, as are such attributes.
export function el(tag, attributes = {}, ...children) {
  const isThere = (value) => value !== null && value !== undefined && value !== false;
  const given = Object.entries(attributes).filter(([, value]) => isThere(value));
  return { tag, attributes: Object.fromEntries(given.map(
    ([key, value]) => [key, typeof value === "number" ? round(value) : String(value)])),
  children: children.flat(Infinity).filter(isThere)
    .map((child) => (typeof child === "object" ? child : printable(String(child)))) };
}

// A number as attributes have it.
export function round(value) {
  return String(Math.round(value * 100) / 100 + 0);
}

// What XML cannot hold and what is not seen becomes a space, half of a surrogate pair too; lines stay.
export function printable(text) {
  return text.replace(UNSEEN, " ");
}

export function serialize({ tag, attributes, children }) {
  const own = tag === "svg" ? { xmlns: "http://www.w3.org/2000/svg", ...attributes } : attributes;
  const head = Object.entries(own).map(([key, value]) => ` ${key}="${escape(printable(value))}"`).join("");
  if (!children.length) return `<${tag}${head}/>`;
  const isBlock = tag === "svg" || tag === "g";
  const inner = children.map((child) => (typeof child === "string" ? escape(child) : serialize(child)));
  return `<${tag}${head}>${inner.map((part) => (isBlock ? `\n${part}` : part)).join("")}${
    isBlock ? "\n" : ""}</${tag}>`;
}

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;" };

function escape(text) {
  return text.replace(/[&<>"\n]/g, (found) => ESCAPES[found]);
}

// Width in pixels, by the kind of letter: an estimate on the safe side for the usual sans-serif fonts.
export function textWidth(text, size) {
  let width = 0;
  for (const letter of text) {
    if (/[iIjlftr.,:;'|()[\]/! -]/.test(letter)) width += 0.39;
    else if (letter.codePointAt(0) > 0x2e7f) width += 1.1;
    else width += /[mwMW@%&]/.test(letter) ? 0.95 : /[A-Z+<>=]/.test(letter) ? 0.72 : 0.62;
  }
  return width * size;
}

// The text, or its beginning with an ellipsis.
export function fit(text, width, size) {
  if (textWidth(text, size) <= width) return text;
  let short = "";
  for (const letter of text) {
    if (textWidth(`${short}${letter}…`, size) > width) break;
    short += letter;
  }
  return `${short.trimEnd()}…`;
}

// Lines that fit, broken at spaces, at most so many; the last has what is left, cut if need be.
export function wrap(text, width, size, most = Infinity) {
  const lines = [];
  for (const word of printable(text).split(/[ \n]+/).filter(Boolean)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    const isOn = lines.length && (lines.length >= most || textWidth(longer, size) <= width);
    lines.splice(isOn ? -1 : lines.length, 1, isOn ? longer : word);
  }
  return lines.map((line) => fit(line, width, size));
}

// One line of text; `faint` for what explains.
export function label(x, y, text, { size = 11, anchor, bold, faint, title } = {}) {
  return el("text", { x, y, "font-size": size, "text-anchor": anchor, "font-weight": bold ? 700 : null,
    "fill-opacity": faint ? 0.75 : null }, text.replace(/\n/g, " "), title ? el("title", {}, title) : null);
}
