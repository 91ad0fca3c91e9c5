// What changed between two sides, each one run or several.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CHANGES, FAILS, findChanges, setupDifferences } from "../../scripts/analysis/core/changes.js";
import { close, loadRows, machine, makeGap, makeMeta, makeRow, normal, randomOf } from "./synthesis.js";

// The rows that changed between one run and another.
function between(old, recent, { threshold, isWanted, olds = {}, recents = {} } = {}) {
  return findChanges([loadRows(old, olds)], [loadRows(recent, recents)], threshold, isWanted);
}

const changesOf = (found) => found.rows.map(({ backend, row, change }) => [backend, row.l, change]);
const only = (found) => found.rows.map(({ change }) => change).join(" ");

test("the same speed is the same", () => {
  assert.equal(only(between([makeRow("a", 100)], [makeRow("a", 101, { seed: 2 })])), "same");
});

test("what is slower comes first, ratios are of medians, ends are of the sign test", () => {
  const old = [1, 2, 3].map((l) => makeRow("a", 100, { l }));
  const recent = [100, 120, 80].map((ns, at) => makeRow("a", ns, { l: at + 1, seed: 2 }));
  const found = between(old, recent);
  assert.deepEqual(changesOf(found), [["a", 2, "slower"], ["a", 3, "faster"], ["a", 1, "same"]]);
  assert.deepEqual(found.counts, [["slower", 1], ["faster", 1], ["same", 1]]);
  const [b, a] = [old[1], recent[1]].map((row) => [...row.samples_ns].sort((x, y) => x - y));
  const { estimate, before, after } = found.rows[0];
  close(estimate.ratio, (a[5] + a[6]) / (b[5] + b[6]));
  close(estimate.lo, a[2] / b[9]); // 12 rounds: 3rd smallest and 3rd largest
  close(estimate.hi, a[9] / b[2]);
  close(before.ns, (b[5] + b[6]) / 2);
  assert.deepEqual([before.outcome, after.outcome], ["passed", "passed"]);
});

test("a threshold of one's own", () => {
  const of = (threshold) => only(between([makeRow("a", 100)], [makeRow("a", 120)], { threshold }));
  assert.deepEqual([of(1.05), of(1.15), of(1.25)], ["slower", "slower", "same"]);
  assert.equal(only(between([makeRow("a", 120)], [makeRow("a", 100)], { threshold: 1.25 })), "same");
});

test("an interval that reaches below the threshold is undecided", () => {
  const [old, recent] = [[100, 1], [112, 2]].map(([ns, seed]) => [makeRow("a", ns, { jitter: 0.3, seed })]);
  const found = between(old, recent);
  const [{ estimate }] = found.rows;
  assert.ok(estimate.ratio > 1.05 && estimate.lo < 1.05);
  assert.equal(only(found), "undecided");
  // The same for what is faster: 0.85, up to 0.97.
  const samples = [...Array(8).fill(85), ...Array(4).fill(97)];
  const faster = between([makeRow("a", 100, { jitter: 0 })], [makeRow("a", 1, { samples_ns: samples })]);
  close(faster.rows[0].estimate.hi, 0.97);
  assert.equal(only(faster), "undecided");
});

test("too few rounds claim nothing", () => {
  const found = between([makeRow("a", 100, { rounds: 5 })], [makeRow("a", 900)]);
  assert.equal(only(found), "undecided");
  assert.equal(found.rows[0].estimate.spread, null);
});

test("a row that broke fails, one that was broken does not", () => {
  for (const outcome of ["failed", "crashed", "timed_out"]) {
    const found = between([makeRow("a", 100)], [makeGap("a", outcome, "x")]);
    assert.equal(only(found), "broken");
    assert.deepEqual(found.rows[0].after, { outcome, reason: "x", detail: "loop", ns: null });
    assert.equal(only(between([makeGap("a", outcome, "x")], [makeGap("a", outcome, "x")])), "same");
  }
  assert.ok(FAILS.every((change) => CHANGES.includes(change)) && FAILS.includes("broken"));
});

test("what was timed and is no more is gone, and never the same", () => {
  const old = ["a", "b", "c"].map((name) => makeRow(name, 1));
  const found = between(old, [makeRow("a", 1), makeGap("b", "not_built", "no library"), makeRow("d", 1)]);
  assert.deepEqual(changesOf(found), [["b", 128, "gone"], ["c", 128, "gone"], ["d", 128, "new"],
    ["a", 128, "same"]]);
  assert.deepEqual(found.rows.map(({ before, after }) => [before && before.outcome, after && after.outcome]),
    [["passed", "not_built"], ["passed", null], [null, "passed"], ["passed", "passed"]]);
  assert.ok(FAILS.includes("gone") && !FAILS.includes("new"));
  assert.equal(only(between([makeRow("a", 1)], [makeGap("a", "unsupported", "x")])), "gone");
  assert.equal(only(between([makeGap("a", "failed", "x")], [makeRow("a", 1)])), "new");
});

