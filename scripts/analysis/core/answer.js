// The answer of a run: two sentences for someone who has a layer and must choose, and a table.
import { pytorchOf } from "./backends.js";
import { byName, groupBy, keyOf, sortedBy, unique } from "./collections.js";
import { SETTING, settingsOf, settingTitle } from "./groups.js";
import { machineText } from "./machines.js";
import { failures, notMeasured, oldLibraries, trustNotes } from "./notes.js";
import { casesText, rankGroups, wholeGroups } from "./rank.js";
import { geometricMeanOf, largest } from "./statistics.js";
import { layerText, listText, MOMENTS_MARK, passText, rangeText, thenText, threadsText, timesText,
} from "./text.js";

const MOST_UNDECIDED = 4;

// {partial, sentences, ranked, table, others, failures, undecided, notMeasured, old, trust}. `partial` says how
// many cases a run measured that did not measure all. Sentences mark what matters with two asterisks; `ranked`
// says who takes part, where not all do. `table` is of the most used norm, type, layout and input at the most
// threads, `others` are the tables of all other settings.
export function answer(view) {
  const tables = settingsOf(view.whole.filter(({ standings }) => standings.length))
    .map((groups) => answerTable(view, groups));
  const nothing = view.timed.length ? "Nothing that is ranked was timed here." : "Nothing was timed here.";
  return { partial: view.run.partial, sentences: tables.length ? sentences(view, tables[0]) : [nothing],
    ranked: rankedText(view), table: tables[0] || null, others: tables.slice(1), failures: failures(view),
    undecided: undecidedText(tables), notMeasured: notMeasured(view), old: oldLibraries(view),
    trust: trustNotes(view) };
}

// What an answer does not say, and what lowers trust in it: [text].
export function caveats({ undecided, notMeasured: missing, old, trust }) {
  const years = listText(old.map(({ label, year }) => `${label} is of ${year}`));
  return [undecided, missing, years && `${years}: newer versions may be faster.`, ...trust].filter(Boolean);
}

// Passes by backends of one setting: {title, columns, lines}. A column is {backend, label, isNative, isMoments},
// from fast to slow, those apart last; a line is {title, group, cells}, a cell {estimate, worst, mark}, null
// without a time; `mark` is "winner", "tied" or empty.
export function answerTable(view, groups) {
  const standings = groups.flatMap((group) => group.standings);
  const shown = [...groupBy(standings, ({ backend }) => backend)].filter(([id]) => view.isShown(id));
  const any = (own, key) => own.some((standing) => standing[key]);
  const columns = sortedBy(shown, ([id, own]) => [Number(any(own, "isApart")), meanOf(own), id]).map(
    ([backend, own]) => ({ backend, label: view.label(backend) + (any(own, "isMoments") ? MOMENTS_MARK : ""),
      isNative: any(own, "isNative"), isMoments: any(own, "isMoments") }));
  return { keys: groups[0].keys, title: settingTitle(groups[0].keys), columns, lines: groups.map((group) => ({
    title: passOf(group), group,
    cells: columns.map(({ backend }) => cellOf(view, group, backend)) })) };
}

// Of one backend in a group, null without a time.
export function cellOf(view, group, backend) {
  const standing = group.standings.find((own) => own.backend === backend);
  const against = standing && (view.baseline === null ? standing : standing.against);
  return against ? { estimate: against.ratio, worst: against.worst, mark: markOf(group, standing) } : null;
}

export function markOf({ leaders }, { rank }) {
  return rank !== 1 ? "" : leaders.length > 1 ? "tied" : "winner";
}

// `49 cases`, and what few of them, or of their rounds, mean.
export function lineCases({ group }) {
  return `${casesText(group)}${group.isDecided ? "" : group.cases > 1 ? ", range" : ", too few rounds"}`;
}

function rankedText(view) {
  const present = new Set(view.timed.map((row) => row.backend));
  const names = [...view.ranked].filter((id) => present.has(id)).map(view.spoken);
  return !names.length || view.ranked.size === view.backends.size ? ""
    : `Ranked are only ${listText(names)}; the others stand beside them and may be faster than ${view.best}.`;
}

function undecidedText(tables) {
  const isFew = (group) => !group.isDecided && group.cases > 1;
  const few = tables.filter(({ lines }) => lines.some(({ group }) => isFew(group)));
  if (!few.length) return "";
  const parts = few.map(({ title, lines }) => {
    const counts = lines.filter(({ group }) => isFew(group)).map(({ group }) => group.cases);
    return `${title} (${rangeText(counts, String)} cases)`;
  });
  const more = parts.length > MOST_UNDECIDED ? ` and ${parts.length - MOST_UNDECIDED} more` : "";
  return `Undecided, with 2 to 5 cases: a range instead of an interval, and no winner: ${
    parts.slice(0, MOST_UNDECIDED).join("; ")}${more}.`;
}

