// What the studies found, as sentences and as answers to what introductions to batch norm claim.
import { groupBy, unique } from "../collections.js";
import { smallest } from "../statistics.js";
import { countText, listText, ratioText } from "../text.js";
import { convergence, entryOf, networksOf, speedup, TARGET } from "./convergence.js";
import { costs, formOf } from "./cost.js";
import { momentumText, networkLags, seriesLags } from "./drift.js";
import { sideOf } from "./estimates.js";
import { accuracies, statisticErrors } from "./mini_batch.js";
import { sameCurves } from "./same_curve.js";
import { digitsText, estimateText, NETWORK_NAMES, NORM_NAMES, pointsText, shareText, signedText, stepsText,
} from "./text.js";

const USUAL_MOMENTUM = 0.1; // of torch.nn
export const MUCH = 0.1; // the share of a training step that counts as much

// All that is computed from a study of load.js, once: a field per study, undefined where it has no lines.
export function findAll({ lines }) {
  const when = (name, compute) => (lines[name]?.length ? compute(lines[name]) : undefined);
  return { convergence: when("convergence", convergence), sameCurves: when("same-curve", sameCurves),
    errors: when("mini-batch", statisticErrors), accuracies: when("mini-batch", accuracies),
    networkLags: when("drift", networkLags), seriesLags: when("drift", seriesLags), costs: when("cost", costs) };
}

const ratioInterval = ({ ratio, lo, hi }) => estimateText({ value: ratio, lo, hi }, ratioText);
const points = (estimate) => `${estimateText(estimate, pointsText)} points`;

// Networks that were trained with batch norm and without a norm: a study that was interrupted may lack one.
function comparable(entries) {
  return networksOf(entries).filter((network) => ["batch", "none"].every(
    (norm) => entryOf(entries, network, norm)));
}

export function convergenceSentences(entries) {
  return comparable(entries).map((network) => {
    const [batch, none] = ["batch", "none"].map((norm) => entryOf(entries, network, norm));
    const faster = speedup(batch, none);
    if (!faster) return `${NETWORK_NAMES[network]}: batch norm or no norm never reaches a loss of ${TARGET}.`;
    const steps = ({ best, most }) => estimateText(best.steps, stepsText(most));
    return `${NETWORK_NAMES[network]}: with batch norm a loss of ${TARGET} takes ${steps(batch)} steps at the `
      + `best learning rate, without a norm ${steps(none)}, which is ${ratioInterval(faster)} times as many. The `
      + `largest rate that is stable is ${estimateText(batch.largest, digitsText)} with it and ${
        estimateText(none.largest, digitsText)} without. Accuracy on new digits is ${
        estimateText(batch.best.accuracy, shareText)} with it and ${
        estimateText(none.best.accuracy, shareText)} without.`;
  });
}

// No intervals: nothing here is left to chance.
export function sameCurveSentences(found) {
  return found.map(({ network, curves, worst, apart }) => `${NETWORK_NAMES[network]}: on ${
    countText(curves.length, "backend")}, each output of each call of a norm is ${
    worst <= 1 ? "within its derived bound" : "not within its derived bound"} over ${
    countText(curves[0].losses.length, "step")}, the worst at ${digitsText(worst)} of it. The losses are at most ${
    digitsText(apart)} of themselves from those of ${curves[0].backend}.`);
}

export function miniBatchSentences(errors, cells) {
  if (!errors.length) return [];
  const [first] = errors;
  const statistics = `Statistics of ${first.size} samples are off by ${
    estimateText(first.mean, digitsText)} deviations in the mean and ${
    estimateText(first.variance, digitsText)} of the variance, where theory says ${
      digitsText(first.theory.mean)} and ${digitsText(first.theory.variance)}.`;
  const compared = cells.filter(({ lead }) => lead);
  return [statistics, ...unique(compared.map(({ network }) => network)).map((network) => {
    const own = compared.filter((cell) => cell.network === network);
    const sizes = (side) => own.filter(({ lead }) => sideOf(lead, 0) === side).map(({ size }) => size);
    const at = (list) => (list.length ? `at B = ${listText(list)}` : "nowhere");
    const [small] = own;
    return `${NETWORK_NAMES[network]}: batch norm loses to group norm ${at(sizes("below"))}, and wins ${
      at(sizes("above"))}; at B = ${small.size} its accuracy is ${points(small.lead)} from that of group norm.`;
  })];
}

