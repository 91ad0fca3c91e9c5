// Charts: which there are, that they say the numbers of core, that they are well-formed, safe and always the
// same; scales, ticks and layout on their own.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { accuracyChart } from "../../scripts/analysis/charts/accuracy.js";
import { binText, heatChart, paleness, shortName, strength } from "../../scripts/analysis/charts/heat.js";
import { drawCharts } from "../../scripts/analysis/charts/index.js";
import { cloud, lookOf, markerPath, whisker } from "../../scripts/analysis/charts/marks.js";
import { columnsFor, firstSetting, panelGroups, withRows } from "../../scripts/analysis/charts/panels.js";
import { profileChart } from "../../scripts/analysis/charts/profile.js";
import { rankingChart } from "../../scripts/analysis/charts/ranking.js";
import { inRange, rooflineChart, tickText } from "../../scripts/analysis/charts/roofline.js";
import { binaryTicks, limits, linearScale, logScale, logTicks }
  from "../../scripts/analysis/charts/scales.js";
import { scalingChart } from "../../scripts/analysis/charts/scaling.js";
import { el, fit, printable, serialize, textWidth, wrap } from "../../scripts/analysis/charts/svg.js";
import { accuracyPoints } from "../../scripts/analysis/core/accuracy.js";
import { heatMaps, ratioMaps } from "../../scripts/analysis/core/heat.js";
import { performanceProfile } from "../../scripts/analysis/core/profile.js";
import { roofline } from "../../scripts/analysis/core/roofline.js";
import { threadScaling } from "../../scripts/analysis/core/relative.js";
import { percentText, ratioText } from "../../scripts/analysis/core/text.js";
import { makeView } from "../../scripts/analysis/core/view.js";
import { close, makeGap, makeRow, PASSES, reference, viewOf } from "./synthesis.js";

const ODD = ["<b>&amp;\"x'", "$x^2$", "🚀 rocket", "two\nlines", "nul\u0000", "\ud800half", "_hidden",
  "n".repeat(330), "中文", "](x)", "</svg>", "--><!--"];
const SHAPES = [[16, 1], [64, 1], [16, 4], [64, 16]];
const CHARTS = { ranking: rankingChart, profile: profileChart, heat: heatChart, roofline: rooflineChart,
  scaling: scalingChart, accuracy: accuracyChart };

// Every pass, numbers of threads and several shapes; each backend is slower than the one before.
function sweep(backends, { threads = [1, 2], shapes = SHAPES, ...fields } = {}) {
  return PASSES.flatMap((pass) => threads.flatMap((count) => shapes.flatMap(([c, l]) => backends.map(
    (backend, place) => makeRow(backend, 100 * c * l * (1 + place) / count ** 0.8,
      { c, l, pass, threads: count, regime: l < 9 ? "L2" : "L3", ...fields })))));
}

// Every element of a tree, depth first.
function all(tree) {
  return [tree, ...tree.children.filter((child) => typeof child === "object").flatMap(all)];
}

function tagged(tree, tag) {
  return all(tree).filter((own) => own.tag === tag);
}

function textsOf(tree) {
  return tagged(tree, "text").map(
    ({ children }) => children.filter((child) => typeof child === "string").join(""));
}

function titlesOf(tree) {
  return tagged(tree, "title").map(({ children }) => children[0]);
}

function ofBackend(tree, id, name) {
  return tagged(tree, "g").filter(
    ({ attributes }) => attributes["data-backend"] === id && attributes.class === name);
}

