// The heart of a comparison: shapes by backends, each cell a ratio to the best of its row.
import { byElements, groupBy } from "./collections.js";
import { apartBackends, momentsBackends, nativeBackends } from "./cases.js";
import { likeCases } from "./groups.js";
import { geometricMeanOf } from "./statistics.js";

// One matrix per group of like cases: {keys, backends, marksOf, lines}. Backends stand from fast to slow, those
// apart last; `marksOf` says why, {isNative, isMoments}. A line is {id, row, best, cells}: `row` is any row of
// the case, `best` the reference, null where nothing was timed; a cell is {row, estimate, relation}, null where
// the backend has no row, and its estimate is null where it has no time.
export function shapeMatrices(view, { isWanted = () => true } = {}) {
  return likeCases(view.rows.filter(isWanted), view.schema).map(({ keys, rows }) => {
    const [apart, native, moments] = [apartBackends, nativeBackends, momentsBackends].map((of) => of(rows));
    const lines = [...groupBy(rows, (row) => row.case)].map(([id, own]) => lineOf(view, id, own));
    const shown = [...groupBy(rows, (row) => row.backend)].filter(([id]) => view.isShown(id));
    const places = shown.map(([id, own]) => {
      const ratios = own.flatMap((row) => view.toShown.get(row.index)?.estimate.ratio ?? []);
      return [Number(apart.has(id)), ratios.length ? geometricMeanOf(ratios) : Infinity, id];
    });
    const backends = places.sort(byElements).map(([, , id]) => id);
    return { keys, backends, lines,
      marksOf: (id) => ({ isNative: native.has(id), isMoments: moments.has(id) }) };
  });
}

function lineOf(view, id, rows) {
  const cells = new Map(rows.map((row) => {
    const record = view.toShown.get(row.index);
    return [row.backend, { row, estimate: record ? record.estimate : null,
      relation: record ? record.relation : null }];
  }));
  const timed = rows.map((row) => view.toBest.get(row.index)).find(Boolean);
  return { id, row: rows[0], best: timed ? timed.reference : null, cells };
}
