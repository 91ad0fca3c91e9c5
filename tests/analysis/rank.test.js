// Ranking: geometric means over matched cases, equal ranks, wins and worst cases.
import assert from "node:assert/strict";
import { test } from "node:test";
import { casesText, rankGroups, wholeGroups } from "../../scripts/analysis/core/rank.js";
import { close, closeEstimate, ladder, loadRows, makeGap, makeRow, two } from "./synthesis.js";

function groupsOf(rows, meta = {}, options = {}) {
  const run = loadRows(rows, { meta });
  return rankGroups(run, run.rows, options);
}

const byBackend = (group) => Object.fromEntries(group.standings.map((own) => [own.backend, own]));
const ranks = (group) => Object.fromEntries(group.standings.map(({ backend, rank }) => [backend, rank]));

// a beats b 1 : 2 in three of four cases, b beats a 1 : 3 in one; c is 4x the best always.
function crossing(times = 2, fields = {}) {
  const pairs = Array.from({ length: 4 * times }, (_, at) => (at % 4 === 3 ? [3, 1] : [1, 2]));
  return pairs.flatMap(([a, b], at) => [["a", a], ["b", b], ["c", 4]].map(([name, factor]) => (
    makeRow(name, 100 * factor, { l: at + 1, jitter: 1e-6, ...fields }))));
}

test("geometric mean, wins and worst case", () => {
  const [group] = groupsOf(crossing());
  const { a, b, c } = byBackend(group);
  close(a.ratio.ratio, 3 ** 0.25, 1e-5);
  close(b.ratio.ratio, 8 ** 0.25, 1e-5);
  close(c.ratio.ratio, 4, 1e-5);
  assert.deepEqual([a.wins, b.wins, c.wins], [6, 2, 0]);
  assert.deepEqual([a.shared, b.shared, c.shared], [0, 0, 0]);
  close(a.worst.ratio, 3, 1e-5);
  assert.equal(a.worst.row.l % 4, 0);
  assert.deepEqual([group.cases, group.total, group.regime], [8, 8, "L2"]);
});

test("many cases have Student's interval of their mean", () => {
  const rows = Array.from({ length: 12 }, (_, at) => [makeRow("a", 100, { l: at + 1, jitter: 0 }),
    makeRow("b", 100 * (2 + at % 3), { l: at + 1, jitter: 0 })]).flat();
  const { b } = byBackend(groupsOf(rows)[0]);
  const logs = [2, 3, 4].map(Math.log);
  const mean = logs.reduce((sum, log) => sum + log) / 3;
  const variance = 4 * logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / 11;
  const reach = 2.20098516008 * Math.sqrt(variance / 12); // t for 11 degrees
  closeEstimate(b.ratio, { ratio: 24 ** (1 / 3), lo: Math.exp(mean - reach), hi: Math.exp(mean + reach),
    count: 12 });
});

test("a rank is shared when the interval of the two spans 1", () => {
  assert.deepEqual(ranks(groupsOf(crossing())[0]), { a: 1, b: 1, c: 3 });
});

test("ranks differ when one is faster in all cases", () => {
  const [group] = groupsOf(two("a", "b", 1.5));
  assert.deepEqual(ranks(group), { a: 1, b: 2 });
  assert.deepEqual(group.leaders.map(({ backend }) => backend), ["a"]);
});

test("ties count as shared wins", () => {
  const { openmp, simd, naive } = byBackend(groupsOf(ladder())[0]);
  assert.deepEqual([openmp.wins, openmp.shared], [0, 4]);
  assert.deepEqual([simd.wins, simd.shared], [0, 4]);
  assert.deepEqual([naive.wins, naive.shared], [0, 0]);
});

test("undecided cases are nobody's win", () => {
  const [group] = groupsOf(crossing(2, { rounds: 4 }));
  assert.ok(group.standings.every(({ wins, shared }) => wins === 0 && shared === 0));
});

