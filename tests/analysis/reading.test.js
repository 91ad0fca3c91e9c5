// What a read of the output right after each call changes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { optionPairs, isReadNext, readingTexts, readNext, relationsText }
  from "../../scripts/analysis/core/reading.js";
import { readingTable } from "../../scripts/analysis/tables/relative.js";
import { close, loadRows, makeGap, makeRow, viewOf } from "./synthesis.js";

const OFF = "simd[streaming=off]";

// Rows of both ways of one case: {backend: [time alone, time with the read]}.
function both(times, fields) {
  return Object.entries(times).flatMap(([backend, [alone, next]]) => [
    makeRow(backend, alone, fields), makeRow(backend, next, { ...fields, then: "read" })]);
}

const linesOf = ({ lines }) => lines.map(({ option, title, regime, cases }) => [option, title, regime,
  relationsText(cases, "isAlone"), relationsText(cases, "isNext")].join("; "));

test("contestants that differ in one option are a pair", () => {
  const told = (...ids) => optionPairs(ids).map(({ base, variant, option }) => `${base} < ${variant}: ${option}`);
  assert.deepEqual(told("simd", "aten", OFF), [`simd < ${OFF}: simd.streaming=off`]);
  assert.deepEqual(told(OFF, "simd"), [`simd < ${OFF}: simd.streaming=off`]);
  assert.deepEqual(told("simd", OFF, "simd[streaming=on]"),
    [`simd < ${OFF}: simd.streaming=off`, "simd < simd[streaming=on]: simd.streaming=on"]);
  assert.deepEqual(told(OFF, "simd[streaming=on]"), [`${OFF} < simd[streaming=on]: simd.streaming=on`]);
  assert.deepEqual(told("a[x=1]", "a[x=1,y=2]", "b[y=2]"), ["a[x=1] < a[x=1,y=2]: a.y=2"]);
  assert.deepEqual(told("simd", "simd[streaming=off,residency=off]", "aten"), []);
  assert.deepEqual(told("a[x=on,x=off]", "a[x=on]"), ["a[x=on,x=off] < a[x=on]: a.x=on"]);
});

