// A report, and the summary of one for a README, as Markdown.
import { answer, caveats } from "../core/answer.js";
import { CHANGES, findChanges, setupDifferences } from "../core/changes.js";
import { cliffCounts, findCliffs, worstInTurn } from "../core/cliffs.js";
import { fullTitle, likeCases } from "../core/groups.js";
import { runNames, sameMachine, sharedText } from "../core/machines.js";
import { shapeMatrices } from "../core/matrix.js";
import { ACCURACY_TEXT, BIASES, CLIFF_TEXT, EMPTY, methodTexts, NEXT_TEXT, priceText } from "../core/method.js";
import { machineFacts, verifiedText } from "../core/notes.js";
import { floorText } from "../core/noise.js";
import { isReadNext } from "../core/reading.js";
import { countText, listText, ratioText, shellWord } from "../core/text.js";
import { answerTable, namesTable, rankingTables } from "../tables/answer.js";
import { bandwidthTable, batchTable, bestTypeTable, ceilingTable, costTable, layoutTable, normTable, priceTables,
  profileTable, readingTable, threadTable, typeTable, versionTables } from "../tables/relative.js";
import { accuracyTables, changeFloorText, changesTable, gapsTable, machinesTable, remarksTable, runsTable,
} from "../tables/runs.js";
import { cliffTable, kernelTable, matrixTable } from "../tables/shapes.js";
import { code, escape, linkPart, markdownProse, markdownTable } from "./format.js";

const MOST_REMARKS = 20;
const MOST_CHANGES = 30; // of each kind
const MOST_SHAPES = 300;
const PICTURE_TITLES = { heat: "Who is fastest where", roofline: "Bandwidth", profile: "Performance profile",
  scaling: "Scaling with threads", accuracy: "Accuracy" };

