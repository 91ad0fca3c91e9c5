// Puts the sections together, and renders those in sight again when a choice changes.
"use strict";

// Sections without an answer in this run say why in one line themselves.
const SECTIONS = [
  ["verdict", "Verdict", renderVerdict], ["ranking", "Ranking", renderRanking],
  ["changes", "Runs side by side", renderChanges],
  ["lookup", "One shape", renderLookup], ["roofline", "Bandwidth against size", renderRoofline],
  ["heat", "Who is fastest where", renderHeat], ["scaling", "Scaling", renderScaling],
  ["cliffs", "Cliffs", renderCliffs], ["accuracy", "Accuracy against speed", renderAccuracy],
  ["price", "Price of a norm", renderPrice], ["rows", "All rows", renderRows],
  ["gaps", "Skips, failures, disturbances", renderGaps],
  ["method", "Method and biases", renderMethod],
].filter(([id]) => id !== "changes" || loaded.length > 1);
const EAGER = ["verdict", "ranking"];
const stale = new Set();
const inSight = new Set();
let view = null;

// What all sections show: the filtered rows, their ranking, and ratios per row.
function makeView() {
  const run = loaded[state.run];
  const rows = filterRows(run, state);
  const baseline = rows.some((row) => row.timed && row.backend === state.baseline)
    ? state.baseline : null;
  const groups = rankGroups(run, rows, baseline);
  const best = compareWithinCases(run, rows);
  const shown = baseline === null ? best : compareWithinCases(run, rows, baseline);
  const index = (records) => new Map(records.map((record) => [record.row.index, record]));
  return {
    run, rows, baseline, groups, timed: rows.filter((row) => row.timed), best,
    toBest: index(best), toShown: index(shown),
    against: baseline === null ? "the best" : baseline,
  };
}

function renderSection(id) {
  const [, , render] = SECTIONS.find(([own]) => own === id);
  const body = document.querySelector(`#${id} > .body`);
  const active = document.activeElement;
  const focus = body.contains(active) && active.id;
  const selection = focus && "selectionStart" in active ? active.selectionStart : null;
  stale.delete(id);
  dropCharts(id);
  body.replaceChildren();
  if (view.rows.length || id === "verdict") render(view, body);
  else append(body, [paragraph("No row passes the filters.")]);
  drawPending();
  const again = focus && document.getElementById(focus);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (selection !== null) again.setSelectionRange(selection, selection);
}

function renderAll() {
  view = makeView();
  renderHeader();
  renderBar(view);
  SECTIONS.forEach(([id]) => stale.add(id));
  for (const [id] of SECTIONS) {
    if (EAGER.includes(id) || inSight.has(id)) renderSection(id);
  }
}

// Called after `state` changed.
function changed(replace = false) {
  remember(replace);
  renderAll();
}

// Called with what was chosen inside a section, which alone depends on it.
function pick(section, choices, replace = false) {
  for (const [key, value] of Object.entries(choices)) {
    if (value === null || value === "") delete state.pick[key];
    else state.pick[key] = value;
  }
  remember(replace);
  renderSection(section);
}

function makeSections() {
  const main = document.getElementById("main");
  append(main, [element("nav", { "aria-label": "Sections" },
    SECTIONS.map(([id, title]) => jump(id, title)))]);
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) inSight.add(target.id);
      else inSight.delete(target.id);
      if (isIntersecting && stale.has(target.id)) renderSection(target.id);
    }
  }, { rootMargin: "400px" });
  for (const [id, title] of SECTIONS) {
    const section = element("section", { id, tabindex: -1, "aria-labelledby": `${id}-title` },
      element("h2", { id: `${id}-title` }, title), element("div", { class: "body" }));
    main.append(section);
    observer.observe(section);
  }
}

// What is folded may hold more that is.
function openAll() {
  for (let details; (details = document.querySelector("main details:not([open])"));) {
    details.open = true;
    if (details.fill) details.fill();
  }
  drawPending();
}

// Paper shows everything, in light colors.
let themeOfScreen;
addEventListener("beforeprint", () => {
  themeOfScreen = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  renderAll();
  [...stale].forEach(renderSection);
  openAll();
  for (const own of [...charts.values()].flat()) own.resize(680, own.height);
});
addEventListener("afterprint", () => {
  if (themeOfScreen) document.documentElement.dataset.theme = themeOfScreen;
  else delete document.documentElement.dataset.theme;
  renderAll();
});
addEventListener("hashchange", () => {
  if ((location.hash || "#") === toHash() || !/^(#.*=.*|#?)$/.test(location.hash)) return;
  fromHash(location.hash);
  renderAll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", renderAll);

fromHash(location.hash);
makeSections();
renderAll();
