"""Report section: rows that are far off what they should take, each with the reason why."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from .cases import compare_within_cases, estimate_of
from .headings import KEYS
from .intervals import median
from .runs import Run
from .text import code, escape, estimate_text, markdown_table, ratio_text, shape_text

CLIFF = 2.0
MOST_CLIFFS = 30
NEAR = 8  # sizes of neighbors are within this factor
NEIGHBORS = 2  # on either side
REFERENCE_KERNEL = re.compile(r"(?<![a-z])ref(erence)?(?![a-z])", re.IGNORECASE)
HEADER = ["times the best", "backend", "case", "kernel", "why", "reproduce"]


class Cliffs(NamedTuple):
    """How many cliffs there are, per backend and in all, and a table of the worst."""

    total: int
    shown: int
    per_backend: dict[str, int]
    table: str


def cliffs(run: Run) -> Cliffs:
    """The timed rows that are far off, the steepest first, with those of every backend.

    A row is far off when it takes more than CLIFF times as long as the best of its case, as the
    same backend per element on cases of about its size, or as the same backend on the same data
    spelled as another shape; or when it runs a reference kernel.
    """
    compared = compare_within_cases(run.rows, run.noise.floor)
    frame = run.rows[run.rows["timed"]].merge(
        compared[["case", "backend", "ratio", "lo", "hi", "rounds"]], on=["case", "backend"])
    reasons = _reasons(frame.to_dict("records"))
    frame = frame.assign(
        why=[", ".join(text for text, _ in found) for found in reasons],
        steepness=[max((factor for _, factor in found), default=0.0) for found in reasons])
    frame = frame[frame["why"] != ""].sort_values("steepness", ascending=False, kind="stable")
    turn = frame.groupby("backend").cumcount()
    shown = frame.assign(turn=turn).sort_values("turn", kind="stable").head(MOST_CLIFFS)
    shown = shown.sort_values("steepness", ascending=False, kind="stable")
    rows = [[estimate_text(estimate_of(row)), escape(row["backend"]), code(row["case"]),
             escape(row["detail"]) or "-", escape(row["why"]),
             code(f"normbench repro {row['case']} -b {shlex.quote(row['backend'])}")]
            for row in shown.to_dict("records")]
    return Cliffs(len(frame), len(shown), frame["backend"].value_counts().to_dict(),
                  markdown_table(HEADER, rows))


def _reasons(rows: list[dict[str, Any]]) -> list[list[tuple[str, float]]]:
    """Per row its reasons, and how steep each is."""
    reasons: list[list[tuple[str, float]]] = [
        [("the best", row["ratio"])] if row["ratio"] > CLIFF else [] for row in rows]
    for places in _grouped(rows, lambda row: (row["l"] == 1, _mini_batch(row))):
        for place, factor in _off_neighbors(rows, places):
            reasons[place].append((f"its neighbors {ratio_text(factor)}x", factor))
    for places in _grouped(rows, lambda row: (
            row["c"], row["n"] * row["l"], row["groups"], row["n"] // (row["batch"] or row["n"]))):
        for place, factor, other in _off_spelling(rows, places):
            reasons[place].append((f"{shape_text(other)} {ratio_text(factor)}x", factor))
    for place, row in enumerate(rows):
        if REFERENCE_KERNEL.search(row["detail"]):
            reasons[place].append(("reference kernel", 1.0))
    return reasons


def _grouped(rows: list[dict[str, Any]],
             more: Callable[[dict[str, Any]], tuple[Any, ...]]) -> Iterable[list[int]]:
    """Places of the rows of like cases of one backend that also share `more`; no empty tensors."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, row in enumerate(rows):
        if _size(row) > 0:
            key = (row["backend"], *(row[key] for key in KEYS), more(row))
            groups.setdefault(key, []).append(place)
    return groups.values()


def _size(row: dict[str, Any]) -> int:
    return row["n"] * row["c"] * row["l"]


def _mini_batch(row: dict[str, Any]) -> int:
    return 0 if row["batch"] == row["n"] else row["batch"]


def _off_neighbors(rows: list[dict[str, Any]], places: list[int]) -> Iterator[tuple[int, float]]:
    """Rows that take longer per element than the cases next to them in size."""
    places = sorted(places, key=lambda place: _size(rows[place]))
    sizes = [_size(rows[place]) for place in places]
    costs = [rows[place]["median_ns"] / size for place, size in zip(places, sizes)]
    for at, place in enumerate(places):
        beside = [*range(max(0, at - NEIGHBORS), at),
                  *range(at + 1, min(len(places), at + 1 + NEIGHBORS))]
        near = [costs[other] for other in beside
                if max(sizes[other], sizes[at]) <= NEAR * min(sizes[other], sizes[at])]
        if len(near) >= 2 and costs[at] > CLIFF * median(near):
            yield place, costs[at] / median(near)


def _off_spelling(rows: list[dict[str, Any]],
                  places: list[int]) -> Iterator[tuple[int, float, dict[str, Any]]]:
    """Rows that take longer than another spelling of their shape, with the fastest of these."""
    for place in places:
        row = rows[place]
        fastest = min((rows[other] for other in places if rows[other]["l"] != row["l"]),
                      key=lambda other: other["median_ns"], default=None)
        if fastest and row["median_ns"] > CLIFF * fastest["median_ns"]:
            yield place, row["median_ns"] / fastest["median_ns"], fastest
