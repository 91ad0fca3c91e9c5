// The formulas of the studies against values worked out by hand, and what they make of planted results.
import assert from "node:assert/strict";
import test from "node:test";
import { convergence, entryOf, isStable, speedup, stepsToTarget } from "../../scripts/analysis/core/study/convergence.js";
import { costs, formOf } from "../../scripts/analysis/core/study/cost.js";
import { networkLags, seriesLags, slope, theory as lagTheory } from "../../scripts/analysis/core/study/drift.js";
import { meanOf, medianOf, sideOf } from "../../scripts/analysis/core/study/estimates.js";
import { claims, convergenceSentences, findAll,
  sameCurveSentences } from "../../scripts/analysis/core/study/findings.js";
import { loadStudy } from "../../scripts/analysis/core/study/load.js";
import { accuracies, statisticErrors, theory } from "../../scripts/analysis/core/study/mini_batch.js";
import { sameCurves } from "../../scripts/analysis/core/study/same_curve.js";
import { estimateText, pointsText, shareText, stepsText } from "../../scripts/analysis/core/study/text.js";
import { close } from "./synthesis.js";

const SEEDS = Array.from({ length: 10 }, (_, at) => at + 1);

// A training whose loss is 2 but for the blocks from `reached` on, where it is 0.1.
function training(norm, rate, seed, reached, more = {}) {
  const curve = Array.from({ length: 30 }, (_, at) => (at + 1 >= reached ? 0.1 : 2));
  return { network: "linear", norm, rate, seed, batch: 64, steps: 300, block: 10, outcome: "measured", curve,
    finite: true, test_loss: 0.3, test_accuracy: 0.9, ...more };
}

test("a mean has Student's interval", () => {
  // Deviation of 1, 2, 3 is 1; t at 2 degrees is 4.30265272991.
  const { value, lo, hi, count } = meanOf([1, 2, 3]);
  assert.deepEqual([value, count], [2, 3]);
  close(lo, 2 - 4.30265272991 / Math.sqrt(3), 1e-9);
  close(hi, 2 + 4.30265272991 / Math.sqrt(3), 1e-9);
  assert.deepEqual(meanOf([5]), { value: 5, lo: null, hi: null, count: 1 });
});

test("a median has the interval of the sign test, where ends may not have happened", () => {
  assert.deepEqual(medianOf([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]), { value: 5.5, lo: 2, hi: 9, count: 10 });
  assert.deepEqual(medianOf([3, 1, 2, Infinity, 5, Infinity]), { value: 4, lo: 1, hi: Infinity, count: 6 });
  assert.deepEqual(medianOf([Infinity, Infinity]), { value: Infinity, lo: null, hi: null, count: 2 });
});

test("an interval decides only where it is on one side", () => {
  assert.equal(sideOf({ lo: 0.1, hi: 0.2 }, 0), "above");
  assert.equal(sideOf({ lo: -0.2, hi: -0.1 }, 0), "below");
  assert.equal(sideOf({ lo: -0.1, hi: 0.1 }, 0), "undecided");
  assert.equal(sideOf({ lo: 0, hi: 0.1 }, 0), "undecided");
  assert.equal(sideOf({ lo: null, hi: null }, 0), "undecided");
});

test("numbers come with their intervals", () => {
  assert.equal(estimateText({ value: 20, lo: 20, hi: Infinity }, stepsText(300)), "20 [20, >300]");
  assert.equal(estimateText({ value: 0.912, lo: null, hi: null }, shareText), "91.2% [?]");
  assert.equal(pointsText(-0.0412), "-4.1");
});

test("steps to the target are those of the first block that is there", () => {
  assert.equal(stepsToTarget({ curve: [2, 0.6, 0.5, 0.7], block: 10 }), 30);
  assert.equal(stepsToTarget({ curve: [2, 2], block: 10 }), Infinity);
  assert.equal(stepsToTarget({ curve: [], block: 10 }), Infinity);
  assert.ok(isStable({ curve: [2, 0.4], finite: true }));
  assert.ok(!isStable({ curve: [0.4, 2], finite: true }) && !isStable({ curve: [0.4], finite: false }));
});