export function driftSentences(lags, series) {
  const usual = lags.find(({ momentum, rate }) => momentum === USUAL_MOMENTUM && rate > 0);
  const sentences = [];
  if (usual) {
    const worst = usual.points.reduce((a, b) => (b.loss.value > a.loss.value ? b : a));
    const last = usual.points.at(-1);
    sentences.push(`With the usual momentum of ${USUAL_MOMENTUM}, inference pays the most after ${
      worst.steps} steps: its loss is ${estimateText(worst.loss, digitsText)} above the one with the right `
      + `statistics. After ${last.steps} steps that is ${
        estimateText(last.loss, digitsText)}, and the running mean is ${
        estimateText(last.mean, digitsText)} deviations off.`);
  }
  const rising = series.find(({ momentum }) => momentum === USUAL_MOMENTUM);
  if (rising) {
    sentences.push(`On the series that rises, the running mean of this momentum is ${
      estimateText(rising.lag, digitsText)} steps behind, where theory says ${digitsText(rising.theory)}, and `
      + `what inference normalizes is ${estimateText(rising.offset, digitsText)} deviations off its center.`);
  }
  return sentences;
}

const layersOf = (entries) => unique(entries.map(({ after }) => after));

// From the backend with the smallest share to the one with the largest.
function sharesText(entries, layer, pass, form) {
  const shares = entries.filter(({ after }) => after === layer)
    .map((entry) => ({ ...formOf(entry, pass, form).share, backend: entry.backend }))
    .sort((a, b) => a.value - b.value);
  const text = (one) => `${estimateText(one, shareText)} (${one.backend})`;
  return shares.length > 1 ? `${text(shares[0])} to ${text(shares.at(-1))}` : text(shares[0]);
}

export function costSentences(entries) {
  return layersOf(entries).map((after) => {
    const share = (pass, form) => sharesText(entries, after, pass, form);
    return `After ${after}, batch norm is ${share("training", "separate")} of a training step, and of inference ${
      share("inference", "separate")}; fused with the ReLU ${share("inference", "fused")}, folded into the layer ${
      share("inference", "folded")}.`;
  });
}

// [{claim, measured, holds, fails}]: what introductions say, what was measured, and where each holds and where
// not.
export function claims(found) {
  return [...(found.convergence ? convergenceClaims(found.convergence) : []),
    ...(found.accuracies ? miniBatchClaims(found.accuracies) : []),
    ...(found.networkLags ? lagClaims(found.networkLags) : []),
    ...(found.costs ? costClaims(found.costs) : [])];
}

const somewhere = (list) => (list.length ? list.join("; ") : "nowhere");

// `Linear network: B = 2, 4; Conv1d network: B = 2`, from what stands before the colon and behind it.
function inGroups(items, prefix = "") {
  const groups = groupBy(items, ([group]) => group);
  return somewhere([...groups].map(([group, own]) => `${group}: ${prefix}${own.map(([,
    item]) => item).join(", ")}`));
}

function convergenceClaims(entries) {
  const networks = comparable(entries);
  if (!networks.length) return [];
  const named = (list) => somewhere(list.map((network) => NETWORK_NAMES[network]));
  const pair = (network) => ["batch", "none"].map((norm) => entryOf(entries, network, norm));
  const isWider = (network) => {
    const [batch, none] = pair(network);
    return batch.largest.lo !== null && batch.largest.lo > none.largest.hi;
  };
  const ratios = networks.map((network) => [network, speedup(...pair(network))]);
  const isFaster = ([, ratio]) => ratio !== null && ratio.lo !== null && ratio.lo > 1;
  const rivals = networks.flatMap((network) => entries
    .filter((own) => own.network === network && !["batch", "none"].includes(own.norm))
    .map((own) => [network, speedup(pair(network)[0], own), NORM_NAMES[own.norm]]).filter(([, ratio]) => ratio));
  const rivalNames = (list) => inGroups(list.map(([network, , name]) => [NETWORK_NAMES[network], name]));
  return [{ claim: "Training is more stable: it takes larger learning rates",
    measured: networks.map((network) => `${NETWORK_NAMES[network]}: up to ${pair(network).map(
      ({ largest }) => estimateText(largest, digitsText)).join(" with it, ")} without`).join("; "),
    holds: named(networks.filter(isWider)), fails: named(networks.filter((network) => !isWider(network))) },
  { claim: "Training converges in fewer steps",
    measured: ratios.map(([network, ratio]) => `${NETWORK_NAMES[network]}: without a norm ${
      ratio ? `${ratioInterval(ratio)} times as many steps` : "the target is not reached"}`).join("; "),
    holds: named(ratios.filter(isFaster).map(([network]) => network)),
    fails: named(ratios.filter((own) => !isFaster(own)).map(([network]) => network)) },
  ...(rivals.length ? [{ claim: "In that it is ahead of the other norms",
    measured: inGroups(rivals.map(([network, ratio, name]) => [NETWORK_NAMES[network],
      `${name} ${ratioInterval(ratio)} times as many steps`])),
    holds: rivalNames(rivals.filter(isFaster)), fails: rivalNames(rivals.filter((own) => !isFaster(own))) }]
      : [])];
}

