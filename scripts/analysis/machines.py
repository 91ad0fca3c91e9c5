"""Report section: runs of different machines side by side, never in one mean."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from . import facts
from .diff import same_machine
from .rank import Group, regime_order
from .runs import Run
from .summary import summary_table, whole_groups
from .text import Section, escape, markdown_table
from .verdict import verdicts


class Machines(NamedTuple):
    """A table with a column per run, and the summary of the ranking of each."""

    facts: str
    rankings: list[Section]


def machines(ranked: Sequence[tuple[Run, list[Group]]]) -> Machines | None:
    """The runs in the order given; nothing when all are of one machine."""
    found = [run for run, _ in ranked]
    if all(same_machine(run, found[-1]) for run in found):
        return None
    names = run_names(found)
    columns = [_facts(run, groups) for run, groups in ranked]
    labels = list(dict.fromkeys(label for column in columns for label in column))
    body = [[escape(label), *(column.get(label, "-") for column in columns)] for label in labels]
    rankings = []
    for name, (_, groups) in zip(names, ranked):
        whole = whole_groups(groups)
        rankings.append(Section(name, summary_table(whole, whole) or "No case was timed."))
    return Machines(markdown_table(["", *map(escape, names)], body), rankings)


def run_names(found: Sequence[Run]) -> list[str]:
    """The folder of each run, with its path where that does not tell them apart."""
    names = [run.path.resolve().name for run in found]
    return [name if names.count(name) == 1 else str(run.path) for name, run in zip(names, found)]


def _facts(run: Run, groups: list[Group]) -> dict[str, str]:
    machine = run.section("machine")
    known = {"CPU": machine.get("cpu"), "cores": machine.get("cores"),
             "instruction set": machine.get("isa"), "noise floor": facts.noise_text(run),
             **_ceilings(run)}
    return {**{label: escape(value) for label, value in known.items() if value not in (None, "")},
            "verdict": "<br>".join(verdicts(groups))}


def _ceilings(run: Run) -> dict[str, str]:
    """The faster copy at the most threads, per regime; a regime of several sizes has its last."""
    entries: list[dict[str, Any]] = [
        entry for entry in run.meta.get("ceilings") or [] if entry.get("threads")]
    most = max((entry["threads"] for entry in entries), default=0)
    own = sorted((entry for entry in entries if entry["threads"] == most),
                 key=lambda entry: regime_order(str(entry.get("regime"))))
    found = {}
    for entry in own:
        speed = max(entry.get("plain_gbs") or 0, entry.get("streaming_gbs") or 0)
        if speed:
            found[f"copy in {entry.get('regime')}, all threads"] = f"{speed:.1f} GB/s"
    return found
