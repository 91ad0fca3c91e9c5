// Runs side by side: several machines or versions, compared by ratios, never by times.
import { geometricMean } from "./statistics.js";
import { groupBy, unique } from "./collections.js";
import { likeCases, titlesIn } from "./groups.js";
import { cachesOf } from "./roofline.js";
import { floorText } from "./noise.js";
import { bytesText, countText, listText } from "./text.js";

export const SAME_MACHINE = ["cpu", "cores", "isa"];

// Whether times of the two may be compared; a host may have got another name.
export function sameMachine(a, b) {
  return SAME_MACHINE.every((key) => a.machine[key] === b.machine[key]);
}

// The folder of each run, with its path where that does not tell them apart, and numbers where nothing does.
export function runNames(runs) {
  const apart = (of) => (run) => runs.filter((own) => of(own) === of(run)).length === 1;
  return runs.map((run, at) => {
    if (apart(({ folder }) => folder)(run)) return run.folder;
    return apart(({ path }) => path)(run) ? run.path : `${at + 1}: ${run.path}`;
  });
}

// `2-core AMD EPYC (avx512f, virtual machine)`.
export function machineText({ machine }) {
  const name = machine.cores ? `${machine.cores}-core ${machine.cpu || "machine"}` : machine.cpu || "";
  const more = [machine.isa, machine.virtual ? "virtual machine" : null].filter(Boolean).join(", ");
  return name && more ? `${name} (${more})` : name || more;
}

// What a heading says of the run of a view: machine, caches, versions of the libraries.
export function runHeading({ run, backends }) {
  const last = cachesOf(run, run.machine.cores || 1).at(-1);
  const libraries = [...backends.values()]
    .filter(({ kind, version }) => kind === "library" && version)
    .map(({ name, version }) => `${name} ${version}`);
  return { machine: machineText(run), cache: last ? `L${last.level} ${bytesText(last.bytes)}` : "",
    libraries: listText(unique(libraries)), noise: floorText(run.noise), date: run.started.slice(0, 10) };
}

// The runs of `views` over the cases that all of them timed: {cases, runs, lines: [{title, keys, cases,
// backends: [{backend, cells}]}]}. A cell is the geometric mean of the ratio to the best of the same run,
// {label, estimate}, null where the run has no time of that backend in all of these cases.
export function sideBySide(views) {
  const caseSets = views.map((view) => new Set(view.records.map(({ row }) => row.case)));
  const isShared = (row) => caseSets.every((set) => set.has(row.case));
  const shared = views.map((view) => view.records.filter(({ row }) => isShared(row)));
  const groups = likeCases(shared[0].map(({ row }) => row), views[0].schema);
  const title = titlesIn(groups.map(({ keys }) => keys));
  const lines = groups.map(({ keys, rows }) => {
    const cases = new Set(rows.map((row) => row.case));
    const columns = shared.map((records) => groupBy(records.filter(({ row }) => cases.has(row.case)),
      ({ row }) => row.backend));
    const backends = unique(columns.flatMap((column) => [...column.keys()]))
      .filter((id) => views.some((view) => view.isShown(id)));
    const cellOf = (column, backend, view) => {
      const own = column.get(backend) || [];
      return own.length === cases.size ? { label: view.label(backend),
        estimate: geometricMean(own.map(({ estimate }) => estimate)) } : null;
    };
    const cells = backends.map((backend) => ({ backend,
      cells: columns.map((column, at) => cellOf(column, backend, views[at])) }))
      .filter(({ cells: own }) => own.some(Boolean));
    const place = ({ cells: own }) => Math.min(...own.filter(Boolean).map(({ estimate }) => estimate.ratio));
    return { keys, title: title(keys), cases: cases.size,
      backends: cells.sort((a, b) => place(a) - place(b)) };
  });
  return { cases: new Set(shared[0].map(({ row }) => row.case)).size, lines,
    totals: caseSets.map((set) => set.size), runs: views.map(runHeading) };
}

// One sentence on how many cases the runs share; empty when all are shared.
export function sharedText({ cases, totals }) {
  return totals.every((total) => total === cases) ? ""
    : `${countText(cases, "case")} shared, of ${listText(totals.map(String))}: others do not count here.`;
}
