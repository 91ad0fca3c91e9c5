// normbench export: a run as JSON of Google Benchmark, which its compare.py and other tools read.
import { deviation, median, sum } from "../core/statistics.js";
import { FILTERS, patternsOf } from "./options.js";
import { printPlace, readRun, writeFiles } from "./files.js";
import { warn, writeJson } from "./streams.js";

export const VERB = "export";
export const ABOUT = `Writes a run as JSON of Google Benchmark, which its compare.py and other tools read.
Names are BACKEND/CASE, backend first, so that compare.py can set two backends of one file against each
other: compare.py filters FILE '^naive/' '^openmp/'. Times are nanoseconds per call. Only real time is
measured, so cpu_time repeats it. Rows without a time are left out.`;
export const ARGUMENTS = { least: 1, most: 1, what: "RUN" };
export const OPTIONS = {
  output: { type: "string", short: "o", value: "FILE", text: "write here instead of to stdout" }, ...FILTERS };

export function run(options) {
  const loaded = readRun(options.arguments[0]);
  const { rows, shown } = patternsOf(loaded, options);
  const chosen = rows.filter((row) => shown.has(row.backend));
  const timed = chosen.filter((row) => row.timed);
  if (timed.length < chosen.length) {
    warn(`${chosen.length - timed.length} of ${chosen.length} rows have no time and are left out`);
  }
  const value = { context: contextOf(loaded),
    benchmarks: timed.flatMap((row, family) => [...samplesOf(row, family), ...aggregatesOf(row, family)]) };
  if (options.output === undefined) writeJson(value);
  else {
    writeFiles([[options.output, `${JSON.stringify(value, null, 1)}\n`]]);
    printPlace(options.output);
  }
  return 0;
}

// The form of Google Benchmark 1.7.
function contextOf({ started, machine, build }) {
  const title = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  return { date: started || null, host_name: machine.host ?? null, executable: "normbench",
    num_cpus: machine.cores ?? null,
    caches: machine.caches.map(({ type, level, bytes, shared_by: sharing }) => ({ type: title(String(type ?? "")),
      level: level ?? null, size: bytes ?? null, num_sharing: sharing ?? null })),
    load_avg: machine.load, library_build_type: String(build.type ?? "").toLowerCase(),
    normbench_version: build.version ?? null, cpu_time: "not measured, repeats real_time" };
}

function commonOf(row, family) {
  const name = `${row.backend}/${row.case}`;
  return { name, family_index: family, per_family_instance_index: 0, run_name: name,
    repetitions: row.samples_ns.length, threads: row.threads, label: row.detail, time_unit: "ns" };
}

function samplesOf(row, family) {
  return row.samples_ns.map((time, at) => ({ ...commonOf(row, family), run_type: "iteration", repetition_index: at,
    iterations: row.iterations || 1, real_time: time, cpu_time: time,
    ...(row.bytes ? { bytes_per_second: 1e9 * row.bytes / time } : {}) }));
}

function aggregatesOf(row, family) {
  const times = row.samples_ns;
  if (times.length < 2) return [];
  const mean = sum(times) / times.length;
  const values = { mean: [mean, "time"], median: [median(times), "time"], stddev: [deviation(times), "time"],
    cv: [deviation(times) / mean, "percentage"] };
  return Object.entries(values).map(([name, [value, unit]]) => ({ ...commonOf(row, family),
    name: `${row.backend}/${row.case}_${name}`, run_type: "aggregate", aggregate_name: name, aggregate_unit: unit,
    iterations: times.length, real_time: value, cpu_time: value }));
}
