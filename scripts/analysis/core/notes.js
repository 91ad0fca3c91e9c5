// What a reader must know beside the numbers: failures, what was not measured, what lowers trust.
import { byName, groupBy, unique } from "./collections.js";
import { noiseText } from "./noise.js";
import { aboveCopy } from "./roofline.js";
import { CHECKED, FAILED } from "./rows.js";
import { bytesText, countText, defectText, isKnownDefect, listText, passText, timeText } from "./text.js";

const SIZES_DIFFER = 2;
const BUSY = 0.2; // load per CPU

// One sentence per backend and way in which it failed, worst first.
export function failures(view) {
  const failed = view.rows.filter((row) => FAILED.includes(row.outcome));
  const ways = groupBy(failed, (row) => JSON.stringify(
    [row.backend, row.outcome, isKnownDefect(row) ? defectText(row) : null]));
  return [...ways.values()].sort((a, b) => b.length - a.length).map((own) => {
    const [row] = own;
    const of = view.rows.filter((other) => other.backend === row.backend).length;
    const what = isKnownDefect(row) ? defectText(row).join(": ") : {
      failed: "wrong results", crashed: "crashed", timed_out: "did not come back in time" }[row.outcome];
    return { backend: row.backend, rows: own.length, known: isKnownDefect(row), row,
      text: `${view.label(row.backend)}: ${what} in ${own.length} of ${countText(of, "row")}${
        ` (${where(own)})`}: no time, no rank there` };
  });
}

function where(rows) {
  const passes = unique(rows.map((row) => `${passText(row.pass)} of ${row.norm} norm`));
  return passes.length <= 3 ? listText(passes) : `${passes.slice(0, 2).join(", ")} and ${passes.length - 2} more`;
}

// What this run cannot answer: one sentence, empty when it has all.
export function notMeasured(view) {
  const of = (field, list) => view.schema[list].filter(
    (value) => !view.run.rows.some((row) => row[field] === value && row.timed));
  const parts = [
    ...of("norm", "norms").filter((norm) => norm !== "none").map((norm) => `${norm} norm`),
    ...of("pass", "passes").map(passText), ...of("dtype", "dtypes"),
    ...of("layout", "layouts").map((layout) => ({ nlc: "nlc (channels last)" }[layout] || layout)),
    ...of("cache", "caches").map((cache) => `${cache} cache`),
  ];
  const kinds = view.schema.inputs.filter((input) => view.run.rows.some((row) => row.input === input));
  if (kinds.length === 1) parts.push(`input other than ${kinds[0]}`);
  return parts.length ? `Not measured: ${listText(parts)}.` : "";
}

// What lowers trust, in words for who reads the numbers: [text]; without `partial`, which is said before all else.
export function trustNotes(view) {
  const { run } = view;
  const found = [];
  if (run.noise.suspicious) {
    found.push(`This run is noisy: ${run.noise.excluding} of ${run.noise.cases} comparisons of a backend with `
      + "itself find a difference, about 5% do by design. Differences of a few percent mean nothing here.");
  }
  if (!run.noise.measured) found.push("No backend was measured twice, so nobody knows how large noise is here.");
  const [load] = run.machine.load;
  if (load > BUSY * (run.machine.cores || 1)) {
    found.push(`Other programs were running at the start (load ${load.toFixed(2)} on `
      + `${countText(run.machine.cores || 1, "CPU")}): times may be too long, ratios suffer less.`);
  }
  if (run.machine.virtual) {
    found.push("This is a virtual machine: neighbors can slow it down, and what it says of its caches may be "
      + "wrong.");
  }
  if (/dirty/.test(String(run.build.git))) {
    found.push(`The program was built from files that were not all committed (${run.build.git}): its exact source `
      + "is not on record.");
  }
  for (const own of groupBy([...view.backends.values()].filter(({ language }) => language),
    ({ language }) => language).values()) {
    const prices = own.map(({ emptyCall }) => emptyCall).sort((a, b) => a - b);
    const price = unique([prices[0], prices[prices.length - 1]].map(timeText)).join(" to ");
    const names = listText(own.map(({ name, version }) => `${name} ${version}`.trim()));
    const [are, their] = own.length === 1 ? ["is", "its"] : ["are", "their"];
    found.push(`${names} ${are} called from ${own[0].language}, where a call of nothing takes ${price}: `
      + `that is in ${their} times.`);
  }
  const above = aboveCopy(view.timed);
  if (above.length) {
    found.push(`${countText(above.length, "row")} beat${above.length === 1 ? "s" : ""} the copy of the same `
      + "data: it stays in a cache, or stores skip it. Trust ratios there, not GB/s.");
  }
  for (const text of run.warnings) {
    if (!/^load average is/.test(text)) found.push(text);
  }
  return found;
}

