// Ranks the backends: geometric mean of the ratio to the best, in groups of like cases.
//
// Groups are those of groups.js, over all regimes and in each. In a group only the cases count in which
// every backend was timed that is not apart. One whose data was converted, untimed, into its own layout, or
// whose variance is one by moments, is set beside them, over those of the cases that it was timed in.
import { byName, groupBy, keyOf, unique } from "./collections.js";
import { apartBackends, compareWithinCases, matchedRows, momentsBackends, nativeBackends, ratioOf, summarize,
} from "./cases.js";
import { byRegime, KEYS, likeCases } from "./groups.js";
import { geometricMean, tied } from "./statistics.js";

export const ALL_REGIMES = "all";

// Every group over all regimes, each followed by its regimes where there are several:
// {keys, regime, cases, total, standings, leaders, leftOut, isDecided}. `cases` of `total` cases count.
// A standing is {backend, isApart, isNative, isMoments, isRanked, rank, ratio, wins, shared, worst, against}:
// `rank` is equal for backends that cannot be told apart; it is null for a backend that is not ranked, and for
// all in a group of so few cases, or of one case of so few rounds, that there is no interval: no winner. `wins`
// are cases won alone, `shared` those tied at the top; `against` is {ratio, worst} to the baseline, where there
// is one.
export function rankGroups(run, rows, { ranked = null, baseline = null } = {}) {
  const groups = [];
  for (const { keys, rows: own } of likeCases(rows.filter((row) => row.timed), run.schema)) {
    const regimes = unique(own.map((row) => row.regime)).sort(byRegime(run.schema));
    if (regimes.length > 1) groups.push(rankRows(run, keys, ALL_REGIMES, own, ranked, baseline));
    for (const regime of regimes) {
      const inRegime = own.filter((row) => row.regime === regime);
      groups.push(rankRows(run, keys, regime, inRegime, ranked, baseline));
    }
  }
  return groups;
}

// The entry of each group that covers all of its regimes.
export function wholeGroups(groups) {
  return [...groupBy(groups, (group) => keyOf(group.keys, KEYS)).values()].map(([first]) => first);
}

// `49 cases`, `40 of 49 cases`.
export function casesText({ cases, total }) {
  return `${cases === total ? "" : `${cases} of `}${total} case${total === 1 ? "" : "s"}`;
}

function rankRows(run, keys, regime, rows, ranked, baseline) {
  let apart = apartBackends(rows);
  const [native, moments] = [nativeBackends(rows), momentsBackends(rows)];
  if (rows.every((row) => apart.has(row.backend))) apart = new Set();
  const [matched, leftOut] = matchedRows(rows.filter((row) => !apart.has(row.backend)));
  const cases = new Set(matched.map((row) => row.case));
  const counted = [...matched, ...rows.filter((row) => apart.has(row.backend) && cases.has(row.case))];
  const records = compareWithinCases(run, counted, { ranked });
  const wins = countWins(records);
  const against = baseline === null ? new Map() : groupBy(
    compareWithinCases(run, counted, { baseline }), ({ row }) => row.backend);
  const standings = [...groupBy(records, ({ row }) => row.backend)].map(([backend, own]) => ({
    backend, isApart: apart.has(backend), isNative: apart.has(backend) && native.has(backend),
    isMoments: moments.has(backend), isRanked: own.some(({ competes }) => competes), rank: null,
    ...summarize(own), wins: wins.alone.get(backend) || 0, shared: wins.shared.get(backend) || 0,
    against: against.has(backend) ? summarize(against.get(backend)) : null,
  }));
  standings.sort((a, b) => a.isApart - b.isApart || a.ratio.ratio - b.ratio.ratio
    || byName(a.backend, b.backend));
  const isDecided = standings.every(({ isApart: beside, ratio }) => beside || ratio.spread === "interval");
  if (isDecided) numberRanks(run, standings, matched);
  return { keys, regime, cases: cases.size, total: new Set(rows.map((row) => row.case)).size, standings,
    leftOut, isDecided, leaders: standings.filter(({ rank }) => rank === 1) };
}

// Cases won alone and cases shared at the top, per backend; undecided cases count for none.
function countWins(records) {
  const [alone, shared] = [new Map(), new Map()];
  const rivals = records.filter(({ competes }) => competes);
  for (const own of groupBy(rivals, ({ row }) => row.case).values()) {
    if (own.some(({ relation }) => relation === "undecided")) continue;
    const top = own.filter(({ relation }) => relation === "reference" || relation === "tied");
    const counts = top.length === 1 ? alone : shared;
    for (const { row } of top) counts.set(row.backend, (counts.get(row.backend) || 0) + 1);
  }
  return { alone, shared };
}

// Ranks 1, 1, 3...: a backend shares the rank of the leader that it cannot be told apart from.
function numberRanks(run, standings, matched) {
  const rows = groupBy(matched, (row) => row.backend);
  let leader = null;
  standings.filter((own) => own.isRanked && !own.isApart).forEach((standing, at) => {
    if (leader === null || !shares(run, rows.get(standing.backend), rows.get(leader.backend))) {
      leader = standing;
      standing.rank = at + 1;
    }
    standing.rank = leader.rank;
  });
}

function shares(run, rows, leaders) {
  const of = new Map(leaders.map((row) => [row.case, row]));
  const ratio = geometricMean(rows.map((row) => ratioOf(run, row, of.get(row.case))));
  return tied(ratio, run.noise.floor) !== false;
}
