// Says how many of its cases a run measured, and why not all.
import { unique } from "./collections.js";
import { listText, passText, threadsText } from "./text.js";

// A warning of runs that do not record their budget.
const BUDGET_WARNING = /^the budget of .+? was used up/;

// One sentence on a run that did not measure all its cases; empty when it did. `meta` is run.json. Older
// runs have only the number of planned cases.
export function partialText(meta, rows) {
  const planned = Array.isArray(meta.case_ids) ? unique(meta.case_ids.map(String)) : [];
  const total = planned.length || meta.cases;
  if (!Number.isInteger(total)) return "";
  const measured = new Set(rows.map((row) => row.case));
  const count = planned.length ? planned.filter((id) => measured.has(id)).length : measured.size;
  if (count >= total) return "";
  const missing = count ? missingText(planned, measured) : "";
  return `${count} of ${total} ${total === 1 ? "case was" : "cases were"} measured, ${reason(meta)}${
    missing ? `; there is no case ${missing}` : ""}.`;
}

// Whether a warning says what the sentence says.
export function isTold(warning) {
  return BUDGET_WARNING.test(warning);
}

function reason(meta) {
  if (meta.interrupted) return "because the run was interrupted";
  if (!meta.finished) return "because the run did not finish";
  if (typeof meta.budget_s === "number") {
    return `because the budget of ${Number(meta.budget_s.toPrecision(6))} s was used up`;
  }
  for (const warning of Array.isArray(meta.warnings) ? meta.warnings : []) {
    const found = BUDGET_WARNING.exec(String(warning));
    if (found) return `because ${found[0]}`;
  }
  return "and the rows of the others are missing";
}

// The norms, passes and threads of which no case was measured at all: `of rms norm`. Of a case without
// rows there is nothing but its id.
function missingText(planned, measured) {
  const partsOf = (ids) => ids.map((id) => id.split("/")).filter((parts) => parts.length >= 7);
  const wanted = partsOf(planned);
  const found = partsOf([...measured]);
  const missing = (keyOf) => {
    const have = new Set(found.map(keyOf));
    return unique(wanted.map(keyOf)).filter((key) => !have.has(key));
  };
  const norms = missing(([norm]) => norm).sort();
  const passes = missing(([norm, pass]) => `${norm} ${pass}`).map((name) => name.split(" ")).sort();
  const threads = missing((parts) => Number(parts[5].slice(1))).sort((a, b) => a - b);
  return listText([...norms.map((norm) => `of ${norm} norm`),
    ...passes.filter(([norm]) => !norms.includes(norm))
      .map(([norm, pass]) => `of ${passText(pass)} of ${norm} norm`),
    ...threads.map((count) => `with ${threadsText(count)}`)], "or");
}
