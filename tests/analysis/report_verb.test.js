// normbench report from the outside: what it says, where it writes, and that it writes all or nothing.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { code, escape } from "../../scripts/analysis/verbs/format.js";
import { BUDGET, filesIn, MAIN_WORDS, oneError, partialRun, printed, run, shell, textOf, verb, withGap }
  from "./command.js";
import { ladder, machine, makeGap, makeMeta, makeRow, temporary, two } from "./synthesis.js";

const RUN = ["controls.jsonl", "run.json", "samples.jsonl"];

// The report beside the last of these folders.
function reportOf(...folders) {
  assert.equal(printed(["report", ...folders]), `${folders.at(-1)}/report.md\n`);
  return textOf(folders.at(-1), "report.md");
}

const section = (text, title) => text.split(`\n## ${title}\n`)[1].split("\n## ")[0];
const cellsOf = (line) => line.replace(/^\| | \|$/g, "").split(" | ");

test("a report has its sections in order, and its path is printed", (t) => {
  const text = reportOf(run(t, withGap()));
  assert.deepEqual([...text.matchAll(/^## (.*)/gm)].map(([, title]) => title), [
    "Who is who", "Shapes", "Kernels", "Cliffs", "Skips and failures", "Who is fastest where",
    "Performance profile", "Bandwidth", "Scaling with threads", "Mini-batches", "Instead of batch norm",
    "Price of a norm", "Instead of f32", "Instead of ncl", "Versions of one library", "Accuracy",
    "Costs and disturbances", "Ranking by regime", "Remarks", "Machine and build", "What this config asks",
    "Method",
    "Reproduce"]);
  assert.match(text, /^\| verified \| 12 of 12 rows/m);
  assert.match(text, /^\| picky \| unsupported \| needs c % 3 == 0 \| 1 \|$/m);
  assert.match(section(text, "Reproduce"), /^normbench run configs\/test\.toml$/m);
});

test("a report leads with the answer, and every table is whole", (t) => {
  const lines = reportOf(run(t)).split("\n");
  assert.match(lines[2], /^On this 2-core Example CPU/);
  const columns = (line) => line.replace(/\\\|/g, "").split("|").length;
  lines.forEach((line, at) => {
    if (line.startsWith("|") && lines[at - 1].startsWith("|")) {
      assert.equal(columns(line), columns(lines[at - 1]), line);
    }
  });
});

test("pictures lie beside a report, and it links them", (t) => {
  const folder = run(t, two("simd", "aten", 3));
  const text = reportOf(folder);
  const links = [...text.matchAll(/\]\((report\/[^)]+\.svg)\)/g)].map(([, link]) => link);
  assert.ok(links.length >= 3);
  for (const link of links) assert.match(textOf(folder, link), /^<svg /);
  assert.deepEqual(filesIn(folder).sort(), [...RUN, "report.md", "report/", ...links].sort());
});

test("fewer pictures where fewer are asked for", (t) => {
  const folder = run(t, two("simd", "aten", 3));
  printed(["report", folder, "--pictures", "none"]);
  assert.deepEqual(filesIn(folder), [...RUN, "report.md"].sort());
  printed(["report", folder, "--pictures", "ranking"]);
  assert.deepEqual(filesIn(path.join(folder, "report")), ["ranking.svg"]);
});

test("sections say what would fill them, or have their data", (t) => {
  const bare = reportOf(run(t));
  assert.match(section(bare, "Instead of batch norm"), /configs\/baselines\.toml does that/);
  assert.match(section(bare, "Price of a norm"), /configs\/baselines\.toml does that/);
  assert.match(section(bare, "Remarks"), /^\nNone\.$/m);
  const full = reportOf(run(t, [...ladder(), ...ladder({ norm: "rms" }), ...ladder({ norm: "none" }),
    ...ladder({ dtype: "bf16" })]));
  for (const title of ["Instead of batch norm", "Price of a norm", "Instead of f32"]) {
    assert.match(section(full, title), /^\| ---/m, title);
  }
});

