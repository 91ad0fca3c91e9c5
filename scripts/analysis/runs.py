"""Loads a run folder: run.json, samples.jsonl and controls.jsonl, with every defect named."""

import dataclasses
import json
import math
import pathlib
from typing import Any

import pandas

from . import noise
from .errors import UserError, warn
from .intervals import are_times, median
from .order import place
from .partial import is_told, partial_text

SCHEMA = 1
REQUIRED = ("problem", "case", "backend", "pass", "outcome")
# What is read beside these, with the value of a field that is absent or null; NaN is unknown.
DEFAULTS: dict[str, Any] = {
    "norm": "", "dtype": "", "layout": "", "n": 0, "c": 0, "l": 0, "batch": 0, "groups": 1,
    "name": "", "threads": 1, "cache": "", "input": "random", "regime": "", "reason": "", "detail": "",
    "native_layout": False, "samples_ns": [], "iterations": math.nan, "copy_ns": math.nan,
    "read_ns": math.nan, "bound_ns": math.nan, "bytes": math.nan, "error": math.nan, "grade": "",
    "allocations": math.nan, "prepare_ns": math.nan, "cpus": math.nan, "preempted": math.nan,
    "faults": math.nan, "accuracy": {}, "known_defect": {}, "remarks": [],
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One run: `meta` is run.json, `rows` has one row per (case, backend).

    Rows are in the order of the file, or in a fixed one where cases are measured in a mixed one.
    Columns of `rows` are the fields of samples.jsonl, and `timed` (passed, with samples).
    Times are nanoseconds per call; `median_ns` is the median of `samples_ns`. `partial` says how
    many of its cases the run measured and why not all; it is empty when it did.
    """

    path: pathlib.Path
    meta: dict[str, Any]
    rows: pandas.DataFrame
    noise: noise.Noise
    warnings: list[str]
    partial: str

    def all_warnings(self) -> list[str]:
        """Those that the run recorded and those of loading it, without what `partial` says."""
        recorded = [str(text) for text in self.meta.get("warnings") or []]
        return [text for text in recorded if not (self.partial and is_told(text))] + self.warnings

    def section(self, key: str) -> dict[str, Any]:
        """An object of run.json, empty when the run did not get far enough to write it."""
        value = self.meta.get(key)
        return value if isinstance(value, dict) else {}


def load(path: str, say_partial: bool = True) -> Run:
    """Reads the run in folder `path`; defects that can be worked around end in `warnings`.

    These are printed to stderr, and `partial` too unless the caller says it itself. Raises
    UserError for a folder that is no run, one of another schema, or one without a whole row.
    """
    folder = pathlib.Path(path)
    if not folder.is_dir():
        raise UserError(f"no run folder at {path}, give a folder that 'normbench run' wrote")
    meta = _read_meta(folder / "run.json")
    warnings: list[str] = []
    rows = _read_rows(folder / "samples.jsonl", warnings)
    if meta.get("case_ids") is not None:
        rows = pandas.DataFrame(sorted(rows.to_dict("records"), key=place))
    twins = _read_controls(folder / "controls.jsonl", warnings)
    partial = partial_text(meta, set(rows["case"]))
    if not partial and (meta.get("interrupted") or not meta.get("finished")):
        warnings.append(f"{folder.name} did not finish: only the cases it got to are here")
    for message in warnings:
        warn(message)
    if partial and say_partial:
        warn(f"{folder.name}: {partial}")
    return Run(folder, meta, rows, noise.measure(rows, twins, meta.get("noise")), warnings,
               partial)


def _read_meta(path: pathlib.Path) -> dict[str, Any]:
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing, give a folder that 'normbench run' wrote") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{path} is empty or cut off, run the benchmark again") from None
    found = meta.get("schema") if isinstance(meta, dict) else None
    if found != SCHEMA or isinstance(found, bool):
        raise UserError(f"{path} has schema {json.dumps(found)}, this normbench reads schema "
                        f"{SCHEMA}: use the version that wrote it, or run again")
    return meta


def _read_lines(path: pathlib.Path, warnings: list[str]) -> list[tuple[int, dict[str, Any]]]:
    """The objects of a JSON Lines file with their line numbers; torn lines become warnings."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").rstrip().split("\n")
    except FileNotFoundError:
        raise UserError(f"{path} is missing, the run finished no case: run again") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    entries = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if isinstance(entry, dict):
            entries.append((number, entry))
        elif number == len(lines):
            warnings.append(f"{path.name}: the last line is torn and was left out, "
                            "as after a killed run")
        else:
            warnings.append(f"{path.name}: LINE {number} IS DAMAGED and was left out: the file "
                            "was changed after the run, or the disk is at fault")
    return entries


def _read_controls(path: pathlib.Path, warnings: list[str]) -> list[dict[str, Any]]:
    if not path.is_file():
        warnings.append(f"{path.name} is missing: the noise floor is the recorded one, if any")
        return []
    return [entry for _, entry in _read_lines(path, warnings)]


def _read_rows(path: pathlib.Path, warnings: list[str]) -> pandas.DataFrame:
    """The whole rows; those with defects are left out with one warning for all of them."""
    unique: dict[tuple[str, str], dict[str, Any]] = {}
    defects = []
    for number, entry in _read_lines(path, warnings):
        defect = _defect(entry)
        if defect:
            defects.append(f"line {number}: {defect}")
            continue
        row = {key: default if entry.get(key) is None else entry[key]
               for key, default in DEFAULTS.items()}
        row.update({key: entry[key] for key in REQUIRED})
        row["timed"] = entry["outcome"] == "passed" and bool(row["samples_ns"])
        row["median_ns"] = median(row["samples_ns"]) if row["timed"] else None
        key = (entry["case"], entry["backend"])
        if key in unique:
            warnings.append(f"{path.name}: line {number} repeats {key[1]} in {key[0]}, "
                            "the later line counts")
        unique[key] = row
    if not unique and defects:
        raise UserError(f"{path} has no whole row, {defects[0]}")
    if not unique:
        raise UserError(f"{path} has no finished case, run again")
    if defects:
        warnings.append(f"{path.name}: {len(defects)} ROWS WERE LEFT OUT, the first is "
                        f"{defects[0]}")
    return pandas.DataFrame(list(unique.values()))


def _defect(entry: dict[str, Any]) -> str:
    """What keeps a row from being one of this schema, empty when nothing does."""
    for key in REQUIRED:
        if not isinstance(entry.get(key), str):
            return f"field '{key}' is missing or no text, expected a row of schema {SCHEMA}"
    for key, default in DEFAULTS.items():
        kind = (int, float) if isinstance(default, float) else type(default)
        if entry.get(key) is not None and not isinstance(entry[key], kind):
            return (f"field '{key}' is {json.dumps(entry[key])}, "
                    f"expected a row of schema {SCHEMA}")
    if not are_times(entry.get("samples_ns") or []):
        return "field 'samples_ns' must be a list of positive numbers"
    if not all(_is_accuracy(found) for found in (entry.get("accuracy") or {}).values()):
        return "field 'accuracy' must hold the numbers bound and ulp for each kind of input"
    return ""


def _is_accuracy(found: Any) -> bool:
    return isinstance(found, dict) and all(
        found.get(key) is None or type(found[key]) in (int, float) for key in ("bound", "ulp"))
