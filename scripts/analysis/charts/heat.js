// Who is the fastest for which shape, and how far ahead of the next; or how far one backend is from the best.
import { groupBy } from "../core/collections.js";
import { heatMaps, ratioMaps } from "../core/heat.js";
import { countText, estimateText, listText, rangeText, ratioText, shapeText } from "../core/text.js";
import { firstSetting, kindText, makeSheet, panelTitles, series } from "./frame.js";
import { lookOf, referenceText } from "./marks.js";
import { el, label, round, textWidth } from "./svg.js";

const LEAST_CELL = 38;
const HEIGHT = 27;
const LEFT = 62;
const GAP = 14;
const HUE = "#C44E00";
const STRONGEST = 4;
const KEY = [1, 1.25, 1.5, 2, 3, 4];

// Maps of each pass, at the most threads. `backend` is whose ratio to the best is shown instead.
export function heatChart(view, groups, options = {}) {
  const shown = firstSetting(groups);
  const { backend = null, width = 800 } = options;
  const titles = panelTitles(shown);
  const maps = shown.flatMap((group, at) => (backend === null ? heatMaps(view, group) : ratioMaps(view, group, backend))
    .map((map) => ({ ...map, title: titles[at] }))).filter(({ cells }) => cells.length);
  if (!maps.length) return null;
  const of = backend === null ? null : view.backends.get(backend);
  const sheet = makeSheet(view, shown, { ...options, name: "heat", heading: of === null
    ? "The fastest backend, and how many times as long the next takes" : `${of.label}, time as a ratio to the best` });
  const paired = new Set(maps.map(({ name }) => name)).size === 2 && maps.length === 2 * shown.length;
  const widest = Math.max(...maps.map(({ columns }) => columns.length));
  const columns = paired && width >= 2 * (LEFT + widest * LEAST_CELL) + GAP ? 2 : 1;
  const boxes = sheet.panels(maps.map(({ title, name }) => [title, name]), columns, { left: LEFT, gap: GAP, inner: true,
    heights: maps.map(({ lines }) => lines.length * HEIGHT), above: 18, below: 40 });
  boxes.forEach((box, at) => drawMap(view, sheet, box, maps[at], of));
  const cells = maps.flatMap((map) => map.cells);
  if (of === null) {
    const wins = [...groupBy(cells, (cell) => cell.backend)].sort((a, b) => b[1].length - a[1].length);
    sheet.legend(wins.map(([id]) => id), { draw: (id) => swatch(lookOf(view, id).ink, 0.5) });
    sheet.note("The stronger the color, the larger the margin. =: tied. ?: too few rounds to tell. Of several cases in "
      + "a cell: who wins most of them.");
    return sheet.finish(`Heat maps of the fastest backend by shape for ${kindText(shown)}, ${titles[0].replace(/^.*?, /, "")}. Of ${
      countText(cells.length, "cell")} the fastest is: ${listText(wins.map(([id, own]) => (
      `${view.backends.get(id).spoken} in ${own.length}`)))}.`);
  }
  sheet.legend([], { extra: KEY.map((ratio) => ({ text: `${ratio === STRONGEST ? "≥ " : ""}${ratio}`,
    draw: swatch(HUE, strength(ratio)) })) });
  return sheet.finish(`Heat maps of the time of ${of.spoken} as a ratio to the best, by shape, for ${kindText(shown)}: from ${
    rangeText(cells.map(({ ratio }) => ratio))} in ${countText(cells.length, "cell")}.`);
}

