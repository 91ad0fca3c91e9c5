// Tables of ratios between cases that differ in one thing, and of what a backend costs beside its time.
import { costTable as costs } from "../core/costs.js";
import { CONTROL } from "../core/groups.js";
import { FACTORS, performanceProfile } from "../core/profile.js";
import { readingTexts, readNext, relationsText } from "../core/reading.js";
import { batchScaling, layoutRatios, normRatios, typeRatios, price, threadScaling,
  versionsSideBySide } from "../core/relative.js";
import { bandwidthTable as bandwidths, ceilingTable as ceilings } from "../core/roofline.js";
import { bytesText, countText, listText, percentText, ratioText, timeText } from "../core/text.js";
import { backendCell, backendColumns, estimateCell, NONE, numberCell, numeric, shapeCell, timeCell, unlessEmpty,
} from "./model.js";

function meanCell(cell) {
  return cell ? numberCell(cell.ratio, ratioText, { note: `(n=${cell.count})` }) : NONE;
}

// A line per setting and backend: `found` is {columns, lines} of core/relative.js, or null.
function pivotTable(view, id, found, caption, headOf = String) {
  return found && { id, caption: caption(found), head: ["setting", "backend",
    ...found.columns.map((text) => numeric(headOf(text)))], body: found.lines.map(({ title, backend, cells }) => [
    title, backendCell(view, backend), ...cells.map(meanCell)]) };
}

export function threadTable(view) {
  return pivotTable(view, "threads", threadScaling(view),
    ({ fewest }) => `Speedup over ${countText(fewest, "thread")}, by regime`);
}

export function batchTable(view) {
  return pivotTable(view, "batches", batchScaling(view),
    () => "Time with mini-batches of B as a ratio to one batch of all N", (size) => `B = ${size}`);
}

const toUsual = ({ usual }) => `Time as a ratio to ${usual}, per backend`;

export function typeTable(view) {
  return pivotTable(view, "types", typeRatios(view), toUsual);
}

export function layoutTable(view) {
  return pivotTable(view, "layouts", layoutRatios(view), toUsual);
}

// The best backend in another type as a ratio to the best in the usual one, by where that lives.
export function bestTypeTable(view) {
  const found = typeRatios(view);
  return found && { id: "best-types", caption: `The best time as a ratio to the best in ${found.usual}`,
    head: ["setting", `regime in ${found.usual}`, ...found.columns.map(numeric)],
    body: found.best.map(({ title, regime, cells }) => [title, regime, ...cells.map(meanCell)]) };
}

// Shapes by norms: the best time of each norm as a ratio to `base`, the row that all are measured against.
function normShapes(view, id, caption, baseName, { norms, lines }) {
  return { id, caption, head: ["shape", "setting", numeric(baseName), ...norms.map(numeric)],
    body: lines.map(({ title, row, base, cells }) => [shapeCell(row), title,
      { ...timeCell(base), note: view.label(base.backend) },
      ...norms.map((norm) => normCell(view, cells[norm]))]) };
}

function normCell(view, own) {
  if (!own.length) return NONE;
  const text = ({ row, ratio }) => `${ratioText(ratio)} ${view.label(row.backend)}${
    row.groups > 1 ? ` G=${row.groups}` : ""}`;
  return { text: own.map(text).join("; "), value: Math.min(...own.map(({ ratio }) => ratio)) };
}

export function normTable(view) {
  const found = normRatios(view);
  if (!found) return null;
  const there = [found.usual, CONTROL, ...found.shapes.norms];
  const missing = view.schema.norms.filter((norm) => !there.includes(norm));
  const caption = `The best time of each norm as a ratio to ${found.usual} norm`;
  return { ...normShapes(view, "norms", caption, found.usual, found.shapes), note: missing.length
    ? `${listText(missing)} norm had no time on a shape of ${found.usual} norm: configs/baselines.toml has all `
      + "norms on the same shapes." : "" };
}

// {medians, shapes, withoutControl} or null.
export function priceTables(view) {
  const found = price(view);
  return found && {
    withoutControl: found.withoutControl,
    medians: { id: "price", caption: "Median price over the cases: time as a ratio to no norm at all",
      head: ["setting", numeric("cases"), ...backendColumns(view, found.backends)],
      body: found.medians.map(({ title, cases, cells }) => [title, numberCell(cases),
        ...cells.map((cell) => (cell ? numberCell(cell.price, ratioText,
          { note: cell.cases < cases ? `(n=${cell.cases})` : "" }) : NONE))]) },
    shapes: normShapes(view, "prices", "Price per shape, each norm by the backend that is fastest at it", "none",
      found.shapes),
  };
}

