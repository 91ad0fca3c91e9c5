// All rows, a page at a time, sorted by any column; the filtered rows as CSV.
"use strict";

const PAGE_ROWS = 25;

// {key, text, numeric, value(row, record), cell(row, record)}; keys are kept in the address.
function rowColumns(view) {
  const fixed = ["norm", "pass", "dtype", "layout", "threads", "cache", "input"].filter(
    (key) => differs(key, view.run.rows));
  const estimate = (record) => (record ? record.estimate.ratio : null);
  return [
    { key: "shape", text: "shape", value: (row) => row.elements,
      cell: (row) => caseCell(row) },
    { key: "name", text: "name", value: (row) => row.name },
    ...fixed.map((key) => ({ key, text: key, value: (row) => row[key] })),
    { key: "regime", text: "regime",
      value: (row) => REGIMES.indexOf(row.regime), cell: (row) => row.regime },
    { key: "backend", text: "backend", value: (row) => row.backend,
      cell: (row) => ({ node: backendLabel(row.backend, row.native_layout) }) },
    { key: "median", text: "time", numeric: true, value: (row) => row.median,
      cell: (row) => (row.timed ? timeCell(row) : shortOutcome(row)) },
    { key: "ratio", text: `ratio to ${view.against}`, numeric: true,
      value: (_, record) => estimate(record),
      cell: (_, record) => estimateCell(record && record.estimate) },
    { key: "gbs", text: "GB/s", numeric: true, value: (row) => row.gbs,
      cell: (row) => numberCell(row.gbs, (value) => value.toFixed(1)) },
    { key: "share", text: "% of copy", numeric: true, value: (row) => row.share,
      cell: (row) => shareCell(row.share) },
    { key: "error", text: "error", numeric: true, value: (row) => row.error,
      cell: (row) => numberCell(row.error, ratioText) },
    { key: "rounds", text: "rounds", numeric: true, value: (row) => row.samples.length,
      cell: (row) => String(row.samples.length) },
    { key: "kernel", text: "kernel", value: (row) => row.detail || row.reason,
      cell: (row) => kernelCell(row) },
  ];
}

function sortedRows(view, columns) {
  const [key, direction] = (state.pick.sort || "").split(":");
  const column = columns.find((own) => own.key === key);
  if (!column) return view.rows;
  const sign = direction === "descending" ? -1 : 1;
  return view.rows.map((row) => [column.value(row, view.toShown.get(row.index)), row])
    .sort(([a], [b]) => (a === null || b === null ? compareValues(a, b) : sign * compareValues(a, b)))
    .map(([, row]) => row);
}

function renderRows(view, body) {
  const columns = rowColumns(view);
  const rows = sortedRows(view, columns);
  const pages = Math.max(1, Math.ceil(rows.length / PAGE_ROWS));
  const page = Math.min(pages, Math.max(1, Number(state.pick.page) || 1));
  const shown = rows.slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS);
  const made = table({
    caption: `Rows ${(page - 1) * PAGE_ROWS + 1} to ${(page - 1) * PAGE_ROWS + shown.length} of `
      + rows.length, className: "rows", head: columns.map((column) => rowHeading(column)),
    body: shown.map((row) => columns.map((column) => rowCell(column, row, view))),
  });
  markSorted(made, columns);
  [...made.querySelectorAll("tbody tr")].forEach((line, index) => {
    line.cells[0].prepend(detailButton(line, shown[index], columns.length, view));
  });
  append(body, [
    element("div", { class: "controls" },
      pageButton("first", "« first", 1, page > 1), pageButton("previous", "‹ previous", page - 1, page > 1),
      element("span", { id: "page", role: "status" }, `page ${page} of ${pages}`),
      pageButton("next", "next ›", page + 1, page < pages), pageButton("last", "last »", pages, page < pages),
      element("button", { type: "button", id: "csv", click: () => download(view, rows) },
        "Download CSV")),
    made]);
}

function rowCell(column, row, view) {
  const record = view.toShown.get(row.index);
  return column.cell ? column.cell(row, record) : { text: String(column.value(row, record)) };
}