function drawMap(view, sheet, box, map, of) {
  const wide = box.width / map.columns.length;
  const [size, bottom] = [wide < 34 ? 8.5 : 10, box.y + box.height];
  const top = bottom - map.lines.length * HEIGHT;
  const grid = [...map.columns.map((_, at) => `M${round(box.x + (at + 0.5) * wide)} ${round(top)}V${round(bottom)}`),
    ...map.lines.map((_, at) => `M${round(box.x)} ${round(bottom - (at + 0.5) * HEIGHT)}H${round(box.x + box.width)}`)];
  sheet.add(el("path", { d: grid.join(""), stroke: "currentColor", "stroke-opacity": 0.1, fill: "none" }),
    map.columns.map((bin, at) => (textWidth(binText(bin), size) <= wide ? [binText(bin)] : binText(bin).split(/(?<=–)/)).map(
      (text, line) => label(box.x + (at + 0.5) * wide, bottom + 12 + 10 * line, text, { size, anchor: "middle", faint: true }))),
    map.lines.map((bin, at) => label(box.x - 5, bottom - (at + 0.5) * HEIGHT + 4, binText(bin),
      { size: 10, anchor: "end", faint: true })),
    label(box.x + box.width / 2, bottom + 34, map.across.toUpperCase(), { size: 10.5, anchor: "middle", faint: true }),
    label(box.x - 5, top - 4, map.up.toUpperCase(), { size: 10.5, anchor: "end", faint: true }));
  for (const cell of map.cells) {
    const place = { x: box.x + cell.column * wide, y: bottom - (cell.line + 1) * HEIGHT, wide };
    sheet.add(of === null ? winnerCell(view, cell, place) : ratioCell(cell, place));
  }
}

// `32`, `150–209`.
export function binText([low, high]) {
  return low === high ? String(low) : `${low}–${high}`;
}

function winnerCell(view, cell, place) {
  const { fill, ink } = lookOf(view, cell.backend);
  const mark = { tied: " =", undecided: " ?" }[cell.relation] || "";
  const margin = cell.margin === null ? "alone" : `${ratioText(cell.margin)}${mark}`;
  const title = cell.cases.map(({ row, next }) => `${shapeText(row)}: ${view.backends.get(row.backend).label}${next
    ? `, then ${view.backends.get(next.row.backend).label} ${estimateText(next.estimate)}` : ""}`).join("\n");
  const opacity = (fill === "currentColor" ? 0.6 : 1) * paleness(cell.margin);
  return series(cell.backend, drawCell(place, { fill: ink, opacity, title },
    [shortName(view.backends.get(cell.backend), place.wide - 3, sizeIn(place.wide)), margin]));
}

// The stronger, the larger the margin, up to twice; text is readable on all of it, in light and dark.
export function paleness(margin) {
  return 0.1 + 0.4 * Math.min(1, Math.max(0, Math.log2(margin ?? 1)));
}

function ratioCell({ ratio, cases }, place) {
  return drawCell(place, { fill: HUE, opacity: strength(ratio), title: `${ratioText(ratio)} times the best, ${
    countText(cases, "case")}` }, [ratioText(ratio)]);
}

// 0 at 1, which leaves the page's white, strongest from 4 on.
export function strength(ratio) {
  return 0.6 * Math.min(1, Math.max(0, Math.log(ratio) / Math.log(STRONGEST)));
}

function drawCell({ x, y, wide }, { fill, opacity, title }, texts) {
  const size = sizeIn(wide);
  return el("g", {}, el("title", {}, title), el("rect", { x: x + 0.75, y: y + 0.75, width: wide - 1.5, height: HEIGHT - 1.5,
    fill, "fill-opacity": opacity, stroke: "currentColor", "stroke-opacity": 0.15, "stroke-width": 0.75 }),
  texts.filter((text) => textWidth(text, size) <= wide + 4).map((text, at, own) => label(x + wide / 2,
    y + HEIGHT / 2 + 3.5 + 11 * (at - (own.length - 1) / 2), text, { size, anchor: "middle" })));
}

function sizeIn(wide) {
  return Math.min(10, Math.max(8, wide / 4));
}

function swatch(fill, opacity) {
  return (x, y) => el("rect", { x, y: y - 6, width: 16, height: 12, fill, "fill-opacity": opacity,
    stroke: "currentColor", "stroke-opacity": 0.3 });
}

// The name where it fits, else the id, else as many letters as fit.
export function shortName({ id, name }, width, size = 10) {
  const found = [name, id].find((text) => textWidth(text, size) <= width);
  if (found) return found;
  let text = "";
  for (const letter of name) {
    if (textWidth(text + letter, size) > width) break;
    text += letter;
  }
  return text;
}
