"""Ranks the backends of a run: geometric mean of the ratio to the best, in groups of like cases.

Groups are (norm, pass, dtype, layout, threads, cache), over all regimes and in each. In a group
only the cases count in which every ranked backend was timed. A backend whose data was converted,
untimed, into its own layout is set beside them over those of the cases that it was timed in.
"""

import argparse
import dataclasses
import json
from collections import Counter
from typing import Any, Optional

import pandas

from . import filters, runs
from .cases import compare_within_cases, estimate_of, matched_rows, native_backends
from .errors import FINE
from .facts import failure_lines
from .headings import like_cases, title
from .intervals import Estimate, geometric_mean, paired_ratio, tied
from .text import backend_text, estimate_text, ratio_text, text_table

VERB = "rank"
REGIMES = ["L1", "L2", "L3", "DRAM"]
ALL = "all"
HEADER = ["rank", "backend", "ratio to the best", "wins", "worst", "worst case"]


@dataclasses.dataclass(frozen=True)
class Standing:
    """One backend in a group; `ratio` is the geometric mean of its ratio to the best per case.

    `rank` is equal for backends that cannot be told apart, and None for a native layout. `wins`
    are cases won alone, `shared` those where it is tied at the top.
    """

    backend: str
    native: bool
    rank: Optional[int]
    ratio: Estimate
    wins: int
    shared: int
    worst_ratio: float
    worst_case: str


@dataclasses.dataclass(frozen=True)
class Group:
    """Like cases; `matched` of `total` cases count, `left_out` says who was timed too rarely."""

    keys: dict[str, Any]
    regime: str
    matched: int
    total: int
    standings: list[Standing]
    left_out: dict[str, int]

    @property
    def leaders(self) -> list[Standing]:
        """The backends of rank 1: one winner, or several that cannot be told apart."""
        return [standing for standing in self.standings if standing.rank == 1]


def rank_groups(run: runs.Run) -> list[Group]:
    """Every group over all regimes, each followed by its regimes when there are several."""
    groups = []
    for keys, rows in like_cases(run.rows[run.rows["timed"]]):
        regimes = sorted(set(rows["regime"]), key=regime_order)
        if len(regimes) > 1:
            groups.append(_rank(keys, ALL, rows, run.noise.floor))
        for regime in regimes:
            groups.append(_rank(keys, regime, rows[rows["regime"] == regime], run.noise.floor))
    return groups


def _rank(keys: dict[str, Any], regime: str, rows: pandas.DataFrame, floor: float) -> Group:
    apart = native_backends(rows)
    if apart == set(rows["backend"]):
        apart = set()
    is_apart = rows["backend"].isin(apart)
    matched, left_out = matched_rows(rows[~is_apart])
    beside = rows[is_apart & rows["case"].isin(matched["case"])]
    compared = compare_within_cases(pandas.concat([matched, beside]), floor)
    wins, shared = _count_wins(compared)
    standings = []
    for backend, own in compared.groupby("backend"):
        worst = own.loc[own["ratio"].idxmax()]
        standings.append(Standing(
            backend, backend in apart, None,
            geometric_mean([estimate_of(record) for record in own.to_dict("records")]),
            wins[backend], shared[backend], float(worst["ratio"]), str(worst["case"])))
    standings.sort(key=lambda standing: (standing.native, standing.ratio.ratio, standing.backend))
    return Group(keys, regime, matched["case"].nunique(), rows["case"].nunique(),
                 _number(standings, matched, floor), left_out)


def _count_wins(compared: pandas.DataFrame) -> tuple[Counter[str], Counter[str]]:
    """Cases won alone and cases shared at the top, per backend; undecided cases count for none."""
    wins: Counter[str] = Counter()
    shared: Counter[str] = Counter()
    for _, case in compared[compared["competes"]].groupby("case"):
        if (case["verdict"] == "undecided").any():
            continue
        top = case.loc[case["verdict"].isin(["reference", "tied"]), "backend"]
        (wins if len(top) == 1 else shared).update(top)
    return wins, shared


def _number(standings: list[Standing], matched: pandas.DataFrame,
            floor: float) -> list[Standing]:
    """Ranks 1, 1, 3...: a backend shares the rank of the leader it cannot be told apart from."""
    samples = {backend: rows.set_index("case")["samples_ns"]
               for backend, rows in matched.groupby("backend")}
    numbered: list[Standing] = []
    leader = None
    place = 0
    for standing in standings:
        if standing.native:
            numbered.append(standing)
            continue
        place += 1
        if leader is None or not _shares(samples[standing.backend], samples[leader.backend],
                                         floor):
            leader = dataclasses.replace(standing, rank=place)
        numbered.append(dataclasses.replace(standing, rank=leader.rank))
    return numbered


def _shares(own: pandas.Series, leader: pandas.Series, floor: float) -> bool:
    ratio = geometric_mean([paired_ratio(own[case], leader[case]) for case in own.index])
    return tied(ratio, floor) is not False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this verb."""
    parser.add_argument("run", metavar="RUN", help="folder that 'normbench run' wrote")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    filters.add_arguments(parser)


def main(options: argparse.Namespace) -> int:
    """Prints the ranking; returns the exit code."""
    is_text = options.format == "text"
    run = filters.apply(runs.load(options.run, say_partial=not is_text), options)
    groups = rank_groups(run)
    if not is_text:
        print(json.dumps([dataclasses.asdict(group) for group in groups], indent=1, default=float))
        return FINE
    if run.partial:
        print(run.partial)
    print("Geometric mean of the time as a ratio to the best of each case: above 1 is slower.")
    print("Equal rank: cannot be told apart. Wins: cases won alone (+ cases tied at the top).")
    if any(standing.native for group in groups for standing in group.standings):
        print("Native layout: the data was converted untimed; such a backend gets no rank, "
              "and n cases of its own.")
    among = [group.keys for group in groups]
    for group in groups:
        print(f"\n{title(group.keys, among)}, {group.regime}: {cases_text(group)}")
        print(text_table(HEADER, [list(cells(standing)) for standing in group.standings]))
        for line in left_out_lines(group):
            print(line)
    if not groups:
        print("\nNo case was timed.")
    failures = failure_lines(run)
    if failures:
        print("", *failures, sep="\n")
    return FINE


def regime_order(regime: str) -> tuple[int, str]:
    """Sorts regimes from the core outward."""
    return (REGIMES.index(regime) if regime in REGIMES else len(REGIMES), regime)


def cases_text(group: Group) -> str:
    """How many cases count, and of how many when not all do."""
    of = f" of {group.total}" if group.matched != group.total else ""
    return f"{group.matched}{of} case" + ("s" if group.total != 1 else "")


def cells(standing: Standing) -> tuple[str, ...]:
    """The columns of HEADER for one backend, as plain text."""
    shared = f" (+{standing.shared})" if standing.shared else ""
    count = f" n={standing.ratio.count}" if standing.native else ""
    return (str(standing.rank or "-"),
            backend_text(standing.backend, {standing.backend} if standing.native else set()),
            estimate_text(standing.ratio) + count, f"{standing.wins}{shared}",
            ratio_text(standing.worst_ratio), standing.worst_case)


def left_out_lines(group: Group) -> list[str]:
    """One line per backend that was timed in too few cases of the group to be ranked."""
    return [f"not ranked: {backend}, timed in {count} of {group.total} cases"
            for backend, count in group.left_out.items()]
