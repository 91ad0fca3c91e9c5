// Bandwidth, the share of the copy, the bound, and what the chart of them is drawn from.
import assert from "node:assert/strict";
import { test } from "node:test";
import { aboveCopy, bandwidthTable, cachesOf, ceilingTable, roofline }
  from "../../scripts/analysis/core/roofline.js";
import { bandwidth, copyBandwidth, copyShare, timesBound } from "../../scripts/analysis/core/rows.js";
import { close, loadRows, makeGap, makeRow, viewOf } from "./synthesis.js";

const rowOf = (fields, ns = 200) => loadRows([makeRow("a", ns, { jitter: 0, ...fields })]).rows[0];
const rooflineOf = (view) => roofline(view, { ...view.whole[0], rows: view.rows });
const tableOf = (view) => bandwidthTable(view, { ...view.whole[0], rows: view.rows });

test("the share of the copy: one read and one write of the input", () => {
  const row = rowOf({ bytes: 800, n: 2, c: 5, l: 10, copy_ns: 100 });
  close(bandwidth(row), 4);
  close(copyBandwidth(row), 2 * 100 * 4 / 100);
  close(copyShare(row), 0.5);
  for (const [dtype, share] of [["f64", 0.25], ["bf16", 1], ["f16", 1]]) {
    close(copyShare(rowOf({ bytes: 800, n: 2, c: 5, l: 10, copy_ns: 100, dtype })), share);
  }
});

test("a share of what is unknown is unknown", () => {
  for (const fields of [{ copy_ns: null }, { copy_ns: 0 }, { bytes: null }, { dtype: "f8" }]) {
    assert.equal(copyShare(rowOf(fields)), null, JSON.stringify(fields));
  }
  const [gap] = loadRows([makeGap("a", "failed", "x", { bound_ns: 5 })]).rows;
  assert.deepEqual([bandwidth(gap), copyShare(gap), timesBound(gap)], [null, null, null]);
});

test("times the bound, which is the least time of a pass", () => {
  close(timesBound(rowOf({ bound_ns: 50 })), 4);
  for (const bound of [null, 0]) assert.equal(timesBound(rowOf({ bound_ns: bound })), null);
});

test("rows above the copy by more than 5%, the farthest first", () => {
  const fields = { bytes: 800, n: 2, c: 5, l: 10, jitter: 0 };
  const { rows } = loadRows([[1, 107], [2, 120], [3, 104], [4, null]].map(
    ([l, copy]) => makeRow("a", 100, { ...fields, l, bytes: 80 * l, copy_ns: copy })));
  assert.deepEqual(aboveCopy(rows).map((row) => [row.l, copyShare(row).toFixed(2)]),
    [[2, "1.20"], [1, "1.07"]]);
});

test("per backend and regime: median bandwidth and share, mean times the bound", () => {
  const rows = [[1, 100, "L2"], [2, 200, "L2"], [3, 400, "L2"], [4, 100, "DRAM"]].map(([l, ns, regime]) => (
    makeRow("a", ns, { l, regime, jitter: 0, n: 1, c: 100, bytes: 8000, copy_ns: 50, bound_ns: ns / l })));
  const { regimes, lines } = tableOf(viewOf([...rows, makeRow("0", 100, { l: 9, bytes: null }),
    makeRow("9", 100, { l: 1, bytes: 8000, jitter: 0, copy_ns: null })]));
  assert.deepEqual([regimes, lines.map(({ backend }) => backend)], [["L2", "DRAM"], ["9", "a"]]);
  const [l2, dram] = lines[1].cells;
  assert.deepEqual([l2.cases, dram.cases], [3, 1]);
  close(l2.gbs, 40);
  close(l2.share, 40 / (2 * 200 * 4 / 50));
  close(l2.bound, 6 ** (1 / 3));
  close(dram.gbs, 80);
  assert.deepEqual(lines[0].cells, [{ regime: "L2", cases: 1, gbs: 80, share: null, bound: null },
    { regime: "DRAM", cases: 0, gbs: null, share: null, bound: null }]);
});