// The full report of the last view, with how the others compare. `pictures` are of ../charts and lie in
// `folder`, seen from the report.
export function renderReport(views, pictures, folder, command) {
  const view = views.at(-1);
  const { run } = view;
  const images = (name) => pictures.filter((own) => own.name === name).map((own) => image(own, folder));
  const found = answer(view);
  const versions = versionTables(view);
  return `${join([
    `# Report: ${escape(run.name)}`, ...partialParts(views), ...answerParts(view, found), ...images("ranking"),
    ...section("Other settings", found.others.map((table) => markdownTable(answerTable(view, table)))),
    ...section("Who is who", [markdownTable(namesTable(view))]),
    ...severalRuns(views), ...section("Shapes", matrices(view)), ...section("Kernels", kernels(view)),
    ...section("Cliffs", cliffs(view)),
    ...section("Skips and failures", [markdownTable(gapsTable(view)) || EMPTY.gaps]),
    ...section(PICTURE_TITLES.heat, images("heat"), "Which backend is the fastest for which shape, at the "
      + "most threads, and how many times as long the next takes; = is a tie. A cell with several cases shows "
      + "geometric means."),
    ...section(PICTURE_TITLES.profile, [...images("profile"), ...groupTables(view, profileTable)]),
    ...section(PICTURE_TITLES.roofline, [...images("roofline"), ...groupTables(view, bandwidthTable),
      markdownTable(ceilingTable(run))],
    "GB/s is compulsory bytes / time. Dashed and dotted: copies, as measured."),
    ...section(PICTURE_TITLES.scaling, [...images("scaling"), markdownTable(threadTable(view)) || EMPTY.threads]),
    ...section("Mini-batches", [markdownTable(batchTable(view)) || EMPTY.batches]),
    ...section("Instead of batch norm", [markdownTable(normTable(view)) || EMPTY.norms]),
    ...section("Price of a norm", price(view)),
    ...section("Instead of f32",
      [markdownTable(bestTypeTable(view)), markdownTable(typeTable(view)) || EMPTY.types]),
    ...section("Instead of ncl", [markdownTable(layoutTable(view)) || EMPTY.layouts]),
    ...section("When the output is read next", reading(view)),
    ...section("Versions of one library",
      versions.length ? versions.map((table) => markdownTable(table)) : [EMPTY.versions]),
    ...section(PICTURE_TITLES.accuracy, [...images("accuracy"), ...accuracy(view)]),
    ...section("Costs and disturbances", [markdownTable(costTable(view)) || "Nothing passed."]),
    ...section("Ranking by regime", rankingTables(view).flatMap(({ title, table, leftOut }) => [
      folded(title, [markdownTable(table), ...leftOut.map(escape)])])),
    ...section("Remarks", [markdownTable(remarksTable(view), MOST_REMARKS) || "None."]),
    ...section("Machine and build", [markdownTable({ head: ["", ""], body: machineFacts(run) })]),
    ...section("What this config asks", [prose(run.config.analysis)]),
    ...section("Method", [bullets(methodTexts(view)), "Biases:", bullets(BIASES)]),
    ...section("Reproduce", reproduce(run, command)),
  ])}\n`;
}

// The compact version for a README; the same run always gives the same text. `links` are {report, folder},
// where there is such a thing, and `picture`, the ranking.
export function renderSummary(view, links) {
  const found = answer(view);
  const { machine, build, started, noise } = view.run;
  const more = found.others.length ? `, with ${countText(found.others.length, "other setting")}` : "";
  const facts = [machine.cpu, machine.cores ? `${machine.cores} cores` : "", build.compiler, build.flags,
    started.slice(0, 10), `noise floor ${floorText(noise)}`, `verified ${verifiedText(view.rows)}`]
    .filter(Boolean);
  return `${join([...partialParts([view]), ...answerParts(view, found),
    links.folder && links.picture ? image(links.picture, links.folder, true) : "",
    `Measured on ${escape(facts.join(", "))}.${
      links.report ? ` [Full report](${links.report})${more}.` : ""}`])}\n`;
}

function join(parts) {
  return parts.filter(Boolean).join("\n\n");
}

// How much of the runs was measured, where that is not all.
function partialParts(views) {
  const names = runNames(views.map(({ run }) => run));
  return views.map(({ run }, at) => (run.partial
    ? `**${escape(`${views.length > 1 ? `${names[at]}: ` : ""}${run.partial}`)}**` : ""));
}

// Failures first, then the answer, then what it does not say.
function answerParts(view, found) {
  const notes = caveats(found);
  return [
    ...found.failures.map(({ text }) => `> **Failed: ${escape(text)}.**`),
    [...found.sentences.map(markdownProse), escape(found.ranked)].filter(Boolean).join(" "),
    found.table ? markdownTable(answerTable(view, found.table)) : "",
    notes.length ? `What these numbers do not say, and what lowers trust in them:\n\n${bullets(notes)}` : "",
  ];
}

function section(title, parts, introduction = "") {
  const filled = parts.filter(Boolean);
  return filled.length ? [`## ${title}`, introduction, ...filled] : [];
}

function folded(title, parts) {
  return join([`<details><summary>${escape(title)}</summary>`, ...parts, "</details>"]);
}

function bullets(texts) {
  return texts.map((text) => `- ${escape(text)}`).join("\n");
}

function prose(text) {
  return String(text ?? "").trim().replace(/&/g, "&amp;").replace(/</g, "&lt;");
}

function image({ alt, fileName }, folder, isLink = false) {
  return `![${escape(alt)}](${isLink ? folder : linkPart(folder)}/${linkPart(fileName)})`;
}

function matrices(view) {
  return shapeMatrices(view).map((matrix, at) => {
    const table = markdownTable(matrixTable(view, matrix), MOST_SHAPES);
    const title = fullTitle(matrix.keys);
    return at < 3 ? join([`### ${escape(title)}`, table]) : folded(title, [table]);
  });
}

function kernels(view) {
  return [markdownTable(kernelTable(view)) || EMPTY.kernels];
}

