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
