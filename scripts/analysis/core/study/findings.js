// What the studies found, as sentences and as answers to what introductions to batch norm claim.
import { unique } from "../collections.js";
import { median } from "../statistics.js";
import { listText, ratioText } from "../text.js";
import { convergence, entryOf, networksOf, speedup, TARGET } from "./convergence.js";
import { costs, formOf } from "./cost.js";
import { momentumText, networkLags, seriesLags } from "./drift.js";
import { sideOf } from "./estimates.js";
import { accuracies, statisticErrors } from "./mini_batch.js";
import { digitsText, estimateText, NETWORK_NAMES, NORM_NAMES, pointsText, shareText, stepsText } from "./text.js";

const USUAL_MOMENTUM = 0.1; // of torch.nn
export const MUCH = 0.1; // the share of a training step that counts as much

// All that is computed from a study of load.js, once: a field per study, undefined where it has no lines.
export function findAll({ lines }) {
  const when = (name, compute) => (lines[name]?.length ? compute(lines[name]) : undefined);
  return { convergence: when("convergence", convergence),
    errors: when("mini-batch", statisticErrors), accuracies: when("mini-batch", accuracies),
    networkLags: when("drift", networkLags), seriesLags: when("drift", seriesLags), costs: when("cost", costs) };
}

const ratioInterval = ({ ratio, lo, hi }) => estimateText({ value: ratio, lo, hi }, ratioText);
const points = (estimate) => `${estimateText(estimate, pointsText)} points`;

export function convergenceSentences(entries) {
  return networksOf(entries).map((network) => {
    const [batch, none] = ["batch", "none"].map((norm) => entryOf(entries, network, norm));
    const faster = speedup(batch, none);
    if (!faster) return `${NETWORK_NAMES[network]}: batch norm or no norm never reaches a loss of ${TARGET}.`;
    const steps = ({ best, most }) => estimateText(best.steps, stepsText(most));
    return `${NETWORK_NAMES[network]}: with batch norm a loss of ${TARGET} takes ${steps(batch)} steps at the best `
      + `learning rate, without a norm ${steps(none)}, which is ${ratioInterval(faster)} times as many. The largest `
      + `rate that is stable is ${estimateText(batch.largest, digitsText)} with it and ${
        estimateText(none.largest, digitsText)} without. Accuracy on new digits is ${
        estimateText(batch.best.accuracy, shareText)} with it and ${estimateText(none.best.accuracy, shareText)} without.`;
  });
}

export function miniBatchSentences(errors, cells) {
  const first = errors[0];
  const statistics = `Statistics of ${first.size} samples are off by ${estimateText(first.mean, digitsText)} deviations `
    + `in the mean and ${estimateText(first.variance, digitsText)} of the variance, where theory says ${
      digitsText(first.theory.mean)} and ${digitsText(first.theory.variance)}.`;
  return [statistics, ...unique(cells.map(({ network }) => network)).map((network) => {
    const own = cells.filter((cell) => cell.network === network && cell.lead);
    const sizes = (side) => own.filter(({ lead }) => sideOf(lead, 0) === side).map(({ size }) => size);
    const at = (list) => (list.length ? `at B = ${listText(list)}` : "nowhere");
    const [small] = own;
    return `${NETWORK_NAMES[network]}: batch norm loses to group norm ${at(sizes("below"))}, and wins ${
      at(sizes("above"))}; at B = ${small.size} its accuracy is ${points(small.lead)} above that of group norm.`;
  })];
}

export function driftSentences(lags, series) {
  const usual = lags.find(({ momentum, rate }) => momentum === USUAL_MOMENTUM && rate > 0);
  const sentences = [];
  if (usual) {
    const worst = usual.points.reduce((a, b) => (b.loss.value > a.loss.value ? b : a));
    const last = usual.points.at(-1);
    sentences.push(`With the usual momentum of ${USUAL_MOMENTUM}, inference pays the most after ${
      worst.steps} steps: its loss is ${estimateText(worst.loss, digitsText)} above the one with the right statistics. `
      + `After ${last.steps} steps that is ${estimateText(last.loss, digitsText)}, and the running mean is ${
        estimateText(last.mean, digitsText)} deviations off.`);
  }
  const rising = series.find(({ momentum }) => momentum === USUAL_MOMENTUM);
  if (rising) {
    sentences.push(`On the series that rises, the running mean of this momentum is ${
      estimateText(rising.lag, digitsText)} steps behind, where theory says ${digitsText(rising.theory)}, and what `
      + `inference normalizes is ${estimateText(rising.offset, digitsText)} deviations off its center.`);
  }
  return sentences;
}

export function costSentences(entries) {
  return unique(entries.map(({ after }) => after)).map((after) => {
    const own = entries.filter((entry) => entry.after === after);
    const share = (pass, form) => {
      const all = own.map((entry) => ({ ...formOf(entry, pass, form).share, backend: entry.backend }))
        .sort((a, b) => a.value - b.value);
      const text = (one) => `${estimateText(one, shareText)} (${one.backend})`;
      return all.length > 1 ? `${text(all[0])} to ${text(all.at(-1))}` : text(all[0]);
    };
    const folded = own.map((entry) => formOf(entry, "inference", "folded").ratio);
    return `After ${after}, batch norm is ${share("training", "separate")} of a training step and ${
      share("inference", "separate")} of inference. Folded into the layer, inference takes ${
      ratioText(median(folded.map(({ ratio }) => ratio)))} times as long as without a norm (median of ${
      folded.length} backends, intervals in the table).`;
  });
}

