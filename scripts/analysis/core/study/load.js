// Loads the files of a study's folder into lines, with every defect named.
import { UserError } from "../errors.js";
import { countText, listText } from "../text.js";

export const SCHEMA = 1;
export const STUDIES = ["convergence", "same-curve", "mini-batch", "drift", "cost"];

// From the texts of study.json and of NAME.jsonl of each study, undefined where there is no file:
// {path, meta, lines: {name: [line, ...]}, refused: [line, ...], warnings}. Lines are those that were measured.
// Throws UserError for what is no study, or has not one measurement.
export function loadStudy({ path, meta: text, files }) {
  const meta = metaOf(path, text);
  const warnings = [];
  const lines = {};
  const refused = [];
  for (const name of STUDIES) {
    if (files[name] === undefined) continue;
    const all = linesOf(`${name}.jsonl`, files[name], warnings);
    lines[name] = all.filter(({ outcome }) => outcome === "measured");
    refused.push(...all.filter(({ outcome }) => outcome !== "measured").map((line) => ({ study: name, ...line })));
    const wanted = meta.measurements?.[name];
    if (all.length < wanted) {
      warnings.push(`${name}: ${all.length} of ${countText(wanted, "measurement")} ${all.length === 1 ? "is"
        : "are"
      } there, the study ${meta.interrupted ? "was interrupted" : "did not finish"}`);
    }
  }
  if (!STUDIES.some((name) => lines[name]?.length)) {
    throw new UserError(`${path} has no measurement: run normbench study again`);
  }
  const missing = STUDIES.filter((name) => meta.measurements?.[name] && !lines[name]);
  if (missing.length) warnings.push(`${listText(missing)} did not begin`);
  if (meta.tiny) warnings.push("this is a tiny study, of a few steps: its numbers mean nothing");
  return { path, meta, lines, refused, warnings };
}

function metaOf(path, text) {
  let meta;
  try {
    meta = JSON.parse(text);
  } catch {
    throw new UserError(`${path}/study.json is damaged: give a folder that 'normbench study' wrote`);
  }
  if (meta?.schema !== SCHEMA) {
    throw new UserError(`${path}/study.json has schema ${meta?.schema}, and this version reads ${SCHEMA}`);
  }
  return meta;
}

// A line that is torn or no object is left out; the last one may be, of a study that was killed.
function linesOf(name, text, warnings) {
  return text.split("\n").filter(Boolean).flatMap((line, at) => {
    try {
      const value = JSON.parse(line);
      if (typeof value === "object" && value !== null && typeof value.outcome === "string") return [value];
    } catch { /* told below */ }
    warnings.push(`${name}:${at + 1} is damaged and left out`);
    return [];
  });
}
