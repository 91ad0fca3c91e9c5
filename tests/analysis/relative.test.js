// Ratios between cases that differ in one thing: threads, mini-batch, norm, type, layout.
import assert from "node:assert/strict";
import { test } from "node:test";
import { batchScaling, layoutRatios, normRatios, typeRatios, price, speedups, threadScaling,
  versionsSideBySide } from "../../scripts/analysis/core/relative.js";
import { close, ladder, loadRows, makeGap, makeRow, viewOf } from "./synthesis.js";

const row = (backend, ns, fields) => makeRow(backend, ns, { jitter: 0, ...fields });

// The lines of a table: {"title backend": ["2.00 (3)", null, ...]}.
function linesOf(table) {
  return Object.fromEntries(table.lines.map(({ title, backend, regime, cells }) => [
    [title, backend, regime].filter(Boolean).join(" "),
    cells.map((cell) => cell && `${cell.ratio.toFixed(2)} (${cell.count})`)]));
}

test("speedup over the fewest threads, a mean over the cases of a regime", () => {
  const rows = [[1, 1, 100], [1, 2, 50], [2, 1, 80], [2, 2, 80], [3, 2, 1], [4, 1, 90], [4, 2, 30]].map(
    ([l, threads, ns]) => row("a", ns, { l, threads, regime: l === 4 ? "L3" : "L2" }));
  const table = threadScaling(viewOf(rows));
  assert.deepEqual([table.fewest, table.columns], [1, ["L2", "L3"]]);
  assert.deepEqual(linesOf(table), { "training, 2 threads a": ["1.41 (2)", "3.00 (1)"] });
  assert.deepEqual(speedups(loadRows(rows).rows).map(({ speedup }) => speedup.toFixed(1)),
    ["2.0", "1.0", "3.0"]);
});

test("time with mini-batches as a ratio to one batch of all samples", () => {
  const rows = [[1, 64, 100], [1, 16, 200], [2, 64, 100], [2, 16, 800], [2, 4, 300]].map(
    ([l, batch, ns]) => row("a", ns, { l, batch }));
  const table = batchScaling(viewOf(rows));
  assert.deepEqual(table.columns, [4, 16]);
  assert.deepEqual(linesOf(table), { "training, 1 thread a": ["3.00 (1)", "4.00 (2)"] });
});

test("scaling never mixes what is not alike", () => {
  for (const other of [{ norm: "rms" }, { pass: "backward" }, { dtype: "f64" }, { layout: "nlc" },
    { cache: "cold" }]) {
    const rows = [[{}, 2], [other, 3]].flatMap(([fields, factor]) => (
      [[1, 64, 100 * factor], [2, 64, 100], [1, 16, 100 * factor ** 2]].map(
        ([threads, batch, ns]) => row("a", ns, { threads, batch, ...fields }))));
    for (const table of [threadScaling(viewOf(rows)), batchScaling(viewOf(rows))]) {
      assert.deepEqual(table.lines.map(({ keys, cells }) => [Object.entries(other).every(
        ([key, value]) => keys[key] === value), cells[0].ratio.toFixed(2), cells[0].count]),
      [[false, "2.00", 1], [true, "3.00", 1]], JSON.stringify(other));
    }
  }
});

test("pairs are of what else is the same, by the columns and not by ids", () => {
  const rows = [row("a", 1), row("a", 100, { affine: false }), row("a", 200, { affine: false, batch: 16 })]
    .map((own, at) => ({ ...own, case: `case ${at}`, problem: "p_b16" }));
  assert.deepEqual(linesOf(batchScaling(viewOf(rows))), { "training, 1 thread a": ["2.00 (1)"] });
});

test("no pairs are no table", () => {
  const view = viewOf(ladder());
  for (const of of [threadScaling, batchScaling, typeRatios, layoutRatios, normRatios, price]) {
    assert.equal(of(view), null, of.name);
  }
  assert.equal(threadScaling(viewOf([makeGap("a", "failed", "x")])), null);
});

