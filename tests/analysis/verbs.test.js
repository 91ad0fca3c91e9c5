// The verbs from the outside: what they print, where they write, how they end.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { MAIN_WORDS, shell, verb } from "./command.js";
import { ladder, makeGap, makeRow, makeMeta, temporary, two, writeRun } from "./synthesis.js";

const VERBS = ["compare", "rank", "diff", "report", "export"];

function run(t, rows = ladder(), options = {}, name = "run") {
  return writeRun(path.join(temporary(t), name), rows, options);
}

function oneError(done, ...parts) {
  assert.equal(done.status, 2, done.stdout + done.stderr);
  assert.equal(done.stdout, "");
  assert.match(done.stderr, /^normbench: error: [^\n]+\n$/);
  for (const part of parts) assert.ok(done.stderr.includes(part), `${done.stderr} has no ${part}`);
}

test("an unknown verb and none name those that there are", () => {
  oneError(verb(["rnu"]), "unknown verb 'rnu'", "compare, rank, diff, report, export");
  oneError(verb([]), "no verb given");
});

for (const name of VERBS) {
  test(`${name} explains itself, with its long and short flags`, () => {
    const { status, stdout } = verb([name, "--help"]);
    assert.equal(status, 0);
    for (const flag of ["-b, --backend", "-B, --without-backend", "-f, --filter", "-F, --without", "-h, --help"]) {
      assert.ok(stdout.includes(flag), flag);
    }
    assert.ok(stdout.split("\n").every((line) => line.length <= 125), stdout);
  });

  test(`${name} says what is wrong with a flag, a folder and a pattern`, (t) => {
    const folder = run(t);
    const folders = name === "diff" ? [folder, folder] : [folder];
    oneError(verb([name, ...folders, "--frob"]), "--frob", `normbench ${name} --help`);
    oneError(verb([name, ...folders, "-b"]), "-b", `normbench ${name} --help`);
    oneError(verb([name]), "no folder was given", `normbench ${name} --help`);
    oneError(verb([name, ...folders.map(() => "/nowhere")]), "no run folder at /nowhere");
    oneError(verb([name, ...folders, "-f", "("]), "-f '(' is no regular expression");
    oneError(verb([name, ...folders, "-b", "cuda"]), "-b 'cuda' matches no backend", "naive, openmp, simd");
    oneError(verb([name, ...folders, "-F", "."]), "leave nothing");
    const done = verb([name, ...folders, "-B", "cuda", "-f", "c256"]);
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stderr, /^normbench: warning: -B 'cuda' matches no backend/);
  });
}

test("rank says the answer, and the table has every backend", (t) => {
  const { status, stdout } = verb(["rank", run(t)]);
  assert.equal(status, 0);
  assert.match(stdout, /^On this 2-core Example CPU/);
  for (const label of ["OpenMP C++, ours", "simd, ours", "naive C++, ours"]) assert.ok(stdout.includes(label));
  assert.match(stdout, /Undecided, with 2 to 5 cases/);
});

test("rank --format json has what the table has", (t) => {
  const groups = JSON.parse(verb(["rank", run(t), "--format", "json"]).stdout);
  assert.deepEqual(groups.map(({ regime, cases }) => [regime, cases]), [["all", 4], ["L2", 2], ["DRAM", 2]]);
  const naive = groups[0].standings.find(({ backend }) => backend === "naive");
  assert.ok(Math.abs(naive.ratio.ratio - 4) < 0.02);
});

test("who is shown does not change who is best, who is ranked does", (t) => {
  const folder = run(t, two("simd", "aten", 3));
  const ratio = (words) => {
    const [group] = JSON.parse(verb(["rank", folder, "--format", "json", ...words]).stdout);
    return group.standings.find(({ backend }) => backend === "aten").ratio.ratio;
  };
  assert.ok(ratio(["-b", "aten"]) > 2.9);
  assert.ok(ratio(["--among", "libraries"]) === 1);
  const { stdout } = verb(["rank", folder, "--among", "libraries"]);
  assert.match(stdout, /Ranked are only PyTorch/);
  oneError(verb(["rank", folder, "--among", "aten,cuda"]), "--among 'cuda' is none of all, libraries, without-ours",
    "aten, simd");
});

