// What of a run is looked at. Cases are chosen: others do not count. Backends are only shown or not:
// whoever is the best stays the best. Which backends are ranked is a choice of its own, `among`.
import { byName, byNumber, groupBy, unique } from "./collections.js";
import { describe, pytorchOf } from "./backends.js";
import { UserError } from "./errors.js";
import { byRegime } from "./groups.js";
import { kernelOf } from "./kernels.js";

// Fields whose values choose cases.
export const FACETS = ["norm", "pass", "dtype", "layout", "threads", "cache", "input", "then", "regime"];
// Who is ranked, by name; any other value is a list of backends.
export const AMONG = { __proto__: null,
  all: { text: "all", best: "the best", of: () => true },
  libraries: { text: "libraries", best: "the best library", of: ({ kind }) => kind === "library" },
  "without-ours": { text: "without ours", best: "the best that is not ours", of: ({ kind }) => kind !== "ours" },
};

// All values of a facet in a run, as text, in the order in which they are offered.
export function facetValues(run, facet) {
  const values = unique(run.rows.map((row) => row[facet]));
  if (facet === "threads") values.sort(byNumber);
  if (facet === "regime") values.sort(byRegime(run.schema));
  return values.map(String);
}

export function backendsOf(rows) {
  return unique(rows.map((row) => row.backend)).sort(byName);
}

// The set of backends that are ranked: those of `among`, a name in AMONG or a list of backends. All
// where nobody is left.
export function rankedBackends(run, among) {
  const backends = backendsOf(run.rows);
  const isIn = Array.isArray(among) ? (id) => among.includes(id)
    : (id) => (AMONG[among] || AMONG.all).of(describe(run, id));
  const found = backends.filter(isIn);
  return new Set(found.length ? found : backends);
}

const SIZE = String.raw`(?:\d+|\?)`;
const SHAPE = new RegExp(String.raw`(?<!\S)[([]?\s*(${SIZE}(?:(?:\s*[x×*,]\s*|\s+)${SIZE}){1,2})\s*[)\]]?(?!\S)`);
const FIELDS = /(?<!\S)(?:(n|c|l|batch|groups|threads)\s*=\s*(\d+)|(\d+)\s*threads?)(?!\S)/g;

// Whether a row's case is wanted; all parts of the text must fit. `32x512x835`, `[32, 512, 835]` and `32 512` are
// shapes, with ? for any number; `c=512` and `2 threads` are fields; a number alone is any size; other words are
// looked for in the case, its names and source, and the names of its backends and kernels.
export function textMatcher(run, text) {
  const tests = [];
  const rest = text.toLowerCase().replace(/\b(torch\.)?nn\./g, "").replace(FIELDS, (_, field, value, threads) => {
    tests.push((row) => row[field || "threads"] === Number(value || threads));
    return " ";
  }).replace(SHAPE, (_, shape) => {
    tests.push(shapeTest(shape.match(/\d+|\?/g)));
    return " ";
  });
  const words = rest.split(/\s+/).filter(Boolean);
  if (words.length) {
    const texts = searchedTexts(run);
    tests.push((row) => words.every((word) => (/^\d+$/.test(word) ? [row.n, row.c, row.l].includes(Number(word))
      : texts.get(row.case).includes(word))));
  }
  return (row) => tests.every((test) => test(row));
}

function shapeTest([n, c, l]) {
  const is = (value, size) => value === "?" || value === String(size);
  if (l !== undefined) return (row) => is(n, row.n) && is(c, row.c) && is(l, row.l);
  return (row) => (is(n, row.n) && is(c, row.c) && row.l === 1) || (is(n, row.c) && is(c, row.l));
}

const LAYERS = { __proto__: null, batch: "batchnorm batchnorm1d batch norm", layer: "layernorm layer norm",
  instance: "instancenorm1d instance norm", group: "groupnorm group norm", rms: "rmsnorm rms norm" };

// Case -> what words are looked for in.
function searchedTexts(run) {
  const labels = new Map(backendsOf(run.rows).map((id) => [id, `${id} ${describe(run, id).label} ${
    pytorchOf([id]) ? "libtorch" : ""}`]));
  return new Map([...groupBy(run.rows, (row) => row.case)].map(([id, rows]) => {
    const [row] = rows;
    return [id, [id, row.name, row.source, LAYERS[row.norm] || "",
      ...rows.map((own) => `${labels.get(own.backend)} ${kernelOf(own)}`)].join(" ").toLowerCase()];
  }));
}

// The rows of the cases with the chosen values ({facet: [value, ...]}) that the text finds.
export function chooseCases(run, { values = {}, text = "" } = {}) {
  const active = Object.entries(values).map(([facet, own]) => [facet, new Set(own)]);
  const matches = textMatcher(run, text);
  return run.rows.filter(
    (row) => active.every(([facet, own]) => own.has(String(row[facet]))) && matches(row));
}

const SHOWN = { backend: 20, case: 5 };

// The patterns of a command line: {backend, withoutBackend, case, withoutCase}, lists of regular
// expressions; flags says what each is called. Returns {rows, shown, warnings}: the rows of the cases
// that are left, and the set of backends that are shown. A case is matched by its id or any of its names.
// Throws UserError for an invalid expression, one that must match and does not, and when nothing is left.
export function applyPatterns(run, patterns, flags) {
  const warnings = [];
  const found = (field, names, searched, isNeeded) => {
    const matched = new Set();
    for (const pattern of patterns[field]) {
      let expression;
      try {
        expression = new RegExp(pattern, "u");
      } catch (error) {
        throw new UserError(`${flags[field]} '${pattern}' is no regular expression: ${error.message}`);
      }
      const own = names.filter((name) => searched(name).some((text) => expression.test(text)));
      own.forEach((name) => matched.add(name));
      if (own.length) continue;
      const kind = /backend/i.test(field) ? "backend" : "case";
      const more = names.length > SHOWN[kind] ? ` and ${names.length - SHOWN[kind]} more` : "";
      const message = `${flags[field]} '${pattern}' matches no ${kind} of `
        + `${run.path}, there are: ${names.slice(0, SHOWN[kind]).join(", ")}${more}`;
      if (isNeeded) throw new UserError(message);
      warnings.push(message);
    }
    return matched;
  };
  const names = new Map(run.rows.map((row) => [row.case, [row.case, ...row.name.split(", ")]]));
  const cases = [...names.keys()];
  const keep = (all, wanted, unwanted, only) => all.filter(
    (name) => (!only.length || wanted.has(name)) && !unwanted.has(name));
  const kept = new Set(keep(cases, found("case", cases, (id) => names.get(id), true),
    found("withoutCase", cases, (id) => names.get(id), false), patterns.case));
  const backends = unique(run.rows.map((row) => row.backend));
  const shown = new Set(keep(backends, found("backend", backends, (id) => [id], true),
    found("withoutBackend", backends, (id) => [id], false), patterns.backend));
  const rows = run.rows.filter((row) => kept.has(row.case));
  if (!rows.some((row) => shown.has(row.backend))) {
    throw new UserError(`the filters together leave nothing of ${run.path}, drop one of them`);
  }
  return { rows, shown, warnings };
}

