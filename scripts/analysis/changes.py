"""Report section: what changed between two runs of one machine."""

from typing import NamedTuple

import pandas

from .cases import estimate_of
from .diff import THRESHOLD, counts_text, differences, setup_differences
from .headings import KEYS, like_cases, title
from .intervals import geometric_mean
from .runs import Run
from .text import (code, escape, estimate_text, markdown_table, outcome_text, ratio_text,
                   spread_text, time_text)

# What is listed, in this order, and how much of each.
LISTED = ("slower", "broken", "faster")
MOST_LISTED = 30


class Changes(NamedTuple):
    """Counts, what else differs, a table of means per group and one of the rows that changed."""

    counts: str
    setup: list[str]
    means: str
    listed: str
    left_out: int


def changes(old: Run, new: Run) -> Changes:
    """The ratios NEW / OLD of the rows of both runs."""
    frame = differences(old, new, THRESHOLD)
    if frame.empty:
        return Changes("They have no case and backend in common.", [], "", "", 0)
    shown = [row for change in LISTED for row in _worst(frame, change).to_dict("records")]
    listed = [[row["change"], escape(row["backend"]), code(row["case"]), *_numbers(row)]
              for row in shown]
    unmatched = (f"Only in the older: {len(old.rows) - len(frame)}, "
                 f"only in the newer: {len(new.rows) - len(frame)}.")
    return Changes(
        f"{counts_text(frame)} {unmatched}", setup_differences(old, new), _means(frame, new),
        markdown_table(["change", "backend", "case", "old", "new", "new / old", "interval"],
                       listed),
        int(frame["change"].isin(LISTED).sum()) - len(shown))


def _worst(frame: pandas.DataFrame, change: str) -> pandas.DataFrame:
    own = frame[frame["change"] == change]
    return own.sort_values("ratio", ascending=change == "faster", kind="stable").head(MOST_LISTED)


def _numbers(row: dict) -> list[str]:
    if row["change"] == "broken":
        return [outcome_text(row["outcome_old"]), outcome_text(row["outcome_new"]), "-", "-"]
    return [time_text(row["old_ns"]), time_text(row["new_ns"]), ratio_text(row["ratio"]),
            spread_text(estimate_of(row))]


def _means(frame: pandas.DataFrame, new: Run) -> str:
    """Geometric mean of NEW / OLD per group of like cases and backend, over the timed rows."""
    timed = new.rows[["case", "backend", *KEYS]].merge(
        frame[frame["ratio"].notna()], on=["case", "backend"])
    groups = like_cases(timed)
    among = [keys for keys, _ in groups]
    backends = sorted(set(timed["backend"]))
    body = []
    for keys, rows in groups:
        own = {backend: [estimate_of(row) for row in part.to_dict("records")]
               for backend, part in rows.groupby("backend")}
        body.append([escape(title(keys, among)), *(
            f"{estimate_text(geometric_mean(own[name]))} n={len(own[name])}" if name in own
            else "-" for name in backends)])
    return markdown_table(["", *map(escape, backends)], body)
