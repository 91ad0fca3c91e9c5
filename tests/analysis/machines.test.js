// Runs side by side: compared by ratios, over the cases that all of them timed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { machineText, runHeading, runNames, sameMachine, sharedText, sideBySide }
  from "../../scripts/analysis/core/machines.js";
import { makeView } from "../../scripts/analysis/core/view.js";
import { close, loadRows, machine, makeGap, makeRow, reference, two, viewOf } from "./synthesis.js";

const big = { meta: { machine: machine({ cpu: "Big CPU", cores: 64 }) } };

// {title: {backend: [ratio or null per run]}}.
function cellsOf({ lines }) {
  const numbers = (cells) => cells.map((cell) => cell && Number(cell.estimate.ratio.toFixed(6)));
  return Object.fromEntries(lines.map(({ title, backends }) => [title,
    Object.fromEntries(backends.map(({ backend, cells }) => [backend, numbers(cells)]))]));
}

test("each cell is a ratio to the best of its own run", () => {
  const found = sideBySide([viewOf(two("b", "a", 3, { jitter: 0 }), big),
    viewOf(two("a", "b", 2, { jitter: 0 }))]);
  assert.deepEqual(cellsOf(found), { "training, 1 thread": { b: [1, 2], a: [3, 1] } });
  assert.deepEqual([found.cases, found.totals, sharedText(found)], [6, [6, 6], ""]);
  assert.deepEqual(found.runs.map((run) => run.machine), ["64-core Big CPU (avx512, virtual machine)",
    "2-core Example CPU (avx512, virtual machine)"]);
});

test("only cases that all runs timed count", () => {
  const more = [makeRow("a", 100, { n: 7, jitter: 0 }), makeRow("b", 9900, { n: 7, jitter: 0 })];
  const gap = makeGap("a", "failed", "x", { n: 7 });
  const views = [viewOf([...two("a", "b", 3, { jitter: 0 }), ...more]),
    viewOf([...two("a", "b", 2, { jitter: 0 }), gap]),
    viewOf([...two("a", "b", 4, { jitter: 0 }), ...two("b", "a", 2, { norm: "rms" })])];
  const found = sideBySide(views);
  assert.deepEqual(cellsOf(found), { "training, 1 thread": { a: [1, 1, 1], b: [3, 2, 4] } });
  assert.equal(sharedText(found), "6 cases shared, of 7, 6 and 12: others do not count here.");
});

test("a backend has a cell where it was timed in all shared cases of the group", () => {
  const c = [makeRow("c", 900, { l: 1 }), makeRow("c", 900, { l: 2 })];
  const views = [viewOf([...two("a", "b", 2, { jitter: 0 }), ...c]), viewOf(two("a", "d", 3, { jitter: 0 }))];
  assert.deepEqual(cellsOf(sideBySide(views)),
    { "training, 1 thread": { a: [1, 1], b: [2, null], d: [null, 3] } });
});

test("backends stand by their best ratio in any run", () => {
  const exact = (times) => viewOf(Object.entries(times).map(([id, ns]) => makeRow(id, ns, { jitter: 0 })));
  const found = sideBySide([exact({ y: 200, x: 100 }), exact({ y: 200, x: 900, z: 100 })]);
  assert.deepEqual(found.lines[0].backends.map(({ backend }) => backend), ["x", "z", "y"]);
});

test("groups are titled by what differs, cells labelled by their own run", () => {
  const versions = ["1.13.0", "2.9.1"];
  const rows = ["ncl", "nlc"].flatMap((layout) => two("aten", "simd", 2, { layout }));
  const found = sideBySide(versions.map(
    (version) => viewOf(rows, { meta: { backends: [{ name: "aten", version }] } })));
  assert.deepEqual(found.lines.map(({ title, cases }) => [title, cases]),
    [["training, ncl, 1 thread", 6], ["training, nlc, 1 thread", 6]]);
  assert.deepEqual(found.lines[0].backends[0].cells.map(({ label }) => label),
    ["PyTorch 1.13.0", "PyTorch 2.9.1"]);
  assert.deepEqual(found.runs.map(({ libraries }) => libraries), ["PyTorch 1.13.0", "PyTorch 2.9.1"]);
});

test("runs that share no case have no line", () => {
  const found = sideBySide([viewOf(two("a", "b", 2)), viewOf(two("a", "b", 2, { norm: "rms" }))]);
  assert.deepEqual([found.cases, found.lines], [0, []]);
  assert.equal(sharedText(found), "0 cases shared, of 6 and 6: others do not count here.");
});

test("who is hidden in all runs is hidden", () => {
  const view = viewOf(two("a", "b", 2, { jitter: 0 }), { shown: new Set(["b"]) });
  const found = sideBySide([view, view]);
  assert.deepEqual(cellsOf(found), { "training, 1 thread": { b: [2, 2] } });
});

test("what makes another machine", () => {
  const run = (fields) => loadRows([makeRow("a", 1)], { meta: { machine: machine(fields) } });
  for (const other of [{ cpu: "x" }, { cores: 3 }, { isa: "avx2" }]) {
    assert.ok(!sameMachine(run({}), run(other)));
  }
  assert.ok(sameMachine(run({}), run({ host: "renamed", load: [9, 9, 9] })));
});

test("folders of one name are told apart by their paths", () => {
  const runs = ["a/run", "b/run", "b/other"].map((path) => loadRows([makeRow("a", 1)], { path }));
  assert.deepEqual(runNames(runs), ["a/run", "b/run", "other"]);
});

test("the heading of the reference run", () => {
  assert.deepEqual(runHeading(makeView(reference())), {
    machine: "2-core AMD EPYC (avx512f, virtual machine)", cache: "L3 32.0 MiB", date: "2026-11-26",
    libraries: "PyTorch 1.13.0, Eigen 3.4.0 and oneDNN 2.6.3", noise: "4.5% (A/A)" });
});

test("a machine that says little", () => {
  assert.equal(machineText({ machine: {} }), "");
  assert.equal(machineText({ machine: { cores: 4 } }), "4-core machine");
  assert.equal(machineText({ machine: { cpu: "X", virtual: false } }), "X");
});

test("interval and count of a cell are of the shared cases", () => {
  const [view] = [viewOf(two("a", "b", 2))];
  const { estimate } = sideBySide([view, view]).lines[0].backends[1].cells[0];
  const { ratio } = view.whole[0].standings[1];
  assert.equal(estimate.count, 6);
  close(estimate.lo, ratio.lo);
});
