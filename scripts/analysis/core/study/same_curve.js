// Whether a training is the same on every backend.
import { groupBy } from "../collections.js";
import { largest } from "../statistics.js";

// For each network {network, curves: [{backend, losses, worst, apart}], worst, apart}: `worst` is the largest
// error of any output of a norm, in units of its derived bound; `apart` the largest distance of a loss to that
// of the first backend, as a share of that.
export function sameCurves(lines) {
  return [...groupBy(lines, ({ network }) => network)].map(([network, own]) => {
    const curves = own.map(({ backend, losses, worst }) => ({ backend, losses, worst: worst ?? Infinity,
      apart: largest(losses.map((loss, at) => Math.abs(loss - own[0].losses[at]) / own[0].losses[at])) }));
    return { network, curves, worst: largest(curves.map((curve) => curve.worst)),
      apart: largest(curves.map((curve) => curve.apart)) };
  });
}
