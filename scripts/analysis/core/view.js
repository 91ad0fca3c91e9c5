// One look at a run: which cases, which backends are ranked, which are shown, and compared with whom.
// Every section of the report and of the page is computed from this: ../tables says it, ../charts draws it.
import { describeAll } from "./backends.js";
import { compareWithinCases } from "./cases.js";
import { AMONG, backendsOf, rankedBackends } from "./filters.js";
import { rankGroups, wholeGroups } from "./rank.js";

// `rows` are those of the chosen cases, of all backends; `shown` is the set of backends that tables and
// charts have, null for all; `among` says who is ranked (filters.js); `baseline` is a backend that ratios
// are to, null for the best. A baseline that has no time here does not count.
export function makeView(run, { rows = run.rows, shown = null, among = "all", baseline = null } = {}) {
  const ranked = rankedBackends(run, among);
  const isTimed = (id) => rows.some((row) => row.timed && row.backend === id);
  const against = baseline !== null && isTimed(baseline) ? baseline : null;
  const records = compareWithinCases(run, rows, { ranked });
  const groups = rankGroups(run, rows, { ranked, baseline: against });
  const isShown = (id) => !shown || shown.has(id);
  const index = (list) => new Map(list.map((record) => [record.row.index, record]));
  const toBest = index(records);
  const best = Array.isArray(among) ? "the best of those ranked" : (AMONG[among] || AMONG.all).best;
  const backends = describeAll(run, backendsOf(run.rows));
  return {
    run, schema: run.schema, rows, ranked, among, baseline: against, isShown, records, groups,
    whole: wholeGroups(groups), timed: rows.filter((row) => row.timed),
    shownRows: rows.filter((row) => isShown(row.backend)),
    // Who the backends are (backends.js); what tables and what sentences call them.
    backends, label: (id) => backends.get(id)?.label ?? id, spoken: (id) => backends.get(id).spoken,
    // Of a row, by its index: the record with the ratio to the best, and to what ratios are shown to.
    toBest, toShown: against === null ? toBest : index(compareWithinCases(run, rows, { baseline: against })),
    best, reference: against === null ? best : backends.get(against).label,
  };
}
