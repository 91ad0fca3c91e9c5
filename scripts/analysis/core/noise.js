// What the A/A control of a run says: one backend measured twice in the same rounds.
import { keyOf } from "./collections.js";
import { areTimes, binomialQuantile, noiseFloor, pairedRatio } from "./statistics.js";

// {floor, measured, cases, excluding, suspicious}: `floor` is a ratio >= 1; `cases` have an A/A interval,
// `excluding` of them exclude 1: suspicious when these are more than the 5% by design explain (1% level).
// A floor that the run recorded counts before one that is computed here.
export function measureNoise(timed, controls, recorded) {
  const rows = new Map(timed.map((row) => [keyOf(row, ["case", "backend"]), row]));
  const twins = [];
  for (const { case: id, twin, twin_samples_ns: second } of controls) {
    const row = rows.get(JSON.stringify([id, twin]));
    if (row && Array.isArray(second) && second.length && areTimes(second)) {
      twins.push(pairedRatio(second, row.samples_ns));
    }
  }
  const decided = twins.filter(({ spread }) => spread !== null);
  const excluding = decided.filter(({ lo, hi }) => !(lo <= 1 && 1 <= hi)).length;
  const floor = recorded && recorded.floor;
  const usable = typeof floor === "number" && floor >= 1;
  return { floor: usable ? floor : noiseFloor(twins), measured: usable || twins.length > 0,
    cases: decided.length, excluding,
    suspicious: excluding > binomialQuantile(0.99, decided.length, 0.05) };
}

// The noise floor, and how the A/A control behaved.
export function noiseText({ floor, measured, cases, excluding, suspicious }) {
  if (!measured) return "not measured: no A/A control of at least 6 rounds in this run";
  const twins = cases ? `; ${excluding} of ${cases} A/A intervals exclude 1, about 5% do by design` : "";
  return `${floorText({ floor, measured })}${twins}${
    suspicious ? ": more than chance explains, THIS RUN IS NOISY" : ""}`;
}

export function floorText({ floor, measured }) {
  return measured ? `${(100 * (floor - 1)).toFixed(1)}% (A/A)` : "not measured";
}