test("rows are matched within norm, type and layout", () => {
  for (const other of [{ norm: "rms" }, { dtype: "f64" }, { layout: "nlc" }]) {
    const found = between([makeRow("a", 100), makeRow("a", 300, other)],
      [makeRow("a", 300, { seed: 2, ...other }), makeRow("a", 100)]);
    assert.deepEqual(found.counts, [["same", 2]]);
  }
});

test("rows that are not wanted are left out on both sides", () => {
  const rows = (a, b) => [makeRow("a", a), makeRow("b", b)];
  const found = between(rows(100, 100), rows(101, 200), { isWanted: (row) => row.backend === "b" });
  assert.deepEqual(changesOf(found), [["b", 128, "slower"]]);
});

test("with one run a side a change must be larger than twice, in logs, what the copies differ by", () => {
  const rows = (ns, copy) => [makeRow("a", ns, { copy_ns: 50 }), makeRow("a", 100, { l: 7, copy_ns: copy })];
  assert.deepEqual(between(rows(100, 50), rows(115, 50)).counts, [["slower", 1], ["same", 1]]);
  const shaken = between(rows(100, 50), rows(140, 60));
  assert.deepEqual(shaken.counts, [["undecided", 1], ["same", 1]]);
  shaken.floor.forEach((floor) => close(floor, 1.44));
  assert.deepEqual(between(rows(140, 60), rows(100, 50)).counts, [["undecided", 1], ["same", 1]]);
  assert.deepEqual(between(rows(100, 50), rows(200, 60)).counts, [["slower", 1], ["same", 1]]);
});

test("and than what rows of other backends differ by, but for those of its own library", () => {
  const rows = (a, b) => [makeRow("a", a, { jitter: 0 }), makeRow(b, 100, { jitter: 0, l: 7 })];
  const of = (other, factor) => {
    const recent = [makeRow("a", 130, { jitter: 0 }), makeRow(other, 100 * factor, { jitter: 0, l: 7 })];
    return between(rows(100, other), recent).rows.find(({ backend }) => backend === "a").change;
  };
  assert.deepEqual([of("b", 1.1), of("b", 1.2), of("b", 1 / 1.2)], ["slower", "undecided", "undecided"]);
  assert.deepEqual([of("a-blocked", 1.2), of("a[streaming=off]", 1.2)], ["slower", "slower"]);
});

test("and than its own samples spread, and not by another choice of the backend", () => {
  const spread = (factor) => [...Array(8).fill(200), ...Array(4).fill(200 * factor)];
  const of = (fields) => only(between([makeRow("a", 100, { jitter: 0 })],
    [makeRow("a", 200, { jitter: 0, ...fields })]));
  assert.equal(of({}), "slower");
  assert.equal(of({ samples_ns: spread(1.5) }), "slower");
  assert.equal(of({ samples_ns: spread(3) }), "undecided");
  assert.equal(of({ detail: "loop, 1 thread" }), "undecided");
});

test("rows that are not wanted still tell what the machine did", () => {
  const rows = (a, b) => [makeRow("a", a), makeRow("b", b)];
  const isWanted = (row) => row.backend === "a";
  assert.equal(only(between(rows(100, 100), rows(130, 130), { isWanted })), "undecided");
});

test("the noise floor of either run counts as well", () => {
  const of = (olds, recents) => findChanges(...[olds, recents].map((floor) => (
    [loadRows([makeRow("a", 100)], { meta: { noise: { floor } } })]))).floor;
  assert.deepEqual([of(1.2, 1.01), of(1.01, 1.2)], [[1.2, 1.2], [1.2, 1.2]]);
  const beside = loadRows([makeRow("a", 100), makeRow("a", 100, { l: 7, copy_ns: 500 })]);
  assert.deepEqual(findChanges([loadRows([makeRow("a", 100)])], [beside]).floor, [1.01, 1.01]);
  const unknown = loadRows([makeRow("a", 100, { copy_ns: null })], { meta: { noise: null } });
  assert.deepEqual(findChanges([unknown], [unknown]).floor, [1, 1]);
});

// `count` runs of `rows` cases; the median of a row differs from run to run by `noise`.
function runsOf(count, { rows = 30, noise = 0.015, seed, factor = () => 1 }) {
  const random = randomOf(seed);
  return Array.from({ length: count }, () => loadRows(Array.from({ length: rows }, (_, l) => (
    makeRow("a", 1000 * factor(l) * Math.exp(noise * normal(random)), { l: l + 1, rounds: 6, seed })))));
}

