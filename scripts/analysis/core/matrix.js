// The heart of a comparison: shapes by backends, each cell a ratio to the best of its row.
import { groupBy, keyOf } from "./collections.js";
import { nativeBackends } from "./cases.js";
import { KEYS, likeCases } from "./groups.js";
import { geometricMeanOf } from "./statistics.js";

// One matrix per group of like cases: {keys, backends, isNative, lines}. Backends stand from fast to slow,
// those in a native layout last. A line is {id, row, best, cells}: `row` is any row of the case, `best` the
// reference, null where nothing was timed; a cell is {row, estimate, relation}, null where the backend has
// no row, and its estimate is null where it has no time.
export function shapeMatrices(view, { isWanted = () => true } = {}) {
  return likeCases(view.rows.filter(isWanted), view.schema).map(({ keys, rows }) => {
    const native = nativeBackends(rows);
    const lines = [...groupBy(rows, (row) => row.case)].map(([id, own]) => lineOf(view, id, own));
    const logs = new Map();
    for (const { cells } of lines) {
      for (const [backend, { estimate }] of cells) {
        if (estimate) logs.set(backend, [...(logs.get(backend) || []), estimate.ratio]);
        else if (!logs.has(backend)) logs.set(backend, []);
      }
    }
    const place = (backend) => (logs.get(backend).length ? geometricMeanOf(logs.get(backend)) : Infinity);
    const places = new Map([...logs.keys()].map((backend) => [backend, place(backend)]));
    const backends = [...places.keys()].filter(view.isShown).sort((a, b) => (
      native.has(a) - native.has(b) || places.get(a) - places.get(b) || (a < b ? -1 : 1)));
    return { key: keyOf(keys, KEYS), keys, backends, isNative: (id) => native.has(id), lines };
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
