// The report of a study: the same sections as Markdown with pictures and as a page without a script.
import fs from "node:fs";
import path from "node:path";
import { convergenceChart, costChart, curveChart, driftChart, errorChart, miniBatchChart, stepsChart,
} from "../charts/study.js";
import { serialize } from "../charts/svg.js";
import { claims, convergenceSentences, costSentences, driftSentences, findAll, miniBatchSentences,
  sameCurveSentences,
} from "../core/study/findings.js";
import { loadStudy, STUDIES } from "../core/study/load.js";
import { studyMethod } from "../core/study/method.js";
import { shellWord } from "../core/text.js";
import { asCell } from "../tables/model.js";
import { accuracyTable, claimsTable, convergenceTable, costTable, curveTable, errorTable, lagTable, rateTable,
  refusedTable,
  seriesTable } from "../tables/study.js";
import { escapeHtml, renderStaticPage } from "./bundle.js";
import { escape, linkPart, markdownTable } from "./format.js";

export const META = "study.json";

export function isStudy(folder) {
  return fs.existsSync(path.join(folder, META));
}

export function readStudy(folder) {
  const textOf = (name) => fs.readFileSync(path.join(folder, name), "utf8");
  const files = Object.fromEntries(STUDIES.filter((name) => fs.existsSync(path.join(folder, `${name}.jsonl`)))
    .map((name) => [name, textOf(`${name}.jsonl`)]));
  return loadStudy({ path: folder.replace(/(?<=.)\/+$/, ""), meta: textOf(META), files });
}

// [{title, texts, bullets, pictures, tables, commands}], of which any may be missing. Pictures are of
// charts/study.js.
function sectionsOf(study, options) {
  const found = findAll(study);
  const { meta } = study;
  return [
    { title: "What introductions claim", tables: [claimsTable(claims(found))],
      texts: ["A claim holds where the interval says so; where it does not decide, the claim is on the right."] },
    found.convergence && { title: "Convergence", texts: convergenceSentences(found.convergence),
      pictures: [stepsChart(found.convergence, options), convergenceChart(found.convergence, options)],
      tables: [convergenceTable(found.convergence), rateTable(found.convergence)] },
    found.sameCurves && { title: "The same on every backend", texts: sameCurveSentences(found.sameCurves),
      pictures: [curveChart(found.sameCurves, options)], tables: [curveTable(found.sameCurves)] },
    found.errors && { title: "Mini-batch size", texts: miniBatchSentences(found.errors, found.accuracies),
      pictures: [errorChart(found.errors, options), miniBatchChart(found.accuracies, options)],
      tables: [errorTable(found.errors), accuracyTable(found.accuracies)] },
    found.networkLags && { title: "Momentum and drift", texts: driftSentences(found.networkLags, found.seriesLags),
      pictures: [driftChart(found.networkLags, options)],
      tables: [seriesTable(found.seriesLags), lagTable(found.networkLags)] },
    found.costs && { title: "Cost in context", texts: costSentences(found.costs),
      pictures: [costChart(found.costs, options)], tables: [costTable(found.costs)] },
    { title: "Refused", tables: [refusedTable(study.refused)] },
    { title: "Method", bullets: studyMethod(meta, found) },
    { title: "Machine and build", bullets: factsOf(meta) },
    { title: "Reproduce", commands: [commandOf(meta)] },
  ].filter(Boolean).map((section) => ({ ...section, pictures: (section.pictures ?? []).filter(Boolean),
    tables: (section.tables ?? []).filter(Boolean) }))
    .filter(({ texts, bullets, tables, commands }) => texts?.length && tables.length || bullets || commands
      || tables.length);
}

function factsOf({ machine = {}, build = {}, backend, products, versions = {}, started, seconds = {} }) {
  return [`${machine.cpu}, ${machine.cores} cores, ${machine.isa}${machine.virtual ? ", virtual machine" : ""}`,
    `${build.compiler}, ${build.flags}, ${build.git}`,
    `Trained with ${backend} ${versions[backend] ?? ""}; products of matrices by ${products}`,
    `Started ${started}; ${Object.entries(seconds).map(([name, value]) => `${name} ${value.toFixed(0)} `
      + `s`).join(", ")}`];
}

