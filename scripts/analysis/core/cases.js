// Compares the backends of each case with one of them, and finds the cases that all share.
import { groupBy } from "./collections.js";
import { geometricMean, median, pairedRatio, tied } from "./statistics.js";

// The ratio of a row to another of its case, computed once per run.
export function ratioOf(run, row, reference) {
  const key = row.index * run.rows.length + reference.index;
  let estimate = run.ratios.get(key);
  if (!estimate) {
    estimate = pairedRatio(row.samples_ns, reference.samples_ns);
    run.ratios.set(key, estimate);
  }
  return estimate;
}

// The row with the lowest median over the rounds that it shares with the others. A row that was left
// behind has only the first rounds; when the machine slows down after these, its own median can be the
// lowest of all.
export function fastest(rows) {
  const within = (row, count) => (row.samples_ns.length === count ? row.median_ns
    : median(row.samples_ns.slice(0, count)));
  return [...rows].sort((a, b) => b.samples_ns.length - a.samples_ns.length).reduce(
    (best, row) => (row.median_ns < within(best, row.samples_ns.length) ? row : best));
}

// A record per timed row with its ratio to the reference of the case: {row, reference, competes, estimate,
// relation}. The reference is `baseline`, or else the best of those that compete: which are ranked
// (`ranked`, a set of backends; null: all) and not apart; those that are compete only where all are. Cases
// without a reference are left out. `relation` is reference,
// tied, slower, faster or undecided; what competes and is not slower than the best is tied.
export function compareWithinCases(run, rows, { ranked = null, baseline = null } = {}) {
  const records = [];
  for (const own of groupBy(rows.filter((row) => row.timed), (row) => row.case).values()) {
    const candidates = own.filter((row) => !ranked || ranked.has(row.backend));
    const anyPlain = candidates.some((row) => !isApart(row));
    const competes = (row) => candidates.includes(row) && !(anyPlain && isApart(row));
    const references = baseline === null ? candidates.filter(competes)
      : own.filter((row) => row.backend === baseline);
    if (!references.length) continue;
    const reference = fastest(references);
    for (const row of own) {
      const estimate = ratioOf(run, row, reference);
      records.push({ row, reference, competes: competes(row), estimate,
        relation: relationOf(estimate, run.noise.floor, row === reference, baseline === null && competes(row)) });
    }
  }
  return records;
}

function relationOf(estimate, floor, isReference, cannotBeFaster) {
  if (isReference) return "reference";
  const same = tied(estimate, floor);
  if (same === null) return "undecided";
  if (same) return "tied";
  if (estimate.ratio > 1) return "slower";
  return cannotBeFaster ? "tied" : "faster";
}

// Of records of one backend: {ratio, worst: {ratio, row}}, the geometric mean and the largest ratio.
export function summarize(records) {
  const worst = records.reduce((a, b) => (b.estimate.ratio > a.estimate.ratio ? b : a));
  return { ratio: geometricMean(records.map(({ estimate }) => estimate)),
    worst: { ratio: worst.estimate.ratio, row: worst.row } };
}

// The row of the best backend of each case, as compareWithinCases finds it.
export function bestRows(records) {
  return records.filter(({ row, reference }) => row === reference).map(({ row }) => row);
}

// [rows, leftOut]: the rows of the cases that every backend has. A backend that was timed in few cases
// would leave nothing to match, so while less than half of the cases match, the one with the fewest is
// left out: leftOut has [backend, cases] of these.
export function matchedRows(rows) {
  let timed = rows;
  const total = new Set(timed.map((row) => row.case)).size;
  const leftOut = [];
  for (;;) {
    const counts = new Map();
    const perCase = new Map();
    for (const row of timed) {
      counts.set(row.backend, (counts.get(row.backend) || 0) + 1);
      perCase.set(row.case, (perCase.get(row.case) || 0) + 1);
    }
    const size = counts.size;
    const cases = [...perCase.values()].filter((count) => count === size).length;
    if (2 * cases >= total || size <= 1) {
      return [timed.filter((row) => perCase.get(row.case) === size), leftOut];
    }
    const rarest = [...counts].reduce((least, entry) => (entry[1] < least[1] ? entry : least));
    leftOut.push(rarest);
    timed = timed.filter((row) => row.backend !== rarest[0]);
  }
}

// Whether some backend got fewer rounds than another in the same case.
export function roundsDiffer(rows) {
  const cases = groupBy(rows.filter((row) => row.timed), (row) => row.case);
  return [...cases.values()].some(
    (own) => own.some((row) => row.samples_ns.length !== own[0].samples_ns.length));
}

// Whether a row is set beside the others and not ranked among them: its data was converted, untimed, into a
// layout of the library's own, or its variance is one by moments, which are less work and cancel.
export function isApart(row) {
  return row.native_layout || isByMoments(row);
}

export function isByMoments(row) {
  return Boolean(row.variance);
}

// The backends that are so in some case.
export function apartBackends(rows) {
  return backendsThat(rows, isApart);
}

export function nativeBackends(rows) {
  return backendsThat(rows, (row) => row.native_layout);
}

export function momentsBackends(rows) {
  return backendsThat(rows, isByMoments);
}

function backendsThat(rows, are) {
  return new Set(rows.filter(are).map((row) => row.backend));
}
