// Tables with captions that scroll in their own box, and sort by their headings.
"use strict";

// Cells and headings are text, nodes, or {text, node, value, title, numeric, strong, span, data}.
function table({ caption, head, body, sortable = false, className = "", data = {} }) {
  const columns = head.map((cell) => (isPlain(cell) ? { text: cell } : cell));
  const rows = body.map((cells) => bodyRow(cells, columns));
  const attributes = Object.fromEntries(
    Object.entries(data).map(([key, value]) => [`data-${key}`, value]));
  const made = element("table", { class: className, ...attributes },
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, columns.map((column) => heading(column, sortable)))),
    element("tbody", {}, rows));
  if (sortable) makeSortable(made);
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    made);
}

function isPlain(cell) {
  return typeof cell !== "object" || cell === null || cell instanceof Node;
}

function bodyRow(cells, columns) {
  return element("tr", {}, cells.map((cell, index) => tableCell(cell, columns[index] || {}, index)));
}

function tableCell(cell, column, index) {
  const given = isPlain(cell) ? { node: cell } : cell;
  const content = given.node !== undefined ? given.node : given.text;
  const made = element(index === 0 ? "th" : "td", {
    scope: index === 0 ? "row" : null, title: given.title,
    class: [column.numeric ? "number" : "", given.strong ? "strong" : ""].join(" ").trim() || null,
    "data-value": given.value === undefined ? null : given.value, ...given.data,
  }, ...(Array.isArray(content) ? content : [content === null ? "-" : content]));
  if (given.paint) given.paint(made);
  return made;
}

function heading(column, sortable) {
  const content = sortable ? element("button", { type: "button", class: "sort" },
    column.text, element("span", { class: "arrow", "aria-hidden": "true" })) : column.text;
  return element("th", { scope: "col", title: column.title, "aria-sort": sortable ? "none" : null,
    class: column.numeric ? "number" : null }, content);
}

function makeSortable(made) {
  const headings = [...made.tHead.rows[0].cells];
  headings.forEach((own, index) => own.firstChild.addEventListener("click", () => {
    const descending = own.getAttribute("aria-sort") === "ascending";
    headings.forEach((other) => other.setAttribute("aria-sort", "none"));
    own.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const rows = [...made.tBodies[0].rows].map((row) => [sortValue(row.cells[index]), row]);
    rows.sort(([a], [b]) => (descending ? -1 : 1) * compareValues(a, b));
    made.tBodies[0].append(...rows.map(([, row]) => row));
  }));
}

function sortValue(cell) {
  if (!cell) return null;
  return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
}

// Numbers by size, text by letters, what is not known last.
function compareValues(a, b) {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return typeof a === "number" && typeof b === "number" ? a - b : byName(String(a), String(b));
}

function numberCell(value, toText, more = {}) {
  return value === null || value === undefined || Number.isNaN(value)
    ? { text: "-" } : { text: toText(value), value, ...more };
}

function estimateCell(estimate, more = {}) {
  if (!estimate) return { text: "-" };
  return {
    value: estimate.ratio, ...more,
    node: [ratioText(estimate.ratio), " ",
      element("span", { class: "interval" }, intervalText(estimate))],
    title: more.title || `95% interval ${intervalText(estimate)}, n = ${estimate.count}`,
  };
}

function caseCell(row) {
  return {
    node: element("button", { type: "button", class: "link", click: () => lookUp(row) },
      shapeText(row)), title: `${row.case}${row.name ? `, ${row.name}` : ""}`,
  };
}
