// normbench rank from the outside.
import assert from "node:assert/strict";
import test from "node:test";
import { BUDGET, oneError, partialRun, printed, run, verb, withGap } from "./command.js";
import { ladder, makeGap, makeRow, two } from "./synthesis.js";

const linesOf = (text) => text.trimEnd().split("\n");

test("rank says the answer, and the table has every backend", (t) => {
  const stdout = printed(["rank", run(t)]);
  assert.match(stdout, /^On this 2-core Example CPU/);
  for (const label of ["OpenMP C++, ours", "simd, ours", "naive C++, ours"]) assert.ok(stdout.includes(label));
  assert.match(stdout, /Undecided, with 2 to 5 cases/);
});

test("2 to 5 cases have a range, and nobody is marked", (t) => {
  const table = linesOf(printed(["rank", run(t)])).slice(6, 11);
  assert.deepEqual(table.map((line) => line.trim().replace(/  +/g, "  ")),
    ["batch norm, f32, ncl, 1 thread", "training",
    "shapes  4, range", "OpenMP C++, ours  1.00 (1.00)", "simd, ours  1.00 (1.00)"]);
});

test("titles name the setting, batch norm first, and columns have their number of shapes", (t) => {
  const lines = linesOf(printed(["rank", run(t, [...two("a", "b", 2, { norm: "layer", threads: 2 }),
    ...two("a", "b", 2)])]));
  const titles = lines.filter((line) => / norm, .* threads?$/.test(line));
  assert.deepEqual(titles, ["batch norm, f32, ncl, 1 thread", "layer norm, f32, ncl, 2 threads"]);
  for (const title of titles) {
    const table = lines.slice(lines.indexOf(title) + 1).map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(table.slice(0, 4),
      [["training"], ["shapes", "6"], ["a", "1.00 (1.00) *"], ["b", "2.00 (2.00)"]]);
  }
});

test("who was rarely timed is not ranked, and named", (t) => {
  const folder = run(t, [...two("a", "b", 2), makeRow("rare", 1, { l: 1 })]);
  const stdout = printed(["rank", folder]);
  assert.match(stdout, /^Not ranked: rare, timed in 1 of 6 cases\.$/m);
  assert.match(stdout, /^shapes +6 of 6|^shapes +6$/m);
  assert.match(printed(["rank", folder, "--regimes"]), /^L2: rare is not ranked, timed in 1 of 6 cases\.$/m);
});

