"""Turns numbers, names and tables into text for terminals and Markdown."""

import math
import statistics
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Optional

import pandas

from .intervals import Estimate

SHAPE_PART = 4
KNOWN_DEFECT = "known defect"


class Section(NamedTuple):
    """A heading and a Markdown table."""

    title: str
    table: str


def ratio_text(ratio: float) -> str:
    """A ratio with two decimals, fewer when it is large."""
    decimals = 2 if ratio < 9.995 else 1 if ratio < 99.95 else 0
    return f"{ratio:.{decimals}f}"


def mean_text(ratios: Collection[float]) -> str:
    """The geometric mean of ratios with their number: `1.23 (n=4)`, `-` when there are none."""
    if not len(ratios):
        return "-"
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
    return f"{ratio_text(mean)} (n={len(ratios)})"


def ulp_text(ulp: float) -> str:
    """An error in ulp with one decimal, without when it is large."""
    return f"{ulp:.1f}" if ulp < 9.95 else f"{ulp:.0f}"


def estimate_text(estimate: Estimate) -> str:
    """`1.23 [1.20, 1.26]`, or `1.23 ?` when there is no interval."""
    if not estimate.decided:
        return f"{ratio_text(estimate.ratio)} ?"
    return f"{ratio_text(estimate.ratio)} [{ratio_text(estimate.lo)}, {ratio_text(estimate.hi)}]"


def spread_text(estimate: Estimate) -> str:
    """The interval as a percentage around the ratio, the wider side: `±3%`, or `?`."""
    if not estimate.decided:
        return "?"
    wider = max(estimate.hi / estimate.ratio, estimate.ratio / estimate.lo) - 1
    return f"±{max(1, math.ceil(100 * wider - 1e-9))}%"


def time_text(nanoseconds: float) -> str:
    """Three significant digits in the unit that fits: `12.3 us`."""
    return _scaled(nanoseconds, 1000, ("ns", "us", "ms", "s"))


def bytes_text(count: float) -> str:
    """Three significant digits in a binary unit: `32 KiB`."""
    return _scaled(count, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def _scaled(value: float, step: int, units: Sequence[str]) -> str:
    unit = 0
    while value >= 0.9995 * step and unit < len(units) - 1:
        value /= step
        unit += 1
    return f"{value:.0f} {units[unit]}" if value >= 99.95 else f"{value:.3g} {units[unit]}"


def shape_text(row: dict[str, Any]) -> str:
    """`(32, 512, 835)`, with the mini-batch and groups where they matter."""
    text = f"({row['n']}, {row['c']}, {row['l']})"
    if row["batch"] not in (0, row["n"]):
        text += f" B={row['batch']}"
    return text + (f" G={row['groups']}" if row["groups"] > 1 else "")


def outcome_text(outcome: str) -> str:
    """What a table shows for a backend without a time."""
    return "not timed" if outcome == "passed" else outcome.replace("_", " ")


def defect_text(row: dict[str, Any]) -> tuple[str, str]:
    """What a row without a time is and why, with a known defect of a library called so."""
    defect = row["known_defect"] if row["outcome"] != "passed" else {}
    if not defect:
        return outcome_text(row["outcome"]), row["reason"]
    source = f" ({defect['source']})" if defect.get("source") else ""
    return f"{KNOWN_DEFECT} of the library{source}", str(defect.get("what") or row["reason"])


def short_outcome(row: dict[str, Any]) -> str:
    """The first of defect_text in short, for a cell."""
    is_known = row["known_defect"] and row["outcome"] != "passed"
    return KNOWN_DEFECT if is_known else outcome_text(row["outcome"])


def backend_text(backend: str, native: set[str]) -> str:
    """The name, labelled when the backend got its data in its own layout."""
    return f"{backend} (native layout)" if backend in native else backend


def hoist(cases: Sequence[str]) -> tuple[str, list[str]]:
    """A pattern with `*` for what differs between the case ids, and what differs, joined.

    The shape always stays in the short ids, so that they are never empty.
    """
    parts = [case.split("/") for case in cases]
    if len({len(part) for part in parts}) != 1 or len(parts[0]) <= SHAPE_PART:
        return "*", list(cases)
    kept = [index for index, column in enumerate(zip(*parts))
            if index == SHAPE_PART or len(set(column)) > 1]
    pattern = ["*" if index in kept else part for index, part in enumerate(parts[0])]
    return "/".join(pattern), ["/".join(part[index] for index in kept) for part in parts]


def escape(value: Any) -> str:
    """Plain text made safe for a Markdown table cell: no HTML, no column break, one line."""
    text = " ".join(str(value).split()).replace("\\", "\\\\")
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, entity)
    for character in "|`*[]":
        text = text.replace(character, "\\" + character)
    return text


def code(value: Any) -> str:
    """A Markdown code span that also survives in a table cell."""
    return "`" + " ".join(str(value).split()).replace("`", "'").replace("|", "\\|") + "`"


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell, two spaces apart."""
    lines = [list(header)] + [list(row) for row in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in lines)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of cells that are escaped already; empty without rows."""
    if not rows:
        return ""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def json_value(value: Any) -> Optional[Any]:
    """A value JSON can hold: NaN becomes null, NumPy scalars become Python's."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def json_records(frame: pandas.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as objects for JSON."""
    return [{key: json_value(value) for key, value in row.items()}
            for row in frame.to_dict("records")]
