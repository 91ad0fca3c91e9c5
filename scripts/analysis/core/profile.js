// Performance profile: in which share of the cases a backend is within a factor of the best
// (Dolan and More, Benchmarking optimization software with performance profiles, 2002).
import { groupBy } from "./collections.js";

export const FACTORS = [1.1, 1.5, 2];

// Per backend of a group of rank.js, from the highest share down: {backend, cases, shares, ratios}; `shares`
// belong to FACTORS, `ratios` are all of its ratios to the best, ascending.
export function performanceProfile(view, group) {
  const rows = view.timed.filter((row) => Object.entries(group.keys).every(([key, value]) => row[key] === value)
    && view.isShown(row.backend) && view.toBest.has(row.index));
  return [...groupBy(rows, (row) => row.backend)].map(([backend, own]) => {
    const ratios = own.map((row) => view.toBest.get(row.index).estimate.ratio).sort((a, b) => a - b);
    return { backend, cases: own.length, ratios,
      shares: FACTORS.map((factor) => ratios.filter((ratio) => ratio <= factor).length / own.length) };
  }).sort((a, b) => {
    const at = FACTORS.findIndex((_, index) => a.shares[index] !== b.shares[index]);
    return at < 0 ? (a.backend < b.backend ? -1 : 1) : b.shares[at] - a.shares[at];
  });
}
