// Comparison within cases: ratios to the best or to a baseline, ties, rounds that only one has.
import assert from "node:assert/strict";
import { test } from "node:test";
import { apartBackends, bestRows, compareWithinCases, fastest, matchedRows, momentsBackends, nativeBackends,
  roundsDiffer } from "../../scripts/analysis/core/cases.js";
import { close, closeEstimate, loadRows, makeGap, makeRow } from "./synthesis.js";

// The records of one case, by backend; {floor, baseline, ranked}.
function compared(rows, { floor = 1, ...options } = {}) {
  const run = loadRows(rows, { meta: { noise: { floor } } });
  const records = compareWithinCases(run, run.rows, options);
  return Object.fromEntries(records.map((record) => [record.row.backend, record]));
}

const relations = (found) => Object.fromEntries(
  Object.entries(found).map(([backend, { relation }]) => [backend, relation]));

const base = makeRow("base", 100, { jitter: 0.3 });

// A row whose every sample is exactly `factor` times that of the base.
function shifted(backend, factor, fields = {}) {
  return { ...base, backend, samples_ns: base.samples_ns.map((value) => factor * value), ...fields };
}

test("ratios are to the lowest median", () => {
  const found = compared([base, shifted("slow", 1.5), shifted("fast", 0.5)]);
  assert.deepEqual(relations(found), { base: "slower", slow: "slower", fast: "reference" });
  closeEstimate(found.base.estimate, { ratio: 2, lo: 2, hi: 2, count: 12 });
  closeEstimate(found.slow.estimate, { ratio: 3, lo: 3, hi: 3 });
  assert.equal(found.slow.reference.backend, "fast");
});

test("a difference below the noise floor is a tie", () => {
  const rows = [base, shifted("near", 1.04)];
  assert.equal(compared(rows, { floor: 1.05 }).near.relation, "tied");
  assert.equal(compared(rows, { floor: 1.03 }).near.relation, "slower");
});

test("an interval across 1 is a tie", () => {
  const samples = base.samples_ns.map((value, at) => value * (at % 2 ? 1.3 : 0.8));
  const found = relations(compared([base, { ...base, backend: "other", samples_ns: samples }]));
  assert.deepEqual(Object.values(found).sort(), ["reference", "tied"]);
});

test("a native layout is never the best beside others", () => {
  const found = compared([base, shifted("native", 0.5, { native_layout: true })]);
  assert.deepEqual(relations(found), { base: "reference", native: "faster" });
  assert.deepEqual([found.base.competes, found.native.competes], [true, false]);
  close(found.native.estimate.ratio, 0.5);
});

test("a variance by moments is never the best beside others, and is among its like", () => {
  for (const variance of ["moments", "shifted_moments"]) {
    const found = compared([base, shifted("dlib", 0.5, { variance })]);
    assert.deepEqual(relations(found), { base: "reference", dlib: "faster" });
    assert.deepEqual([found.base.competes, found.dlib.competes], [true, false]);
    close(found.dlib.estimate.ratio, 0.5);
  }
  const like = compared([{ ...base, variance: "moments" }, shifted("b", 2, { variance: "moments" })]);
  assert.deepEqual(relations(like), { base: "reference", b: "slower" });
});

test("a native layout is the best among its like", () => {
  const found = compared([{ ...base, native_layout: true }, shifted("b", 2, { native_layout: true })]);
  assert.deepEqual(relations(found), { base: "reference", b: "slower" });
  assert.ok(found.b.competes);
});

test("a baseline may be beaten", () => {
  const found = compared([base, shifted("fast", 0.5)], { baseline: "base" });
  assert.deepEqual(relations(found), { base: "reference", fast: "faster" });
  close(found.fast.estimate.ratio, 0.5);
});

test("the best is sought among those that are ranked, others may beat it", () => {
  const rows = [base, shifted("slow", 1.5), shifted("fast", 0.5)];
  const found = compared(rows, { ranked: new Set(["base", "slow"]) });
  assert.deepEqual(relations(found), { base: "reference", slow: "slower", fast: "faster" });
  assert.equal(found.fast.competes, false);
  closeEstimate(found.fast.estimate, { ratio: 0.5, lo: 0.5, hi: 0.5 });
});

test("a native layout is the best where only such are ranked", () => {
  const rows = [base, shifted("native", 2, { native_layout: true })];
  const found = compared(rows, { ranked: new Set(["native"]) });
  assert.deepEqual(relations(found), { base: "faster", native: "reference" });
});

test("cases without the baseline or without a ranked backend are left out", () => {
  assert.deepEqual(compared([base], { baseline: "other" }), {});
  assert.deepEqual(compared([base], { ranked: new Set(["other"]) }), {});
  assert.deepEqual(compared([{ ...base, outcome: "failed" }]), {});
});

