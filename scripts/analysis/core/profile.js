// Performance profile: in which share of the cases a backend is within a factor of the best
// (Dolan and More, Benchmarking optimization software with performance profiles, 2002).
import { byName, byNumber, groupBy } from "./collections.js";
import { isOf } from "./groups.js";

export const FACTORS = [1.1, 1.5, 2];

// Per backend of a group of rank.js, from the highest share down: {backend, cases, shares, ratios}; `shares`
// belong to FACTORS, `ratios` are all of its ratios to the best, ascending.
export function performanceProfile(view, group) {
  const isIn = isOf(group);
  const records = view.records.filter(({ row }) => isIn(row) && view.isShown(row.backend));
  return [...groupBy(records, ({ row }) => row.backend)].map(([backend, own]) => {
    const ratios = own.map(({ estimate }) => estimate.ratio).sort(byNumber);
    return { backend, cases: own.length, ratios,
      shares: FACTORS.map((factor) => ratios.filter((ratio) => ratio <= factor).length / own.length) };
  }).sort((a, b) => {
    const at = FACTORS.findIndex((_, index) => a.shares[index] !== b.shares[index]);
    return at < 0 ? byName(a.backend, b.backend) : b.shares[at] - a.shares[at];
  });
}
