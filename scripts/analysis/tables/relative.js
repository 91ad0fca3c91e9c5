// Tables of ratios between cases that differ in one thing, and of what a backend costs beside its time.
import { costTable as costs } from "../core/costs.js";
import { FACTORS, performanceProfile } from "../core/profile.js";
import { batchScaling, layoutRatios, normRatios, typeRatios, price, threadScaling,
  versionsSideBySide } from "../core/relative.js";
import { bandwidthTable as bandwidths, ceilingTable as ceilings } from "../core/roofline.js";
import { bytesText, percentText, ratioText, timeText } from "../core/text.js";
import { backendCell, backendColumns, column, NONE, numberCell, numeric, shapeCell } from "./model.js";

function meanCell(cell) {
  return cell ? { text: ratioText(cell.ratio), note: `(n=${cell.count})`, value: cell.ratio } : NONE;
}

// Lines are {title, backend, cells} of core/relative.js.
function pivotTable(view, id, caption, found, columns) {
  return found && { id, caption, head: [column("setting"), column("backend"), ...columns.map((text) => numeric(text))],
    body: found.lines.map(({ title, backend, cells }) => [title, backendCell(view, backend), ...cells.map(meanCell)]) };
}

export function threadTable(view) {
  const found = threadScaling(view);
  return pivotTable(view, "threads", `Speedup over ${found ? found.fewest : 1} thread(s), by regime`, found,
    found ? found.columns : []);
}

export function batchTable(view) {
  const found = batchScaling(view);
  return pivotTable(view, "batches", "Time with mini-batches of B as a ratio to one batch of all N", found,
    found ? found.columns.map((size) => `B = ${size}`) : []);
}

export function typeTable(view) {
  const found = typeRatios(view);
  return pivotTable(view, "types", `Time as a ratio to ${found ? found.usual : "f32"}, per backend`, found,
    found ? found.columns : []);
}

export function layoutTable(view) {
  const found = layoutRatios(view);
  return pivotTable(view, "layouts", `Time as a ratio to ${found ? found.usual : "ncl"}, per backend`, found,
    found ? found.columns : []);
}

// The best backend in another type as a ratio to the best in the usual one, by where that lives.
export function bestTypeTable(view) {
  const found = typeRatios(view);
  return found && { id: "best-types", caption: `The best time as a ratio to the best in ${found.usual}`,
    head: [column("setting"), column(`regime in ${found.usual}`), ...found.columns.map((text) => numeric(text))],
    body: found.best.map(({ title, regime, cells }) => [title, regime, ...cells.map(meanCell)]) };
}

// Shapes by norms: the best time of each norm as a ratio to `base`, the row that all are measured against.
function normShapes(view, id, caption, baseName, { norms, lines }) {
  return { id, caption, head: [column("shape"), column("setting"), numeric(baseName), ...norms.map((norm) => numeric(norm))],
    body: lines.map(({ title, row, base, cells }) => [shapeCell(row), title,
      { text: timeText(base.median_ns), note: view.backends.get(base.backend).label, value: base.median_ns },
      ...norms.map((norm) => normCell(view, cells[norm]))]) };
}

function normCell(view, own) {
  if (!own.length) return NONE;
  const text = ({ row, ratio }) => `${ratioText(ratio)} ${view.backends.get(row.backend).label}${
    row.groups > 1 ? ` G=${row.groups}` : ""}`;
  return { text: own.map(text).join("; "), value: Math.min(...own.map(({ ratio }) => ratio)) };
}

export function normTable(view) {
  const found = normRatios(view);
  return found && normShapes(view, "norms", `The best time of each norm as a ratio to ${found.usual} norm`, found.usual,
    found.shapes);
}

// {medians, shapes, withoutControl} or null.
export function priceTables(view) {
  const found = price(view);
  return found && {
    withoutControl: found.withoutControl,
    medians: { id: "price", caption: "Median price over the cases: time as a ratio to no norm at all",
      head: [column("setting"), numeric("cases"), ...backendColumns(view, found.backends)],
      body: found.medians.map(({ title, cases, cells }) => [title, { text: String(cases), value: cases },
        ...cells.map((cell) => (cell ? { text: ratioText(cell.price), value: cell.price,
          note: cell.cases < cases ? `(n=${cell.cases})` : "" } : NONE))]) },
    shapes: normShapes(view, "prices", "Price per shape, each norm by the backend that is fastest at it", "none",
      found.shapes),
  };
}

