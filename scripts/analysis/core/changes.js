// What changed between two sides, each one run or several, row by row, NEW / OLD.
//
// With several runs the unit is the run: the value of a row in a run is its median, and the interval of the
// ratio is Student's t of the difference of the mean log medians. Its variance is the row's own or that of
// the median row of all, whichever is larger, as three runs may agree by chance. With one run a side
// the interval is that of the rounds, and a difference must be larger than the run-to-run floor and than the spread
// of the row's own samples as well: nothing else tells a change from a disturbance that lasted.
import { byName, groupBy, keyOf, unique } from "./collections.js";
import { SAME_MACHINE } from "./machines.js";
import { FAILED } from "./rows.js";
import { deviation, largest, median, studentQuantile, sum, unpairedRatio } from "./statistics.js";

export const THRESHOLD = 1.05;
// In the order of tables.
export const CHANGES = ["slower", "broken", "gone", "undecided", "faster", "new", "same"];
export const FAILS = ["slower", "broken", "gone"];
const NO_ESTIMATE = { ratio: null, lo: null, hi: null, count: 0, spread: null };

// {rows, backends, counts, floor, threshold, sides}: a row is {case, backend, row, before, after, estimate, change};
// `before` and `after` are {outcome, ns}, null where that side has no such row. `floor` is the least ratio
// that is no noise between runs, {ratio, from}; null with several runs. These have in `backends` the geometric mean
// over all rows of each as well, {backend, rows, estimate, change}: what happens to all of them shows there, where the
// noise of a row alone would hide it. Rows that `isWanted` says no to are left out.
export function findChanges(olds, recents, threshold = THRESHOLD, isWanted = () => true) {
  const key = (row) => keyOf(row, ["case", "backend"]);
  const sides = [olds, recents].map((runs) => runs.map((run) => new Map(
    run.rows.filter(isWanted).map((row) => [key(row), row]))));
  const keys = unique(sides.flat().flatMap((rows) => [...rows.keys()]));
  const single = olds.length === 1 && recents.length === 1;
  const floor = single ? runToRunFloor(olds[0], recents[0]) : null;
  const entries = keys.map((id) => ({ id, old: rowsOf(sides[0], id), recent: rowsOf(sides[1], id) }));
  const usual = single ? 0 : usualVariance(entries);
  const rows = entries.map(({ old, recent }) => {
    const row = recent[0] || old[0];
    const timed = isTimed(old) && isTimed(recent);
    const estimate = !timed ? NO_ESTIMATE : single ? unpairedRatio(recent[0].samples_ns, old[0].samples_ns)
      : ratioOfRuns(old, recent, usual);
    return { case: row.case, backend: row.backend, row, before: sideOf(old), after: sideOf(recent), estimate,
      change: changeOf(old, recent, estimate, threshold, floor) };
  });
  const backends = single ? [] : backendChanges(entries, sides, threshold);
  rows.sort((a, b) => CHANGES.indexOf(a.change) - CHANGES.indexOf(b.change)
    || (b.estimate.ratio || 0) - (a.estimate.ratio || 0) || byName(a.case, b.case));
  return { rows, backends, floor, threshold, counts: countsOf(rows), sides: [olds.length, recents.length] };
}

function rowsOf(runs, id) {
  return runs.map((rows) => rows.get(id)).filter(Boolean);
}

function isTimed(rows) {
  return rows.length > 0 && rows.every((row) => row.timed);
}

// A side is what all of its runs are: one that failed once failed.
function sideOf(rows) {
  if (!rows.length) return null;
  const worst = rows.find((row) => FAILED.includes(row.outcome)) || rows.find((row) => !row.timed) || rows[0];
  return { outcome: worst.outcome, reason: worst.reason,
    ns: isTimed(rows) ? Math.exp(meanLog(rows)) : null };
}

function meanLog(rows) {
  return sum(rows.map((row) => Math.log(row.median_ns))) / rows.length;
}

function countsOf(rows) {
  const groups = groupBy(rows, ({ change }) => change);
  return CHANGES.filter((change) => groups.has(change)).map((change) => [change, groups.get(change).length]);
}

function changeOf(old, recent, estimate, threshold, floor) {
  const failed = recent.find((row) => FAILED.includes(row.outcome));
  if (failed && old.some((row) => row.outcome === "passed")) return "broken";
  if (isTimed(old) && !isTimed(recent)) return "gone";
  if (!isTimed(old)) return isTimed(recent) ? "new" : "same";
  const least = floor ? Math.max(threshold, floor.ratio, ...[...old, ...recent].map(quartileRatio)) : threshold;
  const isSure = estimate.spread !== null;
  if (isSure && estimate.lo > threshold && estimate.ratio > least) return "slower";
  if (isSure && estimate.hi < 1 / threshold && estimate.ratio < 1 / least) return "faster";
  return Math.max(estimate.ratio, 1 / estimate.ratio) > threshold ? "undecided" : "same";
}

