// normbench report: one or more runs as Markdown with pictures, or as a page.
import path from "node:path";
import { drawCharts } from "../charts/index.js";
import { serialize } from "../charts/svg.js";
import { UserError } from "../core/errors.js";
import { toAddress } from "../page/address.js";
import { renderPage } from "./bundle.js";
import { isStream, printPlace, readRun, writeFiles } from "./files.js";
import { renderReport, renderSummary } from "./markdown.js";
import { FILTERS, RANKED, viewOf } from "./options.js";
import { BEGIN, END, linkTo, splice } from "./splice.js";
import { say, warn } from "./streams.js";
import { isStudy, readStudy, studyMarkdown, studyPage } from "./study.js";

export const VERB = "report";
export const ABOUT = `Writes a report as Markdown with pictures (--markdown, the default) or as an
interactive page (--html). The last RUN is the one that is told in full. What changed since those before it
of the same machine (cpu, cores and isa) is a section; runs of several machines are set side by side. The
report goes beside the last RUN: RUN/report.md with its pictures in the folder RUN/report, and
RUN/report.html. -o names another place, and a name that ends in .html means --html; with both formats, the
suffix of FILE is replaced by .md and .html. --splice leaves all bytes outside of its markers as they are:
${BEGIN} and ${END}. RUN may be a folder of normbench study, alone.`;
export const ARGUMENTS = { least: 1, most: Infinity, what: "RUN..." };
export const OPTIONS = {
  html: { type: "boolean", text: "write an interactive page" },
  markdown: { type: "boolean", text: "write Markdown and pictures, which is the default" },
  output: { type: "string", short: "o", value: "FILE", text: "default: RUN/report.md or .html" },
  pictures: { type: "string", value: "all|ranking|none", default: "all", choices: ["all", "ranking", "none"],
    text: "which pictures the Markdown has: all, only the first ranking, none" },
  splice: { type: "string", value: "FILE", text: "also put the answer between two markers of this file" },
  ...RANKED, ...FILTERS,
};

// All is rendered before anything is written.
export function run(options, command) {
  if (options.arguments.some(isStudy)) return reportStudy(options);
  const runs = options.arguments.map((folder) => readRun(folder));
  const views = runs.map((own) => viewOf(own, options));
  const outputs = outputPaths(runs.at(-1).path, options);
  const isTarget = (place) => path.resolve(place) === path.resolve(options.splice);
  if (options.splice && Object.values(outputs).some(isTarget)) {
    throw new UserError(`--splice ${options.splice} is where the report goes: name another place with -o`);
  }
  const files = new Map();
  let pictures = [];
  let folder = null;
  if (outputs.markdown) {
    if (!isStream(outputs.markdown)) {
      const { dir, name, ext } = path.parse(outputs.markdown);
      folder = path.join(dir, ext ? name : `${name}.pictures`);
      pictures = options.pictures === "none" ? [] : drawCharts(views.at(-1)).filter(
        ({ name, number }) => options.pictures === "all" || (name === "ranking" && number === 1));
    }
    files.set(outputs.markdown, renderReport(views, pictures, folder && path.basename(folder), command));
  }
  if (outputs.html) files.set(outputs.html, renderPage(views.map(chosen), command, startOf(views.at(-1))));
  const spliced = options.splice && splice(options.splice, renderSummary(views.at(-1),
    { report: linkTo(options.splice, [...files.keys()][0]), picture: pictures[0],
      folder: folder && linkTo(options.splice, folder) }));
  const drawn = pictures.map(({ fileName, tree }) => [path.join(folder, fileName), `${serialize(tree)}\n`]);
  writeFiles([...drawn, ...files, ...(spliced ? [[options.splice, spliced]] : [])], drawn.length ? folder : null);
  for (const place of files.keys()) printPlace(place);
  if (spliced) say(`spliced a summary into ${options.splice}\n`);
  return 0;
}

// A folder of normbench study, alone, and without what concerns backends and cases.
function reportStudy(options) {
  const [place, ...others] = options.arguments;
  if (others.length) throw new UserError("a study has a report of its own: give its folder alone");
  const given = [...Object.keys(FILTERS), ...Object.keys(RANKED), "splice"].find((name) => options[name]?.length);
  if (given) throw new UserError(`--${given} is for runs, and ${place} is a study`);
  const study = readStudy(place);
  study.warnings.forEach(warn);
  const outputs = outputPaths(study.path, options);
  const files = new Map();
  let drawn = [];
  let folder = null;
  if (outputs.markdown) {
    if (!isStream(outputs.markdown) && options.pictures === "all") {
      const { dir, name, ext } = path.parse(outputs.markdown);
      folder = path.join(dir, ext ? name : `${name}.pictures`);
    }
    const { text, pictures } = studyMarkdown(study, folder && path.basename(folder));
    files.set(outputs.markdown, text);
    drawn = pictures.map(([name, content]) => [path.join(folder, name), content]);
  }
  if (outputs.html) files.set(outputs.html, studyPage(study));
  writeFiles([...drawn, ...files], drawn.length ? folder : null);
  for (const file of files.keys()) printPlace(file);
  return 0;
}

// What the page is given: the rows of the chosen cases, of all backends, so that the best stays the best.
function chosen(view) {
  return { ...view.run, rows: view.rows };
}

// The choices of the view, as the address of a page; empty where nothing is chosen.
function startOf({ among, backends, isShown }) {
  const ids = [...backends.keys()];
  const address = toAddress({ among, shown: ids.every(isShown) ? null : ids.filter(isShown) });
  return address === "#" ? "" : address;
}

const SUFFIXES = { markdown: ".md", html: ".html" };

// Where each format goes; what no flag says, the suffix of the name says.
function outputPaths(folder, { html, markdown, output }) {
  const base = output ?? path.join(folder, "report.md");
  const { dir, name, ext } = path.parse(base);
  const isHtml = html || (!markdown && output !== undefined && ext === SUFFIXES.html);
  const chosen = [...(markdown || !isHtml ? ["markdown"] : []), ...(isHtml ? ["html"] : [])];
  const beside = Object.fromEntries(chosen.map((form) => [form, path.join(dir, name + SUFFIXES[form])]));
  if (output === undefined) return beside;
  if (output === "-" || /(^|\/)\.{0,2}$/.test(output)) {
    throw new UserError(`-o '${output}' names no file: name one, such as report.html${
      output === "-" ? ", or /dev/stdout" : ""}`);
  }
  if (chosen.length > 1) {
    if (!isStream(output)) return beside;
    throw new UserError(`-o ${output} is one place, and two formats are asked for: give --html or --markdown`);
  }
  const [form] = chosen;
  const other = Object.keys(SUFFIXES).find((own) => own !== form && SUFFIXES[own] === ext);
  if (other) {
    throw new UserError(`-o ${output} is named as ${other}, and --${form} is asked for: name it *${
      SUFFIXES[form]}`);
  }
  return { [form]: output };
}
