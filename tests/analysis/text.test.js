// Numbers and names as text, the same in a terminal, in Markdown and on the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesText, countText, estimateText, intervalText, listText, outcomeText, percentText, rangeText,
  ratioText, reproText, shapeText, shellWord, spreadText, timesText, timeText }
  from "../../scripts/analysis/core/text.js";
import { makeRow } from "./synthesis.js";

const estimate = (ratio, lo, hi, spread = "interval") => ({ ratio, lo, hi, spread, count: 9 });

test("numbers", () => {
  const table = [[ratioText, 1.004, "1.00"], [ratioText, 9.994, "9.99"], [ratioText, 9.996, "10.0"],
    [ratioText, 12.34, "12.3"], [ratioText, 150.2, "150"], [timesText, 4.86, "4.9"], [timesText, 9.96, "10"],
    [timeText, 0.5, "0.500 ns"], [timeText, 999.4, "999 ns"], [timeText, 999.6, "1.00 us"],
    [timeText, 12345, "12.3 us"], [timeText, 2e6, "2.00 ms"], [timeText, 1.5e12, "1500 s"],
    [timeText, 0, "0 ns"], [bytesText, 32768, "32.0 KiB"], [bytesText, 1010 * 1024, "1010 KiB"],
    [bytesText, 2 ** 50, "1024 TiB"], [percentText, 0.125, "13%"]];
  for (const [of, value, text] of table) assert.equal(of(value), text);
});

test("estimates", () => {
  assert.equal(estimateText(estimate(1.5, 1.4, 1.6)), "1.50 [1.40, 1.60]");
  assert.equal(estimateText(estimate(1.5, null, null, null)), "1.50 ?");
  assert.equal(intervalText(estimate(1.5, 1, 12, "range")), "range [1.00, 12.0]");
  assert.equal(spreadText(estimate(2, 1.9, 2.02)), "±6%");
  assert.equal(spreadText(estimate(2, 1.99, 2.2)), "±10%");
  assert.equal(spreadText(estimate(2, 2, 2)), "±1%");
  assert.equal(spreadText(estimate(2, null, null, null)), "?");
});

test("lists, counts and ranges", () => {
  assert.deepEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map((names) => listText(names)),
    ["", "a", "a and b", "a, b and c"]);
  assert.equal(listText(["a", "b"], "or"), "a or b");
  assert.deepEqual([0, 1, 2].map((count) => countText(count, "case")), ["0 cases", "1 case", "2 cases"]);
  assert.equal(rangeText([1.5, 1.3, 1.4]), "1.30 to 1.50");
  assert.equal(rangeText([1.001, 1.002]), "1.00");
});

test("shapes, with mini-batch and groups where they matter", () => {
  assert.equal(shapeText(makeRow("a", 1, { n: 32, c: 512, l: 835 })), "(32, 512, 835)");
  assert.equal(shapeText(makeRow("a", 1, { n: 32, c: 512, l: 1, batch: 0 })), "(32, 512, 1)");
  assert.equal(shapeText(makeRow("a", 1, { n: 32, c: 512, l: 1, batch: 8, groups: 4 })),
    "(32, 512, 1) B=8 G=4");
});

test("outcomes of rows without a time", () => {
  assert.deepEqual(["passed", "timed_out", "not_built"].map(outcomeText),
    ["not timed", "timed out", "not built"]);
});

test("a command that can be pasted", () => {
  const row = makeRow("simd[streaming=off]", 1);
  assert.equal(reproText(row), `normbench repro ${row.case} -b 'simd[streaming=off]'`);
  assert.match(reproText({ ...row, backend: "onednn-blocked" }), / -b onednn-blocked$/);
  const measured = "streaming=8,parallel=4";
  assert.match(reproText({ ...row, backend: "simd", measured }), / -b 'simd\[streaming=8,parallel=4]'$/);
  assert.match(reproText({ ...row, backend: "simd[columns=off]", measured }),
    / -b 'simd\[columns=off,streaming=8,parallel=4]'$/);
  for (const [word, text] of [["a b", "'a b'"], ["it's", `'it'"'"'s'`], ["$(x)", "'$(x)'"], ["", "''"],
    ["a/b.c", "a/b.c"]]) {
    assert.equal(shellWord(word), text);
  }
});
