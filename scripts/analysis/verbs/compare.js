// normbench compare: the backends of a run case by case.
import { UserError } from "../core/errors.js";
import { groupBy, unique } from "../core/collections.js";
import { momentsBackends, nativeBackends } from "../core/cases.js";
import { likeCases } from "../core/groups.js";
import { estimateText, MOMENTS_MARK, outcomeText, ratioText, spreadText, timeText } from "../core/text.js";
import { csvLine } from "../page/csv.js";
import { MOMENTS } from "../tables/model.js";
import { FILTERS, FORMAT, RANKED, viewOf } from "./options.js";
import { readRun } from "./files.js";
import { code, hoist, markdownTable, textTable, wrap } from "./format.js";
import { write, writeExact, writeJson } from "./streams.js";

export const VERB = "compare";
export const ABOUT = `Compares the backends of a run case by case, as ratios to the best one or to a baseline.
csv and json have one entry per case and backend, with exact intervals and times in nanoseconds.`;
export const ARGUMENTS = { least: 1, most: 1, what: "RUN" };
export const OPTIONS = { baseline: { type: "string", value: "BACKEND", text: "compare with this, not the best" },
  ...FORMAT("text", "markdown", "csv", "json"), ...RANKED, ...FILTERS };

const MARKS = { reference: "*", tied: "=", undecided: "?" };

export function run(options) {
  const loaded = readRun(options.arguments[0]);
  const names = unique(loaded.rows.map((row) => row.backend));
  if (options.baseline !== undefined && !names.includes(options.baseline)) {
    throw new UserError(`--baseline '${options.baseline}' is not among the backends, choose one of: ${
      names.join(", ")}`);
  }
  const view = viewOf(loaded, options);
  if (options.format === "csv") writeExact(csvText(view));
  else if (options.format === "json") {
    writeJson({ run: loaded.path, reference: options.baseline ?? "best", noise_floor: loaded.noise.floor,
      rows: view.shownRows.map((row) => entryOf(view, row)) });
  } else {
    const lines = heading(view, options.baseline);
    const text = options.format === "text" ? wrap(lines) : lines;
    write(`${text.join("\n")}\n${tableText(view, options)}\n`);
  }
  return 0;
}

function entryOf(view, row) {
  const { reference = null, competes = null, estimate = {}, relation = null } = view.toShown.get(row.index) || {};
  const { ratio = null, lo = null, hi = null, count = null } = estimate;
  return { case: row.case, backend: row.backend, outcome: row.outcome, native_layout: row.native_layout, variance: row.variance,
    median_ns: row.median_ns, reference: reference && reference.backend, competes, ratio, lo, hi, rounds: count,
    relation };
}

function csvText(view) {
  const entries = view.shownRows.map((row) => entryOf(view, row));
  return [Object.keys(entries[0]), ...entries.map(Object.values)].map((line) => `${csvLine(line)}\n`).join("");
}

// How to read the table, in sentences.
function heading(view, baseline) {
  const to = baseline ?? "the best";
  const { floor, measured } = view.run.noise;
  return [`Time as a ratio to that of ${baseline ?? "the best backend of each case"}: above 1 is slower than ${
    to}.`,
    `Marks: * ${baseline ?? "best"}, = tied with ${to}, ? too few rounds for a claim, ± 95% interval. `
      + `Noise floor ${measured ? floor.toFixed(3) : "not measured"}.`,
    ...(baseline === undefined && nativeBackends(view.rows).size
      ? ["Native layout: the data was converted untimed; such a backend is not taken as the best."] : []),
    ...(momentsBackends(view.rows).size ? [MOMENTS] : [])];
}

function tableText(view, options) {
  const isMarkdown = options.format === "markdown";
  const [native, moments] = [nativeBackends(view.rows), momentsBackends(view.rows)];
  const cases = groupBy(likeCases(view.rows, view.schema).flatMap(({ rows }) => rows), (row) => row.case);
  const backends = unique(view.shownRows.map((row) => row.backend));
  const [pattern, short] = hoist([...cases.keys()]);
  const table = {
    head: ["case", options.baseline ? `time of ${options.baseline}` : "best",
      ...backends.map((id) => id + (moments.has(id) ? MOMENTS_MARK : "")
        + (native.has(id) ? " (native layout)" : ""))],
    body: [...cases.values()].map((rows, at) => [
      { text: short[at], code: isMarkdown }, referenceText(view, rows, options.baseline),
      ...backends.map((id) => cellOf(view, rows.find(({ backend }) => backend === id), isMarkdown))]),
  };
  return isMarkdown ? `cases ${code(pattern)}\n\n${markdownTable(table)}`
    : `cases ${pattern}\n\n${textTable(table)}`;
}

function referenceText(view, rows, baseline) {
  const record = rows.map((row) => view.toShown.get(row.index)).find(Boolean);
  if (!record) return "-";
  return `${timeText(record.reference.median_ns)}${baseline ? "" : ` ${record.reference.backend}`}`;
}

function cellOf(view, row, isMarkdown) {
  if (!row) return "-";
  const record = view.toShown.get(row.index);
  if (!record) return row.timed ? "no baseline" : outcomeText(row.outcome);
  const mark = MARKS[record.relation] || "";
  if (isMarkdown) {
    if (mark === "*") return { text: "1.00", strong: true };
    return estimateText(record.estimate) + (mark === "=" ? " =" : "");
  }
  const spread = mark === "*" || mark === "?" ? "" : spreadText(record.estimate);
  return `${ratioText(record.estimate.ratio).padStart(5)}${mark.padEnd(1)} ${spread}`.trimEnd();
}
