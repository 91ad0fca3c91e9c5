// Means and medians over seeds with their intervals, and what they decide.
//
// An estimate is {value, lo, hi, count}: lo and hi are the ends of an interval of at least 95%, or null where
// there are too few seeds for one: then nothing is claimed.
import { byNumber } from "../collections.js";
import { deviation, signTestRank, studentQuantile, sum } from "../statistics.js";

// The mean, with Student's t interval of independent seeds; from two values on.
export function meanOf(values) {
  const count = values.length;
  const value = sum(values) / count;
  if (count < 2) return { value, lo: null, hi: null, count };
  const reach = studentQuantile(count - 1) * deviation(values) / Math.sqrt(count);
  return { value, lo: value - reach, hi: value + reach, count };
}

// The median, with the interval of the sign test; from six values on. Infinity stands for what did not happen
// within the steps that there were: only its rank counts, so the interval holds.
export function medianOf(values) {
  const ordered = [...values].sort(byNumber);
  const count = ordered.length;
  const half = count >> 1;
  const middle = count % 2 || ordered[half] === ordered[half - 1] ? ordered[half]
    : (ordered[half - 1] + ordered[half]) / 2;
  const k = signTestRank(count);
  return { value: middle, lo: k ? ordered[k - 1] : null, hi: k ? ordered[count - k] : null, count };
}

// "above", "below" or "undecided": on which side of `level` the interval lies.
export function sideOf({ lo, hi }, level) {
  if (lo === null || Number.isNaN(lo)) return "undecided";
  return lo > level ? "above" : hi < level ? "below" : "undecided";
}
