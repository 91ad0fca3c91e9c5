// Scaling with threads and with the size of mini-batches, as shapes.py computes it.
"use strict";

function renderScaling(view, body) {
  append(body, [element("h3", {}, "Threads"), ...threadScaling(view),
    element("h3", {}, "Mini-batches"), ...batchScaling(view)]);
}

function threadScaling(view) {
  const counts = unique(view.timed.map((row) => row.threads)).sort(byNumber);
  const base = new Map(view.timed.filter((row) => row.threads === counts[0])
    .map((row) => [pairKey(row), row]));
  const pairs = view.timed.filter((row) => row.threads !== counts[0] && base.has(pairKey(row)))
    .map((row) => ({ row, to: `${counts[0]} to ${row.threads}`,
      ratio: base.get(pairKey(row)).median / row.median }));
  if (!pairs.length) {
    return [paragraph(counts.length > 1
      ? "No case was timed with several thread counts: the shapes of each count differ."
      : `Every row here has ${threadsText(counts[0] || 1)}, so there is no scaling to show.`)];
  }
  const regimes = unique(pairs.map(({ row }) => row.regime)).sort(byRegime);
  const apart = apartKeys(pairs);
  return [
    note("Speedup over the fewest threads: geometric mean over the cases, by regime. Not measured in the "
      + "same rounds, so there is no interval."),
    scalingChart("speedup", pairs, regimes, ({ row }) => row.regime, "speedup", apart),
    pivot("Speedup", [...apart, "threads"], pairs,
      ({ row, to }) => [...apart.map((key) => row[key]), to], regimes, ({ row }) => row.regime,
      (regime) => regime)];
}

function pairKey(row) {
  return `${row.problem} ${row.cache} ${row.input} ${row.backend}`;
}

function batchScaling(view) {
  const keyed = view.timed.map((row) => {
    const undivided = row.problem.replace(/_b\d+/, "");
    return { row, whole: undivided === row.problem,
      key: JSON.stringify([undivided, row.threads, row.cache, row.input, row.backend]) };
  });
  const base = new Map(keyed.filter(({ whole }) => whole).map(({ key, row }) => [key, row]));
  const pairs = keyed.filter(({ key, whole }) => !whole && base.has(key))
    .map(({ row, key }) => ({ row, ratio: row.median / base.get(key).median }));
  if (!pairs.length) {
    return [paragraph("No shape here was timed both whole and in mini-batches.")];
  }
  const sizes = unique(pairs.map(({ row }) => row.batch)).sort(byNumber);
  const apart = [...apartKeys(pairs), "threads"];
  return [
    note("Time with mini-batches of B as a ratio to one batch of all N: geometric mean over the "
      + "shapes. Not measured in the same rounds, so there is no interval."),
    scalingChart("batch", pairs, sizes, ({ row }) => row.batch, "ratio to B = N", apart),
    pivot("Time with mini-batches of B", apart, pairs, ({ row }) => apart.map((key) => row[key]),
      sizes, ({ row }) => row.batch, (size) => `B = ${size}`)];
}

// What keeps lines of a table apart; dtype, cache and input only where they do.
function apartKeys(pairs) {
  const rows = pairs.map(({ row }) => row);
  return ["norm", "pass", ...["dtype"].filter((key) => differs(key, rows)), "layout",
    ...["cache", "input"].filter((key) => differs(key, rows))];
}

function pivot(caption, labels, pairs, keyOf, columns, columnOf, columnText) {
  const lines = groupBy(pairs, (pair) => JSON.stringify([...keyOf(pair), pair.row.backend]));
  return table({
    caption, className: "pivot", sortable: true,
    head: ["backend", ...labels, ...columns.map(
      (column) => ({ text: columnText(column), numeric: true }))],
    body: [...lines.values()].map((own) => [{ node: backendLabel(own[0].row.backend) },
      ...keyOf(own[0]).map(String), ...columns.map((column) => {
        const ratios = own.filter((pair) => columnOf(pair) === column).map(({ ratio }) => ratio);
        return ratios.length ? { value: geometricMeanOf(ratios),
          text: `${ratioText(geometricMeanOf(ratios))} (n=${ratios.length})` } : "-";
      })]),
  });
}

// The first group of the table: where all its passes would be too many lines to tell apart.
function scalingChart(what, pairs, columns, columnOf, title, apart) {
  const groups = [...groupBy(pairs,
    ({ row }) => JSON.stringify(apart.map((key) => row[key]))).values()];
  const chosen = groups[state.pick[what]] ? Number(state.pick[what]) : 0;
  const text = (own) => apart.map((key) => (key === "threads" ? threadsText(own[0].row.threads)
    : own[0].row[key])).join(", ");
  const backends = unique(groups[chosen].map(({ row }) => row.backend)).sort(byName);
  const datasets = backends.map((backend) => ({
    ...pointStyle(backend, 5), borderWidth: 2,
    data: columns.flatMap((column) => {
      const ratios = groups[chosen].filter(
        (pair) => pair.row.backend === backend && columnOf(pair) === column);
      if (!ratios.length) return [];
      const mean = geometricMeanOf(ratios.map(({ ratio }) => ratio));
      return [{ x: String(column), y: mean, title: String(column),
        lines: [backend, `${ratioText(mean)} (n=${ratios.length})`] }];
    }),
  }));
  return [
    choice(`${what}-group`, "Drawn", groups.map((own, index) => [String(index), text(own)]),
      String(chosen), (value) => pick("scaling", { [what]: value })),
    chart("scaling", { label: `${title}, for ${text(groups[chosen])}; the numbers of the table below`,
      type: "line", labels: columns.map(String), datasets, height: 280,
      x: { type: "category", title: what === "batch" ? "B" : "regime" },
      y: { title, min: 0, toText: (value) => ratioText(value) } })];
}
