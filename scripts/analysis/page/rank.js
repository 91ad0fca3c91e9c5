// Compares the backends of each case and ranks them in groups of like cases, as cases.py and
// rank.py do.
"use strict";

const REGIMES = ["L1", "L2", "L3", "DRAM"];
const ALL = "all";

function byRegime(a, b) {
  const place = (regime) => (REGIMES.includes(regime) ? REGIMES.indexOf(regime) : REGIMES.length);
  return place(a) - place(b) || (a < b ? -1 : Number(a > b));
}

function byName(a, b) {
  return a < b ? -1 : Number(a > b);
}

// The lowest median over common rounds: a row that was left behind has only the first ones, and when
// the machine slows down after these, its own median can be the lowest of all.
function bestOf(rows) {
  const within = (row, count) => (row.samples.length === count ? row.median
    : median(row.samples.slice(0, count)));
  return [...rows].sort((a, b) => b.samples.length - a.samples.length).reduce(
    (best, row) => (row.median < within(best, row.samples.length) ? row : best));
}

// A record per timed row: {row, reference, competes, estimate, verdict}. Without a baseline the
// reference is the best of the case among those that take the data as it is, if any does.
function compareWithinCases(run, rows, baseline = null) {
  const records = [];
  for (const own of groupBy(rows.filter((row) => row.timed), (row) => row.case).values()) {
    const anyPlain = own.some((row) => !row.native_layout);
    const competes = (row) => !row.native_layout || !anyPlain;
    const candidates = own.filter(
      baseline === null ? competes : (row) => row.backend === baseline);
    if (!candidates.length) continue;
    const reference = bestOf(candidates);
    for (const row of own) {
      const estimate = ratioOf(run, row, reference);
      let verdict = verdictOn(estimate, run.floor);
      if (row.backend === reference.backend) verdict = "reference";
      else if (verdict === "faster" && baseline === null && competes(row)) verdict = "tied";
      records.push({ row, reference, competes: competes(row), estimate, verdict });
    }
  }
  return records;
}

function verdictOn(estimate, floor) {
  const same = tied(estimate, floor);
  if (same === null) return "undecided";
  if (same) return "tied";
  return estimate.ratio > 1 ? "slower" : "faster";
}

// The rows of the cases that every backend has, and [backend, cases] of those left out for that.
function matchedRows(rows) {
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
    const isMatched = (row) => perCase.get(row.case) === counts.size;
    const cases = [...perCase.values()].filter((count) => count === counts.size).length;
    if (2 * cases >= total || counts.size <= 1) return [timed.filter(isMatched), leftOut];
    const rarest = [...counts].reduce((least, entry) => (entry[1] < least[1] ? entry : least));
    leftOut.push(rarest);
    timed = timed.filter((row) => row.backend !== rarest[0]);
  }
}

// Every group over all regimes, each followed by its regimes when there are several.
function rankGroups(run, rows, baseline = null) {
  const groups = [];
  for (const { keys, rows: own } of likeCases(rows.filter((row) => row.timed))) {
    const regimes = unique(own.map((row) => row.regime)).sort(byRegime);
    if (regimes.length > 1) groups.push(rankRows(run, keys, ALL, own, baseline));
    for (const regime of regimes) {
      groups.push(rankRows(run, keys, regime, own.filter((row) => row.regime === regime), baseline));
    }
  }
  return groups;
}

function rankRows(run, keys, regime, rows, baseline) {
  let apart = new Set(rows.filter((row) => row.native_layout).map((row) => row.backend));
  if (rows.every((row) => apart.has(row.backend))) apart = new Set();
  const [matched, leftOut] = matchedRows(rows.filter((row) => !apart.has(row.backend)));
  const cases = new Set(matched.map((row) => row.case));
  const counted = [...matched,
    ...rows.filter((row) => apart.has(row.backend) && cases.has(row.case))];
  const compared = compareWithinCases(run, counted);
  const wins = countWins(compared);
  const against = baseline === null ? new Map() : groupBy(
    compareWithinCases(run, counted, baseline), (record) => record.row.backend);
  const standings = [...groupBy(compared, (record) => record.row.backend)].map(
    ([backend, own]) => ({
      backend, native: apart.has(backend), rank: null, ...summarise(own),
      wins: wins.alone.get(backend) || 0, shared: wins.shared.get(backend) || 0,
      against: against.has(backend) ? summarise(against.get(backend)) : null,
    }));
  standings.sort((a, b) => a.native - b.native || a.ratio.ratio - b.ratio.ratio
    || byName(a.backend, b.backend));
  number(run, standings, matched);
  return {
    keys, regime, matched: cases.size, total: new Set(rows.map((row) => row.case)).size,
    standings, leftOut, leaders: standings.filter((standing) => standing.rank === 1),
  };
}

function summarise(records) {
  const worst = records.reduce((a, b) => (b.estimate.ratio > a.estimate.ratio ? b : a));
  return { ratio: geometricMean(records.map((record) => record.estimate)), worst };
}

function countWins(compared) {
  const [alone, shared] = [new Map(), new Map()];
  const competing = compared.filter((record) => record.competes);
  for (const own of groupBy(competing, (record) => record.row.case).values()) {
    if (own.some((record) => record.verdict === "undecided")) continue;
    const top = own.filter((record) => ["reference", "tied"].includes(record.verdict));
    const wins = top.length === 1 ? alone : shared;
    for (const { row } of top) wins.set(row.backend, (wins.get(row.backend) || 0) + 1);
  }
  return { alone, shared };
}

// Ranks 1, 1, 3...: a backend shares the rank of the leader it cannot be told apart from.
function number(run, standings, matched) {
  const own = groupBy(matched, (row) => row.backend);
  let leader = null;
  let place = 0;
  for (const standing of standings) {
    if (standing.native) continue;
    place += 1;
    const rows = own.get(standing.backend);
    if (leader === null || !shares(run, rows, own.get(leader.backend))) {
      leader = { backend: standing.backend, rank: place };
    }
    standing.rank = leader.rank;
  }
}

function shares(run, rows, leaders) {
  const of = new Map(leaders.map((row) => [row.case, row]));
  const ratio = geometricMean(rows.map((row) => ratioOf(run, row, of.get(row.case))));
  return tied(ratio, run.floor) !== false;
}

// The entry of each group that covers all of its regimes.
function wholeGroups(groups) {
  return [...groupBy(groups, (group) => keyText(group.keys)).values()].map(([first]) => first);
}

function casesText(group) {
  const of = group.matched !== group.total ? ` of ${group.total}` : "";
  return `${group.matched}${of} case${group.total !== 1 ? "s" : ""}`;
}
