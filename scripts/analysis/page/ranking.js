// The ranking: an overview per kind of work, a chart, and a table per group of like cases.
"use strict";

function renderRanking(view, body) {
  const what = view.baseline === null ? "the best of each case" : `\`${view.baseline}\``;
  append(body, [note(`Geometric mean of the time as a ratio to ${what}, with its 95% interval: above 1 `
    + "is slower. Bold and =: cannot be told apart from the best. Only cases count in which every "
    + "ranked backend was timed. A backend in its native layout got its data converted, untimed, "
    + "and has no rank.")]);
  if (state.baseline !== view.baseline) {
    append(body, [note(`No time of ${code(state.baseline)} passes the filters, so ratios are to `
      + "the best.")]);
  }
  const kinds = [...groupBy(view.groups, (group) => keyText(group.keys, KIND)).values()];
  if (!kinds.length) append(body, [paragraph("No case was timed.")]);
  kinds.forEach((groups, index) => {
    const { norm, dtype, layout } = groups[0].keys;
    append(body, [lazily(element("h3", {}, `${norm} norm, ${dtype}, ${layout}`),
      { class: "kind", open: index === 0 }, () => {
        const parts = kindRanking(view, groups);
        queueMicrotask(drawPending);
        return parts;
      })]);
  });
}

function kindRanking(view, groups) {
  return [overview(view, groups), rankingChart(view, groups),
    ...[...groupBy(groups, (group) => keyText(group.keys)).values()].map(
      (own) => lazily(element("h4", {}, fullTitle(own[0].keys)), { class: "group" },
        () => own.map((group) => standingsTable(view, group))))];
}

function shownRatio(view, standing) {
  if (view.baseline === null) return standing.ratio;
  return standing.against ? standing.against.ratio : null;
}

function regimeText(regime) {
  return regime === ALL ? "all regimes" : regime;
}

function isTop(group, standing) {
  return standing.rank === 1 && group.leaders.length > 1;
}

function overview(view, groups) {
  const backends = unique(groups.flatMap(
    (group) => group.standings.map((standing) => standing.backend))).sort(byName);
  const native = new Set(groups.flatMap((group) => group.standings)
    .filter((standing) => standing.native).map((standing) => standing.backend));
  const among = groups.map((group) => group.keys);
  let before = null;
  const body = groups.map((group) => {
    const title = titleOf(group.keys, among);
    const repeated = title === before;
    before = title;
    const of = new Map(group.standings.map((standing) => [standing.backend, standing]));
    return [{ text: repeated ? "" : title }, regimeText(group.regime),
      { text: casesText(group).replace(/ cases?$/, "") },
      ...backends.map((backend) => overviewCell(view, group, of.get(backend)))];
  });
  return table({
    caption: "Ratio per pass, threads and regime", className: "overview", body,
    head: ["", "regime", { text: "cases", numeric: true }, ...backends.map(
      (backend) => ({ text: backendLabel(backend, native.has(backend)), numeric: true }))],
  });
}

function overviewCell(view, group, standing) {
  const estimate = standing ? shownRatio(view, standing) : null;
  if (!estimate) return "-";
  return {
    strong: standing.rank === 1, value: estimate.ratio,
    node: [ratioText(estimate.ratio), isTop(group, standing) ? " =" : "",
      element("span", { class: "interval block" }, intervalText(estimate))],
    title: `rank ${standing.rank || "-"}, ${standing.wins} wins, worst `
      + `${ratioText(standing.worst.estimate.ratio)} in ${standing.worst.row.case}`,
  };
}

function standingsTable(view, group) {
  const body = group.standings.map((standing) => {
    const against = view.baseline === null ? standing : standing.against;
    const shared = standing.shared ? ` (+${standing.shared})` : "";
    return [
      { text: standing.rank === null ? "-" : `${standing.rank}${isTop(group, standing) ? " =" : ""}`,
        value: standing.rank === null ? 99 : standing.rank, strong: standing.rank === 1,
        title: isTop(group, standing) ? "tied: cannot be told apart from the best" : null },
      { node: backendLabel(standing.backend, standing.native),
        data: { "data-backend": standing.backend } },
      estimateCell(against && against.ratio, { strong: standing.rank === 1, data: against && {
        "data-lo": against.ratio.lo, "data-hi": against.ratio.hi,
        "data-count": against.ratio.count } }),
      { text: `${standing.wins}${shared}`, value: standing.wins,
        title: "cases won alone (and cases tied at the top)" },
      numberCell(against && against.worst.estimate.ratio, ratioText),
      against ? caseCell(against.worst.row) : "-",
    ];
  });
  const made = table({
    caption: `${regimeText(group.regime)}: ${casesText(group)}`, sortable: true, body,
    className: "standings", data: { group: keyText(group.keys), regime: group.regime },
    head: [{ text: "rank", numeric: true }, "backend",
      { text: view.baseline === null ? "ratio to the best" : `ratio to ${view.baseline}`,
        numeric: true },
      { text: "wins", numeric: true, title: "cases won alone (and cases tied at the top)" },
      { text: "worst", numeric: true }, "worst case"],
  });
  return [made, ...group.leftOut.map(([backend, count]) => note(
    `Not ranked: ${code(backend)}, timed in ${count} of ${group.total} cases.`))];
}

function rankingChart(view, groups) {
  const whole = wholeGroups(groups);
  const among = whole.map((group) => group.keys);
  const labels = whole.map((group) => titleOf(group.keys, among));
  const backends = unique(whole.flatMap(
    (group) => group.standings.map((standing) => standing.backend))).sort(byName);
  const datasets = backends.map((backend) => ({
    ...pointStyle(backend, 5), showLine: false, whiskers: "x",
    data: whole.flatMap((group, index) => {
      const standing = group.standings.find((own) => own.backend === backend);
      const estimate = standing && shownRatio(view, standing);
      return estimate ? [{ x: estimate.ratio, y: labels[index], lo: estimate.lo, hi: estimate.hi,
        title: `${labels[index]}, ${casesText(group)}`,
        lines: [backend, estimateText(estimate)] }] : [];
    }),
  }));
  if (!datasets.some(({ data: points }) => points.length)) {
    return paragraph(`No group here has a time of ${view.baseline}.`);
  }
  const ends = datasets.flatMap(({ data: points }) => points)
    .flatMap((point) => [point.x, point.lo ?? point.x, point.hi ?? point.x]);
  return chart("ranking", {
    label: "Geometric mean ratio with 95% interval per group, the numbers of the table above",
    height: 110 + 44 * labels.length, type: "line", datasets, labels,
    options: { indexAxis: "y" },
    x: { type: "logarithmic", toText: ratioText, min: smallest(ends) / 1.05,
      max: largest(ends) * 1.05, title: view.baseline === null
      ? "ratio to the best of each case" : `ratio to ${view.baseline}` },
    y: { type: "category", categories: true },
  });
}