// What a read of the output right after each call changes: {texts, table}, or null; `table` is null where no two
// contestants differ in one option.
export function readingTable(view) {
  const found = readNext(view);
  return found && { texts: readingTexts(view, found), table: unlessEmpty({
    id: "reading", caption: "Time with an option as a ratio to the time without it; below 1 the option is faster",
    head: ["option", "setting", "data in", numeric("cases"), numeric("output left alone"),
      "the option is", numeric("output read next"), "the option is", numeric("the read adds, without the option"),
      numeric("and with it")],
    body: found.lines.map(({ option, title, regime, cases, alone, next, adds }) => [
      { text: option, code: true }, title, { text: regime, value: view.schema.regimes.indexOf(regime) },
      numberCell(cases.length), estimateCell(alone), relationsText(cases, "isAlone"), estimateCell(next),
      relationsText(cases, "isNext"), ...adds.map((ratio) => numberCell(ratio, ratioText))]) }) };
}

export function versionTables(view) {
  return versionsSideBySide(view).map(({ name, ids, lines }) => ({
    id: "versions", caption: `Versions of ${name}: time as a ratio to ${view.label(ids[0])}`,
    head: ["setting", numeric("cases"), ...backendColumns(view, ids)],
    body: lines.map(({ title, cases, cells }) => [title, numberCell(cases),
      ...cells.map((ratio) => numberCell(ratio, ratioText))]) }));
}

// `group` is {keys, rows} of core/groups.js.
export function bandwidthTable(view, group, title) {
  const { regimes, lines } = bandwidths(view, group);
  const note = ({ share }) => (share === null ? "" : `(${percentText(share)} of the copy)`);
  const hasBound = lines.some(({ cells }) => cells.some(({ bound }) => bound !== null));
  return unlessEmpty({ id: "bandwidth", caption: `${title}: median GB/s (share of the copy of the case)${
    hasBound ? "; times the bound" : ""}, by regime`,
  head: ["backend", ...regimes.map(numeric),
    ...(hasBound ? regimes.map((regime) => numeric(`${regime}, times bound`)) : [])],
  body: lines.map(({ backend, cells }) => [backendCell(view, backend),
    ...cells.map((cell) => numberCell(cell.gbs, (gbs) => gbs.toFixed(1), { note: note(cell) })),
    ...(hasBound ? cells.map(({ bound }) => numberCell(bound, ratioText)) : [])]) });
}

export function profileTable(view, group, title) {
  return unlessEmpty({ id: "profile", caption: `${title}: share of the cases within a factor of the best`,
    head: ["backend", numeric("cases"), ...FACTORS.map((factor) => numeric(`within ${factor}x`))],
    body: performanceProfile(view, group).map(({ backend, cases, shares }) => [backendCell(view, backend),
      numberCell(cases), ...shares.map((share) => numberCell(share, percentText))]) });
}

export function costTable(view) {
  const count = (value) => numberCell(value, (own) => String(Number(own.toPrecision(6))), { strong: value > 0 });
  return unlessEmpty({ id: "costs", caption: "Costs beside the time, and disturbances",
    head: ["backend", ...["median prepare", "calls until it pays off", "most allocations per call",
      "median CPUs used", "page faults while timed", "preempted samples"].map(numeric)],
    body: costs(view).map(({ backend, prepare, payoff, allocations, cpus, faults, preempted }) => [
      backendCell(view, backend), numberCell(prepare, timeText), payoffCell(payoff), count(allocations),
      numberCell(cpus, (value) => value.toFixed(1)), count(faults), count(preempted)]) });
}

function payoffCell(payoff) {
  return payoff ? numberCell(payoff.calls, (calls) => (calls === Infinity ? "never" : String(Math.ceil(calls))),
    { note: payoff.never ? `(never in ${payoff.never} of ${countText(payoff.cases, "case")})` : "" }) : NONE;
}

export function ceilingTable(run) {
  const speed = (value) => numberCell(value, (own) => own.toFixed(1));
  return unlessEmpty({ id: "ceilings", caption: "Measured copies",
    head: [numeric("threads"), numeric("bytes"), "regime", numeric("copy, GB/s"), numeric("streaming copy, GB/s")],
    body: ceilings(run).map(({ threads, bytes, regime, plain, streaming }) => [
      numberCell(threads), numberCell(bytes, bytesText), regime, speed(plain), speed(streaming)]) });
}
