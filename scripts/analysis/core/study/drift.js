// How far running statistics are behind, and what inference pays for it.
import { groupBy } from "../collections.js";
import { sum } from "../statistics.js";
import { meanOf } from "./estimates.js";

const WEEKS_OF_A_YEAR = 52;

export function momentumText(momentum) {
  return momentum === null ? "average" : String(momentum);
}

// The lag of a running mean whose batches of `size` are independent and come from one population, in
// deviations: sqrt(s^2 (1 - m)^2t + m / (2 - m) (1 - (1 - m)^2t) / B) after t steps from a start that is s
// away; of the average over all batches sqrt(1 / (t B)), and s before the first.
export function theory(momentum, steps, size, start) {
  if (momentum === null) return steps === 0 ? start : Math.sqrt(1 / (steps * size));
  const left = (1 - momentum) ** (2 * steps);
  return Math.sqrt(start ** 2 * left + momentum / (2 - momentum) * (1 - left) / size);
}

// For each momentum and rate {momentum, rate, points: [{steps, mean, variance, theory, loss, accuracy}]}: the
// lags, what theory says of weights that stay, and by how much loss and accuracy with the running statistics
// are above those with the right ones; `theory` or the last two are null where there is no such thing.
export function networkLags(lines) {
  const own = lines.filter(({ kind }) => kind === "network");
  return [...groupBy(own, ({ momentum, rate }) => `${momentum} ${rate}`).values()].map((seeds) => {
    const [{ momentum, rate, batch, steps: all }] = seeds;
    const over = (value) => meanOf(seeds.map(value));
    // Of squares, as theory speaks of them.
    const start = Math.sqrt(sum(seeds.map((line) => line.mean_lag[0] ** 2)) / seeds.length);
    const difference = (field, at) => (rate === 0 ? null
      : over((line) => line[field][at] - line[`right_${field}`][at]));
    return { momentum, rate, points: all.map((steps, at) => ({ steps, mean: over((line) => line.mean_lag[at]),
      variance: over((line) => line.variance_lag[at]),
      theory: rate === 0 ? theory(momentum, steps, batch, start) : null,
      loss: difference("loss", at), accuracy: difference("accuracy", at) })) };
  });
}

// For each momentum how the series is met in the last half of its years: {momentum, lag, theory, offset,
// years}. `lag` is how many steps the running mean is behind the next batch, with the rise of a step in these
// years; `offset` the mean of the outputs in inference, in deviations, where a batch in training has 0. Both
// are means over years, within which seasons come and go. Theory is of a line: 1 / m steps, of which what the
// start still weighs is missing; of the average over t batches (t + 1) / 2.
export function seriesLags(lines) {
  return lines.filter(({ kind }) => kind === "series").map(({ momentum, weeks, mean, running_mean: running,
    output_mean: output }) => {
    const year = WEEKS_OF_A_YEAR / weeks;
    // The running mean begins as that of the first year, which is that of its middle.
    const start = (year - 1) / 2;
    const expected = (at) => (momentum === null ? (at + 1) / 2
      : 1 / momentum - (1 / momentum + start) * (1 - momentum) ** at);
    const count = Math.floor(mean.length / year);
    const rise = slope(mean.slice(Math.floor(count / 2) * year));
    const years = Array.from({ length: Math.ceil(count / 2) }, (_, own) => {
      const from = (Math.floor(count / 2) + own) * year;
      const over = (value) => sum(Array.from({ length: year }, (_unused, at) => value(from + at))) / year;
      return { lag: over((at) => (mean[at] - running[at]) / rise), offset: over((at) => output[at]),
        theory: over(expected) };
    });
    return { momentum, lag: meanOf(years.map(({ lag }) => lag)), offset: meanOf(years.map(({ offset }) => offset)),
      theory: sum(years.map(({ theory: own }) => own)) / years.length, years: years.length };
  });
}

// Of the line that fits best, per step.
export function slope(values) {
  const center = (values.length - 1) / 2;
  return sum(values.map((value, at) => (at - center) * value)) / sum(values.map((_, at) => (at - center) ** 2));
}