// Libraries that are years old: [{label, year}].
export function oldLibraries(view) {
  const present = new Set(view.timed.map((row) => row.backend));
  const old = [...view.backends.values()].filter(({ id, isOld }) => isOld && present.has(id));
  return [...groupBy(old, ({ name, version }) => `${name} ${version}`)]
    .map(([label, [{ year }]]) => ({ label, year }));
}

// Why shown rows have no time: [{backend, outcome, isFailure, reason, cases}], failures first, then most first;
// and backends that are not built or not installed, whose cases are null.
export function gaps(view) {
  const untimed = view.shownRows.filter((row) => !row.timed);
  const ways = groupBy(untimed, (row) => JSON.stringify([row.backend, ...defectText(row)]));
  const found = [...ways.values()].map((own) => {
    const [{ backend, outcome: kind }] = own;
    const [outcome, reason] = defectText(own[0]);
    return { backend, outcome, isFailure: FAILED.includes(kind), reason, cases: own.length };
  }).sort((a, b) => b.isFailure - a.isFailure || b.cases - a.cases || byName(a.backend, b.backend));
  const present = new Set(view.run.rows.map((row) => row.backend));
  return [...found, ...view.run.backends.filter(({ built, name }) => built === false && !present.has(name))
    .map(({ name, reason, outcome }) => ({ backend: name, isFailure: false, reason: reason || "", cases: null,
      outcome: outcome === "not_installed" ? "not installed" : "not built" }))];
}

// What readers of single times should know: [{row, remark}].
export function remarks(view) {
  return view.shownRows.flatMap((row) => row.remarks.map((remark) => ({ row, remark })));
}

// How many of the checked rows passed: {passed, checked}.
export function verified(rows) {
  const checked = rows.filter((row) => CHECKED.includes(row.outcome));
  return { passed: checked.filter((row) => row.outcome === "passed").length, checked: checked.length };
}

export function verifiedText(rows) {
  const { passed, checked } = verified(rows);
  return `${passed} of ${checked} rows of case and backend`;
}

// Label and text of what the numbers depend on; what is unknown is left out.
export function machineFacts(run) {
  const { machine, build } = run;
  const caches = machine.caches.map((cache) => [`L${cache.level}`,
    cache.type, bytesText(cache.bytes || 0), cache.shared_by ? `shared by ${cache.shared_by}` : null]
    .filter(Boolean).join(" "));
  return [
    ["host", machine.host], ["CPU", machine.cpu], ["instruction set", machine.isa], ["cores", machine.cores],
    ["usable cores", machine.affinity], ["CPU quota", machine.cpu_quota], ["caches", caches.join(", ")],
    ["last cache", lastCache(machine)], ["memory", machine.memory_bytes ? bytesText(machine.memory_bytes) : null],
    ["virtual machine", { true: "yes", false: "no" }[machine.virtual]], ["governor", machine.governor],
    ["load at start", machine.load.map((load) => load.toFixed(2)).join(" ")],
    ["huge pages", machine.huge_pages], ["kernel", machine.kernel],
    ["build", [build.type, build.compiler, build.flags].filter(Boolean).join(" ")],
    ["normbench", [build.version, build.git].filter(Boolean).join(" ")],
    ["environment", Object.entries(run.environment).sort(([a], [b]) => byName(a, b))
      .map(([key, value]) => `${key}=${value}`).join(" ")],
    ["date", run.started], ["noise floor", noiseText(run.noise)], ["verified", verifiedText(run.rows)],
  ].filter(([, text]) => text !== null && text !== undefined && text !== "")
    .map(([label, text]) => [label, String(text)]);
}

// Both sizes of the last cache when they differ by more than SIZES_DIFFER.
function lastCache({ last_level: found }) {
  const sizes = found ? [found.said_bytes, found.measured_bytes] : [null];
  if (!sizes.every((size) => typeof size === "number" && size > 0)) return null;
  if (Math.max(...sizes) <= SIZES_DIFFER * Math.min(...sizes)) return null;
  return `${bytesText(sizes[0])} by the system, ${bytesText(sizes[1])} measured`;
}
