// The statistics of intervals.py: ratios of times, their intervals, ties, and geometric means.
// An estimate is {ratio, lo, hi, count}; lo and hi are null when there is no claim.
"use strict";

const quantiles = { signTestRanks: [], student: [] };

function middle(ordered) {
  const half = ordered.length >> 1;
  return ordered.length % 2 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2;
}

function median(values) {
  return middle(Float64Array.from(values).sort());
}

function signInterval(ordered) {
  const k = quantiles.signTestRanks[ordered.length];
  return k ? [ordered[k - 1], ordered[ordered.length - k]] : null;
}

function pairedRatio(times, reference) {
  const count = Math.min(times.length, reference.length);
  const logs = new Float64Array(count);
  for (let i = 0; i < count; i++) logs[i] = Math.log(times[i] / reference[i]);
  logs.sort();
  const interval = signInterval(logs);
  return {
    ratio: Math.exp(middle(logs)), count,
    lo: interval && Math.exp(interval[0]), hi: interval && Math.exp(interval[1]),
  };
}

function unpairedRatio(after, before) {
  const [a, b] = [after, before].map((times) => Float64Array.from(times).sort());
  const [own, other] = [signInterval(a), signInterval(b)];
  const known = own && other;
  return {
    ratio: middle(a) / middle(b), count: Math.min(a.length, b.length),
    lo: known ? own[0] / other[1] : null, hi: known ? own[1] / other[0] : null,
  };
}

// true, false, or null when there is no interval to tell from.
function tied(estimate, floor) {
  if (estimate.lo === null) return null;
  return (estimate.lo <= 1 && 1 <= estimate.hi)
    || Math.max(estimate.ratio, 1 / estimate.ratio) < floor;
}

function geometricMean(estimates) {
  const n = estimates.length;
  if (n === 1) return { ...estimates[0], count: 1 };
  const logs = estimates.map((estimate) => Math.log(estimate.ratio));
  const mean = sum(logs) / n;
  let ends = [Math.min(...logs), Math.max(...logs)];
  if (n >= 6) {
    const deviation = Math.sqrt(sum(logs.map((log) => (log - mean) ** 2)) / (n - 1));
    const reach = quantiles.student[n] * deviation / Math.sqrt(n);
    ends = [mean - reach, mean + reach];
  }
  return { ratio: Math.exp(mean), lo: Math.exp(ends[0]), hi: Math.exp(ends[1]), count: n };
}

function geometricMeanOf(ratios) {
  return Math.exp(sum(ratios.map(Math.log)) / ratios.length);
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
