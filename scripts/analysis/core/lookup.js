// The answer for one case: who is the fastest, by how much, how sure, and what a library would take.
import { pytorchOf } from "./backends.js";
import { fullTitle } from "./groups.js";
import { floorText } from "./noise.js";
import { largest, smallest } from "./statistics.js";
import { countText, intervalText, listText, ratioText, shapeText, timeText } from "./text.js";

// {row, subject, sentence, sure}: `row` is any of the case, `sure` says what the sentence rests on. The sentence
// marks what matters with two asterisks. Null when the view has no such case.
export function lookUp(view, id) {
  const rows = view.rows.filter((row) => row.case === id);
  if (!rows.length) return null;
  const [row] = rows;
  const records = rows.map((own) => view.toBest.get(own.index)).filter(Boolean);
  return { row, subject: `${shapeText(row)}${row.name ? ` (${row.name})` : ""}, ${fullTitle(row)}`,
    sentence: sentenceOf(view, rows, records), sure: sureText(view, records) };
}

function sentenceOf(view, rows, records) {
  const spoken = (record) => view.spoken(record.row.backend);
  const kindOf = (record) => view.backends.get(record.row.backend).kind;
  const ours = (record) => (kindOf(record) === "ours" ? ", ours and not a library" : "");
  const best = records.find(({ relation }) => relation === "reference");
  if (!best) return rows.some((row) => row.timed) ? "Nothing that is ranked was timed." : "Nothing was timed.";
  const time = timeText(best.row.median_ns);
  const rivals = records.filter((record) => record.competes && record !== best)
    .sort((a, b) => a.estimate.ratio - b.estimate.ratio);
  if (!rivals.length) {
    return `Only ${spoken(best)} ${records.length === 1 ? "was timed" : "is ranked"}: **${time}**.`;
  }
  const long = (record) => `${ratioText(record.estimate.ratio)} ${intervalText(record.estimate)} times as long`;
  if (rivals.some(({ relation }) => relation === "undecided")) {
    return `${spoken(best)} took the least time, ${time}, but there are too few rounds for a claim.`;
  }
  const equal = rivals.filter(({ relation }) => relation === "tied");
  const behind = rivals.filter(({ relation }) => relation === "slower");
  const parts = [equal.length
    ? `**${listText([best, ...equal].map(spoken))}** cannot be told apart: ${time}`
    : `The fastest is **${spoken(best)}**${ours(best)}: **${time}**`];
  const [next] = behind;
  if (next) parts.push(`next is ${spoken(next)}, which takes ${long(next)}`);
  const led = [best, ...equal, next].some((record) => record && kindOf(record) === "library");
  const library = led ? null : behind.find((record) => kindOf(record) === "library");
  if (library) parts.push(`the fastest library, ${spoken(library)}, takes ${long(library)}`);
  const known = pytorchOf([best, ...rivals].map((record) => record.row.backend));
  const own = behind.find((record) => record.row.backend === known && record !== next && record !== library);
  if (own) parts.push(`${spoken(own)} takes ${long(own)}`);
  return `${parts.join("; ")}.`;
}

function sureText(view, records) {
  if (!records.length) return "";
  const counts = records.map(({ estimate }) => estimate.count);
  const [fewest, most] = [smallest(counts), largest(counts)];
  return `${fewest < most ? `${fewest} to ` : ""}${countText(most, "round")} measured side by side, noise floor ${
    floorText(view.run.noise)}`;
}
