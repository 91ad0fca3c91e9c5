// Reads run folders, and writes text files whole or not at all.
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { UserError } from "../core/errors.js";
import { loadRun } from "../core/rows.js";
import { warn } from "./streams.js";

export const ANALYSIS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const SCHEMA = path.resolve(ANALYSIS, "../../results/schema.json");

export function readSchema() {
  return JSON.parse(fs.readFileSync(SCHEMA, "utf8"));
}

// Loads the run in a folder; defects that can be worked around are warned of, and `partial` too unless the
// caller says it itself. Throws UserError for what is no run.
export function readRun(folder, sayPartial = true) {
  if (!isFolder(folder)) throw new UserError(`no run folder at ${folder}, give a folder that 'normbench run' wrote`);
  const meta = readText(path.join(folder, "run.json"), "give a folder that 'normbench run' wrote");
  const samples = readText(path.join(folder, "samples.jsonl"), "the run finished no case: run again");
  const place = path.join(folder, "controls.jsonl");
  const controls = fs.existsSync(place) ? readText(place, "") : null;
  const run = loadRun({ path: folder.replace(/(?<=.)\/+$/, ""), meta, samples, controls }, readSchema());
  run.loading.forEach(warn);
  if (run.partial && sayPartial) warn(`${run.folder}: ${run.partial}`);
  return run;
}

function isFolder(place) {
  try {
    return fs.statSync(place).isDirectory();
  } catch {
    return false;
  }
}

export function readText(place, advice) {
  try {
    return fs.readFileSync(place, "utf8");
  } catch (error) {
    throw new UserError(error.code === "ENOENT" ? `${place} is missing, ${advice}`
      : `cannot read ${place}: ${error.code}`);
  }
}

// Replaces the file in one step, keeping its mode; a device or pipe is written directly. `content` is text
// or bytes. Throws UserError when the place cannot be written.
export function writeFile(place, content) {
  try {
    const found = fs.statSync(place, { throwIfNoEntry: false });
    if (found && !found.isFile()) fs.writeFileSync(place, content);
    else replace(fs.existsSync(place) ? fs.realpathSync(place) : place, content, found);
  } catch (error) {
    throw new UserError(`cannot write ${place}: ${error.code}, choose another place`);
  }
}

function replace(target, content, found) {
  const temporary = path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}`);
  try {
    fs.writeFileSync(temporary, content, { flag: "wx" });
    if (found) fs.chmodSync(temporary, found.mode & 0o777);
    fs.renameSync(temporary, target);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

// Makes the folder unless it exists; its parent must exist.
export function makeFolder(place) {
  try {
    if (!isFolder(place)) fs.mkdirSync(place);
  } catch (error) {
    throw new UserError(`cannot write ${place}: ${error.code}, choose another place`);
  }
}

// Whether something can lie beside the file: it is no pipe and no device.
export function isRegular(place) {
  const found = fs.statSync(place, { throwIfNoEntry: false });
  return !found || found.isFile();
}
