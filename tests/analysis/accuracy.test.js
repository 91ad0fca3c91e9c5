// Accuracy: worst errors per kind of input, grades, and runs that lack the field.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accuracy, accuracyPoints } from "../../scripts/analysis/core/accuracy.js";
import { momentsTexts } from "../../scripts/analysis/tables/runs.js";
import { ulpText } from "../../scripts/analysis/core/text.js";
import { close, makeGap, makeRow, viewOf } from "./synthesis.js";

const errors = (bound, ulp, others = {}) => ({ random: { bound, ulp }, ...others });

// The tables of these rows by kind: {backends, lines: {"norm pass dtype": cells}}.
function tablesOf(rows, options) {
  const { tables } = accuracy(viewOf(rows, options));
  return Object.fromEntries(tables.map(({ kind, backends, lines }) => [kind, { backends,
    lines: Object.fromEntries(lines.map(
      (line) => [`${line.norm} ${line.pass} ${line.dtype}`, line.cells])) }]));
}

const cell = (bound, ulp, grades, failed = 0) => ({ bound, ulp, grades, failed });

test("cells are the worst over the cases", () => {
  const ill = { ill_conditioned: { bound: 0.55, ulp: 80.4 } };
  const tables = tablesOf([makeRow("a", 1, { l: 1, accuracy: errors(0.31, 1.2, ill) }),
    makeRow("a", 1, { l: 2, threads: 2, layout: "nlc", accuracy: errors(0.2, 1.5) }),
    makeRow("b", 1, { l: 1, grade: "B", accuracy: errors(0.5, 12.3) })]);
  assert.deepEqual(tables, {
    random: { backends: ["a", "b"], lines: { "batch forward_training f32": [
      cell(0.31, 1.5, ["A"]), cell(0.5, 12.3, ["B"])] } },
    ill_conditioned: { backends: ["a", "b"], lines: { "batch forward_training f32": [
      cell(0.55, 80.4, ["A"]), cell(null, null, ["B"])] } } });
});

test("norms, passes and types have lines of their own, in the order of tables", () => {
  const rows = ["layer", "batch"].flatMap((norm) => ["f32", "bf16"].flatMap((dtype) => (
    ["backward", "forward_training"].map((pass) => (
      makeRow("a", 1, { norm, pass, dtype, accuracy: errors(0.1, 1) }))))));
  assert.deepEqual(Object.keys(tablesOf(rows).random.lines), ["batch", "layer"].flatMap((norm) => (
    ["f32", "bf16"].flatMap((dtype) => ["forward_training", "backward"].map(
      (pass) => `${norm} ${pass} ${dtype}`)))));
});

test("grades that differ between cases are all there", () => {
  const rows = [[1, "B"], [2, "A"], [3, "B"]].map(
    ([l, grade]) => makeRow("a", 1, { l, grade, accuracy: errors(0.1, 1) }));
  assert.deepEqual(Object.values(tablesOf(rows).random.lines), [[cell(0.1, 1, ["A", "B"])]]);
});

test("what did not pass is counted and has no error; what was not checked is not there", () => {
  const { random } = tablesOf([makeRow("a", 1, { accuracy: errors(0.1, 1) }),
    makeRow("a", 1, { l: 2, outcome: "failed", accuracy: errors(7, 900) }),
    makeGap("b", "failed", "x", { accuracy: null }), makeGap("c", "unsupported", "x", { accuracy: null })]);
  assert.deepEqual(random.backends, ["a", "b"]);
  assert.deepEqual(Object.values(random.lines), [[cell(0.1, 1, ["A"], 1), cell(null, null, [], 1)]]);
});

test("a backend without a row of the kind of work has no cell", () => {
  const { lines } = tablesOf([makeRow("a", 1, { accuracy: errors(0.1, 1) }),
    makeRow("b", 1, { norm: "rms", accuracy: errors(0.2, 1) })]).random;
  assert.deepEqual(lines["rms forward_training f32"], [null, cell(0.2, 1, ["A"])]);
});

test("errors may be partly known, and 0 is known", () => {
  const { lines } = tablesOf([makeRow("a", 1, { accuracy: errors(0, null) }),
    makeRow("b", 1, { accuracy: errors(null, null) })]).random;
  assert.deepEqual(Object.values(lines), [[cell(0, null, ["A"]), cell(null, null, ["A"])]]);
});

test("a run without the field has one table", () => {
  const view = viewOf([makeRow("a", 1, { error: 0.2 }), makeRow("a", 1, { l: 2, error: 0.7, grade: "B" }),
    makeRow("a", 1, { pass: "backward", error: null, outcome: "failed" })]);
  const { tables, perKind } = accuracy(view);
  assert.equal(perKind, false);
  assert.deepEqual(tables.map(({ kind, title }) => [kind, title]), [[null, "All kinds of input"]]);
  assert.deepEqual(tables[0].lines.map(({ pass, cells }) => [pass, cells]), [
    ["forward_training", [cell(0.7, null, ["A", "B"])]], ["backward", [cell(null, null, [], 1)]]]);
});

test("the worst of all kinds is the row that passed with the largest error", () => {
  const rows = [makeRow("a", 1, { error: 0.9 }), makeRow("b", 1, { error: 0.95 }),
    makeRow("d", 1, { error: 3, outcome: "failed" }), makeRow("e", 1, { error: null })];
  assert.equal(accuracy(viewOf(rows)).worst.backend, "b");
  assert.equal(accuracy(viewOf(rows, { shown: new Set(["a", "d"]) })).worst.backend, "a");
});

test("nothing checked is no table", () => {
  assert.deepEqual(accuracy(viewOf([makeGap("a", "unsupported", "x")])),
    { tables: [], perKind: false, worst: null });
});

test("points are errors against ratios, means are geometric with the worst error", () => {
  const view = viewOf([1, 2].flatMap((l) => [makeRow("a", 100, { l, jitter: 0, error: 0.1 * l }),
    makeRow("b", l === 1 ? 200 : 800, { l, jitter: 0, error: 0.5 / l }),
    makeRow("c", 100, { l, jitter: 0, error: null })]));
  const { points, means } = accuracyPoints(view, { ...view.whole[0], rows: view.rows });
  assert.deepEqual(points.map(({ row, error }) => [row.backend, error]),
    [["a", 0.1], ["b", 0.5], ["a", 0.2], ["b", 0.25]]);
  assert.deepEqual(means.map(({ backend, error }) => [backend, error]), [["a", 0.2], ["b", 0.5]]);
  close(means[1].ratio, 4);
});

test("ulp as text", () => {
  const table = [[0.04, "0.0"], [1.2, "1.2"], [9.94, "9.9"], [9.96, "10"], [12345.6, "12346"]];
  for (const [value, text] of table) assert.equal(ulpText(value), text);
});

test("a variance by moments is told with how far off itself it is", () => {
  const loss = (relative, negative = 0, nan = 0) => ({ relative, values: 10, negative, nan });
  const moments = (l, variance_error) => makeRow("dlib", 1, { l, variance: "moments", variance_error });
  const rows = [makeRow("a", 1), moments(1, { random: loss(0.00003), constant: loss(0, 0, 4) }),
    moments(2, { random: loss(0.00001), ill_conditioned: loss(0.314, 1) })];
  assert.deepEqual(momentsTexts(viewOf(rows)), ["dlib: variance by moments, cancels: off by up to 0.00003 of "
    + "itself on random input; off by up to 0.31 of itself on ill_conditioned input, 1 of 10 negative; "
    + "on constant input, 4 of 10 NaN"]);
  assert.deepEqual(momentsTexts(viewOf([makeRow("a", 1)])), []);
});
