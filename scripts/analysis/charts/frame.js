// What all pictures share: heading, panels in a grid, axes, legend, notes.
import { answerTable } from "../core/answer.js";
import { nativeBackends } from "../core/cases.js";
import { byPlaceIn, unique } from "../core/collections.js";
import { kindTitle, titleOf, KIND } from "../core/groups.js";
import { el, fit, label, round, textWidth, wrap } from "./svg.js";
import { lookOf, mark } from "./marks.js";

const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
const MOST_NAME = 230; // pixels
const LEAST_PANEL = 190;
const EDGE = 8;

// The groups that get a panel: all passes at the most threads, then at the fewest. With one number of
// threads, the second cache state is the second row.
export function panelGroups(groups) {
  if (!groups.length) return [];
  const [{ keys: { input, cache: first } }] = groups;
  const own = groups.filter(({ keys }) => keys.input === input);
  const settings = unique(own.map(({ keys }) => JSON.stringify([keys.cache !== first, -keys.threads, keys.cache])))
    .map((text) => JSON.parse(text)).sort((a, b) => a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : 1));
  const same = settings.filter(([isOther]) => !isOther);
  return unique([settings[0], same.length > 1 ? same.at(-1) : settings.at(-1)]).flatMap(
    ([, threads, cache]) => own.filter(({ keys }) => keys.threads === -threads && keys.cache === cache));
}

// Those of the first setting: at the most threads.
export function firstSetting(groups) {
  const panels = panelGroups(groups);
  return panels.filter(({ keys }) => ["threads", "cache"].every((key) => keys[key] === panels[0].keys[key]));
}

// The group with its rows, which those of view.whole have not.
export function withRows(view, { keys }) {
  return { keys, rows: view.timed.filter((row) => Object.entries(keys).every(([key, value]) => row[key] === value)) };
}

// The backends that are drawn, from fast to slow as in the ranking, then what is not in it; which are hollow.
export function backendsIn(view, groups, ids) {
  const ranking = answerTable(view, groups).columns.map(({ backend }) => backend);
  return { backends: unique(ids).sort(byPlaceIn(ranking)),
    native: nativeBackends(groups.flatMap((group) => withRows(view, group).rows)) };
}

// So that the fastest are drawn last, on top.
export function slowestFirst(list, backends) {
  return [...list].sort((a, b) => backends.indexOf(b.backend) - backends.indexOf(a.backend));
}

// So many columns that a row holds the items of one setting, or half of them, or one.
export function columnsFor(groups, width, left) {
  const passes = new Set(groups.map(({ keys }) => keys.pass)).size;
  const most = Math.max(1, Math.floor((width - left) / LEAST_PANEL));
  return Array.from({ length: passes }, (_, at) => passes - at).find((count) => passes % count === 0
    && count <= most);
}

export function panelTitles(groups) {
  return groups.map(({ keys }) => titleOf(keys, groups.map((group) => group.keys), KIND));
}

// `Effective GB/s of batch norm, f32, ncl`; alt texts begin the same way.
export function kindText(groups) {
  return kindTitle(groups[0].keys);
}

