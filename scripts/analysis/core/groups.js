// Groups of like cases: what keeps cases apart, in which order groups come, how they are called.
import { byPlaceIn, groupBy, keyOf, sortedBy, unique } from "./collections.js";
import { passText, thenText, threadsText } from "./text.js";

// Cases that differ in one of these never count together.
export const KEYS = ["norm", "pass", "dtype", "layout", "threads", "cache", "input", "then"];
// What is measured in the same way: groups that differ in the pass alone.
export const SETTING = KEYS.filter((key) => key !== "pass");
// The kind of work.
export const KIND = ["norm", "dtype", "layout"];
// All that makes a case.
export const CASE = [...KEYS, "n", "c", "l", "batch", "groups", "eps", "momentum", "affine"];
// The norm that is the identity: what the others are measured against.
export const CONTROL = "none";
// The lists of results/schema.json that order the values of a field.
export const LISTS = { norm: "norms", pass: "passes", dtype: "dtypes", layout: "layouts", cache: "caches",
  input: "inputs", then: "thens", regime: "regimes" };

// What makes a case, but for some fields: equal for rows that differ in these alone.
export function caseWithout(row, ...fields) {
  return keyOf(row, CASE.filter((field) => !fields.includes(field)));
}

export function byRegime(schema) {
  return byPlaceIn(schema.regimes);
}

// [{keys, rows}]: what is used most first, the control last, most threads first, passes in their order.
export function likeCases(rows, schema) {
  const groups = [...groupBy(rows, (row) => keyOf(row, KEYS)).values()]
    .map((own) => ({ keys: Object.fromEntries(KEYS.map((key) => [key, own[0][key]])), rows: own }));
  return sortedBy(groups, ({ keys }) => [Number(keys.norm === CONTROL),
    ...["norm", "dtype", "layout", "cache", "input", "then"].map((key) => placeOf(schema, key, keys)),
    -keys.threads, placeOf(schema, "pass", keys)]);
}

// The place of what a row or a group has in the list of the schema; what is not in it is last.
export function placeOf(schema, key, keys) {
  const list = schema[LISTS[key]];
  return list.includes(keys[key]) ? list.indexOf(keys[key]) : list.length;
}

// Whether a row is of the group.
export function isOf({ keys }) {
  return (row) => KEYS.every((key) => row[key] === keys[key]);
}

// Groups of several passes that were measured in the same way: [[group, ...], ...].
export function settingsOf(groups) {
  return [...groupBy(groups, (group) => keyOf(group.keys, SETTING)).values()];
}

const WORDS = {
  norm: (value) => `${value} norm`, pass: passText,
  threads: threadsText, cache: (value) => `${value} cache`, input: (value) => `${value} input`,
  then: thenText,
};

function words(keys, shown) {
  return shown.map((key) => (WORDS[key] ? WORDS[key](keys[key]) : String(keys[key]))).join(", ");
}

// What the keys of groups or rows are called: a function of them to their pass and threads in words, and what
// else differs in `among`.
export function titlesIn(among, hidden = []) {
  const shown = KEYS.filter((key) => !hidden.includes(key) && (key === "pass" || key === "threads"
    || unique(among.map((keys) => keys[key])).length > 1));
  return (keys) => words(keys, shown);
}

// All that makes a setting: `batch norm, f32, ncl, 2 threads`; what is usual is left out.
export function settingTitle(keys) {
  return words(keys, SETTING.filter((key) => !(key === "cache" && keys.cache === "warm")
    && !(key === "input" && keys.input === "random") && !(key === "then" && keys.then === "nothing")));
}

// The kind of work: `batch norm, f32, ncl`.
export function kindTitle(keys) {
  return words(keys, KIND);
}

// All that makes a group.
export function fullTitle(keys) {
  return `${passText(keys.pass)}, ${settingTitle(keys)}`;
}
