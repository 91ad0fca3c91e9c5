// The answer of a run: its sentences, word by word, and its tables.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, answerTable, lineCases } from "../../scripts/analysis/core/answer.js";
import { settingsOf } from "../../scripts/analysis/core/groups.js";
import { makeView } from "../../scripts/analysis/core/view.js";
import { close, makeGap, makeRow, PASSES, reference, two, viewOf } from "./synthesis.js";

const BOX = "On this 2-core Example CPU (avx512, virtual machine), ";
const SIX = "(6 shapes, f32, ncl, 1 thread)";
const sentencesOf = (rows, options) => answer(viewOf(rows, options)).sentences.map(
  (text) => text.replace(BOX, ""));
const inAll = (fast, slow, factor, fields) => PASSES.flatMap(
  (pass) => two(fast, slow, factor, { pass, ...fields }));
const native = (id) => two(id, "", 1, { native_layout: true }).filter((row) => row.backend);

test("the answer of the reference run", () => {
  assert.deepEqual(answer(makeView(reference())).sentences, [
    "On this 2-core AMD EPYC (avx512f, virtual machine), BatchNorm1d in PyTorch 1.13.0 takes **4.9 times** "
    + "as long as the best code measured in training, 1.9 in inference and 2.4 in backward (49 shapes, f32, "
    + "ncl, 2 threads).",
    "The fastest in all passes is simd, ours and not a library; OpenMP C++ is next, at 1.3 to 1.5 times; "
    + "among libraries it is Eigen 3.4.0 (1 thread) in training, PyTorch "
    + "1.13.0 in inference and PyTorch 1.13.0 or Eigen 3.4.0 (1 thread) in backward."]);
});

test("the answer of the reference run among libraries", () => {
  const { sentences } = answer(makeView(reference(), { among: "libraries" }));
  assert.deepEqual(sentences, [
    "On this 2-core AMD EPYC (avx512f, virtual machine), BatchNorm1d in PyTorch 1.13.0 takes **2.0 times** "
    + "as long as the best library of each shape in training, 1.3 in inference and 1.3 in backward (49 shapes, "
    + "f32, ncl, 2 threads).",
    "The fastest in training is Eigen 3.4.0 (1 thread); the fastest in inference is PyTorch 1.13.0; in "
    + "backward PyTorch 1.13.0 and Eigen 3.4.0 (1 thread) cannot be told apart."]);
});

test("who the best was sought among is said", () => {
  const of = (among) => answer(makeView(reference(), { among })).sentences[0];
  assert.equal(answer(makeView(reference())).ranked, "");
  assert.match(answer(makeView(reference(), { among: ["aten", "onednn"] })).ranked,
    /^Ranked are only PyTorch 1\.13\.0 and oneDNN 2\.6\.3; /);
  assert.match(of("without-ours"), /as long as the best code of each shape that is not ours in training/);
  assert.match(of(["aten", "onednn"]),
    /\*\*1\.2 times\*\* as long as the best of PyTorch 1\.13\.0 and oneDNN 2\.6\.3 in training/);
});

test("hidden backends stay in the sentences and leave the table", () => {
  const [all, some] = [null, new Set(["aten"])].map((shown) => answer(makeView(reference(), { shown })));
  assert.deepEqual(some.sentences, all.sentences);
  assert.equal(all.table.columns.length, 7);
  assert.deepEqual(some.table.columns.map(({ backend }) => backend), ["aten"]);
});

test("the table of the reference run, from fast to slow, and those of other settings", () => {
  const { table, others } = answer(makeView(reference()));
  assert.equal(table.title, "batch norm, f32, ncl, 2 threads");
  assert.deepEqual(table.columns.map(({ backend, isNative }) => `${backend}${isNative ? " native" : ""}`),
    ["simd", "openmp", "eigen", "aten", "onednn", "naive", "onednn-blocked native"]);
  assert.deepEqual(table.lines.map((line) => [line.title, lineCases(line)]),
    ["training", "inference", "backward"].map((title) => [title, "49 cases"]));
  assert.deepEqual(table.lines[0].cells.map(({ estimate, mark }) => `${estimate.ratio.toFixed(2)} ${mark}`),
    ["1.00 winner", "1.53 ", "2.68 ", "4.86 ", "4.28 ", "31.63 ", "1.56 "]);
  assert.deepEqual(others.map(({ title, lines }) => [title, lineCases(lines[0])]), [
    ["batch norm, f32, ncl, 1 thread", "10 cases"], ["layer norm, f32, ncl, 2 threads", "4 cases, range"],
    ["instance norm, f32, ncl, 2 threads", "1 case"], ["group norm, f32, ncl, 2 threads", "5 cases, range"],
    ["rms norm, f32, ncl, 2 threads", "1 case"]]);
});

