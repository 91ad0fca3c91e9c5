// What changes when the output is read right after each call, as the next layer does: cases are there twice,
// once with `then` nothing and once with read. Stores that go around the caches are faster alone, and the read
// pays.
import { isApart, ratioOf } from "./cases.js";
import { groupBy, keyOf, unique } from "./collections.js";
import { byRegime, caseWithout, KEYS, likeCases, titlesIn } from "./groups.js";
import { geometricMean, geometricMeanOf, tied } from "./statistics.js";
import { estimateText } from "./text.js";

const READ = "read";
const NOTHING = "nothing";
const FEWEST_CASES = 6; // of a mean that has an interval

// Whether anything was timed with a read behind it.
export function isReadNext(rows) {
  return rows.some((row) => row.timed && row.then === READ);
}

// {base, variant, option} of contestants that differ in one option, as `simd` and `simd[streaming=off]` do in
// `simd.streaming=off`; of two values the later one is the variant, unless there is one without the option.
export function optionPairs(ids) {
  const all = ids.map(partsOf);
  const without = ({ name, options }, key) => JSON.stringify(
    [name, ...[...options].filter(([own]) => own !== key).sort()]);
  return all.flatMap((variant, at) => [...variant.options].flatMap(([key, value]) => {
    const like = all.filter((own) => own !== variant && without(own, key) === without(variant, key));
    const bare = like.filter(({ options }) => !options.has(key));
    const bases = bare.length ? bare : all.slice(0, at).filter((own) => like.includes(own));
    return bases.slice(0, 1).map(({ id }) => ({ base: id, variant: variant.id,
      option: `${variant.name}.${key}=${value}` }));
  }));
}