function sentences(view, table) {
  const all = table.lines.map(({ group }) => group);
  const groups = all.filter((group) => plain(group).length);
  const rivals = unique(groups.flatMap(plain).map(({ backend }) => backend));
  const where = `On this ${machineText(view.run) || "machine"}`;
  const layer = layerText(table.keys.norm);
  const what = conditions(table, rivals.length ? groups : all);
  if (rivals.length < 2) {
    const isAlone = all.every(({ standings }) => standings.every(({ backend }) => backend === rivals[0]));
    const found = rivals.length ? `only ${view.spoken(rivals[0])} ${isAlone ? "was timed" : "is ranked"}`
      : "none that is ranked takes the data as it is";
    return [`${where}, ${found} for ${layer} (${what}), so there is nothing to compare.`];
  }
  const place = (id) => meanOf(groups.flatMap(plain).filter(({ backend }) => backend === id));
  rivals.sort((a, b) => place(a) - place(b));
  const libraries = rivals.filter((id) => view.backends.get(id).kind === "library");
  const subject = pytorchOf(libraries) || libraries[0] || rivals[1];
  return [`${where}, ${layer} in ${view.spoken(subject)} ${
    losses(groups, subject, bestText(view))} (${what}).`, leadersText(view, groups, libraries)];
}

function passOf({ keys }) {
  return passText(keys.pass);
}

// The standings that have no advantage over the others.
function plain(group) {
  return group.standings.filter((own) => own.isRanked && !own.isApart);
}

function meanOf(standings) {
  return geometricMeanOf(standings.map(({ ratio }) => ratio.ratio));
}

function conditions({ keys }, groups) {
  const counts = groups.map(({ cases }) => cases);
  return [counts.every((count) => count === 1) ? "only 1 shape" : `${rangeText(counts, String)} shapes`,
    keys.dtype, keys.layout, threadsText(keys.threads), keys.cache === "warm" ? null : `${keys.cache} cache`,
    keys.input === "random" ? null : `${keys.input} input`, keys.then === "nothing" ? null : thenText(keys.then),
    groups.some(({ isDecided }) => !isDecided) ? "too few to be sure" : null].filter(Boolean).join(", ");
}

function bestText(view) {
  if (Array.isArray(view.among)) {
    return `the best of ${listText([...view.ranked].map(view.spoken))}`;
  }
  return { libraries: "the best library of each shape",
    "without-ours": "the best code of each shape that is not ours" }[
    view.among] || "the best code measured";
}

// To the best of each shape, so that even who leads on the whole may lose.
function losses(groups, id, best) {
  const own = groups.map((group) => ({ pass: passOf(group),
    standing: group.standings.find(({ backend }) => backend === id) })).filter(({ standing }) => standing)
    .map(({ pass, standing }) => ({ pass, times: timesText(standing.ratio.ratio) }));
  const even = listText(own.filter(({ times }) => times === "1.0").map(({ pass }) => pass));
  const [first, ...more] = own.filter(({ times }) => times !== "1.0");
  if (!first) return `is as fast as ${best} in ${even}`;
  const rest = listText(more.map(({ pass, times }) => `${times} in ${pass}`));
  return `takes **${first.times} times** as long as ${best} in ${first.pass}${rest && `, ${rest}`}${
    even && `, and is as fast in ${even}`}`;
}

function leadersText(view, groups, libraries) {
  const named = (id) => view.spoken(id)
    + (view.backends.get(id).kind === "ours" ? ", ours and not a library" : "");
  const tops = [...groupBy(groups, ({ leaders }) => listText(leaders.map(({ backend }) => backend)
    .sort(byName).map(view.spoken)))];
  const parts = tops.map(([names, own]) => {
    const passes = own.length === groups.length && groups.length > 1 ? "in all passes"
      : `in ${listText(own.map(passOf))}`;
    if (!names) return `${passes} nothing is decided: ${tooFewText(own.map(({ cases }) => cases))}`;
    const { leaders } = own[0];
    return leaders.length > 1 ? `${passes} ${names} cannot be told apart`
      : `the fastest ${passes} is ${named(leaders[0].backend)}`;
  });
  const text = parts.join("; ");
  const behind = runnerUp(view, groups);
  const best = bestLibraries(view, groups, libraries);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${behind}${best}.`;
}

function tooFewText(counts) {
  return largest(counts) === 1 ? "there are too few rounds" : `${rangeText(counts, String)} cases are too few`;
}

// The second where it is the same in all passes.
function runnerUp(view, groups) {
  const seconds = groups.map((group) => plain(group).find(({ rank }) => rank !== null && rank > 1));
  if (!seconds.every((own) => own && own.backend === seconds[0].backend)) return "";
  return `; ${view.spoken(seconds[0].backend)} is next, at ${
    rangeText(seconds.map(({ ratio }) => ratio.ratio), timesText)} times`;
}

// Which library is the fastest when libraries alone are ranked, unless one leads anyway.
function bestLibraries(view, groups, libraries) {
  if (!libraries.length || groups.some(({ leaders }) => leaders.some(
    ({ backend }) => libraries.includes(backend)))) return "";
  const setting = keyOf(groups[0].keys, SETTING);
  const rows = view.rows.filter((row) => keyOf(row, SETTING) === setting);
  const decided = wholeGroups(rankGroups(view.run, rows, { ranked: new Set(libraries) }))
    .filter(({ leaders }) => leaders.length);
  const nameOf = ({ leaders }) => listText(leaders.map(({ backend }) => view.spoken(backend)), "or");
  const parts = [...groupBy(decided, nameOf)].map(([names, own]) => `${names} in ${listText(own.map(passOf))}`);
  return parts.length ? `; among libraries it is ${listText(parts)}` : "";
}
