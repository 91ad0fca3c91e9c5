// One shape: who is the fastest, by how much, how sure, and all that was measured.
import { groupBy } from "../../core/collections.js";
import { titleOf } from "../../core/groups.js";
import { lookUp } from "../../core/lookup.js";
import { shapeText } from "../../core/text.js";
import { OWN_LAYOUT } from "../../tables/answer.js";
import { caseTable } from "../../tables/shapes.js";
import { choice, controls, element, note, prose } from "../dom.js";
import { pick, state } from "../state.js";
import { show } from "../tables.js";

const MOST_OFFERED = 500;

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
      note: rows.some((own) => own.native_layout) ? OWN_LAYOUT : "" }, { section: "lookup" }) : null];
}

// Two selects: the shape, and which of its cases. The search is the one in the bar.
function chooser(view, cases, row) {
  const shapes = groupBy(cases.values(), ([own]) => nameOf(own));
  const offered = [...shapes.keys()].slice(0, MOST_OFFERED);
  if (!offered.includes(nameOf(row))) offered.push(nameOf(row));
  const among = shapes.get(nameOf(row)).map(([own]) => own);
  const alike = (own) => titleOf(own, view.rows);
  const go = (id) => pick("lookup", { case: id });
  return [
    choice("lookup-shape", shapes.size === 1 ? "Shape" : `One of ${shapes.size} shapes`,
      offered.map((name) => [name, name]), nameOf(row), (name) => {
        const own = shapes.get(name).map(([each]) => each);
        go((own.find((each) => alike(each) === alike(row)) || own[0]).case);
      }),
    choice("lookup-case", "in", among.map((own) => [own.case, titleOf(own, among)]), row.case, go)];
}

function nameOf(row) {
  return `${shapeText(row)}${row.name ? ` ${row.name}` : ""}`;
}
