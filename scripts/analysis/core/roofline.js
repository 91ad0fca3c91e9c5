// Effective bandwidth against the working set, below the measured copies, and the caches.
import { byName, byNumber, groupBy, unique } from "./collections.js";
import { byRegime } from "./groups.js";
import { bandwidth, copyBandwidth, copyShare, timesBound } from "./rows.js";
import { geometricMeanOf, largest, median, smallest } from "./statistics.js";

const MOST_RANGES = 10;

// Of one group: {points, lines, copies, ceilings, caches}. A point is {row, bytes, gbs}; a line per shown
// backend goes through the medians of ranges of the working set; `ceilings` has per kind of store the copies
// that the run measured at these threads; `caches` is where the caches of these threads are full.
export function roofline(view, group) {
  const rows = group.rows.filter((row) => row.timed && row.bytes > 0 && view.isShown(row.backend));
  const points = rows.map((row) => ({ row, bytes: row.bytes, gbs: bandwidth(row) }));
  const sizes = points.map(({ bytes }) => bytes);
  const wide = sizes.length
    ? Math.max(1, Math.ceil(Math.log2(largest(sizes) / smallest(sizes) * 2.25) / MOST_RANGES)) : 1;
  const lines = [...groupBy(points, ({ row }) => row.backend)].map(([backend, own]) => ({
    backend,
    points: [...groupBy(own, ({ bytes }) => Math.floor(Math.log2(bytes) / wide)).values()].map((range) => ({
      bytes: median(range.map(({ bytes }) => bytes)), gbs: median(range.map(({ gbs }) => gbs)),
    })).sort((a, b) => a.bytes - b.bytes),
  }));
  const copies = [...groupBy(rows.filter((row) => copyBandwidth(row) !== null), (row) => row.case).values()]
    .map(([row]) => ({ row, bytes: row.bytes, gbs: copyBandwidth(row) }));
  return { points, lines, copies, ceilings: ceilingsAt(view.run, group.keys.threads),
    caches: cachesOf(view.run, group.keys.threads) };
}

// {plain, streaming}: [{bytes, gbs}] by size.
function ceilingsAt(run, threads) {
  const own = run.ceilings.filter((entry) => entry.threads === threads && entry.bytes > 0);
  const line = (key) => own.filter((entry) => entry[key] > 0)
    .map((entry) => ({ bytes: entry.bytes, gbs: entry[key] })).sort((a, b) => a.bytes - b.bytes);
  return { plain: line("plain_gbs"), streaming: line("streaming_gbs") };
}

// [{level, bytes}]: how much so many threads have of each data cache, by the threads that share one.
export function cachesOf(run, threads) {
  return run.machine.caches.filter((cache) => cache.bytes > 0 && !/instruction/i.test(cache.type || ""))
    .map((cache) => ({ level: cache.level, bytes: cache.bytes * Math.ceil(threads / (cache.shared_by || 1)) }));
}

// Per shown backend and regime of one group: {backend, cells: [{regime, gbs, share, bound, cases}]}: median
// bandwidth, median share of the copy, and the geometric mean of the time in units of the bound; null where
// unknown.
export function bandwidthTable(view, group) {
  const rows = group.rows.filter((row) => bandwidth(row) !== null && view.isShown(row.backend));
  const regimes = unique(rows.map((row) => row.regime)).sort(byRegime(view.schema));
  const meanOf = (own, of, mean) => {
    const values = own.map(of).filter((value) => value !== null);
    return values.length ? mean(values) : null;
  };
  return { regimes, lines: [...groupBy(rows, (row) => row.backend)].sort((a, b) => byName(a[0], b[0])).map(
    ([backend, all]) => ({ backend, cells: regimes.map((regime) => {
      const own = all.filter((row) => row.regime === regime);
      return { regime, cases: own.length, gbs: meanOf(own, bandwidth, median),
        share: meanOf(own, copyShare, median), bound: meanOf(own, timesBound, geometricMeanOf) };
    }) })) };
}

// Rows that are faster than the copy of the same data by more than 5%, the farthest first.
export function aboveCopy(rows) {
  return rows.filter((row) => copyShare(row) > 1.05).sort((a, b) => copyShare(b) - copyShare(a));
}

// The copies of a run as a table: [{threads, bytes, regime, plain, streaming}].
export function ceilingTable(run) {
  return run.ceilings.map((entry) => ({ threads: entry.threads ?? null, bytes: entry.bytes || 0,
    regime: entry.regime ?? "-", plain: entry.plain_gbs || null, streaming: entry.streaming_gbs || null }))
    .sort((a, b) => byNumber(a.threads, b.threads) || byNumber(a.bytes, b.bytes));
}