test("an own layout is marked, explained, and has no rank", (t) => {
  const rows = [...two("a", "b", 2), ...[1, 2].map((l) => makeRow("native", 50, { l, native_layout: true }))];
  const folder = run(t, rows);
  const stdout = printed(["rank", folder]);
  assert.match(stdout, /^native \* +0\.\d\d \(/m);
  assert.match(stdout, /^Names with \*: the data was already in the library's own layout;.* no rank\.$/m);
  const [group] = JSON.parse(printed(["rank", folder, "--format", "json"]));
  const native = group.standings.find(({ backend }) => backend === "native");
  assert.deepEqual([native.rank, native.native, native.ratio.count, group.cases], [null, true, 2, 6]);
  assert.match(printed(["rank", folder, "--regimes"]), /^L2 +2 of 6 cases +- +native \* /m);
});

test("a variance by moments has its ratio, a label, a legend and no rank", (t) => {
  const rows = [...two("a", "b", 2), ...[1, 2].map((l) => makeRow("dlib", 50, { l, variance: "moments" }))];
  const folder = run(t, rows);
  const stdout = printed(["rank", folder]);
  assert.match(stdout, /^dlib \(moments\) +0\.\d\d \(/m);
  assert.match(stdout, /^\(moments\): where the pass finds a variance it is mean x\^2 - mean\^2,.* no rank\.$/m);
  assert.doesNotMatch(stdout, /Names with \*/);
  const [group] = JSON.parse(printed(["rank", folder, "--format", "json"]));
  const own = group.standings.find(({ backend }) => backend === "dlib");
  assert.deepEqual([own.rank, own.moments, own.native, own.ratio.count], [null, true, false, 2]);
  assert.deepEqual(group.standings.map(({ backend }) => backend), ["a", "b", "dlib"]);
});

test("regimes have ranks, wins and the worst shape each", (t) => {
  const rows = [...two("a", "b", 2), ...two("a", "b", 2, { regime: "DRAM", n: 128 })];
  const lines = linesOf(printed(["rank", run(t, rows), "--regimes"]));
  const of = (word) => lines.filter((line) => line.startsWith(word)).map((line) => line.split(/ {2,}/));
  assert.deepEqual(of("regime ")[0].slice(0, 4), ["regime", "cases", "rank", "backend"]);
  assert.deepEqual(of("all regimes").map((cells) => cells.slice(1, 4)),
    [["12 cases", "1 *", "a"], ["12 cases", "2", "b"]]);
  for (const regime of ["L2", "DRAM"]) {
    assert.deepEqual(of(regime).map(([, cases]) => cases), ["6 cases", "6 cases"]);
  }
});

test("rank --format json has what the table has", (t) => {
  const groups = JSON.parse(printed(["rank", run(t, withGap()), "--format", "json"]));
  assert.deepEqual(groups.map(({ regime, cases }) => [regime, cases]), [["all", 4], ["L2", 2], ["DRAM", 2]]);
  const [{ keys, standings }] = groups;
  assert.equal(keys.pass, "forward_training");
  assert.deepEqual(standings.map(({ backend }) => backend).sort(), ["naive", "openmp", "simd"]);
  const naive = standings.find(({ backend }) => backend === "naive");
  assert.ok(Math.abs(naive.ratio.ratio - 4) < 0.02);
  assert.ok(Math.abs(naive.worst_ratio - 4) < 0.02 && naive.worst_case.startsWith("batch/forward_training/"));
});

test("who is shown does not change who is best, who is ranked does", (t) => {
  const folder = run(t, two("simd", "aten", 3));
  const ratio = (words) => {
    const [group] = JSON.parse(printed(["rank", folder, "--format", "json", ...words]));
    return group.standings.find(({ backend }) => backend === "aten").ratio.ratio;
  };
  assert.ok(ratio(["-b", "aten"]) > 2.9);
  assert.ok(ratio(["--among", "libraries"]) === 1);
  assert.match(printed(["rank", folder, "--among", "libraries"]), /Ranked are only PyTorch/);
  oneError(verb(["rank", folder, "--among", "aten,cuda"]),
    "--among 'cuda' is none of all, libraries, without-ours",
    "aten, simd");
});

test("where nothing was timed there is no table, and that is said", (t) => {
  const lines = linesOf(printed(["rank", run(t, [makeGap("a", "failed", "wrong")])]));
  assert.deepEqual(lines.slice(0, 4).map((line) => line.slice(0, 23)),
    ["FAILED: a: wrong result", "Nothing was timed here.", "", "Not measured: batch nor"]);
});

const DEFECT = { what: "dgamma of few rows is | wrong", source: "https://example.org/issues/7" };

test("failures come first, a known defect with its source, and what is declined is none", (t) => {
  const rows = [...ladder(), ...[16, 32].map((l) => makeGap("aten", "failed", `dgamma[${l}] is off`,
    { l, known_defect: DEFECT })), makeGap("simd", "crashed", "y", { l: 7 }),
      makeGap("simd", "unsupported", "y", { l: 8 })];
  const lines = linesOf(printed(["rank", run(t, rows)]));
  assert.equal(lines[0],
    `FAILED: PyTorch: known defect of the library (${DEFECT.source}): ${DEFECT.what} in 2 of 2 rows `
    + "(training of batch norm): no time, no rank there.");
  assert.match(lines[1], /^FAILED: simd, ours: crashed in 1 of 6 rows /);
  assert.match(lines[2], /^On this /);
  assert.equal(lines.filter((line) => line.startsWith("FAILED")).length, 2);
  assert.doesNotMatch(printed(["rank", run(t)]), /FAILED/);
});

test("a partial run says so first and once, whatever is chosen of it", (t) => {
  const folder = partialRun(t);
  for (const words of [[], ["-f", "_l16/", "-b", "simd|naive"]]) {
    const { stdout, stderr } = verb(["rank", folder, ...words]);
    assert.ok(stdout.startsWith(`${BUDGET}\nOn this `), stdout);
    assert.equal(stdout.split("cases were measured").length, 2);
    assert.equal(stderr, "");
  }
});

test("to machines it is said on stderr", (t) => {
  const { stdout, stderr } = verb(["rank", partialRun(t), "--format", "json"]);
  assert.equal(JSON.parse(stdout).length, 3);
  assert.equal(stderr, `normbench: warning: run: ${BUDGET}\n`);
});