test("the best rate has the fewest steps, and the largest stable one is told by seed", () => {
  const lines = SEEDS.flatMap((seed) => [training("batch", 0.1, seed, 5), training("batch", 1, seed, 2),
    training("batch", 10, seed, seed <= 9 ? 99 : 1), training("none", 0.1, seed, 20), training("none", 1, seed,
      99),
    training("none", 10, seed, 99, { finite: false, curve: [] })]);
  const entries = convergence(lines);
  const [batch, none] = ["batch", "none"].map((norm) => entryOf(entries, "linear", norm));
  assert.equal(batch.best.rate, 1);
  assert.deepEqual(batch.best.steps, { value: 20, lo: 20, hi: 20, count: 10 });
  assert.deepEqual(batch.largest, { value: 1, lo: 1, hi: 1, count: 10 });
  assert.deepEqual(none.largest, { value: 0.1, lo: 0.1, hi: 0.1, count: 10 });
  const { ratio, lo, hi } = speedup(batch, none);
  [ratio, lo, hi].forEach((value) => close(value, 10, 1e-9));
  assert.match(convergenceSentences(entries)[0], /takes 20 \[20, 20\] steps.* 10\.0 \[10\.0, 10\.0\] times/);
  const [stable, fast] = claims(findAll({ lines: { convergence: lines } }));
  assert.deepEqual([stable.holds, stable.fails, fast.holds], ["Linear network", "nowhere", "Linear network"]);
});

test("a norm that never learns has no best rate, and nothing is claimed", () => {
  const lines = SEEDS.flatMap((seed) => [training("batch", 1, seed, 99), training("none", 1, seed, 99)]);
  const entries = convergence(lines);
  assert.equal(entries[0].best, null);
  assert.equal(speedup(entries[0], entries[1]), null);
  const [stable, fast] = claims(findAll({ lines: { convergence: lines } }));
  assert.deepEqual([stable.holds, fast.holds, fast.fails], ["nowhere", "nowhere", "Linear network"]);
});

test("theory of a mini-batch is that of samples of a normal population, too", () => {
  // Kurtosis 3: the variance of s^2 / sigma^2 is 2 / (B - 1).
  for (const size of [2, 3, 16, 256]) close(theory(size, 3).variance, Math.sqrt(2 / (size - 1)), 1e-12);
  close(theory(16, 3).mean, 0.25, 1e-12);
  // Two values at -1 and 1, of kurtosis 1: two draws are equal or not, so s^2 is 0 or 2, and off by 1 either way.
  close(theory(2, 1).variance, 1, 1e-12);
});

test("errors of statistics are means over seeds", () => {
  const line = (batch, seed, error) => ({ kind: "statistics", batch, seed, mean_error: error,
    variance_error: 2 * error,
    kurtosis: 3 });
  const errors = statisticErrors([line(16, 1, 0.2), line(16, 2, 0.4), line(4, 1, 0.5), line(4, 2, 0.5)]);
  assert.deepEqual(errors.map(({ size }) => size), [4, 16]);
  close(errors[1].mean.value, 0.3, 1e-12);
  close(errors[1].variance.value, 0.6, 1e-12);
  close(errors[0].theory.mean, 0.5, 1e-12);
});

test("lead and gap are paired by seed", () => {
  const line = (norm, seed, inference, other) => ({ kind: "training", network: "linear", norm, batch: 2, seed,
    inference_accuracy: inference, training_accuracy: other, inference_loss: 1, training_loss: 1.5 });
  const lines = SEEDS.flatMap((seed) => [line("batch", seed, 0.5 + seed / 100, 0.4 + seed / 100),
    line("group", seed, 0.7 + seed / 100, 0)]);
  const [cell] = accuracies(lines);
  close(cell.lead.value, -0.2, 1e-12);
  close(cell.lead.hi, -0.2, 1e-9); // although accuracies themselves differ by seed
  close(cell.gap.value, -0.1, 1e-12);
  close(cell.lossGap.value, -0.5, 1e-12);
  const [needs, differ] = claims({ accuracies: [cell] });
  assert.deepEqual([needs.holds, needs.fails], ["Linear network: B = 2", "nowhere"]);
  assert.equal(differ.holds, "Linear network: B = 2");
});

test("theory of a lag begins at the start and ends at the noise of batches", () => {
  assert.equal(lagTheory(0.1, 0, 32, 3), 3);
  close(lagTheory(0.1, 1, 32, 3), Math.sqrt(9 * 0.81 + 0.01 / 32), 1e-12);
  close(lagTheory(0.5, 200, 12, 3), Math.sqrt(0.5 / 1.5 / 12), 1e-12);
  close(lagTheory(null, 8, 2, 3), 0.25, 1e-12);
});

