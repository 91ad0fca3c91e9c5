"""Compares two runs row by row, NEW / OLD, and exits 4 when something became slower.

A row is a regression when its ratio lies above the threshold with its whole interval, or when
it passed in OLD and failed, crashed or timed out in NEW. Rows of fewer than 6 rounds are shown
with ? and decide nothing.
"""

import argparse
import json
import math
from typing import Any

import pandas

from . import filters, runs
from .cases import estimate_of
from .errors import FINE, REGRESSION, UserError, warn
from .intervals import Estimate, unpaired_ratio
from .text import hoist, json_records, ratio_text, spread_text, text_table, time_text

VERB = "diff"
THRESHOLD = 1.05
SAME_MACHINE = ("cpu", "cores", "isa")
BROKEN = ("failed", "crashed", "timed_out")
MARKS = {"slower": "SLOWER", "broken": "BROKEN", "faster": "faster", "undecided": "?", "same": ""}
ORDER = list(MARKS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this verb."""
    parser.add_argument("old", metavar="OLD", help="run folder to compare with")
    parser.add_argument("new", metavar="NEW", help="run folder to judge")
    parser.add_argument("--threshold", type=_threshold, default=THRESHOLD, metavar="RATIO",
                        help="slower than this is a regression (default: %(default)s)")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    filters.add_arguments(parser)


def _threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is no ratio of at least 1")
    return value


def main(options: argparse.Namespace) -> int:
    """Prints the differences; returns the exit code."""
    old, new = runs.load(options.old), runs.load(options.new)
    for message in setup_differences(old, new):
        warn(f"different {message}; the ratios compare more than the code")
    for run in (old, new):
        if run.noise.floor > options.threshold:
            warn(f"the noise floor of {run.path} is {run.noise.floor:.3f}, above the threshold "
                 f"{options.threshold:g}: rows below it may be noise")
    old, new = filters.apply(old, options), filters.apply(new, options)
    frame = differences(old, new, options.threshold)
    if frame.empty:
        raise UserError(f"{old.path} and {new.path} have no case and backend in common, "
                        "compare runs of one config")
    unmatched = {run: len(side.rows) - len(frame) for run, side in (("old", old), ("new", new))}
    if options.format == "json":
        print(json.dumps({"old": str(old.path), "new": str(new.path), "unmatched": unmatched,
                          "threshold": options.threshold, "rows": json_records(frame)}, indent=1))
    else:
        _print_text(frame, options.threshold, unmatched)
    return REGRESSION if frame["change"].isin(["slower", "broken"]).any() else FINE


def differences(old: runs.Run, new: runs.Run, threshold: float) -> pandas.DataFrame:
    """One row per (case, backend) of both runs, worst first; times in nanoseconds."""
    columns = ["case", "backend", "outcome", "timed", "median_ns", "samples_ns"]
    both = old.rows[columns].merge(new.rows[columns], on=["case", "backend"],
                                   suffixes=("_old", "_new"))
    records = []
    for row in both.to_dict("records"):
        estimate = Estimate(math.nan, None, None, 0)
        if row["timed_old"] and row["timed_new"]:
            estimate = unpaired_ratio(row["samples_ns_new"], row["samples_ns_old"])
        records.append({
            "case": row["case"], "backend": row["backend"],
            "outcome_old": row["outcome_old"], "outcome_new": row["outcome_new"],
            "old_ns": row["median_ns_old"], "new_ns": row["median_ns_new"],
            "ratio": estimate.ratio, "lo": estimate.lo, "hi": estimate.hi,
            "rounds": estimate.count, "change": _change(row, estimate, threshold)})
    records.sort(key=lambda record: (ORDER.index(record["change"]),
                                     -record["ratio"] if record["ratio"] > 0 else 0))
    frame = pandas.DataFrame(records)
    return frame if frame.empty else frame.astype({"ratio": float, "lo": float, "hi": float})


def _change(row: dict[str, Any], estimate: Estimate, threshold: float) -> str:
    if row["outcome_old"] == "passed" and row["outcome_new"] in BROKEN:
        return "broken"
    if math.isnan(estimate.ratio):
        return "same"
    if not estimate.decided:
        return "undecided"
    if estimate.lo > threshold:
        return "slower"
    return "faster" if estimate.hi < 1 / threshold else "same"


def setup_differences(old: runs.Run, new: runs.Run) -> list[str]:
    """In what machine and build differ, other than in the code: `machine cpu: OLD x, NEW y`."""
    pairs = [("machine", key) for key in ("host", *SAME_MACHINE)]
    pairs += [("build", key) for key in ("type", "compiler", "flags")]
    found = []
    for section, key in pairs:
        before, after = old.section(section).get(key), new.section(section).get(key)
        if before != after:
            found.append(f"{section} {key}: OLD {before}, NEW {after}")
    return found


def same_machine(old: runs.Run, new: runs.Run) -> bool:
    """Whether times of the two may be compared; a host may have got another name."""
    return all(old.section("machine").get(key) == new.section("machine").get(key)
               for key in SAME_MACHINE)


def _print_text(frame: pandas.DataFrame, threshold: float, unmatched: dict[str, int]) -> None:
    print("Time as a ratio NEW / OLD: above 1 is slower in NEW. "
          f"SLOWER: the whole interval is above {threshold:g}.")
    pattern, short = hoist(list(frame["case"]))
    rows = []
    for name, row in zip(short, frame.to_dict("records")):
        rows.append([name, row["backend"], *_numbers(row), MARKS[row["change"]]])
    print(f"cases {pattern}\n")
    print(text_table(["case", "backend", "old", "new", "ratio", "interval", ""], rows))
    print(f"\n{counts_text(frame)} "
          f"Only in OLD: {unmatched['old']}, only in NEW: {unmatched['new']}.")


def counts_text(frame: pandas.DataFrame) -> str:
    """How many rows of `differences` changed in which way."""
    counts = frame["change"].value_counts()
    parts = [f"{counts[change]} {change}" for change in ORDER if change in counts]
    return f"{len(frame)} rows in both runs: {', '.join(parts)}."


def _numbers(row: dict[str, Any]) -> list[str]:
    if math.isnan(row["ratio"]):
        return [row["outcome_old"].replace("_", " "), row["outcome_new"].replace("_", " "), "", ""]
    return [time_text(row["old_ns"]), time_text(row["new_ns"]), ratio_text(row["ratio"]),
            spread_text(estimate_of(row))]
