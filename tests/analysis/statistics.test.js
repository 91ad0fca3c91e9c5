// The statistics against tables, plain arithmetic and simulated coverage.
import assert from "node:assert/strict";
import { test } from "node:test";
import { areTimes, binomialQuantile, deviation, geometricMean, geometricMeanOf, median, noiseFloor,
  pairedRatio, signTestRank, studentQuantile, tied, unpairedRatio }
  from "../../scripts/analysis/core/statistics.js";
import { close, closeEstimate, normal, randomOf, shuffled } from "./synthesis.js";

const undecided = (ratio, count = 9) => ({ ratio, lo: null, hi: null, count, spread: null });
const between = (lo, ratio, hi) => ({ ratio, lo, hi, count: 10, spread: "interval" });
const upTo = (count) => Array.from({ length: count }, (_, at) => at + 1);

// P(k <= heads <= count - k) of a fair coin, by counting.
function coverage(count, k) {
  let [ways, found] = [1n, 0n];
  for (let heads = 0; heads <= count; heads++) {
    if (heads >= k && heads <= count - k) found += ways;
    ways = ways * BigInt(count - heads) / BigInt(heads + 1);
  }
  return Number(found) / 2 ** count;
}

test("ranks of the sign test are those of a table", () => {
  const table = { 1: 0, 5: 0, 6: 1, 7: 1, 8: 1, 9: 2, 10: 2, 11: 2, 12: 3, 15: 4, 16: 4, 17: 5, 20: 6, 25: 8,
    30: 10, 100: 40, 1000: 469, 2000: 956 };
  for (const [count, k] of Object.entries(table)) assert.equal(signTestRank(Number(count)), k, count);
});

test("an interval is the narrowest that covers 95%", () => {
  for (let count = 6; count < 60; count++) {
    const k = signTestRank(count);
    assert.ok(coverage(count, k) >= 0.95 && coverage(count, k + 1) < 0.95, `${count} values`);
  }
});

test("coverage as quoted in the documentation", () => {
  assert.equal(coverage(6, signTestRank(6)), 0.96875);
  close(coverage(10, signTestRank(10)), 0.978516, 1e-6);
});

test("fewer than six values have no interval", () => {
  for (let count = 1; count < 6; count++) {
    assert.deepEqual(pairedRatio(Array(count).fill(2), Array(count).fill(1)), undecided(2, count));
  }
});

test("the ends of an interval are order statistics", () => {
  for (const count of [6, 9, 12, 20, 30]) {
    const k = signTestRank(count);
    const times = shuffled(upTo(count), randomOf(`${count}`));
    closeEstimate(pairedRatio(times, Array(count).fill(1)), { lo: k, hi: count + 1 - k,
      ratio: count % 2 ? (count + 1) / 2 : Math.sqrt(count / 2 * (count / 2 + 1)), count });
  }
});

test("a paired ratio cancels what is common to a round", () => {
  const drift = [1, 5, 2, 8, 3, 9, 4];
  closeEstimate(pairedRatio(drift.map((value) => 3 * value), drift.map((value) => 2 * value)),
    { ratio: 1.5, lo: 1.5, hi: 1.5, count: 7 });
});

test("a paired ratio is the middle of the ratios of the rounds", () => {
  closeEstimate(pairedRatio([1, 2, 3, 4, 5, 6, 70], Array(7).fill(1)), { ratio: 4, lo: 1, hi: 70, count: 7 });
});

test("rounds match by index from either side", () => {
  const [long, short] = [[1, 2, 4, 1, 2, 4, 1, 2, 4, 1, 2, 4], [2, 4, 8, 2, 4, 8, 2]];
  closeEstimate(pairedRatio(short, long), { ratio: 2, lo: 2, hi: 2, count: 7 });
  closeEstimate(pairedRatio(long, short), { ratio: 0.5, lo: 0.5, hi: 0.5, count: 7 });
});

