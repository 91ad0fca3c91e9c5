// Tables with captions that scroll in their own box, sort by their headings, and end early on a screen.
import { byName } from "../core/collections.js";
import { levelOf } from "../core/heat.js";
import { intervalText, ratioText } from "../core/text.js";
import { element, note, present } from "./dom.js";
import { backendHead, caseLink, marker, reproduce } from "./names.js";
import { pick, remember, state } from "./state.js";

// A column is {key, head, numeric, title, class, always, cell(row), value(row)}: cell() gives text, nodes,
// null or {node, value, class, title, data}; value() is what it sorts by; a column that is empty in all rows
// is left out unless it is `always` there. Of the rows the first `most` are shown, or those of one page of
// `paged`; rows of one `groupOf` stand below a line with that text.
export function table({ id, section, caption, columns, rows, most = Infinity, paged = null, sortable = true,
  groupOf = null, class: kind = "" }) {
  const used = columns.filter((column, at) => at === 0 || column.always
    || rows.some((row) => !isEmpty(column.cell(row))));
  const made = element("table", { id: `table-${id}`, class: kind },
    element("caption", {}, element("span", {})), element("thead", {}, element("tr", {})),
    element("tbody", {}));
  const box = element("div", { class: "scroll", role: "region", "aria-label": caption }, made);
  const after = element("div", { class: "controls" });
  const draw = () => {
    const [key, direction] = (state.pick[`sort.${id}`] || "").split(":");
    const by = sortable && key ? used.find((column) => column.key === key) : null;
    const sorted = by ? sortRows(rows, by, direction) : rows;
    const isAll = state.isPrinting || state.pick[`all.${id}`] === "yes";
    const pages = paged ? Math.max(1, Math.ceil(rows.length / paged)) : 1;
    const page = Math.min(pages, Math.max(1, Math.floor(Number(state.pick[`page.${id}`])) || 1));
    const shown = paged ? sorted.slice((page - 1) * paged, page * paged)
      : isAll ? sorted : sorted.slice(0, most);
    made.caption.firstChild.textContent = caption + (paged && rows.length > paged
      ? `: ${(page - 1) * paged + 1} to ${(page - 1) * paged + shown.length} of ${rows.length}` : "");
    made.tHead.rows[0].replaceChildren(...used.map((column) => headCell(id, column,
      sortable && column.key !== "", by === column ? direction : null, (next) => {
        pick(section, { [`sort.${id}`]: `${column.key}:${next}`, [`page.${id}`]: null }, { draw: false });
        draw();
        document.getElementById(`sort-${id}-${column.key}`).focus();
      })));
    made.tBodies[0].replaceChildren(...bodyRows(shown, used, by ? null : groupOf));
    after.replaceChildren(...(paged ? pager(id, page, pages, draw) : []),
      ...(rows.length > most ? [allButton(id, rows.length, most, isAll, draw)] : []));
  };
  draw();
  watch(box);
  return after.childElementCount ? [box, after] : [box];
}

function isEmpty(cell) {
  const node = cell && typeof cell === "object" && "node" in cell ? cell.node : cell;
  return node === null || node === undefined || node === "" || (Array.isArray(node) && !present(node).length);
}

// Buttons have ids, so that whoever has the focus keeps it when a section is drawn again.
function headCell(id, column, sortable, direction, sort) {
  const ascending = direction === "ascending";
  return element("th", { scope: "col", title: column.title,
    class: column.class || (column.numeric ? "number" : null), "data-key": column.key,
    "aria-sort": sortable ? direction || "none" : null },
  sortable ? element("button", { type: "button", class: "sort", id: `sort-${id}-${column.key}`,
    click: () => sort(ascending ? "descending" : "ascending") }, column.head,
  element("span", { class: "arrow", "aria-hidden": "true" })) : column.head);
}

function bodyRows(rows, columns, groupOf) {
  let before = null;
  return rows.flatMap((row) => {
    const line = element("tr", {}, columns.map((column, at) => bodyCell(column, column.cell(row), at)));
    const group = groupOf ? groupOf(row) : null;
    if (group === before) return [line];
    before = group;
    return [element("tr", { class: "group" }, element("th", { colspan: columns.length, scope: "rowgroup" },
      element("span", {}, group))), line];
  });
}

function bodyCell(column, given, at) {
  const own = given && typeof given === "object" && "node" in given ? given : { node: given };
  return element(at === 0 ? "th" : "td", {
    scope: at === 0 ? "row" : null, title: own.title, "data-value": own.value ?? null, ...own.data,
    class: [column.numeric ? "number" : "", own.class || ""].join(" ").trim() || null,
  }, isEmpty(own.node) ? element("span", { class: "faint" }, "–") : own.node);
}

function sortRows(rows, column, direction) {
  const sign = direction === "descending" ? -1 : 1;
  return rows.map((row) => [column.value(row), row]).sort(([a], [b]) => compare(a, b, sign))
    .map(([, row]) => row);
}

