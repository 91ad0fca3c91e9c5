// What a reader must know beside the numbers: gaps, failures, trust, and the facts of the machine.
import assert from "node:assert/strict";
import { test } from "node:test";
import { failures, gaps, machineFacts, notMeasured, oldLibraries, remarks, trustNotes, verifiedText }
  from "../../scripts/analysis/core/notes.js";
import { defectText, shortOutcome } from "../../scripts/analysis/core/text.js";
import { ladder, loadRows, machine, makeGap, makeMeta, makeRow, viewOf } from "./synthesis.js";

const SOURCE = "https://example.org/issues/7";
const DEFECT = { what: "dgamma of few rows is | wrong", source: SOURCE };
const defective = (l, known = DEFECT) => makeGap("aten", "failed", `dgamma[${l}] is off`,
  { l, known_defect: known });
const flat = (found) => found.map(({ backend, outcome, reason, cases }) => [backend, outcome, reason, cases]);

test("gaps are counted per backend and reason: failures, most first, what is not built last", () => {
  const rows = [...[1, 2, 3].map((l) => makeGap("a", "unsupported", "c % 3 | <b>", { l })),
    makeGap("a", "failed", "y[3] is off"), makeGap("eigen", "not_built", "absent")];
  const backends = [{ name: "eigen", built: false, reason: "absent" },
    { name: "aten", built: false, reason: "libtorch not found" }, { name: "x", built: true }];
  assert.deepEqual(flat(gaps(viewOf(rows, { meta: { backends } }))), [["a", "failed", "y[3] is off", 1],
    ["a", "unsupported", "c % 3 | <b>", 3], ["eigen", "not built", "absent", 1],
    ["aten", "not built", "libtorch not found", null]]);
});

test("a row that passed without a sample is a gap, a hidden backend has none", () => {
  const rows = [makeRow("a", 1), makeRow("b", 1, { samples_ns: [] }), makeGap("c", "failed", "x")];
  const found = gaps(viewOf(rows, { shown: new Set(["a", "b"]), meta: { backends: [] } }));
  assert.deepEqual(flat(found), [["b", "not timed", "", 1]]);
});

test("a known defect is named once, whatever differs in detail", () => {
  const rows = [...ladder(), defective(16), defective(32), makeGap("simd", "failed", "y", { l: 7 })];
  assert.deepEqual(flat(gaps(viewOf(rows, { meta: { backends: [] } }))), [
    ["aten", `known defect of the library (${SOURCE})`, "dgamma of few rows is | wrong", 2],
    ["simd", "failed", "y", 1]]);
});

test("parts of a known defect may be absent", () => {
  const table = [[null, "failed", "dgamma[16] is off"], [{}, "failed", "dgamma[16] is off"],
    [{ what: "x" }, "known defect of the library", "x"],
    [{ source: "<b>" }, "known defect of the library (<b>)", "dgamma[16] is off"]];
  for (const [known, outcome, reason] of table) {
    const [row] = loadRows([defective(16, known)]).rows;
    assert.deepEqual(defectText(row), [outcome, reason]);
  }
  const [known, passed, gone] = loadRows([defective(16), { ...defective(17), outcome: "passed" },
    makeGap("b", "timed_out", "x")]).rows;
  assert.deepEqual([known, passed, gone].map(shortOutcome), ["known defect", "not timed", "timed out"]);
});

test("failures say in how many rows, and where", () => {
  const rows = [...ladder(), makeGap("simd", "crashed", "y", { l: 7 }), defective(16),
    makeGap("simd", "timed_out", "y", { l: 8 }), makeGap("simd", "unsupported", "y", { l: 9 }),
    makeGap("naive", "failed", "y", { norm: "new", pass: "sideways" }), defective(32)];
  const found = failures(viewOf(rows, { shown: new Set() }));
  assert.deepEqual(found.map(({ backend, rows: count, known }) => [backend, count, known]),
    [["aten", 2, true], ["simd", 1, false], ["simd", 1, false], ["naive", 1, false]]);
  assert.deepEqual(found.map(({ text }) => text), [
    `PyTorch: known defect of the library (${SOURCE}): dgamma of few rows is | wrong in 2 of 2 rows `
    + "(training of batch norm): no time, no rank there",
    "simd, ours: crashed in 1 of 7 rows (training of batch norm): no time, no rank there",
    "simd, ours: did not come back in time in 1 of 7 rows (training of batch norm): no time, no rank there",
    "naive C++, ours: wrong results in 1 of 5 rows (sideways of new norm): no time, no rank there"]);
});

test("of many places the first are named", () => {
  const rows = ["batch", "layer", "rms", "group"].map((norm) => makeGap("a", "failed", "x", { norm }));
  assert.match(failures(viewOf(rows))[0].text,
    /\(training of batch norm, training of layer norm and 2 more\)/);
});

test("what was not measured is by times, not by rows", () => {
  const all = ["batch", "layer", "instance", "group", "rms"].map((norm) => makeRow("a", 1, { norm }));
  const more = [["forward_inference", "f64", "nlc"], ["backward", "bf16", "ncl"],
    ["backward_inference", "f16", "ncl"]].map(
    ([pass, dtype, layout]) => makeRow("a", 1, { pass, dtype, layout }));
  const rest = [makeRow("a", 1, { cache: "cold" }), { ...makeRow("a", 1, { input: "zero" }), case: "z" }];
  assert.equal(notMeasured(viewOf([...all, ...more, ...rest])), "");
  assert.equal(notMeasured(viewOf([...all.slice(0, 4), makeGap("a", "failed", "x", { norm: "rms" }), ...more,
    ...rest])), "Not measured: rms norm.");
});