test("the order may turn around when the output is read", () => {
  const view = viewOf(both({ simd: [100, 220], [OFF]: [125, 200] }, { regime: "DRAM" }));
  const found = readNext(view);
  assert.deepEqual(linesOf(found), ["simd.streaming=off; training, 1 thread; DRAM; slower; faster"]);
  const [{ alone, next, adds }] = found.lines;
  close(alone.ratio, 1.25, 0.01);
  close(next.ratio, 0.909, 0.01);
  close(adds[0], 2.2, 0.01);
  close(adds[1], 1.6, 0.01);
  const [text, ...rest] = readingTexts(view, found);
  assert.deepEqual(rest, []);
  assert.match(text, /^When its output is read next, simd takes longer than with simd\.streaming=off in training/);
  assert.match(text, /thread: \(64, 256, 128\) \(\*\*1\.10 \[1\.\d\d, 1\.\d\d\] times\*\* as long; 0\.80 \[0\./);
  assert.match(text, /There, \*\*set simd\.streaming=off\*\*\.$/);
});

test("any backend and option are named as the run has them", () => {
  const view = viewOf(both({ mine: [100, 200], "mine[stores=around]": [50, 300] }, {}));
  const texts = readingTexts(view, readNext(view));
  assert.equal(texts.length, 1);
  assert.match(texts[0], /^With mine\.stores=around, mine is faster when nobody reads the output, and slower /);
  assert.match(texts[0], /\*\*1\.50 .*0\.50 .*leave mine\.stores=around out/);
});

test("where nothing turns, the text says so, and what is open", () => {
  const wins = viewOf(both({ simd: [100, 200], [OFF]: [150, 210] }, {}));
  assert.deepEqual(readingTexts(wins, readNext(wins)),
    ["In no case does simd take longer than with simd.streaming=off when its output is read next."]);
  const short = viewOf(both({ simd: [100, 200], [OFF]: [150, 100] }, { rounds: 5 }));
  assert.deepEqual(linesOf(readNext(short)), ["simd.streaming=off; training, 1 thread; L2; undecided; undecided"]);
  assert.deepEqual(readingTexts(short, readNext(short)),
    ["simd or simd with simd.streaming=off: undecided in 1 of 1 case."]);
});

test("each case has its say, whatever the mean of its regime", () => {
  const rows = [[1, 100, 200], [2, 150, 300], [3, 150, 180], [4, 120, 160]].flatMap(([l, alone, next]) => both(
    { simd: [100, 200], [OFF]: [alone, next] }, { l, regime: l < 4 ? "L3" : "DRAM" }));
  const view = viewOf([...rows, ...both({ simd: [100, 200], [OFF]: [90, 150] }, { pass: "backward" })]);
  const found = readNext(view);
  assert.deepEqual(linesOf(found), [
    "simd.streaming=off; training, 1 thread; L3; slower in 2, tied in 1; faster in 1, slower in 1, tied in 1",
    "simd.streaming=off; training, 1 thread; DRAM; slower; faster",
    "simd.streaming=off; backward, 1 thread; L2; faster; faster"]);
  close(found.lines[0].next.ratio, Math.cbrt(1 * 1.5 * 0.9), 0.01);
  const [text, ...rest] = readingTexts(view, found);
  assert.deepEqual(rest, []);
  assert.match(text, /thread: \(64, 256, 3\) and \(64, 256, 4\) \(\*\*1\.11 to 1\.25 times\*\* as long; 0\.67 to/);
  assert.match(text, /nobody reads it\); backward, 1 thread: \(64, 256, 128\) \(\*\*1\.33 /);
});

test("passes, settings and regimes are told apart", () => {
  const kinds = [{}, { regime: "DRAM", l: 7 }, { pass: "backward" }, { threads: 2 }, { cache: "cold" }];
  const found = readNext(viewOf(kinds.flatMap((fields) => both({ simd: [100, 200], [OFF]: [150, 150] }, fields))));
  assert.deepEqual(found.lines.map(({ title, regime, cases }) => `${title} ${regime} ${cases.length}`).sort(), [
    "backward, 1 thread, warm cache L2 1", "training, 1 thread, cold cache L2 1",
    "training, 1 thread, warm cache DRAM 1", "training, 1 thread, warm cache L2 1",
    "training, 2 threads, warm cache L2 1"]);
});

test("other backends are told where the read turns their order around", () => {
  const view = viewOf([...both({ a: [100, 300], b: [150, 200], c: [400, 500] }, { regime: "L3" })]);
  const found = readNext(view);
  assert.deepEqual([found.lines, found.turns.map(({ base, variant }) => `${base} ${variant}`)], [[], ["a b"]]);
  const [text] = readingTexts(view, found);
  assert.match(text, /^a is faster than b when nobody reads the output, and slower when it is read next, in /);
  assert.match(text, /thread: \(64, 256, 128\) \(\*\*1\.50 \[.*\] times\*\* as long; 0\.67 /);
  const swapped = viewOf(both({ b: [150, 200], a: [100, 300] }, {}));
  assert.match(readingTexts(swapped, readNext(swapped))[0], /^a is faster than b .*\*\*1\.50 .*; 0\.67 /);
});

test("only cases that were timed in both ways count", () => {
  const next = (backend, ns, fields) => makeRow(backend, ns, { ...fields, then: "read" });
  assert.equal(readNext(viewOf([makeRow("simd", 1), makeRow(OFF, 2)])), null);
  assert.equal(readNext(viewOf([next("simd", 1), next(OFF, 2)])), null);
  assert.equal(readNext(viewOf([next("simd", 1), next(OFF, 2), makeRow("simd", 1, { l: 3 }),
    makeRow(OFF, 1, { l: 3 })])), null);
  assert.equal(readNext(viewOf([...both({ simd: [1, 2] }), makeRow(OFF, 1),
    makeGap(OFF, "unsupported", "no read", { then: "read" })])), null);
  assert.equal(readNext(viewOf(both({ simd: [1, 2], [OFF]: [2, 1] }), { shown: new Set(["simd"]) })), null);
  assert.equal(isReadNext(loadRows([makeRow("simd", 1)]).rows), false);
  assert.equal(isReadNext(loadRows([next("simd", 1)]).rows), true);
});

test("with and without the read are cases of their own for all else", () => {
  const rows = both({ simd: [100, 220], [OFF]: [125, 200] }, {});
  const view = viewOf(rows);
  assert.deepEqual(view.groups.map(({ keys, leaders }) => [keys.then, leaders[0].backend]),
    [["nothing", "simd"], ["read", OFF]]);
  const old = loadRows(rows.filter((row) => row.then === "nothing").map(({ then, ...row }) => row));
  assert.deepEqual([...new Set(old.rows.map((row) => row.then))], ["nothing"]);
});

test("a line of the table has both ratios and what the read adds", () => {
  const { table } = readingTable(viewOf(both({ simd: [100, 220], [OFF]: [125, 200] }, { jitter: 0 })));
  assert.equal(table.head.length, 10);
  assert.deepEqual(table.body[0].map((cell) => cell.text ?? cell), ["simd.streaming=off", "training, 1 thread",
    "L2", "1", "1.25", "slower", "0.91", "faster", "2.20", "1.60"]);
  assert.equal(readingTable(viewOf(both({ simd: [1, 2] }))), null);
});
