// All statistics of the analysis: ratios of times, their intervals, ties, and geometric means.
//
// A ratio is a quotient of two times and has no unit. Intervals of a case rest on order statistics of
// the sign test, so they assume independent rounds and nothing about the distribution of times.
// Nothing is resampled: every number follows from its input alone.
//
// An estimate is {ratio, lo, hi, count, spread}: `spread` says what lo and hi are, "interval" (95%),
// "range" (smallest and largest of too few cases to judge their spread by), or null: no claim, and lo
// and hi are null. `count` is the number of rounds or cases behind it.
import { STUDENT, STUDENT_MORE } from "./student.js";

export const CONFIDENCE = 0.95;
// With fewer cases than this, a mean comes with a range instead of an interval.
const FEWEST_CASES = 6;

export function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

export function smallest(values) {
  return values.reduce((a, b) => Math.min(a, b));
}

export function largest(values) {
  return values.reduce((a, b) => Math.max(a, b));
}

function middle(ordered) {
  const half = ordered.length >> 1;
  return ordered.length % 2 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2;
}

// Whether this is a list of positive finite numbers, as every list of samples must be.
export function areTimes(value) {
  return Array.isArray(value) && value.every((time) => Number.isFinite(time) && time > 0);
}

// Median, in the unit of the values; there must be at least one.
export function median(values) {
  return middle(Float64Array.from(values).sort());
}

// The value below which a share of the values lies, of those that there are (nearest rank, from below).
export function quantile(values, share) {
  return Float64Array.from(values).sort()[Math.round(share * (values.length - 1))];
}

const ranks = new Map();

// Largest k with 2 * P(Binomial(count, 1/2) < k) <= 5%; 0 when there is none (count < 6).
export function signTestRank(count) {
  if (!ranks.has(count)) {
    let [k, tail, term] = [0, 0, -count * Math.LN2];
    for (;;) {
      tail += Math.exp(term);
      if (k > count || 2 * tail > 1 - CONFIDENCE) break;
      term += Math.log((count - k) / (k + 1));
      k += 1;
    }
    ranks.set(count, k);
  }
  return ranks.get(count);
}

// Interval of the median with coverage of at least 95%, of ordered values: the k-th smallest and k-th
// largest, with k of the sign test (Conover, Practical Nonparametric Statistics, section 3.2). Null for
// fewer than 6 values, where not even the extremes reach 95%.
function signInterval(ordered) {
  const k = signTestRank(ordered.length);
  return k ? [ordered[k - 1], ordered[ordered.length - k]] : null;
}

function estimate(ratio, interval, count) {
  return { ratio, lo: interval ? interval[0] : null, hi: interval ? interval[1] : null, count,
    spread: interval ? "interval" : null };
}

// Ratio times / reference of two backends that were measured in the same rounds of a case: exp of the
// median log ratio per round, with its sign-test interval. Rounds that only one of them has are left
// out; there must be a common one.
export function pairedRatio(times, reference) {
  const count = Math.min(times.length, reference.length);
  const logs = new Float64Array(count);
  for (let i = 0; i < count; i++) logs[i] = Math.log(times[i] / reference[i]);
  logs.sort();
  const interval = signInterval(logs);
  return estimate(Math.exp(middle(logs)), interval && interval.map(Math.exp), count);
}

// Ratio of the medians of two independent runs, recent / old. The interval divides the ends of the two
// sign-test intervals of the medians: one of its ends is wrong only when at least one median lies beyond
// the end used for it, which happens with probability 2.5% at most for either. Needs 6 rounds in both.
export function unpairedRatio(recent, old) {
  const [a, b] = [recent, old].map((times) => Float64Array.from(times).sort());
  const [own, other] = [signInterval(a), signInterval(b)];
  return estimate(middle(a) / middle(b), own && other && [own[0] / other[1], own[1] / other[0]],
    Math.min(a.length, b.length));
}

// Whether the two sides cannot be told apart: the interval spans 1, or the ratio is within the noise
// floor (a ratio >= 1). Null when there is no interval to tell from.
export function tied({ ratio, lo, hi, spread }, floor) {
  if (spread !== "interval") return null;
  return (lo <= 1 && 1 <= hi) || Math.max(ratio, 1 / ratio) < floor;
}

// Geometric mean of the ratios of matched cases; its count is the number of cases, at least one.
// From FEWEST_CASES on with Student's t interval of the mean log ratio, exp(m -+ t * s / sqrt(n)), s the
// sample standard deviation of the logs; for fewer the range; for one case that case's own interval.
export function geometricMean(estimates) {
  const n = estimates.length;
  if (n === 1) return { ...estimates[0], count: 1 };
  const logs = estimates.map(({ ratio }) => Math.log(ratio));
  const mean = sum(logs) / n;
  let ends = [smallest(logs), largest(logs)];
  if (n >= FEWEST_CASES) {
    const reach = studentQuantile(n - 1) * deviation(logs) / Math.sqrt(n);
    ends = [mean - reach, mean + reach];
  }
  return { ratio: Math.exp(mean), lo: Math.exp(ends[0]), hi: Math.exp(ends[1]), count: n,
    spread: n >= FEWEST_CASES ? "interval" : "range" };
}

export function geometricMeanOf(ratios) {
  return Math.exp(sum(ratios.map(Math.log)) / ratios.length);
}

// Sample standard deviation; there must be two values.
export function deviation(values) {
  const mean = sum(values) / values.length;
  return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / (values.length - 1));
}

// The 0.975 quantile of Student's t, from the table; beyond its dense part by the cubic in 1 / degrees
// through its last four entries, which is off by less than 1e-9.
export function studentQuantile(degrees) {
  if (degrees <= STUDENT.length) return STUDENT[degrees - 1];
  const nodes = [[1 / STUDENT.length, STUDENT.at(-1)],
    ...STUDENT_MORE.map(([own, value]) => [1 / own, value])];
  return sum(nodes.map(([at, value], i) => nodes.reduce((product, [other], j) => (
    i === j ? product : product * (1 / degrees - other) / (at - other)), value)));
}

// Ratio below which a difference is not claimed, from one backend measured twice (A/A): the 95th
// percentile (nearest rank) over cases of max(ratio, 1 / ratio). 1, no floor at all, without any.
export function noiseFloor(twins) {
  const spreads = twins.map(({ ratio }) => Math.max(ratio, 1 / ratio)).sort((a, b) => a - b);
  return spreads.length ? spreads[Math.ceil(CONFIDENCE * spreads.length) - 1] : 1;
}

// The least k with P(Binomial(count, share) <= k) >= level.
export function binomialQuantile(level, count, share) {
  let [k, term] = [0, count * Math.log(1 - share)];
  let total = Math.exp(term);
  while (total < level && k < count) {
    term += Math.log((count - k) / (k + 1) * share / (1 - share));
    total += Math.exp(term);
    k += 1;
  }
  return k;
}