test("what the next layer pays is told where a run has asked for it", (t) => {
  const read = (backend, ns, fields) => makeRow(backend, ns, { ...fields, then: "read" });
  const title = "When the output is read next";
  assert.doesNotMatch(reportOf(run(t)), new RegExp(title));
  const alone = reportOf(run(t, [...ladder(), read("simd", 100)]));
  assert.match(section(alone, title), /configs\/streaming\.toml does that/);
  const off = "simd[streaming=off]";
  const full = reportOf(run(t, [makeRow("simd", 100), makeRow(off, 125), read("simd", 220), read(off, 200)]));
  const own = section(full, title);
  assert.match(own, /simd takes longer than with simd\.streaming=off .*\*\*set simd\.streaming=off\*\*/);
  assert.match(own, /^\| `simd\.streaming=off` \| training, 1 thread \| L2 \| 1 \| 1\.25 .* \| slower \| 0\.91 .* \| faster \|/m);
  assert.match(section(full, "Other settings"), /output read next/);
});

test("only what a run has is explained", (t) => {
  const bare = reportOf(run(t));
  assert.doesNotMatch(bare, /times the bound|The bound is|clearly behind got|random input|Random input/);
  const rows = ladder().map((row, at) => ({ ...row, bound_ns: 10,
    ...(at % 3 ? {} : { samples_ns: row.samples_ns.slice(5) }),
    accuracy: { random: { bound: 0.25, ulp: 2 } } }));
  const full = reportOf(run(t, rows));
  assert.match(full, /times the bound/);
  assert.match(full, /^- The bound is the least time/m);
  assert.match(full, /^- A backend that is clearly behind got the least number of rounds/m);
  assert.match(section(full, "Accuracy"), /random.*in units of its bound \/ in ulp/i);
  assert.match(section(reportOf(run(t, [makeGap("a", "unsupported", "x")])), "Accuracy"), /Nothing was checked\./);
});

test("a run that says nothing of itself, and one without times", (t) => {
  const folder = run(t);
  fs.writeFileSync(path.join(folder, "run.json"), '{"schema": 1}');
  fs.rmSync(path.join(folder, "controls.jsonl"));
  assert.match(reportOf(folder), /noise floor \| not measured/i);
  const text = reportOf(run(t, [makeGap("a", "failed", "x", { name: "row" })]));
  assert.match(text, /^Nothing was timed here\.$/m);
  assert.match(text, /^> \*\*Failed: a: wrong results in 1 of 1 row/m);
});

test("warnings of the run and of loading it are notes", (t) => {
  const text = reportOf(run(t, ladder(), { meta: { warnings: ["clock is odd <5>"], finished: null } }));
  assert.match(text, /^- clock is odd &lt;5&gt;$/m);
  assert.match(text, /^- run did not finish/m);
});

test("of many remarks the first are listed", (t) => {
  const rows = Array.from({ length: 30 }, (_, at) => makeRow("fast", 1, { l: at + 1, remarks: ["takes | less"] }));
  const found = section(reportOf(run(t, rows)), "Remarks");
  assert.equal(found.match(/\| fast \| takes \\\| less \|$/gm).length, 20);
  assert.match(found, /^And 10 more; the page has all\.$/m);
});

test("commands can be pasted", (t) => {
  const command = ["normbench", "run", "my  config.toml", "-f", "n32|n64", "two\nlines"];
  const folder = run(t, two("fast[x=off]", "slow", 3), { meta: { command } });
  printed(["report", folder, "-f", "_l", "-B", "a b", "-B", "it's"]);
  const text = textOf(folder, "report.md");
  assert.ok(text.includes("\nnormbench run 'my  config.toml' -f 'n32|n64' 'two lines'\n"
    + `normbench report ${folder} -f _l -B 'a b' -B 'it'"'"'s'\n\`\`\`\n`));
  assert.match(reportOf(folder), new RegExp(`^normbench report ${folder}$`, "m"));
  assert.match(reportOf(run(t, two("fast", "slow[x=off]", 3))),
    /`normbench repro batch\/[^ ]+ -b 'slow\[x=off\]'`/);
});

test("the report of a run is the same each time, whatever the working directory", (t) => {
  const folder = run(t);
  const once = (cwd) => {
    printed(["report", folder], { cwd });
    return textOf(folder, "report.md");
  };
  assert.equal(once("/"), once(folder));
});

