// What else the same data would cost: another norm, type, layout; no norm at all; another version.
import { EMPTY } from "../../core/method.js";
import { countText, LAYER_NAMES } from "../../core/text.js";
import { bestTypeTable, layoutTable, normTable, priceTables, typeTable, versionTables,
} from "../../tables/relative.js";
import { element, folded, note } from "../dom.js";
import { nothing } from "../names.js";
import { show } from "../tables.js";

const APART = "Not measured in the same rounds, so there is no interval.";

export function otherSection(view) {
  const { norms: [norm], dtypes: [dtype], layouts: [layout] } = view.schema;
  const heading = (text) => element("h3", {}, text);
  const grouped = (model) => show(view, model, { section: "other", group: 0, most: 90 });
  const perShape = (model) => show(view, model, { section: "other", group: 1, most: 60 });
  const [norms, types, best, layouts] = [normTable, typeTable, bestTypeTable, layoutTable].map(
    (make) => make(view));
  return [
    heading(`Another layer instead of ${LAYER_NAMES[norm]}`),
    norms ? [note(`Per shape the best time of each layer, whoever has it. ${APART}`), perShape(norms)]
      : nothing(EMPTY.norms),
    heading(`Another type instead of ${dtype}`),
    types ? [note(APART), grouped(types), best ? grouped(best) : null] : nothing(EMPTY.types),
    heading(`Another layout instead of ${layout}`),
    layouts ? [note(APART), grouped(layouts)] : nothing(EMPTY.layouts),
    heading("No norm at all"), ...prices(view, perShape),
    ...versionTables(view).flatMap((model) => [heading(model.caption.replace(/:.*/, "")),
      show(view, model, { section: "other" })])];
}

function prices(view, perShape) {
  const found = priceTables(view);
  if (!found) return [nothing(EMPTY.price)];
  const rest = found.withoutControl
    ? ` ${countText(found.withoutControl, "case")} without it are left out.` : "";
  return [
    note("The time of a norm divided by that of none, y = x and dx = dy, by whoever is the fastest at that: "
      + `1 is a norm for nothing. ${APART}${rest}`),
    show(view, found.medians, { section: "other", sortable: false }),
    folded("Per shape", {}, () => perShape(found.shapes))];
}
