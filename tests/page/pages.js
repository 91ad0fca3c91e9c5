// Writes the pages that the tests open into a folder, and expected.json: the numbers of core/ for a few addresses.
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { answerTable } from "../../scripts/analysis/core/answer.js";
import { groupBy, keyOf } from "../../scripts/analysis/core/collections.js";
import { chooseCases } from "../../scripts/analysis/core/filters.js";
import { KEYS, KIND, settingsOf } from "../../scripts/analysis/core/groups.js";
import { shapeMatrices } from "../../scripts/analysis/core/matrix.js";
import { makeView } from "../../scripts/analysis/core/view.js";
import { renderPage } from "../../scripts/analysis/verbs/bundle.js";
import { richRows } from "../analysis/rich.js";
import { loadRows, makeGap, makeRow, reference, two } from "../analysis/synthesis.js";

const EVIL = "<script>window.hit=1</script><img src=x onerror='window.hit=1'>\"&`</script>";
const folder = process.argv[2];

const known = reference();
// The reference run with other rows, and another run.json where `meta` says so.
const like = (rows, meta = {}) => loadRows(rows, { path: `runs/${meta.folder || "edited"}`,
  meta: { ...known.meta, case_ids: undefined, ...meta } });
const plain = (row) => Object.fromEntries(known.schema.samples.map(({ name }) => [name, row[name]]));
const rows = known.rows.map(plain);
const wrong = (row, reason) => ({ ...row, outcome: "failed", reason, samples_ns: [] });
const other = like(rows.filter((row) => row.backend !== "naive" && row.n !== 32 && row.norm === "batch")
  .map((row) => ({ ...row, samples_ns: row.samples_ns.map((time) => 2 * time) })), { folder: "xeon",
  machine: { ...known.meta.machine, cpu: "Intel Xeon" }, backends: known.meta.backends.map((entry) => (
    entry.name === "aten" ? { ...entry, version: "2.15.0" } : entry)) });

const RUNS = {
  reference: [known],
  rich: [loadRows(richRows())],
  same: [loadRows(richRows(), { path: "runs/old" }), loadRows(richRows(1.3), { path: "runs/new" })],
  machines: [known, other],
  failed: [like(rows.map((row) => (row.backend === "simd" && row.pass === "forward_training"
    ? wrong(row, `y[3] is off: ${"very ".repeat(65)}`) : row)))],
  alone: [like(rows.filter((row) => row.backend === "aten"))],
  few: [loadRows(two("aten", "simd", 2, { cases: 4 }))],
  one: [like(rows.filter((row) => row.case === rows[0].case))],
  reading: [loadRows([["simd", 100, 220], ["simd[streaming=off]", 125, 200]].flatMap(([id, alone, next]) => [
    makeRow(id, alone, { regime: "DRAM" }), makeRow(id, next, { regime: "DRAM", then: "read" })]))],
  untimed: [loadRows([makeGap("naive", "failed", "y is off", {})],
    { meta: { machine: {}, build: {}, ceilings: [] } })],
  evil: [evil(), evil()],
};

function evil() {
  const names = { name: EVIL, detail: EVIL, source: EVIL, norm: `n${EVIL}` };
  return loadRows([...two("good", EVIL, 2, names), makeRow("aten", 50, { l: 16, ...names }),
    makeGap(`bad${EVIL}`, "failed", EVIL, { l: 16, known_defect: { what: EVIL, source: EVIL } })], { path: EVIL,
    meta: { name: EVIL, warnings: [EVIL], command: ["normbench", EVIL], config: { path: EVIL, analysis: EVIL },
      environment: { [EVIL]: EVIL }, backends: [{ name: EVIL, built: false, reason: EVIL, version: EVIL }],
      machine: { cpu: EVIL, cores: 2, host: EVIL, caches: [{ level: EVIL, bytes: 5 }] } } });
}

// What the page must show for these choices: the tables as lists of lines of numbers, null for none.
const CHOICES = {
  reference: [["", {}], ["#threads=1&among=libraries", { values: { threads: ["1"] }, among: "libraries" }],
    ["#baseline=aten&show=aten&show=simd&show=onednn-blocked", { baseline: "aten",
      shown: new Set(["aten", "simd", "onednn-blocked"]) }],
    ["#rank=aten&rank=onednn&text=pointnet", { among: ["aten", "onednn"], text: "pointnet" }]],
  rich: [["", {}], ["#pass=backward&baseline=openmp", { values: { pass: ["backward"] }, baseline: "openmp" }]],
};

function expected(run, { values = {}, text = "", ...more }) {
  const view = makeView(run, { rows: chooseCases(run, { values, text }), ...more });
  const shownRatio = (standing) => (view.baseline === null ? standing : standing?.against)?.ratio.ratio ?? null;
  const kinds = [...groupBy(view.groups, ({ keys }) => keyOf(keys, KIND)).values()];
  return {
    answers: settingsOf(view.whole).map((groups) => answerTable(view, groups).lines.map(
      ({ cells }) => cells.map((cell) => cell && cell.estimate.ratio))),
    rankings: kinds.map((groups) => groups.map((group) => answerTable(view, groups).columns.map(
      ({ backend }) => shownRatio(group.standings.find((own) => own.backend === backend)))),
    ),
    matrices: shapeMatrices(view).map(({ keys, backends, lines }) => ({ of: KEYS.map((key) => keys[key]).join("/"),
      lines: lines.map(({ best, cells }) => [...backends.map((id) => cells.get(id)?.estimate?.ratio ?? null),
        best && best.median_ns]) })).filter(({ lines }) => lines.flat().some((value) => value !== null)),
  };
}

for (const [name, runs] of Object.entries(RUNS)) {
  fs.writeFileSync(path.join(folder, `${name}.html`), renderPage(runs, `normbench report ${name} --html`));
}
fs.writeFileSync(path.join(folder, "chosen.html"), renderPage([known], "normbench report reference --html -b aten",
  "#show=aten&show=onednn&among=libraries"));
fs.writeFileSync(path.join(folder, "expected.json"),
  JSON.stringify(Object.entries(CHOICES).flatMap(([page, choices]) => (
  choices.map(([hash, choice]) => ({ page, hash, ...expected(RUNS[page][0], choice) }))))));
