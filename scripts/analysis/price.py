"""Report section: what a norm costs as a multiple of the control `none`, the identity."""

import re
from typing import Any, NamedTuple, Optional

import pandas

from .cases import best_rows, native_backends
from .headings import CONTROL, like_cases, title
from .intervals import median
from .runs import Run
from .text import Section, backend_text, code, escape, markdown_table, ratio_text, time_text

# What a norm and its control have in common; batch, groups, eps and affine mean nothing to `none`.
SAME = ["n", "c", "l", "pass", "dtype", "layout", "threads", "cache", "input"]
GROUPS_PART = re.compile(r"_g\d+")  # of a problem id


class Price(NamedTuple):
    """A table of medians, tables per shape, and how many cases have no control beside them."""

    medians: str
    sections: list[Section]
    without_control: int


def price(run: Run) -> Optional[Price]:
    """The price of each norm, or nothing when no norm was timed beside the control.

    It is the time of a backend divided by the time of the control by whichever backend is the
    fastest at that, with the same SAME.
    """
    timed = run.rows[run.rows["timed"]]
    is_control = timed["norm"] == CONTROL
    controls = best_rows(timed[is_control])
    controls = controls.sort_values("median_ns").drop_duplicates(SAME)
    norms = timed[~is_control]
    priced = over(norms, controls)
    if priced.empty:
        return None
    return Price(_medians(priced), shape_sections(best_rows(priced), CONTROL),
                 norms["case"].nunique() - priced["case"].nunique())


def over(rows: pandas.DataFrame, references: pandas.DataFrame) -> pandas.DataFrame:
    """The rows that have a reference of the same SAME, with `ratio` to it and what it is."""
    pairs = rows.merge(references[[*SAME, "backend", "median_ns"]], on=SAME,
                       suffixes=("", "_reference"))
    return pairs.assign(ratio=pairs["median_ns"] / pairs["median_ns_reference"])


def _medians(priced: pandas.DataFrame) -> str:
    groups = like_cases(priced)
    among = [keys for keys, _ in groups]
    backends = sorted(set(priced["backend"]))
    native = native_backends(priced)
    body = []
    for keys, rows in groups:
        count = rows["case"].nunique()
        cells = [_median_cell(rows.loc[rows["backend"] == backend, "ratio"], count)
                 for backend in backends]
        body.append([escape(title(keys, among)), str(count), *cells])
    names = [escape(backend_text(backend, native)) for backend in backends]
    return markdown_table(["", "cases", *names], body)


def _median_cell(prices: pandas.Series, of: int) -> str:
    if prices.empty:
        return "-"
    count = f" (n={len(prices)})" if len(prices) < of else ""
    return ratio_text(median(list(prices))) + count


def shape_sections(best: pandas.DataFrame, reference: str) -> list[Section]:
    """A table for each group of like cases but for the norm: rows are shapes, columns norms.

    `best` has one row per case, of `over`; `reference` is the norm that the ratios are to.
    """
    groups = like_cases(best)
    among = [keys for keys, _ in groups]
    parts: dict[str, list[pandas.DataFrame]] = {}
    for keys, rows in groups:
        parts.setdefault(title(keys, among, hidden=("norm",)), []).append(rows)
    return [Section(heading, _shapes(pandas.concat(own), reference))
            for heading, own in parts.items()]


def _shapes(best: pandas.DataFrame, reference: str) -> str:
    norms = list(pandas.unique(best["norm"]))
    shapes: dict[str, list[dict[str, Any]]] = {}
    for row in best.to_dict("records"):
        shapes.setdefault(GROUPS_PART.sub("", _last_part(row)), []).append(row)
    body = []
    for shape, own in shapes.items():
        name = next((row["name"] for row in own if row["name"]), "")
        cells = [", ".join(_ratio_text(row) for row in own if row["norm"] == norm) or "-"
                 for norm in norms]
        time = f"{time_text(own[0]['median_ns_reference'])} {escape(own[0]['backend_reference'])}"
        body.append([f"{escape(name)} {code(shape)}".strip(), time, *cells])
    return markdown_table(["shape", escape(reference), *map(escape, norms)], body)


def _ratio_text(row: dict[str, Any]) -> str:
    groups = f" G={row['groups']}" if row["groups"] > 1 else ""
    return f"{ratio_text(row['ratio'])} {escape(row['backend'])}{groups}"


def _last_part(row: dict[str, Any]) -> str:
    return row["problem"].rsplit("/", 1)[-1]