function miniBatchClaims(cells) {
  const own = cells.filter(({ lead }) => lead);
  if (!own.length) return [];
  const least = smallest(own.map(({ size }) => size));
  const sizes = (isOne) => inGroups(own.filter(isOne).map(({ network, size }) => [NETWORK_NAMES[network],
    size]), "B = ");
  const told = (toText) => inGroups(own.filter(({ size }) => size === least)
    .map((cell) => [NETWORK_NAMES[cell.network], `B = ${least}, ${toText(cell)}`]));
  return [{ claim: "It needs large mini-batches: with small ones group norm is better",
    measured: told(({ lead }) => `accuracy ${points(lead)} from that of group norm`),
    holds: sizes(({ lead }) => sideOf(lead, 0) === "below"), fails: sizes(({ lead }) => sideOf(lead,
      0) !== "below") },
  { claim: "Training and inference differ, as they use other statistics",
    measured: told(({ gap }) => `accuracy ${points(gap)} with the statistics of each mini-batch, from that in `
      + `inference`),
    holds: sizes(({ gap }) => sideOf(gap, 0) !== "undecided"),
    fails: sizes(({ gap }) => sideOf(gap, 0) === "undecided") }];
}

function lagClaims(lags) {
  const learning = lags.filter(({ rate }) => rate > 0);
  const cells = learning.flatMap(({ momentum, points: all }) => all.filter(({ steps }) => steps > 0)
    .map((point) => ({ momentum, ...point })));
  const named = (isOne) => inGroups(cells.filter(isOne).map(({ momentum, steps }) => [
    `momentum ${momentumText(momentum)}`, steps]), "after steps ");
  return [{ claim: "Running statistics are behind while weights change, and inference pays",
    measured: learning.map(({ momentum, points: all }) => `momentum ${momentumText(momentum)} after ${
      all.at(-1).steps} steps: loss ${estimateText(all.at(-1).loss, signedText)}`).join("; "),
    holds: named(({ loss }) => sideOf(loss, 0) === "above"), fails: named(({ loss }) => sideOf(loss,
      0) !== "above") }];
}

function costClaims(entries) {
  const share = (entry, pass, form) => formOf(entry, pass, form).share;
  const list = (pass, form, isOne) => inGroups(entries.filter((entry) => isOne(share(entry, pass, form)))
    .map(({ after, backend }) => [`after ${after}`, backend]));
  const told = (pass, form) => layersOf(entries)
    .map((after) => `after ${after}: ${sharesText(entries, after, pass, form)}`).join("; ");
  return [{ claim: `It makes training slower, by more than ${shareText(MUCH)} of a step`,
    measured: told("training", "separate"),
    holds: list("training", "separate", (own) => sideOf(own, MUCH) === "above"),
    fails: list("training", "separate", (own) => sideOf(own, MUCH) !== "above") },
  { claim: `In inference it is free, or less than ${shareText(MUCH)}, once it is folded into the layer`,
    measured: told("inference", "folded"),
    holds: list("inference", "folded", (own) => sideOf(own, MUCH) === "below"),
    fails: list("inference", "folded", (own) => sideOf(own, MUCH) !== "below") }];
}
