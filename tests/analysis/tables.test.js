// Tables of single sections: the matrix of shapes, kernels, the performance profile, costs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { costTable, payoffCalls } from "../../scripts/analysis/core/costs.js";
import { isReferenceKernel, kernelMeaning, kernelOf, kernelTable }
  from "../../scripts/analysis/core/kernels.js";
import { shapeMatrices } from "../../scripts/analysis/core/matrix.js";
import { FACTORS, performanceProfile } from "../../scripts/analysis/core/profile.js";
import { makeView } from "../../scripts/analysis/core/view.js";
import { close, makeGap, makeRow, reference, two, viewOf } from "./synthesis.js";

const exact = (backend, ns, fields) => makeRow(backend, ns, { jitter: 0, ...fields });

test("a matrix has a line per case and a cell per backend that has a row", () => {
  const rows = [exact("b", 200, { l: 1 }), exact("a", 100, { l: 1 }), makeGap("c", "failed", "x", { l: 1 }),
    exact("a", 100, { l: 2 }), exact("native", 50, { l: 2, native_layout: true }),
    makeGap("c", "failed", "x", { l: 3 })];
  const [matrix] = shapeMatrices(viewOf(rows));
  assert.deepEqual([matrix.backends, matrix.marksOf("native"), matrix.marksOf("a")],
    [["a", "b", "c", "native"], { isNative: true, isMoments: false }, { isNative: false, isMoments: false }]);
  assert.deepEqual(matrix.lines.map(({ row, best }) => [row.l, best && best.backend]),
    [[1, "a"], [2, "a"], [3, null]]);
  const cells = matrix.lines.map((line) => Object.fromEntries([...line.cells].map(
    ([backend, { estimate, relation }]) => [backend, estimate && [estimate.ratio, relation]])));
  assert.deepEqual(cells[0], { b: [2, "slower"], a: [1, "reference"], c: null });
  assert.deepEqual(cells[1], { a: [1, "reference"], native: [0.5, "faster"] });
  assert.deepEqual(cells[2], { c: null });
});

test("backends of a matrix stand from fast to slow, by the mean of their ratios", () => {
  const rows = [["a", 100, 900], ["b", 200, 100], ["c", 150, 300]].flatMap(([id, one, other]) => [
    exact(id, one, { l: 1 }), exact(id, other, { l: 2 })]); // means 3, 1.41 and 2.12
  assert.deepEqual(shapeMatrices(viewOf(rows))[0].backends, ["b", "c", "a"]);
  assert.deepEqual(shapeMatrices(viewOf(rows, { shown: new Set(["a", "b"]) }))[0].backends, ["b", "a"]);
});

test("matrices are one per group, of the rows that are wanted, to the baseline", () => {
  const rows = [...two("a", "b", 2, { jitter: 0 }), ...two("a", "b", 2, { threads: 2, name: "net" })];
  const view = viewOf(rows, { baseline: "b" });
  assert.deepEqual(shapeMatrices(view).map(({ keys, lines }) => [keys.threads, lines.length]),
    [[2, 6], [1, 6]]);
  const named = shapeMatrices(view, { isWanted: (row) => row.name !== "" });
  assert.deepEqual(named.map(({ keys }) => keys.threads), [2]);
  const [line] = shapeMatrices(view)[1].lines;
  close(line.cells.get("a").estimate.ratio, 0.5);
  assert.deepEqual([line.cells.get("a").relation, line.best.backend], ["faster", "a"]);
});

test("the kernel is what a row says beside its circumstances", () => {
  const table = { "rows, 2 threads, AVX512F, streaming": "rows",
    "AVX3, runs, 2 reads, 1 thread, streaming": "runs",
    "AVX3, rows, 1 thread": "rows",
    "jit:avx512_core, 1 thread": "jit:avx512_core", "1 thread": "", "": "",
    "columns, 3 reads, fetching, SSSE3": "columns",
    "2 threads of 4, ref:any": "ref:any", "a, b": "a, b" };
  for (const [detail, kernel] of Object.entries(table)) assert.equal(kernelOf({ detail }), kernel, detail);
});

