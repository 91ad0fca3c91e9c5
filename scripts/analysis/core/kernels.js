// Which kernel a library dispatched to, what that name means, and what it costs.
import { byName, groupBy } from "./collections.js";
import { momentsBackends, nativeBackends, summarize } from "./cases.js";
import { largest } from "./statistics.js";

// What the parts of a name mean: oneDNN's are "implementation:instruction set".
const MEANINGS = [
  [/^ncsp_bnorm/, "oneDNN's generic C++ for the plain layout with L > 1: no vector code of its own"],
  [/^nspc_bnorm/, "oneDNN's generic C++ for channels last: no vector code of its own"],
  [/^bnorm_tbb_jit:sse41/, "oneDNN's generated code, blocks of 4 channels: C is no multiple of 8"],
  [/^bnorm_tbb_jit:avx2/, "oneDNN's generated code, blocks of 8 channels: C is no multiple of 16"],
  [/^bnorm_tbb_jit/, "oneDNN's generated code, its second implementation"],
  [/^bnorm_jit/, "oneDNN's generated code for batch norm, vectors over blocks of channels"],
  [/^simple_layer_normalization/, "oneDNN's layer norm for the plain layout"],
  [/^(ref|reference)\b/, "a reference kernel: right, not fast"],
  [/^contiguous$/, "PyTorch's path for its default layout"],
  [/^channels last$/, "PyTorch's path for channels last, which (N, C) data takes as well"],
  [/^rows$/, "ours: statistics of each row of contiguous values"],
  [/^runs$/, "ours: a channel is a run of contiguous values in each sample"],
  [/^transposed rows$/, "ours: short tiles are transposed, a vector holds one value of each of several"],
  [/^(packed|folded) columns$/, "ours: a channel is a column of the matrix; several short rows are read as one"],
  [/^columns$/, "ours: a channel is a column of the matrix, vectors over channels"],
  [/^composed$/, "composed of several operators, as PyTorch has none for this"],
];
const REFERENCE = /(?<![a-z])ref(erence)?(?![a-z])/i;
const INSTRUCTIONS = /^(AVX.*|S?SSE.*|FMA|NEON.*|SVE.*)$/;
// What every backend may say beside its kernel.
const CIRCUMSTANCE = /^(\d+ threads?.*|\d+ reads|fetching|streaming)$/;

export function isReferenceKernel(detail) {
  return REFERENCE.test(detail);
}

// The name of the kernel in the detail of a row; empty when it names none.
export function kernelOf(row) {
  return row.detail.split(", ").filter((part) => part && !CIRCUMSTANCE.test(part) && !INSTRUCTIONS.test(part))
    .join(", ");
}

// The detail of a row, with the first of several sets of instructions, which has the others.
export function detailText(row) {
  const parts = row.detail.split(", ");
  const first = parts.findIndex((part) => INSTRUCTIONS.test(part));
  return parts.filter((part, at) => at <= first || !INSTRUCTIONS.test(part)).join(", ");
}

export function kernelMeaning(kernel) {
  const found = MEANINGS.find(([pattern]) => pattern.test(kernel));
  return found ? found[1] : "";
}

// Per shown backend and norm the kernels that it dispatched to, the slowest first:
// {backend, norm, kernel, meaning, rows, ratio, worst: {ratio, row}, where}. `where` says in which shapes.
export function kernelTable(view) {
  const native = nativeBackends(view.timed);
  const records = view.records.filter(({ row }) => view.isShown(row.backend) && kernelOf(row));
  const kinds = groupBy(records, ({ row }) => JSON.stringify([row.backend, row.norm, kernelOf(row)]));
  return [...kinds.values()].map((own) => {
    const [{ row: { backend, norm } }] = own;
    const kernel = kernelOf(own[0].row);
    const isMoments = momentsBackends(own.map(({ row }) => row)).size > 0;
    return { backend, isNative: native.has(backend), isMoments, norm, kernel, meaning: kernelMeaning(kernel),
      rows: own.length, ...summarize(own), where: whereText(own.map(({ row }) => row)) };
  }).sort((a, b) => byName(a.backend, b.backend) || b.ratio.ratio - a.ratio.ratio);
}

// `L = 1`, `L > 1`, `C = 54`: what the shapes of the rows have in common.
function whereText(rows) {
  const channels = new Set(rows.map((row) => row.c));
  const lengths = rows.every((row) => row.l === 1) ? ["L = 1"]
    : rows.every((row) => row.l > 1) ? ["L > 1"] : [];
  if (channels.size <= 3) lengths.unshift(`C = ${[...channels].sort((a, b) => a - b).join(", ")}`);
  return lengths.join(", ") || `C up to ${largest([...channels])}`;
}