test("of two to five cases there is a range, no rank and no leader", () => {
  for (const cases of [2, 5]) {
    const [group] = groupsOf(two("a", "b", 1.5, { cases, jitter: 0 }));
    assert.deepEqual([ranks(group), group.leaders, group.isDecided], [{ a: null, b: null }, [], false]);
    const { b } = byBackend(group);
    assert.equal(b.ratio.spread, "range");
    closeEstimate(b.ratio, { ratio: 1.5, lo: 1.5, hi: 1.5, count: cases });
    assert.equal(byBackend(group).a.wins, cases); // each case is decided by its rounds
  }
  assert.equal(groupsOf(two("a", "b", 1.5, { cases: 6 }))[0].isDecided, true);
});

test("of one case its own interval ranks, and without one nothing does", () => {
  assert.deepEqual(ranks(groupsOf(two("a", "b", 1.5, { cases: 1 }))[0]), { a: 1, b: 2 });
  const [group] = groupsOf(two("a", "b", 9, { cases: 1, rounds: 4 }));
  assert.deepEqual(ranks(group), { a: null, b: null });
  assert.equal(group.isDecided, false);
});

test("a difference below the noise floor shares the rank", () => {
  const rows = two("a", "b", 1.04, { jitter: 1e-6 });
  assert.deepEqual(ranks(groupsOf(rows, { noise: { floor: 1.05 } })[0]), { a: 1, b: 1 });
  assert.deepEqual(ranks(groupsOf(rows, { noise: { floor: 1.01 } })[0]), { a: 1, b: 2 });
});

test("groups never mix what is not alike", () => {
  for (const other of [{ norm: "rms" }, { pass: "backward" }, { dtype: "bf16" }, { layout: "nlc" },
    { threads: 2 }, { cache: "cold" }]) {
    const groups = groupsOf([...two("a", "b", 2, { jitter: 0 }),
      ...two("b", "a", 4, { jitter: 0, ...other })]);
    const found = Object.fromEntries(groups.map((group) => [group.leaders[0].backend, group]));
    assert.deepEqual([groups.length, found.a.cases, found.b.cases], [2, 6, 6]);
    close(found.a.standings[1].ratio.ratio, 2);
    close(found.b.standings[1].ratio.ratio, 4);
  }
});

test("inputs are kept apart", () => {
  const zero = two("b", "a", 4, { input: "zero" }).map((row) => ({ ...row, case: `${row.case}/zero` }));
  assert.deepEqual(groupsOf([...two("a", "b", 2), ...zero]).map(
    (group) => [group.keys.input, group.leaders[0].backend]), [["random", "a"], ["zero", "b"]]);
});

test("a backend that lacks a norm costs no cases of another", () => {
  const [batch, layer] = groupsOf([...two("a", "b", 2), ...two("a", "c", 2, { norm: "layer" })]);
  assert.deepEqual([batch.cases, ranks(batch)], [6, { a: 1, b: 2 }]);
  assert.deepEqual([layer.cases, ranks(layer)], [6, { a: 1, c: 2 }]);
});

test("all regimes come before each", () => {
  const groups = groupsOf(ladder());
  assert.deepEqual(groups.map((group) => [group.regime, group.cases]), [["all", 4], ["L2", 2], ["DRAM", 2]]);
  assert.deepEqual(wholeGroups(groups), [groups[0]]);
});

test("only matched cases count", () => {
  const [group] = groupsOf([...crossing(), makeRow("a", 1, { l: 99 }),
    makeGap("b", "unsupported", "no", { l: 99 })]);
  assert.deepEqual([group.cases, group.total], [8, 9]);
  close(byBackend(group).a.ratio.ratio, 3 ** 0.25, 1e-5);
  assert.equal(casesText(group), "8 of 9 cases");
});

test("a backend that is timed in less than half of the cases is left out and named", () => {
  const [group] = groupsOf([...crossing(), makeRow("rare", 1, { l: 1 })]);
  assert.deepEqual(group.leftOut, [["rare", 1]]);
  assert.deepEqual([casesText(group), byBackend(group).rare], ["8 cases", undefined]);
});

