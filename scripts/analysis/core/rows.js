// Loads the files of a run folder into rows, with every defect named.
import { keyOf, sortedBy } from "./collections.js";
import { UserError } from "./errors.js";
import { placeOf } from "./groups.js";
import { measureNoise } from "./noise.js";
import { isTold, partialText } from "./partial.js";
import { areTimes, median } from "./statistics.js";

const EMPTY = { text: "", count: 0, number: null, flag: false, times: [], texts: [], object: {} };
const IS = {
  text: (value) => typeof value === "string",
  count: (value) => Number.isInteger(value),
  number: (value) => typeof value === "number",
  flag: (value) => typeof value === "boolean",
  times: areTimes,
  texts: (value) => Array.isArray(value) && value.every((text) => typeof text === "string"),
  object: isObject,
};
// Outcomes of rows that were checked, and of those that did not pass.
export const CHECKED = ["passed", "failed", "crashed", "timed_out"];
export const FAILED = CHECKED.slice(1);
const ITEM_BYTES = { f64: 8, f32: 4, bf16: 2, f16: 2 };

// Loads one run from the texts of its files: `controls` is null where the file is missing; `schema` is
// results/schema.json. Returns {path, name, meta, rows, noise, warnings, partial, schema, ...}; rows are in
// the order of the file, or in the order of tables where cases are measured in a mixed one. Times are
// nanoseconds per call. `partial` says how many of its cases the run measured and why not all; it is
// empty when it did. Throws UserError for what is no run, of another schema, or without a whole row.
export function loadRun({ path, meta: metaText, samples, controls }, schema) {
  const warnings = [];
  const meta = readMeta(path, metaText, schema);
  let rows = readRows(samples, schema, warnings, path);
  if (Array.isArray(meta.case_ids)) rows = inOrder(rows, schema);
  rows.forEach(derive);
  let twins = [];
  if (controls === null) warnings.push("controls.jsonl is missing: the noise floor is the recorded one, if any");
  else twins = readLines("controls.jsonl", controls, warnings).map(([, entry]) => entry);
  const partial = partialText(meta, rows);
  if (!partial && (meta.interrupted || !meta.finished)) {
    warnings.push(`${folderOf(path)} did not finish: only the cases it got to are here`);
  }
  const noise = measureNoise(rows.filter((row) => row.timed), twins, meta.noise);
  return makeRun({ path, meta, rows, noise, warnings, partial }, schema);
}

// The run with what is derived from its parts; the page makes it from what is packed into it.
export function makeRun({ path, meta, rows, noise, warnings, partial }, schema) {
  const folder = folderOf(path);
  const section = (key) => (isObject(meta[key]) ? meta[key] : {});
  const list = (value, isWanted) => (Array.isArray(value) ? value.filter(isWanted) : []);
  const { caches, load } = section("machine");
  return {
    path, folder, meta, rows, noise, partial, schema, loading: warnings,
    name: String(meta.name || folder), started: String(meta.started || ""),
    year: /^\d{4}/.test(String(meta.started)) ? Number(String(meta.started).slice(0, 4)) : null,
    machine: { ...section("machine"), caches: list(caches, isObject), load: list(load, Number.isFinite) },
    build: section("build"), environment: section("environment"), config: section("config"),
    backends: list(meta.backends, isObject), ceilings: list(meta.ceilings, isObject),
    // What the run recorded and what loading it found, without what `partial` says.
    warnings: [...list(meta.warnings, (text) => !(partial && isTold(String(text)))).map(String), ...warnings],
    ratios: new Map(),
  };
}

function folderOf(path) {
  return path.split("/").filter(Boolean).at(-1) || path;
}

