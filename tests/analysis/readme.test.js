// What README and results/reference show is what the commands make of the run that lies there.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { verb } from "./command.js";
import { ROOT, temporary } from "./synthesis.js";

// normbench report results/reference --pictures ranking --splice README.md
test("README and the reference report are what report makes", (t) => {
  const copy = temporary(t);
  const reference = path.join("results", "reference");
  fs.cpSync(path.join(ROOT, reference), path.join(copy, reference), { recursive: true });
  fs.cpSync(path.join(ROOT, "README.md"), path.join(copy, "README.md"));
  const command = "normbench report results/reference --pictures ranking --splice README.md";
  const { status, stderr } = verb(command.split(" ").slice(1), { cwd: copy });
  assert.equal(status, 0, stderr);
  const read = (folder, name) => fs.readFileSync(path.join(folder, name), "utf8");
  const made = ["report.md", "report/ranking.svg"].map((name) => path.join(reference, name));
  for (const name of ["README.md", ...made]) {
    assert.equal(read(copy, name), read(ROOT, name), name);
  }
  const pictures = path.join(ROOT, reference, "report");
  assert.deepEqual(fs.readdirSync(path.join(copy, reference, "report")), fs.readdirSync(pictures));
});

// normbench report results/study; README quotes it as a sentence of its own.
test("the report of the study is what report makes, and README quotes it", (t) => {
  const copy = temporary(t);
  const folder = path.join("results", "study");
  fs.cpSync(path.join(ROOT, folder), path.join(copy, folder), { recursive: true });
  const { status, stderr } = verb(["report", folder], { cwd: copy });
  assert.equal(status, 0, stderr);
  const pictures = fs.readdirSync(path.join(ROOT, folder, "report")).map((name) => path.join("report", name));
  assert.equal(pictures.length, fs.readdirSync(path.join(copy, folder, "report")).length);
  const read = (top, name) => fs.readFileSync(path.join(top, folder, name), "utf8");
  for (const name of ["report.md", ...pictures]) assert.equal(read(copy, name), read(ROOT, name), name);
  const readme = fs.readFileSync(path.join(ROOT, "README.md"), "utf8");
  const [, quoted] = readme.match(/Of a run on two cores:\n\n> ([^]+?)\n\n\[The report\]\(results\/study\//);
  for (const sentence of quoted.split("\n>\n> ")) {
    assert.ok(read(ROOT, "report.md").includes(`\n${sentence.replaceAll("\n> ", " ")}\n`), sentence);
  }
});