function rowHeading(column) {
  return { numeric: column.numeric, text: element("button", { type: "button", class: "sort",
    id: `sort-${column.key}`, click: () => {
      const descending = state.pick.sort === `${column.key}:ascending`;
      pick("rows", { sort: `${column.key}:${descending ? "descending" : "ascending"}`, page: null });
    } }, column.text, element("span", { class: "arrow", "aria-hidden": "true" })) };
}

function markSorted(made, columns) {
  const [key, direction] = (state.pick.sort || "").split(":");
  const headings = made.querySelector("thead tr").cells;
  columns.forEach((column, index) => headings[index].setAttribute("aria-sort",
    column.key === key ? direction : "none"));
}

function pageButton(id, text, page, enabled) {
  return element("button", { type: "button", id: `page-${id}`, disabled: !enabled,
    click: () => pick("rows", { page: String(page) }, true) }, text);
}

function detailButton(line, row, span, view) {
  return element("button", { type: "button", class: "small expand", "aria-expanded": "false",
    "aria-label": `Samples of ${row.backend} in ${row.case}`, click: (event) => {
      const button = event.currentTarget;
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      button.textContent = open ? "+" : "−";
      if (open) line.nextSibling.remove();
      else line.after(element("tr", { class: "detail" },
        element("td", { colspan: span }, rowDetail(row, view))));
    } }, "+");
}

function rowDetail(row, view) {
  const record = view.toShown.get(row.index);
  return definitions([
    ["case", row.case], ["outcome", outcomeText(row.outcome) === "not timed" && row.timed ? "passed"
      : row.outcome], ["known defect of the library", isKnownDefect(row)
      ? [row.known_defect.what, row.known_defect.source].filter(Boolean).join(", ") : ""],
    ["reason", row.reason], ["kernel", row.detail],
    [`ratio to ${view.against}`, record ? `${estimateText(record.estimate)}, ${record.verdict}` : ""],
    ["samples", row.samples.map((sample) => timeText(sample)).join(", ")],
    ["calls per sample", row.iterations], ["copy of the case",
      row.copy_ns === null ? "" : timeText(row.copy_ns)],
    ["read of the case", row.read_ns === null ? "" : timeText(row.read_ns)],
    ["bound", row.bound_ns === null ? "" : timeText(row.bound_ns)],
    ["prepare", row.prepare_ns === null ? "" : timeText(row.prepare_ns)],
    ["allocations per call", row.allocations], ["CPUs used", row.cpus && row.cpus.toFixed(2)],
    ["page faults", row.faults], ["preempted slots", row.preempted],
  ].filter(([, text]) => text !== null && text !== "").map(([label, text]) => [label, String(text)])
    .concat([["reproduce", command(reproText(row))]]));
}

const CSV_COLUMNS = ["case", "backend", "norm", "pass", "dtype", "layout", "n", "c", "l", "batch",
  "groups", "threads", "cache", "input", "regime", "name", "outcome", "reason", "detail", "native_layout",
  "bytes", "error", "grade", "copy_ns", "read_ns", "bound_ns", "allocations", "prepare_ns"];

function csvOf(view, rows) {
  const quote = (value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const lines = [[...CSV_COLUMNS, "median_ns", "reference", "ratio", "lo", "hi", "verdict",
    "gb_per_s", "samples_ns"]];
  for (const row of rows) {
    const record = view.toShown.get(row.index);
    const { ratio, lo, hi } = record ? record.estimate : {};
    lines.push([...CSV_COLUMNS.map((key) => row[key]), row.median,
      record && record.reference.backend, ratio, lo, hi, record && record.verdict, row.gbs,
      row.samples.join(" ")]);
  }
  return lines.map((line) => line.map((value) => quote(String(value ?? ""))).join(",")).join("\r\n")
    + "\r\n";
}

function download(view, rows) {
  const url = URL.createObjectURL(new Blob([csvOf(view, rows)], { type: "text/csv" }));
  const link = element("a", { href: url, download: `${view.run.name.replace(/[^\w.-]+/g, "-")}.csv` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