// As it was typed, but for where the program and its results were.
function commandOf({ command = [] }) {
  const place = command.indexOf("--results");
  const words = command.filter((_, at) => at > 0 && (place < 0 || at < place || at > place + 1));
  return ["normbench", ...words.map(shellWord)].join(" ");
}

const HEADING = "Study: what normalization does to learning";

function introduction({ machine = {}, seeds, backend, started = "" }) {
  return `What introductions to batch normalization claim, measured on small networks with ${seeds} seeds, `
    + `trained with the backend ${backend} on ${machine.cpu}, ${started.slice(0, 10)}.`;
}

// {text, pictures: [[file name, text]]}; the pictures lie in `folder`, seen from the report, or there are none.
export function studyMarkdown(study, folder) {
  const pictures = [];
  const parts = sectionsOf(study, { background: true }).flatMap((section) => [`## ${section.title}`,
    ...(section.texts ?? []).map(escape),
    ...(folder === null ? [] : section.pictures).map(({ name, alt, tree }) => {
      pictures.push([`${name}.svg`, `${serialize(tree)}\n`]);
      return `![${escape(alt)}](${linkPart(folder)}/${name}.svg)`;
    }),
    ...section.tables.map((table) => markdownTable(table)),
    section.bullets ? section.bullets.map((text) => `- ${escape(text)}`).join("\n") : "",
    section.commands ? section.commands.map((text) => `    ${text}`).join("\n") : ""]);
  const warnings = study.warnings.map((text) => `> **${escape(text)}**`);
  return { text: `${[`# ${HEADING}`, escape(introduction(study.meta)), ...warnings, ...parts]
    .filter(Boolean).join("\n\n")}\n`, pictures };
}

export function studyPage(study) {
  const paragraph = (text) => `<p>${escapeHtml(text)}</p>`;
  const list = (texts) => `<ul>${texts.map((text) => `<li>${escapeHtml(text)}</li>`).join("")}</ul>`;
  const sections = sectionsOf(study, {}).map((section) => [`<section><h2>${escapeHtml(section.title)}</h2>`,
    ...(section.texts ?? []).map(paragraph), ...section.pictures
      .map(({ tree }) => `<figure>${serialize(tree)}</figure>`),
    ...section.tables.map(htmlTable), section.bullets ? list(section.bullets) : "",
    section.commands ? `<p><code>${escapeHtml(section.commands.join("\n"))}</code></p>` : "",
      "</section>"].join("\n"));
  return renderStaticPage(HEADING, [`<header><h1>${escapeHtml(HEADING)}</h1></header>`, "<main>",
    paragraph(introduction(study.meta)),
    ...study.warnings.map((text) => `<p class="failures"><strong>${escapeHtml(text)}</strong></p>`), ...sections,
    "</main>"].join("\n"));
}

const LONG = 40; // letters from which on a cell is broken into lines

function htmlTable({ caption, head, body }) {
  const cellOf = (tag, given, { numeric } = {}) => {
    const { text, strong } = asCell(given);
    const kind = text.length > LONG ? "text" : numeric ? "number" : null;
    const inner = strong ? `<strong>${escapeHtml(text)}</strong>` : escapeHtml(text);
    return `<${tag}${kind ? ` class="${kind}"` : ""}>${inner}</${tag}>`;
  };
  const headings = head.map(asCell);
  const row = (tag, cells) => `<tr>${cells.map((own, at) => cellOf(tag, own, headings[at])).join("")}</tr>`;
  return `<div class="scroll"><table>${caption ? `<caption>${escapeHtml(caption)}</caption>` : ""}<thead>${
    row("th", headings)}</thead><tbody>${body.map((cells) => row("td", cells)).join("\n")}</tbody></table></div>`;
}
