"""The filters every verb shares: regular expressions over backends and cases.

As in `normbench run`, a case is matched by its id or by any of the names of its shape.
"""

import argparse
import dataclasses
import re

import pandas

from .errors import UserError, warn
from .runs import Run

SHOWN = 5
FLAGS = {("only", "backend"): "-b", ("without", "backend"): "-B",
         ("only", "case"): "-f", ("without", "case"): "-F"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds -b/-B and -f/-F; each may be given several times, one match suffices."""
    for (action, column), flag in FLAGS.items():
        parser.add_argument(flag, dest=f"{action}_{column}", metavar="REGEX", action="append",
                            default=[], help=f"{action} {column}s that match; repeatable")


def apply(run: Run, options: argparse.Namespace) -> Run:
    """The run with only the rows the options let through.

    Raises UserError for an invalid expression, one given with -b or -f that matches nothing,
    and when nothing is left. A -B or -F that matches nothing is only a warning.
    """
    rows = run.rows
    for (action, column), flag in FLAGS.items():
        patterns = getattr(options, f"{action}_{column}")
        if patterns:
            matched = _matches(run, column, patterns, flag)
            rows = rows[rows[column].isin(matched) == (action == "only")]
    if rows.empty:
        raise UserError(f"the filters together leave nothing of {run.path}, drop one of them")
    return dataclasses.replace(run, rows=rows.reset_index(drop=True))


def _matches(run: Run, column: str, patterns: list[str], flag: str) -> set[str]:
    names = pandas.unique(run.rows[column])
    searched = {name: [name] for name in names}
    if column == "case":
        searched = {row["case"]: [row["case"], *row["name"].split(", ")]
                    for row in run.rows[["case", "name"]].to_dict("records")}
    matched: set[str] = set()
    for pattern in patterns:
        try:
            expression = re.compile(pattern)
        except re.error as error:
            raise UserError(f"{flag} '{pattern}' is no regular expression: {error}") from None
        found = {name for name in names if any(map(expression.search, searched[name]))}
        if not found:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            message = (f"{flag} '{pattern}' matches no {column} of {run.path}, "
                       f"there are: {', '.join(names[:SHOWN])}{more}")
            if flag in ("-b", "-f"):
                raise UserError(message)
            warn(message)
        matched |= found
    return matched
