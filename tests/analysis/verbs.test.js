// What all verbs have in common: help, errors, streams, terminals.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { encode } from "../../scripts/analysis/verbs/streams.js";
import { MAIN_WORDS, oneError, printed, run, shell, verb } from "./command.js";
import { richRows } from "./rich.js";
import { ladder, makeGap, machine, temporary } from "./synthesis.js";

const VERBS = ["compare", "rank", "diff", "report", "export"];

test("an unknown verb and none name those that there are", () => {
  oneError(verb(["rnu"]), "unknown verb 'rnu'", "compare, rank, diff, report, export");
  oneError(verb(["constructor"]), "unknown verb 'constructor'");
  oneError(verb([]), "no verb given");
});

for (const name of VERBS) {
  test(`${name} explains itself, with its long and short flags`, () => {
    const stdout = printed([name, "--help"]);
    assert.ok(stdout.startsWith(`normbench ${name} `));
    for (const flag of ["-b, --backend", "-B, --without-backend", "-f, --filter", "-F, --without", "-h, --help"]) {
      assert.ok(stdout.includes(flag), flag);
    }
    assert.ok(stdout.split("\n").every((line) => line.length <= 125), stdout);
  });

  test(`${name} says what is wrong with a flag, a folder and a pattern`, (t) => {
    const folder = run(t);
    const folders = name === "diff" ? [folder, folder] : [folder];
    oneError(verb([name, ...folders, "--frob"]), "--frob", `normbench ${name} --help`);
    oneError(verb([name]), "no folder was given", `normbench ${name} --help`);
    oneError(verb([name, ...folders.map(() => "/nowhere")]),
      "no run folder at /nowhere, give a folder that 'normbench run' wrote");
    oneError(verb([name, ...folders, "-b", "cuda"]), "-b 'cuda' matches no backend", "naive, openmp, simd");
    const done = verb([name, ...folders, "-B", "cuda", "-f", "c256"]);
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stderr, /^normbench: warning: -B 'cuda' matches no backend/);
  });
}

test("a flag without its value, patterns that are none or leave nothing", (t) => {
  const folder = run(t);
  oneError(verb(["compare", folder, "-b"]), "-b", "normbench compare --help");
  oneError(verb(["compare", folder, "-f", "("]), "-f '(' is no regular expression");
  oneError(verb(["export", folder, "-F", "."]), "leave nothing");
});

test("a format that a verb has not, and more folders than it takes", (t) => {
  const folder = run(t);
  oneError(verb(["compare", "--format", "xml", folder]), "--format 'xml' is none of text, markdown, csv, json",
    "normbench compare --help");
  oneError(verb(["rank", folder, folder]), "2 folders were given, expected RUN", "normbench rank --help");
});

test("which file of a run is missing or not to be read, and what to do", (t) => {
  for (const [name, advice] of [["samples.jsonl", "the run finished no case: run again"],
    ["run.json", "give a folder that 'normbench run' wrote"]]) {
    const folder = run(t);
    fs.rmSync(path.join(folder, name));
    oneError(verb(["rank", folder]), `${folder}/${name} is missing, ${advice}`);
    fs.mkdirSync(path.join(folder, name));
    oneError(verb(["rank", folder]), `cannot read ${folder}/${name}: it is a folder`);
  }
  const file = path.join(run(t), "run.json");
  oneError(verb(["rank", file]), `no run folder at ${file}`);
});

test("what a terminal cannot show is replaced, in every verb", (t) => {
  const folder = run(t, ladder().map((row) => ({ ...row, name: "größe", detail: "schleife ±" })));
  for (const words of [["compare", folder], ["rank", folder], ["diff", folder, folder], ["export", folder],
    ["rank", folder, "--format", "json"]]) {
    const { status, stdout, stderr } = verb(words, { env: { LC_ALL: "C" } });
    assert.equal(status, 0);
    assert.match(stdout + stderr, /^[\x00-\x7f]*$/);
  }
  assert.match(printed(["compare", folder], { env: { LC_ALL: "C" } }), /\+-/);
  assert.equal(encode("é ± … × \ud800 \ud83d\ude00", false), "? +- ... x ? ?");
  assert.equal(encode("é ± … × \ud800 \ud83d\ude00", true), "é ± … × ? \ud83d\ude00");
});

test("no line is longer than the terminal, and columns stay in line, in any locale", (t) => {
  const meta = { machine: machine({ cpu: "Größe ± und mehr davon, so that this line is folded somewhere" }) };
  const old = run(t, [...richRows(), makeGap("aten", "failed",
    "ein Fehler, der so lang ist, daß er nicht paßt ±±±")]);
  const recent = run(t, richRows(1.3), { meta });
  for (const locale of ["C", "C.UTF-8"]) {
    for (const [columns, ...words] of [[60, "rank", old], [80, "rank", recent, "--regimes"], [80, "compare", old],
      [80, "compare", old, "--baseline", "naive"], [80, "diff", old, recent]]) {
      const { stdout } = verb(words, { env: { COLUMNS: String(columns), LC_ALL: locale } });
      for (const line of stdout.split("\n")) {
        assert.ok([...line].length <= columns, `${words} at ${columns}: ${line}`);
      }
    }
  }
  const intervals = printed(["compare", old, "-f", "^batch"], { env: { LC_ALL: "C" } }).split("\n")
    .filter((line) => /\+-\d+% .*\+-\d+%/.test(line)).map((line) => line.indexOf("+-"));
  assert.ok(new Set(intervals).size <= 2 && intervals.length > 3, String(intervals));
});

test("no name controls the terminal", (t) => {
  const evil = "red\u001b[31m\u0007\u009b";
  const folder = run(t, [...ladder({ name: evil }), makeGap(evil, "failed", `no\n${evil}`, { norm: evil })]);
  for (const words of [["rank", folder], ["compare", folder], ["diff", folder, folder, "--all"]]) {
    const { stdout } = verb(words);
    assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    assert.match(stdout, /red\?\[31m\?\?/);
  }
});

test("a reader that leaves is no error, a full disk is one", (t) => {
  const folder = run(t);
  const ends = (command) => shell(`set -o pipefail; { ${command}; echo rc $?; } 2>&1`);
  assert.equal(ends(`${MAIN_WORDS} export '${folder}' | head -c 1 >/dev/null`), "rc 0");
  assert.equal(ends(`${MAIN_WORDS} export '${folder}' >/dev/full`),
    "normbench: error: cannot write to stdout: the disk is full\nrc 1");
  assert.match(ends(`${MAIN_WORDS} report '${folder}' -o /dev/full`),
    /^normbench: error: cannot write \/dev\/full: the disk is full.*\nrc 2$/);
  assert.equal(ends(`${MAIN_WORDS} rank '${folder}/..' 2>/dev/full`), "rc 2");
});

test("a folder may be named with a slash at its end, from anywhere", (t) => {
  const folder = run(t);
  const at = (name, cwd) => JSON.parse(printed(["compare", name, "--format", "json"], { cwd })).run;
  assert.deepEqual([at(`${folder}//`), at("run/", path.dirname(folder)), at(".", folder)], [folder, "run", "."]);
  assert.equal(printed(["rank", `${folder}/`], { cwd: temporary(t) }), printed(["rank", "."], { cwd: folder }));
});
