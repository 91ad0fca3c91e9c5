// What changed between two sides, each one run or several, row by row, NEW / OLD.
//
// With several runs the unit is the run: other programs only ever make it slower, so the time of a row in a run
// is the lower quartile of its samples, and that of a side is its fastest run's. The interval of a row is
// Student's t over the runs; its variance is the row's own or that of the median row of all, whichever is
// larger, as three runs may agree by chance; and of many rows some change by chance, so one must change by more
// than 19 of 20 do between runs of one side. A backend as a whole is the geometric mean over its rows, with
// Student's t over these.
// With one run a side the interval of a row is that of the rounds, and a difference must be larger than the
// run-to-run floor and than the spread of the row's own samples as well, and the backend must have chosen the
// same: nothing else tells a change from a disturbance that lasted, or from a choice that falls out otherwise
// from run to run.
import { byName, groupBy, keyOf, unique } from "./collections.js";
import { SAME_MACHINE } from "./machines.js";
import { FAILED } from "./rows.js";
import { CONFIDENCE, deviation, geometricMean, largest, median, quantile, smallest, studentQuantile, sum,
  unpairedRatio } from "./statistics.js";

export const THRESHOLD = 1.05;
// In the order of tables.
export const CHANGES = ["slower", "broken", "gone", "undecided", "faster", "new", "same"];
export const FAILS = ["slower", "broken", "gone"];
const NO_ESTIMATE = { ratio: null, lo: null, hi: null, count: 0, spread: null };

// {rows, backends, counts, floor, threshold, sides}: a row is {case, backend, row, before, after, estimate,
// change}; `before` and `after` are {outcome, detail, ns}, null where that side has no such row. `floor` is the
// least ratio that is no noise between runs, [least, most] over the backends. With several runs there are
// `backends` as well, {backend, rows, estimate, change}: what happens to all rows of one shows there, where the
// noise of each would hide it. Rows that `isWanted` says no to are left out.
export function findChanges(olds, recents, threshold = THRESHOLD, isWanted = () => true) {
  const key = (row) => keyOf(row, ["case", "backend"]);
  const sides = [olds, recents].map((runs) => runs.map((run) => new Map(
    run.rows.filter(isWanted).map((row) => [key(row), row]))));
  const keys = unique(sides.flat().flatMap((rows) => [...rows.keys()]));
  const single = olds.length === 1 && recents.length === 1;
  const entries = keys.map((id) => ({ id, old: rowsOf(sides[0], id), recent: rowsOf(sides[1], id) }));
  const usual = single ? 0 : usualVariance(entries);
  const floors = single ? runToRunFloors(olds[0], recents[0]) : floorsWithinSides(entries);
  const rows = entries.map(({ old, recent }) => {
    const row = recent[0] || old[0];
    const timed = isTimed(old) && isTimed(recent);
    const estimate = !timed ? NO_ESTIMATE : single ? unpairedRatio(recent[0].samples_ns, old[0].samples_ns)
      : ratioOfRuns(...[old, recent].map((runs) => runs.map(timeInRun)), usual);
    return { case: row.case, backend: row.backend, row, before: sideOf(old), after: sideOf(recent), estimate,
      change: changeOf(old, recent, estimate, threshold, { single, floor: floors.get(row.backend) }) };
  });
  const backends = single ? [] : backendChanges(entries, sides, threshold);
  rows.sort((a, b) => CHANGES.indexOf(a.change) - CHANGES.indexOf(b.change)
    || (b.estimate.ratio || 0) - (a.estimate.ratio || 0) || byName(a.case, b.case));
  const floor = [smallest([...floors.values()]), largest([...floors.values()])];
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
    detail: unique(rows.map((row) => row.detail)).join(" or "),
    ns: !isTimed(rows) ? null : rows.length > 1 ? timeOfSide(rows) : rows[0].median_ns };
}

function countsOf(rows) {
  const groups = groupBy(rows, ({ change }) => change);
  return CHANGES.filter((change) => groups.has(change)).map((change) => [change, groups.get(change).length]);
}

function changeOf(old, recent, estimate, threshold, { single, floor }) {
  const failed = recent.find((row) => FAILED.includes(row.outcome));
  if (failed && old.some((row) => row.outcome === "passed")) return "broken";
  if (isTimed(old) && !isTimed(recent)) return "gone";
  if (!isTimed(old)) return isTimed(recent) ? "new" : "same";
  const least = Math.max(threshold, floor, ...(single ? [...old, ...recent].map(quartileRatio) : []));
  const isSure = estimate.spread !== null && !(single && old[0].detail !== recent[0].detail);
  if (isSure && estimate.lo > threshold && estimate.ratio > least) return "slower";
  if (isSure && estimate.hi < 1 / threshold && estimate.ratio < 1 / least) return "faster";
  return Math.max(estimate.ratio, 1 / estimate.ratio) > threshold ? "undecided" : "same";
}

