// What normalization takes of a training step and of inference, by backend and form.
import { median, pairedRatio } from "../statistics.js";

export const FORMS = { training: ["separate"], inference: ["separate", "fused", "folded"] };

// For each layer and backend {after, backend, none: {training, inference}, forms: [{pass, form, ratio,
// share}]}: the time with the norm as a ratio to that of layer and ReLU alone, in the same rounds, and the
// share of the whole that the norm is, 1 - 1 / ratio, both with the interval of the sign test; `none` are
// medians in ns.
export function costs(lines) {
  return lines.map(({ after, sizes, backend, threads, samples_ns: samples }) => ({ after, sizes, backend, threads,
    none: { training: median(samples.training.none), inference: median(samples.inference.none) },
    forms: Object.entries(FORMS).flatMap(([pass, forms]) => forms.map((form) => {
      const ratio = pairedRatio(samples[pass][form], samples[pass].none);
      return { pass, form, ratio, share: shareOf(ratio) };
    })) }));
}

function shareOf({ ratio, lo, hi, count }) {
  const share = (value) => (value === null ? null : 1 - 1 / value);
  return { value: share(ratio), lo: share(lo), hi: share(hi), count };
}

export function formOf(entry, pass, form) {
  return entry.forms.find((own) => own.pass === pass && own.form === form);
}