test("other types are means over like problems, per backend and of the best", () => {
  const rows = [[1, 0.5], [2, 2], [4, 1]].flatMap(([l, factor]) => [row("a", 100 * l, { l }),
    row("b", 150 * l, { l }), row("b", 100 * l * factor, { l, dtype: "bf16" })]);
  const table = typeRatios(viewOf([...rows, row("a", 300, { l: 1, dtype: "f64" })]));
  assert.deepEqual([table.usual, table.columns], ["f32", ["f64", "bf16"]]);
  assert.deepEqual(linesOf(table), { "training, 1 thread a": ["3.00 (1)", null],
    "training, 1 thread b": [null, "0.67 (3)"] });
  assert.deepEqual(linesOf({ lines: table.best }), { "training, 1 thread L2": ["3.00 (1)", "1.00 (3)"] });
});

test("the regime of the best is that of the case in the usual type", () => {
  const rows = [row("a", 100, { l: 1, regime: "L2" }), row("a", 50, { l: 1, dtype: "bf16", regime: "L1" }),
    row("a", 100, { l: 9, regime: "DRAM" }), row("a", 25, { l: 9, dtype: "bf16", regime: "L3" })];
  assert.deepEqual(linesOf({ lines: typeRatios(viewOf(rows)).best }),
    { "training, 1 thread L2": ["0.50 (1)"], "training, 1 thread DRAM": ["0.25 (1)"] });
});

test("types are compared on the same problem only", () => {
  for (const other of [{ n: 32 }, { norm: "rms" }, { pass: "backward" }, { layout: "nlc" }, { threads: 2 },
    { cache: "cold" }, { batch: 16 }, { eps: 1e-3 }, { affine: false }]) {
    assert.equal(typeRatios(viewOf([row("a", 100), row("a", 50, { dtype: "bf16", ...other })])), null);
  }
});

test("layouts and caches are kept apart between types", () => {
  const rows = [["ncl", 100, 50], ["nlc", 900, 900]].flatMap(([layout, ns, other]) => [
    row("a", ns, { layout }), row("a", other, { layout, dtype: "bf16" })]);
  assert.deepEqual(linesOf(typeRatios(viewOf(rows))),
    { "training, ncl, 1 thread a": ["0.50 (1)"], "training, nlc, 1 thread a": ["1.00 (1)"] });
});

test("another layout as a ratio to the usual one, per backend and of the best of each", () => {
  const where = { norm: "group", pass: "backward", groups: 8 };
  const rows = [1, 2].flatMap((l) => [row("aten", 100, { ...where, l }), row("simd", 90, { ...where, l }),
    row("aten", 990, { ...where, l, layout: "nlc" }), row("simd", 180, { ...where, l, layout: "nlc" })]);
  const table = layoutRatios(viewOf([...rows, row("aten", 7, { norm: "none" }),
    row("aten", 70, { norm: "none", layout: "nlc" })]));
  assert.deepEqual([table.usual, table.columns], ["ncl", ["nlc"]]);
  assert.deepEqual(linesOf(table),
    { "backward, 1 thread aten": ["9.90 (2)"], "backward, 1 thread simd": ["2.00 (2)"] });
  assert.deepEqual(linesOf({ lines: table.best }), { "backward, 1 thread L2": ["2.00 (2)"] });
});

test("hidden backends have no lines, the best stays the best", () => {
  const rows = [row("a", 100), row("b", 50), row("a", 300, { layout: "nlc" }),
    row("b", 200, { layout: "nlc" })];
  const table = layoutRatios(viewOf(rows, { shown: new Set(["a"]) }));
  assert.deepEqual(linesOf(table), { "training, 1 thread a": ["3.00 (1)"] });
  assert.deepEqual(linesOf({ lines: table.best }), { "training, 1 thread L2": ["4.00 (1)"] });
});

// The shapes of a table: [["title n c l", "base time and backend", {norm: ["ratio backend groups"]}], ...].
function shapesOf({ shapes }) {
  const cellText = ({ ratio, row: { backend, groups } }) => `${ratio.toFixed(2)} ${backend} ${groups}`;
  return shapes.lines.map(({ title, row: { n, c, l }, base, cells }) => [`${title} ${n} ${c} ${l}`,
    `${base.median_ns.toFixed(0)} ${base.backend}`, Object.fromEntries(Object.entries(cells).map(
      ([norm, own]) => [norm, own.map(cellText)]))]);
}