test("a partial run says so first and once", (t) => {
  const text = reportOf(partialRun(t));
  assert.ok(text.startsWith(`# Report: test\n\n**${BUDGET}**\n\nOn this `), text.slice(0, 300));
  assert.equal(text.split("cases were measured").length, 2);
  const several = reportOf(partialRun(t, "old"), run(t, ladder(), {}, "new"));
  assert.ok(several.startsWith(`# Report: test\n\n**old: ${BUDGET}**\n\nOn this `));
  assert.ok(reportOf(run(t)).startsWith("# Report: test\n\nOn this "));
  const evil = makeRow("openmp", 1, { norm: "<b>*x*" }).case;
  const ids = [...ladder().map((row) => row.case), evil];
  assert.match(reportOf(partialRun(t, "run", { case_ids: ids, interrupted: true })),
    /no case of &lt;b&gt;\\\*x\\\* norm\.\*\*$/m);
});

test("two runs of one machine: the later is told, with what changed since the other", (t) => {
  const old = run(t, two("simd", "aten", 3), {}, "old");
  const recent = run(t, two("simd", "aten", 3.6),
    { meta: { name: "later", machine: machine({ host: "other|box" }) } }, "new");
  const text = reportOf(old, recent);
  assert.ok(text.startsWith("# Report: later\n"));
  const found = section(text, "Changes since old");
  assert.match(found, /^6 slower and 6 same\. /m);
  assert.match(found, /^- Different machine host: box, now other\\\|box\./m);
  assert.equal(found.match(/^\| \*\*slower\*\* \| PyTorch \| `batch\//gm).length, 6);
  assert.deepEqual(filesIn(old), RUN);
});

test("runs without a row in common say so", (t) => {
  const text = reportOf(run(t, [makeRow("x", 1)], {}, "old"), run(t, ladder(), {}, "new"));
  assert.match(section(text, "Changes since old"), /^\nThey have no case and backend in common\.$/m);
  assert.match(section(text, "Runs side by side"), /^The runs share no case\.$/m);
});

test("several machines stand side by side in the order given, each to its own best", (t) => {
  const big = { meta: { machine: machine({ cpu: "Big <CPU>", cores: 64 }) } };
  const text = reportOf(run(t, two("b", "a", 3), big, "first"), run(t, two("a", "b", 2), {}, "last"));
  const lines = section(text, "Runs side by side").split("\n").filter((line) => line.startsWith("|"));
  assert.match(lines[2], /^\| first \| 2026-11-23 \| 64-core Big &lt;CPU&gt;/);
  assert.match(lines[3], /^\| last \| 2026-11-23 \| 2-core Example CPU/);
  const [head, , ...body] = lines.slice(4).map(cellsOf);
  assert.deepEqual(head.slice(3).map((cell) => cell.split(":")[0]), ["first", "last"]);
  assert.deepEqual(body.map(([, , name, first, last]) => [name, first.slice(0, 4), last.slice(0, 4)]).sort(),
    [["a", "3.00", "1.00"], ["b", "1.00", "2.00"]]);
  assert.doesNotMatch(text, /Changes since/);
  assert.match(section(text, "Machine and build"), /^\| CPU \| Example CPU \|$/m);
});

test("three runs of two machines have both, and folders of one name are told apart", (t) => {
  const [old, there, recent] = [{}, { meta: { machine: machine({ cpu: "Other" }) } }, {}].map(
    (options) => run(t, two("simd", "aten", 3), options));
  const text = reportOf(old, there, recent);
  const heads = section(text, "Runs side by side").split("\n").filter((line) => line.startsWith("| /"))
    .map(cellsOf);
  assert.deepEqual(heads.map(([name]) => name), [old, there, recent]);
  assert.deepEqual([...text.matchAll(/^## Changes since (.*)$/gm)].map(([, name]) => name), [old]);
});

test("of each kind of change thirty are listed, and how to get all", (t) => {
  const rows = (ns) => Array.from({ length: 79 }, (_, at) => makeRow("a", ns(at + 1), { l: at + 1 }));
  const [old, recent] = [run(t, rows(() => 100), {}, "old"), run(t, rows((l) => (l < 40 ? 200 : 50)), {}, "new")];
  const found = section(reportOf(old, recent), "Changes since old");
  assert.match(found, /^39 slower and 40 faster\. /m);
  assert.deepEqual(["**slower**", "faster"].map((kind) => found.split(`\n| ${kind} |`).length - 1), [30, 30]);
  assert.ok(found.includes(`Of each kind the first 30 are listed, all by \`normbench diff ${old} ${recent}\`.`));
});