test("a native layout has no rank, takes no wins, and is set over its own cases", () => {
  const native = [1, 2, 3].map((l) => makeRow("native", 50, { l, native_layout: true, jitter: 1e-6 }));
  const [group] = groupsOf([...crossing(), ...native]);
  const found = byBackend(group);
  assert.deepEqual([found.native.rank, found.native.wins, found.native.shared], [null, 0, 0]);
  closeEstimate(found.native.ratio, { ratio: 0.5, count: 3 }, 1e-5);
  assert.deepEqual([found.a.wins, group.cases, group.standings.at(-1).backend], [6, 8, "native"]);
});

test("few cases in a native layout do not undecide the others", () => {
  const native = [1, 2, 3].map((l) => makeRow("native", 50, { l, native_layout: true }));
  const [group] = groupsOf([...crossing(), ...native]);
  assert.equal(byBackend(group).native.ratio.spread, "range");
  assert.deepEqual([group.isDecided, ranks(group)], [true, { a: 1, b: 1, c: 3, native: null }]);
});

test("a native layout does not share wins", () => {
  const rows = [makeRow("a", 100), makeRow("native", 100, { native_layout: true })];
  const { a, native } = byBackend(groupsOf(rows)[0]);
  assert.deepEqual([a.wins, a.shared, native.shared], [1, 0, 0]);
});

test("where all are in a native layout they are ranked", () => {
  assert.deepEqual(ranks(groupsOf(two("a", "b", 2, { native_layout: true }))[0]), { a: 1, b: 2 });
});

test("ranks and wins are of common rounds", () => {
  const speeds = [...Array(10).fill(1), ...Array(20).fill(3)]; // the machine slows down
  const rows = [1, 2, 4, 8, 16, 32].flatMap((l) => [["far", 1.6, 10], ["near", 1.1, 30], ["fast", 1, 30]].map(
    ([backend, factor, rounds]) => makeRow(backend, 1, { l,
      samples_ns: speeds.slice(0, rounds).map((speed) => 100 * factor * speed) })));
  const [group] = groupsOf(rows);
  assert.deepEqual(group.standings.map(({ backend, rank, wins }) => [backend, rank, wins]),
    [["fast", 1, 6], ["near", 2, 0], ["far", 3, 0]]);
  close(group.standings[2].ratio.ratio, 1.6);
});

test("who is not ranked has a ratio and no rank, win or tie, and keeps nobody from the top", () => {
  const [group] = groupsOf(crossing(), {}, { ranked: new Set(["b", "c"]) });
  const { a, b, c } = byBackend(group);
  assert.deepEqual([a.isRanked, a.rank, a.wins, a.shared], [false, null, 0, 0]);
  assert.deepEqual([b.rank, b.wins, c.rank], [1, 8, 2]);
  close(a.ratio.ratio, (0.5 ** 3 * 3) ** 0.25, 1e-5);
  closeEstimate(b.ratio, { ratio: 1, lo: 1, hi: 1 }, 1e-5);
});

test("beside the ratio to the best there is that to a baseline", () => {
  const [group] = groupsOf(two("a", "b", 2, { jitter: 0 }), {}, { baseline: "b" });
  const { a, b } = byBackend(group);
  closeEstimate(a.against.ratio, { ratio: 0.5, lo: 0.5, hi: 0.5, count: 6 });
  close(b.ratio.ratio, 2);
  close(b.against.ratio.ratio, 1);
  assert.equal(groupsOf(two("a", "b", 2))[0].standings[0].against, null);
});

test("nothing timed is no group", () => {
  assert.deepEqual(groupsOf([makeGap("a", "failed", "wrong")]), []);
});

test("ids of cases are not taken apart", () => {
  const rows = [...crossing(), ...two("a", "b", 2, { norm: "rms", threads: 2, n: 7 })];
  const named = rows.map((row) => ({ ...row, case: `case ${row.norm} ${row.l}`, problem: "x" }));
  const plain = (groups) => groups.map(({ keys, regime, cases, standings }) => [keys, regime, cases,
    standings.map(({ backend, rank, ratio, wins, worst }) => [backend, rank, ratio, wins, worst.row.l])]);
  assert.deepEqual(plain(groupsOf(named)), plain(groupsOf(rows)));
});
