// Puts the sections together, draws those in sight again when a choice changes, and the rest when idle.
import { chooseCases } from "../core/filters.js";
import { isReadNext } from "../core/reading.js";
import { makeView } from "../core/view.js";
import { drawBar, drawHeader, runLabel } from "./bar.js";
import { element, openAll, paragraph, present } from "./dom.js";
import { answerSection, rankingSection } from "./sections/answer.js";
import { accuracySection, bandwidthSection, costsSection, heatSection, otherSection, profileSection,
  readingSection, scalingSection } from "./sections/relative.js";
import { gapsSection, methodSection, rowsSection, runsSection } from "./sections/runs.js";
import { cliffsSection, kernelsSection, lookupSection, matrixSection } from "./sections/shapes.js";
import { chartWidth } from "./names.js";
import { change, currentRun, fromHash, goTo, listen, loaded, reset, start, state, toHash } from "./state.js";

const SECTIONS = [
  ["answer", "Answer", answerSection], ["shapes", "Shapes", matrixSection],
  ["lookup", "One shape", lookupSection], ["ranking", "Ranking", rankingSection],
  ["kernels", "Kernels", kernelsSection], ["cliffs", "Cliffs", cliffsSection],
  ["runs", "Runs side by side", runsSection], ["profile", "Performance profile", profileSection],
  ["bandwidth", "Bandwidth", bandwidthSection], ["heat", "Who is fastest where", heatSection],
  ["scaling", "Scaling", scalingSection], ["other", "Other norms and types", otherSection],
  ["reading", "When the output is read next", readingSection],
  ["accuracy", "Accuracy", accuracySection], ["costs", "Costs", costsSection],
  ["rows", "All rows", rowsSection],
  ["gaps", "Skips and failures", gapsSection], ["method", "Method and words", methodSection],
].filter(([id]) => (id !== "runs" || loaded.length > 1)
  && (id !== "reading" || loaded.some(({ rows }) => isReadNext(rows))));
const stale = new Set();
const inSight = new Set();
let view = null;
let drawnWidth = 0;

function viewOf(run) {
  const { shown, among, baseline } = state;
  return makeView(run, { rows: chooseCases(run, state), shown, among, baseline });
}

function drawSection(id) {
  const [, , draw] = SECTIONS.find(([own]) => own === id);
  const body = document.querySelector(`#${id} > .body`);
  const active = document.activeElement;
  const focus = body.contains(active) && active.id;
  stale.delete(id);
  body.removeAttribute("aria-busy");
  const isEmpty = !view.rows.length || !view.shownRows.length;
  body.replaceChildren(...present([isEmpty && id !== "method" ? empty(id) : draw(view, { viewOf })]));
  const again = focus && document.getElementById(focus);
  if (again) again.focus({ preventScroll: true });
}

// Nothing passes: says so, who else has it, and how to get back.
function empty(id) {
  const what = view.rows.length ? "No backend is shown." : "No row passes the filters.";
  const others = view.rows.length ? [] : loaded.map((run, at) => [run, at]).filter(
    ([run, at]) => at !== state.run && chooseCases(run, state).length);
  return [paragraph(what, " ", element("button", { type: "button", click: reset }, "Reset")),
    others.map(([run, at]) => paragraph(`This run never measured that; ${runLabel(run)} did. `,
      element("button", { type: "button", click: () => {
        change({ run: at });
        goTo(id);
      } }, "Show that run")))];
}

function drawAll() {
  drawnWidth = chartWidth();
  view = viewOf(currentRun());
  drawHeader(view);
  drawBar(view);
  for (const [id] of SECTIONS) {
    stale.add(id);
    document.querySelector(`#${id} > .body`).setAttribute("aria-busy", "true");
  }
  for (const [id] of SECTIONS) if (id === "answer" || inSight.has(id)) drawSection(id);
  whenIdle();
}

const later = window.requestIdleCallback || ((call) => setTimeout(call, 50));
let isWaiting = false;

function whenIdle() {
  if (isWaiting || !stale.size) return;
  isWaiting = true;
  later(() => {
    isWaiting = false;
    const next = SECTIONS.find(([id]) => stale.has(id));
    if (next) drawSection(next[0]);
    whenIdle();
  });
}

function drawStale() {
  [...stale].forEach(drawSection);
}

// What is above the target must not grow after the jump.
function jump(id) {
  const target = document.getElementById(id);
  if (!target) return;
  drawStale();
  measureBar();
  target.scrollIntoView({ behavior: "instant" });
  target.focus({ preventScroll: true });
}

// What is jumped to stays clear of the bar.
function measureBar() {
  const { height } = document.getElementById("bar").getBoundingClientRect();
  document.documentElement.style.scrollPaddingTop = `${height + 12}px`;
  document.documentElement.style.setProperty("--bar", `${height}px`);
}

function makeSections() {
  const main = document.getElementById("main");
  const links = SECTIONS.map(([id, title]) => element("li", {}, element("a", { href: `#${id}`, "data-to": id,
    click: (event) => {
      event.preventDefault();
      goTo(id);
    } }, title)));
  document.getElementById("nav").append(element("ul", {}, links));
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) inSight.add(target.id);
      else inSight.delete(target.id);
      if (isIntersecting && stale.has(target.id)) drawSection(target.id);
    }
    const first = SECTIONS.find(([id]) => inSight.has(id) && isBelowBar(id));
    for (const link of document.querySelectorAll("#nav a")) {
      if (first && link.dataset.to === first[0]) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-140px 0px 0px 0px" });
  for (const [id, title] of SECTIONS) {
    const section = element("section", { id, tabindex: -1, "aria-labelledby": `${id}-title` },
      element("h2", { id: `${id}-title` }, title), element("div", { class: "body" }));
    main.append(section);
    watcher.observe(section);
  }
}

function isBelowBar(id) {
  return document.getElementById(id).getBoundingClientRect().bottom > 160;
}

// Light or dark: what the system or the reader chose last.
const { dataset } = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
const followSystem = () => { dataset.theme = system.matches ? "dark" : "light"; };
followSystem();
system.addEventListener("change", followSystem);

// Paper shows everything, in light colors.
let themeOfScreen;
addEventListener("beforeprint", () => {
  themeOfScreen = dataset.theme;
  dataset.theme = "light";
  state.isPrinting = true;
  drawAll();
  drawStale();
  openAll(document.getElementById("main"), ":not(.screen)");
});
addEventListener("afterprint", () => {
  dataset.theme = themeOfScreen;
  state.isPrinting = false;
  drawAll();
});

// Pictures are as wide as the text.
addEventListener("resize", () => {
  if (state.isPrinting || Math.abs(chartWidth() - drawnWidth) < 40) return;
  drawnWidth = chartWidth();
  drawAll();
});

// The back button, or an address that was typed.
addEventListener("hashchange", () => {
  if ((location.hash || "#") === toHash()) return;
  const before = state.section;
  fromHash(location.hash || start);
  drawAll();
  const left = history.state && history.state.y;
  if (typeof left === "number") {
    drawStale();
    scrollTo({ top: left, behavior: "instant" });
  } else if (state.section !== before || /^#[a-z]+$/.test(location.hash)) {
    jump(state.section || "main");
  }
});

new ResizeObserver(measureBar).observe(document.getElementById("bar"));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});

history.scrollRestoration = "manual";
listen({ all: drawAll, section: drawSection, jump });
fromHash(location.hash || start);
makeSections();
drawAll();
if (history.state && typeof history.state.y === "number") {
  drawStale();
  scrollTo(0, history.state.y);
} else if (state.section) {
  jump(state.section);
}
