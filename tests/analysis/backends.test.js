// Who the backends are: names, kinds, ages, variants; and that no two look alike.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { describe, pytorchOf, styleOf } from "../../scripts/analysis/core/backends.js";
import { trustNotes } from "../../scripts/analysis/core/notes.js";
import { makeView } from "../../scripts/analysis/core/view.js";
import { loadRows, makeRow, reference } from "./synthesis.js";

// What is known of a backend, of this version, in a run of 2026 or another year.
function known(id, { version, year = 2026, rows = [makeRow(id, 1)], name = id } = {}) {
  const meta = { backends: [{ name, version, built: true }], started: `${year}-03-01T00:00:00Z` };
  return describe(loadRows(rows, { meta }), id);
}

test("backends of the reference run are called as people know them", () => {
  const table = { aten: ["PyTorch 1.13.0", "library", 2022, true],
    eigen: ["Eigen 3.4.0, 1 thread", "library", 2021, true],
    onednn: ["oneDNN 2.6.3", "library", 2022, true],
    naive: ["naive C++, ours, 1 thread", "ours", null, false],
    "onednn-blocked": ["oneDNN 2.6.3, own layout", "library", 2022, true],
    openmp: ["OpenMP C++, ours", "ours", null, false], simd: ["simd, ours", "ours", null, false] };
  for (const [id, expected] of Object.entries(table)) {
    const { label, kind, year, isOld } = describe(reference(), id);
    assert.deepEqual([label, kind, year, isOld], expected);
  }
});

test("peers are libraries, and called as people know them", () => {
  const catalogue = JSON.parse(readFileSync(new URL("../../impls/peers.json", import.meta.url), "utf8"));
  for (const { name, version } of catalogue) {
    const found = known(name, { version });
    assert.equal(found.kind, "library", `scripts/analysis/core/backends.js does not know ${name}`);
    assert.ok(found.label.includes(version));
  }
  assert.equal(known("torch", { version: "2.15.0" }).label, "PyTorch 2.15.0");
  assert.equal(known("onednn3-blocked", { version: "3.2.0" }).label, "oneDNN 3.2.0, own layout");
});

test("of two that are PyTorch it is the newer one that readers have", () => {
  assert.equal(pytorchOf(["simd", "aten", "torch"]), "torch");
  assert.equal(pytorchOf(["aten", "simd"]), "aten");
  assert.equal(pytorchOf(["simd"]), undefined);
});

test("sentences say what tables do, without whose it is", () => {
  assert.equal(describe(reference(), "onednn-blocked").spoken, "oneDNN 2.6.3 (own layout)");
  assert.equal(describe(reference(), "eigen").spoken, "Eigen 3.4.0 (1 thread)");
  assert.equal(describe(reference(), "simd").spoken, "simd");
});

test("a library is old from two years after its release on", () => {
  const age = (id, version, year) => {
    const found = known(id, { version, year });
    return [found.year, found.isOld];
  };
  assert.deepEqual(age("aten", "2.5.1", 2025), [2024, false]);
  assert.deepEqual(age("aten", "2.5.1", 2026), [2024, true]);
  assert.deepEqual(age("aten", "2.1", 2026), [2023, true]);
  assert.deepEqual(age("aten", "2.10.0", 2026), [null, false]); // not 2.1
  assert.deepEqual(age("onednn", "3.10.2", 2026), [2025, false]);
  assert.deepEqual(age("eigen", "3.4.90", 2026), [2021, true]);
  assert.deepEqual(age("onednn", "99.1", 2026), [null, false]);
  assert.deepEqual(age("naive", "2.1", 2026), [null, false]);
});

test("a run without a date calls nothing old", () => {
  const meta = { started: null, backends: [{ name: "aten", version: "1.13" }] };
  const { year, isOld } = describe(loadRows([makeRow("aten", 1)], { meta }), "aten");
  assert.deepEqual([year, isOld], [2022, false]);
});