test("swapping the sides inverts ratio and interval", () => {
  const random = randomOf("swap");
  const [a, b] = [0, 1].map(() => Array.from({ length: 13 }, () => 1 + random()));
  const [forth, back] = [pairedRatio(a, b), pairedRatio(b, a)];
  closeEstimate(forth, { ratio: 1 / back.ratio, lo: 1 / back.hi, hi: 1 / back.lo });
});

test("a paired interval covers the true ratio in at least 95% of the cases", () => {
  const random = randomOf("paired");
  let hits = 0;
  for (let trial = 0; trial < 2000; trial++) {
    const times = Array.from({ length: 10 }, () => (
      1.3 * Math.exp((random() < 0.5 ? 0.02 : 0.3) * normal(random))));
    const { lo, hi } = pairedRatio(times, Array(10).fill(1));
    hits += lo <= 1.3 && 1.3 <= hi;
  }
  assert.ok(hits >= 1930 && hits <= 1980, `${hits} of 2000`); // exactly 97.85%
});

test("an unpaired ratio divides medians, and opposite ends", () => {
  closeEstimate(unpairedRatio([10, 11, 12, 13, 14, 15], [5, 6, 7, 8, 9, 10]),
    { ratio: 12.5 / 7.5, lo: 10 / 10, hi: 15 / 5, count: 6 });
  closeEstimate(unpairedRatio(upTo(12), upTo(20)), { ratio: 6.5 / 10.5, lo: 3 / 15, hi: 10 / 6, count: 12 });
});

test("an unpaired ratio needs six rounds on both sides", () => {
  assert.equal(unpairedRatio([1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1]).spread, null);
  assert.equal(unpairedRatio([1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]).spread, null);
});

test("the lower end of an unpaired ratio is wrong in at most 5% of the cases", () => {
  const random = randomOf("unpaired");
  const sample = (factor) => Array.from({ length: 8 }, () => factor * Math.exp(0.2 * normal(random)));
  let wrong = 0;
  for (let trial = 0; trial < 2000; trial++) wrong += unpairedRatio(sample(1.1), sample(1)).lo > 1.1;
  assert.ok(wrong <= 100, `${wrong} of 2000`);
});

test("tied when the interval spans 1 or the ratio is below the floor", () => {
  const table = [[between(0.99, 1.10, 1.20), 1, true], [between(1.05, 1.10, 1.20), 1, false],
    [between(1.05, 1.10, 1.20), 1.11, true], [between(1.05, 1.10, 1.20), 1.10, false],
    [between(0.85, 0.90, 0.95), 1, false],
    [between(0.85, 0.90, 0.95), 1.12, true], [undecided(1.1), 1.5, null],
    [{ ...between(0.9, 1.5, 2), spread: "range" }, 1, null]];
  for (const [estimate, floor, expected] of table) assert.equal(tied(estimate, floor), expected);
});

test("a geometric mean of few cases has their range", () => {
  const mean = geometricMean([1, 2, 4].map((ratio) => undecided(ratio)));
  closeEstimate(mean, { ratio: 2, lo: 1, hi: 4, count: 3 });
  assert.equal(mean.spread, "range");
});

test("a geometric mean of one case keeps its interval", () => {
  assert.deepEqual(geometricMean([between(1.5, 2, 2.5)]), { ...between(1.5, 2, 2.5), count: 1 });
  assert.equal(geometricMean([undecided(2)]).spread, null);
});

test("a geometric mean of six or more cases has the interval of Student", () => {
  const mean = geometricMean([1, 1, 2, 2, 4, 4, 8, 8].map((ratio) => undecided(ratio)));
  assert.equal(mean.spread, "interval");
  // Logarithms to base 2: mean 1.5, variance 10/7; 2.36462425101 is the table's t for 7 degrees.
  const reach = 2.36462425101 * Math.sqrt(10 / 7 / 8);
  closeEstimate(mean, { ratio: 2 ** 1.5, lo: 2 ** (1.5 - reach), hi: 2 ** (1.5 + reach), count: 8 });
});

