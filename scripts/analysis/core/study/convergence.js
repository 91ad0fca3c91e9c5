// How fast and how surely the networks learn, by norm and learning rate.
import { groupBy, unique } from "../collections.js";
import { pairedRatio } from "../statistics.js";
import { meanOf, medianOf } from "./estimates.js";

// The mean loss of a block of steps that counts as learned. A guess among ten classes has 2.30.
export const TARGET = 0.5;

// The steps until the loss is at the target, Infinity where it never is.
export function stepsToTarget({ curve, block }) {
  const at = curve.findIndex((loss) => loss <= TARGET);
  return at < 0 ? Infinity : block * (at + 1);
}

// Whether a training ends at the target, with numbers.
export function isStable({ curve, finite }) {
  return finite && curve.length > 0 && curve.at(-1) <= TARGET;
}

// The largest learning rate at which the training of a seed is stable; 0 where none is.
function largestStable(lines) {
  return Math.max(0, ...lines.filter(isStable).map(({ rate }) => rate));
}

// A list of {network, norm, rates: [{rate, steps, accuracy, stable, count}], best, largest} in the order of the
// lines: `best` is the rate with the fewest steps, of several the one with the most stable seeds, and then the
// first; `largest` the largest stable rate over seeds. Null where no rate gets there.
export function convergence(lines) {
  return [...groupBy(lines, ({ network, norm }) => `${network} ${norm}`).values()].map((own) => {
    const [{ network, norm, steps: most, batch }] = own;
    const rates = [...groupBy(own, ({ rate }) => rate)].map(([rate, seeds]) => ({ rate, seeds,
      steps: medianOf(seeds.map(stepsToTarget)), accuracy: meanOf(seeds.map((line) => line.test_accuracy)),
      stable: seeds.filter(isStable).length, count: seeds.length }));
    const learning = rates.filter(({ steps }) => steps.value < Infinity);
    const best = learning.reduce((a, b) => (a && (a.steps.value - b.steps.value || b.stable - a.stable) <= 0 ? a
      : b),
      null);
    return { network, norm, most, batch, rates, best,
      largest: medianOf([...groupBy(own, ({ seed }) => seed).values()].map(largestStable)) };
  });
}

// Other / own over the seeds that both have, each at its best rate: how many times as many steps the other
// takes to the target, as an estimate of ../statistics.js. A seed that does not get there has all its steps, so
// the ratio is the least that it can be. Null where one of them never does.
export function speedup(own, other) {
  if (!own?.best || !other?.best) return null;
  const stepsOf = ({ best, most }) => new Map(best.seeds.map(
    (line) => [line.seed, Math.min(stepsToTarget(line), most)]));
  const [a, b] = [stepsOf(own), stepsOf(other)];
  const seeds = [...a.keys()].filter((seed) => b.has(seed));
  if (!seeds.length) return null;
  return pairedRatio(seeds.map((seed) => b.get(seed)), seeds.map((seed) => a.get(seed)));
}

export function entryOf(entries, network, norm) {
  return entries.find((own) => own.network === network && own.norm === norm);
}

export function networksOf(entries) {
  return unique(entries.map(({ network }) => network));
}
