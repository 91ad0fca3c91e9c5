// What of a run is looked at: text, facets, the patterns of a command line, and who is ranked.
import assert from "node:assert/strict";
import { test } from "node:test";
import { unique } from "../../scripts/analysis/core/collections.js";
import { UserError } from "../../scripts/analysis/core/errors.js";
import { AMONG, applyPatterns, chooseCases, facetValues, rankedBackends, textMatcher }
  from "../../scripts/analysis/core/filters.js";
import { ladder, loadRows, makeGap, makeMeta, makeRow, reference } from "./synthesis.js";

const SHAPES = [[32, 512, 835], [512, 835, 1], [7, 512, 835], [32, 512, 1], [835, 7, 1]];

// The shapes, as text, that a text finds among SHAPES.
function shapesBy(text) {
  const run = loadRows(SHAPES.map(([n, c, l]) => makeRow("a", 1, { n, c, l })));
  return run.rows.filter(textMatcher(run, text)).map(({ n, c, l }) => `${n} ${c} ${l}`);
}

test("three sizes are a shape, however they are written", () => {
  for (const text of ["32x512x835", "[32, 512, 835]", "(32, 512, 835)", "32 512 835", "[32,512,835]",
    " 32×512×835 ", "32*512*835"]) {
    assert.deepEqual(shapesBy(text), ["32 512 835"], text);
  }
});

test("two sizes are (N, C), or C and L", () => {
  assert.deepEqual(shapesBy("512x835"), ["32 512 835", "512 835 1", "7 512 835"]);
  assert.deepEqual(shapesBy("32 512"), ["32 512 1"]);
});

test("a ? is any size", () => {
  assert.deepEqual(shapesBy("?x512x835"), ["32 512 835", "7 512 835"]);
  assert.deepEqual(shapesBy("32x?x?"), ["32 512 835", "32 512 1"]);
  assert.deepEqual(shapesBy("?x835"), ["32 512 835", "512 835 1", "7 512 835"]);
});

test("a number alone is text, and a part of a size is no size", () => {
  assert.equal(shapesBy("835").length, 4);
  assert.deepEqual(shapesBy("3x512x835"), []);
});

// The cases of the reference run that a text finds.
function casesBy(text) {
  const run = reference();
  return new Set(run.rows.filter(textMatcher(run, text)).map((row) => row.case));
}

test("text is looked for in ids, names, sources, backends and layers, in any case", () => {
  const all = casesBy("");
  assert.equal(all.size, 210);
  assert.deepEqual(casesBy("PyTorch"), all); // it was timed in all
  assert.deepEqual(casesBy("  pytorch 1.13 "), all);
  const norm = (name) => new Set(
    reference().rows.filter((row) => row.norm === name).map((row) => row.case));
  assert.deepEqual(casesBy("BatchNorm1d"), norm("batch"));
  assert.ok([...norm("layer")].every((id) => casesBy("layernorm").has(id)));
  assert.deepEqual(casesBy("RMSNorm"), norm("rms"));
  assert.equal(casesBy("barlow-vicreg-hidden").size, 3);
  assert.ok(casesBy("vicreg 4e12602").size > 0); // of a source
  assert.equal(casesBy("no such thing").size, 0);
});

test("a backend finds the cases that it has, with all of their rows", () => {
  const run = loadRows([["aten", 1], ["eigen", 1], ["eigen", 2]].map(([id, l]) => makeRow(id, 1, { l })));
  assert.deepEqual(run.rows.filter(textMatcher(run, "pytorch")).map(({ backend, l }) => [backend, l]),
    [["aten", 1], ["eigen", 1]]);
});

test("text is no regular expression", () => {
  for (const text of [".*[", "(", "a|b", "\\", "$"]) assert.deepEqual(shapesBy(text), [], text);
  const run = loadRows([makeRow("x.*[y", 1)]);
  assert.ok(textMatcher(run, ".*[")(run.rows[0]));
});

test("facets choose cases, and text narrows them down", () => {
  const run = loadRows([...ladder(), ...ladder({ threads: 2, norm: "rms" })]);
  const of = (choice) => chooseCases(run, choice).map((row) => row.case);
  assert.equal(of({}).length, 24);
  assert.deepEqual(unique(chooseCases(run, { values: { threads: ["2"], regime: ["L2"] } }).map(
    ({ norm, l }) => `${norm} ${l}`)), ["rms 16", "rms 32"]);
  assert.equal(of({ values: { threads: ["1", "2"] } }).length, 24);
  assert.equal(of({ values: { norm: ["rms"] }, text: "64x256x16" }).length, 3);
  assert.equal(of({ values: { norm: [] } }).length, 0);
});

test("values of facets are in their order", () => {
  const run = loadRows([["DRAM", 16], ["L1", 2], ["L3", 1], ["L2", 4]].map(
    ([regime, threads]) => makeRow("a", 1, { regime, threads })));
  assert.deepEqual(facetValues(run, "regime"), ["L1", "L2", "L3", "DRAM"]);
  assert.deepEqual(facetValues(run, "threads"), ["1", "2", "4", "16"]);
});

test("who is ranked", () => {
  const ranked = (among) => [...rankedBackends(reference(), among)];
  const libraries = ["aten", "eigen", "onednn", "onednn-blocked"];
  assert.deepEqual(ranked("libraries"), libraries);
  assert.deepEqual(ranked("without-ours"), libraries);
  assert.equal(ranked("all").length, 7);
  assert.deepEqual(ranked(["simd", "aten"]), ["aten", "simd"]);
  assert.equal(ranked(["nobody"]).length, 7); // all where nobody is left
  for (const among of ["x", "constructor", "toString"]) assert.equal(ranked(among).length, 7);
  assert.deepEqual(Object.keys(AMONG), ["all", "libraries", "without-ours"]);
});

