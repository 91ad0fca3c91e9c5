// Cliffs: each reason for being one by itself, and what is listed of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cliffCounts, findCliffs, isSpelledTwice, MOST_CLIFFS, worstInTurn }
  from "../../scripts/analysis/core/cliffs.js";
import { close, makeRow, viewOf } from "./synthesis.js";

const cliffsOf = (rows, options) => findCliffs(viewOf(rows, options));
const exact = (backend, ns, fields) => makeRow(backend, ns, { jitter: 0, ...fields });

// What makes rows a cliff: [[case, backend, reasons], ...].
const whys = (found) => found.map(({ row, reasons }) => [row.case, row.backend, reasons.join(", ")]);

// One backend over sizes of 1000 elements times powers of 2, so much slower per element.
function alone(factors, fields = {}) {
  return factors.map((factor, at) => exact("a", 1000 * 2 ** (at + 1) * factor,
    { n: 10, c: 100, l: 2 ** (at + 1), ...fields }));
}

test("far off the best, and reference kernels", () => {
  const rows = [exact("fast", 100), exact("twice", 200, { detail: "prefetch" }),
    exact("slow", 500, { detail: "jit:avx2" }), exact("ok", 110, { detail: "ref:any" }),
    exact("fine", 110, { detail: "pref:4" })];
  const found = cliffsOf(rows);
  assert.deepEqual(whys(found), [[rows[0].case, "slow", "the best"],
    [rows[0].case, "ok", "reference kernel"]]);
  close(found[0].estimate.ratio, 5);
  assert.deepEqual(cliffCounts(found), [["slow", 1], ["ok", 1]]);
  assert.deepEqual(found.map(({ steepness }) => steepness.toFixed(3)), ["5.000", "1.000"]);
});

test("far off its neighbors, per element", () => {
  const rows = alone([1, 1, 3, 1, 1]);
  assert.deepEqual(whys(cliffsOf(rows)), [[rows[2].case, "a", "its neighbors 3.00x"]]);
});

test("neighbors are at most two on either side", () => {
  // The median of 1, 1, 3, 3 is 2: no cliff. With the far ones it would be 1, and 3 off it.
  assert.deepEqual(cliffsOf(alone([1, 1, 1, 1, 3, 3, 3])), []);
  assert.deepEqual(cliffsOf(alone([3, 3, 3, 1, 1, 1, 1])), []);
});

test("neighbors are within a factor of 8", () => {
  const of = (sizes) => cliffsOf(sizes.map(([l, cost]) => exact("a", l * cost, { n: 1, c: 1, l })));
  // Two of the three count beside 8000: 2000, and 1000 or 64000, which are just within.
  for (const sizes of [[1000, 2000, 8000, 64001], [999, 2000, 8000, 64000]]) {
    const found = of(sizes.map((l) => [l, l === 8000 ? 3 : 1]));
    assert.deepEqual(whys(found).map(([, , why]) => why), ["its neighbors 3.00x"]);
  }
  // Now 2000 is the only neighbor of 8000, and one is not enough.
  assert.deepEqual(of([[999, 1], [2000, 1], [8000, 3], [64001, 1]]), []);
});

test("exactly twice its neighbors is no cliff", () => {
  assert.deepEqual(cliffsOf(alone([1, 1, 2, 1, 1])), []);
});

test("neighbors are of one group, mini-batch, backend and kind of L", () => {
  for (const other of [{ norm: "rms" }, { pass: "backward" }, { threads: 2 }, { cache: "cold" },
    { batch: 5 }]) {
    assert.deepEqual(cliffsOf([...alone([1, 1, 1, 1, 1]), ...alone([5, 5, 5, 5, 5], other)]), []);
  }
  // Each backend has other cases, so none is off the best of its own.
  const far = alone([9, 9, 9, 9, 9, 9]).slice(3).map((row) => ({ ...row, backend: "b" }));
  assert.deepEqual(cliffsOf([...alone([1, 1, 1]), ...far]), []);
  const rows = [4, 8, 16, 32].flatMap((c) => [[1, 5], [4, 2.6]].map(
    ([l, cost]) => exact("a", 100 * c * cost, { n: 8, c: c * 100 / l, l })));
  assert.deepEqual(cliffsOf(rows), []);
});

test("the same data spelled as another shape", () => {
  const rows = [[64, 16, 100], [1, 1024, 150], [1024, 1, 250]].map(
    ([n, l, ns]) => exact("a", ns, { n, c: 64, l }));
  const found = cliffsOf(rows);
  assert.deepEqual(whys(found), [[rows[2].case, "a", "(64, 64, 16) 2.50x"]]);
  assert.equal(found[0].spelling.of.l, 16);
});

test("other data is no other spelling", () => {
  for (const other of [{ n: 512, l: 1 }, { c: 32, n: 1024 }, { n: 1024, batch: 64 }, { n: 1024, groups: 4 },
    { n: 1024, threads: 2 }, { n: 1024, norm: "rms" }]) {
    const rows = [exact("a", 100, { c: 64, l: 16 }), exact("a", 900, { c: 64, l: 1, ...other })];
    assert.deepEqual(cliffsOf(rows), [], JSON.stringify(other));
  }
});

