// Groups of like cases and what they are called, as headings.py does.
"use strict";

const KEYS = ["norm", "pass", "dtype", "layout", "threads", "cache", "input"];
const KIND = ["norm", "dtype", "layout"];
const CONTROL = "none";
const MOST_USED_INPUT = "random";
const MOST_USED = { norm: "batch", dtype: "f32", layout: "ncl" };

function keyText(row, keys = KEYS) {
  return JSON.stringify(keys.map((key) => row[key]));
}

// [{keys, rows}]: what is used most first, the control last, else as run.
function likeCases(rows) {
  const groups = [...groupBy(rows, (row) => keyText(row)).values()].map((own) => ({
    keys: Object.fromEntries(KEYS.map((key) => [key, own[0][key]])), rows: own,
  }));
  const seen = Object.fromEntries(
    KIND.map((key) => [key, unique(groups.map((group) => group.keys[key]))]));
  const place = ({ keys }) => [Number(keys.norm === CONTROL), ...KIND.map(
    (key) => (keys[key] === MOST_USED[key] ? -1 : seen[key].indexOf(keys[key])))];
  return groups.map((group) => [place(group), group])
    .sort(([a], [b]) => firstDifference(a, b)).map(([, group]) => group);
}

function firstDifference(a, b) {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : a[at] - b[at];
}

function differs(key, among) {
  return new Set(among.map((keys) => keys[key])).size > 1;
}

function titleOf(keys, among, hidden = []) {
  const shown = KEYS.filter((key) => !hidden.includes(key)
    && (key === "pass" || key === "threads" || differs(key, among)));
  const words = new Map(shown.map((key) => [key, String(keys[key])]));
  if (words.has("threads")) words.set("threads", threadsText(keys.threads));
  if (words.has("input")) words.set("input", `${keys.input} input`);
  if (words.has("norm") && words.has("pass")) {
    words.set("pass", `${words.get("norm")} ${words.get("pass")}`);
    words.delete("norm");
  }
  return [...words.values()].join(", ");
}

function fullTitle(keys) {
  return `${keys.norm} ${keys.pass}, ${keys.dtype}, ${keys.layout}, `
    + `${threadsText(keys.threads)}, ${keys.cache}`
    + (keys.input === MOST_USED_INPUT ? "" : `, ${keys.input} input`);
}

function kindTitle(keys, among) {
  const storage = KIND.filter((key) => key !== "norm" && differs(key, among))
    .map((key) => keys[key]).join(" and ");
  if (!differs("norm", among)) return storage;
  return `${keys.norm} norm${storage ? ` in ${storage}` : ""}`;
}

function threadsText(threads) {
  return countText(threads, "thread");
}
