// What the reader chose, kept in the address after # so that a link and the back button keep it.
import { AMONG, backendsOf, FACETS, facetValues } from "../core/filters.js";
import { unpackRun } from "../core/pack.js";
import { toAddress } from "./address.js";

const data = JSON.parse(document.getElementById("data").textContent);
// `start` has the choices of the command line, as an address.
export const { command, start } = data;
export const loaded = data.runs.map((run) => unpackRun(run, data.schema));

// `values` has only the facets that are narrowed, `shown` and `among` as makeView takes them, `section` is
// where the last link led, `pick` is what is chosen inside sections.
export const UNCHOSEN = { text: "", values: {}, shown: null, among: "all", baseline: null };
export const state = { ...UNCHOSEN, run: 0, section: "", pick: {}, isPrinting: false };

export function currentRun() {
  return loaded[state.run];
}

export function toHash() {
  const { run, pick: picked, ...choices } = state;
  return toAddress({ ...choices, picked, run: run === loaded.length - 1 ? null : run });
}

export function fromHash(hash) {
  const bare = /^#[a-z]+$/.test(hash) ? `#in=${hash.slice(1)}` : hash;
  const parts = new URLSearchParams(bare.replace(/^#/, ""));
  const many = (key) => (parts.has(key) ? parts.getAll(key) : parts.has(`no.${key}`) ? [] : null);
  const run = parts.has("run") ? Number(parts.get("run")) : loaded.length - 1;
  const index = loaded[run] ? run : loaded.length - 1;
  const known = backendsOf(loaded[index].rows);
  const own = (names) => names && names.filter((name) => known.includes(name));
  const facets = FACETS.map((facet) => [facet, many(facet)]).filter(([, values]) => values);
  const shown = own(many("show"));
  Object.assign(state, {
    run: index, section: parts.get("in") || "", text: parts.get("text") || "",
    values: Object.fromEntries(facets), shown: shown && new Set(shown),
    among: own(many("rank")) || (Object.hasOwn(AMONG, parts.get("among")) ? parts.get("among") : "all"),
    baseline: known.includes(parts.get("baseline")) ? parts.get("baseline") : null,
    pick: Object.fromEntries([...parts].filter(([key]) => key.startsWith("pick."))
      .map(([key, value]) => [key.slice(5), value])),
  });
}

const listeners = {};

// What to do when choices change: `all()`, `section(id)` for one section, `jump(id)`.
export function listen(own) {
  Object.assign(listeners, own);
}

// Writes the address; `replace` keeps the steps of typing out of the history. Each step remembers where it
// was left.
export function remember(replace = false) {
  const hash = toHash();
  if (hash === (location.hash || "#")) return;
  if (replace) {
    location.replace(hash);
    return;
  }
  history.replaceState({ y: scrollY }, "");
  location.hash = hash;
}

export function change(values, replace = false) {
  Object.assign(state, values);
  remember(replace);
  listeners.all();
}

export function reset() {
  change(UNCHOSEN);
}

export function isFiltered() {
  return Boolean(state.text.trim()) || Object.keys(state.values).length > 0;
}

export function isChanged() {
  return isFiltered() || state.shown !== null || state.among !== "all" || state.baseline !== null;
}

// The values of a facet that stay; all of them are no filter at all.
export function narrow(facet, values) {
  const all = facetValues(currentRun(), facet);
  const kept = all.filter((value) => values.includes(value));
  const rest = { ...state.values };
  delete rest[facet];
  change({ values: kept.length === all.length ? rest : { ...rest, [facet]: kept } });
}

// Called with what was chosen inside a section, which alone depends on it.
export function pick(section, choices, { replace = false, draw = true } = {}) {
  for (const [key, value] of Object.entries(choices)) {
    if (value === null || value === "") delete state.pick[key];
    else state.pick[key] = value;
  }
  remember(replace);
  if (draw) listeners.section(section);
}

// Leads to a section, with choices for it; the address and the back button know.
export function goTo(section, choices = {}) {
  Object.assign(state.pick, choices);
  state.section = section;
  remember();
  if (Object.keys(choices).length) listeners.section(section);
  listeners.jump(section);
}
