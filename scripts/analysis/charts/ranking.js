// How far each backend is from the best, per pass, with intervals.
import { answerTable } from "../core/answer.js";
import { casesText } from "../core/rank.js";
import { estimateText, listText, ratioText, shapeText } from "../core/text.js";
import { columnsFor, kindText, makeSheet, panelGroups, panelTitles, series, xAxis } from "./frame.js";
import { lookOf, mark, referenceText, whisker } from "./marks.js";
import { limits, logScale, logTicks } from "./scales.js";
import { el, label, round, textWidth, wrap } from "./svg.js";

// A row per backend, from fast to slow, and a panel per pass and number of threads.
export function rankingChart(view, groups, options = {}) {
  const shown = panelGroups(groups);
  if (!shown.length) return null;
  const { columns: backends, lines } = answerTable(view, shown);
  const estimates = lines.flatMap(({ cells }) => cells.filter(Boolean).map(({ estimate }) => estimate));
  if (!estimates.length) return null;
  const { width = 800 } = options;
  const sheet = makeSheet(view, shown, { ...options, name: "ranking",
    heading: `Time as a ratio to ${referenceText(view)}` });
  const names = backends.map(({ label: text }) => wrap(unbroken(text), Math.min(190, 0.36 * width), 11, 2));
  const left = Math.max(...names.flat().map((text) => textWidth(text, 11))) + 14;
  const step = names.some(({ length }) => length > 1) ? 28 : 22;
  const columns = columnsFor(shown, width, left);
  const titles = panelTitles(shown);
  const boxes = sheet.panels(shown.map((group, at) => [titles[at], `${casesText(group)}${
    group.isDecided ? "" : ", nothing decided"}`]), columns, { left, heights: backends.length * step + 4, below: 24 });
  const range = limits([1, ...estimates.flatMap(({ ratio, lo, hi }) => [ratio, lo ?? ratio, hi ?? ratio])], 1.1);
  boxes.forEach((box, place) => {
    // Room for the numbers on the right.
    const scale = logScale(range, box.x + 6, box.x + box.width - 44);
    sheet.add(xAxis(box, scale, logTicks(scale, 30), String),
      el("path", { d: `M${round(scale(1))} ${round(box.y)}v${round(box.height)}`, stroke: "currentColor",
        "stroke-opacity": 0.6, fill: "none" }));
    backends.forEach(({ backend, isNative }, row) => {
      const y = box.y + (row + 0.5) * step + 2;
      const texts = box.isFirst ? names[row].map((text, line) => label(box.x - 8,
        y + 4 + 12 * (line - (names[row].length - 1) / 2), text, { anchor: "end",
          title: view.backends.get(backend).label })) : null;
      const cell = lines[place].cells[row];
      sheet.add(series(backend, texts, cell ? dot(view, lines[place], cell, { backend, isNative, scale, y })
        : label(scale(1) + 8, y + 4, "no time", { size: 10, faint: true })));
    });
  });
  sheet.note(noteText(view, estimates, backends));
  return sheet.finish(altText(view, shown, backends, lines, titles));
}

function dot(view, { group }, { estimate, worst, mark: place }, { backend, isNative, scale, y }) {
  const look = lookOf(view, backend);
  const title = `${view.backends.get(backend).label}\n${estimateText(estimate)} times ${referenceText(view)}, ${
    casesText(group)}\nworst ${ratioText(worst.ratio)} in ${shapeText(worst.row)}`;
  return [whisker(look, scale, y, estimate, isNative ? 6 : 0), mark(look, scale(estimate.ratio), y, { hollow: isNative, title }),
    label(Math.max(scale(estimate.hi ?? 0) || 0, scale(estimate.ratio) + 6) + 5, y + 4,
      `${ratioText(estimate.ratio)}${place === "tied" ? " =" : estimate.spread === null ? " ?" : ""}`,
      { bold: place !== "" })];
}

// `naive C++, ours, 1 thread` breaks after a comma or in the name.
function unbroken(text) {
  return text.split(", ").map((part, at) => (at ? part.replaceAll(" ", "\u00a0") : part)).join(", ");
}

function noteText(view, estimates, backends) {
  const has = (spread) => estimates.some((estimate) => estimate.spread === spread);
  return [`Geometric mean over the cases that all were timed in; 1 is ${referenceText(view)}.`,
    has("interval") ? "Line: 95% interval." : "", has("range") ? "Dashed: range of 2 to 5 cases, no winner." : "",
    has(null) ? "?: too few rounds for an interval." : "",
    backends.some(({ isNative }) => isNative) ? "Hollow: data in a layout of its own, conversion not timed." : "",
  ].filter(Boolean).join(" ");
}

function altText(view, shown, backends, lines, titles) {
  const values = lines[0].cells.flatMap((cell, at) => (cell ? [[cell.estimate.ratio, view.backends.get(backends[at].backend).spoken]] : []))
    .sort(([a], [b]) => a - b).map(([ratio, text]) => `${text} ${ratioText(ratio)}`);
  return `Ranking for ${kindText(shown)}: time as a ratio to ${referenceText(view)}, a dot per backend, a panel per `
    + `pass. ${titles[0]}, ${casesText(shown[0])}: ${listText(values)}.`;
}
