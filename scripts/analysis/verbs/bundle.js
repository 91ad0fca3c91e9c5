// Makes the page: one HTML file that works offline, with data, style and script inlined.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { UserError } from "../core/errors.js";
import { packRun } from "../core/pack.js";
import { ANALYSIS } from "./files.js";
import { environment } from "./programs.js";

const PAGE = path.join(ANALYSIS, "page");

// The page for one or more runs; it opens on the last. `command` made it, and is shown; `start` is the address
// that it opens at when it is given none. Throws UserError when esbuild is not installed.
export function renderPage(runs, command, start = "") {
  const style = fs.readFileSync(path.join(PAGE, "page.css"), "utf8");
  const script = bundle();
  const csp = ["default-src 'none'", "img-src data: blob:", "base-uri 'none'", "form-action 'none'",
    `style-src '${hash(style)}'`, `script-src '${hash(script)}'`].join("; ");
  const data = JSON.stringify({ command, start, schema: runs[0].schema, runs: runs.map(packRun) });
  const parts = { csp, title: escapeHtml(runs.at(-1).name), style, script,
    data: data.replace(/[<>&\u2028\u2029]/g,
      (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`) };
  return fill("page.html", parts);
}

// A page of the same looks that has its text and pictures in it, and no script. `body` is HTML.
export function renderStaticPage(title, body) {
  const style = fs.readFileSync(path.join(PAGE, "page.css"), "utf8");
  const csp = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", `style-src '${hash(style)}'`];
  return fill("static.html", { csp: csp.join("; "), title: escapeHtml(title), style, body });
}

function fill(file, parts) {
  return fs.readFileSync(path.join(PAGE, file), "utf8").replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
}

function bundle() {
  try {
    const text = execFileSync("esbuild", [path.join(PAGE, "main.js"), "--bundle", "--format=iife",
      "--target=es2021", "--minify-whitespace", "--charset=utf8", "--log-level=error"],
    { cwd: PAGE, encoding: "utf8", maxBuffer: 1 << 26, env: environment() });
    return text.replaceAll("</script", "<\\/script");
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    throw new UserError("the page needs esbuild: apt-get install esbuild, or run scripts/setup");
  }
}

// What a Content-Security-Policy calls an inline script or style by.
function hash(text) {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

export function escapeHtml(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