test("filters hold for all runs, and what is wrong with one writes nothing", (t) => {
  const [old, recent] = [run(t, two("a", "b", 2), {}, "old"), run(t, two("a", "c", 2), {}, "new")];
  oneError(verb(["report", old, recent, "-b", "^c$"]), "-b '^c$' matches no backend", "old");
  oneError(verb(["report", old, "/nowhere", recent]), "no run folder at /nowhere");
  assert.deepEqual(filesIn(recent), RUN);
  printed(["report", old, recent, "-b", "^a$"]);
  assert.doesNotMatch(section(textOf(recent, "report.md"), "Runs side by side"), /\| b \|/);
});

test("hostile names stay text in every table, and no picture takes a name from them", (t) => {
  const evil = "<b>|*x*<img src=x>";
  const fields = { norm: evil, name: evil, reason: evil, source: evil, regime: evil, detail: evil,
    remarks: [evil] };
  const old = run(t, two("fast", evil, 2, { norm: evil }), {}, "old");
  const there = run(t, two("fast", evil, 2, { norm: evil }), { meta: { machine: machine({ cpu: evil }) } },
    evil.replace(/[|*]/g, ""));
  const recent = run(t, [...two("fast", evil, 9, fields), makeGap(evil, "failed", evil,
    { l: 99, known_defect: { what: evil, source: evil } })],
    { meta: { name: evil, warnings: [evil], finished: null, backends: [{ name: evil, built: false, reason: evil }],
      build: { ...makeMeta().build, flags: evil }, config: { path: evil, analysis: evil } } }, "<u>new");
  for (const line of reportOf(old, there, recent).split("## Reproduce")[0].split("\n")) {
    const plain = line.replace(/`[^`]*`/g, "");
    assert.doesNotMatch(plain, /<(b|u|img)/, line);
    if (line.startsWith("|")) assert.doesNotMatch(plain, /[^\\]\*x\*/, line);
  }
  assert.ok(filesIn(path.join(recent, "report")).every((name) => /^[\w.-]+\.svg$/.test(name)));
});

test("a page holds hostile names as data, and is written on request only", (t) => {
  const name = "<img src=x onerror=alert(1)> | `code` </script> __proto__";
  const rows = two("simd", "x|<b>`y`", 3).map((row) => ({ ...row, name, detail: name, source: name }));
  const folder = run(t, rows, { meta: { name } });
  assert.equal(printed(["report", folder, "--html"]), `${folder}/report.html\n`);
  assert.deepEqual(filesIn(folder), [...RUN, "report.html"].sort());
  assert.ok(!textOf(folder, "report.html").includes("<img src=x"));
  assert.equal(printed(["report", folder, "--html", "--markdown"]),
    `${folder}/report.md\n${folder}/report.html\n`);
});

test("what is no letter is replaced, and files are UTF-8", (t) => {
  const rows = ladder({ name: "lone \ud800", detail: "\udc00" });
  const folder = run(t, rows, { meta: { name: "lone \ud800" } });
  printed(["report", folder, "--html", "--markdown"]);
  assert.match(textOf(folder, "report.md"), /^# Report: lone \ufffd$/m);
  for (const name of filesIn(folder)) if (!name.endsWith("/")) textOf(folder, name); // or it throws
  assert.match(printed(["rank", folder]), /^On this /);
});

test("-o names the file, pictures lie beside it, and nothing else is left", (t) => {
  const folder = run(t);
  const place = temporary(t);
  assert.equal(printed(["report", folder, "-o", `${place}/my report (1).md`]), `${place}/my report (1).md\n`);
  assert.match(textOf(place, "my report (1).md"), /\]\(my%20report%20%281%29\/ranking\.svg\)/);
  printed(["report", folder, "--markdown", "-o", `${place}/page`]);
  assert.ok(fs.existsSync(`${place}/page.pictures/ranking.svg`));
  assert.deepEqual(fs.readdirSync(place).sort(), ["my report (1)", "my report (1).md", "page", "page.pictures"]);
  assert.deepEqual(filesIn(folder), RUN);
});

test("Markdown is what comes without a format", (t) => {
  const folder = run(t);
  const place = temporary(t);
  printed(["report", folder, "-o", `${place}/a.md`]);
  printed(["report", folder, "--markdown", "-o", `${place}/b.md`]);
  assert.equal(textOf(place, "a.md"), textOf(place, "b.md").replaceAll("](b/", "](a/")
    .replace(`--markdown -o ${place}/b.md`, `-o ${place}/a.md`));
});

test("standard output is a place without pictures, and its name is not printed", (t) => {
  const folder = run(t);
  for (const place of ["/dev/stdout", "/proc/self/fd/1"]) {
    const text = printed(["report", folder, "-o", place]);
    assert.match(text, /^# Report: test\n/);
    assert.match(text, /\n```\n$/);
    assert.doesNotMatch(text, /\.svg\)/);
  }
  const file = path.join(temporary(t), "x.md");
  shell(`echo before >'${file}'; ${MAIN_WORDS} report '${folder}' -o /dev/stdout >>'${file}'`);
  assert.match(textOf(file), /^before\n# Report: test\n/);
  assert.ok(!fs.existsSync("/dev/stdout.pictures"));
});

