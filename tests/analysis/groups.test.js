// Groups of like cases: what keeps cases apart, in which order they come, and how they are called.
import assert from "node:assert/strict";
import { test } from "node:test";
import { caseWithout, fullTitle, likeCases, settingsOf, settingTitle, titlesIn }
  from "../../scripts/analysis/core/groups.js";
import { loadRows, makeRow, PASSES, randomOf, SCHEMA, shuffled } from "./synthesis.js";

const groupsOf = (rows) => likeCases(loadRows(rows).rows, SCHEMA).map(({ keys }) => keys);

const WHERE = [["batch", "f32"], ["batch", "bf16"], ["rms", "f32"], ["none", "f32"]].flatMap(
  ([norm, dtype]) => [2, 1].flatMap((threads) => ["forward_training", "backward"].flatMap(
    (pass) => [1, 8, 100].map((l) => ({ norm, dtype, threads, pass, l })))));

test("tables do not depend on the order of measuring", () => {
  const expected = WHERE.flatMap((where) => ["b", "a"].map((backend) => makeRow(backend, 1, where)));
  for (let seed = 0; seed < 5; seed++) {
    const mixed = shuffled(WHERE, randomOf(`${seed}`));
    const rows = mixed.flatMap((where) => ["b", "a"].map((backend) => makeRow(backend, 1, where)));
    const run = loadRows(rows, { meta: { case_ids: rows.map((row) => row.case) } });
    assert.deepEqual(run.rows.map((row) => [row.case, row.backend]),
      expected.map((row) => [row.case, row.backend]));
    assert.deepEqual(run.rows.map((row) => row.index), run.rows.map((_, at) => at));
  }
});

test("an older run keeps the order of its file", () => {
  const run = loadRows([[9, 1], [1, 2], [4, 1]].map(([l, threads]) => makeRow("a", 1, { l, threads })));
  assert.deepEqual(run.rows.map((row) => row.l), [9, 1, 4]);
});

test("unknown names come last", () => {
  const rows = ["new", "rms", "batch"].map((norm) => makeRow("a", 1, { norm }));
  const run = loadRows(rows, { meta: { case_ids: rows.map((row) => row.case) } });
  assert.deepEqual(run.rows.map((row) => row.norm), ["batch", "rms", "new"]);
  assert.deepEqual(groupsOf(rows).map(({ norm }) => norm), ["batch", "rms", "new"]);
});

test("groups come in the order of the lists, the control last, most threads first", () => {
  const kinds = [["none", "f32"], ["new", "f32"], ["rms", "bf16"], ["layer", "f32"], ["batch", "f64"],
    ["rms", "f32"], ["batch", "f32"]];
  assert.deepEqual(groupsOf(kinds.map(([norm, dtype]) => makeRow("a", 1, { norm, dtype })))
    .map((keys) => [keys.norm, keys.dtype]), [["batch", "f32"], ["batch", "f64"], ["layer", "f32"],
    ["rms", "f32"], ["rms", "bf16"], ["new", "f32"], ["none", "f32"]]);
  const rows = [1, 2, 16].flatMap((threads) => ["backward", "forward_training"].map(
    (pass) => makeRow("a", 1, { threads, pass })));
  assert.deepEqual(groupsOf(rows).map((keys) => [keys.threads, keys.pass]), [16, 2, 1].flatMap(
    (threads) => ["forward_training", "backward"].map((pass) => [threads, pass])));
});

test("titles name what differs and nothing else", () => {
  const table = [[{}, ["training, 1 thread"]],
    [{ norm: "rms" }, ["batch norm, training, 1 thread", "rms norm, training, 1 thread"]],
    [{ dtype: "f64" }, ["training, f32, 1 thread", "training, f64, 1 thread"]],
    [{ layout: "nlc" }, ["training, ncl, 1 thread", "training, nlc, 1 thread"]],
    [{ cache: "cold" }, ["training, 1 thread, warm cache", "training, 1 thread, cold cache"]],
    [{ input: "zero" }, ["training, 1 thread, random input", "training, 1 thread, zero input"]],
    [{ pass: "backward" }, ["training, 1 thread", "backward, 1 thread"]],
    [{ threads: 2 }, ["training, 2 threads", "training, 1 thread"]]];
  for (const [other, expected] of table) {
    const id = `another ${JSON.stringify(other)}`;
    const among = groupsOf([makeRow("a", 1), { ...makeRow("a", 1, other), case: id }]);
    assert.deepEqual(among.map(titlesIn(among)), expected);
  }
});

test("a title can hide what its reader knows", () => {
  const among = groupsOf([makeRow("a", 1), makeRow("a", 1, { norm: "rms", dtype: "f64" })]);
  assert.equal(titlesIn(among, ["norm", "threads"])(among[1]), "training, f64");
});

test("a setting is all but the pass, without what is usual", () => {
  const [keys] = groupsOf([makeRow("a", 1, { threads: 2 })]);
  assert.equal(settingTitle(keys), "batch norm, f32, ncl, 2 threads");
  assert.equal(fullTitle(keys), "training, batch norm, f32, ncl, 2 threads");
  const [odd] = groupsOf([makeRow("a", 1, { cache: "cold", input: "zero", norm: "rms", pass: "sideways" })]);
  assert.equal(fullTitle(odd), "sideways, rms norm, f32, ncl, 1 thread, cold cache, zero input");
});

test("passes of one setting belong together", () => {
  const rows = [2, 1].flatMap((threads) => PASSES.map((pass) => makeRow("a", 1, { pass, threads })));
  const groups = likeCases(loadRows(rows).rows, SCHEMA);
  assert.deepEqual(settingsOf(groups.map(({ keys }) => ({ ...keys, keys }))).map(
    (own) => own.map(({ keys }) => [keys.threads, keys.pass])), [2, 1].map(
    (threads) => PASSES.map((pass) => [threads, pass])));
});

test("a case without a field is that of the rows that differ in the field alone", () => {
  const [row] = loadRows([makeRow("a", 1)]).rows;
  assert.equal(caseWithout(row, "dtype"), caseWithout({ ...row, dtype: "f64", regime: "L3" }, "dtype"));
  for (const other of [{ eps: 1e-3 }, { momentum: null }, { affine: false }, { groups: 2 }, { batch: 8 },
    { n: 1 }, { input: "zero" }, { threads: 3 }]) {
    assert.notEqual(caseWithout(row, "dtype"), caseWithout({ ...row, ...other }, "dtype"));
  }
});
