// A run as compact JSON for the page, and back: columns instead of rows, and texts stored once.
import { unique } from "./collections.js";
import { derive, makeRun } from "./rows.js";

export function packRun(run) {
  const columns = run.schema.samples.filter(({ name }) => name !== "median_ns").map(({ name, type }) => {
    const values = run.rows.map((row) => row[name]);
    if (type !== "text") return [name, values];
    const texts = unique(values);
    const places = new Map(texts.map((text, at) => [text, at]));
    return [name, { texts, places: values.map((text) => places.get(text)) }];
  });
  const { case_ids: ids, config, ...meta } = run.meta;
  return { path: run.path, meta: { ...meta, config: { ...config, text: undefined } }, noise: run.noise,
    warnings: run.loading, partial: run.partial, count: run.rows.length,
    columns: Object.fromEntries(columns) };
}

export function unpackRun(packed, schema) {
  const rows = Array.from({ length: packed.count }, () => ({}));
  for (const [name, column] of Object.entries(packed.columns)) {
    rows.forEach((row, at) => {
      row[name] = Array.isArray(column) ? column[at] : column.texts[column.places[at]];
    });
  }
  rows.forEach(derive);
  return makeRun({ ...packed, rows }, schema);
}
