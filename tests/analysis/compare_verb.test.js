// normbench compare from the outside: text, Markdown, CSV and JSON of the same ratios.
import assert from "node:assert/strict";
import test from "node:test";
import { hoist } from "../../scripts/analysis/verbs/format.js";
import { BUDGET, oneError, partialRun, printed, run, verb, withGap } from "./command.js";
import { close, ladder, makeGap, makeRow, two } from "./synthesis.js";

const jsonOf = (folder, ...words) => JSON.parse(printed(["compare", folder, "--format", "json", ...words]));
const lineOf = (text, start) => text.split("\n").find((line) => line.startsWith(start)).split(/ {2,}/);

// The records of a text of comma-separated values.
function parseCsv(text) {
  const records = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const record = records.at(-1);
    if (text[at] === '"' && quoted && text[at + 1] === '"') record[record.length - 1] += text[++at];
    else if (text[at] === '"') quoted = !quoted;
    else if (text[at] === "," && !quoted) record.push("");
    else if (text[at] === "\n" && !quoted) records.push([""]);
    else record[record.length - 1] += text[at];
  }
  assert.deepEqual(records.pop(), [""]);
  const [head, ...body] = records;
  return body.map((record) => Object.fromEntries(record.map((value, at) => [head[at], value])));
}

test("a table of cases by backends says how it is read", (t) => {
  const text = printed(["compare", run(t, withGap())]);
  assert.match(text.split("\n")[0], /above 1 is slower than the best\.$/);
  assert.match(text, /^cases batch\/forward_training\/f32\/ncl\/\*\/t1\/warm$/m);
  assert.deepEqual(lineOf(text, "case "), ["case", "best", "naive", "openmp", "simd", "picky"]);
  assert.deepEqual(lineOf(text, "n64_c256_l16 "),
    ["n64_c256_l16", "1.60 us openmp", "4.00", "±1%", "1.00*", "1.00= ±1%", "unsupported"]);
  assert.equal(lineOf(text, "n64_c256_l32 ").at(-1), "-");
});

test("the best is sought within norm, type and layout", (t) => {
  const others = [{}, { norm: "rms" }, { dtype: "f64" }, { layout: "nlc" }];
  const rows = others.flatMap((fields, at) => [makeRow("a", 100 * (at ? at + 2 : 1), { l: 16, ...fields }),
    makeRow("b", 100 * (at ? 1 : 2), { l: 16, ...fields })]);
  const text = printed(["compare", run(t, rows)]);
  assert.match(text, /^cases \*\/forward_training\/\*\/\*\/\*\/t1\/warm$/m);
  const ratios = (start) => lineOf(text, start).slice(2).filter((cell) => !/±/.test(cell)).map(parseFloat);
  for (const [start, expected] of [
    ["batch/f32/ncl/", [1, 2]], ["rms/f32/ncl/", [3, 1]], ["batch/f64/ncl/", [4, 1]],
    ["batch/f32/nlc/", [5, 1]]]) {
    assert.deepEqual(ratios(`${start}n64_c256_l16 `), expected, start);
  }
});

test("too few rounds claim nothing", (t) => {
  const folder = run(t, ladder({ rounds: 5 }));
  const text = printed(["compare", folder]);
  assert.deepEqual(lineOf(text, "n64_c256_l16 ").slice(2), ["4.00?", "1.00*", "1.00?"]);
  const { rows: [naive] } = jsonOf(folder);
  assert.deepEqual([naive.relation, naive.lo, naive.hi, naive.rounds], ["undecided", null, null, 5]);
});

test("JSON has an entry for each row, with exact numbers", (t) => {
  const rows = withGap();
  const found = jsonOf(run(t, rows), "--baseline", "naive");
  assert.deepEqual([found.reference, found.noise_floor, found.rows.length], ["naive", 1.01, 13]);
  const of = (backend) => found.rows.find((row) => row.backend === backend && row.case.includes("_l16/"));
  close(of("openmp").ratio, 0.25, 0.01);
  assert.deepEqual([of("naive").ratio, of("naive").relation], [1, "reference"]);
  assert.deepEqual([of("picky").outcome, of("picky").ratio, of("picky").median_ns], ["unsupported", null, null]);
  const samples = [...rows[1].samples_ns].sort((a, b) => a - b);
  assert.equal(of("openmp").median_ns, (samples[5] + samples[6]) / 2);
});

test("CSV has the same, to the last digit", (t) => {
  const folder = run(t, withGap());
  const found = jsonOf(folder).rows;
  const records = parseCsv(printed(["compare", folder, "--format", "csv"]));
  assert.deepEqual(Object.keys(records[0]), [
    "case", "backend", "outcome", "native_layout", "variance", "median_ns", "reference",
    "competes", "ratio", "lo", "hi", "rounds", "relation"]);
  assert.deepEqual(records, found.map((entry) => Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [key, value === null ? "" : String(value)]))));
  const [{ ratio, lo, hi }] = records;
  close(Number(ratio), 4, 0.01);
  assert.ok(Number(lo) <= Number(ratio) && Number(ratio) <= Number(hi));
});

test("what machines read is whole in any locale: commas, quotes, lines, letters", (t) => {
  const names = ["a,b", 'the "best"', "two\nlines", "größe"];
  const folder = run(t, names.map((name, at) => makeRow(name, 100 + 50 * at)));
  const env = { LC_ALL: "C", COLUMNS: "20" };
  const records = parseCsv(printed(["compare", folder, "--format", "csv"], { env }));
  assert.deepEqual(records.map(({ backend }) => backend), names);
  const { rows } = JSON.parse(printed(["compare", folder, "--format", "json"], { env }));
  assert.deepEqual(rows.map(({ backend }) => backend), names);
  const text = printed(["compare", folder], { env });
  assert.match(text, /gr\?\?e/);
  assert.match(text, /two lines/);
});