test("the same data in another layout is a cliff with its factor", () => {
  const where = { norm: "group", pass: "backward", n: 4, c: 32, l: 576, groups: 8 };
  const rows = [exact("aten", 100, where), exact("aten", 990, { ...where, layout: "nlc" }),
    exact("simd", 90, where), exact("simd", 150, { ...where, layout: "nlc" })];
  // By itself, as a report of one backend has it, where it is the best of its case.
  const found = cliffsOf(rows.slice(0, 2));
  assert.deepEqual(whys(found), [[rows[1].case, "aten", "ncl 9.90x"]]);
  close(found[0].steepness, 9.9);
  assert.equal(found[0].estimate.ratio, 1);
  assert.deepEqual(whys(cliffsOf(rows)), [[rows[1].case, "aten", "the best, ncl 9.90x"]]);
});

test("the slow layout may be either, and groups, eps and shape must be the same", () => {
  const of = (...rows) => whys(cliffsOf(rows)).map(([, , why]) => why);
  assert.deepEqual(of(exact("a", 500), exact("a", 100, { layout: "nlc" })), ["nlc 5.00x"]);
  for (const other of [{ n: 8 }, { l: 7 }, { groups: 2 }, { batch: 8 }, { eps: 1e-3 }, { affine: false },
    { threads: 2 }, { pass: "backward" }]) {
    assert.deepEqual(of(exact("a", 500), exact("a", 100, { layout: "nlc", ...other })), [],
      JSON.stringify(other));
  }
});

test("the same data in another type is a cliff beyond what its bytes explain", () => {
  const of = (f32, other, dtype) => whys(cliffsOf([exact("a", f32), exact("a", other, { dtype })])).map(
    ([id, , why]) => `${id.split("/")[2]}: ${why}`);
  assert.deepEqual(of(100, 390, "f64"), []); // twice the bytes, 1.95 times as long for each
  assert.deepEqual(of(100, 500, "f64"), ["f64: f32 2.50x"]);
  assert.deepEqual(of(100, 190, "bf16"), []);
  assert.deepEqual(of(100, 300, "bf16"), ["bf16: f32 3.00x"]); // half the bytes excuse nothing
  assert.deepEqual(of(100, 30, "bf16"), []); // 3.33 times as long for twice the bytes
  assert.deepEqual(of(100, 20, "bf16"), ["f32: bf16 2.50x"]);
});

test("of several spellings the steepest is told", () => {
  const rows = [exact("a", 900), exact("a", 300, { layout: "nlc" }), exact("a", 200, { dtype: "bf16" })];
  assert.deepEqual(whys(cliffsOf(rows)), [[rows[0].case, "a", "nlc 3.00x"]]);
});

test("whether anything was spelled twice", () => {
  const of = (...rows) => isSpelledTwice(viewOf(rows).timed);
  assert.ok(of(exact("a", 100), exact("a", 100, { layout: "nlc" })));
  assert.ok(!of(exact("a", 100), exact("b", 100, { layout: "nlc" })));
  assert.ok(!of(exact("a", 100, { n: 0, batch: 0 }), exact("a", 100, { n: 0, batch: 0, layout: "nlc" })));
});

test("reasons add up, and the steepest is first", () => {
  const rows = [exact("fast", 100), exact("slow", 300, { detail: "ref" }), ...alone([1, 1, 9, 1, 1])];
  assert.deepEqual(whys(cliffsOf(rows)), [[rows[4].case, "a", "its neighbors 9.00x"],
    [rows[0].case, "slow", "the best, reference kernel"]]);
});

test("empty tensors are no neighbors", () => {
  assert.deepEqual(cliffsOf([...alone([1, 1, 1]), exact("a", 50, { n: 0, batch: 0, c: 100, l: 4 })]), []);
});

test("hidden backends have no cliffs and stay the best of others", () => {
  const rows = [exact("fast", 100), exact("slow", 500), exact("odd", 900)];
  assert.deepEqual(whys(cliffsOf(rows, { shown: new Set(["slow"]) })), [[rows[0].case, "slow", "the best"]]);
});

test("a list is capped without hiding a backend", () => {
  const rows = Array.from({ length: 40 }, (_, at) => at + 2).flatMap((l) => [
    makeRow("fast", 100 * l, { l }), makeRow("naive", 1000 * l, { l })]);
  const found = cliffsOf([...rows, makeRow("odd", 600, { l: 2 })]);
  const listed = worstInTurn(found);
  assert.deepEqual([found.length, listed.length, MOST_CLIFFS], [41, 30, 30]);
  assert.ok(listed.some(({ row }) => row.backend === "odd"));
  assert.deepEqual(listed, [...listed].sort((a, b) => b.steepness - a.steepness));
});

test("ids of cases are not taken apart", () => {
  const rows = [...alone([1, 1, 3, 1, 1]), exact("a", 900, { c: 9 }),
    exact("a", 100, { c: 9, layout: "nlc" })];
  const named = rows.map((row, at) => ({ ...row, case: `${at}`, problem: "x/y" }));
  const reasons = (found) => found.map((cliff) => cliff.reasons.join(", "));
  assert.deepEqual(reasons(cliffsOf(named)), ["nlc 9.00x", "its neighbors 3.00x"]);
  assert.deepEqual(reasons(cliffsOf(named)), reasons(cliffsOf(rows)));
});
