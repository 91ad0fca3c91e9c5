// normbench export from the outside: the form of Google Benchmark, and that its own tool reads it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import test from "node:test";
import { BUDGET, MAIN_WORDS, partialRun, printed, run, shell, textOf, verb, withGap } from "./command.js";
import { close, ladder, makeGap, makeRow, temporary } from "./synthesis.js";

const ID = "batch/forward_training/f32/ncl/n64_c256_l128/t1/warm";
// It needs scipy, which Debian's interpreter has.
const TOOL = ["/usr/bin/python3", "/usr/share/benchmark/compare.py"];
const skip = spawnSync(TOOL[0], [TOOL[1], "--help"]).status !== 0
  && "compare.py of Google Benchmark does not run here";

test("samples are repetitions, and have their aggregates", (t) => {
  const rows = [makeRow("a", 1, { samples_ns: [1, 2, 3, 6], bytes: 12 }), makeGap("b", "failed", "x")];
  const { status, stdout, stderr } = verb(["export", run(t, rows)]);
  assert.equal(status, 0);
  assert.match(stderr, /^normbench: warning: 1 of 2 rows have no time and are left out\n$/);
  const { context, benchmarks } = JSON.parse(stdout);
  const [repetitions, aggregates] = [benchmarks.slice(0, 4), benchmarks.slice(4)];
  assert.deepEqual(repetitions.map(({ run_type: type, repetition_index: index, real_time: time, name }) => (
    [type, index, time, name])), [1, 2, 3, 6].map((time, at) => ["iteration", at, time, `a/${ID}`]));
  close(repetitions[1].bytes_per_second, 6e9);
  assert.deepEqual(aggregates.map(({ name, run_type: type }) => [name, type]),
    ["mean", "median", "stddev", "cv"].map((name) => [`a/${ID}_${name}`, "aggregate"]));
  const deviation = Math.sqrt(14 / 3);
  [3, 2.5, deviation, deviation / 3].forEach((value, at) => close(aggregates[at].real_time, value));
  assert.deepEqual(context.caches, [{ type: "Data", level: 1, size: 32768, num_sharing: 1 }]);
  assert.deepEqual([context.num_cpus, context.host_name], [2, "box"]);
});

test("one sample has no aggregates", (t) => {
  assert.equal(JSON.parse(printed(["export", run(t, [makeRow("a", 1, { rounds: 1 })])])).benchmarks.length, 1);
});

test("rows keep their own number of rounds", (t) => {
  const rows = [makeRow("a", 1, { rounds: 7 }), makeRow("b", 1)];
  const { benchmarks } = JSON.parse(printed(["export", run(t, rows)]));
  assert.deepEqual([...new Set(benchmarks.map(({ repetitions }) => repetitions))], [7, 12]);
});

test("a file is named on stdout, a stream is not", (t) => {
  const folder = run(t);
  const place = path.join(temporary(t), "x.json");
  assert.equal(printed(["export", folder, "-o", place]), `${place}\n`);
  const whole = printed(["export", folder]);
  assert.equal(textOf(place), whole);
  assert.equal(printed(["export", folder, "-o", "/dev/stdout"]), whole);
  shell(`${MAIN_WORDS} export '${folder}' -o /dev/stdout >'${place}.2'`);
  assert.equal(textOf(`${place}.2`), whole);
});

test("filters hold, and a partial run is said on stderr", (t) => {
  const { stdout, stderr } = verb(["export", partialRun(t), "-b", "naive", "-f", "_l16/"]);
  assert.deepEqual([...new Set(JSON.parse(stdout).benchmarks.map(({ run_name: name }) => name.slice(0, 6)))],
    ["naive/"]);
  assert.equal(stderr, `normbench: warning: run: ${BUDGET}\n`);
});

test("a reader that leaves is no error", (t) => {
  const rows = Array.from({ length: 59 }, (_, at) => makeRow("a", 1, { l: at + 1, rounds: 60 }));
  const command = `set -o pipefail; { ${MAIN_WORDS} export '${run(t, rows)}' | head -1; echo rc $?; } 2>&1`;
  assert.equal(shell(command), "{\nrc 0");
});

test("compare.py reads it: two files", { skip }, (t) => {
  const place = path.join(temporary(t), "x.json");
  printed(["export", run(t, withGap()), "-o", place]);
  const found = tool("benchmarks", place, place);
  assert.ok(found.includes("naive/batch/forward_training/f32/ncl/n64_c256_l16/t1/warm_median"));
  assert.ok(found.includes("OVERALL_GEOMEAN"));
});

test("compare.py sets two backends of one file against each other", { skip }, (t) => {
  const place = path.join(temporary(t), "x.json");
  printed(["export", run(t, ladder()), "-o", place]);
  const found = tool("filters", place, "^naive/", "^openmp/");
  const [line] = found.split("\n").filter((own) => own.includes("_l16/") && own.includes("_median"));
  assert.ok(Math.abs(Number(line.trim().split(/\s+/).at(-6)) + 0.75) < 0.01, line);
  assert.ok(found.includes("vs. ^openmp/]batch/forward_training"));
});

function tool(...words) {
  const done = spawnSync(TOOL[0], [TOOL[1], "--no-color", ...words], { encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout;
}