// [{claim, measured, holds, fails}]: what introductions say, what was measured, and where each holds and where not.
export function claims(found) {
  return [...(found.convergence ? convergenceClaims(found.convergence) : []),
    ...(found.accuracies ? miniBatchClaims(found.accuracies) : []),
    ...(found.networkLags ? lagClaims(found.networkLags) : []),
    ...(found.costs ? costClaims(found.costs) : [])];
}

const somewhere = (list) => (list.length ? list.join("; ") : "nowhere");

function convergenceClaims(entries) {
  const networks = networksOf(entries);
  const pair = (network) => ["batch", "none"].map((norm) => entryOf(entries, network, norm));
  const isWider = (network) => {
    const [batch, none] = pair(network);
    return batch.largest.lo !== null && batch.largest.lo > none.largest.hi;
  };
  const ratios = networks.map((network) => [network, speedup(...pair(network))]);
  const rivals = networks.flatMap((network) => entries
    .filter((own) => own.network === network && !["batch", "none"].includes(own.norm))
    .map((own) => [`${NORM_NAMES[own.norm]}, ${NETWORK_NAMES[network]}`, speedup(pair(network)[0], own)])
    .filter(([, ratio]) => ratio));
  return [{ claim: "Training is more stable: it takes larger learning rates",
    measured: networks.map((network) => `${NETWORK_NAMES[network]}: up to ${pair(network).map(
      ({ largest }) => estimateText(largest, digitsText)).join(" with it, ")} without`).join("; "),
    holds: somewhere(networks.filter(isWider).map((network) => NETWORK_NAMES[network])),
    fails: somewhere(networks.filter((network) => !isWider(network)).map((network) => NETWORK_NAMES[network])) },
  { claim: "Training converges in fewer steps",
    measured: ratios.map(([network, ratio]) => `${NETWORK_NAMES[network]}: without a norm ${
      ratio ? `${ratioInterval(ratio)} times as many steps` : "the target is not reached"}`).join("; "),
    holds: somewhere(ratios.filter(([, ratio]) => ratio?.lo > 1).map(([network]) => NETWORK_NAMES[network])),
    fails: somewhere(ratios.filter(([, ratio]) => !(ratio?.lo > 1)).map(([network]) => NETWORK_NAMES[network])) },
  ...(rivals.length ? [{ claim: "In that it is ahead of the other norms",
    measured: rivals.map(([name, ratio]) => `${name}: ${ratioInterval(ratio)} times as many steps`).join("; "),
    holds: somewhere(rivals.filter(([, ratio]) => ratio.lo > 1).map(([name]) => name)),
    fails: somewhere(rivals.filter(([, ratio]) => !(ratio.lo > 1)).map(([name]) => name)) }] : [])];
}

function miniBatchClaims(cells) {
  const named = ({ network, size }) => `${NETWORK_NAMES[network]}, B = ${size}`;
  const own = cells.filter(({ lead }) => lead);
  const smallest = own.filter(({ size }) => size === own[0].size);
  return [{ claim: "It needs large mini-batches: with small ones group norm is better",
    measured: smallest.map((cell) => `${named(cell)}: ${points(cell.lead)} of accuracy to group norm`).join("; "),
    holds: somewhere(own.filter(({ lead }) => sideOf(lead, 0) === "below").map(named)),
    fails: somewhere(own.filter(({ lead }) => sideOf(lead, 0) !== "below").map(named)) },
  { claim: "Training and inference differ, as they use other statistics",
    measured: smallest.map((cell) => `${named(cell)}: ${points(cell.gap)} of accuracy with the statistics of the `
      + "mini-batch to those of inference").join("; "),
    holds: somewhere(own.filter(({ gap }) => sideOf(gap, 0) !== "undecided").map(named)),
    fails: somewhere(own.filter(({ gap }) => sideOf(gap, 0) === "undecided").map(named)) }];
}

function lagClaims(lags) {
  const learning = lags.filter(({ rate }) => rate > 0);
  const cells = learning.flatMap(({ momentum, points: all }) => all.map((point) => ({ momentum, ...point })));
  const named = ({ momentum, steps }) => `${momentumText(momentum)} after ${steps} steps`;
  const last = learning.map(({ momentum, points: all }) => ({ momentum, ...all.at(-1) }));
  return [{ claim: "Running statistics are behind while weights change, and inference pays",
    measured: last.map((cell) => `momentum ${named(cell)}: loss ${estimateText(cell.loss, digitsText)} above`).join("; "),
    holds: somewhere(cells.filter(({ loss }) => sideOf(loss, 0) === "above").map(named)),
    fails: somewhere(cells.filter(({ loss }) => sideOf(loss, 0) !== "above").map(named)) }];
}

function costClaims(entries) {
  const named = ({ after, backend }) => `after ${after}, ${backend}`;
  const share = (entry, pass, form) => formOf(entry, pass, form).share;
  const list = (pass, form, isOne) => somewhere(entries.filter((entry) => isOne(share(entry, pass, form))).map(named));
  const told = (pass, form) => entries.map((entry) => `${named(entry)}: ${
    estimateText(share(entry, pass, form), shareText)}`).join("; ");
  return [{ claim: `It makes training slower, by more than ${shareText(MUCH)} of a step`,
    measured: told("training", "separate"),
    holds: list("training", "separate", (own) => sideOf(own, MUCH) === "above"),
    fails: list("training", "separate", (own) => sideOf(own, MUCH) !== "above") },
  { claim: "In inference it is free once it is folded into the layer",
    measured: told("inference", "folded"),
    holds: list("inference", "folded", (own) => sideOf(own, 0) !== "above"),
    fails: list("inference", "folded", (own) => sideOf(own, 0) === "above") }];
}
