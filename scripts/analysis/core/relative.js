// Ratios between cases that differ in one thing: threads, mini-batch, norm, type, layout. The two sides were
// not measured in the same rounds, so there is no interval.
import { bestRows } from "./cases.js";
import { byName, byNumber, groupBy, keyOf, sortedBy, unique } from "./collections.js";
import { byRegime, caseWithout, CONTROL, KEYS, LISTS, likeCases, titlesIn } from "./groups.js";
import { geometricMeanOf, median, smallest } from "./statistics.js";

// {columns, lines: [{keys, title, backend, cells: [{ratio, count} or null]}]}, or null without pairs. A pair
// is {row, base, column}; lines are the groups of pairs by `keys` and backend.
function pivot(pairs, schema, columns, ratioOf, keys) {
  if (!pairs.length) return null;
  const among = pairs.map(({ row }) => row);
  const title = titlesIn(among, KEYS.filter((key) => !keys.includes(key)));
  const order = likeCases(among, schema).map((group) => keyOf(group.keys, keys));
  const groups = groupBy(pairs, ({ row }) => keyOf(row, [...keys, "backend"])).values();
  const lines = sortedBy(groups, ([{ row }]) => [order.indexOf(keyOf(row, keys)), row.backend]).map((own) => {
    const [{ row }] = own;
    return { keys: row, title: title(row), backend: row.backend, cells: columns.map((column) => {
      const ratios = own.filter((pair) => pair.column === column).map(ratioOf);
      return ratios.length ? { ratio: geometricMeanOf(ratios), count: ratios.length } : null;
    }) };
  });
  return { columns, lines };
}

const slowdown = ({ row, base }) => row.median_ns / base.median_ns;

// Pairs of rows of one backend that differ in `field` alone, with the one whose value is `usual`.
function pairsBy(rows, field, usual) {
  const key = (row) => `${row.backend} ${caseWithout(row, field)}`;
  const bases = new Map(rows.filter((row) => row[field] === usual).map((row) => [key(row), row]));
  return rows.filter((row) => row[field] !== usual && bases.has(key(row)))
    .map((row) => ({ row, base: bases.get(key(row)) }));
}

// Rows that were also timed with the fewest threads of all: {row, base, speedup}.
export function speedups(rows) {
  if (!rows.length) return [];
  const fewest = smallest(rows.map((row) => row.threads));
  return pairsBy(rows, "threads", fewest).map((pair) => ({ ...pair, speedup: 1 / slowdown(pair) }));
}

// Speedup over the fewest threads, per backend and threads, by regime: columns are regimes.
export function threadScaling(view) {
  const pairs = speedups(shownTimed(view)).map((pair) => ({ ...pair, column: pair.row.regime }));
  const regimes = unique(pairs.map(({ column }) => column)).sort(byRegime(view.schema));
  const table = pivot(pairs, view.schema, regimes, ({ speedup }) => speedup, KEYS);
  return table && { ...table, fewest: pairs[0].base.threads };
}

// Time with mini-batches of B as a ratio to one batch of all N: columns are B.
export function batchScaling(view) {
  const key = (row) => `${row.backend} ${caseWithout(row, "batch")}`;
  const rows = shownTimed(view);
  const bases = new Map(rows.filter((row) => row.whole).map((row) => [key(row), row]));
  const pairs = rows.filter((row) => !row.whole && bases.has(key(row)))
    .map((row) => ({ row, base: bases.get(key(row)), column: row.batch }));
  return pivot(pairs, view.schema, unique(pairs.map(({ column }) => column)).sort(byNumber), slowdown, KEYS);
}

// Per backend: another type as a ratio to the most used one, by where the case of that lives.
export function typeRatios(view) {
  return spellingRatios(view, "dtype");
}

// Per backend: another layout as a ratio to the most used one.
export function layoutRatios(view) {
  return spellingRatios(view, "layout");
}

// {usual, columns, lines, best}: `best` is the same over the best backend of each case, by the regime of
// the usual one.
function spellingRatios(view, field) {
  const list = view.schema[LISTS[field]];
  const [usual] = list;
  const keys = KEYS.filter((key) => key !== field);
  const norms = (rows) => rows.filter((row) => row.norm !== CONTROL);
  const pairs = pairsBy(norms(shownTimed(view)), field, usual)
    .map((pair) => ({ ...pair, column: pair.row[field] }));
  const columns = list.filter((value) => pairs.some(({ column }) => column === value));
  const table = pivot(pairs, view.schema, columns, slowdown, keys);
  if (!table) return null;
  const best = norms(bestRows(view.records)).map((row) => ({ ...row, backend: "" }));
  const ofBest = groupBy(pairsBy(best, field, usual).map((pair) => ({ ...pair, column: pair.row[field] })),
    ({ base }) => base.regime);
  return { ...table, usual, best: [...ofBest].sort(([a], [b]) => byRegime(view.schema)(a, b)).flatMap(
    ([regime, own]) => pivot(own, view.schema, columns, slowdown, keys).lines
      .map((line) => ({ ...line, regime }))) };
}