test("which kernels are references", () => {
  const isNone = (name) => !isReferenceKernel(name);
  assert.deepEqual(["ref", "ref:any", "x, reference", "REF", "jit_ref", "ref_1"].filter(isNone), []);
  assert.deepEqual(["prefetch", "pref:4", "refined", "references"].filter(isReferenceKernel), []);
});

test("kernels of the reference run mean something", () => {
  const kernels = [...new Set(reference().rows.map(kernelOf).filter(Boolean))];
  assert.ok(kernels.includes("ncsp_bnorm:any"));
  assert.deepEqual(kernels.filter((kernel) => !kernelMeaning(kernel)), []);
  assert.equal(kernelMeaning("unheard of"), "");
});

test("per backend and norm the kernels, the slowest first, with the mean and the worst", () => {
  const rows = [...[1, 2].map((l) => exact("fast", 100, { l, detail: "rows" })),
    exact("lib", 200, { l: 1, detail: "jit, 1 thread" }), exact("lib", 800, { l: 2, detail: "any" }),
    exact("lib", 100, { l: 4, detail: "any" }), exact("fast", 100, { l: 4, detail: "1 thread" }),
    makeGap("lib", "failed", "x", { l: 5, detail: "any" })];
  const found = kernelTable(viewOf(rows)).map((own) => [own.backend, own.kernel, own.rows,
    Number(own.ratio.ratio.toFixed(6)), Number(own.worst.ratio.toFixed(6)), own.worst.row.l, own.where]);
  assert.deepEqual(found, [["fast", "rows", 2, 1, 1, 1, "C = 256"],
    ["lib", "any", 2, 2.828427, 8, 2, "C = 256, L > 1"], ["lib", "jit", 1, 2, 2, 1, "C = 256, L = 1"]]);
});

test("where a kernel is dispatched to", () => {
  const where = (shapes) => kernelTable(viewOf(shapes.map(([c, l]) => makeRow("a", 1, { c, l }))))[0].where;
  assert.equal(where([[54, 1], [9, 1]]), "C = 9, 54, L = 1");
  assert.equal(where([[1, 1], [2, 1], [3, 1], [4, 1]]), "L = 1");
  assert.equal(where([[1, 1], [2, 1], [3, 7], [4, 1]]), "C up to 4");
});

test("a profile is the share of cases within a factor of the best", () => {
  const ratios = [1, 1.05, 1.3, 1.8, 3];
  const rows = ratios.flatMap((ratio, at) => [exact("best", 100, { l: at + 1 }),
    exact("b", 100 * ratio, { l: at + 1 })]);
  const view = viewOf([...rows, exact("b", 1, { threads: 2 })]);
  const [best, b] = performanceProfile(view, view.whole[1]);
  assert.deepEqual([best.backend, best.shares, FACTORS], ["best", [1, 1, 1], [1.1, 1.5, 2]]);
  assert.deepEqual([b.backend, b.cases, b.shares], ["b", 5, [2 / 5, 3 / 5, 4 / 5]]);
  assert.deepEqual(b.ratios.map((ratio) => Number(ratio.toFixed(6))), ratios);
  assert.deepEqual(performanceProfile(viewOf(rows, { shown: new Set(["b"]) }), view.whole[1])
    .map(({ backend }) => backend), ["b"]);
});

test("a profile is ordered by the first share that differs", () => {
  const rows = [["a", 100, 140], ["b", 100, 120], ["c", 300, 100]].flatMap(([id, one, other]) => [
    exact(id, one, { l: 1 }), exact(id, other, { l: 2 })]);
  const view = viewOf(rows);
  assert.deepEqual(performanceProfile(view, view.whole[0]).map(({ backend }) => backend), ["a", "b", "c"]);
  const same = viewOf(["b", "a", "c"].map((id) => exact(id, 100)));
  assert.deepEqual(performanceProfile(same, same.whole[0]).map(({ backend }) => backend), ["a", "b", "c"]);
});

