// How the numbers came about, what biases them, and how to get them again.
"use strict";

const METHOD = [
  "Each row is checked against a double-precision oracle before and after timing; what fails gets no "
    + "time.",
  "The backends of a case run next to each other in rounds of shuffled order. A time is the median "
    + "over rounds; a ratio is the median of the log ratios per round, with the exact sign-test "
    + "interval of at least 95%, per comparison and not corrected for their number. Fewer than 6 "
    + "rounds: no claim.",
  "Tied: the interval spans 1, or the ratio is below the noise floor, which comes from measuring one "
    + "backend twice (A/A).",
  "Geometric means are over matched cases only, within one norm, pass, type, layout, thread count and "
    + "cache state. From 6 cases on their interval is Student's t interval of the mean log ratio; for "
    + "2 to 5 cases it is their range, for one case that case's own.",
  "The best is sought among backends that take the data as it is. Native layout: the data was "
    + "converted, untimed, into the library's own layout; such a backend gets a ratio but no rank.",
  "GB/s is effective: compulsory bytes / time. The copy ceiling is a copy of one input-sized tensor "
    + "in the same rounds, which reads and writes it once.",
  "Filters choose rows first; every number is then computed anew from the raw samples in this page. "
    + "The noise floor stays that of the whole run.",
];
const ROUNDS_DIFFER = "A backend that is clearly behind got the least number of rounds, and is compared "
  + "over these.";
const BOUND = "The bound is the least time that the pass can take: the copy, scaled to the bytes of the "
  + "pass, or where the data is read twice from one cache, the copy and the control that only reads.";
const BIASES = [
  "`simd` and the other backends without a library are written by the authors of this suite, who know "
    + "what it measures. The checks, compiler flags and rounds are the same for all.",
  "The shapes are those of the config. A backend may lead here and not on other shapes: rankings are "
    + "means over this selection.",
  "One machine, one build, one hour: another CPU has other caches and other winners.",
];

function renderMethod(view, body) {
  const { run } = view;
  append(body, [
    element("ul", {}, [...METHOD, run.roundsDiffer && ROUNDS_DIFFER, run.bounds && BOUND]
      .filter(Boolean).map((text) => element("li", {}, prose(text)))),
    element("h3", {}, "Biases"),
    element("ul", {}, BIASES.map((text) => element("li", {}, prose(text)))),
    element("h3", {}, "Measured copies"), ceilingsTable(run),
    element("h3", {}, "Raw data and commands"),
    definitions([
      ["run folder", run.path],
      ["files", "run.json (machine, build, config), samples.jsonl (a row per case and backend with "
        + "its samples), controls.jsonl (copies and A/A twins)"],
      ["config", run.config || "-"],
      ["the run", run.command ? command(run.command) : "-"], ["this page", command(data.command)],
    ])]);
}

function ceilingsTable(run) {
  if (!run.ceilings.length) return paragraph("None in this run.");
  const speed = (value) => (value ? { text: value.toFixed(1), value } : "-");
  return table({
    caption: "Speed of plain and streaming copies", className: "ceilings",
    head: [{ text: "threads" }, ...["bytes", "regime", "copy GB/s", "streaming copy GB/s"].map(
      (text) => ({ text, numeric: text !== "regime" }))],
    body: run.ceilings.map((entry) => [String(entry.threads ?? "-"), bytesText(entry.bytes || 0),
      String(entry.regime ?? "-"), speed(entry.plain_gbs), speed(entry.streaming_gbs)]),
  });
}