test("points, and a line through the medians of ranges of the working set", () => {
  const sizes = [1024, 1500, 2047, 2048, 1 << 20];
  const view = viewOf(sizes.flatMap((bytes, at) => ["a", "b"].map((name) => (
    makeRow(name, 100 * (at + 1), { l: at + 1, bytes, jitter: 0 })))), { shown: new Set(["a"]) });
  const { points, lines, copies } = rooflineOf(view);
  assert.deepEqual(points.map(({ bytes }) => bytes), sizes);
  close(points[1].gbs, 1500 / 200);
  assert.deepEqual(lines.map(({ backend }) => backend), ["a"]);
  // 1024 times 2.25 is a little more than 11 powers of two: ranges are of two.
  assert.deepEqual(lines[0].points.map(({ bytes }) => bytes), [1773.5, 1 << 20]);
  close(lines[0].points[0].gbs, (1500 / 200 + 2047 / 300) / 2);
  assert.equal(copies.length, sizes.length);
});

test("ranges are powers of two where the sizes are near each other", () => {
  const view = viewOf([1500, 2047, 2048, 1024].map((bytes, at) => makeRow("a", 100, { l: at + 1, bytes })));
  assert.deepEqual(rooflineOf(view).lines[0].points.map(({ bytes }) => bytes), [1500, 2048]);
  const same = viewOf([1500, 1500].map((bytes, at) => makeRow("a", 100, { l: at + 1, bytes })));
  assert.deepEqual(rooflineOf(same).lines[0].points.map(({ bytes }) => bytes), [1500]);
});

test("copies that the run measured belong to a number of threads", () => {
  const ceilings = [{ threads: 1, bytes: 9, plain_gbs: 3, streaming_gbs: null },
    { threads: 2, bytes: 5, plain_gbs: 9 }, { threads: 1, bytes: 4, plain_gbs: 2, streaming_gbs: 1 },
    { threads: 1 }];
  const view = viewOf([makeRow("a", 100)], { meta: { ceilings } });
  assert.deepEqual(rooflineOf(view).ceilings, { plain: [{ bytes: 4, gbs: 2 }, { bytes: 9, gbs: 3 }],
    streaming: [{ bytes: 4, gbs: 1 }] });
  assert.deepEqual(ceilingTable(view.run).map(({ threads, bytes, plain }) => [threads, bytes, plain]),
    [[1, 0, null], [1, 4, 2], [1, 9, 3], [2, 5, 9]]);
});

test("caches are those that so many threads have", () => {
  const caches = [{ level: 1, type: "Instruction", bytes: 100, shared_by: 1 },
    { level: 1, type: "Data", bytes: 32, shared_by: 1 }, { level: 3, bytes: 1000, shared_by: 2 },
    { level: 4, bytes: 7 }, { level: 5 }];
  const [run] = [loadRows([makeRow("a", 1)], { meta: { machine: { caches } } })];
  const sizes = (threads) => cachesOf(run, threads).map(({ level, bytes }) => [level, bytes]);
  assert.deepEqual(sizes(1), [[1, 32], [3, 1000], [4, 7]]);
  assert.deepEqual(sizes(3), [[1, 96], [3, 2000], [4, 21]]);
  for (const machine of [null, {}, { caches: 3 }]) {
    assert.deepEqual(cachesOf(loadRows([makeRow("a", 1)], { meta: { machine } }), 1), []);
  }
});

test("without bytes there is nothing to draw", () => {
  assert.deepEqual(rooflineOf(viewOf([makeRow("a", 100, { bytes: null })])).points, []);
});

test("a shape without elements has no bandwidth", () => {
  const row = rowOf({ n: 0, bytes: 0, copy_ns: 5 });
  assert.deepEqual([bandwidth(row), copyBandwidth(row), copyShare(row)], [null, null, null]);
});