test("a place that is none is one clear line, and nothing is written", (t) => {
  const folder = run(t);
  const long = "x".repeat(300);
  for (const [words, part] of [[["-o", long], "cannot write xxx"], [["--html", "-o", long], "cannot write xxx"],
    [["--html", "--markdown", "-o", "."], "-o '.' names no file"], [["-o", ""], "-o '' names no file"],
    [["-o", ".."], "names no file"], [["-o", "out/"], "-o 'out/' names no file"],
    [["-o", "run.json/x.md"], "cannot write run.json/x"],
    [["-o", "none/r.md"], "cannot write none/r", "there is no folder none"],
    [["-o", folder], `cannot write ${folder}: it is a folder`],
    [["--html", "--markdown", "-o", "/dev/stdout"], "-o /dev/stdout is one place"]]) {
    oneError(verb(["report", folder, ...words], { cwd: folder }), part);
  }
  assert.deepEqual(filesIn(folder), RUN);
  assert.deepEqual(filesIn(path.dirname(folder)).filter((name) => !name.startsWith("run/")), []);
});

test("a file in the way of the pictures changes nothing", (t) => {
  const folder = run(t);
  fs.writeFileSync(path.join(folder, "report"), "mine");
  fs.writeFileSync(path.join(folder, "report.md"), "older");
  oneError(verb(["report", folder, "--html", "--markdown"]), `cannot write ${folder}/report: EEXIST`);
  assert.deepEqual(filesIn(folder), [...RUN, "report", "report.md"].sort());
  assert.deepEqual([textOf(folder, "report"), textOf(folder, "report.md")], ["mine", "older"]);
});

test("a full disk leaves what was there, and one message", (t) => {
  const folder = run(t);
  const page = path.join(path.dirname(folder), "README.md");
  const marked = "<!-- normbench:begin -->\nolder\n<!-- normbench:end -->\n";
  fs.writeFileSync(page, marked);
  for (const before of [RUN, [...RUN, "report.md"].sort()]) {
    if (before !== RUN) fs.writeFileSync(path.join(folder, "report.md"), "older");
    for (const kilobytes of before === RUN ? [0, 3] : [9]) { // nothing, the first picture, all pictures
      const found = shell(
        `ulimit -f ${kilobytes}; ${MAIN_WORDS} report '${folder}' --splice '${page}' 2>&1; echo rc $?`);
      assert.match(found, /^normbench: error: cannot write [^\n]+: the disk is full, choose another place\nrc 2$/);
      assert.deepEqual(filesIn(folder), before);
    }
  }
  assert.equal(textOf(folder, "report.md"), "older");
  assert.equal(textOf(page), marked);
});

