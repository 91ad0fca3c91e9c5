// The bar that stays in view: which cases, which backends, ranked among whom, compared with whom.
import { AMONG, backendsOf, FACETS, facetValues } from "../core/filters.js";
import { runHeading } from "../core/machines.js";
import { passText } from "../core/text.js";
import { makeView } from "../core/view.js";
import { choice, element } from "./dom.js";
import { marker } from "./names.js";
import { change, isChanged, isFiltered, loaded, narrow, reset, state, UNCHOSEN } from "./state.js";

let made = null;

export function drawHeader(view) {
  const { run } = view;
  const { machine, libraries, date } = runHeading(view);
  const { dataset } = document.documentElement;
  const theme = element("button", { type: "button", id: "theme",
    click: () => { dataset.theme = dataset.theme === "dark" ? "light" : "dark"; } }, "Light/dark");
  document.getElementById("header").replaceChildren(
    element("div", {}, element("h1", {}, run.name, element("span", { class: "product" }, " normbench")),
      element("p", { class: "note" }, [machine, libraries, date.replaceAll("-", "\u2011")]
        .filter(Boolean).join(" · "))),
    element("div", { class: "controls" }, loaded.length > 1 ? choice("run", "Run", loaded.map(
      (own, at) => [String(at), runLabel(own)]), String(state.run), (value) => change(
      { ...UNCHOSEN, text: state.text, run: Number(value), pick: {} })) : "", theme));
  document.title = `${run.name}, ${machine || "normbench"}`;
}

export function runLabel(run) {
  const { libraries, date } = runHeading(makeView(run, { rows: [] }));
  return [run.name, run.machine.cpu, libraries, date].filter(Boolean).join(", ");
}

// Made anew for each run, and then only brought up to date, so that open menus stay open.
export function drawBar(view) {
  const bar = document.getElementById("filters");
  if (made !== view.run) {
    made = view.run;
    bar.replaceChildren(makeBar(view));
  }
  const count = isFiltered() ? `${view.rows.length} of ${view.run.rows.length} rows`
    : `all ${view.run.rows.length} rows`;
  document.getElementById("count").textContent = count;
  document.getElementById("reset").disabled = !isChanged();
  document.getElementById("baseline").value = state.baseline ?? "";
  const text = document.getElementById("text");
  if (text.value !== state.text) text.value = state.text;
  for (const menu of bar.querySelectorAll(".menu")) menu.update(view);
}

function makeBar(view) {
  const { run } = view;
  const backends = backendsOf(run.rows);
  const nameOf = (id) => [marker(view, id), ` ${view.label(id)}`];
  const facets = FACETS.map((facet) => [facet, facetValues(run, facet)])
    .filter(([, values]) => values.length > 1);
  return element("details", { class: "bar", open: matchMedia("(min-width: 700px)").matches },
    element("summary", {}, "Choose cases and backends: ", element("span", { id: "count", role: "status" })),
    element("div", { class: "controls" },
      element("label", { class: "choice", for: "text" }, element("span", {}, "Case"),
        element("input", { id: "text", type: "search", autocomplete: "off",
          placeholder: "32x512x835, BatchNorm1d…", title: "A shape (? for any size), a layer, a model, a "
            + "library or a kernel; it chooses the cases of all sections",
          input: (event) => change({ text: event.target.value }, true) })),
      facets.map(([facet, values]) => facetMenu(facet, values)),
      backendMenu(backends, nameOf), amongMenu(backends, nameOf),
      choice("baseline", "Ratio to", [["", "the best"],
        ...backends.map((id) => [id, view.label(id)])], "",
      (value) => change({ baseline: value === "" ? null : value })),
      element("button", { type: "button", id: "reset", click: reset }, "Reset")));
}

// A menu of boxes; update(view) brings it in line with the choices.
function menu(name, title, content, update) {
  const chosen = element("span", { class: "chosen" });
  const details = element("details", { class: "menu", "data-menu": name },
    element("summary", {}, title, " ", chosen),
    element("fieldset", {}, element("legend", { class: "offscreen" }, title), content));
  details.update = (view) => {
    const { text, isNarrow } = update(details, view);
    chosen.textContent = text;
    details.classList.toggle("narrow", isNarrow);
  };
  details.addEventListener("toggle", () => {
    details.classList.toggle("turned", details.open && details.getBoundingClientRect().left > innerWidth / 2);
  });
  // A focus that leaves closes it; so do Escape and clicks elsewhere, below.
  details.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !details.contains(relatedTarget)) details.open = false;
  });
  return details;
}

function boxes(name, values, labelOf, onChange) {
  return values.map((value) => element("label", {},
    element("input", { type: "checkbox", name, value, change: () => onChange(checked(name)) }),
    labelOf(value),
    element("button", { type: "button", class: "link only", "aria-label": `only ${value || "none"}`,
      click: (event) => {
        event.preventDefault();
        onChange([value]);
      } }, "only")));
}

const checked = (name) => [...document.querySelectorAll(`#filters input[name="${name}"]:checked`)].map(
  (box) => box.value);

function check(details, name, isIn) {
  for (const box of details.querySelectorAll(`input[name="${name}"]`)) box.checked = isIn(box.value);
}

function allButton(values, onChange) {
  return element("button", { type: "button", class: "small", click: () => onChange(values) }, "all");
}

function facetMenu(facet, values) {
  const word = (value) => (facet === "pass" ? passText(value) : value) || "none";
  const keep = (kept) => narrow(facet, kept);
  return menu(facet, facet, [boxes(facet, values, word, keep), allButton(values, keep)], (details) => {
    const kept = state.values[facet];
    check(details, facet, (value) => !kept || kept.includes(value));
    return { isNarrow: Boolean(kept),
      text: !kept ? "all" : kept.length === 1 ? word(kept[0]) : `${kept.length} of ${values.length}` };
  });
}

function backendMenu(backends, nameOf) {
  const show = (ids) => change({ shown: ids.length === backends.length ? null : new Set(ids) });
  return menu("show", "show", [boxes("show", backends, nameOf, show), allButton(backends, show),
    element("p", { class: "note" }, "Who is the best stays as it is.")], (details) => {
    check(details, "show", (id) => !state.shown || state.shown.has(id));
    return { isNarrow: state.shown !== null,
      text: state.shown ? `${state.shown.size} of ${backends.length}` : "all" };
  });
}

function amongMenu(backends, nameOf) {
  const names = [...Object.entries(AMONG).map(([name, { text }]) => [name, text]), ["mine", "my choice"]];
  const choose = (name) => change({ among: name === "mine" ? checked("rank") : name });
  const radios = names.map(([name, text]) => element("label", {}, element("input", { type: "radio",
    name: "among", value: name, change: () => choose(name) }), text));
  const own = boxes("rank", backends, nameOf, (ids) => change({ among: ids }));
  return menu("among", "rank among", [radios, own,
    element("p", { class: "note" }, "Chooses who can be the best.")], (details, view) => {
    const isMine = Array.isArray(state.among);
    check(details, "among", (name) => name === (isMine ? "mine" : state.among));
    check(details, "rank", (id) => view.ranked.has(id));
    return { isNarrow: state.among !== "all",
      text: isMine ? `${view.ranked.size} of ${backends.length}` : AMONG[state.among].text };
  });
}

document.addEventListener("click", ({ target }) => {
  for (const open of document.querySelectorAll(".menu[open]")) {
    if (!open.contains(target)) open.open = false;
  }
});
document.addEventListener("keydown", ({ key }) => {
  const open = key === "Escape" && document.querySelector(".menu[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