// Slower by more than the threshold, and surely by more than its square root.
function backendChanges(entries, sides, threshold) {
  const whole = entries.filter(({ old, recent }) => old.length === sides[0].length
    && recent.length === sides[1].length && isTimed(old) && isTimed(recent));
  return [...groupBy(whole, ({ old }) => old[0].backend)].map(([backend, own]) => {
    const estimate = geometricMean(own.map(
      ({ old, recent }) => ({ ...NO_ESTIMATE, ratio: timeOfSide(recent) / timeOfSide(old) })));
    const isSure = estimate.spread === "interval";
    const least = Math.sqrt(threshold);
    const isBeyond = Math.max(estimate.ratio, 1 / estimate.ratio) > threshold;
    const change = !isBeyond ? "same" : isSure && estimate.lo > least ? "slower"
      : isSure && estimate.hi < 1 / least ? "faster" : "undecided";
    return { backend, rows: own.length, estimate, change };
  }).sort((a, b) => b.estimate.ratio - a.estimate.ratio);
}

function timeInRun({ samples_ns: samples }) {
  return quantile(samples, 0.25);
}

function timeOfSide(rows) {
  return smallest(rows.map(timeInRun));
}

// Of times in runs of either side.
function ratioOfRuns(old, recent, usual) {
  const ratio = smallest(recent) / smallest(old);
  const degrees = old.length + recent.length - 2;
  const count = Math.min(old.length, recent.length);
  if (degrees < 1) return { ...NO_ESTIMATE, ratio, count };
  const variance = Math.max(varianceWithin([old, recent]), usual);
  const reach = studentQuantile(degrees) * Math.sqrt(variance * (1 / old.length + 1 / recent.length));
  return { ratio, lo: ratio * Math.exp(-reach), hi: ratio * Math.exp(reach), count, spread: "interval" };
}

// Pooled variance of the logs of times in runs of one side; a side of one run has no part in it.
function varianceWithin(sides) {
  const several = sides.filter((times) => times.length > 1);
  const degrees = sum(several.map((times) => times.length - 1));
  return sum(several.map((times) => (times.length - 1) * deviation(times.map(Math.log)) ** 2)) / degrees;
}

function usualVariance(entries) {
  const timed = entries.filter(({ old, recent }) => isTimed(old) && isTimed(recent)
    && old.length + recent.length > 2);
  return timed.length ? median(timed.map(({ old, recent }) => varianceWithin(
    [old, recent].map((runs) => runs.map(timeInRun))))) : 0;
}

// The third quartile of a row's samples as a ratio to the first.
function quartileRatio({ samples_ns: samples }) {
  return quantile(samples, 0.75) / quantile(samples, 0.25);
}

// Backend -> the least ratio that is no noise between the two runs: the square of the most that a copy or a row of
// another backend differs by, as what is common to them is the machine's doing, and a backend can be disturbed
// more than they are; and at least the larger noise floor of the two. Backends of one library, or variants of
// one, may well change together, so they say nothing of each other.
function runToRunFloors(old, recent) {
  const noise = Math.max(old.noise.floor, recent.noise.floor);
  const drifts = (rows, before, key, time) => {
    const times = new Map(before.map((row) => [key(row), row[time]]));
    return rows.filter((row) => times.has(key(row)))
      .map((row) => Math.abs(Math.log(row[time] / times.get(key(row)))));
  };
  const [before, rows] = [old.rows, recent.rows].map((own) => own.filter((row) => row.copy_ns > 0));
  const ofCopies = drifts(rows, before, (row) => row.case, "copy_ns");
  const families = groupBy(recent.rows.filter((row) => row.timed), (row) => familyOf(row.backend));
  const ofFamilies = [...families].map(([family, own]) => [family, drifts(own, old.rows.filter((row) => row.timed),
    (row) => keyOf(row, ["case", "backend"]), "median_ns")]);
  return new Map(unique([...old.rows, ...recent.rows].map((row) => row.backend)).map((id) => {
    const others = ofFamilies.filter(([family]) => family !== familyOf(id)).flatMap(([, own]) => own);
    return [id, Math.max(noise, Math.exp(2 * largest([0, ...ofCopies, ...others])))];
  }));
}

// The same with several runs, for all backends: what 19 of 20 rows differ by at most between runs of one side.
function floorsWithinSides(entries) {
  const spreads = entries.filter(({ old, recent }) => isTimed(old) && isTimed(recent))
    .flatMap(({ old, recent }) => [old, recent]).filter((rows) => rows.length > 1)
    .map((rows) => largest(rows.map(timeInRun)) / timeOfSide(rows));
  const floor = spreads.length ? quantile(spreads, CONFIDENCE) : 1;
  return new Map(entries.map(({ old, recent }) => [(recent[0] || old[0]).backend, floor]));
}

// `onednn` for `onednn-blocked`, `simd` for `simd[streaming=off]`.
function familyOf(backend) {
  return backend.split(/[^\w]/)[0];
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
