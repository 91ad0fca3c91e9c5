"""Writes a run as JSON of Google Benchmark, which its compare.py and other tools read.

Names are BACKEND/CASE, backend first, so that compare.py can set two backends of one file
against each other: compare.py filters run.json '^naive/' '^openmp/'. Times are nanoseconds per
call. Only real time is measured, so cpu_time repeats it. Rows without a time are left out.
"""

import argparse
import json
import pathlib
import statistics
from typing import Any

from . import filters, runs
from .errors import FINE, warn
from .files import write_text
from .text import json_value

VERB = "export"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this verb."""
    parser.add_argument("run", metavar="RUN", help="folder that 'normbench run' wrote")
    parser.add_argument("-o", "--output", metavar="FILE", help="write here instead of to stdout")
    filters.add_arguments(parser)


def main(options: argparse.Namespace) -> int:
    """Writes the JSON; returns the exit code."""
    run = filters.apply(runs.load(options.run), options)
    untimed = int((~run.rows["timed"]).sum())
    if untimed:
        warn(f"{untimed} of {len(run.rows)} rows have no time and are left out")
    text = json.dumps(google_benchmark(run), indent=1) + "\n"
    if options.output:
        write_text(pathlib.Path(options.output), text)
        print(options.output)
    else:
        print(text, end="")
    return FINE


def google_benchmark(run: runs.Run) -> dict[str, Any]:
    """The run in the form of Google Benchmark 1.7: context and benchmarks."""
    benchmarks = []
    timed = run.rows[run.rows["timed"]]
    for family, row in enumerate(timed.to_dict("records")):
        benchmarks += _samples(row, family) + _aggregates(row, family)
    return {"context": _context(run), "benchmarks": benchmarks}


def _context(run: runs.Run) -> dict[str, Any]:
    machine, build = run.section("machine"), run.section("build")
    return {
        "date": run.meta.get("started"),
        "host_name": machine.get("host"),
        "executable": "normbench",
        "num_cpus": machine.get("cores"),
        "caches": [{"type": str(cache.get("type", "")).capitalize(), "level": cache.get("level"),
                    "size": cache.get("bytes"), "num_sharing": cache.get("shared_by")}
                   for cache in machine.get("caches") or []],
        "load_avg": machine.get("load") or [],
        "library_build_type": str(build.get("type", "")).lower(),
        "normbench_version": build.get("version"),
        "cpu_time": "not measured, repeats real_time",
    }


def _common(row: dict[str, Any], family: int) -> dict[str, Any]:
    return {
        "name": f"{row['backend']}/{row['case']}",
        "family_index": family,
        "per_family_instance_index": 0,
        "run_name": f"{row['backend']}/{row['case']}",
        "repetitions": len(row["samples_ns"]),
        "threads": row["threads"],
        "label": row["detail"],
        "time_unit": "ns",
    }


def _samples(row: dict[str, Any], family: int) -> list[dict[str, Any]]:
    traffic = json_value(row["bytes"])
    iterations = json_value(row["iterations"])
    return [{**_common(row, family), "run_type": "iteration", "repetition_index": index,
             "iterations": int(iterations or 1), "real_time": sample, "cpu_time": sample,
             **({"bytes_per_second": 1e9 * traffic / sample} if traffic else {})}
            for index, sample in enumerate(row["samples_ns"])]


def _aggregates(row: dict[str, Any], family: int) -> list[dict[str, Any]]:
    samples = row["samples_ns"]
    if len(samples) < 2:
        return []
    mean, deviation = statistics.fmean(samples), statistics.stdev(samples)
    values = {"mean": (mean, "time"), "median": (statistics.median(samples), "time"),
              "stddev": (deviation, "time"), "cv": (deviation / mean, "percentage")}
    common = _common(row, family)
    return [{**common, "name": f"{common['run_name']}_{name}", "run_type": "aggregate",
             "aggregate_name": name, "aggregate_unit": unit, "iterations": len(samples),
             "real_time": value, "cpu_time": value}
            for name, (value, unit) in values.items()]
