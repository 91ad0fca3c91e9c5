// Loading: every defect of the files of a run is tolerated with a warning, or refused in one message.
import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../scripts/analysis/core/errors.js";
import { loadRun } from "../../scripts/analysis/core/rows.js";
import { close, ladder, loadRows, makeGap, makeRow, makeTexts, reference, SCHEMA } from "./synthesis.js";

const thirteen = () => [...ladder(), makeGap("picky", "unsupported", "needs c % 3 == 0", { l: 16 })];

function loadTexts(texts) {
  return loadRun({ path: "results/run", ...makeTexts(thirteen()), ...texts }, SCHEMA);
}

// The message with which texts are refused, in one line.
function refusal(texts) {
  try {
    loadTexts(texts);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.ok(!error.message.includes("\n"));
    return error.message;
  }
  return assert.fail("not refused");
}

const samplesOf = (...rows) => ({ samples: makeTexts(rows).samples });

test("medians and timed rows", () => {
  const run = loadRows(thirteen());
  assert.equal(run.rows.length, 13);
  assert.equal(run.rows.filter((row) => row.timed).length, 12);
  assert.deepEqual(run.warnings, []);
  const [row] = run.rows;
  const samples = [...row.samples_ns].sort((a, b) => a - b);
  assert.equal(row.median_ns, (samples[5] + samples[6]) / 2);
  assert.equal(run.rows[12].median_ns, null);
});

test("the reference run has no defect", () => {
  const run = reference();
  assert.equal(run.rows.length, 1470);
  assert.deepEqual(run.loading, []);
  assert.equal(run.partial, "");
  assert.equal(run.year, 2026);
});

test("failed rows are not timed even with samples", () => {
  const run = loadRows([makeRow("a", 1, { outcome: "failed" }), makeRow("b", 1)]);
  assert.deepEqual(run.rows.map((row) => row.timed), [false, true]);
  assert.equal(run.rows[0].median_ns, null);
});

test("the median is computed, not what the file says", () => {
  close(loadRows([makeRow("a", 100, { jitter: 0, median_ns: 7 })]).rows[0].median_ns, 100);
});

test("a torn last line is left out with a warning", () => {
  const { samples } = makeTexts(thirteen());
  const run = loadTexts({ samples: `${samples}{"case": "batch/forw` });
  assert.equal(run.rows.length, 13);
  assert.match(run.warnings[0], /^samples.jsonl: the last line is torn/);
});

test("a torn line in the middle is named by its number", () => {
  const lines = makeTexts(thirteen()).samples.split("\n");
  lines[2] = lines[2].slice(0, 40);
  const run = loadTexts({ samples: lines.join("\n") });
  assert.equal(run.rows.length, 12);
  assert.match(run.warnings[0], /LINE 3 IS DAMAGED/);
});

test("torn controls are tolerated", () => {
  assert.match(loadTexts({ controls: '{"case": "x"}\n{"ca' }).warnings[0],
    /^controls.jsonl: the last line is torn/);
});

test("missing controls are a warning, and the recorded floor counts", () => {
  const run = loadTexts({ controls: null });
  assert.equal(run.rows.length, 13);
  assert.equal(run.noise.floor, 1.01);
  assert.match(run.warnings[0], /^controls.jsonl is missing/);
});

test("rows of another form are left out with one warning", () => {
  const table = [[{ backend: null }, "field 'backend' is missing"],
    [{ samples_ns: [0] }, "field 'samples_ns' must be"], [{ n: "64" }, "field 'n' is"],
    [{ n: 64.5 }, "field 'n' is 64.5"], [{ native_layout: 1 }, "field 'native_layout'"],
    [{ remarks: [3] }, "field 'remarks' is"], [{ known_defect: "x" }, "field 'known_defect' is"]];
  for (const [bad, why] of table) {
    const rows = ["a", "b", "c", "d"].map((name) => makeRow(name, 1));
    const run = loadRows(rows.map((row, at) => (at % 2 ? { ...row, ...bad } : row)));
    assert.deepEqual(run.rows.map((row) => row.backend), ["a", "c"]);
    assert.equal(run.warnings.length, 1);
    const start = `samples.jsonl: 2 ROWS WERE LEFT OUT, the first is line 2: ${why}`;
    assert.ok(run.warnings[0].startsWith(start), `${run.warnings[0]}, not ${start}`);
  }
});

test("damaged and foreign lines together", () => {
  const lines = makeTexts(thirteen()).samples.trimEnd().split("\n");
  const samples = [lines[0], lines[1].slice(0, 50), '{"schema": 2}', ...lines.slice(2), "{"].join("\n");
  const run = loadTexts({ samples });
  assert.equal(run.rows.length, 12);
  assert.equal(run.warnings.length, 3);
  [/LINE 2 IS DAMAGED/, /last line is torn/, /1 ROWS WERE LEFT OUT/].forEach(
    (words, at) => assert.match(run.warnings[at], words));
});