test("Markdown escapes names, and makes the best bold", (t) => {
  const text = printed(["compare", run(t, two("a|b", "slow", 3)), "--format", "markdown"]);
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  assert.match(lines[0], /\| a\\\|b \| slow \|$/);
  assert.match(lines[2], /^\| `n64_c256_l1` \| 100 ns a\\\|b \| \*\*1\.00\*\* \| 3\.00 \\?\[/);
  assert.equal(lines.length, 2 + 6);
});

test("a case that the baseline has not is said so", (t) => {
  const rows = [makeRow("a", 100, { l: 1 }), makeRow("b", 200, { l: 1 }), makeRow("b", 200, { l: 2 })];
  const text = printed(["compare", run(t, rows), "--baseline", "a"]);
  assert.deepEqual(lineOf(text, "case ").slice(1), ["time of a", "a", "b"]);
  assert.deepEqual(lineOf(text, "n64_c256_l2 "), ["n64_c256_l2", "-", "-", "no baseline"]);
});

test("a baseline is one of the backends, shown or not", (t) => {
  const folder = run(t, withGap());
  oneError(verb(["compare", folder, "--baseline", "x"]), "--baseline 'x'", "naive, openmp, simd, picky");
  const { rows } = jsonOf(folder, "--baseline", "openmp", "-b", "naive");
  assert.deepEqual(rows.map(({ reference }) => reference), Array(4).fill("openmp"));
});

test("a native layout is marked and not taken as the best", (t) => {
  const rows = [...two("a", "b", 2), ...two("own", "c", 9, { cases: 1 }).slice(0, 1).map(
    (row) => ({ ...row, native_layout: true, samples_ns: row.samples_ns.map((ns) => ns / 2) }))];
  const text = printed(["compare", run(t, rows)]);
  assert.match(text,
    /^Native layout: the data was converted untimed; such a backend is not taken as the best\.$/m);
  assert.equal(lineOf(text, "case ").at(-1), "own (native layout)");
  assert.match(lineOf(text, "n64_c256_l1 ").join(" "), /100 ns a 1\.00\* 2\.00 ±1% 0\.50/);
  assert.doesNotMatch(printed(["compare", run(t)]), /Native layout/);
});

test("filters choose rows", (t) => {
  const folder = run(t, withGap());
  const chosen = (...words) => {
    const { rows } = jsonOf(folder, ...words);
    const sorted = (of) => [...new Set(rows.map(of))].sort();
    return [sorted(({ backend }) => backend).join(" "), sorted((row) => row.case).length];
  };
  for (const [words, backends, cases] of [
    [["-b", "naive"], "naive", 4], [["-b", "naive", "-b", "^simd$"], "naive simd", 4],
    [["-B", "naive", "-B", "picky"], "openmp simd", 4],
    [["-f", "l16/", "-f", "l32/"], "naive openmp picky simd", 2], [["-F", "l16/"], "naive openmp simd", 3],
    [["-b", "n", "-B", "openmp", "-f", "l1", "-F", "l16/"], "naive", 1]]) {
    assert.deepEqual(chosen(...words), [backends, cases], words.join(" "));
  }
  const named = run(t, [...ladder(), makeRow("naive", 1, { l: 7, name: "quartznet" })]);
  assert.deepEqual(jsonOf(named, "-f", "quartznet").rows.map((row) => row.case.includes("_l7/")), [true]);
});

test("without any time there are outcomes", (t) => {
  const text = printed(["compare", run(t, [makeGap("a", "failed", "x"), makeGap("b", "not_built", "x")])]);
  assert.deepEqual(lineOf(text, "n64_c256_l128 "), ["n64_c256_l128", "-", "failed", "not built"]);
});

test("in a narrow terminal the table is folded, and each part has the cases", (t) => {
  const folder = run(t, withGap());
  const lines = printed(["compare", folder], { env: { COLUMNS: "60" } }).split("\n");
  for (const line of lines) assert.ok(line.length <= 60, line);
  const heads = lines.filter((line) => line.startsWith("case "));
  assert.deepEqual(heads.map((line) => line.split(/ +/)),
    [["case", "best", "naive", "openmp"], ["case", "simd", "picky"]]);
  assert.equal(lines.filter((line) => line.startsWith("n64_c256_l16 ")).length, 2);
  for (const format of ["csv", "json", "markdown"]) {
    assert.equal(printed(["compare", folder, "--format", format], { env: { COLUMNS: "60" } }),
      printed(["compare", folder, "--format", format]));
  }
});

test("CSV and JSON of a partial run are clean, and stderr says what is missing", (t) => {
  for (const [words, read] of [
    [["--format", "json"], JSON.parse], [["--format", "csv"], parseCsv], [[], String]]) {
    const { stdout, stderr } = verb(["compare", partialRun(t), ...words]);
    assert.ok(read(stdout) && !stdout.includes("cases were measured"));
    assert.equal(stderr, `normbench: warning: run: ${BUDGET}\n`);
  }
});

test("what all ids share stands once above the table", () => {
  assert.deepEqual(hoist(["a/b/c/d/s1/t1/w", "a/x/c/d/s1/t1/w"]), ["a/*/c/d/*/t1/w", ["b/s1", "x/s1"]]);
  assert.deepEqual(hoist(["a/b/c/d/s1/t1/w"]), ["a/b/c/d/*/t1/w", ["s1"]]);
  assert.deepEqual(hoist(["odd", "a/b"]), ["*", ["odd", "a/b"]]);
});
