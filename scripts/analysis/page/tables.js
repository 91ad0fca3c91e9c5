// Tables of ../tables on the page: they scroll in their own box, sort by their headings, and end early on a
// screen.
import { byName } from "../core/collections.js";
import { levelOf } from "../core/heat.js";
import { intervalText } from "../core/text.js";
import { asCell } from "../tables/model.js";
import { element, note } from "./dom.js";
import { backendHead, caseLink, marker, reproduce } from "./names.js";
import { pick, remember, state } from "./state.js";

// `group` is the column whose texts become lines above their rows. Of the rows the first `most` are shown, or
// those of one page of `paged`. A column that is empty in all rows is left out, unless it is the first or a
// backend's. With `linksNotes` what leads to a case is the note of a cell.
export function show(view, model, { section, id = model.id, group = null, most = Infinity, paged = null,
  sortable = true, linksNotes = false, class: kind = null }) {
  const { body: rows, caption, cellsOf = (line) => line } = model;
  const columns = model.head.map(asCell).map((head, at) => ({ ...head, at, key: head.backend || head.text }));
  const used = columns.filter(({ at }) => at !== group).filter(({ at, backend }, place) => place === 0 || backend
    || model.cellsOf || rows.some((line) => !isEmpty(asCell(line[at]))));
  const made = element("table", { id: `table-${id}`, class: kind },
    element("caption", {}, element("span", {})), element("thead", {}, element("tr", {})),
    element("tbody", {}));
  const box = element("div", { class: "scroll", role: "region", "aria-label": caption }, made);
  const after = element("div", { class: "controls" });
  const draw = () => {
    const [key, direction] = (state.pick[`sort.${id}`] || "").split(":");
    const by = sortable && used.find((column) => column.key === key && !column.isCommand);
    const sorted = by ? sortRows(rows, (row) => sortValue(asCell(cellsOf(row)[by.at])), direction) : rows;
    const isAll = state.isPrinting || state.pick[`all.${id}`] === "yes";
    const pages = paged ? Math.max(1, Math.ceil(rows.length / paged)) : 1;
    const page = Math.min(pages, Math.max(1, Math.floor(Number(state.pick[`page.${id}`])) || 1));
    const shown = paged ? sorted.slice((page - 1) * paged, page * paged)
      : isAll ? sorted : sorted.slice(0, most);
    made.caption.firstChild.textContent = caption + (paged && rows.length > paged
      ? `: ${(page - 1) * paged + 1} to ${(page - 1) * paged + shown.length} of ${rows.length}` : "");
    made.tHead.rows[0].replaceChildren(...used.map((column) => headCell(view, id, column,
      sortable && !column.isCommand, by === column ? direction : null, (next) => {
        pick(section, { [`sort.${id}`]: `${column.key}:${next}`, [`page.${id}`]: null }, { draw: false });
        draw();
        document.getElementById(`sort-${id}-${column.key}`).focus();
      })));
    made.tBodies[0].replaceChildren(...bodyRows(view, shown.map(cellsOf), used, by ? null : group, linksNotes));
    after.replaceChildren(...(paged ? pager(id, page, pages, draw) : []),
      ...(rows.length > most ? [allButton(id, rows.length, most, isAll, draw)] : []));
  };
  draw();
  watch(box);
  return [box, after.childElementCount ? after : null, model.note ? note(model.note) : null];
}

function isEmpty({ text, note: more }) {
  return (text === "-" || text === "") && !more;
}

// Buttons have ids, so that whoever has the focus keeps it when a section is drawn again.
function headCell(view, id, column, sortable, direction, sort) {
  const { key, text, backend, numeric, isCommand, title = backend } = column;
  const name = backend ? backendHead(view, column) : text;
  return element("th", { scope: "col", title, class: isCommand ? "screen" : numeric ? "number" : null,
    "data-key": key, "aria-sort": sortable ? direction || "none" : null },
  sortable ? element("button", { type: "button", class: "sort", id: `sort-${id}-${key}`,
    click: () => sort(direction === "ascending" ? "descending" : "ascending") }, name,
  element("span", { class: "arrow", "aria-hidden": "true" })) : name);
}

function bodyRows(view, lines, columns, group, linksNotes) {
  let before = null;
  return lines.flatMap((line) => {
    const made = element("tr", {}, columns.map((column, place) => bodyCell(view, column, asCell(line[column.at]),
      place === 0, linksNotes)));
    const text = group === null ? null : asCell(line[group]).text;
    if (text === before) return [made];
    before = text;
    return [element("tr", { class: "group" }, element("th", { colspan: columns.length, scope: "rowgroup" },
      element("span", {}, text))), made];
  });
}

function bodyCell(view, column, cell, isFirst, linksNotes) {
  const isLong = !column.numeric && !column.isCommand && !cell.backend && cell.text.length > 24;
  const kinds = [column.numeric && "number", column.isCommand && "screen",
    cell.bad ? "bad" : cell.quiet ? "few" : cell.strong && "strong", isLong && "text"];
  return element(isFirst ? "th" : "td", { scope: isFirst ? "row" : null,
    class: kinds.filter(Boolean).join(" ") || null,
    title: cell.title || (cell.interval ? intervalText(cell.interval) : cell.backend), "data-value": cell.value,
    "data-level": cell.ratio && levelOf(cell.ratio), "data-backend": cell.backend },
  contentOf(view, column, cell, linksNotes));
}

function contentOf(view, { numeric, isCommand }, cell, linksNotes) {
  if (isEmpty(cell)) return element("span", { class: "faint" }, "–");
  if (isCommand) return reproduce(cell.text);
  const isHollow = cell.isNative || cell.isMoments;
  const text = cell.backend ? [marker(view, cell.backend, isHollow), ` ${cell.text}`] : cell.text;
  const plain = cell.code ? element("code", {}, text) : text;
  const isLink = cell.row && !linksNotes;
  return [isLink ? caseLink(cell.row, plain, cell.ratio ? { tabindex: -1, title: cell.title } : {}) : plain,
    !cell.note ? "" : [" ", linksNotes && cell.row ? caseLink(cell.row, cell.note, { class: "quiet" })
      : element("span", { class: numeric ? "interval" : "aside", title: cell.note }, cell.note)]];
}

function sortRows(rows, valueOf, direction) {
  const sign = direction === "descending" ? -1 : 1;
  return rows.map((row) => [valueOf(row), row]).sort(([a], [b]) => compare(a, b, sign)).map(([, row]) => row);
}

function sortValue(cell) {
  return cell.value ?? (isEmpty(cell) ? null : cell.text);
}

// Numbers by size, text by letters, what is not known last.
function compare(a, b, sign) {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
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
