// Who is the fastest for which shape, and how far ahead of the next; or how far one backend is from the best.
import { groupBy } from "../core/collections.js";
import { heatMaps, ratioMaps } from "../core/heat.js";
import { countText, estimateText, listText, rangeText, ratioText, shapeText } from "../core/text.js";
import { makeSheet, series } from "./frame.js";
import { lookOf, spokenOf } from "./marks.js";
import { firstSetting, kindText, panelTitles } from "./panels.js";
import { el, label, round, textWidth } from "./svg.js";

const [LEAST_CELL, MOST_CELL, HEIGHT, GAP] = [38, 110, 27, 14];
const HUE = "#C44E00";
const STRONGEST = 4;
const KEY = [1, 1.25, 1.5, 2, 3, STRONGEST];

// Maps of each pass, at the most threads, but not of a single cell. With the option `backend`, its ratio to
// the best is shown instead.
export function heatChart(view, groups, options = {}) {
  const shown = firstSetting(groups);
  const { backend = null } = options;
  const titles = panelTitles(shown);
  const mapsOf = (group) => (backend === null ? heatMaps(view, group) : ratioMaps(view, group, backend));
  const maps = shown.flatMap((group, at) => mapsOf(group).map((map) => ({ ...map, title: titles[at] })))
    .filter(({ cells, columns, lines }) => cells.length && columns.length * lines.length > 1);
  if (!maps.length) return null;
  const sheet = makeSheet(view, shown, { ...options, name: "heat", heading: backend === null
    ? "The fastest backend, and how many times as long the next takes"
    : `${spokenOf(view, backend)}, time as a ratio to the best` });
  // The two maps of a pass side by side, or where there is one of each pass, all passes.
  const isPaired = new Set(maps.map(({ name }) => name)).size === 2 && maps.length === 2 * shown.length;
  const across = isPaired ? 2 : maps.length;
  const widths = maps.flatMap(({ lines }) => lines.map((bin) => textWidth(binText(bin), 10)));
  const left = Math.max(...widths) + 12;
  const widest = Math.max(...maps.map(({ columns }) => columns.length));
  const isWide = sheet.width >= across * (left + widest * LEAST_CELL + GAP);
  const boxes = sheet.panels(maps.map(({ title, name }) => [title, name]), isWide ? across : 1,
    { left, gap: GAP, inner: true, heights: maps.map(({ lines }) => lines.length * HEIGHT), above: 18,
      below: 44 });
  const draw = backend === null ? winnerCell : ratioCell;
  boxes.forEach((box, at) => drawMap(sheet, box, maps[at], (cell, place) => draw(view, cell, place)));
  const cells = maps.flatMap((map) => map.cells);
  return backend === null ? finishWinners(view, sheet, shown, cells, titles)
    : finishRatios(view, sheet, shown, cells, backend);
}

function finishWinners(view, sheet, shown, cells, [title]) {
  const wins = [...groupBy(cells, (cell) => cell.backend)].sort((a, b) => b[1].length - a[1].length);
  sheet.legend(wins.map(([id]) => id), { draw: (id) => swatch(lookOf(view, id).ink, 0.5) });
  sheet.note("The stronger the color, the larger the margin. =: tied. ?: too few rounds to tell. Of several "
    + "cases in a cell: who wins most of them.");
  const texts = wins.map(([id, own]) => `${spokenOf(view, id)} in ${own.length}`);
  const setting = title.split(", ").slice(1).join(", ");
  return sheet.finish(`Heat maps of the fastest backend by shape for ${kindText(shown)}, ${setting}. Of ${
    countText(cells.length, "cell")} the fastest is: ${listText(texts)}.`);
}

function finishRatios(view, sheet, shown, cells, backend) {
  sheet.legend([], { extra: KEY.map((ratio) => ({ text: `${ratio === STRONGEST ? "≥ " : ""}${ratio}`,
    draw: swatch(HUE, strength(ratio)) })) });
  const range = rangeText(cells.map(({ ratio }) => ratio));
  return sheet.finish(`Heat maps of the time of ${spokenOf(view, backend)} as a ratio to the best, by shape, `
    + `for ${kindText(shown)}: from ${range} in ${countText(cells.length, "cell")}.`);
}

