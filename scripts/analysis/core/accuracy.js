// How far the results are from the oracle, beside how fast they came.
import { groupBy, keyOf, unique } from "./collections.js";
import { isByMoments } from "./cases.js";
import { likeCases } from "./groups.js";
import { CHECKED } from "./rows.js";
import { geometricMeanOf, largest } from "./statistics.js";

// The kinds of input that tell algorithms apart, with what a heading says.
const SHOWN_KINDS = {
  random: "Random input",
  ill_conditioned: "Ill-conditioned input: the mean is many times the deviation",
};

// {tables: [{kind, title, backends, lines: [{norm, pass, dtype, cells}]}], perKind, worst}. A cell is
// {bound, ulp, grades, failed}, null where nothing was checked: the worst over all outputs and cases, in
// units of the bound that is derived for it and in spacings of the storage type; `failed` rows did not
// pass. Runs of older versions have one table, over all kinds of input, without ulp. `worst` is the row
// with the largest error of all.
export function accuracy(view) {
  const checked = view.shownRows.filter((row) => CHECKED.includes(row.outcome));
  const kinds = Object.keys(SHOWN_KINDS).filter((kind) => checked.some((row) => row.accuracy[kind]));
  const known = checked.filter((row) => row.outcome === "passed" && row.error !== null);
  return {
    perKind: kinds.length > 0,
    tables: !checked.length ? [] : (kinds.length ? kinds : [null]).map((kind) => tableOf(view, checked, kind)),
    worst: known.length ? known.reduce((a, b) => (b.error > a.error ? b : a)) : null,
  };
}

function tableOf(view, checked, kind) {
  const backends = unique(checked.map((row) => row.backend));
  const ordered = likeCases(checked, view.schema).flatMap(({ rows }) => rows);
  const lines = groupBy(ordered, (row) => keyOf(row, ["norm", "pass", "dtype"]));
  return { kind, title: kind === null ? "All kinds of input" : SHOWN_KINDS[kind], backends,
    lines: [...lines.values()].map((own) => ({ norm: own[0].norm, pass: own[0].pass, dtype: own[0].dtype,
      cells: backends.map((backend) => cellOf(own.filter((row) => row.backend === backend), kind)) })) };
}

function cellOf(rows, kind) {
  if (!rows.length) return null;
  const passed = rows.filter((row) => row.outcome === "passed");
  const worst = (of) => {
    const known = passed.flatMap((row) => of(row) ?? []);
    return known.length ? largest(known) : null;
  };
  const entry = (row) => row.accuracy[kind] || {};
  return { bound: kind === null ? worst((row) => row.error) : worst((row) => entry(row).bound),
    ulp: kind === null ? null : worst((row) => entry(row).ulp),
    grades: unique(passed.map((row) => row.grade).filter(Boolean)).sort(),
    failed: rows.length - passed.length };
}

// Backend -> kind of input -> {relative, values, negative, nan}, of the shown backends whose variance is one by
// moments: the largest error of a variance divided by itself, and of how many values how many were so.
export function momentsLosses(view) {
  const rows = view.shownRows.filter((row) => isByMoments(row) && row.variance_error);
  return new Map([...groupBy(rows, (row) => row.backend)].map(([backend, own]) => [backend,
    new Map(view.schema.inputs.filter((kind) => own.some((row) => row.variance_error[kind])).map((kind) => {
      const losses = own.flatMap((row) => row.variance_error[kind] ?? []);
      const total = (key) => losses.reduce((sum, loss) => sum + loss[key], 0);
      return [kind, { relative: largest(losses.map(({ relative }) => relative ?? Infinity)),
        values: total("values"), negative: total("negative"), nan: total("nan") }];
    }))]));
}

// Of one group: points {row, ratio, error} of the shown backends, and per backend the geometric mean of
// the ratios with the worst error.
export function accuracyPoints(view, group) {
  const points = group.rows.filter((row) => row.timed && row.error !== null && view.isShown(row.backend)
    && view.toShown.has(row.index))
    .map((row) => ({ row, ratio: view.toShown.get(row.index).estimate.ratio, error: row.error }));
  return { points, means: [...groupBy(points, ({ row }) => row.backend)].map(([backend, own]) => ({
    backend, ratio: geometricMeanOf(own.map(({ ratio }) => ratio)),
    error: largest(own.map(({ error }) => error)) })) };
}
