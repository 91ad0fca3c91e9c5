// A run that measured only some of its cases says so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { unique } from "../../scripts/analysis/core/collections.js";
import { ladder, loadRows, makeGap, makeRow } from "./synthesis.js";

const like = (l = 7, fields = {}) => makeRow("openmp", 1, { l, ...fields });

// The run of the ladder that planned `more` cases as well.
function planned(more, meta = {}, rows = ladder()) {
  const ids = unique([...ladder(), ...more].map((row) => row.case));
  return loadRows(rows, { meta: { case_ids: ids, budget_s: null, ...meta } });
}

test("how many, and why", () => {
  const table = [[{ budget_s: 120 }, "because the budget of 120 s was used up"],
    [{ budget_s: 0.5 }, "because the budget of 0.5 s was used up"],
    [{ budget_s: 120, interrupted: true }, "because the run was interrupted"],
    [{ budget_s: 120, finished: null }, "because the run did not finish"],
    [{ finished: null }, "because the run did not finish"],
    [{ interrupted: true }, "because the run was interrupted"],
    [{}, "and the rows of the others are missing"]];
  for (const [meta, why] of table) {
    assert.equal(planned([like(), like(8)], meta).partial, `4 of 6 cases were measured, ${why}.`);
  }
});

test("what is missing entirely is named", () => {
  const table = [[[like(7, { pass: "backward" })], "of backward of batch norm"],
    [[like(), like(7, { threads: 4 })], "with 4 threads"], [[like(7, { norm: "rms" })], "of rms norm"],
    [[like(7, { norm: "rms" }), like(7, { norm: "rms", pass: "backward" }), like(7, { pass: "backward" }),
      like(7, { threads: 16 }), like(7, { threads: 2 })],
    "of rms norm, of backward of batch norm, with 2 threads or with 16 threads"]];
  for (const [more, missing] of table) {
    assert.equal(planned(more, { interrupted: true }).partial, `4 of ${4 + more.length} cases were measured, `
      + `because the run was interrupted; there is no case ${missing}.`);
  }
});

test("a case in which nothing passed was measured too", () => {
  const more = makeGap("openmp", "failed", "y is off", { l: 7 });
  assert.equal(planned([more], { interrupted: true }, [...ladder(), more]).partial, "");
});

test("any list of ids can be told", () => {
  const of = (ids) => loadRows(ladder(), { meta: { case_ids: ids } }).partial;
  for (const ids of [null, 3, []]) assert.equal(of(ids), "");
  for (const ids of [[1], ["x"], ["a/b"], [null]]) {
    assert.equal(of(ids), "0 of 1 case was measured, and the rows of the others are missing.");
  }
});

test("older runs have a count only", () => {
  const old = loadRows(ladder(), { meta: { cases: 9, interrupted: true } });
  assert.equal(old.partial, "4 of 9 cases were measured, because the run was interrupted.");
  assert.deepEqual(old.warnings, []);
  const whole = loadRows(ladder(), { meta: { cases: 4 } });
  assert.deepEqual([whole.partial, whole.warnings], ["", []]);
});

test("the budget of an older run is known from its warning, which is not said twice", () => {
  const warning = "the budget of 2 min was used up: 5 of 9 cases were not measured";
  const run = loadRows(ladder(), { meta: { cases: 9, warnings: [warning, "load"] } });
  assert.equal(run.partial, "4 of 9 cases were measured, because the budget of 2 min was used up.");
  assert.deepEqual(run.warnings, ["load"]);
});

test("an unfinished run without missing cases is a warning", () => {
  for (const meta of [{ finished: null }, { finished: null, cases: 4 }]) {
    const run = loadRows(ladder(), { meta });
    assert.equal(run.partial, "");
    assert.match(run.warnings[0], /did not finish/);
  }
});
