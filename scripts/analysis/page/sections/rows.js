// All rows, a page at a time, sorted by any column, as CSV; and those without a time.
import { FACETS, facetValues } from "../../core/filters.js";
import { detailText } from "../../core/kernels.js";
import { EMPTY } from "../../core/method.js";
import { bandwidth, copyShare } from "../../core/rows.js";
import { percentText, ratioText, reproText, shortOutcome, timeText } from "../../core/text.js";
import { gapsTable, remarksTable } from "../../tables/runs.js";
import { csvOf } from "../csv.js";
import { controls, element } from "../dom.js";
import { backendName, caseLink, nothing, reproduce } from "../names.js";
import { estimateCell, numberCell, show, table } from "../tables.js";

const PAGE = 25;

export function rowsSection(view) {
  return [
    controls(element("button", { type: "button", id: "csv", click: () => download(view) },
      `Download ${view.shownRows.length} rows as CSV`)),
    table({ id: "rows", section: "rows", caption: "Rows", rows: view.shownRows, paged: PAGE,
      columns: columnsOf(view).map((own) => ({ ...own, always: true })) })];
}

function columnsOf(view) {
  const facets = FACETS.filter((facet) => facetValues(view.run, facet).length > 1 && facet !== "regime");
  const ratioOf = (row) => view.toShown.get(row.index)?.estimate;
  const text = (key, head, of) => ({ key, head, value: of, cell: (row) => String(of(row)) });
  const number = (key, head, of, toText) => ({ key, head, numeric: true, value: of,
    cell: (row) => numberCell(of(row), toText) });
  return [
    { key: "shape", head: "shape", value: (row) => row.elements,
      cell: (row) => ({ node: caseLink(row), value: row.elements }) },
    text("name", "name", (row) => row.name),
    ...facets.map((facet) => text(facet, facet, (row) => row[facet])),
    { key: "regime", head: "data in", value: (row) => view.schema.regimes.indexOf(row.regime),
      cell: (row) => row.regime },
    { key: "backend", head: "backend", value: (row) => row.backend,
      cell: (row) => ({ node: backendName(view, row.backend, row.native_layout) }) },
    { key: "time", head: "time", numeric: true, value: (row) => row.median_ns, cell: (row) => (row.timed
      ? numberCell(row.median_ns, timeText) : { node: shortOutcome(row), title: row.reason, class: "bad" }) },
    { key: "ratio", head: `ratio to ${view.reference}`, numeric: true,
      value: (row) => (ratioOf(row) ? ratioOf(row).ratio : null), cell: (row) => estimateCell(ratioOf(row)) },
    number("gbs", "GB/s", bandwidth, (value) => value.toFixed(1)),
    number("copy", "of copy", copyShare, percentText),
    number("error", "error", (row) => row.error, ratioText),
    { key: "kernel", head: "kernel", value: (row) => detailText(row) || row.reason,
      cell: (row) => ({ node: detailText(row) || row.reason, class: "text" }) },
    { key: "", head: "reproduce", class: "screen",
      cell: (row) => ({ node: reproduce(reproText(row)), class: "screen" }) }];
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
