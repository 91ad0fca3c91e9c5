// What small mini-batches cost: the error of their statistics, accuracy, and the gap between training and
// inference.
import { byNumber, groupBy, unique } from "../collections.js";
import { meanOf } from "./estimates.js";

// What theory says of a batch of `size` independent samples, in deviations and variances of the population: the
// root mean square error of its mean, 1 / sqrt(B), and that of its unbiased variance, sqrt(k / B - (B - 3) / (B
// (B - 1))) with the kurtosis k (Kenney and Keeping, Mathematics of Statistics, part 2, section 7.12).
export function theory(size, kurtosis) {
  return { mean: 1 / Math.sqrt(size),
    variance: Math.sqrt(kurtosis / size - (size - 3) / (size * (size - 1))) };
}

// For each size {size, mean, variance, theory}, measured and by theory.
export function statisticErrors(lines) {
  const own = lines.filter(({ kind }) => kind === "statistics");
  return [...groupBy(own, ({ batch }) => batch)].sort(([a], [b]) => byNumber(a, b)).map(([size, seeds]) => {
    const mean = (field) => meanOf(seeds.map((line) => line[field]));
    return { size, mean: mean("mean_error"), variance: mean("variance_error"),
      theory: theory(size, mean("kurtosis").value) };
  });
}

// For each network and size {network, size, norms: {norm: {accuracy, loss}}, lead, gap, lossGap}, where `lead`
// is the accuracy of batch norm above that of group norm, `gap` that of batch norm with the statistics of each
// mini-batch above that with the running ones, `lossGap` the loss in inference above the one in training:
// paired by seed, null without both.
export function accuracies(lines) {
  const own = lines.filter(({ kind }) => kind === "training");
  const cells = [...groupBy(own, ({ network, batch }) => `${network} ${batch}`).values()];
  return cells.map((cell) => {
    const [{ network, batch }] = cell;
    const of = (norm) => new Map(cell.filter((line) => line.norm === norm).map((line) => [line.seed, line]));
    const [batches, groups] = [of("batch"), of("group")];
    const seeds = [...batches.keys()].filter((seed) => groups.has(seed));
    const over = (all, value) => (all.length ? meanOf(all.map(value)) : null);
    return { network, size: batch,
      norms: Object.fromEntries(unique(cell.map(({ norm }) => norm)).map((norm) => [norm, {
        accuracy: over([...of(norm).values()], (line) => line.inference_accuracy),
        loss: over([...of(norm).values()], (line) => line.inference_loss) }])),
      lead: over(seeds, (seed) => batches.get(seed).inference_accuracy - groups.get(seed).inference_accuracy),
      gap: over([...batches.values()], (line) => line.training_accuracy - line.inference_accuracy),
      lossGap: over([...batches.values()], (line) => line.inference_loss - line.training_loss) };
  }).sort((a, b) => (a.network < b.network ? 1 : a.network > b.network ? -1 : a.size - b.size));
}
