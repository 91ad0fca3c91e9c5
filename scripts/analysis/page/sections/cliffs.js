// Cliffs, and the kernels that are behind most of them.
import { cliffCounts, findCliffs, isSpelledTwice, MOST_CLIFFS, worstInTurn } from "../../core/cliffs.js";
import { CLIFF_TEXT, EMPTY } from "../../core/method.js";
import { cliffTable, kernelTable } from "../../tables/shapes.js";
import { choice, controls, element, note } from "../dom.js";
import { backendName, nothing } from "../names.js";
import { change, pick, state } from "../state.js";
import { show } from "../tables.js";

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
