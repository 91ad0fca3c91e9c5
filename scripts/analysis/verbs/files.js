// Reads run folders, and writes text files whole or not at all.
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { UserError } from "../core/errors.js";
import { loadRun } from "../core/rows.js";
import { reasonOf } from "./reasons.js";
import { warn, write, writeExact } from "./streams.js";

export const ANALYSIS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const SCHEMA = path.resolve(ANALYSIS, "../../results/schema.json");
// Opened by name it may be none: a socket cannot be opened, a file would begin anew.
const STDOUT = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

function readSchema() {
  return JSON.parse(fs.readFileSync(SCHEMA, "utf8"));
}

// Loads the run in a folder; defects that can be worked around are warned of, and `partial` too unless the
// caller says it itself. Throws UserError for what is no run.
export function readRun(folder, sayPartial = true) {
  if (!isFolder(folder)) {
    throw new UserError(`no run folder at ${folder}, give a folder that 'normbench run' wrote`);
  }
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
  return Boolean(statOf(place)?.isDirectory());
}

function readText(place, advice) {
  try {
    return fs.readFileSync(place, "utf8");
  } catch (error) {
    throw new UserError(error.code === "ENOENT" ? `${place} is missing, ${advice}`
      : `cannot read ${place}: ${reasonOf(error)}`);
  }
}

// Replaces files, each in one step and keeping its mode: all of them, or none where one cannot be written. `files`
// are [place, text or bytes]; `folder`, where some of them lie, is made unless it is there. Standard output, a
// device or a pipe is written directly. Throws UserError naming the place that cannot be written.
export function writeFiles(files, folder = null) {
  const staged = [];
  const isMade = folder !== null && at(folder, () => makeFolder(folder));
  try {
    for (const [place, content] of files) staged.push(at(place, () => stage(place, content, staged.length)));
    for (const { place, content } of staged.filter(({ temporary }) => !temporary)) {
      at(place, () => writeStream(place, content));
    }
    for (const { place, temporary, target } of staged.filter((own) => own.temporary)) {
      at(place, () => fs.renameSync(temporary, target));
    }
  } catch (error) {
    for (const { temporary } of staged) if (temporary) fs.rmSync(temporary, { force: true });
    if (isMade && !fs.readdirSync(folder).length) fs.rmdirSync(folder);
    throw error;
  }
}

// Prints where a file is; a stream needs no name.
export function printPlace(place) {
  if (!isStream(place)) write(`${place}\n`);
}

// Says which place an error is about.
function at(place, act) {
  try {
    return act();
  } catch (error) {
    if (!error.code) throw error;
    throw new UserError(`cannot write ${place}: ${error.code === "ENOENT"
      ? `there is no folder ${path.dirname(place)}, make it or` : `${reasonOf(error)},`} choose another place`);
  }
}

// The content in a new file beside the place: {place, content, temporary, target}; nothing yet for a stream.
function stage(place, content, number) {
  if (isStream(place)) return { place, content, temporary: null };
  const found = fs.statSync(place, { throwIfNoEntry: false });
  if (found && found.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
  const target = found ? fs.realpathSync(place) : place;
  const temporary = path.join(path.dirname(target), `.normbench-${process.pid}-${number}`);
  try {
    fs.writeFileSync(temporary, content, { flag: "wx" });
    if (found) fs.chmodSync(temporary, found.mode & 0o777);
  } catch (error) {
    if (error.code !== "EEXIST") fs.rmSync(temporary, { force: true });
    throw error;
  }
  return { place, content, temporary, target };
}

function writeStream(place, content) {
  if (STDOUT.includes(path.resolve(place))) writeExact(content);
  else fs.writeFileSync(place, content, { flag: "a" });
}

// Whether the folder was made; it may be there already, its parent must be.
function makeFolder(place) {
  if (isFolder(place)) return false;
  fs.mkdirSync(place);
  return true;
}

// Whether nothing can lie beside the place: it is standard output, a pipe or a device.
export function isStream(place) {
  if (STDOUT.includes(path.resolve(place))) return true;
  const found = statOf(place);
  return found !== null && !found.isFile() && !found.isDirectory();
}

function statOf(place) {
  try {
    return fs.statSync(place);
  } catch {
    return null;
  }
}