// Numbers by size, text by letters, what is not known last.
function compare(a, b, sign) {
  const [noA, noB] = [a, b].map((value) => value === null || value === undefined || value === "");
  if (noA || noB) return Number(noA) - Number(noB);
  return sign * (typeof a === "number" && typeof b === "number" ? a - b : byName(String(a), String(b)));
}

function pager(id, page, pages, draw) {
  const go = (name, text, to, enabled) => element("button", { type: "button", id: `${name}-${id}`,
    disabled: !enabled, click: () => {
      state.pick[`page.${id}`] = String(to);
      remember(true);
      draw();
      document.getElementById(`${name}-${id}`).focus();
    } }, text);
  return [go("first", "« first", 1, page > 1), go("previous", "‹ previous", page - 1, page > 1),
    element("span", { class: "page", role: "status" }, `page ${page} of ${pages}`),
    go("next", "next ›", page + 1, page < pages), go("last", "last »", pages, page < pages)];
}

function allButton(id, count, most, isAll, draw) {
  return element("button", { type: "button", id: `all-${id}`, click: () => {
    if (isAll) delete state.pick[`all.${id}`];
    else state.pick[`all.${id}`] = "yes";
    remember(true);
    draw();
    document.getElementById(`all-${id}`).focus();
  } }, isAll ? `Only the first ${most}` : `List all ${count}`);
}

// A box that hides something to its right says so, and only then takes the focus of the keyboard.
const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => hint(
  target.matches(".scroll") ? target : target.closest(".scroll"))));

function watch(box) {
  sizes.observe(box);
  sizes.observe(box.firstChild);
  box.addEventListener("scroll", () => hint(box), { passive: true });
}

function hint(box) {
  if (!box) return;
  const hidden = box.scrollWidth - box.clientWidth;
  box.classList.toggle("more", hidden - box.scrollLeft > 2);
  if (hidden > 2) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}

// A table of ../tables on the page. `group` is the column whose texts become lines above their rows; rest as
// for table().
export function show(view, model, { group = null, ...options }) {
  const at = model.head.map((_, index) => index).filter((index) => index !== group);
  const columns = at.map((index) => {
    const head = model.head[index];
    return { key: head.backend || head.text, numeric: head.numeric, title: head.title || head.backend,
      head: head.backend ? backendHead(view, head.backend, head.text) : head.text,
      always: Boolean(head.backend),
      class: model.body.some((line) => line[index].isCommand) ? "screen" : null,
      cell: (line) => modelCell(view, line[index], head, options),
      value: (line) => sortValue(line[index]) };
  });
  return [...table({ id: model.id, caption: model.caption, rows: model.body, columns,
    groupOf: group === null ? null : (line) => textOf(line[group]), ...options }),
  model.note ? note(model.note) : null];
}

const textOf = (cell) => (typeof cell === "string" ? cell : cell.text);

function sortValue(cell) {
  if (typeof cell === "object" && cell.value !== undefined) return cell.value;
  return textOf(cell) === "-" ? null : textOf(cell);
}

function modelCell(view, given, head, { linksNotes = false }) {
  const cell = typeof given === "string" ? { text: given } : given;
  if (cell.text === "-" && !cell.note) return null;
  if (cell.isCommand) return { node: reproduce(cell.text), class: "screen" };
  const link = cell.row && !linksNotes;
  const text = cell.backend ? [marker(view, cell.backend, / \*$/.test(cell.text)), ` ${cell.text}`]
    : cell.text;
  const isLong = !head.numeric && !cell.backend && cell.text.length > 24;
  const plain = cell.code ? element("code", {}, text) : text;
  return {
    node: [link ? caseLink(cell.row, plain, cell.ratio ? { tabindex: -1, title: cell.title } : {}) : plain,
      !cell.note ? "" : [" ", linksNotes && cell.row ? caseLink(cell.row, cell.note, { class: "quiet" })
        : element("span", { class: head.numeric ? "interval" : "aside", title: cell.note }, cell.note)]],
    value: cell.value, title: cell.title || (cell.interval && intervalText(cell.interval)),
    class: [cell.bad ? "bad" : cell.quiet ? "few" : cell.strong ? "strong" : "", isLong ? "text" : ""]
      .join(" ").trim(),
    data: { "data-level": cell.ratio ? levelOf(cell.ratio) : null, "data-backend": cell.backend } };
}

export function numberCell(value, toText, more = {}) {
  return value === null || value === undefined ? null : { node: toText(value), value, ...more };
}

// A ratio above its interval. A range of few cases is gray, and nobody's win.
export function estimateCell(estimate, { bold = false, mark = "", ...more } = {}) {
  if (!estimate) return null;
  const few = estimate.spread !== "interval";
  return { value: estimate.ratio, class: few ? "few" : bold ? "strong" : "",
    node: [ratioText(estimate.ratio), mark ? ` ${mark}` : "",
      element("span", { class: "interval" }, intervalText(estimate))], ...more };
}