test("only libraries with a time are old", () => {
  const backends = [["aten", "1.13.0"], ["eigen", "3.4.0"], ["onednn", "3.10"]].map(
    ([name, version]) => ({ name, version }));
  const rows = [...["aten", "onednn", "naive"].map((id) => makeRow(id, 1)), makeGap("eigen", "failed", "x")];
  assert.deepEqual(oldLibraries(viewOf(rows, { meta: { backends } })),
    [{ label: "PyTorch 1.13.0", year: 2022 }]);
});

const CALM = { noise: { floor: 1.01 }, machine: machine({ virtual: false }) };
const trust = (meta, rows = ladder(), more = {}) => trustNotes(
  viewOf(rows, { meta: { ...CALM, ...meta }, ...more }));

test("a run that can be trusted has no notes", () => assert.deepEqual(trust({}), []));

test("each thing that lowers trust has its note", () => {
  const one = (found, words) => {
    assert.equal(found.length, 1);
    assert.match(found[0], words);
  };
  one(trust({ machine: machine({ virtual: true }) }), /^This is a virtual machine/);
  one(trust({ noise: null }), /^No backend was measured twice/);
  one(trust({ build: { ...makeMeta().build, git: "abc-dirty" } }), /not all committed \(abc-dirty\)/);
  assert.deepEqual(trust({ cases: 9 }), []); // said before all else
  one(trust({ warnings: ["the clock is odd", "load average is 0.9"] }), /^the clock is odd$/);
  one(trust({ machine: machine({ virtual: false, load: [0.5, 0, 0] }) }), /\(load 0\.50 on 2 CPUs\)/);
  assert.deepEqual(trust({ machine: machine({ virtual: false, load: [0.4, 9, 9] }) }), []);
  const rows = (copy) => [makeRow("a", 100, { copy_ns: copy }), makeRow("b", 100, { copy_ns: 50, l: 7 })];
  one(trust({}, rows(120)), /^1 row beats the copy of the same data/);
  assert.deepEqual(trust({}, rows(104)), []);
  const controls = Array.from({ length: 4 }, (_, at) => ({ case: ladder()[3 * at].case, twin: "naive",
    twin_samples_ns: ladder()[3 * at].samples_ns.map((value) => 1.1 * value) }));
  one(trust({}, ladder(), { controls }), /^This run is noisy: 4 of 4 comparisons/);
});

test("only what was checked is verified", () => {
  const rows = [makeRow("a", 1), makeGap("b", "failed", "x"), makeGap("c", "unsupported", "x"),
    makeGap("d", "crashed", "x"), makeGap("e", "not_built", "x")];
  assert.equal(verifiedText(rows), "1 of 3 rows of case and backend");
});

test("remarks come with their row", () => {
  const rows = [...ladder(), makeRow("fast", 1, { l: 7, remarks: ["takes 0.9 of a copy", "other"] })];
  assert.deepEqual(remarks(viewOf(ladder())), []);
  assert.deepEqual(remarks(viewOf(rows)).map(({ row, remark }) => [row.backend, row.l, remark]),
    [["fast", 7, "takes 0.9 of a copy"], ["fast", 7, "other"]]);
  assert.deepEqual(remarks(viewOf(rows, { shown: new Set(["simd"]) })), []);
});

const facts = (meta) => Object.fromEntries(machineFacts(loadRows(ladder(), { meta })));

test("facts of the machine, and none of what is unknown", () => {
  const found = facts({});
  assert.deepEqual(found, { host: "box", CPU: "Example CPU", "instruction set": "avx512", cores: "2",
    "usable cores": "2", caches: "L1 data 32.0 KiB shared by 1", memory: "8.00 GiB", "virtual machine": "yes",
    "load at start": "0.10 0.20 0.10", "huge pages": "madvise", kernel: "6.1",
    build: "Release GNU 12.2.0 -O3", normbench: "0.1.0 abc123", environment: "OMP_WAIT_POLICY=passive",
    date: "2026-11-23T20:10:00Z", "noise floor": "1.0% (A/A)",
    verified: "12 of 12 rows of case and backend" });
  assert.equal(facts({ environment: { B: "2", C: "3", A: "1" } }).environment, "A=1 B=2 C=3");
  const bare = facts({ machine: null, build: null, environment: null, started: null, noise: null });
  assert.deepEqual(Object.keys(bare), ["noise floor", "verified"]);
  assert.match(bare["noise floor"], /^not measured/);
  assert.equal(facts({ machine: machine({ virtual: false }) })["virtual machine"], "no");
});

test("both sizes of the last cache where they differ", () => {
  const MIB = 2 ** 20;
  const last = (level) => facts({ machine: machine({ last_level: level }) })["last cache"];
  const sizes = (said, measured) => last({ said_bytes: said * MIB, measured_bytes: measured * MIB });
  assert.equal(sizes(300, 36), "300 MiB by the system, 36.0 MiB measured");
  assert.equal(sizes(16, 36), "16.0 MiB by the system, 36.0 MiB measured");
  assert.deepEqual([sizes(36, 20), sizes(20, 40)], [undefined, undefined]);
  for (const level of [null, {}, 3, { said_bytes: MIB, measured_bytes: null }, { said_bytes: MIB },
    { said_bytes: 0, measured_bytes: MIB }, { said_bytes: "x", measured_bytes: MIB }]) {
    assert.equal(last(level), undefined, JSON.stringify(level));
  }
});
