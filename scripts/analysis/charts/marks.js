// How a backend is drawn: color and marker, whiskers of intervals, clouds of cases, tooltips.
import { styleOf } from "../core/backends.js";
import { estimateText, shapeText, timeText } from "../core/text.js";
import { el, fit, round } from "./svg.js";

const MOST_POINTS = 3000;
// Colors that are faint on white, darkened until they are 3:1 there, and on the dark page at least as much.
const INKS = { "#E69F00": "#c18600", "#56B4E9": "#4a9bc8", "#F0E442": "#9e962c" };

// {id, fill, ink, marker} of a backend of the view. `ink` is for lines and outlines. Black is the color of the
// text, which is light where the page is dark.
export function lookOf(view, id) {
  const { color, marker } = styleOf(id, [...view.backends.keys()]);
  if (color === "#000000") return { id, fill: "currentColor", ink: "currentColor", marker };
  return { id, fill: color, ink: INKS[color] || color, marker };
}

const turned = (points, degrees) => points.map(([x, y]) => {
  const angle = degrees * Math.PI / 180;
  return [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
});
const TRIANGLE = [[0, -1.15], [1.05, 0.75], [-1.05, 0.75]];
const PLUS = [[-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1],
  [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4]];
const SHAPES = {
  square: [[-0.88, -0.88], [0.88, -0.88], [0.88, 0.88], [-0.88, 0.88]],
  diamond: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
  triangle: TRIANGLE, down: turned(TRIANGLE, 180), left: turned(TRIANGLE, 270), right: turned(TRIANGLE, 90),
  plus: PLUS, cross: turned(PLUS, 45),
  star: Array.from({ length: 10 }, (_, at) => turned([[0, at % 2 ? -0.55 : -1.25]], 36 * at)[0]),
  bar: [[-1.3, -0.5], [1.3, -0.5], [1.3, 0.5], [-1.3, 0.5]],
};

// A marker as the d of a path; a circle where the name is not known.
export function markerPath(marker, x, y, radius) {
  const points = SHAPES[marker];
  if (!points) {
    const arc = `a${round(radius)} ${round(radius)} 0 1 0`;
    return `M${round(x - radius)} ${round(y)}${arc} ${round(2 * radius)} 0${arc} ${round(-2 * radius)} 0z`;
  }
  return `M${points.map(([dx, dy]) => `${round(x + radius * dx)} ${round(y + radius * dy)}`).join("L")}z`;
}

// A marker with an outline; hollow for data in a layout of the library's own.
export function mark(look, x, y, { radius = 5, hollow = false, title = null } = {}) {
  return el("path", { d: markerPath(look.marker, x, y, radius), fill: hollow ? "none" : look.fill,
    stroke: look.ink, "stroke-width": hollow ? 1.8 : 1, "pointer-events": "all" },
  title ? el("title", {}, title) : null);
}

// From lo to hi at a height, dashed when it is a range; a hollow marker is left open.
export function whisker(look, scale, y, { ratio, lo, hi, spread }, gap) {
  if (spread === null) return null;
  const at = scale(ratio);
  const parts = gap ? [[scale(lo), at - gap], [at + gap, scale(hi)]] : [[scale(lo), scale(hi)]];
  return parts.filter(([from, to]) => to > from).map(([from, to]) => el("path", {
    d: `M${round(from)} ${round(y)}H${round(to)}`, stroke: look.ink, "stroke-width": 2, fill: "none",
    "stroke-dasharray": spread === "range" ? "3 2" : null }));
}

// A line through points, from marker to marker where these are hollow.
export function lineThrough(points, look) {
  const { stroke = "currentColor", width = 1.5, dash = null, gap = 0, opacity = null } = look;
  const parts = points.slice(1).map(([x, y], at) => {
    const [fromX, fromY] = points[at];
    const share = gap / Math.hypot(x - fromX, y - fromY);
    if (gap && !(share < 0.5)) return "";
    const cut = (from, to) => round(from + share * (to - from));
    return gap ? `M${cut(fromX, x)} ${cut(fromY, y)}L${cut(x, fromX)} ${cut(y, fromY)}`
      : `${at ? "" : `M${round(fromX)} ${round(fromY)}`}L${round(x)} ${round(y)}`;
  });
  return !parts.length ? null : el("path", { d: parts.join(""), fill: "none", stroke, "stroke-width": width,
    "stroke-dasharray": dash, "stroke-opacity": opacity, "stroke-linejoin": "round" });
}

// Faint points {x, y, row}: one path per backend, or, with a `tipOf`, a point each with a tooltip. `of` is
// how many the whole picture has: too many are thinned out evenly.
export function cloud(look, points, of, tipOf = null) {
  const every = Math.ceil(of / MOST_POINTS);
  const kept = points.filter((_, at) => at % every === 0);
  const d = ({ x, y }) => markerPath(look.marker, x, y, 1.8);
  return el("g", { fill: look.ink, "fill-opacity": 0.32 }, tipOf
    ? kept.map((point) => el("path", { d: d(point) }, el("title", {}, tipOf(point))))
    : el("path", { d: kept.map(d).join("") }));
}

// The lines of a tooltip.
export function tip(view, id, ...lines) {
  return [view.label(id), ...lines].filter(Boolean).join("\n");
}

// What the point of a row says: backend, shape, time, ratio with its interval, and more.
export function rowTip(view, row, more) {
  const record = view.toShown.get(row.index);
  const ratio = record ? `, ${estimateText(record.estimate)} times ${referenceText(view)}` : "";
  return tip(view, row.backend, [row.name, shapeText(row)].filter(Boolean).join(" "),
    `${timeText(row.median_ns)}${ratio}`, more);
}

// What alt texts call a backend; names can be very long.
export function spokenOf(view, id) {
  return fit(view.spoken(id), 40, 1);
}

// `the best`, or the backend that ratios are to.
export function referenceText(view) {
  return view.baseline === null ? view.reference : spokenOf(view, view.baseline);
}