test("a running mean on a line is behind by what theory says", () => {
  const series = (momentum) => {
    const mean = Array.from({ length: 160 }, (_, at) => 2 * (at - 1.5)); // the first year has the mean 0
    const running = [0];
    mean.forEach((value, at) => running.push(momentum === null
      ? (running[at] * at + value) / (at + 1) : (1 - momentum) * running[at] + momentum * value));
    return { kind: "series", momentum, weeks: 13, mean, running_mean: running, output_mean: mean.map(() => 0.5) };
  };
  for (const { lag, theory: expected, offset, years } of seriesLags([0.5, 0.1, 0.01, null].map(series))) {
    close(lag.value, expected, 1e-6);
    assert.deepEqual([offset.value, years], [0.5, 20]);
  }
  close(slope([1, 3, 5, 7]), 2, 1e-12);
});

test("what inference pays is the difference to the right statistics", () => {
  const line = (seed) => ({ kind: "network", momentum: 0.1, rate: 0.3, seed, batch: 32, steps: [0, 5],
    mean_lag: [1, 0.5], variance_lag: [2, 1], loss: [3, 2 + seed], right_loss: [1, 1 + seed], accuracy: [0.1, 0.8],
    right_accuracy: [0.2, 0.9] });
  const [{ points }] = networkLags([line(1), line(2)]);
  assert.deepEqual(points.map(({ loss }) => loss.value), [2, 1]);
  close(points[1].accuracy.value, -0.1, 1e-12);
  assert.equal(points[1].theory, null);
});

test("a share is what the norm is of the whole", () => {
  const times = (value) => SEEDS.map((round) => value * (1 + round / 1000));
  const [entry] = costs([{ after: "Linear", backend: "simd", threads: 2, samples_ns: {
    training: { none: times(80), separate: times(100) },
    inference: { none: times(10), separate: times(20), fused: times(12.5), folded: times(10) } } }]);
  const share = (pass, form) => formOf(entry, pass, form).share;
  close(share("training", "separate").value, 0.2, 1e-9);
  close(share("inference", "separate").lo, 0.5, 1e-9);
  close(share("inference", "fused").hi, 0.2, 1e-9);
  close(share("inference", "folded").value, 0, 1e-9);
  const [slower, free] = claims({ costs: [entry] });
  assert.deepEqual([slower.holds, free.holds], ["after Linear: simd", "after Linear: simd"]);
});

test("curves are compared with the first backend's, and errors with their bounds", () => {
  const line = (backend, losses, worst) => ({ network: "linear", backend, losses, worst });
  const [found] = sameCurves([line("naive", [2, 1], 0.5), line("simd", [2, 1.01], 0.25)]);
  close(found.apart, 0.01, 1e-12);
  assert.equal(found.worst, 0.5);
  assert.match(sameCurveSentences([found])[0], /is within its derived bound .* at 0\.5 of it.* at most 0\.01 /);
  const [wrong] = sameCurves([line("naive", [2], null)]); // infinite, as JSON has it
  assert.equal(wrong.worst, Infinity);
  assert.match(sameCurveSentences([wrong])[0], /not/);
});

test("a torn line, an interruption and a study that did not begin are told", () => {
  const meta = JSON.stringify({ schema: 1, interrupted: true, measurements: { drift: 3, cost: 2 } });
  const line = JSON.stringify({ kind: "series", outcome: "measured" });
  const study = loadStudy({ path: "here", meta, files: { drift: `${line}\n{"outcome": "ref` } });
  assert.equal(study.lines.drift.length, 1);
  assert.equal(study.warnings.length, 3);
  ["drift.jsonl:2 is damaged", "drift: 1 of 3 measurements", "cost did not begin"].forEach((part, at) => {
    assert.ok(study.warnings[at].includes(part), study.warnings[at]);
  });
});

test("what is no study is refused", () => {
  const load = (meta, drift = "") => () => loadStudy({ path: "here", meta, files: { drift } });
  assert.throws(load("{"), /here\/study\.json is damaged/);
  assert.throws(load('{"schema": 9}'), /schema 9.*reads 1/);
  assert.throws(load('{"schema": 1}'), /no measurement/);
});