test("winners and ties are marked, and a gap has no cell", () => {
  const view = viewOf([...two("a", "b", 1), ...two("a", "c", 2, { pass: "backward" })]);
  const table = answerTable(view, settingsOf(view.whole)[0]);
  const marks = table.lines.map(({ cells }) => Object.fromEntries(cells.map(
    (cell, at) => [table.columns[at].backend, cell && cell.mark])));
  assert.deepEqual(marks, [{ a: "tied", b: "tied", c: null }, { a: "winner", b: null, c: "" }]);
});

test("cells are to the baseline, marks stay those of the ranks", () => {
  const { table } = answer(viewOf(two("a", "b", 2, { jitter: 0 }), { baseline: "b" }));
  close(table.lines[0].cells[0].estimate.ratio, 0.5);
  close(table.lines[0].cells[1].estimate.ratio, 1);
  assert.deepEqual(table.lines[0].cells.map(({ mark }) => mark), ["winner", ""]);
});

test("a library that leads is as fast as the best", () => {
  assert.deepEqual(sentencesOf(inAll("aten", "simd", 2)), [
    `BatchNorm1d in PyTorch is as fast as the best code measured in training, inference and backward ${SIX}.`,
    "The fastest in all passes is PyTorch; simd is next, at 2.0 times."]);
});

test("it is about the newer of two that are PyTorch", () => {
  const rows = [...two("simd", "torch", 3), ...two("simd", "aten", 2).filter(({ backend }) => backend === "aten")];
  assert.match(sentencesOf(rows)[0], /^BatchNorm1d in PyTorch takes \*\*3\.0 times\*\*/);
});

test("passes with other leaders are told apart", () => {
  const rows = [...two("aten", "simd", 2), ...two("simd", "aten", 3, { pass: "backward" })];
  assert.deepEqual(sentencesOf(rows), [
    "BatchNorm1d in PyTorch takes **3.0 times** as long as the best code measured in backward, and is as "
    + `fast in training ${SIX}.`,
    "The fastest in training is PyTorch; the fastest in backward is simd, ours and not a library."]);
});

test("leaders that cannot be told apart are named together, whoever has the lower mean", () => {
  assert.deepEqual(sentencesOf(inAll("simd", "aten", 1)), [
    `BatchNorm1d in PyTorch is as fast as the best code measured in training, inference and backward ${SIX}.`,
    "In all passes PyTorch and simd cannot be told apart."]);
});

test("without PyTorch the sentence is on the best library, without a library on the second", () => {
  const onednn = two("simd", "onednn", 3).filter((row) => row.backend === "onednn");
  for (const rows of [[...two("simd", "eigen", 2), ...onednn], [...onednn, ...two("simd", "eigen", 2)]]) {
    assert.match(sentencesOf(rows)[0], /^BatchNorm1d in Eigen takes \*\*2\.0 times\*\*/);
  }
  assert.match(sentencesOf(two("simd", "naive", 2))[0],
    /^BatchNorm1d in naive C\+\+ takes \*\*2\.0 times\*\*/);
  const others = [["x", 9], ["y", 3], ["z", 5]].flatMap(([id, factor]) => two("simd", id, factor)
    .filter((row) => row.backend === id));
  assert.match(sentencesOf([...others, ...two("simd", "", 1).filter((row) => row.backend)])[0],
    /^BatchNorm1d in y takes \*\*3\.0 times\*\*/);
});

test("a single backend", () => {
  const rows = two("simd", "", 1).filter((row) => row.backend);
  assert.deepEqual(sentencesOf(rows),
    [`only simd was timed for BatchNorm1d ${SIX}, so there is nothing to compare.`]);
});

test("a single backend that is ranked is not called the only one that was timed", () => {
  const expected = [`only PyTorch is ranked for BatchNorm1d ${SIX}, so there is nothing to compare.`];
  assert.deepEqual(sentencesOf(two("simd", "aten", 2), { among: "libraries" }), expected);
  const beside = two("aten", "", 1).filter((row) => row.backend);
  assert.deepEqual(sentencesOf([...beside, ...native("x")]), expected);
  const backward = [...beside, ...native("x")].map(
    (row) => ({ ...row, pass: "backward", case: `${row.case} backward` }));
  assert.deepEqual(sentencesOf([...beside, ...backward]), expected);
});

test("only native layouts", () => {
  const both = two("onednn-blocked", "x", 2, { native_layout: true });
  assert.deepEqual(sentencesOf(both), [
    `BatchNorm1d in oneDNN (own layout) is as fast as the best code measured in training ${SIX}.`,
    "The fastest in training is oneDNN (own layout); x is next, at 2.0 times."]);
  assert.deepEqual(sentencesOf([...two("simd", "naive", 2), ...native("onednn-blocked")],
    { among: ["onednn-blocked"] }), [`none that is ranked takes the data as it is for BatchNorm1d ${SIX}, `
    + "so there is nothing to compare."]);
});

test("where nobody who is ranked has a time the next setting answers", () => {
  const rows = [...two("simd", "naive", 2), ...two("aten", "onednn", 2, { norm: "layer" })];
  assert.match(sentencesOf(rows, { among: "libraries" })[0],
    /^LayerNorm in PyTorch is as fast as the best library/);
  const { run } = viewOf(rows);
  const batch = makeView(run, { rows: run.rows.filter((row) => row.norm === "batch"), among: "libraries" });
  assert.deepEqual(answer(batch).sentences, ["Nothing that is ranked was timed here."]);
  assert.deepEqual([answer(batch).table, answer(batch).ranked], [null, ""]);
});

