// The numbers of the analysis that was before this one, in Python with pandas and SciPy, to nine digits.
import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { roundsDiffer } from "../../scripts/analysis/core/cases.js";
import { findChanges } from "../../scripts/analysis/core/changes.js";
import { cliffCounts, findCliffs } from "../../scripts/analysis/core/cliffs.js";
import { groupBy, keyOf } from "../../scripts/analysis/core/collections.js";
import { KEYS as ALL_KEYS } from "../../scripts/analysis/core/groups.js";
import { batchScaling, normRatios, typeRatios, price, speedups }
  from "../../scripts/analysis/core/relative.js";
import { loadRun } from "../../scripts/analysis/core/rows.js";
import { geometricMeanOf } from "../../scripts/analysis/core/statistics.js";
import { makeView } from "../../scripts/analysis/core/view.js";
import { richRows } from "./rich.js";
import { close, closeEstimate, loadRows, readTexts, REFERENCE, reference, SCHEMA } from "./synthesis.js";

// What follows a call is younger than these numbers.
const KEYS = ALL_KEYS.filter((key) => key !== "then");

function golden(name) {
  return JSON.parse(fs.readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8"));
}

const REF = golden("reference");
const RICH = golden("rich");
const of = { reference: makeView(reference()), rich: makeView(loadRows(richRows())) };

function sameGroups(view, expected) {
  const found = new Map(view.groups.map((group) => [`${keyOf(group.keys, KEYS)} ${group.regime}`, group]));
  assert.equal(found.size, expected.length);
  for (const { keys, regime, cases, total, leftOut, standings } of expected) {
    const where = `${JSON.stringify(keys)} ${regime}`;
    const group = found.get(where);
    assert.deepEqual([group.cases, group.total], [cases, total], where);
    assert.deepEqual(Object.fromEntries(group.leftOut), leftOut, where);
    const isFew = cases >= 2 && cases <= 5; // these have no ranks any more
    assert.equal(group.isDecided, !isFew, where);
    assert.deepEqual(group.standings.map((own) => [own.backend, own.rank, own.wins, own.shared,
      own.ratio.count, own.worst.row.case.split("/")[4]]), standings.map(
      ([backend, rank, , , , count, wins, shared, , worst]) => [
        backend, isFew ? null : rank, wins, shared, count, worst]), where);
    standings.forEach(([backend, , ratio, lo, hi, , , , worst], at) => {
      closeEstimate(group.standings[at].ratio, { ratio, lo, hi }, 1e-9, `${where} ${backend}`);
      close(group.standings[at].worst.ratio, worst, 1e-9, `${where} ${backend} worst`);
    });
  }
}

function sameRatios(run, records, expected) {
  const found = new Map([...records.values()].map(
    (record) => [keyOf(record.row, ["case", "backend"]), record]));
  for (const [id, backend, to, ratio, lo, hi, count, verdict] of expected) {
    const record = found.get(JSON.stringify([id, backend]));
    assert.deepEqual([record.reference.backend, record.relation], [to, verdict], `${id} ${backend}`);
    closeEstimate(record.estimate, { ratio, lo, hi, count }, 1e-9, `${id} ${backend}`);
  }
}

// Rows of [label, ..., number, ...] with equal labels and close numbers, in any order.
function sameRows(actual, expected) {
  const sorted = (rows) => [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const labels = (rows) => rows.map((row) => row.map(
    (value) => (typeof value === "number" && !Number.isInteger(value) ? "#" : value)));
  const [a, b] = [sorted(actual), sorted(expected)];
  assert.deepEqual(labels(a), labels(b));
  a.forEach((row, at) => row.forEach((value, place) => {
    if (typeof value === "number") close(value, b[at][place], 1e-9, JSON.stringify(row));
  }));
}

test("groups of the reference run", () => sameGroups(of.reference, REF.groups));

test("ratios to the best in the reference run", () => {
  sameRatios(reference(), of.reference.toBest, REF.toBest);
});

test("ratios to PyTorch in the reference run", () => {
  sameRatios(reference(), makeView(reference(), { baseline: "aten" }).toShown, REF.toAten);
});

test("noise of the reference run, recorded and of its controls", () => {
  const { floor, ...rest } = reference().noise;
  const { floor: recorded, ...expected } = REF.noise;
  assert.deepEqual(rest, expected);
  close(floor, recorded);
  const texts = readTexts(REFERENCE);
  const meta = JSON.stringify({ ...JSON.parse(texts.meta), noise: null });
  close(loadRun({ ...texts, meta }, SCHEMA).noise.floor, REF.floorOfControls);
});

test("cliffs of the reference run", () => {
  assert.deepEqual(Object.fromEntries(cliffCounts(findCliffs(of.reference))), REF.cliffs);
});

test("groups of a run of many kinds", () => sameGroups(of.rich, RICH.groups));

test("ratios to the best and to one backend in a run of many kinds", () => {
  sameRatios(of.rich.run, of.rich.toBest, RICH.toBest);
  sameRatios(of.rich.run, makeView(of.rich.run, { baseline: "simd" }).toShown, RICH.toSimd);
  assert.equal(roundsDiffer(of.rich.rows), RICH.roundsDiffer);
});

test("cliffs of a run of many kinds", () => {
  const isNew = ({ spelling }) => spelling && /^(ncl|nlc|f32|f64)$/.test(spelling.what) && spelling.ratio > 2;
  const found = findCliffs(of.rich);
  assert.ok(!found.some(isNew)); // layouts and types are no cliffs here, so the old reasons are all
  sameRows(found.map(({ row, reasons, steepness }) => [row.case, row.backend, reasons.join(", "), steepness]),
    RICH.cliffs);
});

test("prices, per backend and of the best of each shape", () => {
  const found = price(of.rich);
  sameRows(found.medians.flatMap(({ keys, cells }) => cells.flatMap((cell, at) => (
    cell ? [[KEYS.map((key) => keys[key]), found.backends[at], cell.price, cell.cases]] : []))), RICH.prices);
  sameRows(found.shapes.lines.flatMap(({ base, cells }) => Object.values(cells).flat().map(
    ({ row, ratio }) => [row.case, row.backend, base.backend, ratio])), RICH.shapePrices);
});

test("scaling with threads and mini-batches", () => {
  const means = (pairs, keyOfPair, ratio) => [...groupBy(pairs, keyOfPair).values()].map((own) => (
    [...JSON.parse(keyOfPair(own[0])), geometricMeanOf(own.map(ratio)), own.length]));
  sameRows(means(speedups(of.rich.timed), ({ row }) => keyOf(row, ["backend", "regime"]),
    ({ speedup }) => speedup), RICH.speedups);
  const table = batchScaling(of.rich);
  sameRows(table.lines.flatMap(({ backend, cells }) => cells.flatMap((cell, at) => (
    cell ? [[backend, table.columns[at], cell.ratio, cell.count]] : []))), RICH.miniBatches);
});

test("other types and norms instead of the usual ones", () => {
  const types = typeRatios(of.rich);
  sameRows(types.best.flatMap(({ regime, cells }) => cells.map(
    (cell, at) => [regime, types.columns[at], cell.ratio, cell.count])), RICH.types);
  sameRows(normRatios(of.rich).shapes.lines.flatMap(({ base, cells }) => Object.values(cells).flat().map(
    ({ row, ratio }) => [row.case, row.backend, base.backend, ratio])), RICH.norms);
});

test("ratios between two runs", () => {
  const found = new Map(findChanges([of.rich.run], [loadRows(richRows(1.3))]).rows.map(
    (own) => [JSON.stringify([own.case, own.backend]), own]));
  for (const [id, backend, ratio, lo, hi, count, change] of RICH.changes) {
    const own = found.get(JSON.stringify([id, backend]));
    closeEstimate(own.estimate, { ratio: ratio ?? null, lo, hi, count }, 1e-9, `${id} ${backend}`);
    // With one run a side a row must also change by more than all others did; what cannot be told was the same.
    const isBeyond = Math.max(own.estimate.ratio, 1 / own.estimate.ratio) > 1.05;
    assert.ok(own.change === change || own.change === (isBeyond ? "undecided" : "same"), id);
  }
});