// A backend in a run is as a row whose time is the geometric mean of all of its rows that every run has.
function backendChanges(entries, sides, threshold) {
  const whole = entries.filter(({ old, recent }) => old.length === sides[0].length
    && recent.length === sides[1].length && isTimed(old) && isTimed(recent));
  const meanOf = (own, side) => own[0][side].map((_, run) => ({ timed: true, outcome: "passed",
    median_ns: Math.exp(meanLog(own.map((entry) => entry[side][run]))) }));
  const means = [...groupBy(whole, ({ old }) => old[0].backend)].map(([backend, own]) => (
    { backend, rows: own.length, old: meanOf(own, "old"), recent: meanOf(own, "recent") }));
  const usual = usualVariance(means);
  return means.map(({ backend, rows, old, recent }) => {
    const estimate = ratioOfRuns(old, recent, usual);
    return { backend, rows, estimate, change: changeOf(old, recent, estimate, threshold, null) };
  }).sort((a, b) => b.estimate.ratio - a.estimate.ratio);
}

function ratioOfRuns(old, recent, usual) {
  const ratio = Math.exp(meanLog(recent) - meanLog(old));
  const degrees = old.length + recent.length - 2;
  const count = Math.min(old.length, recent.length);
  if (degrees < 1) return { ...NO_ESTIMATE, ratio, count };
  const variance = Math.max(varianceWithin([old, recent]), usual);
  const reach = studentQuantile(degrees) * Math.sqrt(variance * (1 / old.length + 1 / recent.length));
  return { ratio, lo: ratio * Math.exp(-reach), hi: ratio * Math.exp(reach), count, spread: "interval" };
}

// Pooled variance of the log medians of runs of one side; 0 where no side has two.
function varianceWithin(sides) {
  const several = sides.filter((rows) => rows.length > 1);
  const degrees = sum(several.map((rows) => rows.length - 1));
  if (!degrees) return 0;
  return sum(several.map((rows) => (rows.length - 1)
    * deviation(rows.map((row) => Math.log(row.median_ns))) ** 2)) / degrees;
}

function usualVariance(entries) {
  const timed = entries.filter(({ old, recent }) => isTimed(old) && isTimed(recent));
  return timed.length ? median(timed.map(({ old, recent }) => varianceWithin([old, recent]))) : 0;
}

// The third quartile of a row's samples as a ratio to the first.
function quartileRatio({ samples_ns: samples }) {
  const ordered = Float64Array.from(samples).sort();
  const at = (share) => ordered[Math.round(share * (ordered.length - 1))];
  return at(0.75) / at(0.25);
}

// What two runs of the same code may differ by, measured by what did not change between them, the copies, which
// have no part in either side's code: the square of the most that one differs by, as a backend does more than a
// copy that can be disturbed; and at least the larger noise floor of the two.
export function runToRunFloor(old, recent) {
  const copies = new Map(old.rows.filter((row) => row.copy_ns > 0).map((row) => [row.case, row.copy_ns]));
  const ratios = new Map();
  for (const row of recent.rows) {
    if (row.copy_ns > 0 && copies.has(row.case)) ratios.set(row.case, row.copy_ns / copies.get(row.case));
  }
  const spread = [...ratios.values()].map((ratio) => Math.max(ratio, 1 / ratio));
  const drift = spread.length ? largest(spread) ** 2 : 1;
  const noise = Math.max(old.noise.floor, recent.noise.floor);
  return drift >= noise ? { ratio: drift, from: `what the copies of ${ratios.size} cases differ by at most, squared` }
    : { ratio: noise, from: "the noise floor within a run" };
}

// In what the sides differ beside the code: [{what, old, recent}].
export function setupDifferences(olds, recents) {
  const found = [];
  const compare = (what, of) => {
    const [a, b] = [olds, recents].map((runs) => unique(runs.map((run) => show(of(run)))).join(" or "));
    if (a !== b) found.push({ what, old: a, recent: b });
  };
  for (const key of ["host", ...SAME_MACHINE]) compare(`machine ${key}`, (run) => run.machine[key]);
  for (const key of ["type", "compiler", "flags"]) compare(`build ${key}`, (run) => run.build[key]);
  const names = (of) => unique([...olds, ...recents].flatMap(of)).sort(byName);
  for (const name of names((run) => run.backends.map((entry) => String(entry.name)))) {
    compare(`version of ${name}`, (run) => (run.backends.find((entry) => entry.name === name) || {}).version);
  }
  for (const section of ["environment", "timing"]) {
    for (const key of names((run) => Object.keys(run.meta[section] || {}))) {
      compare(`${section} ${key}`, (run) => (run.meta[section] || {})[key]);
    }
  }
  compare("config", (run) => (run.config.text === undefined ? run.config.path : run.config.text));
  return found.map((entry) => (entry.what === "config"
    ? { what: "config", old: "its text", recent: "another text" } : entry));
}

function show(value) {
  if (value === undefined || value === null) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}
