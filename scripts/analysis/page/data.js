// Unpacks the runs that are embedded in the page into rows, and remembers ratios between them.
"use strict";

// `row.index` is the position in the run; times are nanoseconds per call.
function unpack(run) {
  const rows = [];
  for (let index = 0; index < run.count; index++) {
    const row = { index, samples: run.samples[index], accuracy: run.accuracy[index],
      known_defect: run.known_defects[index] };
    for (const [key, { values, codes }] of Object.entries(run.names)) row[key] = values[codes[index]];
    for (const [key, values] of Object.entries(run.numbers)) row[key] = values[index];
    row.timed = row.outcome === "passed" && row.samples.length > 0;
    row.median = row.timed ? median(row.samples) : null;
    row.elements = row.n * row.c * row.l;
    row.gbs = row.timed && row.bytes !== null ? row.bytes / row.median : null;
    row.ceiling = copyCeiling(row);
    row.share = row.gbs !== null && row.ceiling !== null ? row.gbs / row.ceiling : null;
    row.boundShare = row.timed && row.bound_ns !== null ? row.bound_ns / row.median : null;
    rows.push(row);
  }
  const cases = [...groupBy(rows.filter((row) => row.timed), (row) => row.case).values()];
  return { ...run, rows, ratios: new Map(), bounds: rows.some((row) => row.bound_ns !== null),
    roundsDiffer: cases.some((own) => own.some(
      (row) => row.samples.length !== own[0].samples.length)) };
}

// GB/s of the copy of one input-sized tensor in the rounds of the case: one read, one write.
function copyCeiling(row) {
  const item = data.item_bytes[row.dtype];
  return row.copy_ns > 0 && item ? 2 * row.elements * item / row.copy_ns : null;
}

function ratioOf(run, row, reference) {
  const key = row.index * run.count + reference.index;
  let estimate = run.ratios.get(key);
  if (!estimate) {
    estimate = pairedRatio(row.samples, reference.samples);
    run.ratios.set(key, estimate);
  }
  return estimate;
}

// The values in groups of equal keys, in order of first appearance, as a Map.
function groupBy(values, keyOf) {
  const groups = new Map();
  for (const value of values) {
    const key = keyOf(value);
    const own = groups.get(key);
    if (own) own.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}

function unique(values) {
  return [...new Set(values)];
}

function byNumber(a, b) {
  return a - b;
}

const data = JSON.parse(document.getElementById("data").textContent);
quantiles.signTestRanks = data.sign_test_ranks;
quantiles.student = data.student_quantiles;
const styles = new Map(Object.entries(data.styles));
const loaded = data.runs.map(unpack);
