// Shapes by backends, one shape, cliffs, and the kernels that are behind most of them.
import { cliffCounts, findCliffs, isSpelledTwice, MOST_CLIFFS, worstInTurn } from "../../core/cliffs.js";
import { groupBy } from "../../core/collections.js";
import { isOf, titlesIn } from "../../core/groups.js";
import { LEVELS } from "../../core/heat.js";
import { lookUp } from "../../core/lookup.js";
import { shapeMatrices } from "../../core/matrix.js";
import { CLIFF_TEXT, EMPTY } from "../../core/method.js";
import { shapeText } from "../../core/text.js";
import { marksNote, rowCell } from "../../tables/model.js";
import { caseTable, cliffTable, kernelTable, matrixTable } from "../../tables/shapes.js";
import { choice, controls, element, note, prose } from "../dom.js";
import { backendName, chooseGroup, nothing } from "../names.js";
import { change, pick, state } from "../state.js";
import { show } from "../tables.js";

const MOST_OFFERED = 500;

export function matrixSection(view) {
  const { group, control } = chooseGroup(view, "shapes");
  if (!group) return nothing("No case was timed.");
  const [matrix] = shapeMatrices(view, { isWanted: isOf(group) });
  const { head, body, ...model } = matrixTable(view, matrix);
  // Backends next to the shape, and the best time last; the best one is bold anyway.
  const order = ([shape, , , time, ...backends]) => [shape, ...backends, time];
  const withName = ([shape, name, ...rest]) => [{ ...shape, note: name === "-" ? "" : name }, name, ...rest];
  return [
    note(`Time as a ratio to ${view.reference}, in each shape. = cannot be told apart from the best, ? `
      + "too few rounds to say. A shape or a cell leads to its times; a heading sorts."),
    controls(control, scale()),
    show(view, { ...model, body: body.map((line) => order(withName(line))),
      head: order(head.map((own) => (own.text === "time" ? { ...own, text: "best time" } : own))),
      note: marksNote(matrix.backends.map(matrix.marksOf)) },
    { section: "shapes", class: "matrix shapes", most: 60 })];
}

// What the colors say.
function scale() {
  const texts = ["1", ...LEVELS.map((limit) => `${limit}+`)];
  return element("span", { class: "scale", role: "img", "aria-label": "The stronger the color, the slower" },
    texts.map((text, at) => element("span", { "data-level": at }, text)));
}

export function lookupSection(view) {
  const cases = groupBy(view.rows, (row) => row.case);
  const [first] = cases.keys();
  const chosen = cases.has(state.pick.case) ? state.pick.case : first;
  const rows = cases.get(chosen).filter((row) => view.isShown(row.backend));
  const { row, subject, sentence, sure } = lookUp(view, chosen);
  return [
    controls(...chooser(view, cases, row)),
    note(subject, { id: "subject" }),
    element("p", { class: "lead", id: "sentence" }, prose(sentence)),
    note([sure, row.source && `shape from ${row.source}`].filter(Boolean).join("; ")),
    rows.length ? show(view, { ...caseTable(view, rows),
      note: marksNote(rows.map((own) => rowCell(view, own))) }, { section: "lookup" }) : null];
}

// Two selects: the shape, and which of its cases. The search is the one in the bar.
function chooser(view, cases, row) {
  const shapes = groupBy(cases.values(), ([own]) => nameOf(own));
  const offered = [...shapes.keys()].slice(0, MOST_OFFERED);
  if (!offered.includes(nameOf(row))) offered.push(nameOf(row));
  const among = shapes.get(nameOf(row)).map(([own]) => own);
  const [alike, title] = [view.rows, among].map((own) => titlesIn(own));
  const go = (id) => pick("lookup", { case: id });
  return [
    choice("lookup-shape", shapes.size === 1 ? "Shape" : `One of ${shapes.size} shapes`,
      offered.map((name) => [name, name]), nameOf(row), (name) => {
        const own = shapes.get(name).map(([each]) => each);
        go((own.find((each) => alike(each) === alike(row)) || own[0]).case);
      }),
    choice("lookup-case", "in", among.map((own) => [own.case, title(own)]), row.case, go)];
}

function nameOf(row) {
  return `${shapeText(row)}${row.name ? ` ${row.name}` : ""}`;
}

export function kernelsSection(view) {
  const model = kernelTable(view);
  if (!model) return nothing(EMPTY.kernels);
  const kernels = [...new Set(model.body.map((line) => line[2].text))];
  return [
    note("What each backend dispatched to, and how far that is from the best of the same cases."),
    controls(choice("kernel", "Only cases with", [["", "any kernel"], ...kernels.map((text) => [text, text])],
      state.text, (text) => change({ text }))),
    show(view, model, { section: "kernels", most: 60 })];
}

export function cliffsSection(view) {
  const found = findCliffs(view);
  const isAll = state.pick.cliffs === "all" && !state.isPrinting;
  if (!found.length) return nothing(EMPTY.cliffs);
  const counts = cliffCounts(found).map(
    ([backend, count], at) => [at ? ", " : "", backendName(view, backend), ` ${count}`]);
  return [
    note(CLIFF_TEXT),
    isSpelledTwice(view.timed) ? null
      : nothing("No data here was timed in two spellings: configs/cliffs.toml does that."),
    element("p", { id: "cliff-counts" }, `${found.length} of ${view.timed.length} rows: `, counts, "."),
    found.length > MOST_CLIFFS ? controls(element("button", { type: "button", id: "cliffs-all",
      click: () => pick("cliffs", { cliffs: isAll ? null : "all" }) }, isAll ? `Only the worst ${MOST_CLIFFS}`
      : `The worst ${MOST_CLIFFS}, in turn from each backend: list all ${found.length}`)) : null,
    show(view, cliffTable(view, isAll ? found : worstInTurn(found)), { section: "cliffs", most: 200 })];
}
