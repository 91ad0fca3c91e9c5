// What parts of several sections look alike: backends, shapes, groups, pictures.
import { lookOf, markerPath } from "../charts/marks.js";
import { KEYS, likeCases, settingsOf, settingTitle, titlesIn } from "../core/groups.js";
import { MOMENTS_MARK, shapeText } from "../core/text.js";
import { choice, copyButton, element, note, vector } from "./dom.js";
import { goTo, pick, state } from "./state.js";

export function marker(view, id, isHollow = false) {
  const look = lookOf(view, id);
  return vector({ tag: "svg", attributes: { class: "marker", viewBox: "0 0 12 12", "aria-hidden": "true" },
    children: [{ tag: "path", attributes: { d: markerPath(look.marker, 6, 6, 4), stroke: look.ink,
      fill: isHollow ? "none" : look.fill, "stroke-width": isHollow ? "1.6" : "1" } }] });
}

// `PyTorch 1.13.0` and, on a second line, what else one must know of it.
export function backendHead(view, { backend: id, isNative, isMoments }) {
  const { label, kind } = view.backends.get(id);
  const [name, ...rest] = label.split(", ");
  return element("span", { class: "backend", title: id },
    element("span", { class: "name" }, marker(view, id, isNative || isMoments), ` ${name}`),
    element("span", { class: "aside" }, `${rest.join(", ") || kind}${isMoments ? MOMENTS_MARK : ""}${
      isNative ? " *" : ""}`));
}

// The same in one line.
export function backendName(view, id) {
  return element("span", { class: "who", title: id }, marker(view, id), ` ${view.label(id)}`);
}

// Leads to the answer for the case of a row.
export function caseLink(row, text = shapeText(row), more = {}) {
  return element("a", { href: "#lookup", title: `${row.case}${row.name ? `, ${row.name}` : ""}`, ...more,
    click: (event) => {
      event.preventDefault();
      goTo("lookup", { case: row.case });
    } }, text);
}

// A button that copies a command; README calls the program by its place in the checkout.
export function reproduce(text) {
  const whole = `build/release/${text}`;
  return copyButton(whole, "copy", `copy: ${whole}`);
}

export const idOf = (keys) => KEYS.map((key) => keys[key]).join("/");

// The group of like cases that a section is about, with the control that chooses it.
export function chooseGroup(view, section, label = "Of") {
  const groups = likeCases(view.rows, view.schema).filter(({ rows }) => rows.some((row) => row.timed
    && view.toBest.has(row.index)));
  if (!groups.length) return { group: null, control: null };
  const title = titlesIn(groups.map(({ keys }) => keys));
  const group = groups.find(({ keys }) => idOf(keys) === state.pick[`${section}.of`]) || groups[0];
  const control = groups.length === 1 ? null : choice(`${section}-of`, label, groups.map(
    ({ keys }) => [idOf(keys), title(keys)]), idOf(group.keys),
  (value) => pick(section, { [`${section}.of`]: value }));
  return { group, control };
}

// The groups measured in one way, a pass each, with the control that chooses the way.
export function chooseSetting(view, section) {
  const settings = settingsOf(view.whole);
  if (!settings.length) return { groups: [], control: null };
  const titles = settings.map(([{ keys }]) => settingTitle(keys));
  const at = Math.max(0, titles.indexOf(state.pick[`${section}.of`]));
  return { groups: settings[at], title: titles[at], control: settings.length === 1 ? null : choice(
    `${section}-of`, "Of", titles.map((title) => [title, title]), titles[at],
    (value) => pick(section, { [`${section}.of`]: value })) };
}

// Pictures are drawn as wide as the text is.
export function chartWidth() {
  if (state.isPrinting) return 980;
  return Math.max(300, Math.min(980, document.getElementById("main").clientWidth - 24));
}

// A picture whose legend shows and hides what belongs to a backend.
export function picture(chart, what = "picture") {
  if (!chart) return note(`There is nothing to draw for this ${what}.`);
  const svg = vector(chart.tree);
  const hidden = new Set();
  for (const entry of svg.querySelectorAll("g.entry[data-backend]")) {
    const { backend } = entry.dataset;
    entry.setAttribute("role", "button");
    entry.setAttribute("tabindex", "0");
    entry.setAttribute("aria-pressed", "true");
    entry.setAttribute("aria-label", `${entry.textContent.trim()} shown`);
    const toggle = () => {
      if (!hidden.delete(backend)) hidden.add(backend);
      entry.setAttribute("aria-pressed", String(!hidden.has(backend)));
      for (const own of svg.querySelectorAll(`g.series[data-backend="${CSS.escape(backend)}"]`)) {
        own.classList.toggle("gone", hidden.has(backend));
      }
    };
    entry.addEventListener("click", toggle);
    entry.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle();
    });
  }
  return element("figure", { class: "chart" }, svg);
}

// What a section says when this run has nothing for it.
export function nothing(text) {
  return element("p", { class: "nothing" }, ...text.split(/(configs\/\w+\.toml)/).map(
    (part, at) => (at % 2 ? element("code", {}, part) : part)));
}
