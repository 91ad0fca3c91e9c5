// normbench report --splice from the outside: a summary between two markers of a page.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { BUDGET, oneError, partialRun, printed, run, textOf, verb } from "./command.js";
import { ladder, PASSES, temporary, two } from "./synthesis.js";

const [BEGIN, END] = ["<!-- normbench:begin -->", "<!-- normbench:end -->"];
const PAGE = `# Title\n\n${BEGIN}\nOUTDATED\n${END}\n\nRest\n`;

// The path of a page with this text, beside the folder.
function pageOf(folder, text = PAGE, name = "README.md") {
  const place = path.join(path.dirname(folder), name);
  fs.mkdirSync(path.dirname(place), { recursive: true });
  fs.writeFileSync(place, text);
  return place;
}

function spliced(folder, page, words = []) {
  printed(["report", folder, "--splice", page, ...words]);
  return textOf(page);
}

test("the summary has the answer, its picture, its machine and a link to the rest", (t) => {
  const folder = run(t, two("simd", "aten", 3));
  const text = spliced(folder, pageOf(folder));
  assert.ok(text.startsWith(`# Title\n\n${BEGIN}\nOn this 2-core Example CPU`));
  assert.match(text, /^\| training \| 6 \| \*\*1\.00\*\* /m);
  assert.match(text, /^!\[Ranking for batch norm, .*\]\(run\/report\/ranking\.svg\)$/m);
  assert.match(text, /^Measured on Example CPU, 2 cores, .*\[Full report\]\(run\/report\.md\)\.$/m);
  assert.ok(text.endsWith(`\n${END}\n\nRest\n`) && !text.includes("OUTDATED"));
});

test("only bytes between the markers change, lines end as there, and again is the same", (t) => {
  const folder = run(t);
  for (const [end, around] of [["\n", "é"], ["\r\n", "é"], ["\n", "\xff\xfe"]]) {
    const [before, after] = [`# Mine ${around}${end}${end}${BEGIN}`, `${END}${end}rest\t ${end}`];
    const page = pageOf(folder, Buffer.from(`${before}${end}OUTDATED${end}${after}`, "latin1"));
    printed(["report", folder, "--splice", page]);
    const now = fs.readFileSync(page);
    assert.deepEqual(now.subarray(0, before.length), Buffer.from(before, "latin1"));
    assert.deepEqual(now.subarray(now.length - after.length), Buffer.from(after, "latin1"));
    const between = now.subarray(before.length, now.length - after.length).toString();
    assert.ok(between.includes("OpenMP C++, ours") && !between.includes("OUTDATED"));
    assert.equal(between.replaceAll("\r\n", "").includes("\n"), end === "\n");
    printed(["report", folder, "--splice", page]);
    assert.deepEqual(fs.readFileSync(page), now);
  }
});

test("the mode is kept, the page is named on stderr, and only the report on stdout", (t) => {
  const folder = run(t);
  const page = pageOf(folder);
  fs.chmodSync(page, 0o640);
  const { stdout, stderr } = verb(["report", folder, "--splice", page]);
  assert.equal(stdout, `${folder}/report.md\n`);
  assert.equal(stderr, `spliced a summary into ${page}\n`);
  assert.equal(fs.statSync(page).mode & 0o777, 0o640);
});

test("without one pair of markers in order nothing is written", (t) => {
  const folder = run(t);
  for (const text of ["", BEGIN, END, `${END}\n${BEGIN}`, `${BEGIN}\n${BEGIN}\n${END}`, `${BEGIN}\n${END}\n${END}`,
    PAGE + PAGE]) {
    const page = pageOf(folder, text);
    oneError(verb(["report", folder, "--splice", page]), `needs one line ${BEGIN} and below it one line ${END}`);
    assert.equal(textOf(page), text);
  }
  oneError(verb(["report", folder, "--splice", "/nowhere/README.md"]), "cannot read /nowhere/README.md");
  assert.ok(!fs.existsSync(path.join(folder, "report.md")));
});

