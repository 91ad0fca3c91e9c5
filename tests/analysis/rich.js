// A run of many kinds without any randomness, of which golden values were computed once: five norms, two
// types, layouts and thread counts, mini-batches, a native layout, few rounds, gaps and a slow shape.
import { makeGap, makeRow } from "./synthesis.js";

const BACKENDS = [["naive", 3], ["onednn", 1.3], ["simd", 1], ["openmp", 1.005], ["blocked", 0.7]];
const SHAPES = [[8, 16, 1], [64, 32, 1], [128, 32, 1], [4, 32, 16], [4, 32, 33], [2, 64, 64], [2, 64, 250],
  [8, 64, 500]];

// Samples that repeat a pattern of a few per mille, another one for each row.
function samples(base, place, rounds) {
  return Array.from({ length: rounds }, (_, at) => base * (1 + 0.004 * Math.sin(1.7 * place + 2.3 * at)
    + 0.0005 * ((at * (place % 7 + 2)) % 5)));
}

function timeOf(factor, what, shape, at) {
  const [n, c, l] = shape;
  const work = n * c * l * { none: 0.4, rms: 0.8, layer: 1, batch: 1.1, group: 1.05 }[what.norm]
    * (what.pass === "backward" ? 1.9 : 1) * (what.dtype === "f64" ? 2.1 : 1)
    * (what.layout === "nlc" ? 1.4 : 1);
  return 50 + 0.8 * work * factor * (at % 2 ? 1 : 1 + 0.1 * ((at * 3) % 4)) / what.threads ** 0.8;
}

// `pace` changes every third row by that factor: another run of the same cases.
export function richRows(pace = 1) {
  const rows = [];
  const add = (what, shape, fields = {}) => {
    const [n, c, l] = shape;
    BACKENDS.forEach(([backend, factor], at) => {
      const place = rows.length;
      const isNative = backend === "blocked";
      if (isNative && (what.norm !== "batch" || l === 1)) return;
      const where = { ...what, n, c, l, regime: n * c * l > 8000 ? "L3" : "L2", name: l === 250 ? "wide" : "",
        ...fields };
      if (backend === "onednn" && what.norm === "rms") {
        rows.push(makeGap(backend, "unsupported", "no such primitive", where));
        return;
      }
      const slow = backend === "onednn" && n === 128 ? 4 : 1;
      const base = timeOf(factor, what, shape, at + place % 3) * slow * (place % 3 ? 1 : pace);
      rows.push(makeRow(backend, base, { ...where, native_layout: isNative,
        detail: backend === "naive" ? "ref" : "loop",
        samples_ns: samples(base, place, backend === "naive" ? 7 : place % 11 === 0 ? 5 : 12) }));
    });
  };
  for (const norm of ["none", "batch", "layer", "rms"]) {
    for (const pass of ["forward_training", "backward"]) {
      for (const shape of SHAPES) add({ norm, pass, dtype: "f32", layout: "ncl", threads: 1 }, shape);
    }
  }
  for (const shape of SHAPES) {
    add({ norm: "batch", pass: "forward_training", dtype: "f32", layout: "ncl", threads: 2 }, shape);
    add({ norm: "batch", pass: "forward_training", dtype: "f64", layout: "ncl", threads: 1 }, shape);
  }
  for (const shape of SHAPES.slice(3)) {
    add({ norm: "batch", pass: "forward_training", dtype: "f32", layout: "nlc", threads: 1 }, shape);
    add({ norm: "batch", pass: "forward_training", dtype: "f32", layout: "ncl", threads: 1 }, shape,
      { batch: shape[0] / 2 });
    add({ norm: "group", pass: "forward_training", dtype: "f32", layout: "ncl", threads: 1 }, shape,
      { groups: 4 });
  }
  return rows;
}
