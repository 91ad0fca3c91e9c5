// Tables of shapes, colored by the fastest backend and its margin.
"use strict";

function renderHeat(view, body) {
  const groups = likeCases(view.timed);
  if (!groups.length) {
    append(body, [paragraph("No case was timed.")]);
    return;
  }
  const among = groups.map((group) => group.keys);
  const chosen = groups.find((group) => keyText(group.keys) === state.pick.heat) || groups[0];
  append(body, [
    note("Each cell names the backend that is fastest in most of its cases, and how many times as "
      + "long the next takes: the geometric mean over those cases, × how many cases there are when "
      + "there are several. = is a tie, ? too few rounds. The stronger the color, the larger the margin."),
    element("div", { class: "controls" }, choice("heat-group", "Of", groups.map(
      (group) => [keyText(group.keys), titleOf(group.keys, among)]), keyText(chosen.keys),
    (value) => pick("heat", { heat: value })))]);
  const duels = duelsOf(view, chosen.rows);
  const flat = duels.filter(({ row }) => row.l === 1);
  const long = duels.filter(({ row }) => row.l !== 1);
  if (flat.length) append(body, [heatTable("N by C, where L = 1", flat, "n", "N")]);
  if (long.length) append(body, [heatTable("L by C, over all N", long, "l", "L")]);
}

// Per case the best, and the next best among those that take the data in the same way.
function duelsOf(view, rows) {
  const chosen = new Set(rows.map((row) => row.case));
  const records = view.best.filter(
    (record) => record.competes && chosen.has(record.row.case));
  return [...groupBy(records, (record) => record.row.case).values()].map((own) => {
    const best = own.find((record) => record.verdict === "reference");
    const [next] = own.filter((record) => record !== best)
      .sort((a, b) => a.estimate.ratio - b.estimate.ratio);
    return { row: best.row, next };
  });
}

function heatTable(caption, duels, key, label) {
  const columns = unique(duels.map(({ row }) => row.c)).sort(byNumber);
  const lines = unique(duels.map(({ row }) => row[key])).sort(byNumber);
  const cells = groupBy(duels, ({ row }) => `${row[key]} ${row.c}`);
  return table({
    caption, className: "heat",
    head: [`${label} \\ C`, ...columns.map((text) => ({ text }))],
    body: lines.map((line) => [String(line),
      ...columns.map((column) => heatCell(cells.get(`${line} ${column}`)))]),
  });
}

function heatCell(duels) {
  if (!duels) return "";
  const counts = groupBy(duels, ({ row }) => row.backend);
  const [backend, own] = [...counts].reduce((a, b) => (b[1].length > a[1].length ? b : a));
  const margins = own.filter(({ next }) => next).map(({ next }) => next.estimate.ratio);
  const margin = margins.length ? geometricMeanOf(margins) : null;
  const all = (verdict) => margins.length > 0
    && own.every(({ next }) => next && next.verdict === verdict);
  const mark = all("tied") ? " =" : all("undecided") ? " ?" : "";
  const many = duels.length > 1 ? ` ×${duels.length}` : "";
  return {
    node: [element("span", {}, backend),
      element("span", { class: "interval block" },
        `${margin === null ? "alone" : ratioText(margin)}${mark}${many}`)],
    title: duels.map(({ row, next }) => `${shapeText(row)}: ${row.backend}${next
      ? `, then ${next.row.backend} ${estimateText(next.estimate)}` : ""}`).join("\n"),
    paint: (cell) => {
      const strength = margin === null ? 0 : Math.min(1, Math.max(0, Math.log2(margin)));
      const alpha = Math.round(255 * (0.12 + 0.43 * strength)).toString(16).padStart(2, "0");
      cell.style.backgroundColor = `${colorOf(backend)}${alpha}`;
    },
  };
}