test("with three runs a side 10% is found at a noise of 1.5% between runs", () => {
  const counts = { slower: 0, undecided: 0, same: 0, faster: 0 };
  for (let seed = 0; seed < 10; seed++) {
    const { rows, floor } = findChanges(runsOf(3, { seed: `old ${seed}` }),
      runsOf(3, { seed: `new ${seed}`, factor: (l) => (l % 2 ? 1.1 : 1) }));
    assert.ok(floor[0] === floor[1] && floor[0] > 1.02 && floor[0] < 1.09);
    for (const { row, change } of rows.filter((own) => own.row.l % 2 === 0)) {
      assert.ok(row.l % 2 === 0);
      counts[change] += 1;
    }
  }
  assert.deepEqual([counts.same, counts.faster], [0, 0]);
  assert.ok(counts.slower > counts.undecided, JSON.stringify(counts));
});

test("with three runs a side the same code is never slower", () => {
  for (let seed = 0; seed < 40; seed++) {
    const { counts } = findChanges(runsOf(3, { seed: `old ${seed}` }), runsOf(3, { seed: `new ${seed}` }));
    assert.deepEqual(counts.filter(([change]) => change === "slower" || change === "faster"), [], `${seed}`);
  }
});

test("three runs that agree by chance have the variance of the median row", () => {
  const runs = (factors) => factors.map((run) => loadRows(run.map((factor, l) => (
    makeRow("a", 1000 * factor, { l: l + 1, jitter: 0 })))));
  // Row 1 agrees exactly; of rows 2 and 3 the runs differ by 10%.
  const found = findChanges(runs([[1, 1, 1], [1, 1.1, 1.1], [1, 1.2, 1.2]]),
    runs([[1.1, 1, 1], [1.1, 1.1, 1.1], [1.1, 1.2, 1.2]]));
  const { estimate, change } = found.rows.find(({ row }) => row.l === 1);
  const logs = [0, Math.log(1.1), Math.log(1.2)];
  const mean = (logs[1] + logs[2]) / 3;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / 2;
  const reach = 2.7764451052 * Math.sqrt(variance * 2 / 3); // t for 4 degrees
  close(estimate.ratio, 1.1);
  close(estimate.lo, 1.1 * Math.exp(-reach));
  close(estimate.hi, 1.1 * Math.exp(reach));
  assert.equal(change, "undecided");
});

test("a side of several runs is what all of its runs are", () => {
  const passed = () => loadRows([makeRow("a", 100)]);
  const other = (outcome) => loadRows([makeGap("a", outcome, "x")]);
  const none = () => loadRows([makeRow("b", 100)]);
  const of = (olds, recents) => findChanges(olds, recents).rows.find(({ backend }) => backend === "a");
  const three = () => [passed(), passed(), passed()];
  const broken = of(three(), [passed(), other("crashed"), passed()]);
  assert.deepEqual([broken.change, broken.after.outcome, broken.after.ns], ["broken", "crashed", null]);
  assert.equal(of(three(), [passed(), other("unsupported"), passed()]).change, "gone");
  assert.equal(of(three(), [none(), none(), none()]).change, "gone");
  assert.equal(of([none(), none()], three()).change, "new");
  assert.equal(of(three(), [passed(), passed(), none()]).change, "same");
});

test("two runs on one side and one on the other have an interval, if a wide one", () => {
  const run = (ns) => loadRows([makeRow("a", ns, { jitter: 0 })]);
  const { estimate } = findChanges([run(100), run(102)], [run(120)]).rows[0];
  const spread = Math.log(1.02) ** 2 / 2; // variance of two values
  close(estimate.ratio, 120 / 100); // to the faster of the two
  assert.equal(estimate.count, 1);
  close(Math.log(estimate.ratio / estimate.lo), 12.7062047364 * Math.sqrt(spread * 1.5));
});

