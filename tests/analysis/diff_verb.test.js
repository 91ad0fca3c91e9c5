// normbench diff from the outside: what changed, and the exit code that a script acts on.
import assert from "node:assert/strict";
import test from "node:test";
import { BUDGET, oneError, partialRun, printed, run, verb } from "./command.js";
import { close, machine, makeGap, makeMeta, makeRow, two } from "./synthesis.js";

// `words` are given after the folders of two runs with these rows.
function between(t, old, recent, { words = [], olds = {}, recents = {}, ...options } = {}) {
  return verb(["diff", run(t, old, olds, "old"), run(t, recent, recents, "new"), ...words], options);
}

const a = (ns, fields) => [makeRow("a", ns, fields)];

test("equal runs are the same", (t) => {
  const folder = run(t);
  const { status, stdout, stderr } = verb(["diff", folder, folder]);
  assert.equal(status, 0);
  assert.match(stdout, /^Rows: 12 same\.$/m);
  assert.equal(stderr, "");
});

test("what got slower ends with 4 and comes first", (t) => {
  const old = [1, 2, 3].flatMap((l) => a(100, { l }));
  const recent = [100, 120, 80].flatMap((ns, at) => a(ns, { l: at + 1, seed: 2 }));
  const { status, stdout, stderr } = between(t, old, recent);
  assert.deepEqual([status, stderr], [4, ""]);
  assert.match(stdout, /^Rows: 1 slower, 1 faster, 1 same\.$/m);
  const body = stdout.split("\n").filter((line) => line.startsWith("n64_")).map((line) => line.split(/ {2,}/));
  assert.deepEqual(body[0].slice(0, 5), ["n64_c256_l2", "a", "100 ns", "120 ns", "1.20"]);
  assert.deepEqual(body.map((cells) => cells.at(-1)), ["SLOWER", "faster"]);
  assert.match(stdout, /listed with --all\.$/m);
  const whole = between(t, old, recent, { words: ["--all"] }).stdout.split("\n")
    .filter((line) => line.startsWith("n64_"));
  assert.equal(whole.length, 3);
  assert.match(whole[2], /±\d+%$/);
});

test("JSON has the changes with exact numbers, and the same exit code", (t) => {
  const [old, recent] = [[1, 2, 3].flatMap((l) => a(100, { l })),
    [100, 120, 80].flatMap((ns, at) => a(ns, { l: at + 1, seed: 2 }))];
  const { status, stdout } = between(t, old, [...recent, makeGap("b", "failed", "x")],
    { words: ["--format", "json"] });
  assert.equal(status, 4);
  const { rows, counts, threshold, old: folders } = JSON.parse(stdout);
  assert.deepEqual(rows.map(({ change }) => change), ["slower", "faster", "same", "same"]);
  assert.deepEqual([counts, threshold, folders.length], [{ slower: 1, faster: 1, same: 2 }, 1.05, 1]);
  const [{ ratio, lo, hi, old_ns: before, new_ns: after }] = rows;
  close(ratio, after / before);
  assert.ok(1.05 < lo && lo < ratio && ratio < hi);
  const gap = rows.find(({ backend }) => backend === "b");
  assert.deepEqual([gap.outcome_old, gap.outcome_new, gap.ratio], [null, "failed", null]);
});

test("a threshold of one's own", (t) => {
  for (const [threshold, expected] of [["1.05", 4], ["1.25", 0]]) {
    assert.equal(between(t, a(100), a(120), { words: ["--threshold", threshold] }).status, expected);
  }
});

test("a threshold that is none is said before any folder is read", () => {
  for (const threshold of ["0.9", "nan", "Infinity", "fast", ""]) {
    oneError(verb(["diff", "/nowhere", "/nowhere", `--threshold=${threshold}`]),
      `--threshold '${threshold}' is no ratio of at least 1`);
  }
});

test("what may be slower ends with 6", (t) => {
  const [old, recent] = [[100, 1], [112, 2]].map(([ns, seed]) => a(ns, { jitter: 0.3, seed }));
  const { status, stdout } = between(t, old, recent);
  assert.equal(status, 6);
  assert.match(stdout, /^Rows: 1 undecided \(\?\)\.$/m);
});

test("too few rounds claim nothing", (t) => {
  const { status, stdout } = between(t, a(100, { rounds: 5 }), a(900));
  assert.equal(status, 6);
  assert.match(stdout, /^Rows: 1 undecided \(\?\)\.$/m);
});

test("what broke ends with 4, what was broken is the same", (t) => {
  const fine = makeRow("b", 1);
  const broken = ["failed", "crashed", "timed_out"].map(
    (outcome, at) => makeGap("a", outcome, "x", { l: at + 1 }));
  const { status, stdout } = between(t, [...broken.flatMap(({ l }) => a(100, { l })), fine], [...broken, fine]);
  assert.equal(status, 4);
  for (const word of ["failed", "crashed", "timed out"]) {
    assert.match(stdout, new RegExp(`a +\\d+\\.?\\d* ns +${word} +BROKEN$`, "m"));
  }
  assert.equal(between(t, [...broken, fine], [...broken, fine]).status, 0);
});

