"""Report section: how far the backends are from the oracle, per kind of input."""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pandas

from .facts import CHECKED
from .headings import like_cases
from .runs import Run
from .text import Section, code, escape, markdown_table, ratio_text, ulp_text

# The kinds that tell algorithms apart, as in `accuracy` of a row, with what a heading says.
SHOWN = {"random": "Random input",
         "ill_conditioned": "Ill-conditioned input: the mean is many times the deviation, "
                            "a thousand times for f32"}
ALL_KINDS = "All kinds of input"
COLUMNS = ["backend", "outcome", "error", "grade", "accuracy"]


class Accuracy(NamedTuple):
    """Tables, whether they are per kind of input, and a sentence on the worst error of all."""

    sections: list[Section]
    per_kind: bool
    worst: str


def accuracy(run: Run) -> Accuracy:
    """The worst errors per norm, pass, dtype and backend; runs of older versions have one table."""
    checked = run.rows[run.rows["outcome"].isin(CHECKED)]
    kinds = [kind for kind in SHOWN if any(kind in found for found in checked["accuracy"])]
    sections = [Section(SHOWN[kind], _table(checked, kind)) for kind in kinds]
    if not kinds and len(checked):
        sections = [Section(ALL_KINDS, _table(checked, None))]
    return Accuracy(sections, bool(kinds), _worst(checked))


def _worst(checked: pandas.DataFrame) -> str:
    known = checked[(checked["outcome"] == "passed") & checked["error"].notna()]
    if known.empty:
        return ""
    row = known.loc[known["error"].idxmax()]
    return (f"Over all kinds of input the worst is {ratio_text(row['error'])} of its bound: "
            f"{escape(row['backend'])} in {code(row['case'])}.")


def _table(checked: pandas.DataFrame, kind: str | None) -> str:
    backends = list(pandas.unique(checked["backend"]))
    parts: dict[tuple[str, ...], list[pandas.DataFrame]] = {}
    for keys, rows in like_cases(checked):
        parts.setdefault((keys["norm"], keys["pass"], keys["dtype"]), []).append(rows)
    body = []
    for labels, groups in parts.items():
        rows = [row for group in groups for row in group[COLUMNS].to_dict("records")]
        cells = [_cell([row for row in rows if row["backend"] == backend], kind)
                 for backend in backends]
        body.append([*map(escape, labels), *cells])
    return markdown_table(["norm", "pass", "dtype", *map(escape, backends)], body)


def _cell(rows: list[dict[str, Any]], kind: str | None) -> str:
    passed = [row for row in rows if row["outcome"] == "passed"]
    if kind is None:
        text = _largest((row["error"] for row in passed), ratio_text)
    else:
        found = [row["accuracy"].get(kind, {}) for row in passed]
        text = " / ".join([_largest((entry.get("bound") for entry in found), ratio_text),
                           _largest((entry.get("ulp") for entry in found), ulp_text)])
        text = "-" if text == "- / -" else text
    grades = "/".join(sorted({row["grade"] for row in passed} - {""}))
    text += f" ({escape(grades)})" if grades and text != "-" else ""
    failed = len(rows) - len(passed)
    return text + (f" **{failed} not passed**" if failed else "")


def _largest(values: Iterable[Any], as_text: Callable[[float], str]) -> str:
    known = [value for value in values if value is not None and not math.isnan(value)]
    return as_text(max(known)) if known else "-"
