"""Report sections about shapes: named rows, and scaling with threads and mini-batch."""

import math
from collections.abc import Callable
from typing import Any

import pandas

from .cases import compare_within_cases, native_backends
from .headings import differing, full_title, like_cases
from .rank import regime_order
from .runs import Run
from .text import (Section, backend_text, escape, markdown_table, mean_text, ratio_text,
                   shape_text, short_outcome, time_text)

ITEM_BYTES = {"f64": 8, "f32": 4, "bf16": 2, "f16": 2}
ABOVE_CEILING = 1.05
BATCH_PART = r"_b\d+"  # of a problem id


def gigabytes_per_second(row: dict[str, Any]) -> float:
    """Effective bandwidth, compulsory bytes / median time, in 1e9 bytes per second; or NaN."""
    return row["bytes"] / row["median_ns"]


def ceiling_share(row: dict[str, Any]) -> float:
    """Effective bandwidth as a fraction of the copy of one input-sized tensor; or NaN.

    The copy moves 2 * N * C * L elements (one read, one write) in `copy_ns`.
    """
    item = ITEM_BYTES.get(row["dtype"])
    if not row["copy_ns"] > 0 or item is None:
        return math.nan
    ceiling = 2 * row["n"] * row["c"] * row["l"] * item / row["copy_ns"]
    return gigabytes_per_second(row) / ceiling


def bound_share(row: dict[str, Any]) -> float:
    """The least time that the pass can take as a fraction of the time; or NaN."""
    return row["bound_ns"] / row["median_ns"]


def above_ceiling(run: Run) -> list[str]:
    """A warning when rows are faster than a copy of the same data by more than 5%."""
    rows = [row for row in run.rows[run.rows["timed"]].to_dict("records")
            if ceiling_share(row) > ABOVE_CEILING]
    if not rows:
        return []
    worst = max(rows, key=ceiling_share)
    return [f"{len(rows)} rows are above 105% of the copy ceiling, the worst is {worst['backend']} "
            f"in {worst['case']} with {100 * ceiling_share(worst):.0f}%: explain before you quote"]


def named_sections(run: Run) -> list[Section]:
    """One table per group of like cases over the rows that the config named."""
    named = run.rows[run.rows["name"] != ""]
    compared = compare_within_cases(named, run.noise.floor)
    ratios = {(row["case"], row["backend"]): row for row in compared.to_dict("records")}
    sections = []
    for keys, rows in like_cases(named):
        native = native_backends(rows)
        backends = list(pandas.unique(rows["backend"]))
        shares = {"% of copy": ceiling_share}
        if rows["bound_ns"].notna().any():
            shares["% of bound"] = bound_share
        header = ["name", "(N, C, L)", "best", "time", "GB/s", *shares,
                  *(escape(backend_text(backend, native)) for backend in backends)]
        body = [_named_row(case_rows, ratios, backends, list(shares.values()))
                for _, case_rows in rows.groupby("case", sort=False)]
        sections.append(Section(full_title(keys), markdown_table(header, body)))
    return sections


def _named_row(rows: pandas.DataFrame, ratios: dict[tuple[str, str], dict[str, Any]],
               backends: list[str], shares: list[Callable[..., float]]) -> list[str]:
    own = {row["backend"]: row for row in rows.to_dict("records")}
    first = next(iter(own.values()))
    compared = {name: ratios.get((first["case"], name)) for name in backends}
    best = next((own[name] for name, cell in compared.items()
                 if cell and cell["verdict"] == "reference"), None)
    facts = ["-"] * (3 + len(shares))
    if best is not None:
        facts = [escape(best["backend"]), time_text(best["median_ns"]),
                 _number(gigabytes_per_second(best), "{:.1f}"),
                 *(_number(100 * share(best), "{:.0f}%") for share in shares)]
    cells = []
    for name in backends:
        if compared[name]:
            cells.append(_ratio_cell(compared[name]))
        else:
            cells.append(short_outcome(own[name]) if name in own else "-")
    return [escape(first["name"]), shape_text(first), *facts, *cells]


def _ratio_cell(cell: dict[str, Any]) -> str:
    if cell["verdict"] == "reference":
        return "**1.00**"
    return ratio_text(cell["ratio"]) + {"tied": " =", "undecided": " ?"}.get(cell["verdict"], "")


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else form.format(value)


def thread_scaling(run: Run) -> str:
    """Geometric mean of the speedup over the fewest threads, per backend, threads and regime."""
    pairs = speedups(run.rows[run.rows["timed"]])
    pairs = pairs.assign(to=[f"{fewest} to {threads} threads" for fewest, threads
                             in zip(pairs["fewest"], pairs["threads"])])
    regimes = sorted(set(pairs["regime"]), key=regime_order)
    return _pivot(pairs, [*_apart(pairs), "backend", "to"], "regime", regimes)


def speedups(timed: pandas.DataFrame) -> pandas.DataFrame:
    """The rows that were also timed with the fewest threads of all, with that number, `fewest`.

    `ratio` says how many times faster they are than there.
    """
    fewest = timed["threads"].min()
    on = ["problem", "cache", "input", "backend"]
    pairs = timed[timed["threads"] > fewest].merge(
        timed.loc[timed["threads"] == fewest, [*on, "median_ns"]], on=on, suffixes=("", "_base"))
    return pairs.assign(ratio=pairs["median_ns_base"] / pairs["median_ns"], fewest=fewest)


def batch_scaling(run: Run) -> str:
    """Geometric mean of time with mini-batches of B / time with B = N, at the same N."""
    timed = run.rows[run.rows["timed"]]
    timed = timed.assign(undivided=timed["problem"].str.replace(BATCH_PART, "", regex=True))
    on = ["undivided", "threads", "cache", "input", "backend"]
    whole = timed["problem"] == timed["undivided"]
    pairs = timed[~whole].merge(timed.loc[whole, [*on, "median_ns"]], on=on,
                                suffixes=("", "_base"))
    pairs = pairs.assign(ratio=pairs["median_ns"] / pairs["median_ns_base"])
    sizes = sorted(set(pairs["batch"]))
    return _pivot(pairs, [*_apart(pairs), "threads", "backend"], "batch", sizes)


def _apart(pairs: pandas.DataFrame) -> list[str]:
    """The columns that keep rows of a table apart; dtype, cache and input only where they do."""
    return ["norm", "pass", *differing(pairs, ["dtype"]), "layout", *differing(pairs, ["cache", "input"])]


def _pivot(pairs: pandas.DataFrame, rows: list[str], column: str, values: list[Any]) -> str:
    """Geometric means of `ratio` with the number of pairs, as a Markdown table."""
    body = []
    for key, group in pairs.groupby(rows, sort=False):
        cells = [mean_text(group.loc[group[column] == value, "ratio"]) for value in values]
        body.append([escape(part) for part in key] + cells)
    label = "B = {}" if column == "batch" else "{}"
    return markdown_table(rows + [label.format(value) for value in values], body)