function partsOf(id) {
  const [, name, text] = /^([^[]*)(?:\[(.*)\])?$/.exec(id) || [null, id, ""];
  const parts = (text || "").split(",").filter(Boolean);
  return { id, name, options: new Map(parts.map((part) => part.split("=", 2))) };
}

// {lines, turns}; null when no two were timed in the same cases in both ways. A line is of two contestants that
// differ in one option, a group and a regime: {base, variant, option, keys, title, regime, cases, alone, next,
// isAlone, isNext, adds}. `alone` and `next` are estimates of the time of the variant as a ratio to that of the
// base, without and with the read; `isAlone` and `isNext` what the variant is by them: faster, slower, tied or
// undecided. `adds` are the times with the read as ratios to those without, of base and variant, which were not
// measured in the same rounds. `turns` are lines of any other two whose order the read turns around.
export function readNext(view) {
  const found = findPairs(view);
  const ids = unique(found.map(({ row }) => row.backend));
  const options = optionPairs(ids);
  const isOption = (a, b) => options.some(({ base, variant }) => base === a && variant === b);
  const others = ids.flatMap((base, at) => ids.slice(at + 1).map((variant) => ({ base, variant, option: null })))
    .filter(({ base, variant }) => !isOption(base, variant) && !isOption(variant, base));
  const lines = linesOf(view, found, options);
  const turns = linesOf(view, found, others).filter(({ isAlone, isNext }) => isOpposite(isAlone, isNext));
  return lines.length || turns.length ? { lines, turns } : null;
}

// Timed rows with a read that have the same without: {row, bare}.
function findPairs(view) {
  const key = (row) => `${row.backend} ${caseWithout(row, "then")}`;
  const rows = view.timed.filter((row) => view.isShown(row.backend) && !isApart(row));
  const bare = new Map(rows.filter((row) => row.then === NOTHING).map((row) => [key(row), row]));
  return rows.filter((row) => row.then === READ && bare.has(key(row)))
    .map((row) => ({ row, bare: bare.get(key(row)) }));
}

function linesOf(view, found, contestants) {
  const groups = likeCases(found.map(({ row }) => row), view.schema);
  const title = titlesIn(groups.map(({ keys }) => keys), ["then"]);
  const bares = new Map(found.map(({ row, bare }) => [row, bare]));
  return contestants.flatMap(({ base, variant, option }) => groups.flatMap(({ keys, rows }) => {
    const regimes = unique(rows.map((row) => row.regime)).sort(byRegime(view.schema));
    return regimes.flatMap((regime) => {
      const cases = groupBy(rows.filter((row) => row.regime === regime), (row) => row.case);
      const both = [...cases.values()].map((own) => [base, variant].map(
        (id) => own.find((row) => row.backend === id))).filter((pair) => pair.every(Boolean));
      return both.length ? [{ base, variant, option, keys, title: title(keys), regime, cases: both.length,
        ...compared(view, both, bares) }] : [];
    });
  }));
}

function compared(view, both, bares) {
  const { run } = view;
  const next = both.map(([base, variant]) => ratioOf(run, variant, base));
  const alone = both.map(([base, variant]) => ratioOf(run, bares.get(variant), bares.get(base)));
  const adds = [0, 1].map((at) => geometricMeanOf(both.map(
    (pair) => pair[at].median_ns / bares.get(pair[at]).median_ns)));
  return { alone: geometricMean(alone), next: geometricMean(next), isAlone: relationOf(alone, run.noise.floor),
    isNext: relationOf(next, run.noise.floor), adds };
}

// By the interval of the mean; of so few cases that it has none, what all of them say.
function relationOf(estimates, floor) {
  const of = (estimate) => {
    const same = tied(estimate, floor);
    return same === null ? "undecided" : same ? "tied" : estimate.ratio > 1 ? "slower" : "faster";
  };
  if (estimates.length >= FEWEST_CASES) return of(geometricMean(estimates));
  const all = unique(estimates.map(of));
  return all.length === 1 ? all[0] : "undecided";
}

function isOpposite(a, b) {
  return (a === "faster" && b === "slower") || (a === "slower" && b === "faster");
}

// What this means, with what matters between two asterisks: [text].
export function readingTexts(view, { lines, turns }) {
  const ofOptions = groupBy(lines, (line) => keyOf(line, ["base", "option"])).values();
  return [...[...ofOptions].flatMap((own) => optionTexts(view, own)),
    ...turns.map((line) => turnText(view, line))];
}

function optionTexts(view, lines) {
  const [{ base, option }] = lines;
  const name = view.spoken(base);
  const slow = lines.filter(({ isNext }) => isNext === "faster");
  const refuted = lines.filter(({ isNext, isAlone }) => isNext === "slower" && isAlone === "faster");
  const open = lines.filter(({ isNext }) => isNext === "undecided").length;
  const texts = [];
  if (slow.length) {
    texts.push(`When its output is read next, ${name} takes longer than with ${option} in ${
      placesText(slow, inverse)}. There, **set ${option}**.`);
  }
  if (refuted.length) {
    texts.push(`With ${option}, ${name} is faster when nobody reads the output, and slower when it is read next, `
      + `in ${placesText(refuted, (estimate) => estimate)}. There, **leave ${option} out**.`);
  }
  if (!texts.length && open < lines.length) {
    texts.push(`Nowhere does ${name} take longer than with ${option} when its output is read next.`);
  }
  if (open) texts.push(`${name} or ${name} with ${option}: undecided in ${open} of ${lines.length} settings.`);
  return texts;
}

// `training, 2 threads, in DRAM (**1.20 [1.15, 1.26] times** as long; 0.80 [0.78, 0.83] when nobody reads it)`
function placesText(lines, toTimes) {
  return lines.map(({ title, regime, ...times }) => {
    const [alone, next] = [times.alone, times.next].map((own) => estimateText(toTimes(own)));
    return `${title}, in ${regime} (**${next} times** as long; ${alone} when nobody reads it)`;
  }).join(", ");
}

function turnText(view, { base, variant, title, regime, isNext, alone, next }) {
  const [first, second, toTimes] = isNext === "slower" ? [variant, base, (estimate) => estimate]
    : [base, variant, inverse];
  return `${view.spoken(first)} is faster than ${view.spoken(second)} when nobody reads the output, and slower `
    + `when it is read next, in ${placesText([{ title, regime, alone, next }], toTimes)}.`;
}

function inverse({ ratio, lo, hi, ...more }) {
  return { ...more, ratio: 1 / ratio, lo: hi === null ? null : 1 / hi, hi: lo === null ? null : 1 / lo };
}