test("unusual line separators inside a text do not split a line", () => {
  assert.equal(loadRows([makeRow("a", 1, { detail: "one\u2028two" })]).rows[0].detail, "one\u2028two");
});

test("of a repeated row the later one counts", () => {
  const run = loadRows([makeRow("a", 100), makeRow("b", 50), makeRow("a", 200)]);
  assert.deepEqual(run.rows.map((row) => row.backend), ["a", "b"]);
  close(run.rows[0].median_ns, 200, 0.01);
  assert.match(run.warnings[0], /line 3 repeats a in batch\/.*, the later line counts/);
});

test("an unfinished run is said to be", () => {
  for (const meta of [{ interrupted: true }, { finished: null }]) {
    assert.match(loadRows(ladder(), { meta }).warnings[0], /^run did not finish/);
  }
});

test("what is optional may be absent", () => {
  const row = makeRow("a", 1);
  const minimal = Object.fromEntries(["problem", "case", "backend", "pass", "outcome", "samples_ns"].map(
    (key) => [key, row[key]]));
  const run = loadTexts({ meta: '{"schema": 1}', ...samplesOf(minimal) });
  const [found] = run.rows;
  assert.deepEqual([found.timed, found.threads, found.groups, found.input], [true, 1, 1, "random"]);
  assert.deepEqual([found.copy_ns, found.error, found.accuracy, found.remarks], [null, null, {}, []]);
  assert.deepEqual([run.machine, run.config, run.backends, run.ceilings, run.year],
    [{ caches: [], load: [] }, {}, [], [], null]);
  assert.equal(run.name, "run"); // its folder
});

test("parts of run.json of another form are as absent", () => {
  const meta = { machine: 3, build: null, backends: "x", ceilings: [1, null], warnings: "x" };
  const run = loadRows(ladder(), { meta });
  assert.deepEqual([run.machine, run.build, run.backends, run.ceilings, run.warnings],
    [{ caches: [], load: [] }, {}, [], [], []]);
  const given = { cpu: "x", caches: [null, { level: 1 }], load: [null] };
  const { machine } = loadRows(ladder(), { meta: { machine: given } });
  assert.deepEqual(machine, { cpu: "x", caches: [{ level: 1 }], load: [] });
});

test("a cut off run.json is refused", () => {
  for (const meta of ["", '{"schema": 1, "na']) {
    assert.match(refusal({ meta }), /^results\/run\/run.json is empty or cut off/);
  }
});

test("no finished row is refused", () => {
  for (const samples of ["", "\n", '{"to']) assert.match(refusal({ samples }), /has no finished case/);
});

test("another schema names what was found and what is read", () => {
  const table = [["2", "2"], ['"1"', '"1"'], ["null", "null"], ["true", "true"], ["[1]", "[1]"]];
  for (const [schema, shown] of table) {
    assert.ok(refusal({ meta: `{"schema": ${schema}}` }).includes(
      `run.json has schema ${shown}, this normbench reads schema 1`), schema);
  }
  for (const meta of ["{}", "[]", "3"]) assert.match(refusal({ meta }), /has schema null/);
});

test("without a whole row the first defect is named", () => {
  const table = [[{ backend: null }, "line 1: field 'backend' is missing"],
    [{ case: 3 }, "line 1: field 'case' is missing or no text"],
    [{ samples_ns: "fast" }, "line 1: field 'samples_ns'"], [{ n: "64" }, "line 1: field 'n' is \"64\""],
    [{ copy_ns: [1] }, "line 1: field 'copy_ns' is [1]"],
    [{ samples_ns: [1, -1] }, "line 1: field 'samples_ns'"],
    [{ accuracy: [1] }, "line 1: field 'accuracy' is [1]"],
    [{ accuracy: { random: 0.5 } }, "line 1: field 'accuracy' must hold the numbers bound"],
    [{ accuracy: { random: { bound: "x" } } }, "line 1: field 'accuracy' must hold the numbers"],
    [{ accuracy: { random: { ulp: true } } }, "line 1: field 'accuracy' must hold the numbers"]];
  for (const [fields, message] of table) {
    const found = refusal(samplesOf({ ...makeRow("a", 1), ...fields }));
    assert.ok(found.includes(`results/run/samples.jsonl has no whole row, ${message}`), found);
  }
});

test("accuracy may be absent or partly known", () => {
  const more = { random: { bound: 0, ulp: null }, new: { bound: 1.5, more: "x" } };
  for (const [accuracy, kept] of [[null, {}], [{}, {}], [{ random: {} }, { random: {} }], [more, more]]) {
    const run = loadRows([makeRow("a", 1, { accuracy }), makeRow("b", 1)]);
    assert.deepEqual(run.rows.map((row) => row.accuracy), [kept, {}]);
  }
});
