// What changes when the output is read right after each call, as the next layer does: cases are there twice,
// once with `then` nothing and once with read. Stores that go around the caches are faster alone, and the read
// pays.
import { isApart, ratioOf } from "./cases.js";
import { groupBy, keyOf, unique } from "./collections.js";
import { byRegime, caseWithout, KEYS, likeCases, titlesIn } from "./groups.js";
import { geometricMean, geometricMeanOf, tied } from "./statistics.js";
import { countText, estimateText, listText, rangeText, shapeText } from "./text.js";

const READ = "read";
const NOTHING = "nothing";

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
// adds}. `alone` and `next` are estimates of the time of the variant as a ratio to that of the base, without and
// with the read. `cases` has each case, {row, alone, next, isAlone, isNext}, the last two what the variant is by
// these ratios: faster, slower, tied or undecided. `adds` are the times with the read as ratios to those without,
// of base and variant, which were not measured in the same rounds. `turns` are lines of any other two, with the
// cases alone in which the read turns their order around.
export function readNext(view) {
  const found = findPairs(view);
  const ids = unique(found.map(({ row }) => row.backend));
  const options = optionPairs(ids);
  const isOption = (a, b) => options.some(({ base, variant }) => base === a && variant === b);
  const others = ids.flatMap((base, at) => ids.slice(at + 1).map((variant) => ({ base, variant, option: null })))
    .filter(({ base, variant }) => !isOption(base, variant) && !isOption(variant, base));
  const lines = linesOf(view, found, options);
  const turns = linesOf(view, found, others)
    .map((line) => ({ ...line, cases: line.cases.filter(isTurned) })).filter(({ cases }) => cases.length);
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
      const own = groupBy(rows.filter((row) => row.regime === regime), (row) => row.case).values();
      const both = [...own].map((all) => [base, variant].map((id) => all.find((row) => row.backend === id)))
        .filter((pair) => pair.every(Boolean));
      return both.length ? [{ base, variant, option, keys, title: title(keys), regime,
        ...compared(view.run, both, bares) }] : [];
    });
  }));
}

function compared(run, both, bares) {
  const relationOf = (estimate) => {
    const same = tied(estimate, run.noise.floor);
    return same === null ? "undecided" : same ? "tied" : estimate.ratio > 1 ? "slower" : "faster";
  };
  const cases = both.map(([base, variant]) => {
    const alone = ratioOf(run, bares.get(variant), bares.get(base));
    const next = ratioOf(run, variant, base);
    return { row: base, alone, next, isAlone: relationOf(alone), isNext: relationOf(next) };
  });
  const adds = [0, 1].map((at) => geometricMeanOf(both.map(
    (pair) => pair[at].median_ns / bares.get(pair[at]).median_ns)));
  return { cases, alone: geometricMean(cases.map(({ alone }) => alone)),
    next: geometricMean(cases.map(({ next }) => next)), adds };
}

function isTurned({ isAlone, isNext }) {
  return (isAlone === "faster" && isNext === "slower") || (isAlone === "slower" && isNext === "faster");
}

// What the variant is in the cases of a line: `faster`, or `faster in 2, tied in 1`.
export function relationsText(cases, key) {
  const counts = ["faster", "slower", "tied", "undecided"]
    .map((relation) => [relation, cases.filter((own) => own[key] === relation).length])
    .filter(([, count]) => count);
  return counts.length === 1 ? counts[0][0]
    : counts.map(([relation, count]) => `${relation} in ${count}`).join(", ");
}

// What this means, with what matters between two asterisks: [text].
export function readingTexts(view, { lines, turns }) {
  const pairs = (list) => [...groupBy(list, (line) => keyOf(line, ["base", "variant"])).values()];
  return [...pairs(lines).flatMap((own) => optionTexts(view, own)),
    ...pairs(turns).flatMap((own) => turnTexts(view, own))];
}

const AS_IS = (estimate) => estimate;

function optionTexts(view, lines) {
  const [{ base, option }] = lines;
  const name = view.spoken(base);
  const all = lines.flatMap(({ cases }) => cases);
  const open = all.filter(({ isNext }) => isNext === "undecided").length;
  const slow = placesText(lines, ({ isNext }) => isNext === "faster", inverse);
  const refuted = placesText(lines, ({ isAlone, isNext }) => isAlone === "faster" && isNext === "slower", AS_IS);
  const texts = [];
  if (slow) {
    texts.push(`When its output is read next, ${name} takes longer than with ${option} in ${
      slow}. There, **set ${option}**.`);
  }
  if (refuted) {
    texts.push(`With ${option}, ${name} is faster when nobody reads the output, and slower when it is read next, `
      + `in ${refuted}. There, **leave ${option} out**.`);
  }
  if (!texts.length && open < all.length) {
    texts.push(`In no case does ${name} take longer than with ${option} when its output is read next.`);
  }
  if (open) {
    texts.push(`${name} or ${name} with ${option}: undecided in ${open} of ${countText(all.length, "case")}.`);
  }
  return texts;
}

function turnTexts(view, lines) {
  const { base, variant } = lines[0];
  return [[variant, base, "slower", AS_IS], [base, variant, "faster", inverse]].map(
    ([first, second, relation, toTimes]) => {
      const places = placesText(lines, ({ isNext }) => isNext === relation, toTimes);
      return places && `${view.spoken(first)} is faster than ${view.spoken(second)} when nobody reads the output, `
        + `and slower when it is read next, in ${places}.`;
    }).filter(Boolean);
}

// `training, 2 threads: (32, 256, 256) and (32, 256, 512) (**1.10 to 1.15 times** as long; 0.69 to 0.83 when
// nobody reads it)`, of one case with its intervals; empty where no case is wanted.
function placesText(lines, isWanted, toTimes) {
  return [...groupBy(lines, ({ title }) => title)].map(([title, own]) => {
    const cases = own.flatMap((line) => line.cases).filter(isWanted);
    if (!cases.length) return "";
    const [next, alone] = ["next", "alone"].map((key) => {
      const all = cases.map((one) => toTimes(one[key]));
      return all.length === 1 ? estimateText(all[0]) : rangeText(all.map(({ ratio }) => ratio));
    });
    return `${title}: ${listText(cases.map(({ row }) => shapeText(row)))} (**${next} times** as long; ${
      alone} when nobody reads it)`;
  }).filter(Boolean).join("; ");
}

function inverse({ ratio, lo, hi, ...more }) {
  return { ...more, ratio: 1 / ratio, lo: hi === null ? null : 1 / hi, hi: lo === null ? null : 1 / lo };
}