test("a geometric mean gets its interval at six cases", () => {
  const [five, six] = [5, 6].map((count) => geometricMean(upTo(count).map((ratio) => undecided(ratio))));
  closeEstimate(five, { ratio: 120 ** (1 / 5), lo: 1, hi: 5, count: 5 });
  assert.deepEqual([five.spread, six.spread], ["range", "interval"]);
  const logs = upTo(6).map(Math.log);
  const mean = logs.reduce((a, b) => a + b) / 6;
  const variance = logs.map((log) => (log - mean) ** 2).reduce((a, b) => a + b) / 5;
  const reach = 2.57058183661 * Math.sqrt(variance / 6); // t for 5 degrees
  closeEstimate(six, { ratio: 720 ** (1 / 6), lo: Math.exp(mean - reach), hi: Math.exp(mean + reach) });
});

test("a geometric mean of equal cases is certain", () => {
  closeEstimate(geometricMean(Array(6).fill(undecided(1.5))), { ratio: 1.5, lo: 1.5, hi: 1.5, count: 6 });
});

test("a geometric mean covers the true ratio in 95% of the cases", () => {
  const random = randomOf("mean");
  let hits = 0;
  for (let trial = 0; trial < 2000; trial++) {
    const { lo, hi } = geometricMean(upTo(8).map(() => undecided(1.3 * Math.exp(0.3 * normal(random)))));
    hits += lo <= 1.3 && 1.3 <= hi;
  }
  assert.ok(hits >= 1870 && hits <= 1930, `${hits} of 2000`);
});

test("quantiles of Student's t are those of SciPy", () => {
  const known = { 1: 12.7062047364, 2: 4.30265272991, 5: 2.57058183661, 10: 2.22813885196, 30: 2.0422724563,
    99: 1.98421695151, 100: 1.98397151845, 101: 1.98373100289, 120: 1.97993040505, 137: 1.97743121229,
    150: 1.97590533089, 200: 1.97189622363, 300: 1.96790301126, 500: 1.96471983747, 1000: 1.96233908083 };
  for (const [degrees, value] of Object.entries(known)) {
    assert.ok(Math.abs(studentQuantile(Number(degrees)) - value) < 1e-9,
      `${degrees}: ${studentQuantile(Number(degrees))}, not ${value}`);
  }
});

test("quantiles of Student's t fall without a step where the table ends", () => {
  for (let degrees = 1; degrees < 1500; degrees++) {
    assert.ok(studentQuantile(degrees) > studentQuantile(degrees + 1), `${degrees}`);
  }
  assert.ok(studentQuantile(1e9) > 1.959963 && studentQuantile(1e9) < 1.959965);
});

test("quantiles of the binomial distribution are those of SciPy", () => {
  for (const [count, k] of Object.entries({ 0: 0, 1: 1, 5: 2, 10: 3, 20: 4, 50: 7, 210: 18, 1000: 67 })) {
    assert.equal(binomialQuantile(0.99, Number(count), 0.05), k, count);
  }
});

test("a noise floor is the nearest rank percentile of the spread", () => {
  const twins = [...upTo(19).map((index) => undecided(1 + index / 1000)), undecided(1 / 1.5)];
  close(noiseFloor(twins), 1.019);
  close(noiseFloor(twins.slice(0, 10)), 1.010);
  close(noiseFloor(twins.slice(-1)), 1.5);
  assert.equal(noiseFloor([]), 1);
});

test("medians, means and deviations", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([10, 9, 100]), 10); // by value, not by text
  assert.equal(median([3, Infinity]), Infinity);
  close(geometricMeanOf([1, 2, 4]), 2);
  close(deviation([2, 4, 4, 4, 5, 5, 7, 9]), Math.sqrt(32 / 7));
});

test("what is a list of times", () => {
  for (const value of [[1, 2.5], []]) assert.ok(areTimes(value));
  for (const value of ["12", [0], [-1], [null], [true], [Infinity], [NaN], ["1"], null, { length: 0 }]) {
    assert.ok(!areTimes(value), JSON.stringify(value));
  }
});
