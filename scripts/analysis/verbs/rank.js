// normbench rank: the answer of a run in text or JSON.
import { answer, caveats } from "../core/answer.js";
import { fullTitle } from "../core/groups.js";
import { answerTable, rankingTables } from "../tables/answer.js";
import { MOMENTS, OWN_LAYOUT } from "../tables/model.js";
import { FILTERS, FORMAT, RANKED, viewOf } from "./options.js";
import { readRun } from "./files.js";
import { plainProse, textTable, transpose, wrap } from "./format.js";
import { write, writeJson } from "./streams.js";

export const VERB = "rank";
export const ABOUT = `Says which backend is the fastest: for each pass the geometric mean of the time as a ratio
to the best of each case, and the worst case. Cases count only where every ranked backend was timed.`;
export const ARGUMENTS = { least: 1, most: 1, what: "RUN" };
export const OPTIONS = { ...FORMAT("text", "json"), ...RANKED,
  regimes: { type: "boolean", text: "also print where the data of the cases lives: L1, L2, L3, DRAM" },
  ...FILTERS };

const REGIME_AND_BACKEND = [0, 3];

export function run(options) {
  const isText = options.format === "text";
  const view = viewOf(readRun(options.arguments[0], !isText), options);
  if (isText) write(rankText(view, options.regimes));
  else writeJson(view.groups.map(groupJson));
  return 0;
}

function rankText(view, regimes) {
  const found = answer(view);
  const tables = [found.table, ...found.others].filter(Boolean).map((table) => answerTable(view, table));
  const notes = [OWN_LAYOUT, MOMENTS].filter((text) => tables.some(({ note }) => note.includes(text)));
  const lines = [
    ...wrap([found.partial, ...found.failures.map(({ text }) => `FAILED: ${text}.`),
      ...found.sentences.map(plainProse), found.ranked].filter(Boolean)),
    ...(tables.length ? ["", ...wrap([
      `Time as a ratio to ${view.reference} of each case: geometric mean (worst). Above 1 is slower.`,
      "*: the fastest, or (=) not to be told apart from it."])] : []),
    ...tables.flatMap((table, at) => ["", ...wrap([[found.table, ...found.others][at].title]),
      textTable(transpose(table))]),
    ...(notes.length ? ["", ...wrap(notes.map((text) => text.replace("* its", "Names with *: the")))] : []),
    ...(regimes ? rankingTables(view).flatMap(({ title, table, leftOut }) => [
      "", ...wrap([title]), textTable(table, REGIME_AND_BACKEND), ...wrap(leftOut)])
      : wrap(view.whole.flatMap((group) => notRanked(view, group)))),
    "", ...wrap(caveats(found)),
  ];
  return `${lines.join("\n")}\n`;
}

// Who was timed too rarely; of which group, where there are several.
function notRanked(view, { keys, total, leftOut }) {
  const group = view.whole.length > 1 ? ` (${fullTitle(keys)})` : "";
  return leftOut.map(([backend, count]) => (
    `Not ranked: ${view.label(backend)}, timed in ${count} of ${total} cases${group}.`));
}

function groupJson({ leaders, standings, leftOut, ...group }) {
  return { ...group, left_out: Object.fromEntries(leftOut), standings: standings.map(
    ({ worst, isApart, isNative, isMoments, isRanked, ...standing }) => ({ ...standing, native: isNative,
      moments: isMoments, ranked: isRanked,
      worst_ratio: worst.ratio, worst_case: worst.row.case, against: undefined })) };
}
