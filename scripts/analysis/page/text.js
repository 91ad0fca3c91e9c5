// Turns numbers into text, as text.py does.
"use strict";

function ratioText(ratio) {
  return ratio.toFixed(ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0);
}

function ulpText(ulp) {
  return ulp.toFixed(ulp < 9.95 ? 1 : 0);
}

function estimateText(estimate) {
  if (estimate.lo === null) return `${ratioText(estimate.ratio)} ?`;
  return `${ratioText(estimate.ratio)} ${intervalText(estimate)}`;
}

function intervalText(estimate) {
  return estimate.lo === null ? "?" : `[${ratioText(estimate.lo)}, ${ratioText(estimate.hi)}]`;
}

function timeText(nanoseconds) {
  return scaled(nanoseconds, 1000, ["ns", "us", "ms", "s"]);
}

function bytesText(count) {
  return scaled(count, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

function scaled(value, step, units) {
  let unit = 0;
  while (value >= 0.9995 * step && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  return `${value >= 99.95 ? value.toFixed(0) : Number(value.toPrecision(3))} ${units[unit]}`;
}

function outcomeText(outcome) {
  return outcome === "passed" ? "not timed" : outcome.replaceAll("_", " ");
}

function isKnownDefect(row) {
  return row.outcome !== "passed" && Object.keys(row.known_defect).length > 0;
}

// What a row without a time is and why, with a known defect of a library called so.
function defectText(row) {
  if (!isKnownDefect(row)) return [outcomeText(row.outcome), row.reason];
  const { source, what } = row.known_defect;
  return [`known defect of the library${source ? ` (${source})` : ""}`, String(what || row.reason)];
}

function shortOutcome(row) {
  return isKnownDefect(row) ? "known defect" : outcomeText(row.outcome);
}

function code(value) {
  return `\`${String(value).split(/\s+/).filter(Boolean).join(" ").replaceAll("`", "'")}\``;
}

function listText(names) {
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names.join("");
}

function rangeText(ratios) {
  const [low, high] = [ratioText(smallest(ratios)), ratioText(largest(ratios))];
  return low === high ? low : `${low} to ${high}`;
}

function countText(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// `(32, 512, 835)`, with the mini-batch and groups where they matter.
function shapeText(row) {
  const batch = row.batch !== 0 && row.batch !== row.n ? ` B=${row.batch}` : "";
  return `(${row.n}, ${row.c}, ${row.l})${batch}${row.groups > 1 ? ` G=${row.groups}` : ""}`;
}

function reproText(row) {
  const name = /^[\w@%+=:,./-]+$/.test(row.backend) ? row.backend
    : `'${row.backend.replaceAll("'", `'"'"'`)}'`;
  return `normbench repro ${row.case} -b ${name}`;
}

function smallest(values) {
  return values.reduce((a, b) => Math.min(a, b));
}

function largest(values) {
  return values.reduce((a, b) => Math.max(a, b));
}
