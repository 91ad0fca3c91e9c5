// What of a run is looked at: values of facets, and text that a case or its name contains.
"use strict";

const FACETS = ["backend", "norm", "pass", "dtype", "layout", "threads", "cache", "input",
  "regime"];

// All values of a facet in a run, as text, in the order in which they are offered.
function facetValues(run, facet) {
  const values = unique(run.rows.map((row) => row[facet]));
  if (facet === "threads") values.sort(byNumber);
  if (facet === "regime") values.sort(byRegime);
  if (facet === "backend") values.sort(byName);
  return values.map(String);
}

function filterRows(run, state) {
  const active = Object.entries(state.filters).map(([facet, values]) => [facet, new Set(values)]);
  const matches = textMatcher(state.text);
  return run.rows.filter(
    (row) => active.every(([facet, values]) => values.has(String(row[facet]))) && matches(row));
}

// `32x512x835`, `(32, 512, 835)` and `32 512` are shapes; other text is a part of the case and
// its name, whatever the case of the letters.
function textMatcher(text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return () => true;
  if (/^\(?\d+(\s*[x×*,\s]\s*\d+){1,2}\)?$/.test(wanted)) {
    const [n, c, l = 1] = wanted.match(/\d+/g).map(Number);
    return (row) => row.n === n && row.c === c && row.l === l;
  }
  return (row) => `${row.case} ${row.name}`.toLowerCase().includes(wanted);
}
