// What a backend costs beside its time: preparation, allocations, and what disturbed it.
import { isApart } from "./cases.js";
import { groupBy } from "./collections.js";
import { largest, median, sum } from "./statistics.js";

// Per shown backend that passed anything: {backend, prepare, payoff, allocations, cpus, faults, preempted};
// `prepare` is the median in ns, `allocations` the most per call, `cpus` the median of the CPUs used, `faults` and
// `preempted` are sums; null where unknown.
export function costTable(view) {
  const passed = view.rows.filter((row) => row.outcome === "passed" && view.isShown(row.backend));
  const payoffs = payoffCalls(view);
  const known = (rows, key, of) => {
    const values = rows.map((row) => row[key]).filter((value) => value !== null);
    return values.length ? of(values) : null;
  };
  return [...groupBy(passed, (row) => row.backend)].map(([backend, rows]) => ({
    backend, prepare: known(rows, "prepare_ns", median), payoff: payoffs.get(backend) || null,
    allocations: known(rows, "allocations", largest), cpus: known(rows, "cpus", median),
    faults: known(rows, "faults", sum), preempted: known(rows, "preempted", sum) }));
}

// Backend -> {cases, never, calls}: against the library of the same case that is the cheapest to prepare (where
// there is none, against any backend), after how many calls preparing and calling took less time in all: the
// median over the cases, Infinity where it never does; `never` is the number of such cases. The cheapest itself
// is left out.
export function payoffCalls(view) {
  const cases = groupBy(view.timed.filter((row) => row.prepare_ns !== null), (row) => row.case);
  const calls = new Map();
  for (const rows of cases.values()) {
    const libraries = rows.filter((row) => view.backends.get(row.backend).kind === "library"
      && !isApart(row));
    const cheapest = (libraries.length ? libraries : rows).reduce((a, b) => (b.prepare_ns < a.prepare_ns ? b : a));
    for (const row of rows.filter((own) => own !== cheapest)) {
      const gain = cheapest.median_ns - row.median_ns;
      const price = row.prepare_ns - cheapest.prepare_ns;
      const own = calls.get(row.backend) || [];
      calls.set(row.backend, own);
      own.push(gain > 0 ? Math.max(1, Math.ceil(price / gain)) : Infinity);
    }
  }
  return new Map([...calls].map(([backend, own]) => [backend, { cases: own.length,
    never: own.filter((count) => count === Infinity).length, calls: median(own) }]));
}
