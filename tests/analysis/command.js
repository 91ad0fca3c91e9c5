// Runs the verbs from the outside, as the program does.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { unique } from "../../scripts/analysis/core/collections.js";
import { ladder, makeGap, makeRow, ROOT, temporary, writeRun } from "./synthesis.js";

const MAIN = path.join(ROOT, "scripts", "analysis", "main.js");

// {status, stdout, stderr}; `options` may have cwd, and env, which is added to a plain environment.
export function verb(words, { env = {}, ...options } = {}) {
  return spawnSync(process.execPath, [MAIN, ...words], { encoding: "utf8", timeout: 60000,
    env: { PATH: process.env.PATH, LANG: "C.UTF-8", ...env }, ...options });
}

// What a verb prints that ends with `status`.
export function printed(words, options = {}, status = 0) {
  const done = verb(words, options);
  assert.equal(done.status, status, done.stdout + done.stderr);
  return done.stdout;
}

// The beginning of a command line for a shell, and what a shell prints.
export const MAIN_WORDS = `'${process.execPath}' '${MAIN}'`;

export function shell(command) {
  return execFileSync("bash", ["-c", command], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}

// One line on stderr that has all parts, exit code 2, and nothing else.
export function oneError(done, ...parts) {
  assert.equal(done.status, 2, done.stdout + done.stderr);
  assert.equal(done.stdout, "");
  assert.match(done.stderr, /^normbench: error: [^\n]+\n$/);
  for (const part of parts) assert.ok(done.stderr.includes(part), `${done.stderr} has no ${part}`);
}

// The folder of a run with these rows, in a new folder of its own.
export function run(t, rows = ladder(), options = {}, name = "run") {
  return writeRun(path.join(temporary(t), name), rows, options);
}

// The ladder, and a backend that declines the only case it was asked for.
export function withGap() {
  return [...ladder(), makeGap("picky", "unsupported", "needs c % 3 == 0", { l: 16 })];
}

// A run that had no time for two of its cases, and the sentence on that.
export const BUDGET = "4 of 6 cases were measured, because the budget of 120 s was used up.";

export function partialRun(t, name = "run", meta = {}) {
  const ids = [...ladder(), makeRow("openmp", 1, { l: 7 }), makeRow("openmp", 1, { l: 8 })].map((row) => row.case);
  return run(t, ladder(), { meta: { case_ids: unique(ids), budget_s: 120, ...meta } }, name);
}

// The bytes of a file as text, which must be UTF-8.
export function textOf(...parts) {
  return new TextDecoder("utf-8", { fatal: true }).decode(fs.readFileSync(path.join(...parts)));
}

// The names of what lies in a folder and below it.
export function filesIn(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory()
    ? [`${entry.name}/`, ...filesIn(path.join(folder, entry.name)).map((name) => `${entry.name}/${name}`)]
    : [entry.name])).sort();
}
