// Who is the fastest for which shape, and how far ahead.
import assert from "node:assert/strict";
import { test } from "node:test";
import { heatMaps, levelOf, LEVELS, MOST_BINS, ratioMaps } from "../../scripts/analysis/core/heat.js";
import { close, makeRow, two, viewOf } from "./synthesis.js";

const exact = (backend, ns, fields) => makeRow(backend, ns, { jitter: 0, ...fields });

// Rows of one shape with these times, by backend.
const shape = (times, fields) => Object.entries(times).map(([backend, ns]) => exact(backend, ns, fields));

const mapsOf = (view) => heatMaps(view, view.whole[0]);
const cellsOf = ({ cells }) => cells.map(({ backend, margin, relation, cases }) => (
  [backend, margin && Number(margin.toFixed(6)), relation, cases.length]));

test("L = 1 is a map of its own, sizes are bins in their order", () => {
  const rows = [{ n: 8, c: 16, l: 1 }, { n: 4, c: 8, l: 1 }, { n: 4, c: 16, l: 7 }, { n: 9, c: 32, l: 3 }]
    .flatMap((fields) => shape({ a: 100, b: 300 }, fields));
  const [flat, long] = mapsOf(viewOf(rows));
  assert.deepEqual([flat.across, flat.up, long.across, long.up], ["c", "n", "c", "l"]);
  assert.deepEqual([flat.columns, flat.lines], [[[8, 8], [16, 16]], [[4, 4], [8, 8]]]);
  assert.deepEqual([long.columns, long.lines], [[[16, 16], [32, 32]], [[3, 3], [7, 7]]]);
  assert.deepEqual(long.cells.map(({ column, line }) => [column, line]), [[0, 1], [1, 0]]);
  assert.deepEqual(cellsOf(flat), [["a", 3, "slower", 1], ["a", 3, "slower", 1]]);
});

test("a map without a case is left out", () => {
  assert.equal(mapsOf(viewOf(two("a", "b", 2, { cases: 1 }))).length, 1);
});

test("a cell is of the backend that wins most of its cases, its margin a mean over these", () => {
  const rows = [shape({ a: 100, b: 200 }, { n: 1 }), shape({ a: 100, b: 800 }, { n: 2 }),
    shape({ a: 900, b: 100 }, { n: 4 })].flat();
  const [map] = mapsOf(viewOf(rows));
  assert.deepEqual(cellsOf(map), [["a", 4, "slower", 3]]); // sqrt(2 * 8)
});

test("the margin is to the next, whoever that is", () => {
  const [map] = mapsOf(viewOf(shape({ a: 100, b: 400, c: 150 })));
  assert.deepEqual(cellsOf(map), [["a", 1.5, "slower", 1]]);
});

test("ties are those of the sign test and the noise floor, not of a margin", () => {
  const of = (factor, fields) => mapsOf(viewOf(
    two("a", "b", factor, { cases: 1, ...fields })))[0].cells[0].relation;
  assert.equal(of(1.005), "tied"); // below the floor of 1.01
  assert.equal(of(1.03), "slower");
  assert.equal(of(1.03, { jitter: 0.3 }), "tied");
  assert.equal(of(2, { rounds: 5 }), "undecided");
});

test("a cell is tied only where all of its cases are", () => {
  const both = (factor) => [...shape({ a: 100, b: 100.1 }, { n: 1 }),
    ...shape({ a: 100, b: 100 * factor }, { n: 2 })];
  assert.deepEqual(cellsOf(mapsOf(viewOf(both(1.001)))[0])[0].slice(2), ["tied", 2]);
  assert.deepEqual(cellsOf(mapsOf(viewOf(both(2)))[0])[0].slice(2), ["slower", 2]);
});

test("a backend alone has no margin", () => {
  assert.deepEqual(cellsOf(mapsOf(viewOf(shape({ a: 100 })))[0]), [["a", null, "slower", 1]]);
});

test("native layouts and backends that are not ranked do not count", () => {
  const rows = [...shape({ a: 100, b: 200 }), exact("native", 10, { native_layout: true })];
  assert.deepEqual(cellsOf(mapsOf(viewOf(rows))[0]), [["a", 2, "slower", 1]]);
  assert.deepEqual(cellsOf(mapsOf(viewOf(rows, { among: ["b"] }))[0]), [["b", null, "slower", 1]]);
});

test("only cases of the group count", () => {
  const rows = [...shape({ a: 100, b: 200 }), ...shape({ b: 100, a: 900 }, { threads: 2 })];
  const view = viewOf(rows);
  assert.deepEqual(view.whole.map((group) => cellsOf(heatMaps(view, group)[0])[0].slice(0, 2)),
    [["b", 9], ["a", 2]]);
});

test("many sizes are powers of two, by so many as it takes", () => {
  const of = (sizes) => mapsOf(viewOf(sizes.flatMap((c) => shape({ a: 100 }, { c }))))[0].columns;
  const few = Array.from({ length: MOST_BINS }, (_, at) => 3 * at + 1);
  assert.deepEqual(of(few), few.map((size) => [size, size]));
  assert.deepEqual(of([...few, 100]), [[1, 1], [4, 7], [10, 13], [16, 31], [34, 34], [100, 100]]);
  const wide = Array.from({ length: 14 }, (_, at) => 2 ** at);
  assert.deepEqual(of(wide), Array.from({ length: 7 }, (_, at) => [4 ** at, 2 * 4 ** at]));
});

test("a level is how many limits a ratio reaches", () => {
  assert.deepEqual([0.5, 1, 1.09, 1.1, 1.25, 4.99, 5, 19, 20, 1e9].map(levelOf),
    [0, 0, 0, 1, 2, 5, 6, 7, 8, 8]);
  assert.deepEqual(LEVELS, [...LEVELS].sort((a, b) => a - b));
});

test("of one backend the ratio to the best, in the same bins", () => {
  const rows = [shape({ a: 100, b: 200 }, { n: 1 }), shape({ a: 100, b: 800 }, { n: 2 }),
    shape({ a: 100 }, { c: 7 }), shape({ a: 100, b: 500 }, { l: 1 })].flat();
  const view = viewOf(rows);
  const [flat, long] = ratioMaps(view, view.whole[0], "b");
  assert.deepEqual(flat.cells.map(({ cases }) => cases), [1]);
  close(flat.cells[0].ratio, 5);
  assert.deepEqual(long.columns, [[7, 7], [256, 256]]);
  assert.deepEqual(long.cells.map(({ column, line, cases }) => [column, line, cases]), [[1, 0, 2]]);
  close(long.cells[0].ratio, 4);
});
