// Shapes by backends, colored by how far each is from the best.
import { LEVELS } from "../../core/heat.js";
import { shapeMatrices } from "../../core/matrix.js";
import { OWN_LAYOUT } from "../../tables/answer.js";
import { matrixTable } from "../../tables/shapes.js";
import { controls, element, note } from "../dom.js";
import { chooseGroup, idOf, nothing } from "../names.js";
import { show } from "../tables.js";

export function matrixSection(view) {
  const { group, control } = chooseGroup(view, "shapes");
  if (!group) return nothing("No case was timed.");
  const [matrix] = shapeMatrices(view, { isWanted: (row) => idOf(row) === idOf(group.keys) });
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
      note: matrix.backends.some(matrix.isNative) ? OWN_LAYOUT : "" },
    { section: "shapes", class: "matrix shapes", most: 60 })];
}

// What the colors say.
function scale() {
  const texts = ["1", ...LEVELS.map((limit) => `${limit}+`)];
  return element("span", { class: "scale", role: "img", "aria-label": "The stronger the color, the slower" },
    texts.map((text, at) => element("span", { "data-level": at }, text)));
}
