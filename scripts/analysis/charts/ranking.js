// How far each backend is from the best, per pass, with intervals.
import { answerTable } from "../core/answer.js";
import { unique } from "../core/collections.js";
import { casesText } from "../core/rank.js";
import { estimateText, listText, ratioText, shapeText } from "../core/text.js";
import { makeSheet, series, verticalAt, xAxis } from "./frame.js";
import { lookOf, mark, referenceText, spokenOf, tip, whisker } from "./marks.js";
import { backendsIn, columnsFor, kindText, panelGroups, panelTitles } from "./panels.js";
import { limits, logScale, logTicks } from "./scales.js";
import { label, textWidth, wrap } from "./svg.js";

// A row per backend, from fast to slow, and a panel per pass and number of threads.
export function rankingChart(view, groups, options = {}) {
  const shown = panelGroups(groups);
  if (!shown.length) return null;
  const { columns: backends, lines } = answerTable(view, shown);
  const estimates = lines.flatMap(({ cells }) => cells.filter(Boolean).map(({ estimate }) => estimate));
  if (!estimates.length) return null;
  const { native } = backendsIn(view, shown, []);
  const sheet = makeSheet(view, shown, { ...options, name: "ranking",
    heading: `Time as a ratio to ${referenceText(view)}` });
  const most = Math.min(190, 0.36 * sheet.width);
  const names = backends.map((own) => wrap(unbroken(own.label), most, 11, 2));
  const left = Math.max(...names.flat().map((text) => textWidth(text, 11))) + 14;
  const step = names.some(({ length }) => length > 1) ? 28 : 22;
  const titles = panelTitles(shown);
  const boxes = sheet.panels(
    shown.map((group, at) => [titles[at], casesText(group) + (group.isDecided ? "" : ", nothing decided")]),
    columnsFor(shown, sheet.width, left), { left, heights: backends.length * step + 4, below: 24 });
  const ends = estimates.flatMap(({ ratio, lo, hi }) => [ratio, lo ?? ratio, hi ?? ratio]);
  const range = limits([1, ...ends], 1.1);
  boxes.forEach((box, place) => {
    // Room for the numbers on the right.
    const scale = logScale(range, box.x + 6, box.x + box.width - 44);
    sheet.add(xAxis(box, scale, logTicks(scale, 30), String), verticalAt(box, scale(1)));
    backends.forEach(({ backend, label: name }, row) => {
      const y = box.y + (row + 0.5) * step + 2;
      const texts = box.isFirst ? names[row].map((text, line) => label(box.x - 8,
        y + 4 + 12 * (line - (names[row].length - 1) / 2), text, { anchor: "end", title: name })) : null;
      const cell = lines[place].cells[row];
      sheet.add(series(backend, texts, cell
        ? dot(view, lines[place].group, cell, { backend, hollow: native.has(backend), scale, y })
        : label(scale(1) + 8, y + 4, "no time", { size: 10, faint: true })));
    });
  });
  sheet.note(noteText(view, shown, estimates, backends));
  const values = lines[0].cells.map((cell, at) => [cell, spokenOf(view, backends[at].backend)])
    .filter(([cell]) => cell).sort(([a], [b]) => a.estimate.ratio - b.estimate.ratio)
    .map(([{ estimate }, text]) => `${text} ${ratioText(estimate.ratio)}`);
  return sheet.finish(`Ranking for ${kindText(shown)}: time as a ratio to ${referenceText(view)}, a dot per `
    + `backend, a panel per pass. ${titles[0]}, ${casesText(shown[0])}: ${listText(values)}.`);
}

function dot(view, group, { estimate, worst, mark: place }, { backend, hollow, scale, y }) {
  const look = lookOf(view, backend);
  const { ratio, hi, spread } = estimate;
  const title = tip(view, backend,
    `${estimateText(estimate)} times ${referenceText(view)}, ${casesText(group)}`,
    `worst ${ratioText(worst.ratio)} in ${shapeText(worst.row)}`);
  const end = Math.max(hi === null ? 0 : scale(hi), scale(ratio) + 6);
  const sign = spread === null ? " ?" : place === "tied" ? " =" : "";
  return [whisker(look, scale, y, estimate, hollow ? 6 : 0), mark(look, scale(ratio), y, { hollow, title }),
    label(end + 5, y + 4, `${ratioText(ratio)}${sign}`, { bold: place !== "" && spread !== null })];
}

// `naive C++, ours, 1 thread` breaks after a comma or in the name.
function unbroken(text) {
  return text.split(", ").map((part, at) => (at ? part.replaceAll(" ", "\u00a0") : part)).join(", ");
}

function noteText(view, shown, estimates, backends) {
  const has = (spread) => estimates.some((estimate) => estimate.spread === spread);
  const isTied = shown.some(({ leaders }) => leaders.length > 1);
  const left = unique(shown.flatMap(({ leftOut }) => leftOut.map(([id]) => id))).filter(view.isShown)
    .map((id) => spokenOf(view, id));
  return [`Geometric mean over the cases that all were timed in; 1 is ${referenceText(view)}.`,
    has("interval") ? "Line: 95% interval." : "", isTied ? "=: cannot be told apart." : "",
    has("range") ? "Dashed: range of 2 to 5 cases, no winner." : "",
    has(null) ? "?: too few rounds for an interval." : "",
    backends.some(({ isNative }) => isNative) ? "Hollow: data in a layout of its own, conversion not timed." : "",
    backends.some(({ isMoments }) => isMoments) ? "(moments): hollow, too, as such a variance loses digits." : "",
    left.length ? `In some panels too few cases have a time of ${listText(left)}.` : "",
  ].filter(Boolean).join(" ");
}
