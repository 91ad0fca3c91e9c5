"""Compares the backends of a run case by case, as ratios to the best one or to a baseline.

csv and json have one entry per (case, backend), with exact intervals and times in nanoseconds.
"""

import argparse
import json
import shutil
from typing import Any

import pandas

from . import filters, runs
from .cases import compare_within_cases, estimate_of, native_backends
from .errors import FINE, UserError
from .text import (backend_text, code, escape, estimate_text, hoist, json_records, markdown_table,
                   outcome_text, ratio_text, spread_text, text_table, time_text)

VERB = "compare"
MARKS = {"reference": "*", "tied": "=", "undecided": "?"}
UNLIMITED = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this verb."""
    parser.add_argument("run", metavar="RUN", help="folder that 'normbench run' wrote")
    parser.add_argument("--baseline", metavar="BACKEND", help="compare with this, not the best")
    parser.add_argument("--format", choices=("text", "markdown", "csv", "json"), default="text")
    filters.add_arguments(parser)


def main(options: argparse.Namespace) -> int:
    """Prints the comparison; returns the exit code."""
    run = filters.apply(runs.load(options.run), options)
    backends = list(pandas.unique(run.rows["backend"]))
    if options.baseline is not None and options.baseline not in backends:
        raise UserError(f"--baseline '{options.baseline}' is not among the backends shown, "
                        f"choose one of: {', '.join(backends)}")
    frame = comparison(run, options.baseline)
    if options.format == "csv":
        print(frame.to_csv(index=False), end="")
    elif options.format == "json":
        print(json.dumps({"run": str(run.path), "reference": options.baseline or "best",
                          "noise_floor": run.noise.floor, "rows": json_records(frame)}, indent=1))
    else:
        print("\n".join(heading(run, options.baseline)))
        print(_render(run, frame, options))
    return FINE


def comparison(run: runs.Run, baseline: str | None) -> pandas.DataFrame:
    """One row per (case, backend): outcome, median_ns, and the ratio columns where timed."""
    facts = run.rows[["case", "backend", "outcome", "native_layout", "median_ns"]]
    ratios = compare_within_cases(run.rows, run.noise.floor, baseline)
    return facts.merge(ratios, on=["case", "backend"], how="left")


def heading(run: runs.Run, baseline: str | None) -> list[str]:
    """Lines that say how to read the table."""
    reference = f"of {baseline}" if baseline else "of the best backend of each case"
    to = baseline or "the best"
    floor = f"{run.noise.floor:.3f}" if run.noise.measured else "not measured"
    lines = [f"Time as a ratio to that {reference}: above 1 is slower than {to}.",
             f"Marks: * {baseline or 'best'}, = tied with {to}, ? too few rounds for a claim, "
             f"± 95% interval. Noise floor {floor}."]
    if baseline is None and native_backends(run.rows):
        lines.append("Native layout: the data was converted untimed; such a backend "
                     "is not taken as the best.")
    return lines


def _render(run: runs.Run, frame: pandas.DataFrame, options: argparse.Namespace) -> str:
    markdown = options.format == "markdown"
    native = native_backends(run.rows)
    cells = {(row["case"], row["backend"]): row for row in frame.to_dict("records")}
    cases = list(pandas.unique(frame["case"]))
    backends = list(pandas.unique(frame["backend"]))
    pattern, short = hoist(cases)
    label = escape if markdown else str
    header = ["case", f"{options.baseline or 'best'} time",
              *(label(backend_text(backend, native)) for backend in backends)]
    rows = []
    for case, name in zip(cases, short):
        row = [cells.get((case, backend)) for backend in backends]
        rows.append([code(name) if markdown else name, _reference_time(row),
                     *(_cell(cell, markdown) for cell in row)])
    table = markdown_table(header, rows) if markdown else _fold(header, rows)
    return f"cases {code(pattern) if markdown else pattern}\n\n{table}"


def _reference_time(row: list[dict[str, Any] | None]) -> str:
    times = [cell["median_ns"] for cell in row if cell and cell["verdict"] == "reference"]
    return time_text(times[0]) if times else "-"


def _cell(cell: dict[str, Any] | None, markdown: bool) -> str:
    if cell is None:
        return "-"
    if pandas.isna(cell["verdict"]):
        timed = not pandas.isna(cell["median_ns"])
        return "no baseline" if timed else outcome_text(cell["outcome"])
    estimate = estimate_of(cell)
    mark = MARKS.get(cell["verdict"], "")
    if markdown:
        if cell["verdict"] == "reference":
            return "**1.00**"
        return estimate_text(estimate) + (" =" if mark == "=" else "")
    spread = spread_text(estimate) if mark not in ("*", "?") else ""
    return f"{ratio_text(estimate.ratio):>5}{mark:1} {spread}".rstrip()


def _fold(header: list[str], rows: list[list[str]]) -> str:
    """The table, split into several below each other when the terminal is too narrow for it."""
    width = shutil.get_terminal_size(fallback=(UNLIMITED, 24)).columns
    tables, last = [], 2
    while last < len(header):
        first = last
        last = first + 1
        while last < len(header) and _width(header, rows, first, last + 1) <= width:
            last += 1
        tables.append(text_table(header[:2] + header[first:last],
                                 [row[:2] + row[first:last] for row in rows]))
    return "\n\n".join(tables)


def _width(header: list[str], rows: list[list[str]], first: int, last: int) -> int:
    columns = [0, 1, *range(first, last)]
    return sum(max(len(line[column]) for line in [header, *rows]) + 2 for column in columns) - 2
