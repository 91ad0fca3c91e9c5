// Several runs side by side; of one all rows, those without a time, and how its numbers came about.
import { findChanges } from "../../core/changes.js";
import { chooseCases } from "../../core/filters.js";
import { runNames, sameMachine, sharedText } from "../../core/machines.js";
import { BIASES, EMPTY, methodTexts } from "../../core/method.js";
import { ceilingTable } from "../../tables/relative.js";
import { countText } from "../../core/text.js";
import { changeFloorText, changesTable, gapsTable, machinesTable, remarksTable, runsTable,
} from "../../tables/runs.js";
import { rowsTable } from "../../tables/shapes.js";
import { csvOf } from "../csv.js";
import { choice, command, controls, definitions, element, list, note } from "../dom.js";
import { nothing } from "../names.js";
import { command as ownCommand, loaded, pick, state } from "../state.js";
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
  const perGroup = ([title, cases, ...rest]) => [`${title}, ${countText(Number(cases.text), "case")}`, ...rest];
  return [
    note(`Ratios, never times: each is to the best of its own run. ${sharedText(found)}`),
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
      + `interval is beyond ${found.threshold}. ${changeFloorText(found)}`),
    element("p", { id: "change-counts" }, `${found.rows.length} rows: ${found.counts.map(
      ([change, count]) => `${count} ${change}`).join(", ")}.`),
    show(view, changesTable(view, found.rows), { section: "runs", most: 60 })];
}

export function rowsSection(view) {
  return [
    controls(element("button", { type: "button", id: "csv", click: () => download(view) },
      `Download ${view.shownRows.length} rows as CSV`)),
    show(view, rowsTable(view), { section: "rows", paged: 25 })];
}

function download(view) {
  const url = URL.createObjectURL(new Blob([csvOf(view)], { type: "text/csv" }));
  const link = element("a", { href: url, download: `${view.run.name.replace(/[^\w.-]+/g, "-")}.csv` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export function gapsSection(view) {
  const [gaps, remarks] = [gapsTable(view), remarksTable(view)];
  return [gaps ? show(view, gaps, { section: "gaps" }) : nothing(EMPTY.gaps),
    remarks ? show(view, remarks, { section: "gaps", most: 40 }) : null];
}

const WORDS = [
  ["the best", "the fastest ranked backend of a case; rank among says who can be it, show who is listed"],
  ["ratio", "a time divided by another of the same case: 2 takes twice as long"],
  ["mean (worst)", "geometric mean of the ratios over shapes, and the largest of them"],
  ["ncl, nlc", "layout: (N, C, L) with positions contiguous, PyTorch's default; channels last"],
  ["N, C, L, B, G", "samples, channels, positions (1 for (N, C) data), mini-batch, groups of channels"],
  ["L1, L2, L3, DRAM", "regime: the smallest cache of the threads in which the data fits"],
  ["warm, cold", "whether the data was used just before, or swept out of the caches"],
  ["noise floor", "how much a backend differs from itself, measured twice in the same rounds"],
  ["bound", "the least time that the pass can take, by the copy and the read of the same data"],
];

export function methodSection(view) {
  const { run } = view;
  const copies = ceilingTable(run);
  return [
    list(methodTexts(view)),
    element("h3", {}, "Words"), definitions(WORDS),
    element("h3", {}, "Biases"), list(BIASES),
    element("h3", {}, "Measured copies"),
    copies ? show(view, copies, { section: "method" }) : nothing("No copies were measured in this run."),
    element("h3", {}, "Raw data and commands"),
    definitions([["run folder", run.path],
      ["files", "run.json (machine, build, config), samples.jsonl (a row per case and backend with its "
        + "samples), controls.jsonl (copies and A/A twins)"],
      ["config", String(run.config.path || "–")],
      ["the run", Array.isArray(run.meta.command) ? command(run.meta.command.join(" ")) : "–"],
      ["this page", command(ownCommand)]])];
}