// What of a row follows from its fields.
export function derive(row, index) {
  row.index = index;
  row.timed = row.outcome === "passed" && row.samples_ns.length > 0;
  row.median_ns = row.timed ? median(row.samples_ns) : null;
  row.elements = row.n * row.c * row.l;
  row.whole = row.batch === 0 || row.batch === row.n;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readMeta(path, text, schema) {
  let meta;
  try {
    meta = JSON.parse(text);
  } catch {
    throw new UserError(`${path}/run.json is empty or cut off, run the benchmark again`);
  }
  const found = isObject(meta) ? meta.schema : undefined;
  if (found !== schema.schema) {
    throw new UserError(`${path}/run.json has schema ${JSON.stringify(found ?? null)}, this normbench reads `
      + `schema ${schema.schema}: use the version that wrote it, or run again`);
  }
  return meta;
}

// [[line number, object]]; torn lines become warnings.
function readLines(name, text, warnings) {
  const lines = text.trimEnd().split("\n");
  const entries = [];
  lines.forEach((line, at) => {
    if (!line.trim()) return;
    let entry = null;
    try {
      entry = JSON.parse(line);
    } catch { /* told below */ }
    if (isObject(entry)) entries.push([at + 1, entry]);
    else if (at + 1 === lines.length) {
      warnings.push(`${name}: the last line is torn and was left out, as after a killed run`);
    } else {
      warnings.push(`${name}: LINE ${at + 1} IS DAMAGED and was left out: the file was changed after the `
        + "run, or the disk is at fault");
    }
  });
  return entries;
}

function readRows(text, schema, warnings, path) {
  const found = new Map();
  const defects = [];
  for (const [number, entry] of readLines("samples.jsonl", text, warnings)) {
    const defect = defectOf(entry, schema);
    if (defect) {
      defects.push(`line ${number}: ${defect}`);
      continue;
    }
    const row = Object.fromEntries(schema.samples.map(
      ({ name, type }) => [name, entry[name] ?? EMPTY[type]]));
    if (entry.groups === undefined || entry.groups === null) row.groups = 1;
    if (entry.threads === undefined || entry.threads === null) row.threads = 1;
    if (!row.input) row.input = schema.inputs[0];
    if (!row.then) row.then = schema.thens[0];
    const key = keyOf(entry, ["case", "backend"]);
    if (found.has(key)) {
      warnings.push(`samples.jsonl: line ${number} repeats ${entry.backend} in ${entry.case}, the later line `
        + "counts");
    }
    found.set(key, row);
  }
  if (!found.size) {
    throw new UserError(defects.length ? `${path}/samples.jsonl has no whole row, ${defects[0]}`
      : `${path}/samples.jsonl has no finished case, run again`);
  }
  if (defects.length) {
    warnings.push(`samples.jsonl: ${defects.length} ROWS WERE LEFT OUT, the first is ${defects[0]}`);
  }
  return [...found.values()];
}

// What keeps a row from being one of this schema, empty when nothing does.
function defectOf(entry, schema) {
  for (const { name, type, required } of schema.samples) {
    const value = entry[name];
    if (required && typeof value !== "string") {
      return `field '${name}' is missing or no text, expected a row of schema ${schema.schema}`;
    }
    if (value === undefined || value === null || IS[type](value)) continue;
    if (type === "times") return `field '${name}' must be a list of positive numbers`;
    return `field '${name}' is ${JSON.stringify(value)}, expected a row of schema ${schema.schema}`;
  }
  const known = (value) => value === undefined || value === null || typeof value === "number";
  const isAccuracy = (found) => isObject(found) && known(found.bound) && known(found.ulp);
  if (entry.accuracy && !Object.values(entry.accuracy).every(isAccuracy)) {
    return "field 'accuracy' must hold the numbers bound and ulp for each kind of input";
  }
  return "";
}

// What is used most first, most threads first, small shapes first.
function inOrder(rows, schema) {
  const places = (row, ...keys) => keys.map((key) => placeOf(schema, key, row));
  return sortedBy(rows, (row) => [...places(row, "norm", "dtype", "layout"), -row.threads,
    ...places(row, "cache", "input", "then", "pass"), row.n * row.c * row.l, row.n, row.c, row.l, row.batch,
    row.groups, row.case]);
}

// Effective bandwidth: compulsory bytes / median time, in 1e9 bytes per second; or null.
export function bandwidth(row) {
  return row.timed && row.bytes > 0 ? row.bytes / row.median_ns : null;
}

// Bandwidth of the copy of one input-sized tensor in the rounds of the case: one read, one write; or null.
export function copyBandwidth(row) {
  const bytes = row.elements * ITEM_BYTES[row.dtype];
  return row.copy_ns > 0 && bytes > 0 ? 2 * bytes / row.copy_ns : null;
}

// Effective bandwidth as a share of the copy's; or null.
export function copyShare(row) {
  const [own, copy] = [bandwidth(row), copyBandwidth(row)];
  return own !== null && copy !== null ? own / copy : null;
}

// The time in units of `bound`, the least time that the pass can take; or null.
export function timesBound(row) {
  return row.timed && row.bound_ns > 0 ? row.median_ns / row.bound_ns : null;
}
