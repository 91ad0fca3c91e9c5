// Pictures and tables of one setting: profile, bandwidth, heat, scaling, accuracy. What else the same data would
// cost: another norm, type, layout; no norm at all; another version. What a backend costs beside its time.
import { accuracyChart } from "../../charts/accuracy.js";
import { heatChart } from "../../charts/heat.js";
import { withRows } from "../../charts/panels.js";
import { profileChart } from "../../charts/profile.js";
import { rooflineChart } from "../../charts/roofline.js";
import { scalingChart } from "../../charts/scaling.js";
import { backendsOf } from "../../core/filters.js";
import { fullTitle } from "../../core/groups.js";
import { ACCURACY_TEXT, APART, EMPTY, NEXT_TEXT, priceText } from "../../core/method.js";
import { layerText, ratioText, shapeText } from "../../core/text.js";
import { bandwidthTable, batchTable, bestTypeTable, costTable, layoutTable, normTable, priceTables, profileTable,
  readingTable, threadTable, typeTable, versionTables } from "../../tables/relative.js";
import { accuracyTables } from "../../tables/runs.js";
import { choice, controls, element, folded, note, prose } from "../dom.js";
import { chartWidth, chooseSetting, nothing, picture } from "../names.js";
import { pick, state } from "../state.js";
import { show } from "../tables.js";

const size = () => ({ width: chartWidth() });

// A table per pass of the setting.
function perPass(view, section, groups, make) {
  return groups.flatMap((group) => {
    const { pass } = group.keys;
    const model = make(view, withRows(view, group), fullTitle(group.keys));
    return model ? [show(view, model, { id: `${model.id}-${pass}`, section })] : [];
  });
}

export function profileSection(view) {
  const { groups, control } = chooseSetting(view, "profile");
  if (!groups.length) return nothing("No case was timed.");
  return [
    note("A mean hides how often a backend is near the best: here is in which share of the cases it takes at "
      + "most so many times as long."),
    controls(control), picture(profileChart(view, groups, size())),
    perPass(view, "profile", groups, profileTable)];
}

export function bandwidthSection(view) {
  const { groups, control } = chooseSetting(view, "bandwidth");
  const tables = perPass(view, "bandwidth", groups, bandwidthTable);
  if (!tables.length) return [controls(control), nothing(EMPTY.bandwidth)];
  return [
    note("GB/s is effective: the bytes that a pass must move, by its time. The bound is the least time that "
      + "it can take: 1 times the bound cannot be beaten."),
    controls(control), picture(rooflineChart(view, groups, size())), tables];
}

export function heatSection(view) {
  const { groups, control } = chooseSetting(view, "heat");
  if (!groups.length) return nothing("No case was timed.");
  const backends = backendsOf(view.timed).filter(view.isShown);
  const backend = backends.includes(state.pick["heat.show"]) ? state.pick["heat.show"] : null;
  return [
    controls(control, choice("heat-show", "Show", [["", "the fastest"],
      ...backends.map((id) => [id, `${view.label(id)}, ratio to the best`])], backend ?? "",
    (value) => pick("heat", { "heat.show": value }))),
    picture(heatChart(view, groups, { ...size(), backend })),
    note("The numbers of each shape are in the table of shapes.")];
}

export function scalingSection(view) {
  const [threads, batches] = [threadTable(view), batchTable(view)];
  const { groups, control } = chooseSetting(view, "scaling");
  const rows = (model) => show(view, model, { section: "scaling", group: 0, most: 90 });
  return [
    element("h3", {}, "Threads"),
    threads ? [note(`Geometric mean over the cases, by where the data lives. ${APART}`), controls(control),
      picture(scalingChart(view, groups, size())), rows(threads)] : nothing(EMPTY.threads),
    element("h3", {}, "Mini-batches"),
    batches ? [note(`Geometric mean over the shapes. ${APART}`), rows(batches)] : nothing(EMPTY.batches)];
}

export function otherSection(view) {
  const { norms: [norm], dtypes: [dtype], layouts: [layout] } = view.schema;
  const heading = (text) => element("h3", {}, text);
  const grouped = (model) => show(view, model, { section: "other", group: 0, most: 90 });
  const perShape = (model) => show(view, model, { section: "other", group: 1, most: 60 });
  const [norms, types, best, layouts] = [normTable, typeTable, bestTypeTable, layoutTable].map(
    (make) => make(view));
  return [
    heading(`Another layer instead of ${layerText(norm)}`),
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
  return [
    note(priceText(found.withoutControl)),
    show(view, found.medians, { section: "other", sortable: false }),
    folded("Per shape", {}, () => perShape(found.shapes))];
}

export function readingSection(view) {
  const found = readingTable(view);
  if (!found) return nothing(EMPTY.reading);
  return [
    note(NEXT_TEXT), found.texts.map((text) => element("p", {}, prose(text))),
    found.table ? show(view, found.table, { section: "reading" }) : null];
}

export function accuracySection(view) {
  const { tables, worst, moments } = accuracyTables(view);
  if (!tables.length) return nothing(EMPTY.accuracy);
  const { groups, control } = chooseSetting(view, "accuracy");
  return [
    note(ACCURACY_TEXT), ...moments.map((text) => note(`${text}.`)), controls(control),
    picture(accuracyChart(view, groups, size())),
    worst ? note(`The largest error of all is ${ratioText(worst.error)} of its bound, of ${
      view.label(worst.backend)} in ${shapeText(worst)}.`) : null,
    tables.map((model, at) => show(view, model,
      { id: `accuracy-${at}`, section: "accuracy", group: 0, sortable: false }))];
}

export function costsSection(view) {
  const model = costTable(view);
  if (!model) return nothing("Nothing passed here.");
  return [
    note("Preparing (descriptors, generated code) is done once per shape. It pays off after so many calls, "
      + "against the library that prepares the cheapest in the same case."),
    show(view, model, { section: "costs" })];
}