export function versionTables(view) {
  return versionsSideBySide(view).map(({ name, ids, lines }) => ({
    id: "versions", caption: `Versions of ${name}: time as a ratio to ${view.backends.get(ids[0]).label}`,
    head: [column("setting"), numeric("cases"), ...backendColumns(view, ids)],
    body: lines.map(({ title, cases, cells }) => [title, { text: String(cases), value: cases },
      ...cells.map((ratio) => numberCell(ratio, ratioText))]) }));
}

// `group` is {keys, rows} of core/groups.js.
export function bandwidthTable(view, group, title) {
  const found = bandwidths(view, group);
  const text = ({ gbs, share }) => (share === null ? "" : `(${percentText(share)} of the copy)`);
  const hasBound = found.lines.some(({ cells }) => cells.some(({ bound }) => bound !== null));
  if (!found.lines.length) return null;
  return { id: "bandwidth", caption: `${title}: median GB/s (share of the copy of the case)${
    hasBound ? "; times the bound" : ""}, by regime`,
    head: [column("backend"), ...found.regimes.map((regime) => numeric(regime)),
      ...(hasBound ? found.regimes.map((regime) => numeric(`${regime}, times bound`)) : [])],
    body: found.lines.map(({ backend, cells }) => [backendCell(view, backend),
      ...cells.map((cell) => numberCell(cell.gbs, (value) => value.toFixed(1), { note: text(cell) })),
      ...(hasBound ? cells.map(({ bound }) => numberCell(bound, ratioText)) : [])]) };
}

export function profileTable(view, group, title) {
  const found = performanceProfile(view, group);
  if (!found.length) return null;
  return { id: "profile", caption: `${title}: share of the cases within a factor of the best`,
    head: [column("backend"), numeric("cases"), ...FACTORS.map((factor) => numeric(`within ${factor}x`))],
    body: found.map(({ backend, cases, shares }) => [backendCell(view, backend), { text: String(cases), value: cases },
      ...shares.map((share) => ({ text: percentText(share), value: share }))]) };
}

export function costTable(view) {
  const found = costs(view);
  const count = (value) => numberCell(value, (own) => String(Number(own.toPrecision(6))), { strong: value > 0 });
  return found.length ? { id: "costs", caption: "Costs beside the time, and disturbances",
    head: [column("backend"), numeric("median prepare"), numeric("calls until it pays off"),
      numeric("most allocations per call"), numeric("most CPUs used"), numeric("page faults while timed"),
      numeric("preempted samples")],
    body: found.map(({ backend, prepare, payoff, allocations, cpus, faults, preempted }) => [
      backendCell(view, backend), numberCell(prepare, timeText), payoffCell(payoff), count(allocations),
      numberCell(cpus, (value) => value.toFixed(1)), count(faults), count(preempted)]) } : null;
}

function payoffCell(payoff) {
  if (!payoff) return NONE;
  const note = payoff.never ? `(never in ${payoff.never} of ${payoff.cases} cases)` : "";
  return payoff.calls === Infinity ? { text: "never", note, value: Infinity }
    : { text: String(Math.ceil(payoff.calls)), note, value: payoff.calls };
}

export function ceilingTable(run) {
  const found = ceilings(run);
  const speed = (value) => numberCell(value, (own) => own.toFixed(1));
  return found.length ? { id: "ceilings", caption: "Measured copies",
    head: [numeric("threads"), numeric("bytes"), column("regime"), numeric("copy, GB/s"),
      numeric("streaming copy, GB/s")],
    body: found.map(({ threads, bytes, regime, plain, streaming }) => [
      numberCell(threads, String), { text: bytesText(bytes), value: bytes }, regime, speed(plain), speed(streaming)]) }
    : null;
}