test("an unknown backend is no library and is not ours, a variant is what its backend is", () => {
  const names = ["mine", "aten", "aten[x=1]", "simd", "simd[streaming=off]"];
  const run = loadRows(names.map((name) => makeRow(name, 1)), { meta: { backends: makeMeta().backends } });
  assert.deepEqual([...rankedBackends(run, "libraries")], ["aten", "aten[x=1]"]);
  assert.deepEqual([...rankedBackends(run, "without-ours")], ["aten", "aten[x=1]", "mine"]);
});

const FLAGS = { backend: "-b", withoutBackend: "-B", case: "-f", withoutCase: "-F" };
const four = () => loadRows([...ladder({ name: "row, quartznet" }),
  makeGap("picky", "unsupported", "needs c % 3 == 0", { l: 16, name: "row, quartznet" })]);

function applied(patterns, run = four()) {
  const none = { backend: [], withoutBackend: [], case: [], withoutCase: [] };
  return applyPatterns(run, { ...none, ...patterns }, FLAGS);
}

test("patterns of backends show, patterns of cases choose", () => {
  const table = [[{ backend: ["naive"] }, "naive", 4], [{ backend: ["naive", "^simd$"] }, "naive simd", 4],
    [{ withoutBackend: ["naive", "picky"] }, "openmp simd", 4],
    [{ case: ["l16/", "l32/"] }, "naive openmp picky simd", 2],
    [{ withoutCase: ["l16/"] }, "naive openmp picky simd", 3],
    [{ backend: ["n"], withoutBackend: ["openmp"], case: ["l1"], withoutCase: ["l16/"] }, "naive", 1]];
  for (const [patterns, shown, cases] of table) {
    const found = applied(patterns);
    assert.deepEqual([[...found.shown].sort().join(" "), unique(found.rows.map((row) => row.case)).length],
      [shown, cases]);
    assert.deepEqual(found.warnings, []);
  }
  // Rows of hidden backends stay: they may be the best.
  assert.equal(applied({ backend: ["naive"] }).rows.length, 13);
});

test("id and names of a case are searched apart", () => {
  const rows = [makeRow("a", 1, { l: 1, name: "tabnet-ghost, other" }), makeRow("a", 1, { l: 2 })];
  const found = (pattern) => applied({ case: [pattern] }, loadRows(rows)).rows.map(({ l }) => l);
  for (const pattern of ["^tabnet-ghost$", "^other$", "^batch/.*_l1/t1/warm$"]) {
    assert.deepEqual(found(pattern), [1], pattern);
  }
  assert.deepEqual(found("warm$"), [1, 2]);
});

test("bad patterns are refused in one line", () => {
  const table = [[{ backend: ["cuda"] },
    /^-b 'cuda' matches no backend of results\/run, there are: naive, openmp, simd, picky$/],
    [{ backend: ["naive", "cuda"] }, /^-b 'cuda' matches no backend/],
    [{ case: ["l99"] }, /^-f 'l99' matches no case/],
    [{ backend: ["("] }, /^-b '\(' is no regular expression/],
    [{ withoutCase: ["["] }, /^-F '\[' is no regular expression/],
    [{ withoutBackend: ["."] }, /leave nothing/], [{ backend: ["picky"], case: ["l32/"] }, /leave nothing/]];
  for (const [patterns, message] of table) {
    assert.throws(() => applied(patterns), (error) => {
      assert.ok(error instanceof UserError && !error.message.includes("\n"), error.message);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("of many cases the first five are told, of backends twenty", () => {
  const run = loadRows(Array.from({ length: 8 }, (_, at) => makeRow(`b${at}`, 1, { l: at + 1 })));
  assert.throws(() => applied({ backend: ["x"] }, run), /there are: b0, b1, b2, b3, b4, b5, b6, b7$/);
  assert.throws(() => applied({ case: ["x"] }, run), /_l5\/t1\/warm and 3 more$/);
});

test("all parts of a text must fit", () => {
  const run = reference();
  const of = (text) => new Set(run.rows.filter(textMatcher(run, text)).map((row) => row.case)).size;
  assert.equal(of("2 threads") + of("1 thread"), 210);
  assert.equal(of("threads=1"), of("1 thread"));
  assert.deepEqual(["32x512x835 training", "[32, 512, 835] training", "training 32 512 835"].map(of), [1, 1, 1]);
  assert.equal(of("L=1 batchnorm inference 2 threads"),
    run.rows.filter((row) => row.backend === "aten" && row.l === 1
    && row.norm === "batch" && row.pass === "forward_inference" && row.threads === 2).length);
  assert.equal(of("torch.nn.BatchNorm1d"), of("batchnorm1d"));
  assert.equal(of("nn.LayerNorm"), of("layernorm"));
  assert.ok(of("batchnorm1d 512") > 20 && of("batchnorm1d 512") < of("512"));
  assert.equal(of("libtorch"), 210);
  assert.equal(of("layernorm 3 threads"), 0);
});

test("an exclusion that matches nothing is a warning", () => {
  const found = applied({ withoutBackend: ["cuda"], withoutCase: ["l99"] });
  assert.deepEqual(found.warnings.map((text) => text.split(" of ")[0]).sort(),
    ["-B 'cuda' matches no backend", "-F 'l99' matches no case"]);
});
