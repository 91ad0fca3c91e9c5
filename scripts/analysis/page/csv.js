// The shown rows as CSV, with their ratios and samples.
import { bandwidth } from "../core/rows.js";

const COLUMNS = ["case", "backend", "norm", "pass", "dtype", "layout", "n", "c", "l", "batch", "groups",
  "threads", "cache", "input", "then", "regime", "name", "outcome", "reason", "detail", "native_layout",
  "variance", "bytes",
  "error", "grade", "copy_ns", "read_ns", "bound_ns", "allocations", "prepare_ns", "median_ns"];

// One line of texts, numbers and what is not known.
export function csvLine(values) {
  return values.map((value) => String(value ?? ""))
    .map((text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(",");
}

export function csvOf(view) {
  const lines = view.shownRows.map((row) => {
    const record = view.toShown.get(row.index);
    const { ratio, lo, hi } = record ? record.estimate : {};
    return [...COLUMNS.map((key) => row[key]), record && record.reference.backend, ratio, lo, hi,
      record && record.relation, bandwidth(row), row.samples_ns.join(" ")];
  });
  return [[...COLUMNS, "reference", "ratio", "lo", "hi", "relation", "gb_per_s", "samples_ns"], ...lines]
    .map((line) => `${csvLine(line)}\r\n`).join("");
}