test("a pass without anybody who is ranked is not called undecided", () => {
  const rows = [...two("onednn", "aten", 2), ...two("simd", "naive", 2, { pass: "backward" })];
  assert.deepEqual(sentencesOf(rows, { among: "libraries" }), [
    `BatchNorm1d in PyTorch takes **2.0 times** as long as the best library of each shape in training ${SIX}.`,
    "The fastest in training is oneDNN; PyTorch is next, at 2.0 times."]);
});

test("two to five cases decide nothing", () => {
  const found = answer(viewOf(inAll("simd", "aten", 2, { cases: 4 })));
  assert.equal(found.sentences[1], "In all passes nothing is decided: 4 cases are too few.");
  assert.equal(found.undecided, "Undecided, with 2 to 5 cases: a range instead of an interval, and no "
    + "winner: batch norm, f32, ncl, 1 thread (4 cases).");
  const some = [[8, "forward_training"], [3, "backward"]].flatMap(
    ([cases, pass]) => two("simd", "aten", 2, { cases, pass }));
  assert.match(answer(viewOf(some)).undecided, /1 thread \(3 cases\)\.$/);
  const fewer = [[4, "forward_training"], [3, "backward"]].flatMap(
    ([cases, pass]) => two("simd", "aten", 2, { cases, pass }));
  assert.match(sentencesOf(fewer)[1], /^In all passes nothing is decided: 3 to 4 cases are too few\.$/);
  assert.match(sentencesOf(two("simd", "aten", 2, { cases: 1, rounds: 5 }))[1],
    /^In training nothing is decided: there are too few rounds\.$/);
  assert.ok(found.table.lines.every(({ cells }) => cells.every(({ mark }) => mark === "")));
  assert.equal(answer(viewOf(inAll("simd", "aten", 2))).undecided, "");
  assert.match(answer(makeView(reference())).undecided,
    /winner: layer norm, f32, ncl, 2 threads \(4 cases\); group norm, f32, ncl, 2 threads \(5 cases\)\.$/);
});

test("failures, beside the answer", () => {
  const rows = [...two("simd", "aten", 2), makeGap("aten", "failed", "x", { l: 77 }),
    makeGap("aten", "crashed", "x", { l: 78, norm: "rms" }), makeGap("simd", "unsupported", "x", { l: 79 })];
  assert.deepEqual(answer(viewOf(rows)).failures.map(({ text }) => text), [
    "PyTorch: wrong results in 1 of 8 rows (training of batch norm): no time, no rank there",
    "PyTorch: crashed in 1 of 8 rows (training of rms norm): no time, no rank there"]);
  assert.deepEqual(answer(makeView(reference())).failures, []);
});

test("nothing timed", () => {
  const found = answer(viewOf([makeGap("a", "failed", "x")]));
  assert.deepEqual([found.sentences, found.table, found.others, found.undecided],
    [["Nothing was timed here."], null, [], ""]);
});

test("what is unusual is among the conditions", () => {
  const rows = two("simd", "aten", 2, { cache: "cold", input: "zero", norm: "new", threads: 4 });
  const [first] = answer(viewOf(rows, { meta: { machine: null } })).sentences;
  assert.equal(first, "On this machine, new in PyTorch takes **2.0 times** as long as the best code measured "
    + "in training (6 shapes, f32, ncl, 4 threads, cold cache, zero input).");
  assert.match(sentencesOf(two("simd", "aten", 2, { cases: 1 }))[0], /\(only 1 shape, f32/);
  assert.match(sentencesOf([...two("simd", "aten", 2, { cases: 8 }),
    ...two("simd", "aten", 2, { pass: "backward" })])[0], /\(6 to 8 shapes, f32/);
});

test("what the reference run cannot say, which libraries are old, and what lowers trust", () => {
  const found = answer(makeView(reference()));
  assert.equal(found.notMeasured, "Not measured: backward with fixed statistics, f64, bf16, f16, nlc (channels "
    + "last), cold cache and input other than random.");
  assert.deepEqual(found.old.map(({ label, year }) => `${label} ${year}`).sort(),
    ["Eigen 3.4.0 2021", "PyTorch 1.13.0 2022", "oneDNN 2.6.3 2022"]);
  assert.equal(found.trust.length, 4);
});

test("of many undecided settings a few are named", () => {
  const rows = ["f32", "f64", "bf16", "f16"].flatMap((dtype) => [1, 2].flatMap((threads) => (
    two("a", "b", 2, { cases: 3, dtype, threads }))));
  const { undecided } = answer(viewOf(rows));
  assert.match(undecided, /f32, ncl, 2 threads \(3 cases\).* and 4 more\.$/);
  assert.equal(undecided.split(";").length, 4);
});
