// The pictures of a study.
import { unique } from "../core/collections.js";
import { networksOf } from "../core/study/convergence.js";
import { momentumText } from "../core/study/drift.js";
import { formOf } from "../core/study/cost.js";
import { NETWORK_NAMES, NORM_NAMES, shareText } from "../core/study/text.js";
import { linesChart } from "./lines.js";

const percent = (value) => `${Math.round(100 * value)}%`;
const at = (x, { value, lo, hi }) => ({ x, y: value, lo, hi });

export function convergenceChart(entries, options) {
  const rates = unique(entries.flatMap((own) => own.rates.map(({ rate }) => rate)));
  const panels = (kind, estimateOf) => networksOf(entries).map((network) => ({
    title: `${NETWORK_NAMES[network]}, ${kind}`,
    series: entries.filter((own) => own.network === network).map((own) => ({ label: NORM_NAMES[own.norm],
      points: own.rates.map((rate) => at(rate.rate, estimateOf(rate))) })) }));
  return linesChart({ name: "convergence", heading: "Accuracy on new digits by learning rate",
    alt: "Mean accuracy on new digits against the learning rate, a line per norm with its interval, a panel per "
      + "network. The table has the numbers.",
    panels: panels("accuracy", ({ accuracy }) => accuracy), x: { title: "learning rate", isLog: true,
      ticks: rates },
    y: { title: "accuracy", toText: percent } }, options);
}

export function stepsChart(entries, options) {
  const rates = unique(entries.flatMap((own) => own.rates.map(({ rate }) => rate)));
  return linesChart({ name: "steps", heading: "Steps to the target loss by learning rate",
    alt: "Median steps to the target loss against the learning rate, a line per norm with its interval, a "
      + "panel per network; a rate at which half of the seeds do not get there has no point. The table has "
      + "the best.",
    panels: networksOf(entries).map((network) => ({ title: NETWORK_NAMES[network],
      series: entries.filter((own) => own.network === network).map((own) => ({ label: NORM_NAMES[own.norm],
        points: own.rates.map((rate) => at(rate.rate, rate.steps)) })) })),
    x: { title: "learning rate", isLog: true, ticks: rates }, y: { title: "steps", isLog: true } }, options);
}

export function curveChart(found, options) {
  return linesChart({ name: "same-curve", heading: "One training on each backend",
    alt: "Loss against the step, a line per backend, a panel per network: the lines lie on each other.",
    panels: found.map(({ network, curves }) => ({ title: NETWORK_NAMES[network],
      series: curves.map(({ backend, losses }) => ({ label: backend,
        points: losses.map((loss, step) => ({ x: step + 1, y: loss })).filter((_,
          step) => step % 10 === 0) })) })),
    x: { title: "step" }, y: { title: "loss", isLog: true } }, options);
}

export function errorChart(errors, options) {
  const series = (field) => [
    { label: `measured ${field}`, points: errors.map((own) => at(own.size, own[field])) },
    { label: "theory", isTheory: true, points: errors.map(({ size, theory }) => ({ x: size,
      y: theory[field] })) }];
  return linesChart({ name: "statistics", heading: "Error of the statistics of a mini-batch",
    alt: "Root mean square error of mean and variance of a mini-batch against its size, measured and by theory: "
      + "both fall as one over the root of the size.",
    panels: [{ title: "mean, in deviations", series: series("mean") },
      { title: "variance, in variances", series: series("variance") }],
    x: { title: "samples of a mini-batch", isLog: true, ticks: errors.map(({ size }) => size) },
    y: { title: "error", isLog: true } }, options);
}

export function miniBatchChart(cells, options) {
  return linesChart({ name: "mini-batch", heading: "Accuracy on new digits by mini-batch size",
    alt: "Mean accuracy on new digits against the size of the mini-batch, a line per norm with its interval, a "
      + "panel per network. The table has the numbers.",
    panels: unique(cells.map(({ network }) => network)).map((network) => ({ title: NETWORK_NAMES[network],
      series: ["batch", "group", "none"].map((norm) => ({ label: NORM_NAMES[norm],
        points: cells.filter((cell) => cell.network === network && cell.norms[norm])
          .map((cell) => at(cell.size, cell.norms[norm].accuracy)) })) })),
    x: { title: "samples of a mini-batch", isLog: true, ticks: unique(cells.map(({ size }) => size)) },
    y: { title: "accuracy", toText: percent } }, options);
}

export function driftChart(lags, options) {
  const panel = (title, own) => ({ title, series: own.flatMap(({ momentum, points }) => [
    { label: `momentum ${momentumText(momentum)}`, points: points.map((point) => at(point.steps, point.mean)) },
    { label: "theory", isTheory: true, points: points.filter(({ theory }) => theory !== null)
      .map(({ steps, theory }) => ({ x: steps, y: theory })) }]) });
  return linesChart({ name: "drift", heading: "Lag of the running mean, in deviations",
    alt: "Lag of the running mean of the first norm against the steps, a line per momentum with its interval. "
      + "Left the weights stay, with what theory says; right they learn.",
    panels: [panel("weights stay", lags.filter(({ rate }) => rate === 0)),
      panel("weights learn", lags.filter(({ rate }) => rate > 0))],
    x: { title: "steps", isLog: true }, y: { title: "lag", isLog: true } }, options);
}

// Backends have no order: they stand side by side at 1, 2, 3..., and the forms of each beside each other.
export function costChart(entries, options) {
  const backends = unique(entries.map(({ backend }) => backend));
  const forms = [["training", "separate"], ["inference", "separate"], ["inference", "fused"],
    ["inference", "folded"]];
  return linesChart({ name: "cost", heading: "Share that batch norm is of the whole",
    alt: "Share of a training step and of inference that batch norm is, for each backend and form, with "
      + "intervals, a panel per layer. The table has the numbers.",
    panels: unique(entries.map(({ after }) => after)).map((after) => ({ title: `after ${after}`,
      series: forms.map(([pass, form], place) => ({ label: `${pass}, ${form}`,
        points: entries.filter((own) => own.after === after)
          .map((own) => at(1 + backends.indexOf(own.backend) + 0.1 * (place - 1.5), formOf(own, pass,
            form).share)) })) })),
    columns: 1, x: { title: "", isList: true, ticks: backends.map((_, place) => place + 1),
      toText: (place) => backends[place - 1] },
    y: { title: "share", toText: (value) => shareText(value).replace(".0", "") } }, options);
}