// Throws unless every tag is closed in order, and every text and attribute is escaped.
function checkXml(text) {
  assert.ok(!/[\0-\t\v-\x1f\ufffe\uffff\ud800-\udfff]/u.test(text), "a character that XML has not");
  const open = [];
  const tags = /<(\/?)([a-zA-Z]+)((?: [a-zA-Z][a-zA-Z:-]*="[^"<]*")*)(\/?)>/g;
  let end = 0;
  for (const found of text.matchAll(tags)) {
    const between = text.slice(end, found.index);
    const inner = between + found[3];
    assert.ok(!/[<>]|&(?!(amp|lt|gt|quot|#10);)/.test(inner), `not escaped: ${inner}`);
    if (found[1]) assert.equal(open.pop(), found[2]);
    else if (!found[4]) open.push(found[2]);
    end = found.index + found[0].length;
  }
  assert.equal(text.slice(end).trim(), "");
  assert.deepEqual(open, []);
}

// Everything that is drawn is within the picture, by its own estimate of the width of text.
function checkInside({ tree }) {
  const [width, height] = [Number(tree.attributes.width), Number(tree.attributes.height)];
  for (const { attributes: own, children } of tagged(tree, "text")) {
    if (own.x === "0" && own.y === "0") continue; // upright, in a group of its own
    const wide = textWidth(children[0], Number(own["font-size"])) * 0.97;
    const x = Number(own.x) - ({ middle: wide / 2, end: wide }[own["text-anchor"]] || 0);
    const isInside = x >= -1 && x + wide <= width + 4 && Number(own.y) < height;
    assert.ok(isInside, `${children[0]} at ${x} is cut off`);
  }
  assert.ok(!/NaN|Infinity|undefined/.test(serialize(tree)), "a number that is none");
}

const ref = makeView(reference());
const kind = ref.whole.filter(({ keys }) => keys.norm === "batch");

test("a rich run has all charts, kinds of work have their own, others have none", () => {
  const names = (view) => drawCharts(view).map(({ fileName }) => fileName);
  assert.deepEqual(names(viewOf(sweep(["naive", "simd"]))),
    ["ranking.svg", "profile.svg", "heat.svg", "roofline.svg", "scaling.svg", "accuracy.svg"]);
  const kinds = ["batch", "layer", "rms", "group"].flatMap((norm) => sweep(["a"], { norm }));
  const found = drawCharts(viewOf(kinds)).filter(({ name }) => name === "ranking");
  assert.deepEqual(found.map(({ fileName, number }) => [fileName, number]),
    [["ranking.svg", 1], ["ranking-2.svg", 2], ["ranking-3.svg", 3]]);
  assert.match(found[1].alt, /layer norm, f32, ncl/);
  assert.deepEqual(names(viewOf([makeRow("a", 100, { bytes: null, error: null })])), ["ranking.svg"]);
  assert.deepEqual(names(viewOf([makeGap("a", "failed", "wrong")])), []);
  for (const draw of Object.values(CHARTS)) assert.equal(draw(ref, []), null);
});

test("the reference run: well-formed, nothing cut off at any width, every backend in the legend", () => {
  for (const width of [360, 500, 800, 1200]) {
    for (const [name, draw] of Object.entries(CHARTS)) {
      const chart = draw(ref, kind, { width });
      checkXml(serialize(chart.tree));
      checkInside(chart);
      assert.equal(Number(chart.tree.attributes.width), width);
      assert.equal(chart.tree.attributes["aria-label"], chart.alt);
      if (name === "heat") continue; // has those who win
      for (const id of ref.backends.keys()) {
        assert.ok(ofBackend(chart.tree, id, "series").length > 0, `${id} is not in ${name}`);
        const [entry] = ofBackend(chart.tree, id, name === "ranking" ? "series" : "entry");
        assert.ok(textsOf(entry).join(" ").includes(ref.backends.get(id).name));
      }
    }
  }
});

test("the same run gives the same bytes, in another process too", () => {
  const texts = () => drawCharts(ref).map(({ tree }) => serialize(tree)).join("");
  const code = `import { drawCharts } from "./scripts/analysis/charts/index.js";
    import { serialize } from "./scripts/analysis/charts/svg.js";
    import { reference } from "./tests/analysis/synthesis.js";
    import { makeView } from "./scripts/analysis/core/view.js";
    console.log(drawCharts(makeView(reference())).map(({ tree }) => serialize(tree)).join(""));`;
  const other = execFileSync(process.execPath, ["--input-type=module", "-e", code],
    { cwd: new URL("../..", import.meta.url), maxBuffer: 2 ** 26 });
  assert.equal(texts(), texts());
  assert.equal(other.toString(), `${texts()}\n`);
  assert.ok(!/ (d|x|y)="[^"]*\.\d{3}/.test(texts()), "more than two decimals");
});

test("ranking: ratios of core, bold leaders, hollow natives, fast to slow", () => {
  const { tree, alt } = rankingChart(ref, kind);
  const texts = textsOf(tree);
  for (const { standings } of kind) {
    for (const { ratio } of standings) assert.ok(texts.includes(ratioText(ratio.ratio)));
  }
  assert.equal(alt, "Ranking for batch norm, f32, ncl: time as a ratio to the best, a dot per backend, a "
    + "panel per pass. training, 2 threads, 49 cases: simd 1.00, OpenMP C++ 1.53, oneDNN 2.6.3 (own layout) "
    + "1.56, Eigen 3.4.0 (1 thread) 2.68, oneDNN 2.6.3 4.28, PyTorch 1.13.0 4.86 and naive C++ (1 thread) "
    + "31.6.");
  const fillOf = (id) => tagged(ofBackend(tree, id, "series")[0], "path")
    .find(({ attributes }) => attributes.d.endsWith("z")).attributes.fill;
  assert.deepEqual([fillOf("onednn-blocked"), fillOf("simd")], ["none", "#0072B2"]);
  const bold = tagged(tree, "text").filter(
    ({ attributes }) => attributes["font-weight"] && attributes["font-size"] === "11");
  assert.equal(bold.length, 6); // simd in each panel
  assert.ok(titlesOf(tree).some((text) => text.startsWith("PyTorch 1.13.0\n4.86 [")));
});

test("ranking: to a baseline, among the shown, a range dashed, no interval marked, who is left out", () => {
  const rows = sweep(["simd", "aten"], { shapes: [1, 2, 4, 8, 16, 32].map((l) => [64, l]) });
  const base = viewOf(rows, { baseline: "aten" });
  assert.match(rankingChart(base, base.whole).alt, /as a ratio to PyTorch.*simd 0.50 and PyTorch 1.00/);
  const shown = viewOf(rows, { shown: new Set(["aten"]) });
  assert.match(rankingChart(shown, shown.whole).alt, /2 threads, 6 cases: PyTorch 2.00\.$/);
  const few = viewOf(sweep(["simd", "aten"]));
  assert.match(serialize(rankingChart(few, few.whole).tree),
    /nothing decided[^]*stroke-dasharray="3 2"[^]*no winner/);
  const short = viewOf(sweep(["simd", "aten"], { rounds: 4, jitter: 0, shapes: [[16, 1]] }));
  assert.ok(textsOf(rankingChart(short, short.whole).tree).includes("2.00 ?"));
  const rare = viewOf([...rows, makeRow("rare", 1, { c: 64, l: 1, threads: 2 })]);
  assert.match(textsOf(rankingChart(rare, rare.whole).tree).join(" "), /too few cases have a time of rare/);
});

test("whiskers: a range is dashed, a hollow mark is left open, no claim has none", () => {
  const scale = linearScale([0, 10], 0, 100);
  const own = { ratio: 5, lo: 3, hi: 8, spread: "interval" };
  const look = { ink: "#000000" };
  const ds = (estimate, gap) => (whisker(look, scale, 7, estimate, gap) || [])
    .map(({ attributes }) => attributes.d);
  assert.deepEqual(ds(own, 0), ["M30 7H80"]);
  assert.deepEqual(ds(own, 6), ["M30 7H44", "M56 7H80"]);
  assert.deepEqual(ds({ ...own, spread: null }, 0), []);
  const [range] = whisker(look, scale, 7, { ...own, spread: "range" }, 0);
  assert.equal(range.attributes["stroke-dasharray"], "3 2");
});

test("heat: who core says, with its margin; the ratios of one backend", () => {
  const maps = firstSetting(kind).flatMap((group) => heatMaps(ref, group));
  const texts = textsOf(heatChart(ref, kind, { width: 1200 }).tree);
  const cells = maps.flatMap((map) => map.cells);
  for (const { margin, relation } of cells) {
    assert.ok(texts.includes(`${ratioText(margin)}${relation === "tied" ? " =" : ""}`));
  }
  const wins = (id) => cells.filter(({ backend }) => backend === id).length;
  assert.equal(heatChart(ref, kind).alt, "Heat maps of the fastest backend by shape for batch norm, f32, "
    + `ncl, 2 threads. Of ${cells.length} cells the fastest is: simd in ${wins("simd")} and oneDNN 2.6.3 in ${
      wins("onednn")}.`);
  const own = heatChart(ref, kind, { backend: "aten", width: 1200 });
  const ratios = firstSetting(kind).flatMap((group) => ratioMaps(ref, group, "aten"));
  for (const { ratio } of ratios.flatMap((map) => map.cells)) {
    assert.ok(textsOf(own.tree).includes(ratioText(ratio)));
  }
  assert.match(own.alt, /^Heat maps of the time of PyTorch 1.13.0 as a ratio to the best/);
});

test("heat: alone, tied and undecided; names as they fit; shades; no shapes of one cell", () => {
  const textOf = (rows) => {
    const view = viewOf(rows);
    return textsOf(heatChart(view, view.whole).tree);
  };
  assert.ok(textOf(sweep(["simd"])).includes("alone"));
  const equal = [2, 4].flatMap((l) => ["a", "b"].map((id) => makeRow(id, 100, { l, jitter: 0 })));
  assert.ok(textOf(equal).includes("1.00 ="));
  assert.ok(textOf(sweep(["simd", "aten"], { rounds: 3, jitter: 0 })).includes("2.00 ?"));
  const one = viewOf([makeRow("a", 1)]);
  assert.equal(heatChart(one, one.whole), null);
  assert.equal(profileChart(one, one.whole), null);
  const backend = { id: "openmp", name: "OpenMP C++" };
  assert.deepEqual([100, 45, 20].map((width) => shortName(backend, width)), ["OpenMP C++", "openmp", "Ope"]);
  assert.deepEqual([paleness(null), paleness(1), paleness(2), paleness(9)], [0.1, 0.1, 0.5, 0.5]);
  assert.deepEqual([strength(0.9), strength(1), strength(4), strength(40)], [0, 0, 0.6, 0.6]);
  assert.ok(strength(2) > 0.29 && strength(2) < 0.31);
  assert.deepEqual([binText([3, 3]), binText([3, 8])], ["3", "3–8"]);
});

test("roofline: copies plain and streaming, caches, no decade without anything", () => {
  const { tree, alt } = rooflineChart(ref, kind);
  const texts = textsOf(tree);
  for (const text of ["copy, measured", "streaming copy", "L1 96 KiB", "L2 2 MiB", "L3 32 MiB"]) {
    assert.ok(texts.includes(text), text);
  }
  assert.deepEqual(["0.1", "0.5", "200", "1000"].filter((text) => texts.includes(text)), ["0.5", "200"]);
  assert.match(alt, /training, 2 threads: from 0.476 GB\/s to 127 GB\/s, the fastest is simd at 9.41 MiB\.$/);
  const line = [{ bytes: 1, gbs: 100 }, { bytes: 100, gbs: 1 }, { bytes: 10000, gbs: 1 }];
  const cut = inRange(line, [10, 1000]);
  assert.deepEqual(cut.map(({ bytes }) => bytes), [10, 100, 1000]);
  [10, 1, 1].forEach((gbs, at) => close(cut[at].gbs, gbs));
  assert.deepEqual(inRange(line, [2e4, 3e4]), []);
  assert.deepEqual([65536, 2 ** 20, 1536].map(tickText), ["64 KiB", "1 MiB", "1.50 KiB"]);
  for (const meta of [{ machine: null }, { ceilings: null }, { machine: { caches: [{ level: 1 }] } },
    { ceilings: [{ threads: 1 }, { bytes: 5, threads: 2, plain_gbs: null }] }]) {
    const view = viewOf(sweep(["a", "b"]), { meta });
    checkInside(rooflineChart(view, view.whole));
  }
});

test("scaling: speedups of core, ideal, regimes side by side or a curve each", () => {
  const { tree, alt } = scalingChart(ref, kind);
  const table = threadScaling(ref);
  const tips = titlesOf(tree).filter((text) => text.includes("times as fast"));
  const cells = table.lines.flatMap((line) => line.cells.map((cell, at) => [cell, table.columns[at], line]));
  assert.equal(tips.length, cells.filter(([cell]) => cell).length);
  for (const [cell, regime, { backend }] of cells) {
    const start = `${ref.backends.get(backend).label}\n${regime}, 2 threads: ${ratioText(cell.ratio)} times`;
    assert.ok(tips.some((text) => text.startsWith(start)), start);
  }
  assert.match(alt, /training, DRAM, from 1 to 2 threads: oneDNN 2.6.3 1.96, OpenMP C\+\+ 1.95/);
  assert.ok(textsOf(tree).includes("ideal"));
  const more = viewOf(sweep(["simd", "aten"], { threads: [1, 2, 4] }));
  assert.ok(textsOf(scalingChart(more, more.whole).tree).includes("training, L3"));
  const one = viewOf(sweep(["simd"], { threads: [2] }));
  assert.equal(scalingChart(one, one.whole), null);
});

test("accuracy and profile: the worst errors and the shares of core", () => {
  const [group] = firstSetting(kind);
  const tips = titlesOf(accuracyChart(ref, kind).tree);
  for (const { backend, error } of accuracyPoints(ref, withRows(ref, group)).means) {
    const start = `${ref.backends.get(backend).label}\nworst error ${ratioText(error)} of`;
    assert.ok(tips.some((text) => text.startsWith(start)), start);
  }
  assert.match(accuracyChart(ref, kind).alt, /Worst per backend: simd 0.46, .* and PyTorch 1.13.0 0.75\.$/);
  const { alt, tree } = profileChart(ref, kind);
  for (const { backend, shares, cases } of performanceProfile(ref, group)) {
    assert.ok(alt.includes(`${ref.backends.get(backend).spoken} ${percentText(shares[1])}`));
    assert.ok(titlesOf(tree).includes(`${ref.backends.get(backend).label}\nwithin 2 times the best in ${
      percentText(shares[2])} of ${cases}`));
  }
  const exact = viewOf(sweep(["a", "b"], { error: 0 }));
  checkInside(accuracyChart(exact, exact.whole));
});

test("odd names are drawn as they are, and never as markup", () => {
  const view = viewOf(sweep(ODD, { norm: "<i>&" }));
  for (const width of [360, 800]) {
    for (const chart of drawCharts(view, { width, background: true })) {
      const text = serialize(chart.tree);
      checkXml(text);
      checkInside(chart);
      assert.ok(!/<b>|<i>|<!--|style=/.test(text) && !/\n/.test(chart.alt));
      assert.ok(chart.alt.length < 1200);
    }
  }
});

test("one backend, one case, twelve backends, empty shapes, only native layouts", () => {
  const twelve = Array.from({ length: 12 }, (_, at) => `backend-${at}`);
  const runs = [[makeRow("simd", 10)], [makeRow("simd", 10), makeRow("aten", 20)], sweep(twelve),
    sweep(["a", "b"], { n: 0, bytes: 0 }), sweep(["a", "b"], { native_layout: true }),
    [...sweep(["a", "b"]), ...sweep(["c"], { native_layout: true })], sweep(["a"], { cache: "cold" })];
  for (const rows of runs) {
    for (const width of [360, 1200]) {
      const charts = drawCharts(viewOf(rows), { width });
      assert.equal(charts[0].name, "ranking");
      charts.forEach(checkInside);
      charts.forEach(({ tree }) => checkXml(serialize(tree)));
    }
  }
  const native = viewOf(runs[4]);
  for (const draw of [rankingChart, rooflineChart, scalingChart, accuracyChart, profileChart]) {
    const { tree } = draw(native, native.whole);
    const fills = ["a", "b"].flatMap((id) => ofBackend(tree, id, "series"))
      .flatMap((own) => tagged(own, "path"))
      .filter(({ attributes }) => attributes["pointer-events"]).map(({ attributes }) => attributes.fill);
    assert.deepEqual([...new Set(fills)], ["none"]);
  }
});

test("files have a white ground and no tooltips of single cases, and stay small", () => {
  const backends = Array.from({ length: 12 }, (_, at) => `b${at}`);
  const shapes = Array.from({ length: 60 }, (_, at) => [64, at + 1]);
  const rows = sweep(backends, { shapes, rounds: 6 });
  for (const { tree, name } of drawCharts(viewOf(rows))) {
    assert.deepEqual([tree.attributes.color, tree.children[0].attributes.fill], ["#222222", "#ffffff"]);
    assert.ok(serialize(tree).length < 300000, `${name} has ${serialize(tree).length}`);
  }
  const { tree } = rooflineChart(ref, kind);
  assert.equal(tree.attributes.color, undefined);
  assert.ok(titlesOf(tree).some((text) => /^simd, ours\n.*\n.* times the best\n.* GB\/s$/.test(text)));
});

// Where the value stands along an axis, by two of its ticks: labels of x are in the middle, of y at the end.
function placesAlong(tree, axis, parse = Number, scale = Math.log) {
  const anchor = axis === "x" ? "middle" : "end";
  const ticks = tagged(tree, "text").filter(({ attributes: own }) => own["text-anchor"] === anchor
    && own["font-size"] === "10").map(({ attributes, children }) => ({ value: scale(parse(children[0])),
    at: Number(attributes[axis]) - (axis === "y" ? 3.5 : 0) })).filter(({ value }) => Number.isFinite(value));
  const [first, last] = [ticks[0], ticks.at(-1)];
  return (value) => first.at
    + (last.at - first.at) * (scale(value) - first.value) / (last.value - first.value);
}

// The middles of the marks of a backend; markers here are as wide on the left as on the right.
function middles(tree, id) {
  const marks = ofBackend(tree, id, "series").flatMap((own) => tagged(own, "path"))
    .filter(({ attributes }) => attributes["pointer-events"]);
  return marks.map(({ attributes: { d } }) => {
    const circle = /^M([\d.]+) ([\d.]+)a([\d.]+)/.exec(d);
    if (circle) return { x: Number(circle[1]) + Number(circle[3]), y: Number(circle[2]) };
    const points = d.slice(1, -1).split("L").map((pair) => pair.split(" ").map(Number));
    const [x, y] = [0, 1].map((at) => points.map((point) => point[at]))
      .map((values) => (Math.min(...values) + Math.max(...values)) / 2);
    return { x, y };
  });
}

test("marks stand at their values, as the ticks of the axes have it", () => {
  const isAt = (found, expected) => assert.ok(Math.abs(found - expected) < 0.1, `${found}, not ${expected}`);
  const factorOf = { simd: () => 1, aten: (l) => (l < 4 ? 1.3 : 3) };
  const rows = [1, 2, 4, 8, 16, 32].flatMap((l) => [1, 4].flatMap(
    (threads) => ["simd", "aten"].map((id) => makeRow(
    id, 1e4 * l * factorOf[id](l) / threads ** 0.5, { l, threads, jitter: 0, error: factorOf[id](l) / 7 }))));
  const view = viewOf(rows);
  const [group] = firstSetting(view.whole);
  const first = (draw, id) => middles(draw(view, [group]).tree, id);
  const ranking = rankingChart(view, [group]).tree;
  isAt(middles(ranking, "aten")[0].x, placesAlong(ranking, "x")(group.standings[1].ratio.ratio));
  const profile = profileChart(view, [group]).tree;
  const share = placesAlong(profile, "y", (text) => parseFloat(text) / 100, (value) => value);
  first(profileChart, "aten").forEach(({ x, y }, at) => {
    isAt(x, placesAlong(profile, "x")([1.1, 1.5, 2][at]));
    isAt(y, share([0, 1 / 3, 1 / 3][at]));
  });
  const accuracy = accuracyChart(view, [group]).tree;
  const { means } = accuracyPoints(view, withRows(view, group));
  const mean = means.find(({ backend }) => backend === "aten");
  isAt(first(accuracyChart, "aten")[0].x, placesAlong(accuracy, "x")(mean.ratio));
  isAt(first(accuracyChart, "aten")[0].y, placesAlong(accuracy, "y")(mean.error));
  const bandwidth = rooflineChart(view, [group]).tree;
  const bytesOf = (text) => parseFloat(text) * { KiB: 2 ** 10, MiB: 2 ** 20 }[text.split(" ")[1]];
  const { lines } = roofline(view, withRows(view, group));
  lines.find(({ backend }) => backend === "aten").points.forEach(({ bytes, gbs }, at) => {
    isAt(first(rooflineChart, "aten")[at].x, placesAlong(bandwidth, "x", bytesOf)(bytes));
    isAt(first(rooflineChart, "aten")[at].y, placesAlong(bandwidth, "y")(gbs));
  });
  const scaling = scalingChart(view, [group]).tree;
  isAt(first(scalingChart, "aten")[0].y, placesAlong(scaling, "y")(2));
  const heat = heatChart(view, [group]).tree;
  const sizes = tagged(heat, "text").filter(({ attributes: own }) => own["text-anchor"] === "end");
  for (const cell of ofBackend(heat, "simd", "series")) {
    const [{ attributes: own }] = tagged(cell, "rect");
    const size = sizes.find(({ children }) => titlesOf(cell)[0].includes(`, ${children[0]})`));
    isAt(Number(own.y) + Number(own.height) / 2, Number(size.attributes.y) - 4);
  }
});

test("panels: all passes at the most threads, then the fewest; or the second state of the cache", () => {
  const group = (pass, threads, cache = "warm", input = "random") => (
    { keys: { pass, threads, cache, input } });
  const groups = [4, 2, 1].flatMap((threads) => PASSES.map((pass) => group(pass, threads)));
  const told = (list) => panelGroups(list).map(({ keys }) => `${keys.pass} ${keys.threads} ${keys.cache}`);
  assert.deepEqual(told(groups),
    [4, 1].flatMap((threads) => PASSES.map((pass) => `${pass} ${threads} warm`)));
  assert.equal(firstSetting(groups).length, 3);
  assert.deepEqual(told([group("a", 2), group("a", 2, "cold"), group("a", 2, "warm", "zero")]),
    ["a 2 warm", "a 2 cold"]);
  assert.deepEqual(told([group("a", 2)]), ["a 2 warm"]);
  assert.deepEqual([360, 500, 700, 1200].map((width) => columnsFor(groups, width, 60)), [1, 1, 3, 3]);
  const four = ["a", "b", "c", "d"].map((pass) => group(pass, 1));
  assert.deepEqual([360, 500, 700, 1200].map((width) => columnsFor(four, width, 60)), [1, 2, 2, 4]);
});

test("limits have a factor around the values, and are never too narrow for a tick", () => {
  assert.deepEqual(limits([2, 8], 2), [1, 16]);
  const [low, high] = limits([3], 1);
  close(high / low, 1.5);
  close(Math.sqrt(low * high), 3);
});

test("scales go from their values to pixels", () => {
  const scale = logScale([1, 100], 0, 200);
  [[1, 0], [10, 100], [100, 200]].forEach(([value, place]) => close(scale(value), place));
  assert.equal(linearScale([0, 4], 100, 0)(1), 75);
});

test("logarithmic ticks: as many round values as there is room for", () => {
  const ticks = (range, length, gap = 30) => logTicks(logScale(range, 0, length), gap);
  assert.deepEqual(ticks([0.95, 2.2], 400), [1, 1.2, 1.4, 1.6, 1.8, 2]);
  assert.deepEqual(ticks([0.95, 12], 320), [1, 1.5, 2, 3, 5, 7, 10]);
  assert.deepEqual(ticks([0.95, 12], 240), [1, 2, 5, 10]);
  assert.deepEqual(ticks([0.95, 120], 160), [1, 3, 10, 30, 100]);
  assert.deepEqual(ticks([0.9, 1200], 120), [1, 10, 100, 1000]);
  assert.deepEqual(ticks([0.9, 1.2e6], 120), [1, 100, 10000, 1000000]);
  assert.deepEqual(ticks([0.0018, 0.11], 200), [0.002, 0.005, 0.01, 0.02, 0.05, 0.1]);
  for (let low = 1e-4; low < 1e5; low *= 1.37) {
    for (const wide of [1.5, 2, 5, 70, 1e4, 1e8]) {
      const found = ticks([low, low * wide], 150);
      const isIn = (tick) => low <= tick * 1.000001 && tick <= low * wide * 1.000001;
      assert.ok(found.length > 0 && found.every(isIn));
    }
  }
});

test("binary ticks are powers of two", () => {
  const powers = (range, length) => binaryTicks(logScale(range, 0, length), 56).map(Math.log2);
  assert.deepEqual(powers([2 ** 10, 2 ** 12], 200), [10, 11, 12]);
  assert.deepEqual(powers([2 ** 13, 2 ** 27], 235), [16, 20, 24]);
  assert.deepEqual(powers([2 ** 13, 2 ** 27], 420), [14, 16, 18, 20, 22, 24, 26]);
  assert.deepEqual(powers([1, 2 ** 40], 235), [0, 10, 20, 30, 40]);
});

test("text: its width is no less than thin and no more than wide, cut with an ellipsis, wrapped", () => {
  assert.ok(textWidth("iii", 10) < textWidth("nnn", 10) && textWidth("nnn", 10) < textWidth("WWW", 10));
  assert.ok(textWidth("中", 10) > 10 && textWidth("🚀", 10) < 12);
  assert.equal(fit("short", 100, 10), "short");
  const cut = fit("l".repeat(99), 100, 10);
  assert.ok(/^l+…$/.test(cut) && textWidth(cut, 10) <= 100);
  assert.deepEqual(wrap("one two three", 45, 10), ["one two", "three"]);
  assert.deepEqual(wrap("one two three four", 45, 10, 2), ["one two", "three f…"]);
  assert.deepEqual(wrap("a\u00a0b c", 20, 10), ["a\u00a0b", "c"]);
});

test("trees: what is absent is left out, numbers have two decimals, text is escaped", () => {
  const tree = el("g", { x: 1.2345, y: -0.001, fill: null, id: undefined, class: false, name: "a\"<\n" },
    ["t", null, [el("path", { d: "M0 0" })]], false, 0);
  assert.deepEqual(tree, { tag: "g", attributes: { x: "1.23", y: "0", name: "a\"<\n" },
    children: ["t", { tag: "path", attributes: { d: "M0 0" }, children: [] }, "0"] });
  assert.equal(serialize(tree), '<g x="1.23" y="0" name="a&quot;&lt;&#10;">\nt\n<path d="M0 0"/>\n0\n</g>');
  assert.equal(serialize(el("svg")), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
  assert.equal(serialize(el("text", {}, "a<b>&c")), "<text>a&lt;b&gt;&amp;c</text>");
  assert.equal(printable("a\u0000b\nc\ud800d🚀"), "a b\nc d🚀");
});

test("marks: 3:1 on white and on the dark page, every marker another path, clouds are thinned", () => {
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = (color) => [0.2126, 0.7152, 0.0722].reduce((total, weight, at) => total
    + weight * linear(parseInt(color.slice(1 + 2 * at, 3 + 2 * at), 16) / 255), 0);
  const all = viewOf(["a", "b", "c", "d", "e", "f", "g", "h", "naive"].map((id) => makeRow(id, 1)));
  const inks = [...all.backends.keys()].map((id) => lookOf(all, id).ink).filter((ink) => ink !== "currentColor");
  assert.equal(new Set(inks).size, 7);
  for (const ink of inks) {
    assert.ok(contrast(luminance(ink), 1) >= 3, ink);
    assert.ok(contrast(luminance(ink), luminance("#1b1f24")) >= 3, ink);
  }
  const view = viewOf([makeRow("naive", 1), makeRow("simd", 1)]);
  assert.deepEqual(lookOf(view, "naive"),
    { id: "naive", fill: "currentColor", ink: "currentColor", marker: "plus" });
  const names = ["circle", "square", "triangle", "diamond", "down", "cross", "plus", "star", "left", "right",
    "bar"];
  assert.equal(new Set(names.map((name) => markerPath(name, 5, 5, 4))).size, names.length);
  assert.equal(markerPath("square", 10, 10, 1), "M9.12 9.12L10.88 9.12L10.88 10.88L9.12 10.88z");
  const points = Array.from({ length: 5000 }, (_, x) => ({ x, y: 0 }));
  const look = lookOf(view, "simd");
  assert.equal(cloud(look, points, 9000, () => "tip").children.length, 1667);
  assert.equal(cloud(look, points, 3000, () => "tip").children.length, 5000);
  assert.equal(cloud(look, points, 3000).children.length, 1);
});
