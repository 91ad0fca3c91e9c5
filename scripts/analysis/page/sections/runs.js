// Several runs: ratios side by side on the cases that all share, and what changed between two of one machine.
import { findChanges } from "../../core/changes.js";
import { chooseCases } from "../../core/filters.js";
import { runNames, sameMachine, sharedText } from "../../core/machines.js";
import { changeFloorText, changesTable, machinesTable, runsTable } from "../../tables/runs.js";
import { choice, element, note } from "../dom.js";
import { nothing } from "../names.js";
import { loaded, pick, state } from "../state.js";
import { show } from "../tables.js";

export function runsSection(view, { viewOf }) {
  return [...besides(loaded.map((run) => (run === view.run ? view : viewOf(run)))),
    element("h3", {}, "What changed between runs of one machine"), ...changed(view)];
}

function besides(views) {
  if (!views.every(({ records }) => records.length)) {
    return [nothing("One of the runs has no case of those chosen.")];
  }
  const names = runNames(loaded);
  const { found, table } = machinesTable(views, names);
  if (!found.cases) return [nothing("The runs share no case of those chosen.")];
  // The number of cases stands beside the group.
  const perGroup = ([title, cases, ...rest]) => [`${title}, ${cases.text} cases`, ...rest];
  return [
    note(`Ratios, never times, as machines differ. ${sharedText(found)}`),
    show(views[0], { ...table, head: table.head.filter((_, at) => at !== 1), body: table.body.map(perGroup) },
      { section: "runs", class: "runs", group: 0, sortable: false }),
    show(views[0], runsTable(views, names), { section: "runs", sortable: false })];
}

function changed(view) {
  const others = loaded.filter((run) => run !== view.run && sameMachine(run, view.run));
  if (!others.length) {
    return [nothing("No other run here is from this machine (same CPU, cores and instruction set), so times "
      + "are not compared.")];
  }
  const other = others.find((run) => String(loaded.indexOf(run)) === state.pick.other)
    || others.filter((run) => loaded.indexOf(run) < state.run).at(-1) || others[0];
  const [old, recent] = [other, view.run].sort((a, b) => loaded.indexOf(a) - loaded.indexOf(b));
  const wanted = new Set([old, recent].flatMap((run) => chooseCases(run, state)));
  const found = findChanges([old], [recent], undefined,
    (row) => wanted.has(row) && view.isShown(row.backend));
  const [from, to] = runNames([old, recent]);
  return [
    others.length > 1 ? choice("other", "Compare with",
      others.map((run) => [String(loaded.indexOf(run)), run.path]), String(loaded.indexOf(other)),
      (value) => pick("runs", { other: value })) : null,
    note(`Time in ${to} as a ratio to ${from}: above 1 is slower now. A difference counts when its whole `
      + `interval is beyond ${found.threshold} and it is more than ${changeFloorText(found)}.`),
    element("p", { id: "change-counts" }, `${found.rows.length} rows: ${found.counts.map(
      ([change, count]) => `${count} ${change}`).join(", ")}.`),
    show(view, changesTable(found.rows, (id) => (view.backends.has(id) ? view.backends.get(id).label : id)),
      { section: "runs", most: 60 })];
}
