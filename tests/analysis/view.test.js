// A view: what is hidden, who is ranked, and what ratios are to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseCases } from "../../scripts/analysis/core/filters.js";
import { makeView } from "../../scripts/analysis/core/view.js";
import { close, ladder, loadRows, makeGap, makeRow, reference, two, viewOf } from "./synthesis.js";

const ranks = (group) => Object.fromEntries(group.standings.map(({ backend, rank }) => [backend, rank]));
const three = () => [...two("fast", "slow", 2, { jitter: 0 }), ...two("slower", "slowest", 1.5, { jitter: 0 })
  .map((row) => ({ ...row, samples_ns: row.samples_ns.map((value) => 4 * value) }))];

test("hidden backends do not change who is best", () => {
  const all = viewOf(three());
  const some = viewOf(three(), { shown: new Set(["slow", "slowest"]) });
  assert.deepEqual(ranks(some.whole[0]), ranks(all.whole[0]));
  assert.deepEqual(ranks(some.whole[0]), { fast: 1, slow: 2, slower: 3, slowest: 4 });
  assert.deepEqual([...some.toBest.values()].map(({ estimate }) => estimate.ratio),
    [...all.toBest.values()].map(({ estimate }) => estimate.ratio));
  assert.deepEqual([some.isShown("slow"), some.isShown("fast"), all.isShown("fast")], [true, false, true]);
  assert.deepEqual(new Set(some.shownRows.map((row) => row.backend)), new Set(["slow", "slowest"]));
});

test("cases that are not chosen do not count", () => {
  const run = loadRows(ladder());
  const rows = chooseCases(run, { values: { regime: ["L2"] } });
  const view = makeView(run, { rows });
  assert.deepEqual(view.groups.map(({ regime, cases }) => [regime, cases]), [["L2", 2]]);
  assert.equal(view.toBest.size, 6);
});

test("who is ranked has the best among it, others keep a ratio", () => {
  const view = viewOf(three(), { among: ["slow", "slower"] });
  const [group] = view.whole;
  assert.deepEqual(ranks(group), { fast: null, slow: 1, slower: 2, slowest: null });
  close(group.standings.find(({ backend }) => backend === "fast").ratio.ratio, 0.5);
  assert.deepEqual(group.leaders.map(({ backend }) => backend), ["slow"]);
});

test("ratios are to a baseline where it has a time", () => {
  const view = viewOf(three(), { baseline: "slow" });
  assert.equal(view.reference, "slow");
  const of = (map) => [...map.values()].filter(({ row }) => row.l === 1).map(
    ({ row, estimate }) => [row.backend, Number(estimate.ratio.toFixed(6))]);
  assert.deepEqual(of(view.toShown), [["fast", 0.5], ["slow", 1], ["slower", 2], ["slowest", 3]]);
  assert.deepEqual(of(view.toBest), [["fast", 1], ["slow", 2], ["slower", 4], ["slowest", 6]]);
  assert.deepEqual(ranks(view.whole[0]), ranks(viewOf(three()).whole[0]));
});

test("a baseline without a time does not count", () => {
  const rows = [...two("a", "b", 2), makeGap("c", "failed", "x")];
  for (const baseline of ["c", "nobody"]) {
    const view = viewOf(rows, { baseline });
    assert.deepEqual([view.baseline, view.reference, view.toShown === view.toBest], [null, "the best", true]);
  }
});

test("all backends of the run are described, those without a time and of other cases too", () => {
  const run = loadRows([makeRow("a", 1), makeGap("b", "failed", "x", { l: 7 })]);
  assert.deepEqual([...makeView(run, { rows: run.rows.slice(0, 1) }).backends.keys()], ["a", "b"]);
});

test("a reference run with nonsense for ids gives the same numbers", () => {
  const run = reference();
  const names = new Map([...new Set(run.rows.map((row) => row.case))].map(
    (id, at) => [id, `/${at % 7}//${at}_b2_l1`]));
  const rows = run.rows.map(({ index, timed, median_ns, elements, whole, ...row }) => (
    { ...row, case: names.get(row.case), problem: "?" }));
  const meta = { noise: run.meta.noise };
  const [view, plain] = [viewOf(rows, { meta }), makeView(run)];
  assert.deepEqual(view.records.map(({ relation, estimate }) => [relation, estimate]),
    plain.records.map(({ relation, estimate }) => [relation, estimate]));
  const of = ({ groups }) => groups.map(({ keys, regime, standings }) => [keys, regime, standings.map(
    ({ backend, rank, ratio, wins }) => [backend, rank, ratio, wins])]);
  assert.deepEqual(of(view), of(plain));
});