test("the best of each norm is set against the best of batch norm", () => {
  const rows = [row("a", 200), row("b", 100), row("a", 150, { norm: "layer" }),
    row("b", 400, { norm: "layer" }), row("a", 50, { norm: "none" })];
  const found = normRatios(viewOf(rows));
  assert.deepEqual([found.usual, found.shapes.norms], ["batch", ["layer"]]);
  assert.deepEqual(shapesOf(found), [["training, 1 thread 64 256 128", "100 b", { layer: ["1.50 a 1"] }]]);
});

test("a native layout is not the best of a norm", () => {
  const rows = [row("a", 100), row("x", 10, { native_layout: true }), row("a", 200, { norm: "layer" }),
    row("x", 20, { norm: "layer", native_layout: true })];
  assert.deepEqual(shapesOf(normRatios(viewOf(rows)))[0].slice(1), ["100 a", { layer: ["2.00 a 1"] }]);
});

test("mini-batches of batch norm are not what others are compared with", () => {
  const rows = [row("a", 100), row("a", 10, { batch: 16 }), row("a", 200, { norm: "rms" })];
  assert.deepEqual(shapesOf(normRatios(viewOf(rows)))[0].slice(1), ["100 a", { rms: ["2.00 a 1"] }]);
  assert.equal(normRatios(viewOf(rows.slice(1))), null);
});

test("norms are compared on the same case only", () => {
  for (const other of [{ n: 32 }, { c: 8 }, { l: 3 }, { pass: "backward" }, { dtype: "f64" },
    { layout: "nlc" }, { threads: 2 }, { cache: "cold" }, { input: "zero" }]) {
    assert.equal(normRatios(viewOf([row("a", 100), row("a", 200, { norm: "rms", ...other })])), null);
  }
});

test("groups are told apart", () => {
  const rows = [row("a", 100), row("a", 200, { norm: "group", groups: 8 }),
    row("a", 300, { norm: "group", groups: 32 })];
  assert.deepEqual(shapesOf(normRatios(viewOf(rows)))[0][2], { group: ["2.00 a 8", "3.00 a 32"] });
});

// Rows of one shape with these times, by backend.
const timed = (norm, times, fields) => Object.entries(times).map(
  ([backend, ns]) => row(backend, ns, { norm, ...fields }));

// {title: [cases, price per backend]}.
const medians = (found) => Object.fromEntries(found.medians.map(({ title, cases, cells }) => [title,
  [cases, ...cells.map((cell) => cell && `${cell.price.toFixed(2)} (${cell.cases})`)]]));

test("all backends are priced by the fastest control", () => {
  const found = price(viewOf([...timed("none", { a: 100, b: 50 }), ...timed("batch", { a: 200, b: 150 })]));
  assert.deepEqual([found.backends, found.withoutControl], [["a", "b"], 0]);
  assert.deepEqual(medians(found), { "training, 1 thread": [1, "4.00 (1)", "3.00 (1)"] });
  assert.deepEqual(shapesOf(found), [["training, 1 thread 64 256 128", "50 b", { batch: ["3.00 b 1"] }]]);
});

test("a price is the median over the cases, with their number", () => {
  const rows = [[1, 200], [2, 300], [3, 1000]].flatMap(([l, ns]) => [...timed("none", { a: 100 }, { l }),
    ...timed("rms", { a: ns, ...(l === 3 ? {} : { b: ns }) }, { l })]);
  assert.deepEqual(medians(price(viewOf(rows))), { "training, 1 thread": [3, "3.00 (3)", "2.50 (2)"] });
});

test("prices never mix what differs", () => {
  const kinds = [{}, { dtype: "bf16" }, { layout: "nlc" }, { threads: 2 }, { cache: "cold" },
    { pass: "backward" }, { n: 8 }, { c: 8 }, { l: 8 }];
  const found = price(viewOf(kinds.flatMap((fields, at) => [...timed("none", { a: 100 * (1 + at) }, fields),
    ...timed("batch", { a: 300 * (1 + at) }, fields)])));
  assert.deepEqual(Object.values(medians(found)).map((cells) => cells.join(" ")).sort(),
    [...Array(5).fill("1 3.00 (1)"), "4 3.00 (4)"]);
  assert.equal(found.shapes.lines.length, 9);
});