test("one thread is what all rows with more threads say", () => {
  const rows = (details) => details.map((detail, l) => makeRow("x", 1, { l: l + 1, threads: 2, detail }));
  const isOne = (details) => known("x", { rows: rows(details) }).isOneThread;
  assert.ok(isOne(["1 thread", "loop, 1 thread", "loop, 1 thread, AVX2"]));
  assert.ok(isOne(["1 thread"]));
  assert.ok(!isOne(["1 thread", "2 threads"]));
  assert.ok(!isOne(["11 thread", "1 thread"]));
  assert.ok(!known("x", { rows: [makeRow("x", 1, { threads: 1, detail: "1 thread" })] }).isOneThread);
});

test("a variant has the name, kind and version of its backend", () => {
  for (const [id, label] of [["simd[streaming=off]", "simd [streaming=off], ours"],
    ["simd.streaming=off", "simd .streaming=off, ours"]]) {
    const found = known(id, { name: "simd", version: "1, Highway 1.0.3" });
    assert.deepEqual([found.label, found.kind, found.version], [label, "ours", ""]);
  }
  const aten = known("aten[x=0.5]", { name: "aten", version: "1.13.0" });
  assert.deepEqual([aten.label, aten.kind, aten.year], ["PyTorch 1.13.0 [x=0.5]", "library", 2022]);
  assert.equal(known("onednn-blocked[a=b]", { version: "3.6" }).label, "oneDNN 3.6 [a=b], own layout");
});

test("a variant with a version of its own has that", () => {
  const meta = { backends: [{ name: "onednn", version: "2.6.3" }, { name: "onednn@3", version: "3.6.2" }] };
  const run = loadRows([makeRow("onednn", 1), makeRow("onednn@3", 1)], { meta });
  assert.deepEqual([describe(run, "onednn").version, describe(run, "onednn@3").version], ["2.6.3", "3.6.2"]);
});

test("an unknown backend is called as it calls itself", () => {
  const found = known("mine", { version: "7" });
  assert.deepEqual([found.label, found.kind, found.year, found.spoken], ["mine 7", "other", null, "mine 7"]);
  for (const id of ["constructor", "__proto__", "toString", "<b>|x"]) {
    assert.deepEqual([known(id).label, known(id).kind], [id, "other"]);
  }
});

const KNOWN = ["simd", "onednn", "openmp", "aten", "onednn-blocked", "eigen", "naive"];

test("known backends look the same whoever is beside them", () => {
  for (const id of KNOWN) {
    const styles = [[], [id], ["aaa", ...KNOWN], ["zzz"]].map((among) => JSON.stringify(styleOf(id, among)));
    assert.equal(new Set(styles).size, 1, id);
  }
  assert.equal(new Set(KNOWN.map((id) => styleOf(id, KNOWN).color)).size, KNOWN.length);
});

test("others get what is free, in the order of their names", () => {
  const among = ["zeta", "simd", "alpha"];
  assert.equal(styleOf("alpha", among).color, styleOf("onednn", []).color);
  assert.equal(styleOf("zeta", among).color, styleOf("openmp", []).color);
  assert.deepEqual(styleOf("alpha", [...among].reverse()), styleOf("alpha", among));
});

test("no two backends look alike, and colors repeat only when all are taken", () => {
  for (const known of [[], ["simd", "naive"], KNOWN]) {
    const among = [...known, ...Array.from({ length: 11 - known.length }, (_, at) => `new${at}`)];
    const styles = among.map((id) => styleOf(id, among));
    assert.equal(new Set(styles.map((style) => JSON.stringify(style))).size, among.length);
    assert.equal(new Set(styles.map(({ color }) => color)).size, 8);
    assert.ok(styles.every(({ color }) => /^#[0-9A-F]{6}$/.test(color)));
  }
});

test("who is called from another language says so, and what that costs", () => {
  const run = { ...reference(), backends: reference().backends.map((own) => (
    own.name === "onednn" ? { ...own, language: "Python", empty_call_ns: 62.4 } : own)) };
  const { label, spoken, emptyCall } = describe(run, "onednn");
  assert.deepEqual([label, spoken, emptyCall],
    ["oneDNN 2.6.3, from Python", "oneDNN 2.6.3 (from Python)", 62.4]);
  assert.ok(trustNotes(makeView(run)).includes(
    "oneDNN 2.6.3 is called from Python, where a call of nothing takes 62.4 ns: that is in its times."));
  assert.equal(describe(reference(), "onednn").emptyCall, 0);
});
