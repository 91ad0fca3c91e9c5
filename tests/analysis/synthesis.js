// Makes up runs with known times: rows, the texts of the files of a run, folders, and loaded runs.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import url from "node:url";
import { loadRun } from "../../scripts/analysis/core/rows.js";
import { makeView } from "../../scripts/analysis/core/view.js";

export const ROOT = path.resolve(path.dirname(url.fileURLToPath(import.meta.url)), "../..");
export const REFERENCE = path.join(ROOT, "results", "reference");
export const SCHEMA = JSON.parse(fs.readFileSync(path.join(ROOT, "results", "schema.json"), "utf8"));
export const FILES = { meta: "run.json", samples: "samples.jsonl", controls: "controls.jsonl" };
export const ROUNDS = 12;
const ITEM_BYTES = { f64: 8, f32: 4, bf16: 2, f16: 2 };
export const PASSES = ["forward_training", "forward_inference", "backward"];

// Numbers in [0, 1) that follow from the text alone.
export function randomOf(text) {
  let state = 2166136261;
  for (const character of text) state = Math.imul(state ^ character.codePointAt(0), 16777619);
  return () => {
    state = (state + 0x6D2B79F5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// A number of the standard normal distribution, by Box and Muller.
export function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export function shuffled(values, random) {
  const left = [...values];
  return values.map(() => left.splice(Math.floor(random() * left.length), 1)[0]);
}

export function shapeId({ n, c, l, batch, groups }) {
  return `n${n}_c${c}_l${l}${batch === n ? "" : `_b${batch}`}${groups > 1 ? `_g${groups}` : ""}`;
}

// A row whose samples are baseNs times noise of `jitter`, a share; other fields override the rest. The copy
// takes the same for all, as it does in one run and the next.
export function makeRow(backend, baseNs, { rounds = ROUNDS, jitter = 0.002, seed = 1, ...fields } = {}) {
  const what = { norm: "batch", pass: "forward_training", dtype: "f32", layout: "ncl", n: 64, c: 256, l: 128,
    groups: 1, threads: 1, cache: "warm", then: "nothing", ...fields };
  what.batch = fields.batch ?? what.n;
  const problem = `${what.norm}/${what.pass}/${what.dtype}/${what.layout}/${shapeId(what)}`;
  const id = `${problem}/t${what.threads}/${what.cache}${what.then === "read" ? "/read" : ""}`;
  const random = randomOf(`${id} ${backend} ${seed}`);
  const samples = Array.from({ length: rounds }, () => baseNs * (1 + jitter * (2 * random() - 1)));
  return { problem, case: id, eps: 1e-5, momentum: 0.1, affine: true, name: "", source: "", backend,
    regime: "L2", outcome: "passed", reason: "", detail: "loop", native_layout: false, samples_ns: samples,
    iterations: 10, copy_ns: 50, bytes: 2 * (ITEM_BYTES[what.dtype] || 4) * what.n * what.c * what.l,
    error: 0.25, grade: "A", allocations: 0, prepare_ns: 1000, preempted: 0, faults: 0, ...what };
}

// A row without a time.
export function makeGap(backend, outcome, reason, fields = {}) {
  return makeRow(backend, 1, { outcome, reason, samples_ns: [], error: null, ...fields });
}

// What run.json says; fields override.
export function makeMeta(fields = {}) {
  return { schema: SCHEMA.schema, name: "test", started: "2026-11-23T20:10:00Z",
    finished: "2026-11-23T20:20:00Z", interrupted: false,
    command: ["normbench", "run", "configs/test.toml"],
    config: { path: "configs/test.toml", text: "", analysis: "Which one?" },
    machine: { host: "box", cpu: "Example CPU", cores: 2, memory_bytes: 2 ** 33,
      caches: [{ level: 1, type: "data", bytes: 32768, shared_by: 1 }], isa: "avx512", kernel: "6.1",
      cpu_quota: null, affinity: 2, governor: null, load: [0.1, 0.2, 0.1], huge_pages: "madvise",
      virtual: true },
    build: { type: "Release", compiler: "GNU 12.2.0", flags: "-O3", git: "abc123", version: "0.1.0" },
    backends: [{ name: "naive", version: "1", built: true },
      { name: "aten", built: false, reason: "libtorch not found" }],
    environment: { OMP_WAIT_POLICY: "passive" }, timing: { min_rounds: 6 },
    ceilings: [{ threads: 1, bytes: 65536, regime: "L2", plain_gbs: 20, streaming_gbs: 15, gbs: 20 }],
    noise: { cases: 4, within_2_percent: 1, floor: 1.01 }, seed: 1, outcomes: { passed: 4 }, warnings: [],
    ...fields };
}

export function machine(fields) {
  return { ...makeMeta().machine, ...fields };
}

function linesOf(entries) {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}

// The texts of the files of a run: {meta, samples, controls}; `meta` are keys of run.json.
export function makeTexts(rows, { controls = [], meta = {} } = {}) {
  return { meta: JSON.stringify(makeMeta(meta)), samples: linesOf(rows), controls: linesOf(controls) };
}

// Writes the files of a run; returns the folder.
export function writeRun(folder, rows, options = {}) {
  fs.mkdirSync(folder, { recursive: true });
  for (const [part, text] of Object.entries(makeTexts(rows, options))) {
    fs.writeFileSync(path.join(folder, FILES[part]), text);
  }
  return folder;
}

// A new folder, which is gone after the test `t`.
export function temporary(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "normbench-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// The run of these rows, as loaded by the analysis, without a file; {path, controls, meta}.
export function loadRows(rows, { path: place = "results/run", ...options } = {}) {
  return loadRun({ path: place, ...makeTexts(rows, options) }, SCHEMA);
}

// A view of the run of these rows: {shown, among, baseline} of makeView, the rest of loadRows.
export function viewOf(rows, { shown, among, baseline, ...options } = {}) {
  return makeView(loadRows(rows, options), { shown, among, baseline });
}

// The texts of a folder on the disk; `controls` is null without the file.
export function readTexts(folder) {
  const read = (name) => fs.readFileSync(path.join(folder, name), "utf8");
  return { path: folder, meta: read(FILES.meta), samples: read(FILES.samples),
    controls: fs.existsSync(path.join(folder, FILES.controls)) ? read(FILES.controls) : null };
}

let known = null;

// The run in results/reference, loaded once; tests do not change it.
export function reference() {
  known ??= loadRun(readTexts(REFERENCE), SCHEMA);
  return known;
}

// openmp 1x, simd tied with it, naive 4x, over four sizes in two regimes.
export function ladder(fields = {}) {
  return [[16, "L2"], [32, "L2"], [1024, "DRAM"], [2048, "DRAM"]].flatMap(([l, regime]) => (
    [["naive", 4], ["openmp", 1], ["simd", 1.0005]].map(([backend, factor]) => (
      makeRow(backend, 100 * l * factor, { l, regime, ...fields })))));
}

// Two backends over `cases` sizes, the second `factor` times as slow. Fewer than six have no ranks.
export function two(fast, slow, factor, { cases = 6, ...fields } = {}) {
  return Array.from({ length: cases }, (_, at) => 2 ** at).flatMap((l) => (
    [[fast, 1], [slow, factor]].map(
      ([backend, ratio]) => makeRow(backend, 100 * l * ratio, { l, ...fields }))));
}

// Two numbers that are the same but for rounding.
export function close(actual, expected, relative = 1e-9, message = "") {
  const isClose = actual === expected || Math.abs(actual - expected) <= relative * Math.abs(expected);
  assert.ok(isClose, `${message}${message && ": "}${actual} is not ${expected} to ${relative}`);
}

// The estimates of a golden value or by hand: {ratio, lo, hi, count}, where lo and hi may be null.
export function closeEstimate(actual, { ratio, lo, hi, count }, relative = 1e-9, message = "") {
  close(actual.ratio, ratio, relative, `${message} ratio`);
  for (const [key, end] of [["lo", lo], ["hi", hi]]) {
    if (end === null) assert.equal(actual[key], null, `${message} ${key}`);
    else if (end !== undefined) close(actual[key], end, relative, `${message} ${key}`);
  }
  if (count !== undefined) assert.equal(actual.count, count, `${message} count`);
}
