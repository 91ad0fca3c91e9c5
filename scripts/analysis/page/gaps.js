// What has no time and why, and what disturbed what has.
"use strict";

function renderGaps(view, body) {
  append(body, [gapsTable(view), element("h3", {}, "Preparation, allocations, disturbances"),
    costsTable(view)]);
}

function gapsTable(view) {
  const rows = view.rows.filter((row) => !row.timed);
  const known = new Set(view.run.rows.map((row) => row.backend));
  const absent = view.run.backends.filter((entry) => entry && entry.built === false
    && !known.has(entry.name));
  const lines = [...groupBy(rows, (row) => JSON.stringify([row.backend, ...defectText(row)]))
    .values()].sort((a, b) => b.length - a.length);
  if (!lines.length && !absent.length) {
    return paragraph("Nothing was skipped and nothing failed: every backend was timed in every case.");
  }
  return table({
    caption: "Rows without a time", sortable: true, className: "gaps",
    head: ["backend", "outcome", "reason", { text: "rows", numeric: true }],
    body: [...lines.map((own) => [{ node: backendLabel(own[0].backend) },
      ...defectText(own[0]).map((text) => text || "-"),
      { text: String(own.length), value: own.length, title: own.slice(0, 20).map((row) => row.case)
        .join("\n") }]),
    ...absent.map((entry) => [String(entry.name), "not built", String(entry.reason || "-"), "all"])],
  });
}

function costsTable(view) {
  const versions = new Map(view.run.backends.map((entry) => [entry.name, entry.version]));
  const passed = view.rows.filter((row) => row.outcome === "passed");
  const of = (rows, key) => rows.map((row) => row[key]).filter((value) => value !== null);
  const total = (values) => (values.length ? sum(values) : null);
  const most = (values) => (values.length ? largest(values) : null);
  const flagged = (value) => (value === null ? "-" : { text: String(value), value, strong: value > 0 });
  return table({
    caption: "What a backend costs beside its time", sortable: true, className: "costs",
    head: ["backend", "version", ...["median prepare", "most allocations per call",
      "most CPUs used", "page faults while timed", "preempted slots"]
      .map((text) => ({ text, numeric: true }))],
    body: [...groupBy(passed, (row) => row.backend)].map(([backend, own]) => {
      const prepare = of(own, "prepare_ns");
      return [{ node: backendLabel(backend) }, String(versions.get(backend) ?? "-"),
        numberCell(prepare.length ? median(prepare) : null, timeText),
        flagged(most(of(own, "allocations"))),
        numberCell(most(of(own, "cpus")), (value) => value.toFixed(1)),
        flagged(total(of(own, "faults"))), flagged(total(of(own, "preempted")))];
    }),
  });
}
