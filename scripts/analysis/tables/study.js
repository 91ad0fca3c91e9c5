// The tables of a study, once for page and Markdown.
import { momentumText } from "../core/study/drift.js";
import { digitsText, estimateText, NETWORK_NAMES, NORM_NAMES, pointsText, shareText, stepsText,
} from "../core/study/text.js";
import { ratioText, timeText } from "../core/text.js";
import { NONE, numeric, unlessEmpty } from "./model.js";

const cell = (estimate, toText) => (estimate ? { text: estimateText(estimate, toText) } : NONE);

export function claimsTable(claims) {
  return unlessEmpty({ id: "claims", head: ["claim", "what was measured", "holds",
    "does not hold, or is not decided"],
    body: claims.map(({ claim, measured, holds, fails }) => [{ text: claim, strong: true }, measured, holds,
      fails]) });
}

export function convergenceTable(entries) {
  return unlessEmpty({ id: "convergence",
    caption: "Steps to the target at the rate with the fewest, the largest stable rate, and accuracy on new "
      + "digits",
    head: ["network", "norm", ...["best rate", "steps", "stable seeds", "largest stable rate", "accuracy"]
      .map(numeric)],
    body: entries.map(({ network, norm, best, most, largest }) => [NETWORK_NAMES[network], NORM_NAMES[norm],
      best ? String(best.rate) : NONE, best ? cell(best.steps, stepsText(most)) : `>${most}`,
      best ? `${best.stable} of ${best.count}` : NONE, cell(largest, digitsText), cell(best?.accuracy,
        shareText)]) });
}

// Accuracy by rate, as what is not the best rate tells of stability.
export function rateTable(entries) {
  const rates = entries[0]?.rates.map(({ rate }) => rate) ?? [];
  return unlessEmpty({ id: "rates", caption: "Accuracy on new digits by learning rate",
    head: ["network", "norm", ...rates.map((rate) => numeric(String(rate)))],
    body: entries.map(({ network, norm, rates: own }) => [NETWORK_NAMES[network], NORM_NAMES[norm],
      ...rates.map((rate) => cell(own.find((one) => one.rate === rate)?.accuracy, shareText))]) });
}

export function curveTable(found) {
  return unlessEmpty({ id: "curves", caption: "One training on each backend: its losses, the largest distance "
    + "of one to "
    + "that of the first backend, and the worst error of an output of a norm in units of its bound",
  head: ["network", "backend", ...["first loss", "last loss", "apart", "worst error"].map(numeric)],
  body: found.flatMap(({ network, curves }) => curves.map(({ backend, losses, apart, worst }) => [
    NETWORK_NAMES[network], backend, losses[0].toPrecision(8), losses.at(-1).toPrecision(8), digitsText(apart),
    { text: digitsText(worst), bad: !(worst <= 1) }])) });
}

export function errorTable(errors) {
  return unlessEmpty({ id: "errors", caption: "Root mean square error of the statistics of a mini-batch, in "
    + "deviations and variances of the population, and what theory says",
  head: ["B", "mean", "theory", "variance", "theory"].map(numeric),
  body: errors.map(({ size, mean, variance, theory }) => [String(size), cell(mean, digitsText),
    digitsText(theory.mean),
    cell(variance, digitsText), digitsText(theory.variance)]) });
}

export function accuracyTable(cells) {
  return unlessEmpty({ id: "accuracies", caption: "Accuracy on new digits after as many digits, by mini-batch "
    + "size; lead of batch norm over group norm, gap of inference to training, in percentage points",
  head: ["network", ...["B", "batch norm", "group norm", "no norm", "lead", "gap", "loss, inference - training"]
    .map(numeric)],
  body: cells.map(({ network, size, norms, lead, gap, lossGap }) => [NETWORK_NAMES[network], String(size),
    ...["batch", "group", "none"].map((norm) => cell(norms[norm]?.accuracy, shareText)), cell(lead, pointsText),
    cell(gap, pointsText), cell(lossGap, digitsText)]) });
}

export function lagTable(lags) {
  return unlessEmpty({ id: "lags", caption: "Lag of the running statistics of the first norm, in deviations and "
    + "variances, and what inference pays, by steps",
  head: ["momentum", "weights", ...["steps", "mean", "theory", "variance", "loss", "accuracy"].map(numeric)],
  body: lags.flatMap(({ momentum, rate, points }) => points.map((point) => [momentumText(momentum),
    rate > 0 ? "learn" : "stay", String(point.steps), cell(point.mean, digitsText),
    point.theory === null ? NONE : digitsText(point.theory), cell(point.variance, digitsText),
    cell(point.loss, digitsText), cell(point.accuracy, pointsText)])) });
}

export function seriesTable(series) {
  return unlessEmpty({ id: "series", caption: "On a series that rises: steps that the running mean is behind, "
    + "and how far what inference normalizes is off its center, in deviations",
  head: ["momentum", ...["lag", "theory", "off center"].map(numeric)],
  body: series.map(({ momentum, lag, theory, offset }) => [momentumText(momentum), cell(lag, digitsText),
    digitsText(theory), cell(offset, digitsText)]) });
}

export function costTable(entries) {
  return unlessEmpty({ id: "cost", caption: "Time with batch norm as a ratio to layer and ReLU alone, and the "
    + "share of the whole that it is",
  head: ["layer", "backend", "pass", "form", ...["ratio", "share", "without a norm"].map(numeric)],
  body: entries.flatMap(({ after, backend, none, forms }) => forms.map(({ pass, form, ratio, share }) => [after,
    backend,
    pass, form, cell({ ...ratio, value: ratio.ratio }, ratioText), cell(share, shareText),
      timeText(none[pass])])) });
}

export function refusedTable(refused) {
  const seen = new Map(refused.map((line) => [[line.study, line.network, line.after, line.norm, line.backend,
    line.reason].join(" "), line]));
  return unlessEmpty({ id: "refused", head: ["study", "what", "reason"],
    body: [...seen.values()].map(({ study, network, after, norm, backend, reason }) => [study,
      [NETWORK_NAMES[network] ?? after, NORM_NAMES[norm], backend].filter(Boolean).join(", "), reason ?? ""]) });
}
