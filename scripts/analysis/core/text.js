// Turns numbers and names into text, the same in a terminal, in Markdown and on the page.
import { largest, smallest } from "./statistics.js";

// Behind the name of a backend whose variance is one by moments.
export const MOMENTS_MARK = " (moments)";

const PASS_WORDS = { __proto__: null, forward_training: "training", forward_inference: "inference",
  backward: "backward", backward_inference: "backward with fixed statistics" };
const LAYER_NAMES = { __proto__: null, batch: "BatchNorm1d", layer: "LayerNorm",
  instance: "InstanceNorm1d", group: "GroupNorm", rms: "RMSNorm", none: "the identity" };

export function passText(pass) {
  return PASS_WORDS[pass] || pass;
}

export function layerText(norm) {
  return LAYER_NAMES[norm] || norm;
}

// Two decimals, fewer when it is large.
export function ratioText(ratio) {
  return ratio.toFixed(ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0);
}

// Two significant digits: 0.31, 3.1e-5, 580.
export function digitsText(value) {
  return String(Number(value.toPrecision(2)));
}

// For sentences: one decimal, fewer when it is large.
export function timesText(ratio) {
  return ratio.toFixed(ratio < 9.95 ? 1 : 0);
}

export function ulpText(ulp) {
  return ulp.toFixed(ulp < 9.95 ? 1 : 0);
}

// `[1.20, 1.26]`, `range [1.20, 1.26]` where it is no interval, or `?` where nothing is claimed.
export function intervalText({ lo, hi, spread }) {
  if (spread === null) return "?";
  return `${spread === "range" ? "range " : ""}[${ratioText(lo)}, ${ratioText(hi)}]`;
}

export function estimateText(estimate) {
  return `${ratioText(estimate.ratio)} ${intervalText(estimate)}`;
}

// The interval as a percentage around the ratio, the wider side: `±3%`, or `?`.
export function spreadText({ ratio, lo, hi, spread }) {
  if (spread === null) return "?";
  const wider = Math.max(hi / ratio, ratio / lo) - 1;
  return `±${Math.max(1, Math.ceil(100 * wider - 1e-9))}%`;
}

export function percentText(share) {
  return `${(100 * share).toFixed(0)}%`;
}

// Three significant digits in the unit that fits.
export function timeText(nanoseconds) {
  return scaled(nanoseconds, 1000, ["ns", "us", "ms", "s"]);
}

export function bytesText(count) {
  return scaled(count, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

function scaled(value, step, units) {
  let unit = 0;
  while (value >= 0.9995 * step && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  return `${value >= 99.95 || value === 0 ? value.toFixed(0) : value.toPrecision(3)} ${units[unit]}`;
}

export function countText(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// What follows each call, and is timed with it.
export function thenText(then) {
  return { nothing: "output left alone", read: "output read next" }[then] || then;
}

export function threadsText(threads) {
  return countText(threads, "thread");
}

// `a, b and c`.
export function listText(names, last = "and") {
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} ${last} ${names.at(-1)}` : names.join("");
}

// `1.3 to 1.5`.
export function rangeText(ratios, toText = ratioText) {
  const [low, high] = [toText(smallest(ratios)), toText(largest(ratios))];
  return low === high ? low : `${low} to ${high}`;
}

// `(32, 512, 835)`, with the mini-batch and groups where they matter.
export function shapeText(row) {
  const batch = row.batch !== 0 && row.batch !== row.n ? ` B=${row.batch}` : "";
  return `(${row.n}, ${row.c}, ${row.l})${batch}${row.groups > 1 ? ` G=${row.groups}` : ""}`;
}

export function outcomeText(outcome) {
  return outcome === "passed" ? "not timed" : outcome.replaceAll("_", " ");
}

export function isKnownDefect(row) {
  return row.outcome !== "passed" && Object.keys(row.known_defect).length > 0;
}

// What a row without a time is and why, with a known defect of a library called so.
export function defectText(row) {
  if (!isKnownDefect(row)) return [outcomeText(row.outcome), row.reason];
  const { source, what } = row.known_defect;
  return [`known defect of the library${source ? ` (${source})` : ""}`, String(what || row.reason)];
}

export function shortOutcome(row) {
  return isKnownDefect(row) ? "known defect" : outcomeText(row.outcome);
}

// The command that measures the row again, with what its backend decided by; the name of the backend as a
// shell takes it for one word.
export function reproText(row) {
  const [base, options] = row.backend.replace(/]$/, "").split("[");
  const all = [options, row.measured].filter(Boolean).join(",");
  return `normbench repro ${row.case} -b ${shellWord(all ? `${base}[${all}]` : base)}`;
}

export function shellWord(word) {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}
