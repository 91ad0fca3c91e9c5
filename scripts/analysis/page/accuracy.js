// How far the results are from the oracle, beside how fast they came.
"use strict";

const KINDS_SHOWN = {
  random: "Random input",
  ill_conditioned: "Ill-conditioned input: the mean is many times the deviation",
};
const CHECKED = ["passed", "failed", "crashed", "timed_out"];

function renderAccuracy(view, body) {
  const checked = view.rows.filter((row) => CHECKED.includes(row.outcome));
  if (!checked.length) {
    append(body, [paragraph("Nothing was checked.")]);
    return;
  }
  append(body, [note("Error: the worst over all outputs in units of the bound that is derived for it, "
    + "1 is the limit. Ulp: the same in spacings of the storage type at the largest expected value."),
  accuracyChart(view)]);
  const kinds = Object.keys(KINDS_SHOWN).filter(
    (kind) => checked.some((row) => row.accuracy[kind]));
  for (const kind of kinds.length ? kinds : [null]) {
    append(body, [accuracyTable(checked, kind)]);
  }
}

function accuracyChart(view) {
  const known = thinned(view.timed.filter((row) => row.error !== null
    && view.toShown.has(row.index)), MOST_POINTS);
  if (!known.length) return paragraph("No timed row has an error.");
  const datasets = unique(known.map((row) => row.backend)).sort(byName).map((backend) => ({
    ...pointStyle(backend), showLine: false,
    data: known.filter((row) => row.backend === backend).map((row) => {
      const { estimate } = view.toShown.get(row.index);
      return { x: row.error, y: estimate.ratio, title: row.case,
        lines: [...rowLines(row, estimate, view.against), `error ${ratioText(row.error)} of bound`] };
    }),
  }));
  return chart("accuracy", {
    label: "Ratio of time against worst error in units of its bound, per row; worst errors are in "
      + "the table below", height: 360, type: "scatter", datasets,
    x: { title: "worst error, in units of its bound", min: 0,
      max: Math.max(1, ...known.map((row) => row.error)), toText: (value) => value.toFixed(1) },
    y: { type: "logarithmic", title: `ratio to ${view.against}`, toText: ratioText },
  });
}

function accuracyTable(checked, kind) {
  const backends = unique(checked.map((row) => row.backend));
  const lines = groupBy(likeCases(checked).flatMap((group) => group.rows),
    (row) => JSON.stringify([row.norm, row.pass, row.dtype]));
  return table({
    caption: kind === null ? "Worst error over all kinds of input (grade claimed)"
      : `${KINDS_SHOWN[kind]}: worst error / ulp (grade claimed)`,
    head: ["norm", "pass", "dtype", ...backends.map((name) => backendLabel(name))],
    body: [...lines.values()].map((own) => [own[0].norm, own[0].pass, own[0].dtype,
      ...backends.map((name) => accuracyText(own.filter((row) => row.backend === name), kind))]),
  });
}

function accuracyText(rows, kind) {
  const passed = rows.filter((row) => row.outcome === "passed");
  const worst = (values, toText) => {
    const known = values.filter((value) => value !== null && value !== undefined);
    return known.length ? toText(largest(known)) : "-";
  };
  const found = passed.map((row) => row.accuracy[kind] || {});
  let text = kind === null ? worst(passed.map((row) => row.error), ratioText)
    : `${worst(found.map((entry) => entry.bound), ratioText)} / ${
      worst(found.map((entry) => entry.ulp), ulpText)}`;
  if (text === "- / -") text = "-";
  const grades = unique(passed.map((row) => row.grade).filter(Boolean)).sort(byName).join("/");
  const failed = rows.length - passed.length;
  return `${text}${grades && text !== "-" ? ` (${grades})` : ""}${
    failed ? `, ${failed} not passed` : ""}`;
}
