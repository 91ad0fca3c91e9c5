// First thing seen: the verdict with the facts it rests on; below it machine and build.
"use strict";

const SIZES_DIFFER = 2;

function renderVerdict(view, body) {
  const [first, ...others] = verdictTexts(view.groups);
  const { run } = view;
  append(body, [
    run.partial ? element("p", { class: "warnings", role: "note", id: "partial" }, run.partial)
      : null,
    element("div", { class: "verdict" },
      element("p", { class: "lead", id: "verdict-text" }, prose(first)),
      view.rows.length < run.rows.length ? element("p", { class: "note" },
        `For the ${view.rows.length} of ${run.rows.length} rows that pass the filters.`) : null,
      others.length ? folded(`${others.length} more, one per norm, dtype and layout`, {},
        element("ul", { id: "verdict-more" },
          others.map((text) => element("li", {}, prose(text))))) : null),
    element("dl", { class: "headline" }, [
      ["machine", machineText(run)], ["noise floor", floorText(run)],
      ["verified", run.verified], ["date", String(run.started || "unknown").slice(0, 10)],
    ].map(([label, text]) => element("div", {}, element("dt", {}, label),
      element("dd", {}, text)))),
    run.warnings.length ? element("div", { class: "warnings", role: "note", id: "warnings" },
      element("strong", {}, countText(run.warnings.length, "warning")),
      element("ul", {}, run.warnings.map((text) => element("li", {}, text)))) : null,
    folded("Machine, build and environment", { id: "machine" }, definitions(machineFacts(run))),
    run.analysis ? element("p", { class: "analysis" }, element("strong", {}, "The question: "),
      run.analysis) : null,
  ]);
}

function machineText({ machine, build }) {
  return [machine.cpu, machine.cores === undefined ? null : `${machine.cores} cores`, machine.isa,
    build.compiler].filter(Boolean).join(", ");
}

function floorText(run) {
  return run.measured ? `${(100 * (run.floor - 1)).toFixed(1)}% (A/A)` : "not measured";
}

function definitions(facts) {
  return element("dl", { class: "facts" }, facts.map(
    ([label, text]) => [element("dt", {}, label), element("dd", {}, text)]));
}

// Both sizes of the last cache when they differ by more than SIZES_DIFFER, as facts.py.
function lastCache({ last_level: found }) {
  const sizes = found ? [found.said_bytes, found.measured_bytes] : [null];
  if (!sizes.every((size) => typeof size === "number" && size > 0)) return null;
  const [said, measured] = sizes;
  if (largest(sizes) <= SIZES_DIFFER * smallest(sizes)) return null;
  return `${bytesText(said)} by the system, ${bytesText(measured)} measured`;
}

function machineFacts(run) {
  const { machine, build } = run;
  const caches = (machine.caches || []).map((cache) => [`L${cache.level}`, cache.type,
    bytesText(cache.bytes || 0), `shared by ${cache.shared_by}`].filter(Boolean).join(" "));
  const virtual = { true: "yes", false: "no" };
  return [
    ["host", machine.host], ["CPU", machine.cpu], ["instruction set", machine.isa],
    ["cores", machine.cores], ["usable cores", machine.affinity], ["CPU quota", machine.cpu_quota],
    ["caches", caches.join(", ")], ["last cache", lastCache(machine)],
    ["memory", machine.memory_bytes ? bytesText(machine.memory_bytes) : null],
    ["virtual machine", virtual[machine.virtual]], ["governor", machine.governor],
    ["load at start", (machine.load || []).join(" ")], ["huge pages", machine.huge_pages],
    ["kernel", machine.kernel],
    ["build", [build.type, build.compiler, build.flags].filter(Boolean).join(" ")],
    ["normbench", [build.version, build.git].filter(Boolean).join(" ")],
    ["environment", Object.entries(run.environment).sort(([a], [b]) => byName(a, b))
      .map(([key, value]) => `${key}=${value}`).join(" ")],
    ["date", run.started], ["noise floor", run.noise], ["verified", run.verified],
  ].filter(([, text]) => text !== null && text !== undefined && text !== "")
    .map(([label, text]) => [label, String(text)]);
}
