// Cliffs: rows that are far off the best, their own neighbors, or the same data spelled otherwise.
import { groupBy, keyOf, unique } from "./collections.js";
import { caseWithout, KEYS } from "./groups.js";
import { isReferenceKernel } from "./kernels.js";
import { median } from "./statistics.js";
import { ratioText, shapeText } from "./text.js";

export const CLIFF = 2;
export const MOST_CLIFFS = 30;
const NEAR = 8; // sizes of neighbors are within this factor
const NEIGHBORS = 2; // on either side

// The shown rows that are far off, the steepest first: {row, estimate, toNeighbors, spelling, isReference,
// steepness, reasons}. A row is one when it takes more than CLIFF times as long as the best of its case; as
// the median of its neighbors, per element (the cases of the same backend next to it in size); as another
// spelling of the same data by the same backend: {ratio, of, what}, the steepest; or when it runs a
// reference kernel.
export function findCliffs(view) {
  const sized = view.timed.filter((row) => row.elements > 0);
  const neighbors = neighborRatios(sized);
  const spellings = spellingRatios(sized);
  const isFar = (ratio) => ratio > CLIFF;
  return view.timed.filter((row) => view.isShown(row.backend)).map((row) => {
    const record = view.toBest.get(row.index);
    const toNeighbors = neighbors.get(row.index) ?? null;
    const spelling = spellings.get(row.index) ?? null;
    const isReference = isReferenceKernel(row.detail);
    const reasons = [];
    if (record && isFar(record.estimate.ratio)) reasons.push("the best");
    if (toNeighbors !== null && isFar(toNeighbors)) reasons.push(`its neighbors ${ratioText(toNeighbors)}x`);
    if (spelling && isFar(spelling.ratio)) reasons.push(`${spelling.what} ${ratioText(spelling.ratio)}x`);
    if (isReference) reasons.push("reference kernel");
    const ratios = [record ? record.estimate.ratio : 0, toNeighbors ?? 0, spelling ? spelling.ratio : 0]
      .filter(isFar);
    return { row, estimate: record ? record.estimate : null, toNeighbors, spelling, isReference, reasons,
      steepness: Math.max(1, ...ratios) };
  }).filter(({ reasons }) => reasons.length).sort((a, b) => b.steepness - a.steepness);
}

// The worst, taken in turn from each backend, so that one slow backend does not hide the others.
export function worstInTurn(cliffs, most = MOST_CLIFFS) {
  const turns = new Map();
  return cliffs.map((cliff) => {
    const turn = turns.get(cliff.row.backend) || 0;
    turns.set(cliff.row.backend, turn + 1);
    return { cliff, turn };
  }).sort((a, b) => a.turn - b.turn).slice(0, most).map(({ cliff }) => cliff)
    .sort((a, b) => b.steepness - a.steepness);
}

// [[backend, count], ...], most first.
export function cliffCounts(cliffs) {
  return [...groupBy(cliffs, ({ row }) => row.backend)].map(([backend, own]) => [backend, own.length])
    .sort((a, b) => b[1] - a[1]);
}

// Row index -> time per element as a ratio to the median of its neighbors: the two next smaller and larger
// shapes of the same backend, group and mini-batch, within a factor of NEAR in size, L = 1 apart from
// other L.
function neighborRatios(rows) {
  const ratios = new Map();
  const cost = (row) => row.median_ns / row.elements;
  const alike = (row) => `${row.backend} ${keyOf(row, KEYS)} ${row.whole ? 0 : row.batch} ${row.l === 1}`;
  for (const own of groupBy(rows, alike).values()) {
    const ordered = [...own].sort((a, b) => a.elements - b.elements);
    ordered.forEach((row, at) => {
      const beside = [...ordered.slice(Math.max(0, at - NEIGHBORS), at),
        ...ordered.slice(at + 1, at + 1 + NEIGHBORS)];
      const near = beside.filter((other) => Math.max(other.elements / row.elements,
        row.elements / other.elements) <= NEAR);
      if (near.length >= 2) ratios.set(row.index, cost(row) / median(near.map(cost)));
    });
  }
  return ratios;
}

// The ways to spell the same data: what differs, the key that spellings of one problem share, and how the
// other one is called.
const SPELLINGS = [
  // Another L with the same C and N * L, and as many mini-batches.
  { differs: (row) => row.l, called: shapeText,
    key: (row) => `${keyOf(row, KEYS)} ${row.c} ${row.n * row.l} ${row.groups} `
      + Math.floor(row.n / (row.batch || row.n || 1)) },
  { differs: (row) => row.layout, called: (row) => row.layout, key: (row) => caseWithout(row, "layout") },
  { differs: (row) => row.dtype, called: (row) => row.dtype, key: (row) => caseWithout(row, "dtype") },
];

// Whether any data was timed in a second spelling by the same backend.
export function isSpelledTwice(timed) {
  return spellingRatios(timed.filter((row) => row.elements > 0)).size > 0;
}

// Row index -> {ratio, of, what}: time as a ratio to the fastest other spelling of the same data by the same
// backend, where it is the slower one. In another type more bytes may be right: per byte then.
function spellingRatios(rows) {
  const ratios = new Map();
  for (const { differs, called, key } of SPELLINGS) {
    for (const own of groupBy(rows, (row) => `${row.backend} ${key(row)}`).values()) {
      if (unique(own.map(differs)).length < 2) continue;
      for (const row of own) {
        const others = own.filter((other) => differs(other) !== differs(row));
        const scaled = (other) => other.median_ns * Math.max(1, (row.bytes || 1) / (other.bytes || 1));
        const of = others.reduce((best, other) => (scaled(other) < scaled(best) ? other : best));
        const ratio = row.median_ns / scaled(of);
        const before = ratios.get(row.index);
        if (!before || ratio > before.ratio) ratios.set(row.index, { ratio, of, what: called(of) });
      }
    }
  }
  return ratios;
}