test("failures come first", (t) => {
  const rows = [...ladder(), makeGap("aten", "failed", "y is wrong")];
  const { stdout } = verb(["rank", run(t, rows)]);
  assert.match(stdout, /^FAILED: PyTorch[^\n]*wrong results in 1 of 1 row/);
});

test("compare folds its table to the terminal, and csv has a line for each row", (t) => {
  const folder = run(t);
  const { stdout } = verb(["compare", folder], { env: { COLUMNS: "60" } });
  assert.ok(stdout.split("\n").slice(4).every((line) => line.length <= 60), stdout);
  const lines = verb(["compare", folder, "--format", "csv"]).stdout.trimEnd().split("\n");
  assert.equal(lines.length, 1 + 12);
  assert.match(lines[0], /^case,backend,outcome,native_layout,median_ns,reference,competes,ratio,lo,hi,rounds,relation$/);
  const { rows, reference } = JSON.parse(verb(["compare", folder, "--format", "json", "--baseline", "naive"]).stdout);
  assert.equal(reference, "naive");
  assert.ok(rows.every(({ backend, ratio }) => backend !== "naive" || ratio === 1));
  oneError(verb(["compare", folder, "--baseline", "cuda"]), "--baseline 'cuda'", "naive, openmp, simd");
});

test("what a terminal cannot show is replaced, in every verb", (t) => {
  const rows = ladder().map((row) => ({ ...row, name: "größe", detail: "schleife ±" }));
  const folder = run(t, rows);
  for (const words of [["compare", folder], ["rank", folder], ["diff", folder, folder], ["export", folder],
    ["rank", folder, "--format", "json"]]) {
    const { status, stdout, stderr } = verb(words, { env: { LC_ALL: "C" } });
    assert.equal(status, 0);
    assert.match(stdout + stderr, /^[\x00-\x7f]*$/);
  }
  assert.match(verb(["compare", folder], { env: { LC_ALL: "C" } }).stdout, /\+-/);
});

test("a reader that leaves is no error, a full disk is one", (t) => {
  const folder = run(t);
  const code = (command) => shell(`set -o pipefail; ${command}; echo rc $?`);
  assert.equal(code(`${MAIN_WORDS} export '${folder}' | head -c 1 >/dev/null`), "rc 0");
  assert.equal(code(`${MAIN_WORDS} export '${folder}' >/dev/full 2>/dev/null`), "rc 1");
  assert.equal(code(`${MAIN_WORDS} report '${folder}' -o /dev/full 2>/dev/null`), "rc 2");
});

test("diff of equal runs finds nothing", (t) => {
  const folder = run(t);
  const { status, stdout } = verb(["diff", folder, folder]);
  assert.equal(status, 0);
  assert.match(stdout, /12 same\./);
});

test("diff of a slower run ends with 4, and names what else differs first", (t) => {
  const old = run(t, two("simd", "aten", 3));
  const slow = run(t, two("simd", "aten", 3.6), { meta: { build: { ...makeMeta().build, compiler: "GNU 13" } } });
  const { status, stdout } = verb(["diff", old, slow]);
  assert.equal(status, 4);
  assert.match(stdout, /^Different build compiler: OLD GNU 12.2.0, NEW GNU 13/);
  assert.match(stdout, /SLOWER/);
  assert.equal(verb(["diff", slow, old]).status, 0);
  assert.equal(verb(["diff", old, slow, "--threshold", "1.3"]).status, 0);
  oneError(verb(["diff", old, slow, "--threshold", "0.9"]), "--threshold '0.9' is no ratio of at least 1");
});

test("diff fails on what is gone, unless that is allowed", (t) => {
  const old = run(t, two("simd", "aten", 3));
  const gone = run(t, two("simd", "aten", 3).filter(({ backend }) => backend !== "aten"));
  const { status, stdout } = verb(["diff", old, gone]);
  assert.equal(status, 4);
  assert.match(stdout, /Gone, timed in OLD and not in NEW.*aten in batch/);
  assert.equal(verb(["diff", old, gone, "--allow-gone"]).status, 0);
});