test("links to names with blanks and brackets are links", (t) => {
  const folder = run(t);
  const text = spliced(folder, pageOf(folder), ["-o", path.join(path.dirname(folder), "my report (1).md")]);
  assert.match(text, /\[Full report\]\(my%20report%20%281%29\.md\)/);
  assert.match(text, /\]\(my%20report%20%281%29\/ranking\.svg\)/);
});

test("what git ignores is not linked, nor what lies outside of the page's folder", (t) => {
  const folder = run(t);
  assert.doesNotMatch(spliced(folder, pageOf(folder, PAGE, "docs/README.md")), /Full report|ranking\.svg/);
  const page = pageOf(folder);
  if (spawnSync("git", ["init", "-q", path.dirname(folder)]).status !== 0) return t.skip("there is no git");
  assert.match(spliced(folder, page), /Full report/);
  fs.writeFileSync(path.join(path.dirname(folder), ".gitignore"), "run/\n");
  assert.doesNotMatch(spliced(folder, page), /Full report|ranking\.svg/);
});

test("a partial run says so first", (t) => {
  const folder = partialRun(t);
  assert.ok(spliced(folder, pageOf(folder)).includes(`${BEGIN}\n**${BUDGET}**\n\nOn this `));
});

test("of many settings the first is shown, and how many there are", (t) => {
  const norms = ["none", "rms", "group", "instance", "layer", "batch"];
  const rows = norms.flatMap((norm) => [1, 2].flatMap((threads) => PASSES.flatMap((pass) => (
    two("simd", "aten", 2, { norm, threads, pass })))));
  const folder = run(t, rows);
  const lines = spliced(folder, pageOf(folder)).split("\n");
  assert.deepEqual(lines.filter((line) => line.startsWith("| ")).map((line) => line.split(" | ")[0]),
    ["| pass", "| ---", "| training", "| inference", "| backward"]);
  assert.ok(lines.some((line) => line.startsWith("batch norm, f32, ncl, 2 threads, time as a ratio")));
  assert.ok(lines.some((line) => line.endsWith("[Full report](run/report.md), with 11 other settings.")));
  assert.ok(lines.length < 30);
  assert.equal(textOf(folder, "report.md").split("time as a ratio to the best: geometric mean (worst)").length,
    1 + 12);
});

test("a page can be spliced without pictures, and with a page of its own linked", (t) => {
  const folder = run(t, ladder());
  assert.doesNotMatch(spliced(folder, pageOf(folder), ["--pictures", "none"]), /\.svg/);
  const other = path.join(temporary(t), "run");
  fs.cpSync(folder, other, { recursive: true });
  assert.match(spliced(other, pageOf(other), ["--html"]), /\[Full report\]\(run\/report\.html\)/);
});

test("the report cannot go where the summary goes", (t) => {
  const folder = run(t);
  const page = pageOf(folder);
  oneError(verb(["report", folder, "-o", page, "--splice", page]), `--splice ${page} is where the report goes`);
  assert.equal(textOf(page), PAGE);
});

test("no program of the working directory is run, whatever PATH says", (t) => {
  const folder = run(t);
  const page = pageOf(folder);
  const cwd = temporary(t);
  for (const name of ["git", "esbuild"]) {
    fs.writeFileSync(path.join(cwd, name), `#!/bin/sh\ntouch '${cwd}/ran-${name}'\nexit 1\n`, { mode: 0o755 });
  }
  for (const PATH of [`.:${process.env.PATH}`, `:${process.env.PATH}`, "."]) {
    const words = ["report", folder, "--html", "--markdown", "--splice", page];
    const { status, stderr } = verb(words, { cwd, env: { PATH } });
    assert.equal(status, 0, stderr);
    assert.deepEqual(fs.readdirSync(cwd).filter((name) => name.startsWith("ran-")), [], PATH);
  }
});