test("what is gone ends with 4, unless that is allowed", (t) => {
  for (const gap of [[], [makeGap("a", "unsupported", "x")], [makeGap("a", "not_built", "x")]]) {
    const [old, recent] = [[...a(100), makeRow("b", 1)], [...gap, makeRow("b", 1)]];
    const { status, stdout } = between(t, old, recent);
    assert.equal(status, 4);
    assert.match(stdout, /^Gone, timed in OLD and not in NEW \(--allow-gone lets them\): a in batch\/.*warm\.$/m);
  }
  assert.equal(between(t, [...a(100), makeRow("b", 1)], [makeRow("b", 1)], { words: ["--allow-gone"] }).status, 0);
});

test("rows of one side are counted", (t) => {
  const { stdout } = between(t, ["a", "b", "c"].map((name) => makeRow(name, 1)),
    ["a", "d"].map((name) => makeRow(name, 1)));
  assert.match(stdout, /^Rows: 2 gone, 1 new, 1 same\.$/m);
  assert.match(stdout, /b +\d.* ns +not there +GONE$/m);
  assert.match(stdout, /d +not there +\d.* ns +new$/m);
});

test("of many that are gone ten are named", (t) => {
  const rows = Array.from({ length: 12 }, (_, l) => makeRow("a", 1, { l: l + 1 }));
  const { stdout } = between(t, rows, rows.slice(11));
  assert.match(stdout, /^Gone, .* and 1 more\.$/m);
  assert.equal(stdout.split("\n").at(-2).split("; ").length, 10);
});

test("runs without a common row are refused", (t) => {
  oneError(between(t, two("simd", "aten", 3), two("eigen", "naive", 3)), "no case and backend in common");
});

test("what else differs is said before the table", (t) => {
  const meta = { machine: machine({ cpu: "Other CPU", host: "other" }),
    build: { ...makeMeta().build, flags: "-O2" } };
  const { status, stdout } = between(t, a(100), a(100), { recents: { meta } });
  assert.equal(status, 0);
  assert.deepEqual(stdout.split("\n").slice(0, 3), [["machine host", "box", "other"],
    ["machine cpu", "Example CPU", "Other CPU"],
    ["build flags", "-O3", "-O2"]].map(([what, old, recent]) => (
    `Different ${what}: OLD ${old}, NEW ${recent}. The ratios compare more than the code.`)));
});

test("noise above the threshold is said, and is what a row must be beyond", (t) => {
  const { status, stdout } = between(t, a(100), a(115), { olds: { meta: { noise: { floor: 1.2 } } } });
  assert.equal(status, 6);
  assert.match(stdout, /^One run a side: a row must change by more than 1\.20 times, which is no more/m);
});

test("a run of another schema is refused", (t) => {
  oneError(between(t, a(1), a(1), { recents: { meta: { schema: 2 } } }), "new/run.json has schema 2");
});

test("several runs a side", (t) => {
  const sides = [3, 3.6].map((factor) => [1, 2, 3].map((seed) => run(t,
    two("simd", "aten", factor * (1 + 0.01 * seed), { seed }))));
  const words = [...sides[0], "--", ...sides[1]];
  assert.match(printed(["diff", ...words], {}, 4),
    /^3 and 3 runs: the unit is the run\. A row by itself must change by more than 1\.05/m);
  assert.equal(JSON.parse(printed(["diff", "--format", "json", ...words], {}, 4)).counts.slower, 6);
  oneError(verb(["diff", ...sides.flat()]), "6 folders and no --", "OLD... -- NEW...");
  oneError(verb(["diff", ...sides[0], "--"]), "one side of -- has no folder");
});

test("filters hold for both sides", (t) => {
  const { status, stdout } = between(t, two("simd", "aten", 3), two("simd", "aten", 9),
    { words: ["-b", "simd", "-f", "_l1/"] });
  assert.equal(status, 0);
  assert.match(stdout, /^Rows: 1 same\.$/m);
});

test("which of the runs is partial is said on stderr", (t) => {
  const [old, recent] = [partialRun(t, "before"), run(t)];
  const { status, stdout, stderr } = verb(["diff", old, recent, "--format", "json"]);
  assert.equal(status, 0);
  assert.equal(JSON.parse(stdout).rows.length, 12);
  assert.equal(stderr, `normbench: warning: before: ${BUDGET}\n`);
});

test("of several runs a backend that is told decides, not each of its rows that looks slower by chance", (t) => {
  const side = (name, factor, count) => [1, 2].map((seed) => run(t, Array.from({ length: count }, (_, at) => (
    makeRow("a", 100 * (at === 0 ? factor : 1), { l: at + 1, seed, jitter: at === 0 ? 0.2 : 0.002 }))), {},
      `${name}${seed}`));
  const of = (count) => verb(["diff", ...side("old", 1, count), "--", ...side("new", 1.2, count)]);
  const [many, few] = [of(12), of(3)];
  assert.match(many.stdout, /^Rows: 1 undecided \(\?\), 11 same\.$/m);
  assert.match(few.stdout, /^Rows: 1 undecided \(\?\), 2 same\.$/m);
  assert.deepEqual([many.status, few.status], [0, 6]);
});
