// The answer for one case, word by word.
import assert from "node:assert/strict";
import { test } from "node:test";
import { lookUp } from "../../scripts/analysis/core/lookup.js";
import { makeView } from "../../scripts/analysis/core/view.js";
import { makeGap, makeRow, reference, viewOf } from "./synthesis.js";

const exact = (backend, ns, fields) => makeRow(backend, ns, { jitter: 0, ...fields });

function found(rows, options) {
  const view = viewOf(rows, options);
  return lookUp(view, view.rows[0].case);
}

const sentence = (times, options) => found(
  Object.entries(times).map(([id, ns]) => exact(id, ns)), options).sentence;
const SIMD = "The fastest is **simd**, ours and not a library: **100 ns**; ";
const long = (ratio) => `${ratio} [${ratio}, ${ratio}] times as long`;

test("the fastest, the next, the fastest library and PyTorch", () => {
  assert.equal(sentence({ simd: 100, openmp: 150, eigen: 200, onednn: 300, aten: 400 }),
    `${SIMD}next is OpenMP C++, which takes ${long("1.50")}; the fastest library, Eigen, takes ${
      long("2.00")}; PyTorch takes ${long("4.00")}.`);
});

test("what was said is not said again", () => {
  assert.equal(sentence({ simd: 100, aten: 200 }), `${SIMD}next is PyTorch, which takes ${long("2.00")}.`);
  assert.equal(sentence({ aten: 100, simd: 200, eigen: 300 }),
    `The fastest is **PyTorch**: **100 ns**; next is simd, which takes ${long("2.00")}.`);
  assert.equal(sentence({ simd: 100, openmp: 150, aten: 400 }), `${SIMD}next is OpenMP C++, which takes ${
    long("1.50")}; the fastest library, PyTorch, takes ${long("4.00")}.`);
});

test("PyTorch is the newer of two", () => {
  assert.equal(sentence({ simd: 100, eigen: 150, aten: 300, torch: 400 }), `${SIMD}next is Eigen, which takes ${
    long("1.50")}; PyTorch takes ${long("4.00")}.`);
});

test("what cannot be told apart is named together", () => {
  assert.equal(sentence({ simd: 100, eigen: 100.5, openmp: 300 }), "**simd and Eigen** cannot be told apart: "
    + `100 ns; next is OpenMP C++, which takes ${long("3.00")}.`);
});

test("too few rounds claim nothing", () => {
  const rows = [["simd", 100], ["aten", 900]].map(([id, ns]) => exact(id, ns, { rounds: 5 }));
  assert.equal(found(rows).sentence,
    "simd took the least time, 100 ns, but there are too few rounds for a claim.");
});

test("who was timed alone, and who is ranked alone", () => {
  assert.equal(sentence({ simd: 100 }), "Only simd was timed: **100 ns**.");
  assert.equal(sentence({ simd: 100, aten: 200 }, { among: "libraries" }),
    "Only PyTorch is ranked: **200 ns**.");
  assert.equal(found([exact("simd", 100), exact("x", 50, { native_layout: true })]).sentence,
    "Only simd is ranked: **100 ns**.");
});

test("nothing timed, nothing ranked, no such case", () => {
  const gap = found([makeGap("a", "failed", "x")]);
  assert.deepEqual([gap.sentence, gap.sure], ["Nothing was timed.", ""]);
  const rows = [exact("simd", 100), exact("aten", 100, { l: 7 })];
  assert.equal(found(rows, { among: "libraries" }).sentence, "Nothing that is ranked was timed.");
  assert.equal(lookUp(viewOf(rows), "nonsense"), null);
});

test("what it rests on, and what case it is", () => {
  const rows = [exact("simd", 100, { name: "net, other", c: 7 }), exact("aten", 200, { c: 7, rounds: 8 })];
  const { subject, sure, row } = found(rows);
  assert.equal(subject, "(64, 7, 128) (net, other), training, batch norm, f32, ncl, 1 thread");
  assert.equal(sure, "8 to 12 rounds measured side by side, noise floor 1.0% (A/A)");
  assert.equal(row.c, 7);
  assert.match(found(rows.slice(0, 1)).sure, /^12 rounds measured/);
});

test("each case of the reference run has a sentence", () => {
  const view = makeView(reference());
  for (const id of new Set(view.rows.map((row) => row.case))) {
    assert.match(lookUp(view, id).sentence, /^(The fastest is \*\*|\*\*).*\.$/);
  }
});