function drawMap(sheet, box, map, draw) {
  const wide = Math.min(MOST_CELL, box.width / map.columns.length);
  const size = wide < 34 ? 8.5 : 10;
  const [right, bottom] = [box.x + wide * map.columns.length, box.y + map.lines.length * HEIGHT];
  const [x, y] = [(at) => box.x + at * wide, (at) => bottom - at * HEIGHT];
  const grid = [...[...map.columns, 0].map((_, at) => `M${round(x(at))} ${round(box.y)}V${round(bottom)}`),
    ...[...map.lines, 0].map((_, at) => `M${round(box.x)} ${round(y(at))}H${round(right)}`)];
  const under = map.columns.map((bin) => (textWidth(binText(bin), size) <= wide ? [binText(bin)]
    : [`${bin[0]}–`, String(bin[1])]));
  const high = Math.max(...under.map((texts) => texts.length));
  const middle = { anchor: "middle", faint: true };
  const end = { anchor: "end", faint: true };
  sheet.add(el("path", { d: grid.join(""), stroke: "currentColor", "stroke-opacity": 0.1, fill: "none" }),
    under.map((texts, at) => texts.map(
      (text, line) => label(x(at + 0.5), bottom + 12 + 10 * line, text, { ...middle, size }))),
    map.lines.map((bin, at) => label(box.x - 5, y(at + 0.5) + 4, binText(bin), { ...end, size: 10 })),
    label((box.x + right) / 2, bottom + 16 + 10 * high, map.across.toUpperCase(), { ...middle, size: 10.5 }),
    label(box.x - 5, box.y - 4, map.up.toUpperCase(), { ...end, size: 10.5 }),
    map.cells.map((cell) => draw(cell, { x: x(cell.column), y: y(cell.line + 1), wide })));
}

// `32`, `150–209`.
export function binText([low, high]) {
  return low === high ? String(low) : `${low}–${high}`;
}

function winnerCell(view, { backend, margin, relation, cases }, place) {
  const { ink } = lookOf(view, backend);
  const sign = { tied: " =", undecided: " ?" }[relation] || "";
  const named = (row) => view.label(row.backend);
  const title = cases.map(({ row, next }) => `${shapeText(row)}: ${named(row)}${
    next ? `, then ${named(next.row)} ${estimateText(next.estimate)}` : ""}`).join("\n");
  const opacity = (ink === "currentColor" ? 0.6 : 1) * paleness(margin);
  return series(backend, drawCell(place, { fill: ink, opacity, title },
    [shortName(view.backends.get(backend), place.wide - 2, sizeIn(place.wide)),
      margin === null ? "alone" : `${ratioText(margin)}${sign}`]));
}

// The stronger, the larger the margin, up to twice; text is readable on all of it, in light and dark.
export function paleness(margin) {
  return 0.1 + 0.4 * Math.min(1, Math.max(0, Math.log2(margin ?? 1)));
}

function ratioCell(view, { ratio, cases }, place) {
  const title = `${ratioText(ratio)} times the best, ${countText(cases, "case")}`;
  return drawCell(place, { fill: HUE, opacity: strength(ratio), title }, [ratioText(ratio)]);
}

// 0 at 1, which leaves the page's white, strongest from 4 on.
export function strength(ratio) {
  return 0.6 * Math.min(1, Math.max(0, Math.log(ratio) / Math.log(STRONGEST)));
}

function drawCell({ x, y, wide }, { fill, opacity, title }, texts) {
  const size = sizeIn(wide);
  return el("g", {}, el("title", {}, title),
    rect(x + 0.75, y + 0.75, wide - 1.5, HEIGHT - 1.5, fill, opacity, 0.15),
    texts.filter((text) => textWidth(text, size) <= wide + 4).map((text, at, own) => label(x + wide / 2,
      y + HEIGHT / 2 + 3.5 + 11 * (at - (own.length - 1) / 2), text, { size, anchor: "middle" })));
}

function sizeIn(wide) {
  return Math.min(10, Math.max(8, wide / 4));
}

function swatch(fill, opacity) {
  return (x, y) => rect(x, y - 6, 16, 12, fill, opacity, 0.3);
}

function rect(x, y, width, height, fill, opacity, edge) {
  return el("rect", { x, y, width, height, fill, "fill-opacity": opacity, stroke: "currentColor",
    "stroke-opacity": edge, "stroke-width": 0.75 });
}

// The name where it fits, else the id, else as many letters as fit.
export function shortName({ id, name }, width, size = 10) {
  const found = [name, id].find((text) => textWidth(text, size) <= width);
  const letters = [...name];
  while (!found && textWidth(letters.join(""), size) > width) letters.pop();
  return found || letters.join("");
}