test("norms are lines of the medians and cells of the shapes", () => {
  const found = price(viewOf([...timed("none", { a: 100 }), ...timed("layer", { a: 150, b: 140 }),
    ...timed("batch", { a: 300 }, { name: "quartznet" })]));
  assert.deepEqual(medians(found), { "batch norm, training, 1 thread": [1, "3.00 (1)", null],
    "layer norm, training, 1 thread": [1, "1.50 (1)", "1.40 (1)"] });
  assert.deepEqual([found.shapes.norms, found.shapes.lines[0].row.name], [["batch", "layer"], "quartznet"]);
  assert.deepEqual(shapesOf(found), [["training, 1 thread 64 256 128", "100 a",
    { batch: ["3.00 a 1"], layer: ["1.40 b 1"] }]]);
});

test("mini-batches and groups have the price of their shape", () => {
  const found = price(viewOf([...timed("none", { a: 100 }), ...timed("batch", { a: 300 }),
    ...timed("batch", { a: 600 }, { batch: 16 }), ...timed("group", { a: 200 }, { groups: 8 }),
    ...timed("group", { a: 250 }, { groups: 32 })]));
  const cells = found.shapes.lines.flatMap((line) => Object.values(line.cells).flat());
  assert.deepEqual(cells.map(({ row: { norm, batch, groups }, ratio }) => (
    [norm, batch, groups, ratio.toFixed(2)])).sort(), [["batch", 16, 1, "6.00"], ["batch", 64, 1, "3.00"],
    ["group", 64, 32, "2.50"], ["group", 64, 8, "2.00"]]);
});

test("a native layout is priced but is neither control nor best", () => {
  const native = [["none", 10], ["batch", 80]].flatMap(
    ([norm, ns]) => timed(norm, { blocked: ns }, { native_layout: true }));
  const found = price(viewOf([...timed("none", { a: 100 }), ...timed("batch", { a: 300 }), ...native]));
  assert.deepEqual(medians(found), { "training, 1 thread": [1, "3.00 (1)", "0.80 (1)"] });
  assert.deepEqual(shapesOf(found)[0].slice(1), ["100 a", { batch: ["3.00 a 1"] }]);
});

test("cases without a control are counted and not priced", () => {
  const found = price(viewOf([...timed("none", { a: 100 }), ...timed("batch", { a: 300, b: 300 }),
    ...timed("batch", { a: 300, b: 300 }, { l: 7 }),
    makeGap("a", "unsupported", "no", { norm: "none", l: 7 })]));
  assert.deepEqual([found.withoutControl, found.shapes.lines.length], [1, 1]);
});

test("no price without a norm beside the control", () => {
  for (const rows of [timed("batch", { a: 1 }), timed("none", { a: 1 }),
    [...timed("batch", { a: 1 }), ...timed("none", { a: 1 }, { l: 7 })], [makeGap("a", "failed", "x")]]) {
    assert.equal(price(viewOf(rows)), null);
  }
});

test("a hidden backend has no price and stays the control", () => {
  const rows = [...timed("none", { a: 100, b: 50 }), ...timed("batch", { a: 200, b: 150 })];
  assert.deepEqual(medians(price(viewOf(rows, { shown: new Set(["a"]) }))),
    { "training, 1 thread": [1, "4.00 (1)"] });
});

test("versions of one library are set side by side, over the cases of all", () => {
  const backends = [{ name: "onednn", version: "2.6.3" }, { name: "onednn@3", version: "3.0.1" },
    { name: "aten", version: "1.13.0" }];
  const rows = [1, 2].flatMap((l) => [row("onednn", 100, { l }), row("onednn@3", l === 1 ? 25 : 100, { l }),
    row("aten", 1, { l })]);
  const found = versionsSideBySide(viewOf([...rows, row("onednn", 1, { l: 3 })], { meta: { backends } }));
  assert.deepEqual(found.map(({ name, ids }) => [name, ids]), [["oneDNN", ["onednn", "onednn@3"]]]);
  assert.deepEqual(found[0].lines.map(({ title, cases }) => [title, cases]), [["training, 1 thread", 2]]);
  close(found[0].lines[0].cells[0], 1);
  close(found[0].lines[0].cells[1], 0.5);
  assert.deepEqual(versionsSideBySide(viewOf(rows, { meta: { backends: backends.slice(0, 1) } })), []);
});
