// The answer: what a partial run measured, what failed, two sentences, the table of passes by backends, and what
// to know before quoting it; and the ranking behind it.
import { rankingChart } from "../../charts/ranking.js";
import { answer, caveats } from "../../core/answer.js";
import { groupBy, keyOf } from "../../core/collections.js";
import { KIND, kindTitle } from "../../core/groups.js";
import { floorText } from "../../core/noise.js";
import { machineFacts, verifiedText } from "../../core/notes.js";
import { wholeGroups } from "../../core/rank.js";
import { countText } from "../../core/text.js";
import { answerTable, namesTable, rankingTables, regimesTable } from "../../tables/answer.js";
import { definitions, element, folded, list, note, prose } from "../dom.js";
import { chartWidth, idOf, nothing, picture } from "../names.js";
import { goTo, isFiltered } from "../state.js";
import { show } from "../tables.js";

export function answerSection(view) {
  const found = answer(view);
  const { run } = view;
  return [
    found.partial ? element("p", { id: "partial" }, element("strong", {}, found.partial)) : null,
    found.failures.length ? element("div", { class: "failures", role: "note", id: "failures" },
      element("strong", {}, "Failed"), list(found.failures.map(({ text }) => text))) : null,
    element("div", { id: "sentences" },
      found.sentences.map((text) => element("p", { class: "lead" }, prose(text)))),
    element("p", { class: "note", id: "among" }, found.ranked, ...chosen(view)),
    found.table ? tableOf(view, found.table, "answer") : null,
    found.others.length ? folded(moreText(found.others), { id: "more-tables" },
      () => found.others.map((own, at) => tableOf(view, own, `answer-${at}`))) : null,
    beware(caveats(found)),
    folded("Who is who", { id: "who", open: true },
      () => show(view, namesTable(view), { section: "answer", sortable: false })),
    note(`${verifiedText(run.rows)} right; noise floor ${floorText(run.noise)}; measured ${
      run.started.slice(0, 10) || "on an unknown day"}.`, { id: "facts" }),
    folded("Machine, build and environment", { id: "machine" }, () => definitions(machineFacts(run))),
    run.config.analysis ? note(`The question of this run: ${run.config.analysis}`) : null,
  ];
}

// What the filters leave, and for a few shapes the way to all that is known of them.
function chosen(view) {
  if (!isFiltered()) return [];
  const shapes = new Set(view.rows.map((row) => `${row.n} ${row.c} ${row.l}`)).size;
  const text = ` Chosen: ${view.rows.length} of ${countText(view.run.rows.length, "row")}, ${
    countText(shapes, "shape")}. `;
  return [text, element("a", { href: "#lookup", click: (event) => {
    event.preventDefault();
    goTo("lookup");
  } }, shapes === 1 ? "Times of this shape" : "Times of one of them")];
}

function moreText(others) {
  const titles = others.map(({ title }) => title);
  return `${countText(others.length, "more table")}: ${titles.length > 3
    ? `${titles.slice(0, 3).join("; ")}…` : titles.join("; ")}`;
}

function tableOf(view, table, id) {
  const { head, body, ...model } = answerTable(view, table);
  const folded = body.map(([pass, shapes, ...cells]) => [{ text: pass,
    note: shapes.text.replace(/^[^,]+/, (count) => `${count} ${count === "1" ? "shape" : "shapes"}`) }, ...cells]);
  return show(view, { ...model, head: [{ text: "" }, ...head.slice(2)], body: folded },
    { id, section: "answer", class: "answer matrix", sortable: false, linksNotes: true });
}

function beware(texts) {
  return texts.length ? element("div", { class: "caveats", id: "caveats", role: "note" },
    element("h3", {}, "Before you quote this"), list(texts)) : null;
}

export function rankingSection(view) {
  const kinds = [...groupBy(view.groups, ({ keys }) => keyOf(keys, KIND)).values()];
  if (!kinds.length) return nothing("No case was timed.");
  return [
    note(`Geometric mean of the time as a ratio to ${view.reference}: above 1 is slower. Below it the 95% `
      + "interval; with 2 to 5 cases only their range, in gray: nobody wins there. Bold is the best, = "
      + "cannot be told apart from it."),
    kinds.map((groups, at) => folded(element("h3", {}, kindTitle(groups[0].keys)),
      { class: "kind", open: at === 0 }, () => kindRanking(view, groups, at)))];
}

function kindRanking(view, groups, at) {
  return [
    show(view, regimesTable(view, groups), { id: `ranking-${at}`, section: "ranking", class: "matrix ranking",
      sortable: false, group: 0 }),
    picture(rankingChart(view, wholeGroups(groups), { width: chartWidth() })),
    folded("Ranks, wins and worst shapes", { class: "screen" }, () => rankingTables(view)
      .filter(({ keys }) => keyOf(keys, KIND) === keyOf(groups[0].keys, KIND))
      .map((own) => standings(view, own)))];
}

function standings(view, { keys, title, table: model, leftOut }) {
  return folded(element("h4", {}, title), { class: "group screen" }, () => [
    show(view, model, { id: `standings-${idOf(keys)}`, section: "ranking", group: 0, class: "standings" }),
    leftOut.map((text) => note(text))]);
}
