// A run as the page holds it is the run.
import assert from "node:assert/strict";
import { test } from "node:test";
import { packRun, unpackRun } from "../../scripts/analysis/core/pack.js";
import { makeView } from "../../scripts/analysis/core/view.js";
import { richRows } from "./rich.js";
import { loadRows, makeRow, reference, SCHEMA } from "./synthesis.js";

const through = (run) => unpackRun(JSON.parse(JSON.stringify(packRun(run))), SCHEMA);

// All of a run but the text of its config and the list of its cases, which the page does without.
function withoutText({ meta, config, ratios, schema, ...run }) {
  const { case_ids: ids, config: own, ...rest } = meta;
  return { ...run, meta: rest, path: config.path, analysis: config.analysis };
}

test("unpacked runs are equal", () => {
  const odd = makeRow("a", 3, { l: 999, eps: null, accuracy: { random: { bound: 0.5, ulp: null } },
    known_defect: { what: "x" }, remarks: ["one", "two"] });
  const meta = { case_ids: ["x"], interrupted: true, warnings: ["w"], budget_s: 3 };
  const warned = loadRows([...richRows(), makeRow("a", 1), makeRow("a", 2), odd], { meta });
  assert.ok(warned.partial && warned.loading.length);
  for (const run of [reference(), warned]) assert.deepEqual(withoutText(through(run)), withoutText(run));
});

test("unpacked runs give the same numbers", () => {
  const run = loadRows(richRows());
  const of = ({ groups, records }) => [groups.map(({ leaders, standings, ...group }) => [group, standings]),
    records.map(({ estimate, relation }) => [estimate, relation])];
  assert.deepEqual(of(makeView(through(run))), of(makeView(run)));
});

test("a packed run is smaller than its rows, and without the text of the config", () => {
  const packed = JSON.stringify(packRun(reference()));
  assert.ok(packed.length < 0.7 * JSON.stringify(reference().rows).length, `${packed.length}`);
  assert.ok(!packed.includes("BatchNorm1d layers of published models"));
});

test("packing changes nothing in the run", () => {
  const run = loadRows([makeRow("a", 1)], { meta: { case_ids: ["x"] } });
  const before = JSON.stringify([run.meta, run.rows]);
  packRun(run);
  assert.equal(JSON.stringify([run.meta, run.rows]), before);
});