test("in what the sides differ beside the code", () => {
  const run = (meta) => [loadRows([makeRow("a", 1)], { meta })];
  const of = (meta) => setupDifferences(run({}), run(meta)).map(Object.values);
  assert.deepEqual(of({}), []);
  for (const [key, value] of [["host", "box"], ["cpu", "Example CPU"], ["cores", "2"], ["isa", "avx512"]]) {
    assert.deepEqual(of({ machine: machine({ [key]: "other" }) }), [[`machine ${key}`, value, "other"]]);
  }
  for (const [key, value] of [["type", "Release"], ["compiler", "GNU 12.2.0"], ["flags", "-O3"]]) {
    assert.deepEqual(of({ build: { ...makeMeta().build, [key]: "x" } }), [[`build ${key}`, value, "x"]]);
  }
  assert.deepEqual(of({ build: { ...makeMeta().build, git: "other" } }), []); // that is the code
  assert.deepEqual(of({ backends: [{ name: "naive", version: "2" }] }), [["version of naive", "1", "2"]]);
  assert.deepEqual(of({ environment: { OMP_WAIT_POLICY: "active", A: "1" } }),
    [["environment A", "none", "1"], ["environment OMP_WAIT_POLICY", "passive", "active"]]);
  assert.deepEqual(of({ timing: { min_rounds: 30 } }), [["timing min_rounds", "6", "30"]]);
  assert.deepEqual(of({ config: { path: "configs/test.toml", text: "other" } }),
    [["config", "its text", "another text"]]);
  assert.deepEqual(of({ config: { path: "elsewhere/test.toml", text: "" } }), []);
});

test("runs of one side that differ are told by what there is", () => {
  const run = (host) => loadRows([makeRow("a", 1)], { meta: { machine: machine({ host }) } });
  assert.deepEqual(setupDifferences([run("a"), run("b"), run("a")], [run("a")]),
    [{ what: "machine host", old: "a or b", recent: "a" }]);
});

test("what happens to all rows of a backend shows in their mean, where the noise hides it in each", () => {
  const side = (factor, seed) => runsOf(3, { rows: 48, noise: 0.08, seed, factor: () => factor });
  const { rows, backends } = findChanges(side(1, "before"), side(1.1, "after"));
  assert.ok(rows.every(({ change }) => change !== "slower"));
  assert.deepEqual(backends.map(({ backend, rows: count, change }) => [backend, count, change]),
    [["a", 48, "slower"]]);
  // Of each row the fastest run, of that the second of six samples: the lower quartile.
  const best = (runs, at) => Math.min(...runs.map((run) => [...run.rows[at].samples_ns].sort((a, b) => a - b)[1]));
  const logs = Array.from({ length: 48 }, (_, at) => Math.log(
    best(side(1.1, "after"), at) / best(side(1, "before"), at)));
  close(backends[0].estimate.ratio, Math.exp(logs.reduce((a, b) => a + b) / 48));
});

test("a run that other programs disturbed does not hide what changed", () => {
  const side = (factor, seed) => runsOf(3, { rows: 12, noise: 0.01, seed, factor: () => factor });
  const disturbed = (runs) => [runs[0], ...runs.slice(1).map((run, at) => loadRows(run.rows.map(
    ({ timed, elements, whole, index, ...row }) => ({ ...row,
      samples_ns: row.samples_ns.map((time) => time * (1.4 + at)) }))))];
  const of = (factor) => findChanges(disturbed(side(1, "before")), side(factor, "after")).backends[0].change;
  assert.deepEqual([of(1), of(1.1), of(0.9)], ["same", "slower", "faster"]);
});

test("a few rows of a backend are a range, which decides nothing", () => {
  const side = (factor, seed) => runsOf(3, { rows: 5, noise: 0.001, seed, factor: () => factor });
  assert.equal(findChanges(side(1, "before"), side(1.1, "after")).backends[0].change, "undecided");
});

test("rows that a run has not do not count in the mean, and one run a side has none", () => {
  const [old, recent] = ["before", "after"].map((seed) => runsOf(2, { rows: 3, seed }));
  old[1] = loadRows(old[1].rows.slice(1).map(({ timed, elements, whole, index, ...row }) => row));
  assert.equal(findChanges(old, recent).backends[0].rows, 2);
  assert.deepEqual(findChanges([old[0]], [recent[0]]).backends, []);
});

test("a row by itself must change by more than 19 of 20 do between runs of one side", () => {
  const side = (factor, seed) => runsOf(3, { rows: 40, noise: 0.001, seed,
    factor: (at) => (at === 0 ? factor : 1) });
  const shaken = (runs) => runs.map((run, at) => loadRows(run.rows.map(
    ({ timed, elements, whole, index: row, ...own }) => ({ ...own,
      samples_ns: own.samples_ns.map((time) => time * (at === 1 && row > 30 ? 1.3 : 1)) }))));
  const of = (olds, recents) => findChanges(olds, recents).rows.find(({ row }) => row.l === 1).change;
  assert.equal(of(side(1, "before"), side(1.2, "after")), "slower");
  assert.equal(of(shaken(side(1, "before")), side(1.2, "after")), "undecided");
  assert.equal(of(shaken(side(1, "before")), side(1.5, "after")), "slower");
});
