// The bar of filters, which stays in view: facets, text, baseline, and the run where there are many.
"use strict";

function renderHeader() {
  const header = document.getElementById("header");
  const run = loaded[state.run];
  header.replaceChildren();
  append(header, [
    element("div", {}, element("p", { class: "product" }, "normbench report"),
      element("h1", {}, run.name)),
    element("div", { class: "controls" },
      loaded.length > 1 ? choice("run", "Run", loaded.map((own, index) => [
        String(index), `${own.path}, ${own.machine.host || own.machine.cpu || ""}`]),
      String(state.run), (value) => {
        Object.assign(state, { run: Number(value), filters: {}, baseline: null, pick: {} });
        changed();
      }) : null,
      element("button", { type: "button", id: "theme", click: toggleTheme },
        isDark() ? "Light" : "Dark")),
  ]);
  document.title = `${run.name}: normbench report`;
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  renderAll();
  document.getElementById("theme").focus();
}

// Made anew for each run, and then only brought up to date, so that open menus stay open.
function renderBar(view) {
  const bar = document.getElementById("bar");
  if (bar.dataset.run !== String(state.run)) {
    bar.dataset.run = state.run;
    bar.replaceChildren(makeBar(view.run));
  }
  const narrowed = isNarrowed();
  document.getElementById("count").textContent = narrowed
    ? `${view.rows.length} of ${view.run.rows.length} rows` : `all ${view.run.rows.length} rows`;
  document.getElementById("reset").disabled = !narrowed && state.baseline === null;
  document.getElementById("baseline").value = state.baseline === null ? "" : state.baseline;
  const text = document.getElementById("text");
  if (text.value !== state.text) text.value = state.text;
  for (const facet of bar.querySelectorAll(".facet")) showFacet(facet, view.run);
}

function makeBar(run) {
  const facets = FACETS.map((facet) => [facet, facetValues(run, facet)])
    .filter(([, values]) => values.length > 1);
  const options = [["", "the best of each case"],
    ...facetValues(run, "backend").map((name) => [name, name])];
  return element("details", { class: "bar", open: matchMedia("(min-width: 700px)").matches },
    element("summary", {}, "Filters: ", element("span", { id: "count", role: "status" })),
    element("div", { class: "controls" },
      facets.map(([facet, values]) => makeFacet(facet, values)),
      element("label", { class: "choice", for: "text" }, element("span", {}, "Case"),
        element("input", { id: "text", type: "search", placeholder: "name or 32x512x835",
          autocomplete: "off", input: (event) => {
            state.text = event.target.value;
            changed(true);
          } })),
      choice("baseline", "Ratio to", options, "", (value) => {
        state.baseline = value === "" ? null : value;
        changed();
      }),
      element("button", { type: "button", id: "reset", click: () => {
        Object.assign(state, { filters: {}, text: "", baseline: null });
        changed();
      } }, "Reset")));
}

function makeFacet(facet, values) {
  const boxes = values.map((value) => element("label", {},
    element("input", { type: "checkbox", name: facet, value, change: () => readFacet(facet) }),
    " ", facet === "backend" ? backendLabel(value) : value || "none",
    element("button", { type: "button", class: "link only", click: (event) => {
      event.preventDefault();
      narrow(facet, [value]);
      changed();
    } }, "only")));
  return element("details", { class: "facet", "data-facet": facet },
    element("summary", {}, facet, " ", element("span", { class: "chosen" })),
    element("fieldset", {}, element("legend", {}, facet), boxes,
      element("button", { type: "button", class: "small", click: () => {
        delete state.filters[facet];
        changed();
      } }, "all")));
}

function readFacet(facet) {
  const boxes = [...document.querySelectorAll(`#bar input[name="${facet}"]`)];
  narrow(facet, boxes.filter((box) => box.checked).map((box) => box.value));
  changed();
}

function showFacet(details, run) {
  const { facet } = details.dataset;
  const kept = state.filters[facet];
  const all = facetValues(run, facet);
  for (const box of details.querySelectorAll("input")) {
    box.checked = !kept || kept.includes(box.value);
  }
  details.classList.toggle("narrowed", Boolean(kept));
  details.querySelector(".chosen").textContent = !kept ? "all"
    : kept.length === 1 ? kept[0] : `${kept.length} of ${all.length}`;
}

// Menus close when something else is used, and by Escape.
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll(".facet[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector(".facet[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
