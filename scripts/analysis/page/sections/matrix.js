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
  const order = (line) => [line[0], ...line.slice(4), line[3]];
  return [
    note(`Time as a ratio to ${view.reference}, in each shape. = cannot be told apart from the best, ? too few rounds to say. `
      + "A shape or a cell leads to its times; a heading sorts."),
    controls(control, scale()),
    show(view, { ...model, head: order(head).map((own, at) => (at === head.length - 3 ? { ...own, text: "best time" } : own)),
      body: body.map((line) => order([{ ...line[0], note: line[1] === "-" ? "" : line[1] }, ...line.slice(1)])),
      note: matrix.backends.some(matrix.isNative) ? OWN_LAYOUT : "" },
    { section: "shapes", class: "matrix shapes", most: 60 })];
}

// What the colors say.
function scale() {
  return element("span", { class: "scale", role: "img", "aria-label": "The stronger the color, the slower" },
    ["1", ...LEVELS.map((limit) => `${limit}+`)].map((text, at) => element("span", { "data-level": at }, text)));
}
