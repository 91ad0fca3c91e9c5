// The answer for one shape: which backend, by how much, and how sure.
"use strict";

const MOST_OFFERED = 300;

function renderLookup(view, body) {
  const typed = state.pick.shape || "";
  const matches = textMatcher(typed);
  const cases = groupBy(view.rows.filter(matches), (row) => row.case);
  const chosen = cases.has(state.pick.case) ? state.pick.case : [...cases.keys()][0];
  const offered = [...cases].slice(0, MOST_OFFERED);
  if (chosen && !offered.some(([id]) => id === chosen)) offered.push([chosen, cases.get(chosen)]);
  const among = offered.map(([, [row]]) => row);
  append(body, [element("div", { class: "controls" },
    element("label", { class: "choice", for: "shape" }, element("span", {}, "Shape"),
      element("input", { id: "shape", type: "search", autocomplete: "off", value: typed,
        placeholder: "32x512x835, a name, or a case",
        input: (event) => pick("lookup", { shape: event.target.value, case: null }, true) })),
    chosen ? choice("case", `${countText(cases.size, "case")} found`, offered.map(
      ([id, [row]]) => [id, caseTitle(row, among)]), chosen,
    (value) => pick("lookup", { case: value })) : null)]);
  if (!chosen) {
    append(body, [element("p", { id: "answer" }, "No case that passes the filters is like this.")]);
    return;
  }
  const own = cases.get(chosen);
  append(body, [element("p", { id: "answer", class: "lead" }, prose(answer(view, own)))]);
  if (own[0].source) append(body, [note(own[0].source)]);
  append(body, [lookupTable(view, own)]);
}

function lookUp(row) {
  pick("lookup", { shape: null, case: row.case });
  jumpTo("lookup");
}

function caseTitle(row, among) {
  return [row.name, shapeText(row), titleOf(row, among)].filter(Boolean).join(", ");
}

function answer(view, rows) {
  const [row] = rows;
  const subject = `For ${shapeText(row)}${row.name ? ` (${row.name})` : ""} in ${fullTitle(row)}`;
  const records = rows.map((own) => view.toBest.get(own.index)).filter(Boolean);
  const best = records.find((record) => record.verdict === "reference");
  if (!best) return `${subject} nothing was timed.`;
  const rivals = records.filter((record) => record.competes && record !== best)
    .sort((a, b) => a.row.median - b.row.median);
  const time = timeText(best.row.median);
  const counts = [best, ...rivals].map((record) => record.estimate.count);
  const [fewest, most] = [smallest(counts), largest(counts)];
  const sure = `${fewest < most ? `${fewest} to ` : ""}${countText(most, "round")} `
    + `measured side by side, noise floor ${floorText(view.run)}`;
  if (!rivals.length) return `${subject} only ${code(best.row.backend)} was timed: ${time}.`;
  const equal = rivals.filter((record) => record.verdict === "tied");
  const open = rivals.filter((record) => record.verdict === "undecided");
  const [next] = rivals.filter((record) => record.verdict === "slower")
    .sort((a, b) => a.estimate.ratio - b.estimate.ratio);
  const behind = next ? `${code(next.row.backend)} takes ${ratioText(next.estimate.ratio)} times as `
    + `long, 95% interval ${intervalText(next.estimate)}` : null;
  if (open.length) {
    return `${subject} ${code(best.row.backend)} took the least time, ${time}, but there are too few `
      + `rounds for a claim (${sure}).`;
  }
  if (equal.length) {
    const names = [best, ...equal].map((record) => code(record.row.backend));
    return `${subject} it is a tie: ${listText(names)} cannot be told apart (${time}; ${sure}).`
      + `${behind ? ` The next, ${behind}.` : ""}`;
  }
  return `${subject} use ${code(best.row.backend)}: ${time}. The next, ${behind} (${sure}).`;
}

function lookupTable(view, rows) {
  const { bounds } = view.run;
  const body = rows.map((row) => {
    const record = view.toShown.get(row.index);
    if (!row.timed) {
      return [{ node: backendLabel(row.backend) }, shortOutcome(row), "-", "-", "-",
        ...(bounds ? ["-"] : []), defectText(row)[1] || row.detail || "-", "-",
        { node: command(reproText(row)) }];
    }
    const mark = record && { tied: " =", undecided: " ?" }[record.verdict];
    return [
      { node: backendLabel(row.backend, row.native_layout), strong: isBest(view, row) },
      timeCell(row), record ? estimateCell(record.estimate, { node: [
        ratioText(record.estimate.ratio), mark || "", " ",
        element("span", { class: "interval" }, intervalText(record.estimate))] }) : "-",
      numberCell(row.gbs, (value) => value.toFixed(1)), shareCell(row.share),
      ...(bounds ? [shareCell(row.boundShare)] : []), kernelCell(row),
      numberCell(row.error, ratioText), { node: command(reproText(row)) }];
  });
  return table({
    caption: rows[0].case, sortable: true, className: "lookup", body,
    head: ["backend", { text: "time", numeric: true },
      { text: `ratio to ${view.against}`, numeric: true }, { text: "GB/s", numeric: true },
      { text: "% of copy", numeric: true },
      ...(bounds ? [{ text: "% of bound", numeric: true,
        title: "the least time that the pass can take, as a share of the time" }] : []), "kernel",
      { text: "error", numeric: true, title: "worst error in units of its bound, 1 is the limit" }, "reproduce"],
  });
}

function isBest(view, row) {
  const record = view.toBest.get(row.index);
  return Boolean(record) && record.verdict === "reference";
}

function timeCell(row) {
  return numberCell(row.median, timeText, { title:
    `median of ${countText(row.samples.length, "sample")}, ${timeText(smallest(row.samples))} to `
    + timeText(largest(row.samples)) });
}

function kernelCell(row) {
  const text = row.detail || row.reason || "-";
  return { node: element("span", { class: "kernel" }, text), title: text };
}

function shareCell(share) {
  return numberCell(share, (value) => `${(100 * value).toFixed(0)}%`);
}