test("costs are medians, most and sums over the rows that passed", () => {
  const rows = [[1, 1000, 0], [2, 3000, 2], [3, 9000, 0]].map(([l, ns, count]) => makeRow("a", 1, { l,
    prepare_ns: ns, allocations: count, cpus: 1 + 0.3 * l, faults: 2, preempted: l }));
  const unknown = { prepare_ns: null, allocations: null, cpus: null, faults: null, preempted: null };
  const found = costTable(viewOf([...rows, makeRow("b", 1, { l: 9, ...unknown }),
    makeGap("a", "failed", "x", { l: 7, allocations: 99 }), makeGap("c", "failed", "x")]));
  assert.deepEqual(found.map(({ backend, prepare, allocations, faults, preempted }) => (
    [backend, prepare, allocations, faults, preempted])),
  [["a", 3000, 2, 6, 6], ["b", null, null, null, null]]);
  close(found[0].cpus, 1.6);
});

// Calls after which preparing pays off, of rows [backend, ns, prepare_ns] of several cases.
function payoffs(...cases) {
  const rows = cases.flatMap((own, at) => own.map(([id, ns, prepare]) => (
    exact(id, ns, { l: at + 1, prepare_ns: prepare }))));
  return Object.fromEntries([...payoffCalls(viewOf(rows))].map(([id, { calls, never, cases: count }]) => (
    [id, [calls, never, count]])));
}

test("preparing pays off after the calls that gain what it costs more", () => {
  // 995 ns more, 10 ns less in each call: 99.5 calls.
  assert.deepEqual(payoffs([["cheap", 100, 10], ["dear", 90, 1005]]), { dear: [100, 0, 1] });
  assert.deepEqual(payoffs([["cheap", 100, 10], ["dear", 50, 10]]), { dear: [1, 0, 1] });
  assert.deepEqual(payoffs([["cheap", 100, 10], ["dear", 100, 50]]), { dear: [Infinity, 1, 1] });
  assert.deepEqual(payoffs([["cheap", 100, 10], ["dear", 200, 50]]), { dear: [Infinity, 1, 1] });
});

test("what pays off is against the library that is the cheapest to prepare", () => {
  assert.deepEqual(payoffs([["simd", 90, 110], ["aten", 100, 10], ["eigen", 200, 20], ["naive", 500, 0]]),
    { simd: [10, 0, 1], eigen: [Infinity, 1, 1], naive: [Infinity, 1, 1] });
  const rows = [exact("simd", 90, { prepare_ns: 110 }), exact("naive", 100, { prepare_ns: 10 }),
    exact("onednn-blocked", 50, { prepare_ns: 0, native_layout: true })];
  const ours = payoffCalls(viewOf(rows.slice(0, 2)));
  assert.deepEqual([...ours].map(([id, { calls }]) => [id, calls]), [["simd", 10]]);
  // A native layout is no library that takes the data as it is.
  const beside = payoffCalls(viewOf([...rows, exact("aten", 100, { prepare_ns: 60 })]));
  assert.equal(beside.get("simd").calls, 5);
});

test("payoff is the median over the cases, and never where most never do", () => {
  const pays = (calls) => [["cheap", 100, 0], ["dear", 99, calls]];
  const never = [["cheap", 100, 0], ["dear", 100, 5]];
  assert.deepEqual(payoffs(pays(10), pays(30), never), { dear: [30, 1, 3] });
  assert.deepEqual(payoffs(pays(10), never, never), { dear: [Infinity, 2, 3] });
  assert.deepEqual(payoffs([["cheap", 100, 0], ["dear", 99, null]]), {});
});

test("the reference run has a payoff of all but the cheapest", () => {
  const found = costTable(makeView(reference()));
  assert.equal(found.length, 7);
  for (const { payoff } of found) {
    assert.ok(payoff === null || (payoff.cases >= payoff.never && payoff.cases <= 210));
  }
});
