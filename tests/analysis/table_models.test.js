// Tables as page, Markdown and terminal get them: their headings and the texts of their cells.
import assert from "node:assert/strict";
import { test } from "node:test";
import { groupBy, keyOf } from "../../scripts/analysis/core/collections.js";
import { KIND, settingsOf } from "../../scripts/analysis/core/groups.js";
import { answerTable as settingTable } from "../../scripts/analysis/core/answer.js";
import { csvOf } from "../../scripts/analysis/page/csv.js";
import { answerTable, rankingTables, regimesTable } from "../../scripts/analysis/tables/answer.js";
import { asCell } from "../../scripts/analysis/tables/model.js";
import { batchTable, versionTables } from "../../scripts/analysis/tables/relative.js";
import { caseTable, rowsTable } from "../../scripts/analysis/tables/shapes.js";
import { ladder, makeGap, makeRow, two, viewOf } from "./synthesis.js";

const textOf = (given) => {
  const { text, note } = asCell(given);
  return note ? `${text} ${note}` : text;
};
const headOf = ({ head }) => head.map((heading) => asCell(heading).text);
const linesOf = ({ body, cellsOf = (line) => line }) => body.map((line) => cellsOf(line).map(textOf));
const exact = (backend, ns, fields) => makeRow(backend, ns, { jitter: 0, copy_ns: null, bytes: null, ...fields });

test("one shape: the fastest first, and why another has no time", () => {
  const view = viewOf([exact("b", 200), exact("a", 100, { bound_ns: 50 }), makeGap("c", "failed", "y is off")]);
  const table = caseTable(view, view.rows);
  assert.deepEqual(headOf(table), ["backend", "time", "ratio to the best", "GB/s", "% of copy", "times bound",
    "kernel", "error", "reproduce"]);
  assert.deepEqual(linesOf(table).map((cells) => cells.slice(0, 8)), [
    ["a", "100 ns", "1.00 [1.00, 1.00]", "-", "-", "2.00", "loop", "0.25"],
    ["b", "200 ns", "2.00 [2.00, 2.00]", "-", "-", "-", "loop", "0.25"],
    ["c", "failed", "-", "-", "-", "-", "y is off", "-"]]);
  assert.deepEqual(table.body[2][1], { text: "failed", title: "y is off", bad: true });
});

test("all rows: what differs between their cases has a column, and is sorted by its value", () => {
  const view = viewOf([exact("a", 100, { threads: 2 }), exact("a", 100, { threads: 16, regime: "DRAM" })]);
  const table = rowsTable(view);
  assert.deepEqual(headOf(table).slice(0, 6), ["shape", "name", "threads", "data in", "backend", "time"]);
  assert.deepEqual(table.cellsOf(view.rows[1]).slice(0, 4).map((cell) => [textOf(cell), asCell(cell).value]), [
    ["(64, 256, 128)", 64 * 256 * 128], ["", undefined], ["16", 16], ["DRAM", 3]]);
});

test("regimes by backends: ties are marked, who was not timed has no number", () => {
  const rows = [...ladder(), ...two("naive", "simd", 2, { pass: "backward", cases: 1 })];
  const view = viewOf(rows);
  const [groups] = groupBy(view.groups, ({ keys }) => keyOf(keys, KIND)).values();
  const table = regimesTable(view, groups);
  assert.deepEqual(headOf(table).slice(0, 2), ["setting", "data in"]);
  const at = headOf(table).indexOf("OpenMP C++, ours");
  assert.deepEqual(linesOf(table).map((cells) => [...cells.slice(0, 2), cells[at].split(" ")[0]]), [
    ["training, 1 thread", "all regimes 4 cases", "1.00"], ["training, 1 thread", "L2 2 cases", "1.00"],
    ["training, 1 thread", "DRAM 2 cases", "1.00"], ["backward, 1 thread", "L2 1 case", "-"]]);
  const tied = viewOf(two("a", "b", 1.0005));
  assert.match(textOf(regimesTable(tied, tied.groups).body[0][2]), /^1\.00 = \[/);
  assert.match(regimesTable(tied, tied.groups).body[0][2].title, /^rank 1, \d wins?, worst 1\.00$/);
});

test("who failed is said where others have a number", () => {
  const view = viewOf([...two("a", "b", 2), makeRow("b", 5, { pass: "backward" }),
    makeGap("a", "failed", "y is off", { pass: "backward" })]);
  const [groups] = settingsOf(view.whole);
  assert.deepEqual(linesOf(answerTable(view, settingTable(view, groups)))[1].slice(2), ["failed", "1.00 (1.00)"]);
});

test("a standing without a ratio to the baseline keeps its rank", () => {
  const rows = [...two("a", "b", 2), ...two("a", "b", 2, { pass: "backward" }).map((row) => (
    row.backend === "b" ? { ...row, outcome: "failed", samples_ns: [] } : row))];
  const view = viewOf(rows, { baseline: "b" });
  assert.deepEqual(rankingTables(view).flatMap(({ table }) => linesOf(table)).map((cells) => cells.slice(2, 5)), [
    ["1", "a", "0.50 [0.50, 0.50]"], ["2", "b", "1.00 [1.00, 1.00]"], ["1", "a", "-"]]);
});

test("mini-batches and versions have a column each", () => {
  const batches = viewOf([exact("a", 100), exact("a", 150, { batch: 8 })]);
  assert.deepEqual([headOf(batchTable(batches)), ...linesOf(batchTable(batches))],
    [["setting", "backend", "B = 8"], ["training, 1 thread", "a", "1.50 (n=1)"]]);
  const backends = [{ name: "onednn", version: "2.6.3" }, { name: "onednn@3", version: "3.0.1" }];
  const [versions] = versionTables(viewOf([exact("onednn", 100), exact("onednn@3", 50)], { meta: { backends } }));
  assert.equal(versions.caption, "Versions of oneDNN: time as a ratio to oneDNN 2.6.3");
  assert.deepEqual(linesOf(versions), [["training, 1 thread", "1", "1.00", "0.50"]]);
});

test("CSV has a line per shown row, with its ratio and all samples", () => {
  const view = viewOf([exact("a", 100, { rounds: 2 }), exact("b", 200, { rounds: 2, reason: 'a "b", c' })]);
  const [head, first, second, last] = csvOf(view).split("\r\n");
  const field = (line, name) => line.split(",")[head.split(",").indexOf(name)];
  assert.deepEqual([field(first, "backend"), field(first, "ratio"), field(first, "relation"), last],
    ["a", "1", "reference", ""]);
  assert.ok(second.includes(',"a ""b"", c",') && second.endsWith(",200 200"));
});
