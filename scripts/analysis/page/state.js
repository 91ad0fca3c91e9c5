// What the reader chose, kept in the address after # so that a link and the back button keep it.
"use strict";

// `filters` has only the facets that are narrowed; `pick` is what is chosen inside sections.
const state = { run: 0, text: "", baseline: null, filters: {}, pick: {} };

function toHash() {
  const parts = new URLSearchParams();
  if (state.run !== loaded.length - 1) parts.set("run", state.run);
  for (const facet of FACETS) {
    for (const value of state.filters[facet] || []) parts.append(facet, value);
    if (state.filters[facet] && !state.filters[facet].length) parts.append(`no.${facet}`, "");
  }
  if (state.text) parts.set("text", state.text);
  if (state.baseline !== null) parts.set("baseline", state.baseline);
  for (const [key, value] of Object.entries(state.pick)) parts.set(`in.${key}`, value);
  return `#${parts}`;
}

function fromHash(hash) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const run = parts.has("run") ? Number(parts.get("run")) : loaded.length - 1;
  const index = loaded[run] ? run : loaded.length - 1;
  const baseline = parts.get("baseline");
  const filters = {};
  for (const facet of FACETS) {
    if (parts.has(facet)) filters[facet] = parts.getAll(facet);
    else if (parts.has(`no.${facet}`)) filters[facet] = [];
  }
  const picks = [...parts].filter(([key]) => key.startsWith("in."));
  Object.assign(state, {
    run: index, text: parts.get("text") || "", filters,
    baseline: facetValues(loaded[index], "backend").includes(baseline) ? baseline : null,
    pick: Object.fromEntries(picks.map(([key, value]) => [key.slice(3), value])),
  });
}

// Writes the address; `replace` keeps the steps of typing out of the history.
function remember(replace) {
  const hash = toHash();
  if (hash === (location.hash || "#")) return;
  if (replace) location.replace(hash);
  else location.hash = hash;
}

function narrow(facet, values) {
  const all = facetValues(loaded[state.run], facet);
  const kept = all.filter((value) => values.includes(value));
  if (kept.length === all.length) delete state.filters[facet];
  else state.filters[facet] = kept;
}

function isNarrowed() {
  return Boolean(state.text.trim()) || Object.keys(state.filters).length > 0;
}
