// The answer: what a partial run measured, what failed, two sentences, the table of passes by backends, and
// what to know before quoting it.
import { answer } from "../../core/answer.js";
import { floorText } from "../../core/noise.js";
import { machineFacts, verifiedText } from "../../core/notes.js";
import { countText, listText } from "../../core/text.js";
import { answerTable, namesTable } from "../../tables/answer.js";
import { definitions, element, folded, list, note, prose } from "../dom.js";
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
    element("p", { class: "note", id: "among" },
      found.ranked || "Ranked are all that take the data as it is.", ...chosen(view)),
    found.table ? tableOf(view, found.table, "answer") : null,
    found.others.length ? folded(moreText(found.others), { id: "more-tables" },
      () => found.others.map((own, at) => tableOf(view, own, `answer-${at}`))) : null,
    caveats(found),
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
    note: `${shapes.text} ${/^1$/.test(shapes.text) ? "shape" : "shapes"}` }, ...cells]);
  return show(view, { ...model, head: [{ text: "" }, ...head.slice(2)], body: folded },
    { id, section: "answer", class: "answer matrix", sortable: false, linksNotes: true });
}

function caveats({ undecided, notMeasured, old, trust }) {
  const texts = [old.length ? `${listText(old.map(({ label, year }) => `${label} is of ${year}`))
  }: newer versions may be faster.` : "", undecided, notMeasured, ...trust].filter(Boolean);
  return texts.length ? element("div", { class: "caveats", id: "caveats", role: "note" },
    element("h3", {}, "Before you quote this"), list(texts)) : null;
}
