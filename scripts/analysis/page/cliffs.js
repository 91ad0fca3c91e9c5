// Cliffs: rows that are far off the best, their own neighbors, or the same data spelled otherwise.
"use strict";

const CLIFF = 2;
const NEIGHBORS = 2;
const NEAR = 8;
const MOST_CLIFFS = 30;
const REFERENCE_KERNEL = /(?<![a-z])ref(erence)?(?![a-z])/i;

function renderCliffs(view, body) {
  const found = cliffsOf(view);
  append(body, [note("A row is a cliff when it takes more than twice as long as the best of its case; or, "
    + "per element, more than twice the median of its neighbors: the two next smaller and larger "
    + `shapes of the same backend, group and mini-batch within a factor of ${NEAR} in N·C·L, L = 1 apart from other L; or `
    + "more than twice the fastest spelling of the same data, with the same C and N·L but another "
    + "L; or when it runs a reference kernel.")]);
  if (!found.length) {
    append(body, [paragraph("None.")]);
    return;
  }
  const all = state.pick.cliffs === "all";
  const perBackend = [...groupBy(found, ({ row }) => row.backend)]
    .sort(([, a], [, b]) => b.length - a.length);
  append(body, [
    element("p", { id: "cliff-counts" }, `${found.length} of ${view.timed.length} rows: `,
      perBackend.map(([backend, own], index) => [index ? ", " : "", backendLabel(backend),
        ` ${own.length}`]), "."),
    found.length > MOST_CLIFFS ? element("button", { type: "button", id: "cliffs-all",
      click: () => pick("cliffs", { cliffs: all ? null : "all" }) },
    all ? `Only the worst ${MOST_CLIFFS}`
      : `The worst ${MOST_CLIFFS} are listed, taken in turn from each backend: list all`) : null,
    table({
      caption: "Cliffs, the worst first", sortable: true, className: "cliffs",
      head: [{ text: "times the best", numeric: true }, "backend", "shape", "group",
        { text: "time", numeric: true }, { text: "its neighbors", numeric: true },
        { text: "other spelling", numeric: true }, "kernel", "reproduce"],
      body: (all ? found : worstInTurn(found)).map((cliff) => cliffRow(view, cliff)),
    })]);
}

// So that one slow backend does not hide the others.
function worstInTurn(found) {
  const turns = new Map();
  return found.map((cliff) => {
    const turn = turns.get(cliff.row.backend) || 0;
    turns.set(cliff.row.backend, turn + 1);
    return { cliff, turn };
  }).sort((a, b) => a.turn - b.turn).slice(0, MOST_CLIFFS).map(({ cliff }) => cliff).sort(bySteepness);
}

function cliffRow(view, { row, toBest, toNeighbors, toSpelling, reference }) {
  return [
    { ...estimateCell(toBest), strong: toBest.ratio > CLIFF }, { node: backendLabel(row.backend) },
    caseCell(row), titleOf(row, view.timed), timeCell(row),
    { ...numberCell(toNeighbors, ratioText), strong: toNeighbors > CLIFF },
    toSpelling ? { value: toSpelling.ratio, strong: toSpelling.ratio > CLIFF,
      text: `${ratioText(toSpelling.ratio)} ${shapeText(toSpelling.of)}` } : "-",
    { ...kernelCell(row), strong: reference }, { node: command(reproText(row)) },
  ];
}

function cliffsOf(view) {
  const sized = view.timed.filter((row) => row.elements > 0);
  const neighbors = neighborRatios(sized);
  const spellings = spellingRatios(sized);
  return view.best.map(({ row, estimate }) => ({
    row, toBest: estimate, toNeighbors: neighbors.get(row.index),
    toSpelling: spellings.get(row.index), reference: REFERENCE_KERNEL.test(row.detail),
  })).filter((found) => found.reference || found.toBest.ratio > CLIFF
    || found.toNeighbors > CLIFF || (found.toSpelling && found.toSpelling.ratio > CLIFF))
    .sort(bySteepness);
}

function bySteepness(a, b) {
  return steepness(b) - steepness(a);
}

function steepness({ toBest, toNeighbors, toSpelling }) {
  return Math.max(toBest.ratio, toNeighbors || 0, toSpelling ? toSpelling.ratio : 0);
}

// Row index -> time per element as a ratio to the median of its neighbors.
function neighborRatios(rows) {
  const ratios = new Map();
  const perElement = (row) => row.median / row.elements;
  const alike = (row) => JSON.stringify(
    [row.backend, keyText(row), row.batch === row.n ? 0 : row.batch, row.l === 1]);
  for (const own of groupBy(rows, alike).values()) {
    const ordered = [...own].sort((a, b) => a.elements - b.elements);
    ordered.forEach((row, at) => {
      const near = [...ordered.slice(Math.max(0, at - NEIGHBORS), at),
        ...ordered.slice(at + 1, at + 1 + NEIGHBORS)].filter((other) => Math.max(
        other.elements / row.elements, row.elements / other.elements) <= NEAR);
      if (near.length >= 2) ratios.set(row.index, perElement(row) / median(near.map(perElement)));
    });
  }
  return ratios;
}

// Row index -> {ratio, of}: time as a ratio to the fastest spelling with another L, `of`.
function spellingRatios(rows) {
  const ratios = new Map();
  const spelling = (row) => JSON.stringify([row.backend, keyText(row), row.c, row.n * row.l,
    Math.floor(row.n / Math.max(1, row.batch || row.n)), row.groups]);
  for (const own of groupBy(rows, spelling).values()) {
    for (const row of own) {
      const others = own.filter((other) => other.l !== row.l);
      if (!others.length) continue;
      const of = others.reduce((best, other) => (other.median < best.median ? other : best));
      ratios.set(row.index, { ratio: row.median / of.median, of });
    }
  }
  return ratios;
}