function cliffs(view) {
  const found = findCliffs(view);
  if (!found.length) return [EMPTY.cliffs];
  const counts = cliffCounts(found).map(([backend, count]) => `${view.label(backend)} ${count}`);
  const shown = worstInTurn(found);
  return [CLIFF_TEXT, escape(`${found.length} of ${view.timed.length} rows: ${counts.join("; ")}.${
    shown.length < found.length ? ` The worst ${shown.length} are listed, taken in turn from each backend.`
      : ""}`),
  markdownTable(cliffTable(view, shown))];
}

// A table for each group of the view.
function groupTables(view, tableOf) {
  return likeCases(view.timed, view.schema).map((group, at) => {
    const title = fullTitle(group.keys);
    const table = markdownTable(tableOf(view, group, title));
    return at < 3 || !table ? table : folded(title, [table]);
  });
}

function price(view) {
  const found = priceTables(view);
  if (!found) return [EMPTY.price];
  return [escape(priceText(found.withoutControl)), markdownTable(found.medians),
    folded("Per shape", [markdownTable(found.shapes)])];
}

function reading(view) {
  const found = readingTable(view);
  if (found) return [NEXT_TEXT, ...found.texts.map(markdownProse), found.table ? markdownTable(found.table) : ""];
  return isReadNext(view.timed) ? [EMPTY.reading] : [];
}

function accuracy(view) {
  const { tables, worst, moments } = accuracyTables(view);
  if (!tables.length) return [EMPTY.accuracy];
  return [escape(ACCURACY_TEXT), ...tables.map((table) => markdownTable(table)),
    ...moments.map((text) => `${escape(text)}.`),
    worst ? `Over all kinds of input the worst is ${ratioText(worst.error)} of its bound: ${
      escape(view.label(worst.backend))} in ${code(worst.case)}.` : ""];
}

function severalRuns(views) {
  if (views.length < 2) return [];
  const runs = views.map(({ run }) => run);
  const names = runNames(runs);
  const recent = runs.at(-1);
  const { found, table } = machinesTable(views, names);
  const older = runs.slice(0, -1).map((old, at) => [old, names[at]]).filter(([old]) => sameMachine(old, recent));
  return [
    ...section("Runs side by side", [markdownTable(runsTable(views, names)), sharedText(found),
      found.lines.length ? markdownTable(table) : "The runs share no case."],
    "Ratios, never times: each is to the best of its own run."),
    ...older.flatMap(([old, name]) => section(`Changes since ${escape(name)}`,
      changes(old, recent, views.at(-1)))),
  ];
}

function changes(old, recent, view) {
  const found = findChanges([old], [recent]);
  const differences = setupDifferences([old], [recent]).map(({ what, old: before, recent: after }) => (
    `Different ${what}: ${before}, now ${after}. The ratios compare more than the code.`));
  const counts = listText(found.counts.map(([change, count]) => `${count} ${change}`));
  if (!found.rows.some(({ before, after }) => before && after)) {
    return ["They have no case and backend in common."];
  }
  const shown = CHANGES.flatMap(
    (kind) => found.rows.filter(({ change }) => change === kind).slice(0, MOST_CHANGES));
  const isCut = found.counts.some(([change, count]) => change !== "same" && count > MOST_CHANGES);
  return [differences.length ? bullets(differences) : "",
    `${counts}. Slower and faster: the whole interval of new / old is beyond ${found.threshold}. ${
      escape(changeFloorText(found))}`,
  markdownTable(changesTable(view, shown)), isCut ? `Of each kind the first ${MOST_CHANGES} are listed, all by ${
    code(`normbench diff ${shellWord(old.path)} ${shellWord(recent.path)}`)}.` : ""];
}

function reproduce(run, command) {
  const words = Array.isArray(run.meta.command) ? run.meta.command.map((word) => shellWord(String(word))) : [];
  const lines = [words.join(" "), command].filter(Boolean).map((line) => line.replace(/[\r\n]+/g, " "));
  return [`Config: ${code(run.config.path || run.name)}. All samples: samples.jsonl; machine, build and config: `
    + "run.json.",
    `\`\`\`sh\n${lines.join("\n")}\n\`\`\``];
}