// What a norm and its control have in common; batch, groups, eps, momentum and affine mean nothing to `none`.
const SHAPE = ["n", "c", "l", "pass", "dtype", "layout", "threads", "cache", "input", "then"];

// The price of a norm: its time divided by the time of the control `none` by whichever backend is the
// fastest at that on the same shape: {medians: [{title, cases, cells: [{backend, price, cases}]}], backends,
// shapes, withoutControl}, or null when no norm was timed beside the control.
export function price(view) {
  const best = bestRows(view.records);
  const control = fastestOfShape(best.filter((row) => row.norm === CONTROL));
  const norms = view.timed.filter((row) => row.norm !== CONTROL);
  const priced = norms.filter(control);
  if (!priced.length) return null;
  const groups = likeCases(priced, view.schema);
  const title = titlesIn(groups.map(({ keys }) => keys));
  const backends = unique(priced.map((row) => row.backend)).filter(view.isShown).sort(byName);
  const cases = (rows) => new Set(rows.map((row) => row.case)).size;
  const medians = groups.map(({ keys, rows }) => ({
    keys, title: title(keys), cases: cases(rows), cells: backends.map((backend) => {
      const own = rows.filter((row) => row.backend === backend);
      return own.length ? { price: median(own.map((row) => slowdown({ row, base: control(row) }))),
        cases: own.length } : null;
    }),
  }));
  return { medians, backends, withoutControl: cases(norms) - cases(priced),
    shapes: shapesOf(best.filter((row) => row.norm !== CONTROL && control(row)), control, view.schema) };
}

// Other norms instead of the most used one: per shape the best time of each norm as a ratio to that of the
// usual norm over all N; null when no shape was timed with several.
export function normRatios(view) {
  const [usual] = view.schema.norms;
  const best = bestRows(view.records);
  const base = fastestOfShape(best.filter((row) => row.norm === usual && row.whole));
  const others = best.filter((row) => row.norm !== usual && row.norm !== CONTROL && base(row));
  return others.length ? { usual, shapes: shapesOf(others, base, view.schema) } : null;
}

// A function of a row to the fastest of these rows on the same shape, undefined where there is none.
function fastestOfShape(rows) {
  const found = new Map();
  for (const row of rows) {
    const before = found.get(keyOf(row, SHAPE));
    if (!before || row.median_ns < before.median_ns) found.set(keyOf(row, SHAPE), row);
  }
  return (row) => found.get(keyOf(row, SHAPE));
}

// {norms, lines: [{title, row, base, cells: {norm: [{row, ratio}]}}]}.
function shapesOf(rows, baseOf, schema) {
  const norms = schema.norms.filter((norm) => rows.some((row) => row.norm === norm));
  const groups = likeCases(rows, schema);
  const title = titlesIn(groups.map(({ keys }) => keys), ["norm"]);
  const ordered = groups.flatMap(({ rows: own }) => own);
  const lines = [...groupBy(ordered, (row) => keyOf(row, SHAPE)).values()].map((own) => ({
    title: title(own[0]), row: own.find((row) => row.name) || own[0], base: baseOf(own[0]),
    cells: Object.fromEntries(norms.map((norm) => [norm, own.filter((row) => row.norm === norm)
      .map((row) => ({ row, ratio: slowdown({ row, base: baseOf(row) }) }))])),
  }));
  return { norms, lines };
}

// Versions of one library that a run has side by side: [{name, ids, lines: [{title, cells}]}], ratios of
// the times in the same cases, to the first of them.
export function versionsSideBySide(view) {
  const libraries = groupBy([...view.backends.values()].filter(({ kind, version }) => kind === "library"
    && version), ({ name }) => name);
  return [...libraries].filter(([, own]) => unique(own.map(({ version }) => version)).length > 1).map(
    ([name, own]) => {
      const ids = own.map(({ id }) => id);
      const cases = groupBy(view.timed.filter((row) => ids.includes(row.backend)), (row) => row.case);
      const shared = [...cases.values()].filter((rows) => rows.length === ids.length);
      const groups = likeCases(shared.flat(), view.schema);
      const title = titlesIn(groups.map(({ keys }) => keys));
      const meanOf = (rows, id) => geometricMeanOf(rows.filter((row) => row.backend === id)
        .map((row) => row.median_ns));
      return { name, ids, lines: groups.map(({ keys, rows }) => ({
        title: title(keys), cases: rows.length / ids.length,
        cells: ids.map((id) => meanOf(rows, id) / meanOf(rows, ids[0])) })) };
    });
}

function shownTimed(view) {
  return view.timed.filter((row) => view.isShown(row.backend));
}
