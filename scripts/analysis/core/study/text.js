// Numbers of studies as text: every one of them with its interval.

// `50 [40, 60]`, `50 [?]` where nothing is claimed.
export function estimateText({ value, lo, hi }, toText) {
  return `${toText(value)} ${lo === null ? "[?]" : `[${toText(lo)}, ${toText(hi)}]`}`;
}

// Steps, of which there were `most`.
export function stepsText(most) {
  return (value) => (value === Infinity ? `>${most}` : String(Math.round(value)));
}

// A share in percent, one decimal.
export function shareText(value) {
  return `${(100 * value).toFixed(1)}%`;
}

// A difference of shares in percentage points, with its sign.
export function pointsText(value) {
  return `${value < 0 ? "-" : "+"}${Math.abs(100 * value).toFixed(1)}`;
}

// Three significant digits: 0.0312, 1.25, 310.
export function digitsText(value) {
  return Math.abs(value) >= 99.95 ? value.toFixed(0) : Number(value.toPrecision(3)).toString();
}

// The same with a sign.
export function signedText(value) {
  return `${value < 0 ? "" : "+"}${digitsText(value)}`;
}

export const NORM_NAMES = { __proto__: null, none: "no norm", batch: "batch norm", layer: "layer norm",
  instance: "instance norm", group: "group norm", rms: "RMS norm" };
export const NETWORK_NAMES = { __proto__: null, linear: "Linear network", conv: "Conv1d network" };
