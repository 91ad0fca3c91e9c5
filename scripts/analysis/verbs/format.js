// Tables as text for a terminal and as Markdown, and marked sentences as either.
import { largest } from "../core/statistics.js";
import { asCell, numeric } from "../tables/model.js";
import { encode, terminalWidth } from "./streams.js";

// Plain text made safe for Markdown: no HTML, no column break, one line.
export function escape(value) {
  return escapeInline(oneLine(value));
}

function escapeInline(text) {
  return text.replace(/\\/g, "\\\\").replace(/&/g, "&amp;").replace(/</g, "&lt;")
    .replace(/>/g, "&gt;").replace(/[|`*[\]]/g, "\\$&").replace(/(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, "\\_");
}

// A code span that also survives in a table cell.
export function code(value) {
  return `\`${oneLine(value).replace(/`/g, "'").replace(/\|/g, "\\|")}\``;
}

// A name within the address of a Markdown link: no blank and no bracket ends it.
export function linkPart(name) {
  return encodeURIComponent(name).replace(/[()]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
}

function oneLine(value) {
  return String(value).split(/\s+/).filter(Boolean).join(" ");
}

// Sentences mark what matters with two asterisks, names with backticks; all else is plain.
export function markdownProse(text) {
  return text.split(/(\*\*[^*]+\*\*)/).map((part, at) => (
    at % 2 ? `**${escapeInline(part.slice(2, -2))}**` : escapeInline(part))).join("");
}

export function plainProse(text) {
  return text.replaceAll("**", "");
}

// Text on one line as a terminal shows it: what it cannot show is replaced, which may make it longer, and
// nothing controls it.
function shown(text) {
  return encode(text).replace(/\s/g, " ").replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
}

// Sentences, each in lines that the terminal can show.
export function wrap(sentences, width = terminalWidth()) {
  return sentences.flatMap((text) => {
    const lines = [""];
    for (const word of oneLine(shown(text)).split(" ")) {
      if (lines.at(-1) && lines.at(-1).length + 1 + word.length > width) lines.push("");
      lines[lines.length - 1] += (lines.at(-1) ? " " : "") + word;
    }
    return lines;
  });
}

function markdownCell(given) {
  const cell = asCell(given);
  const text = cell.code ? code(cell.text) : escape(cell.text);
  return [cell.strong ? `**${text}**` : text, cell.note ? escape(cell.note) : ""].filter(Boolean).join(" ");
}

// A table of ../tables as Markdown below its caption; empty without rows.
export function markdownTable(table, most = Infinity) {
  if (!table || !table.body.length) return "";
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const lines = [line(table.head.map((heading) => escape(asCell(heading).text))),
    line(table.head.map(({ numeric }) => (numeric ? "---:" : "---"))),
    ...table.body.slice(0, most).map((cells) => line(cells.map(markdownCell)))];
  const left = table.body.length - most;
  return [table.caption ? `${escape(table.caption)}:\n` : "", lines.join("\n"),
    left > 0 ? `\nAnd ${left} more; the page has all.` : "",
    table.note ? `\n${escape(table.note)}` : ""].filter(Boolean).join("\n");
}

// The same for a terminal: columns padded to their widest cell, two blanks apart; folded into several tables below
// each other, each beginning with the columns `kept`, where the terminal is too narrow.
export function textTable(table, kept = [0], width = terminalWidth()) {
  const text = (cell) => [cell.text, cell.note, cell.strong ? "*" : ""].filter(Boolean).join(" ");
  const lines = [table.head, ...table.body].map((cells) => cells.map((cell) => shown(text(asCell(cell)))));
  const widths = table.head.map((_, at) => largest(lines.map((cells) => [...cells[at]].length)));
  return fold(widths, kept, width).map((columns) => lines.map((cells) => columns.map(
    (at) => pad(cells[at], widths[at], table.head[at].numeric)).join("  ").trimEnd()).join("\n")).join("\n\n");
}

// The columns of each part; one that fits beside those kept nowhere stands there all the same.
function fold(widths, kept, width) {
  const size = (columns) => columns.reduce((total, at) => total + widths[at] + 2, -2);
  const all = widths.map((_, at) => at);
  if (size(all) <= width) return [all];
  const parts = [];
  for (const at of all.filter((column) => !kept.includes(column))) {
    if (parts.length && size([...parts.at(-1), at]) <= width) parts.at(-1).push(at);
    else parts.push([...kept, at]);
  }
  return parts.length ? parts : [all];
}

function pad(text, width, isNumeric) {
  const blanks = " ".repeat(width - [...text].length);
  return isNumeric ? blanks + text : text + blanks;
}

// A table with its rows as columns: headings of rows become those of columns.
export function transpose(table) {
  return { ...table, head: ["", ...table.body.map((cells) => numeric(asCell(cells[0]).text))],
    body: table.head.slice(1).map(
      (heading, at) => [asCell(heading).text, ...table.body.map((cells) => cells[at + 1])]) };
}

// A pattern with `*` for what differs between case ids, and what differs, joined. The shape always stays
// in the short ids, so that they are never empty.
export function hoist(ids) {
  const shape = 4;
  const parts = ids.map((id) => id.split("/"));
  if (new Set(parts.map((part) => part.length)).size !== 1 || parts[0].length <= shape) return ["*", ids];
  const kept = parts[0].map((_, at) => at === shape || new Set(parts.map((part) => part[at])).size > 1);
  return [parts[0].map((part, at) => (kept[at] ? "*" : part)).join("/"),
    parts.map((part) => part.filter((_, at) => kept[at]).join("/"))];
}
