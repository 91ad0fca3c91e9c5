// Runs the verbs from the outside, as the program does.
import { execFileSync, spawnSync } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { ROOT } from "./synthesis.js";

const MAIN = path.join(ROOT, "scripts", "analysis", "main.js");

// {status, stdout, stderr}; `options` may have cwd, and env, which is added to a plain environment.
export function verb(words, { env = {}, ...options } = {}) {
  return spawnSync(process.execPath, [MAIN, ...words], { encoding: "utf8", timeout: 60000,
    env: { PATH: process.env.PATH, LANG: "C.UTF-8", ...env }, ...options });
}

// The beginning of a command line for a shell, and what a shell prints.
export const MAIN_WORDS = `'${process.execPath}' '${MAIN}'`;

export function shell(command) {
  return execFileSync("bash", ["-c", command], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}
