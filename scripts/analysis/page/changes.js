// Several runs: what changed between two of one machine, and all of them side by side.
"use strict";

const THRESHOLD = 1.05;
const BROKEN = ["failed", "crashed", "timed_out"];
const CHANGES = ["slower", "broken", "faster", "undecided", "same"];
const MOST_CHANGES = 200;

function renderChanges(view, body) {
  const others = loaded.filter((run) => run !== view.run && sameMachine(run, view.run));
  if (others.length) renderDifferences(view, body, others);
  else append(body, [paragraph("No other run here is from this machine (same CPU, cores and "
    + "instruction set), so times are not compared between runs.")]);
  append(body, [element("h3", {}, "Every run by itself"), sideBySide()]);
}

function sameMachine(a, b) {
  return ["cpu", "cores", "isa"].every((key) => a.machine[key] === b.machine[key]);
}

function renderDifferences(view, body, others) {
  const chosen = others.find((run) => String(loaded.indexOf(run)) === state.pick.other)
    || others.filter((run) => loaded.indexOf(run) < state.run).at(-1) || others[0];
  const [old, recent] = [chosen, view.run].sort((a, b) => loaded.indexOf(a) - loaded.indexOf(b));
  const found = differences(old, recent);
  const counts = groupBy(found, (entry) => entry.change);
  append(body, [
    element("h3", {}, "What changed"),
    others.length > 1 ? choice("other", "Compare with", others.map(
      (run) => [String(loaded.indexOf(run)), run.path]), String(loaded.indexOf(chosen)),
    (value) => pick("changes", { other: value })) : null,
    note(`Time in \`${recent.path}\` (${recent.started}) as a ratio to \`${old.path}\` `
      + `(${old.started}): above 1 is slower now. Slower: the whole interval is above ${THRESHOLD}. `
      + "The runs were not measured in the same rounds, so intervals are wider."),
    element("p", { id: "change-counts" }, `${found.length} rows in both runs: ${
      CHANGES.filter((change) => counts.has(change))
        .map((change) => `${counts.get(change).length} ${change}`).join(", ") || "none"}.`),
  ]);
  const shown = found.filter((entry) => entry.change !== "same").slice(0, MOST_CHANGES);
  if (!shown.length) return;
  append(body, [table({
    caption: "Rows that are not the same", sortable: true, className: "changes",
    head: ["change", "backend", "case", { text: "old", numeric: true },
      { text: "new", numeric: true }, { text: "ratio", numeric: true }],
    body: shown.map(({ change, before, after, estimate }) => [
      change, { node: backendLabel(after.backend) }, { text: after.case },
      before.timed ? numberCell(before.median, timeText) : outcomeText(before.outcome),
      after.timed ? numberCell(after.median, timeText) : outcomeText(after.outcome),
      estimateCell(estimate)]),
  })]);
}

// As diff.py: rows of both runs that pass the filters, worst first.
function differences(old, recent) {
  const before = new Map(filterRows(old, state).map((row) => [`${row.backend} ${row.case}`, row]));
  const found = filterRows(recent, state).flatMap((after) => {
    const own = before.get(`${after.backend} ${after.case}`);
    if (!own) return [];
    const estimate = own.timed && after.timed ? unpairedRatio(after.samples, own.samples) : null;
    return [{ before: own, after, estimate, change: changeOf(own, after, estimate) }];
  });
  return found.sort((a, b) => CHANGES.indexOf(a.change) - CHANGES.indexOf(b.change)
    || (b.estimate ? b.estimate.ratio : 0) - (a.estimate ? a.estimate.ratio : 0));
}

function changeOf(before, after, estimate) {
  if (before.outcome === "passed" && BROKEN.includes(after.outcome)) return "broken";
  if (!estimate) return "same";
  if (estimate.lo === null) return "undecided";
  if (estimate.lo > THRESHOLD) return "slower";
  return estimate.hi < 1 / THRESHOLD ? "faster" : "same";
}

function sideBySide() {
  return table({
    caption: "Runs side by side, each with its own machine, noise and ceilings", className: "wrap",
    head: ["run", "machine", "noise floor", "verified", "fastest plain and streaming copy, GB/s",
      "verdict"],
    body: loaded.map((run) => [
      `${run.name} (${run.path}), ${String(run.started || "").slice(0, 10)}`,
      machineText(run), floorText(run), run.verified, ceilingText(run),
      { node: prose(verdictTexts(rankGroups(run, filterRows(run, state)))[0]) }]),
  });
}

// Per thread count, in the largest size measured.
function ceilingText(run) {
  const sizes = groupBy(run.ceilings, (ceiling) => ceiling.threads);
  return [...sizes].map(([threads, own]) => {
    const largestSize = own.reduce((a, b) => (b.bytes > a.bytes ? b : a));
    const speeds = [largestSize.plain_gbs, largestSize.streaming_gbs]
      .map((speed) => (speed ? speed.toFixed(1) : "-"));
    return `${threadsText(threads)}, ${bytesText(largestSize.bytes)}: ${speeds.join(" and ")}`;
  }).join("; ") || "-";
}
