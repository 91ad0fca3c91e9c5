// The noise of a run: one backend measured twice in the same rounds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { floorText, noiseText } from "../../scripts/analysis/core/noise.js";
import { close, ladder, loadRows, makeRow } from "./synthesis.js";

function twin(row, factor, rounds = 12) {
  return { case: row.case, twin: row.backend,
    twin_samples_ns: row.samples_ns.slice(0, rounds).map((value) => factor * value) };
}

const rowsOf = (count) => Array.from({ length: count }, (_, at) => makeRow("a", 100, { c: 16 + at }));

function noiseOf(rows, controls, recorded = null) {
  return loadRows(rows, { controls, meta: { noise: recorded } }).noise;
}

test("a recorded floor counts first", () => {
  const rows = rowsOf(1);
  const noise = noiseOf(rows, [twin(rows[0], 1.5)], { floor: 1.01 });
  assert.deepEqual([noise.floor, noise.measured, noise.cases, noise.excluding], [1.01, true, 1, 1]);
});

test("without a recorded floor it is that of the controls", () => {
  const rows = rowsOf(20);
  const noise = noiseOf(rows, rows.map((row, at) => twin(row, at === 0 ? 1.2 : at === 1 ? 1.03 : 1)));
  close(noise.floor, 1.03); // the 19th of 20
  assert.deepEqual([noise.measured, noise.cases, noise.excluding, noise.suspicious], [true, 20, 2, false]);
});

test("a recorded floor that is none does not count", () => {
  const rows = rowsOf(1);
  for (const floor of [0.9, "1.2", null]) close(noiseOf(rows, [twin(rows[0], 1.5)], { floor }).floor, 1.5);
});

test("more intervals that exclude 1 than chance explains are suspicious", () => {
  const rows = rowsOf(10);
  const excluding = (count) => noiseOf(rows, rows.map((row, at) => twin(row, at < count ? 1.1 : 1)));
  assert.equal(excluding(3).suspicious, false);
  assert.equal(excluding(4).suspicious, true);
});

test("twins of few rounds have a ratio and no interval", () => {
  const rows = rowsOf(2);
  const noise = noiseOf(rows, rows.map((row) => twin(row, 1.1, 5)));
  close(noise.floor, 1.1);
  assert.deepEqual([noise.cases, noise.excluding, noise.measured], [0, 0, true]);
});

test("without controls there is no floor", () => {
  const noise = noiseOf(ladder(), []);
  assert.deepEqual([noise.floor, noise.measured], [1, false]);
});

test("controls that fit no row are ignored", () => {
  const [row] = rowsOf(1);
  const controls = [{ case: "other", twin: "a", twin_samples_ns: [1] }, { twin_samples_ns: 3 },
    { case: row.case, twin: "a", twin_samples_ns: ["x"] }, { case: row.case, twin: "a", twin_samples_ns: [] },
    { case: row.case, twin: "b", twin_samples_ns: [1] }];
  assert.equal(noiseOf([row], controls).measured, false);
});

test("a twin has all rounds of its backend, others may have fewer", () => {
  const rows = [makeRow("far", 160, { rounds: 10 }), makeRow("fast", 100, { rounds: 30 })];
  const noise = noiseOf(rows, [twin(rows[1], 1, 30)]);
  assert.deepEqual([noise.floor, noise.cases, noise.excluding], [1, 1, 0]);
});

test("in words", () => {
  const noise = { floor: 1.045, measured: true, cases: 210, excluding: 7, suspicious: false };
  assert.equal(floorText(noise), "4.5% (A/A)");
  assert.equal(noiseText(noise), "4.5% (A/A); 7 of 210 A/A intervals exclude 1, about 5% do by design");
  assert.match(noiseText({ ...noise, suspicious: true }), /: more than chance explains, THIS RUN IS NOISY$/);
  assert.match(noiseText({ ...noise, measured: false }), /^not measured: no A\/A control/);
  assert.equal(floorText({ ...noise, measured: false }), "not measured");
});
