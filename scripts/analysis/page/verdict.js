// Says in one or two sentences what a ranking amounts to, as verdict.py does.
"use strict";

const MOST_PARTS = 8;
const MOST_TOPS = 2;
const MOST_NAMES = 4;

// One text per norm, dtype and layout; names of backends stand between backticks.
function verdictTexts(groups) {
  const sizes = groupBy(groups, (group) => keyText(group.keys));
  const used = groups.filter(
    (group) => group.regime !== ALL || sizes.get(keyText(group.keys)).length === 1);
  const norms = used.filter((group) => group.keys.norm !== CONTROL);
  const judged = norms.length ? norms : used;
  const among = judged.map((group) => group.keys);
  const kinds = groupBy(judged, (group) => keyText(group.keys, KIND));
  const texts = [...kinds.values()].map((own) => verdictText(own, kindTitle(own[0].keys, among)));
  return texts.length ? texts : ["Nothing was timed in this run."];
}

function verdictText(groups, kind) {
  const standings = groups.flatMap((group) => group.standings);
  const backends = new Set(standings.map((standing) => standing.backend));
  const native = new Set(standings.filter((standing) => standing.native)
    .map((standing) => standing.backend));
  const text = [...opening(backends.size - native.size, native.size > 0, kind),
    ...byThreads(groups), ...nativeSentence(standings, native)].join(" ");
  return text[0].toUpperCase() + text.slice(1);
}

function opening(rivals, besideNative, kind) {
  const subject = kind ? [`for ${kind},`] : [];
  if (rivals <= 1) {
    return [...subject, "with a single backend in this run there is nothing to compare:"];
  }
  const timed = kind ? "timed " : "";
  const scope = besideNative ? " that take the data as it is" : "";
  return [...subject, `of the ${rivals} backends ${timed}in this run${scope},`];
}

function byThreads(groups) {
  const counts = unique(groups.map((group) => group.keys.threads)).sort(byNumber);
  const [fewest, most] = [counts[0], counts.at(-1)];
  const patterns = new Map(unique([most, fewest]).map(
    (count) => [count, patternsOf(groups.filter((group) => group.keys.threads === count))]));
  const parts = [...patterns.values()].flatMap((found) => [...found.values()]).map(
    ({ pattern, members }) => pattern.length + members.length - 1);
  if (sum(parts) > MOST_PARTS) return [tally(groups)];
  const sentences = [`with ${threadsText(most)}, ${clauses(patterns.get(most))}.`];
  if (fewest !== most) {
    sentences.push(outline(patterns.get(fewest)) === outline(patterns.get(most))
      ? `With ${threadsText(fewest)} the same backends lead.`
      : `With ${threadsText(fewest)}, ${clauses(patterns.get(fewest))}.`);
  }
  return sentences;
}

// Labels (pass and what else differs) with their groups, collected by who leads where.
function patternsOf(groups) {
  const among = groups.map((group) => group.keys);
  const labels = groupBy(groups,
    (group) => titleOf(group.keys, among, ["threads"]).replaceAll(", ", " "));
  const patterns = new Map();
  for (const [label, members] of labels) {
    const pattern = [...groupBy(members, leadersKey).values()].map((own) => ({
      leaders: leaderNames(own[0]), regimes: own.map((group) => group.regime),
    }));
    const key = JSON.stringify(pattern);
    if (!patterns.has(key)) patterns.set(key, { pattern, members: [] });
    patterns.get(key).members.push({ label, groups: members });
  }
  return patterns;
}

function leaderNames(group) {
  return group.leaders.map((standing) => standing.backend).sort(byName);
}

function leadersKey(group) {
  return JSON.stringify(leaderNames(group));
}

function outline(patterns) {
  const parts = [...patterns].flatMap(
    ([key, { members }]) => members.map(({ label }) => JSON.stringify([key, label])));
  return parts.sort(byName).join();
}

function clauses(patterns) {
  return [...patterns.values()].map(({ pattern, members }) => {
    const labels = listText(members.map(({ label }) => label));
    const groups = members.flatMap((member) => member.groups);
    const parts = pattern.map(({ leaders, regimes }) => part(
      leaders, pattern.length > 1 ? regimes : [],
      groups.filter((group) => leadersKey(group) === JSON.stringify(leaders))));
    return `for ${labels} ${parts.join(", ")}`;
  }).join("; ");
}

function part(leaders, regimes, groups) {
  const where = regimes.length ? ` in ${listText(regimes)}` : "";
  if (leaders.length > 1) {
    const names = leaders.length <= MOST_NAMES ? listText(leaders.map(code))
      : `${leaders.length} backends`;
    return `it is undecided between ${names}${where}`;
  }
  const margins = groups.flatMap(margin);
  if (!margins.length) return `only ${code(leaders[0])} is ranked${where}`;
  return `${code(leaders[0])} is fastest${where} `
    + `(the next takes ${rangeText(margins)} times as long)`;
}

function margin(group) {
  const behind = group.standings.filter((standing) => standing.rank > 1)
    .map((standing) => standing.ratio.ratio);
  return behind.length ? [smallest(behind) / group.leaders[0].ratio.ratio] : [];
}

// Per pass who is at the top how often, for a picture too mixed to be told group by group.
function tally(groups) {
  const passes = groupBy(groups, (group) => group.keys.pass);
  const texts = [...passes].map(([name, own]) => `for ${name} ${tops(own)}`);
  return `${texts.join("; ")}. At the top: the fastest, or not to be told apart from it, `
    + "in a group of like cases in the ranking below.";
}

function tops(groups) {
  const [top, alone] = [new Map(), new Map()];
  for (const { leaders } of groups) {
    for (const { backend } of leaders) {
      top.set(backend, (top.get(backend) || 0) + 1);
      if (leaders.length === 1) alone.set(backend, (alone.get(backend) || 0) + 1);
    }
  }
  const lone = (name) => alone.get(name) || 0;
  const names = [...top.keys()].sort((a, b) => top.get(b) - top.get(a) || lone(b) - lone(a)
    || byName(a, b)).slice(0, MOST_TOPS);
  const parts = names.map(
    (name) => `${code(name)} is at the top in ${top.get(name)} (alone in ${lone(name)})`);
  return `${listText(parts)} of ${groups.length} groups`;
}

function nativeSentence(standings, native) {
  const parts = [...native].sort(byName).map((backend) => {
    const ratios = standings.filter((standing) => standing.native && standing.backend === backend)
      .map((standing) => standing.ratio.ratio);
    return `${code(backend)} takes ${rangeText(ratios)} times as long as the best of these`;
  });
  if (!parts.length) return [];
  return [`If your data is already blocked in the library's own layout, ${listText(parts)} `
    + "(the conversion is not timed)."];
}
