// Who is the fastest for which shape, and how far ahead of the next.
import { byNumber, groupBy, unique } from "./collections.js";
import { isOf } from "./groups.js";
import { geometricMeanOf } from "./statistics.js";

export const MOST_BINS = 12;
// Which rows, what is across, what is up.
const MAPS = [
  { name: "N by C, where L = 1", across: "c", up: "n", has: (row) => row.l === 1 },
  { name: "L by C, over all N", across: "c", up: "l", has: (row) => row.l !== 1 },
];

// A ratio has so many of these below or at it: steps of equal weight to a reader, for colors.
export const LEVELS = [1.1, 1.25, 1.5, 2, 3, 5, 10, 20];

export function levelOf(ratio) {
  return LEVELS.filter((limit) => ratio >= limit).length;
}

// The maps of one group that have cells: {name, across, up, columns, lines, cells}. `columns` and `lines` are
// bins of sizes, [smallest, largest]; a cell is {column, line, backend, margin, relation, cases}: the backend
// that is the best in most of its cases, the geometric mean over these of the ratio of the next to it, null
// without a next, and whether all of them are tied or undecided. Backends in a native layout do not count.
export function heatMaps(view, group) {
  const isIn = isOf(group);
  const records = view.records.filter(({ reference, competes }) => competes && isIn(reference));
  const duels = [...groupBy(records, ({ row }) => row.case).values()].map(duelOf);
  return MAPS.flatMap(({ name, across, up, has }) => {
    const own = duels.filter(({ row }) => has(row));
    if (!own.length) return [];
    const [columns, lines] = [across, up].map((key) => binsOf(own.map(({ row }) => row[key])));
    const place = ({ row }) => `${columns.place(row[across])} ${lines.place(row[up])}`;
    const cells = [...groupBy(own, place)].map(([key, members]) => {
      const [column, line] = key.split(" ").map(Number);
      return { column, line, ...cellOf(members) };
    });
    return [{ name, across, up, columns: columns.bins, lines: lines.bins, cells }];
  });
}

// Of one backend its ratio to the best, in the same bins: cells are {column, line, ratio, cases}.
export function ratioMaps(view, group, backend) {
  const own = new Map(view.records.filter(({ row }) => row.backend === backend)
    .map(({ row, estimate }) => [row.case, estimate.ratio]));
  return heatMaps(view, group).map((map) => ({ ...map, cells: map.cells.flatMap(({ column, line, cases }) => {
    const ratios = cases.map(({ row }) => own.get(row.case)).filter(Boolean);
    return ratios.length ? [{ column, line, cases: ratios.length, ratio: geometricMeanOf(ratios) }] : [];
  }) }));
}

function duelOf(records) {
  const best = records.find(({ relation }) => relation === "reference");
  const next = records.filter((record) => record !== best)
    .reduce((a, b) => (a && a.estimate.ratio <= b.estimate.ratio ? a : b), null);
  return { row: best.row, next };
}

function cellOf(duels) {
  const [backend, own] = [...groupBy(duels, ({ row }) => row.backend)]
    .reduce((a, b) => (b[1].length > a[1].length ? b : a));
  const nexts = own.map(({ next }) => next).filter(Boolean);
  const all = (relation) => nexts.length > 0 && nexts.every((next) => next.relation === relation);
  return { backend, margin: nexts.length ? geometricMeanOf(nexts.map(({ estimate }) => estimate.ratio)) : null,
    relation: all("tied") ? "tied" : all("undecided") ? "undecided" : "slower", cases: duels };
}

// Every value a bin of its own while there are few; else powers of two, by so many as it takes.
function binsOf(values) {
  const ordered = unique(values).sort(byNumber);
  let step = 0;
  const keyOf = (value) => (step === 0 ? value : Math.floor(Math.log2(Math.max(1, value)) / step));
  while (unique(ordered.map(keyOf)).length > MOST_BINS) step += 1;
  const groups = [...groupBy(ordered, keyOf).values()];
  const places = new Map(groups.flatMap((own, at) => own.map((value) => [value, at])));
  return { bins: groups.map((own) => [own[0], own.at(-1)]), place: (value) => places.get(value) };
}