test("a lower median that is not faster in most rounds is tied", () => {
  const lower = makeRow("lower", 1, { samples_ns: [...Array(7).fill(1), ...Array(7).fill(10)] });
  const other = { ...lower, backend: "other",
    samples_ns: [20, 20, ...Array(5).fill(0.9), ...Array(7).fill(9)] };
  const found = compared([lower, other]);
  assert.deepEqual(relations(found), { lower: "reference", other: "tied" });
  close(found.other.estimate.hi, 0.9);
});

test("fewer than six rounds decide nothing", () => {
  const found = compared([makeRow("a", 100, { rounds: 5 }), makeRow("b", 900, { rounds: 5 })]);
  assert.deepEqual(relations(found), { a: "reference", b: "undecided" });
});

test("matched rows are of the cases that all share", () => {
  const rows = [1, 2, 3, 4].flatMap((l) => ["a", "b"].filter((name) => name !== "b" || l !== 4).map(
    (name) => makeRow(name, 1, { l })));
  const [matched, leftOut] = matchedRows(loadRows([...rows, makeRow("rare", 1, { l: 1 })]).rows);
  assert.deepEqual(leftOut, [["rare", 1]]);
  assert.deepEqual(matched.map((row) => [row.l, row.backend]),
    [1, 2, 3].flatMap((l) => [[l, "a"], [l, "b"]]));
});

test("half of the cases are enough to keep a backend", () => {
  const rows = [1, 2, 3, 4].map((l) => makeRow("a", 1, { l }));
  const half = [...rows, makeRow("b", 1, { l: 1 }), makeRow("b", 1, { l: 2 })];
  assert.deepEqual(matchedRows(loadRows(half).rows)[1], []);
  assert.deepEqual(matchedRows(loadRows(half.slice(0, 5)).rows)[1], [["b", 1]]);
  assert.deepEqual(matchedRows(loadRows([...half, makeRow("a", 1, { l: 5 })]).rows)[1], [["b", 2]]);
});

test("native backends are those that were converted in any case", () => {
  const rows = [makeRow("a", 1), makeRow("b", 1), makeRow("b", 1, { l: 7, native_layout: true })];
  assert.deepEqual([...nativeBackends(loadRows(rows).rows)], ["b"]);
  const more = [...rows, makeRow("dlib", 1, { variance: "moments" })];
  assert.deepEqual([...momentsBackends(loadRows(more).rows)], ["dlib"]);
  assert.deepEqual([...apartBackends(loadRows(more).rows)].sort(), ["b", "dlib"]);
});

const FEWEST = 10;
// A machine that is three times as slow after the first rounds.
const SPEEDS = [...Array(FEWEST).fill(1), ...Array(20).fill(3)];

function drifting(backend, factor, rounds, fields = {}) {
  return makeRow(backend, 1, { samples_ns: SPEEDS.slice(0, rounds).map(
    (speed, at) => 100 * factor * speed * (1 + 0.001 * (at % 3))), ...fields });
}

// far got the first rounds only, fast and near all of them.
const behind = (fields) => [drifting("far", 1.6, FEWEST, fields), drifting("near", 1.1, 30, fields),
  drifting("fast", 1, 30, fields)];

test("a ratio is over the rounds that both have", () => {
  const found = compared(behind());
  closeEstimate(found.far.estimate, { ratio: 1.6, lo: 1.6, hi: 1.6, count: FEWEST });
  assert.equal(found.near.estimate.count, 30);
  assert.deepEqual(relations(found), { far: "slower", near: "slower", fast: "reference" });
});

test("the best is the fastest in common rounds, not the lowest median", () => {
  const run = loadRows(behind());
  const [far, , fast] = run.rows;
  assert.ok(far.median_ns < fast.median_ns);
  assert.equal(fastest(run.rows), fast);
  assert.deepEqual(bestRows(compareWithinCases(run, run.rows)), [fast]);
});

test("a row of few rounds is the best where it was the fastest", () => {
  const found = compared([drifting("long", 2, 30), drifting("short", 1.5, FEWEST),
    drifting("native", 1, 30, { native_layout: true })]);
  assert.deepEqual(relations(found), { long: "slower", short: "reference", native: "faster" });
  close(found.long.estimate.ratio, 2 / 1.5);
});

test("a baseline may have few or all rounds", () => {
  for (const baseline of ["far", "fast"]) {
    const found = compared(behind(), { baseline });
    close(found.fast.estimate.ratio / found.far.estimate.ratio, 1 / 1.6);
  }
});

test("whether rounds differ is asked within cases of timed rows", () => {
  const of = (rows) => roundsDiffer(loadRows(rows).rows);
  assert.ok(of(behind()));
  assert.ok(!of([makeRow("a", 1), makeRow("b", 1), makeGap("c", "failed", "x"),
    makeRow("a", 1, { l: 7, rounds: 7 })]));
});