// A picture that grows downwards: panels(), legend() and note() add below what is there, add() wherever;
// finish() gives {name, alt, tree}.
export function makeSheet(view, groups, { name, heading, width = 800, background = false }) {
  const parts = [];
  let bottom = EDGE;
  const add = (...trees) => { parts.push(trees); };
  const lines = (text, size, { bold = false, faint = false } = {}) => {
    for (const line of wrap(text, width - 2 * EDGE, bold ? size * 1.06 : size)) {
      bottom += size * 1.3;
      add(label(EDGE, bottom, line, { size, bold, faint }));
    }
  };
  lines(`${heading}: ${kindText(groups).replaceAll(" ", "\u00a0")}`, 13, { bold: true });

  // Boxes {x, y, width, height, isFirst, isLast}: first of a row, last of a column. `heights` is one or one
  // per panel; `above` and `below` are what titles and axes take, `titles` are wrapped.
  const panels = (titles, columns, { left, heights, gap = 18, above = 6, below = 36, inner = false }) => {
    const own = inner ? left : 0; // every panel has its own labels on the left
    const wide = (width - EDGE - (inner ? 0 : left) - (columns - 1) * gap) / columns;
    const boxes = [];
    for (let row = 0; row * columns < titles.length; row++) {
      const places = titles.slice(row * columns, (row + 1) * columns).map((_, at) => row * columns + at);
      const wrapped = places.map((at) => titles[at].flatMap((title) => wrap(title, wide - 4, 12, 3)));
      const high = Math.max(...wrapped.map((text) => text.length));
      bottom += 14 + above;
      places.forEach((place, at) => wrapped[at].forEach((text, line) => add(label(
        (inner ? 0 : left) + at * (wide + gap) + (inner ? EDGE : 0), bottom - above + 15 * (line + 1 + high - wrapped[at].length) - 2, text,
        { size: 12 }))));
      bottom += 15 * high;
      const height = Math.max(...places.map((at) => (Array.isArray(heights) ? heights[at] : heights)));
      places.forEach((place, at) => boxes.push({ x: (inner ? own : left) + at * (wide + gap), y: bottom,
        width: wide - own, height, isFirst: at === 0, isLast: place + columns >= titles.length }));
      bottom += height + below;
    }
    return boxes;
  };

  // Entries from left to right: the backends, hollow those in `native`; `extra` are {text, draw: (x, y)}.
  const legend = (backends, { native = new Set(), draw: drawOf = null, extra = [] } = {}) => {
    const markOf = (id) => (x, y) => mark(lookOf(view, id), x + 8, y, { hollow: native.has(id) });
    const entries = [...backends.map((id) => ({ id, text: view.backends.get(id).label,
      draw: drawOf ? drawOf(id) : markOf(id) })), ...extra];
    bottom += 16;
    let x = EDGE;
    for (const { id, text, draw } of entries) {
      const short = fit(text, Math.min(MOST_NAME, width - 2 * EDGE - 24), 11);
      const wide = 22 + textWidth(short, 11) + 12;
      if (x > EDGE && x + wide > width) {
        x = EDGE;
        bottom += 18;
      }
      add(el("g", { "data-backend": id, class: "entry" }, draw(x, bottom - 4),
        label(x + 20, bottom, short, { title: text })));
      x += wide;
    }
    bottom += 4;
  };

  const finish = (alt) => {
    const height = Math.ceil(bottom + EDGE);
    return { name, alt, tree: el("svg", { viewBox: `0 0 ${round(width)} ${height}`, width, height, role: "img",
      "aria-label": alt, "font-family": FONT, fill: "currentColor", color: background ? "#222222" : null },
    background ? el("rect", { width, height, fill: "#ffffff" }) : null, parts) };
  };

  return { add, panels, legend, note: (text) => { bottom += 4; lines(text, 10.5, { faint: true }); }, finish };
}

const GRID = { stroke: "currentColor", "stroke-opacity": 0.14, "stroke-width": 1, fill: "none" };

// Grid lines, tick labels and a title below a panel.
export function xAxis(box, scale, ticks, toText, title = null) {
  const y = box.y + box.height;
  return [el("path", { d: ticks.map((tick) => `M${round(scale(tick))} ${round(box.y)}V${round(y)}`).join(""), ...GRID }),
    baseLine(`M${round(box.x)} ${round(y)}H${round(box.x + box.width)}`),
    ticks.map((tick) => label(scale(tick), y + 13, toText(tick), { size: 10, anchor: "middle", faint: true })),
    title ? label(box.x + box.width / 2, y + 27, title, { size: 10.5, anchor: "middle", faint: true }) : null];
}

// The same on the left; the title stands above the labels, upright.
export function yAxis(box, scale, ticks, toText, title = null) {
  return [el("path", { d: ticks.map((tick) => `M${round(box.x)} ${round(scale(tick))}H${round(box.x + box.width)}`)
    .join(""), ...GRID }),
  baseLine(`M${round(box.x)} ${round(box.y)}V${round(box.y + box.height)}`),
  box.isFirst ? ticks.map((tick) => label(box.x - 5, scale(tick) + 3.5, toText(tick),
    { size: 10, anchor: "end", faint: true })) : null,
  box.isFirst && title ? el("text", { transform: `translate(${round(box.x - 34)} ${
    round(box.y + box.height / 2)}) rotate(-90)`, "font-size": 10.5, "text-anchor": "middle",
  "fill-opacity": 0.75 }, title) : null];
}

function baseLine(d) {
  return el("path", { d, stroke: "currentColor", "stroke-opacity": 0.5, "stroke-width": 1, fill: "none" });
}

// A sample of a line for the legend.
export function lineSample(dash) {
  return (x, y) => el("path", { d: `M${round(x)} ${round(y)}h16`, stroke: "currentColor", "stroke-width": 1.4,
    "stroke-dasharray": dash, fill: "none" });
}

// What a backend draws in a panel: the page finds it by its name.
export function series(id, ...trees) {
  return el("g", { "data-backend": id, class: "series" }, trees);
}