test("diff that cannot tell ends with 6", (t) => {
  const rows = (factor) => two("simd", "aten", factor, { rounds: 4 });
  const { status, stdout } = verb(["diff", run(t, rows(3)), run(t, rows(3.3))]);
  assert.equal(status, 6);
  assert.match(stdout, /6 undecided/);
});

test("diff takes several runs a side", (t) => {
  const sides = [3, 3.6].map((factor) => [1, 2, 3].map((seed) => run(t,
    two("simd", "aten", factor * (1 + 0.01 * seed), { seed }))));
  const words = [...sides[0], "--", ...sides[1]];
  const { status, stdout } = verb(["diff", ...words]);
  assert.equal(status, 4, stdout);
  assert.match(stdout, /3 and 3 runs: the unit is the run/);
  const json = JSON.parse(verb(["diff", "--format", "json", ...words]).stdout);
  assert.equal(json.counts.slower, 6);
  oneError(verb(["diff", ...sides.flat()]), "6 folders and no --", "OLD... -- NEW...");
  oneError(verb(["diff", ...sides[0], "--"]), "one side of -- has no folder");
});

test("diff of runs without a common row says so", (t) => {
  oneError(verb(["diff", run(t, two("simd", "aten", 3)), run(t, two("eigen", "naive", 3))]), "no case and backend in common");
});

test("a report has its pictures beside it, and prints its path", (t) => {
  const folder = run(t, two("simd", "aten", 3));
  const { status, stdout } = verb(["report", folder]);
  assert.equal(status, 0);
  assert.equal(stdout, `${folder}/report.md\n`);
  const text = fs.readFileSync(path.join(folder, "report.md"), "utf8");
  const links = [...text.matchAll(/\]\((report\/[^)]+\.svg)\)/g)].map(([, link]) => link);
  assert.ok(links.length >= 3);
  for (const link of links) assert.match(fs.readFileSync(path.join(folder, link), "utf8"), /^<svg /);
  assert.ok(!fs.readdirSync(folder).some((name) => name.startsWith(".")));
});

test("a report leads with the answer, and every table is whole", (t) => {
  const folder = run(t, ladder());
  verb(["report", folder]);
  const lines = fs.readFileSync(path.join(folder, "report.md"), "utf8").split("\n");
  assert.match(lines[2], /^On this 2-core Example CPU/);
  const columns = (line) => line.replace(/\\\|/g, "").split("|").length;
  lines.forEach((line, at) => {
    if (line.startsWith("|") && lines[at - 1].startsWith("|")) assert.equal(columns(line), columns(lines[at - 1]), line);
  });
});