test("the mode of a file is kept, and a link stays one", (t) => {
  const folder = run(t);
  const place = path.join(temporary(t), "mine.md");
  fs.writeFileSync(place, "older");
  fs.chmodSync(place, 0o640);
  fs.symlinkSync(place, path.join(folder, "report.md"));
  reportOf(folder);
  assert.equal(fs.statSync(place).mode & 0o777, 0o640);
  assert.ok(fs.lstatSync(path.join(folder, "report.md")).isSymbolicLink());
  assert.match(textOf(place), /^# Report/);
});

test("warnings leave stdout alone", (t) => {
  const folder = run(t);
  fs.appendFileSync(path.join(folder, "samples.jsonl"), "{");
  const { status, stdout, stderr } = verb(["report", folder]);
  assert.deepEqual([status, stdout], [0, `${folder}/report.md\n`]);
  assert.match(stderr, /^normbench: warning: samples\.jsonl: the last line is torn[^\n]*\n$/);
});

test("Markdown of plain text", () => {
  assert.equal(escape("a|b <i>\n`x`"), "a\\|b &lt;i&gt; \\`x\\`");
  assert.equal(escape("_a_ b_c [d](e)"), "\\_a\\_ b_c \\[d\\](e)");
  assert.equal(code("a|`b"), "`a\\|'b`");
});

test("the page has the rows of all backends, and opens at what the command line chose", (t) => {
  const folder = run(t, ladder());
  const dataOf = (words) => {
    const place = path.join(folder, "page.html");
    printed(["report", folder, "--html", "-o", place, ...words]);
    return JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(textOf(place))[1]);
  };
  assert.equal(dataOf([]).start, "");
  const { start, runs } = dataOf(["-b", "naive", "-f", "l16/", "--among", "naive,simd"]);
  assert.equal(start, "#show=naive&rank=naive&rank=simd");
  assert.deepEqual(runs[0].columns.backend.texts, ["naive", "openmp", "simd"]);
  assert.equal(runs[0].count, 3);
  assert.equal(dataOf(["--among", "without-ours"]).start, "#among=without-ours");
});

test("-o report.html means the page, and a name that says otherwise than the flag is an error", (t) => {
  const folder = run(t);
  const place = (name) => path.join(folder, name);
  assert.equal(printed(["report", folder, "-o", place("a.html")]), `${place("a.html")}\n`);
  assert.match(textOf(place("a.html")), /^<!doctype html>/i);
  oneError(verb(["report", folder, "--html", "-o", place("b.md")]),
    "is named as markdown, and --html is asked for");
  oneError(verb(["report", folder, "--markdown", "-o", place("b.html")]),
    "is named as html, and --markdown is asked for");
  oneError(verb(["report", folder, "-o", "-"]), "-o '-' names no file", "/dev/stdout");
  assert.ok(!filesIn(folder).some((name) => name.startsWith("b.")));
});

test("what changed has the names of the later run, side by side both with their intervals", (t) => {
  const rows = (factor) => two("simd", "aten", factor, { cases: 6 });
  const backends = (version) => ({ meta: { backends: [{ name: "aten", version, built: true }] } });
  const found = reportOf(run(t, rows(3), backends("1.13.0"), "old"), run(t, rows(4), backends("2.5.0"), "new"));
  assert.match(section(found, "Changes since old"), /slower\*\* \| PyTorch 2\.5\.0 /);
  assert.match(section(found, "Runs side by side"),
    /\| 3\.00 \\\[\d[^|]*\\\] PyTorch 1\.13\.0 \| 4\.0\d \\\[[^|]*\\\] PyTorch 2\.5\.0 \|/);
});

test("without esbuild the page says what to install", (t) => {
  const folder = run(t);
  oneError(verb(["report", folder, "--html"], { env: { PATH: "/nowhere" } }),
    "needs esbuild: apt-get install esbuild");
  assert.deepEqual(filesIn(folder), RUN);
});
