"""Compares the backends of each case with one of them, and finds the cases that all share."""

import math
from typing import Any, Optional

import pandas

from .intervals import Estimate, median, paired_ratio, tied

USED = ["case", "backend", "native_layout", "samples_ns", "median_ns"]
COLUMNS = ["case", "backend", "reference", "competes", "ratio", "lo", "hi", "rounds", "verdict"]


def compare_within_cases(rows: pandas.DataFrame, floor: float,
                         baseline: Optional[str] = None) -> pandas.DataFrame:
    """One row per timed (case, backend) with its ratio to the reference of the case.

    The reference is `baseline`, or else the best: the lowest median among those that compete,
    which are the backends that take the data as it is; one that got it untimed in its own layout
    competes only where all did. Rows are compared over the rounds that both have. Cases without
    the baseline are left out. `verdict` is reference, tied, slower, faster or undecided; what
    competes and is not slower than the best is tied.
    """
    records = []
    timed = rows.loc[rows["timed"], USED]
    timed = timed.assign(competes=_competes(timed))
    for case, group in timed.groupby("case", sort=False):
        candidates = group[group["competes"] if baseline is None else group["backend"] == baseline]
        if candidates.empty:
            continue
        reference = candidates.loc[_lowest(candidates)]
        for row in group.to_dict("records"):
            estimate = paired_ratio(row["samples_ns"], reference["samples_ns"])
            verdict = _verdict(estimate, floor)
            if row["backend"] == reference["backend"]:
                verdict = "reference"
            elif verdict == "faster" and baseline is None and row["competes"]:
                verdict = "tied"
            records.append((case, row["backend"], reference["backend"], row["competes"],
                            *estimate, verdict))
    frame = pandas.DataFrame(records, columns=COLUMNS)
    return frame.astype({"ratio": float, "lo": float, "hi": float})


def best_rows(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The row of the best backend of each case, as compare_within_cases finds it."""
    timed = rows[rows["timed"]]
    candidates = timed[_competes(timed)]
    return candidates.loc[[_lowest(own) for _, own in candidates.groupby("case", sort=False)]]


def _lowest(rows: pandas.DataFrame) -> Any:
    """The label of the row with the lowest median over the rounds that it shares with the others.

    A row that was left behind has only the first rounds. When the machine slows down after these,
    its own median can be the lowest of all.
    """
    rounds = rows["samples_ns"].map(len)
    if rounds.nunique() == 1:
        return rows["median_ns"].idxmin()
    samples = rows["samples_ns"][rounds.sort_values(ascending=False, kind="stable").index]
    best = samples.index[0]
    for label, own in samples.items():
        if median(own) < median(samples[best][:len(own)]):
            best = label
    return best


def _competes(timed: pandas.DataFrame) -> pandas.Series:
    plain = ~timed["native_layout"].astype(bool)
    return plain | ~plain.groupby(timed["case"]).transform("any")


def _verdict(estimate: Estimate, floor: float) -> str:
    same = tied(estimate, floor)
    if same is None:
        return "undecided"
    if same:
        return "tied"
    return "slower" if estimate.ratio > 1 else "faster"


def level_times(rows: pandas.DataFrame) -> pandas.Series:
    """The medians of timed rows, as if each had all rounds of its case.

    One that was left behind is scaled by how much slower the best was over all of its rounds.
    """
    times = rows["median_ns"].copy()
    rounds = rows["samples_ns"].map(len)
    for _, own in rows.groupby("case", sort=False):
        best = own["samples_ns"][_lowest(own)]
        for label in own.index[rounds[own.index] < len(best)]:
            times[label] *= median(best) / median(best[:rounds[label]])
    return times


def rounds_differ(rows: pandas.DataFrame) -> bool:
    """Whether some backend got fewer rounds than another in the same case."""
    timed = rows[rows["timed"]]
    return bool((timed["samples_ns"].map(len).groupby(timed["case"]).nunique() > 1).any())


def matched_rows(rows: pandas.DataFrame) -> tuple[pandas.DataFrame, dict[str, int]]:
    """The timed rows of the cases in which every shown backend was timed.

    A backend that was timed in few cases would leave nothing to match, so while less than half
    of the cases match, the backend with the fewest is left out; the second value says which
    were, with the number of cases they were timed in.
    """
    timed = rows[rows["timed"]]
    total = timed["case"].nunique()
    left_out: dict[str, int] = {}
    while True:
        counts = timed["backend"].value_counts(sort=False)
        per_case = timed.groupby("case")["backend"].nunique()
        matched = per_case.index[per_case == len(counts)]
        if 2 * len(matched) >= total or len(counts) <= 1:
            return timed[timed["case"].isin(matched)], left_out
        rarest = counts.idxmin()
        left_out[rarest] = int(counts[rarest])
        timed = timed[timed["backend"] != rarest]


def native_backends(rows: pandas.DataFrame) -> set[str]:
    """Backends whose data was converted, untimed, into their own layout in some case."""
    return set(rows.loc[rows["native_layout"].astype(bool), "backend"])


def estimate_of(record: dict[str, Any]) -> Estimate:
    """The estimate in a row of compare_within_cases."""
    decided = not math.isnan(record["lo"])
    return Estimate(record["ratio"], record["lo"] if decided else None,
                    record["hi"] if decided else None, int(record["rounds"]))