test("hostile names stay text", (t) => {
  const name = '<img src=x onerror=alert(1)> | `code` </script> __proto__';
  const rows = two("simd", "x|<b>`y`", 3).map((row) => ({ ...row, name, detail: name, source: name }));
  const folder = run(t, rows, { meta: { name } });
  assert.equal(verb(["report", folder, "--html", "--markdown"]).status, 0);
  const text = fs.readFileSync(path.join(folder, "report.md"), "utf8").replace(/`[^`]*`/g, "");
  assert.ok(!/<img|<b>/.test(text));
  const page = fs.readFileSync(path.join(folder, "report.html"), "utf8");
  assert.ok(!page.includes("<img src=x"));
});

test("-o names a file or a device, and what cannot be written is said", (t) => {
  const folder = run(t);
  const place = path.join(folder, "mine.md");
  assert.equal(verb(["report", folder, "-o", place]).stdout, `${place}\n`);
  assert.ok(fs.existsSync(path.join(folder, "mine")));
  assert.match(shell(`${MAIN_WORDS} report '${folder}' -o /dev/stdout | cat`), /^# Report: test/);
  oneError(verb(["report", folder, "-o", "/nowhere/report.md"]), "cannot write /nowhere", "choose another place");
  oneError(verb(["report", folder, "--html", "--markdown", "-o", `${folder}/`]), "names no file");
});

test("only bytes between the markers change", (t) => {
  const folder = run(t);
  for (const [end, around] of [["\n", "é"], ["\r\n", "é"], ["\n", "\xff\xfe"]]) {
    const page = path.join(path.dirname(folder), "README.md");
    const [before, after] = [`# Mine ${around}${end}${end}<!-- normbench:begin -->`, `<!-- normbench:end -->${end}rest\t ${end}`];
    const bytes = Buffer.from(`${before}${end}OUTDATED${end}${after}`, "latin1");
    fs.writeFileSync(page, bytes);
    const { status, stderr } = verb(["report", folder, "--splice", page]);
    assert.equal(status, 0, stderr);
    const now = fs.readFileSync(page);
    assert.deepEqual(now.subarray(0, before.length), Buffer.from(before, "latin1"));
    assert.deepEqual(now.subarray(now.length - after.length), Buffer.from(after, "latin1"));
    const between = now.subarray(before.length, now.length - after.length).toString();
    assert.ok(between.includes("OpenMP C++, ours") && !between.includes("OUTDATED"));
    assert.equal(between.replaceAll("\r\n", "").includes("\n"), end === "\n");
    assert.match(between, /\[Full report\]\(run\/report\.md\)/);
    verb(["report", folder, "--splice", page]);
    assert.deepEqual(fs.readFileSync(page), now);
  }
});

test("markers that are missing, twice or in the wrong order are an error, and nothing is written", (t) => {
  const folder = run(t);
  const page = path.join(folder, "README.md");
  const [begin, end] = ["<!-- normbench:begin -->", "<!-- normbench:end -->"];
  for (const text of ["", begin, `${end}\n${begin}`, `${begin}\n${begin}\n${end}`, `${begin}\n${end}\n${end}`]) {
    fs.writeFileSync(page, text);
    oneError(verb(["report", folder, "--splice", page]), `needs one line ${begin}`);
    assert.equal(fs.readFileSync(page, "utf8"), text);
    assert.ok(!fs.existsSync(path.join(folder, "report.md")));
  }
});

test("several runs of one machine have changes, of several machines stand side by side", (t) => {
  const [old, recent] = [run(t, two("simd", "aten", 3), {}, "old"), run(t, two("simd", "aten", 3.6), {}, "new")];
  const there = run(t, two("simd", "aten", 2), { meta: { machine: { ...makeMeta().machine, cpu: "Other CPU" } } }, "there");
  verb(["report", old, there, recent]);
  const text = fs.readFileSync(path.join(recent, "report.md"), "utf8");
  assert.match(text, /## Changes since old\n/);
  assert.doesNotMatch(text, /## Changes since there/);
  assert.match(text, /there: 2-core Other CPU/);
});

test("export is JSON of Google Benchmark", (t) => {
  const folder = run(t, [makeRow("simd", 100, { rounds: 6 }), makeGap("aten", "failed", "wrong")]);
  const { stdout, stderr } = verb(["export", folder]);
  const { context, benchmarks } = JSON.parse(stdout);
  assert.equal(context.num_cpus, 2);
  assert.deepEqual(benchmarks.map(({ run_type: type }) => type).sort(),
    [...Array(4).fill("aggregate"), ...Array(6).fill("iteration")]);
  assert.match(benchmarks[0].name, /^simd\/batch\//);
  assert.match(stderr, /1 of 2 rows have no time/);
  const file = path.join(folder, "out.json");
  assert.equal(verb(["export", folder, "-o", file]).stdout, `${file}\n`);
  assert.deepEqual(JSON.parse(fs.readFileSync(file, "utf8")).benchmarks, benchmarks);
});

test("the report of a run is the same each time, whatever the working directory", (t) => {
  const folder = run(t, ladder());
  const once = (cwd) => {
    verb(["report", folder], { cwd });
    return fs.readFileSync(path.join(folder, "report.md"), "utf8");
  };
  assert.equal(once("/"), once(folder));
});

