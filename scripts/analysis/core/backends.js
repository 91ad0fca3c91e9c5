// Who the backends are: the names that people know, which of them are libraries, and how they look.
import { byName } from "./collections.js";

// Names come from outside: those of every object's own methods are none of these.
const KNOWN = { __proto__: null,
  aten: { name: "PyTorch", kind: "library" },
  onednn: { name: "oneDNN", kind: "library" },
  "onednn-blocked": { name: "oneDNN", kind: "library", more: "own layout" },
  eigen: { name: "Eigen", kind: "library" },
  dlib: { name: "dlib", kind: "library" },
  torch: { name: "PyTorch", kind: "library" },
  "torch-compile": { name: "PyTorch", kind: "library", more: "compiled" },
  onednn3: { name: "oneDNN", kind: "library" },
  "onednn3-blocked": { name: "oneDNN", kind: "library", more: "own layout" },
  ggml: { name: "ggml", kind: "library" },
  onnxruntime: { name: "ONNX Runtime", kind: "library" },
  openvino: { name: "OpenVINO", kind: "library" },
  jax: { name: "JAX", kind: "library" },
  numpy: { name: "NumPy", kind: "library" },
  openmp: { name: "OpenMP C++", kind: "ours" },
  naive: { name: "naive C++", kind: "ours" },
  simd: { name: "simd", kind: "ours" },
};

// Of these backends, the one that is PyTorch, which is what whoever reads this has; the newest one.
export function pytorchOf(ids) {
  return ["torch", "aten"].find((id) => ids.includes(id));
}

// Year of release by major and minor version, from the libraries' own release pages.
const RELEASED = {
  PyTorch: { 2022: ["1.11", "1.12", "1.13"], 2023: ["2.0", "2.1"],
    2024: ["2.2", "2.3", "2.4", "2.5"], 2025: ["2.6", "2.7", "2.8", "2.9"] },
  oneDNN: { 2021: ["2.1", "2.2", "2.3", "2.4", "2.5"], 2022: ["2.6", "2.7", "3.0"],
    2023: ["3.1", "3.2", "3.3"], 2024: ["3.4", "3.5", "3.6"], 2025: ["3.7", "3.8", "3.9", "3.10"] },
  Eigen: { 2016: ["3.3"], 2021: ["3.4"] },
  dlib: { 2021: ["19.22"], 2022: ["19.23", "19.24"] },
};
const OLD_YEARS = 2;

// Okabe and Ito's colors, which people with any color vision tell apart; yellow, which is faint on
// white, is last.
const PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442"];
const MARKERS = ["circle", "square", "triangle", "diamond", "down", "cross", "plus", "star", "left",
  "right", "bar"];
const PLACES = ["simd", "onednn", "openmp", "aten", "onednn-blocked", "eigen", "naive"];

// What is known of a backend of a run:
// {id, name, version, label, spoken, kind, year, isOld, isOneThread, language, emptyCall}. `kind` is library, ours
// or other; `label` is what tables call it, `spoken` what sentences do; `year` is null where it is not known.
// `language` is what it is called from where that costs something, `emptyCall` what a call of nothing takes
// there, in ns; else they are empty and 0.
export function describe(run, id) {
  const [base, ...options] = id.split(/(?=[[.@])/); // a variant is `simd[streaming=off]`
  const known = KNOWN[base] || { name: base, kind: "other" };
  const entry = run.backends.find((own) => own.name === id) || run.backends.find((own) => own.name === base);
  const version = versionOf(known, entry);
  const year = yearOf(known.name, version);
  const isOld = year !== null && run.year !== null && run.year - year >= OLD_YEARS;
  const isOneThread = runsOneThread(run, id);
  const language = entry && typeof entry.language === "string" ? entry.language : "";
  const parts = [[known.name, version].filter(Boolean).join(" ") + (options.length ? ` ${options.join("")}` : ""),
    known.kind === "ours" ? "ours" : null, known.more || null, language ? `from ${language}` : null,
    isOneThread ? "1 thread" : null];
  const aside = [known.more, language && `from ${language}`, isOneThread ? "1 thread" : null].filter(Boolean);
  return { id, name: known.name, version, kind: known.kind, year, isOld, isOneThread, language,
    emptyCall: language ? Number(entry.empty_call_ns) || 0 : 0,
    label: parts.filter(Boolean).join(", "),
    spoken: parts[0] + (aside.length ? ` (${aside.join(", ")})` : "") };
}

export function describeAll(run, ids) {
  return new Map(ids.map((id) => [id, describe(run, id)]));
}

// The version of a library; what our own backends state is no name that anybody knows.
function versionOf(known, entry) {
  if (known.kind === "ours" || !entry || !entry.version) return "";
  return String(entry.version);
}

function yearOf(name, version) {
  const minor = /^(\d+\.\d+)/.exec(version);
  const years = RELEASED[name];
  if (!minor || !years) return null;
  const found = Object.keys(years).find((year) => years[year].includes(minor[1]));
  return found ? Number(found) : null;
}

// Whether every row with more threads says that it used one.
function runsOneThread(run, id) {
  const rows = run.rows.filter((row) => row.backend === id && row.timed && row.threads > 1);
  return rows.length > 0 && rows.every((row) => /(^|, )1 thread(,|$)/.test(row.detail));
}

// {color: #RRGGBB, marker} of a backend beside others: the known ones always have theirs, others get, in
// the order of their names, what is free; when all colors are taken they repeat, with other markers.
export function styleOf(id, among) {
  const at = PLACES.indexOf(id);
  if (at >= 0) return { color: PALETTE[at], marker: MARKERS[at] };
  const names = [...new Set([...among, id])];
  const taken = names.filter((name) => PLACES.includes(name)).map((name) => PLACES.indexOf(name));
  const open = PALETTE.map((_, place) => place).filter((place) => !taken.includes(place));
  const free = open.length ? open : [PALETTE.length - 1];
  const place = names.filter((name) => !PLACES.includes(name)).sort(byName).indexOf(id);
  return { color: PALETTE[free[place % free.length]],
    marker: MARKERS[(PLACES.length + place) % MARKERS.length] };
}
