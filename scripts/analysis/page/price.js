// What a norm costs: against the identity, against batch norm; and what a smaller type saves.
"use strict";

const SHAPE = ["n", "c", "l", "pass", "dtype", "layout", "threads", "cache", "input"];
const MOST_SHAPES = 200;

function renderPrice(view, body) {
  append(body, [element("h3", {}, "Against no norm at all"), ...againstControl(view),
    element("h3", {}, "Norms side by side"), ...normsTable(view),
    element("h3", {}, "Is a smaller type worth it?"), ...dtypeTable(view)]);
}

function bestRows(view) {
  return view.best.filter((record) => record.verdict === "reference").map((record) => record.row);
}

// As price.py: each norm divided by the fastest `none` of the same shape and group.
function againstControl(view) {
  const controls = new Map();
  for (const row of bestRows(view).filter((own) => own.norm === CONTROL)) {
    const own = controls.get(keyText(row, SHAPE));
    if (!own || row.median < own.median) controls.set(keyText(row, SHAPE), row);
  }
  const priced = view.timed.filter(
    (row) => row.norm !== CONTROL && controls.has(keyText(row, SHAPE)));
  if (!priced.length) {
    return [paragraph("No norm here was timed beside none, the identity, on the same shape.")];
  }
  const priceOf = (row) => row.median / controls.get(keyText(row, SHAPE)).median;
  const groups = likeCases(priced);
  const among = groups.map((group) => group.keys);
  const backends = unique(priced.map((row) => row.backend)).sort(byName);
  return [
    note("Time of a norm divided by the time of `none` (y = x, dx = dy) by whichever backend is fastest "
      + "at it there; 1 is a norm for nothing. Not measured in the same rounds, so there is no "
      + "interval."),
    table({
      caption: "Median price over the cases", className: "price",
      head: ["", { text: "cases", numeric: true },
        ...backends.map((name) => ({ text: backendLabel(name), numeric: true }))],
      body: groups.map(({ keys, rows }) => {
        const count = new Set(rows.map((row) => row.case)).size;
        return [titleOf(keys, among), String(count), ...backends.map((name) => {
          const prices = rows.filter((row) => row.backend === name).map(priceOf);
          if (!prices.length) return "-";
          return `${ratioText(median(prices))}${
            prices.length < count ? ` (n=${prices.length})` : ""}`;
        })];
      }),
    })];
}

function normsTable(view) {
  const norms = unique(view.timed.map((row) => row.norm));
  const base = norms.includes("batch") ? "batch" : norms[0];
  const isWhole = (row) => row.batch === 0 || row.batch === row.n;
  const shapes = [...groupBy(bestRows(view), (row) => keyText(row, SHAPE)).values()]
    .filter((own) => own.some((row) => row.norm === base && isWhole(row))
      && own.some((row) => row.norm !== base));
  if (norms.length < 2 || !shapes.length) {
    return [paragraph("No shape here was timed with several norms.")];
  }
  const among = shapes.map(([row]) => row);
  const others = norms.filter((norm) => norm !== base);
  return [
    note(`Best time of each norm, with its backend, and the ratio to ${base} norm on the same shape: `
      + "what another norm would cost there. Not measured in the same rounds, so there is no "
      + "interval."),
    shapes.length > MOST_SHAPES ? note(`The first ${MOST_SHAPES} of ${shapes.length} shapes are `
      + "listed, filter for more.") : null,
    table({
      caption: `Norms as a ratio to ${base} norm`, sortable: true, className: "norms",
      head: ["shape", "group", { text: base, numeric: true },
        ...others.map((text) => ({ text, numeric: true }))],
      body: shapes.slice(0, MOST_SHAPES).map((own) => {
        const reference = own.filter((row) => row.norm === base && isWhole(row))
          .reduce((a, b) => (b.median < a.median ? b : a));
        return [caseCell(reference), titleOf(own[0], among, ["norm"]),
          { value: reference.median, text: `${timeText(reference.median)} ${reference.backend}` },
          ...others.map((norm) => {
            const rows = own.filter((row) => row.norm === norm);
            if (!rows.length) return "-";
            return { value: smallest(rows.map((row) => row.median)) / reference.median,
              title: rows.map((row) => `${row.problem}: ${timeText(row.median)}`).join("\n"),
              text: rows.map((row) => `${ratioText(row.median / reference.median)} ${row.backend}${
                row.groups > 1 ? ` G=${row.groups}` : ""}`).join(", ") };
          })];
      }),
    })];
}

function dtypeTable(view) {
  const best = bestRows(view);
  const dtypes = unique(best.map((row) => row.dtype)).filter((dtype) => dtype !== "f32");
  const same = ["norm", "n", "c", "l", "batch", "groups", "pass", "layout", "threads", "cache",
    "input"];
  const base = new Map(best.filter((row) => row.dtype === "f32")
    .map((row) => [keyText(row, same), row]));
  const pairs = best.filter((row) => row.dtype !== "f32" && base.has(keyText(row, same)))
    .map((row) => ({ row, regime: base.get(keyText(row, same)).regime,
      ratio: row.median / base.get(keyText(row, same)).median }));
  if (!pairs.length) return [paragraph("No shape here was timed in f32 and in another type.")];
  const lines = groupBy(pairs.sort((a, b) => byRegime(a.regime, b.regime)),
    ({ row, regime }) => JSON.stringify([row.norm, row.pass, row.layout, row.threads, row.cache,
      row.input, regime]));
  return [
    note("Best time in each type as a ratio to the best in f32 on the same shape: geometric mean; "
      + "the regime is that of f32. Not measured in the same rounds, so there is no interval."),
    table({
      caption: "Types as a ratio to f32", sortable: true, className: "dtypes",
      head: ["group", "regime", ...dtypes.map((text) => ({ text, numeric: true }))],
      body: [...lines.values()].map((own) => [
        titleOf(own[0].row, pairs.map(({ row }) => row), ["dtype"]), own[0].regime,
        ...dtypes.map((dtype) => {
          const ratios = own.filter(({ row }) => row.dtype === dtype).map(({ ratio }) => ratio);
          return ratios.length ? { value: geometricMeanOf(ratios),
            text: `${ratioText(geometricMeanOf(ratios))} (n=${ratios.length})` } : "-";
        })]),
    })];
}
