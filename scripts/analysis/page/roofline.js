// Effective bandwidth against the working set, below measured copies.
"use strict";

const MOST_POINTS = 1500;

function renderRoofline(view, body) {
  const usable = view.timed.filter((row) => row.gbs > 0);
  if (!usable.length) {
    append(body, [paragraph("No row has both a time and a count of bytes.")]);
    return;
  }
  const counts = unique(usable.map((row) => row.threads)).sort(byNumber);
  const threads = counts.find((count) => String(count) === state.pick.threads) || counts.at(-1);
  const passes = unique(usable.map((row) => row.pass));
  const pass = passes.includes(state.pick.pass) ? state.pick.pass : "";
  const rows = usable.filter(
    (row) => row.threads === threads && (pass === "" || row.pass === pass));
  append(body, [
    note("GB/s is effective: compulsory bytes / time. A copy of the same size reads and writes it "
      + "once. Small grey points are the copy in the rounds of each case, lines the copies measured "
      + "at the start, dotted lines the caches."),
    element("div", { class: "controls" },
      choice("roofline-threads", "Threads", counts.map((count) => [String(count), String(count)]),
        String(threads), (value) => pick("roofline", { threads: value })),
      choice("roofline-pass", "Pass", [["", "all"], ...passes.map((name) => [name, name])], pass,
        (value) => pick("roofline", { pass: value }))),
    rooflineChart(view, rows, threads),
    rows.length > MOST_POINTS ? note(`Drawn are ${MOST_POINTS} of ${rows.length} points, evenly `
      + "picked; the table counts all.") : null,
    rooflineTable(rows)]);
}

function thinned(rows, most) {
  if (rows.length <= most) return rows;
  return Array.from({ length: most }, (_, index) => rows[Math.floor(index * rows.length / most)]);
}

function rooflineChart(view, rows, threads) {
  const drawn = thinned(rows, MOST_POINTS);
  const datasets = unique(drawn.map((row) => row.backend)).sort(byName).map((backend) => ({
    ...pointStyle(backend), showLine: false,
    data: drawn.filter((row) => row.backend === backend).map((row) => {
      const record = view.toShown.get(row.index);
      const share = row.share === null ? "" : `, ${(100 * row.share).toFixed(0)}% of a copy`;
      return { x: row.bytes, y: row.gbs, title: row.name ? `${row.name}, ${row.case}` : row.case,
        lines: [...rowLines(row, record && record.estimate, view.against),
          `${row.gbs.toFixed(1)} GB/s${share}`] };
    }),
  }));
  const copies = [...groupBy(drawn.filter((row) => row.ceiling), (row) => row.case).values()];
  datasets.push({
    label: "copy of the case", showLine: false, pointStyle: "circle", pointRadius: 2,
    backgroundColor: themed("--faint"), borderColor: themed("--faint"),
    data: copies.map(([row]) => ({ x: row.bytes, y: row.ceiling, title: row.case,
      lines: [`copy ${row.ceiling.toFixed(1)} GB/s`] })),
  });
  const ceilings = view.run.ceilings.filter((entry) => entry.threads === threads)
    .sort((a, b) => a.bytes - b.bytes);
  for (const [key, label, dash] of [["plain_gbs", "copy", []],
    ["streaming_gbs", "streaming copy", [6, 4]]]) {
    const points = ceilings.filter((entry) => entry[key] > 0);
    if (points.length) {
      datasets.push({ label, showLine: true, borderDash: dash, pointRadius: 0, pointStyle: "line",
        borderWidth: 1.5, borderColor: themed("--quiet"), backgroundColor: themed("--quiet"),
        data: points.map((entry) => ({ x: entry.bytes, y: entry[key],
          title: `${label} of ${bytesText(entry.bytes)}`,
          lines: [`${entry[key].toFixed(1)} GB/s`] })) });
    }
  }
  const caches = (view.run.machine.caches || []).filter((cache) => cache.bytes > 0
    && !/instruction/i.test(cache.type || ""));
  return chart("roofline", {
    label: "Effective bandwidth in GB/s against bytes per call, both logarithmic; medians are in the "
      + "table below", height: 420, type: "scatter", datasets,
    options: { verticals: caches.map((cache) => ({ at: cache.bytes,
      label: `L${cache.level} ${bytesText(cache.bytes)}` })) },
    x: { type: "logarithmic", title: "bytes per call", toText: bytesText,
      ticks: binaryTicks },
    y: { type: "logarithmic", title: "GB/s", toText: (value) => String(value) },
  });
}

function rooflineTable(rows) {
  const regimes = unique(rows.map((row) => row.regime)).sort(byRegime);
  const backends = unique(rows.map((row) => row.backend)).sort(byName);
  return table({
    caption: "Median GB/s (median % of the copy of the case), by regime",
    head: ["backend", ...regimes.map((text) => ({ text, numeric: true }))],
    body: backends.map((backend) => [{ node: backendLabel(backend) }, ...regimes.map((regime) => {
      const own = rows.filter((row) => row.backend === backend && row.regime === regime);
      if (!own.length) return "-";
      const shares = own.map((row) => row.share).filter((share) => share !== null);
      return `${median(own.map((row) => row.gbs)).toFixed(1)}${
        shares.length ? ` (${(100 * median(shares)).toFixed(0)}%)` : ""}`;
    })]),
  });
}
