"""Report sections about the run itself: machine, verification, costs, gaps."""

import shlex
from collections import Counter
from typing import Any

import pandas

from .runs import Run
from .text import bytes_text, code, defect_text, escape, markdown_table, time_text

MOST_REMARKS = 20

SIZES_DIFFER = 2
CHECKED = ("passed", "failed", "crashed", "timed_out")


def machine_facts(run: Run) -> list[tuple[str, str]]:
    """Label and escaped text of what the numbers depend on; absent keys are left out."""
    machine, build = run.section("machine"), run.section("build")
    caches = [f"L{cache.get('level')} {cache.get('type', '')} "
              f"{bytes_text(cache.get('bytes') or 0)} shared by {cache.get('shared_by')}"
              for cache in machine.get("caches") or []]
    load = " ".join(f"{value:.2f}" for value in machine.get("load") or [])
    memory = machine.get("memory_bytes")
    facts = [
        ("host", machine.get("host")), ("CPU", machine.get("cpu")),
        ("instruction set", machine.get("isa")), ("cores", machine.get("cores")),
        ("usable cores", machine.get("affinity")), ("CPU quota", machine.get("cpu_quota")),
        ("caches", ", ".join(caches)), ("last cache", _last_cache(machine)),
        ("memory", bytes_text(memory) if memory else None),
        ("virtual machine", {True: "yes", False: "no"}.get(machine.get("virtual"))),
        ("governor", machine.get("governor")), ("load at start", load),
        ("huge pages", machine.get("huge_pages")), ("kernel", machine.get("kernel")),
        ("build", " ".join(str(build[key]) for key in ("type", "compiler", "flags")
                           if build.get(key))),
        ("normbench", " ".join(str(build[key]) for key in ("version", "git") if build.get(key))),
        ("environment", " ".join(f"{key}={value}" for key, value
                                 in sorted(run.section("environment").items()))),
        ("date", run.meta.get("started")), ("noise floor", noise_text(run)),
        ("verified", verified_text(run)),
    ]
    return [(label, escape(value)) for label, value in facts if value not in (None, "")]


def _last_cache(machine: dict[str, Any]) -> str:
    """Both sizes of the last cache when they differ by more than SIZES_DIFFER."""
    found = machine.get("last_level")
    sizes = [found.get(key) for key in ("said_bytes", "measured_bytes")] if isinstance(
        found, dict) else [None]
    if not all(isinstance(size, (int, float)) and size > 0 for size in sizes):
        return ""
    said, measured = sizes
    if max(said, measured) <= SIZES_DIFFER * min(said, measured):
        return ""
    return f"{bytes_text(said)} by the system, {bytes_text(measured)} measured"


def noise_text(run: Run) -> str:
    """The noise floor and how the A/A control behaved."""
    noise = run.noise
    if not noise.measured:
        return "not measured: no A/A control of at least 6 rounds in this run"
    text = f"{100 * (noise.floor - 1):.1f}% (A/A)"
    if noise.cases:
        text += (f"; {noise.excluding} of {noise.cases} A/A intervals exclude 1, "
                 "about 5% do by design")
    return text + (": more than chance explains, THIS RUN IS NOISY" if noise.suspicious else "")


def verified_text(run: Run) -> str:
    """How many of the checked (case, backend) rows passed."""
    checked = run.rows[run.rows["outcome"].isin(CHECKED)]
    passed = int((checked["outcome"] == "passed").sum())
    return f"{passed} of {len(checked)} rows of case and backend"


def machine_line(run: Run) -> str:
    """Machine, build, date, noise floor and verification in one line, escaped."""
    machine, build = run.section("machine"), run.section("build")
    parts = [machine.get("cpu"), f"{machine['cores']} cores" if "cores" in machine else None,
             build.get("compiler"), build.get("flags"), str(run.meta.get("started") or "")[:10],
             f"noise floor {100 * (run.noise.floor - 1):.1f}%" if run.noise.measured
             else "noise floor not measured",
             f"verified {verified_text(run)}"]
    return escape(", ".join(str(part) for part in parts if part))


def costs(run: Run) -> str:
    """What a backend costs beside its time: preparation, allocations, faults, lost slots."""
    versions = {entry.get("name"): entry.get("version") for entry in _backends(run)}
    body = []
    for backend, rows in run.rows[run.rows["outcome"] == "passed"].groupby("backend", sort=False):
        prepare = rows["prepare_ns"].median()
        body.append([escape(backend), escape(versions.get(backend) or "-"),
                     "-" if pandas.isna(prepare) else time_text(prepare),
                     _highlight(rows["allocations"].max()), _cpus(rows["cpus"].max()),
                     _highlight(rows["faults"].sum(min_count=1)),
                     _highlight(rows["preempted"].sum(min_count=1))])
    header = ["backend", "version", "median prepare", "most allocations per call", "most CPUs used",
              "page faults while timed", "preempted slots"]
    return markdown_table(header, body)


def _highlight(value: float) -> str:
    if pandas.isna(value):
        return "-"
    return "0" if value == 0 else f"**{value:g}**"


def _cpus(most: float) -> str:
    return "-" if pandas.isna(most) else f"{most:.1f}"


def _backends(run: Run) -> list[dict[str, Any]]:
    return [entry for entry in run.meta.get("backends") or [] if isinstance(entry, dict)]


def _gap_counts(rows: pandas.DataFrame) -> list[tuple[tuple[str, str, str], int]]:
    """Backend, outcome and reason of rows, with their number, the most frequent first."""
    counts = Counter((row["backend"], *defect_text(row)) for row in rows.to_dict("records"))
    return sorted(sorted(counts.items()), key=lambda entry: -entry[1])


def failure_lines(run: Run) -> list[str]:
    """A line of plain text per backend and way in which it failed; reasons of known defects only.

    Others have a reason of their own in each case.
    """
    failed = run.rows[run.rows["outcome"].isin(CHECKED[1:])]
    known = failed["known_defect"].map(bool)
    lines = [f"{outcome}: {backend} in {_cases(count)}, {reason}"
             for (backend, outcome, reason), count in _gap_counts(failed[known])]
    return lines + [f"{outcome}: {backend} in {_cases(count)}" for (backend, outcome, _), count
                    in _gap_counts(failed[~known].assign(reason=""))]


def _cases(count: int) -> str:
    return f"{count} case" + ("s" if count != 1 else "")


def remarks(run: Run) -> str:
    """What readers of single times should know: case, backend and remark, at most MOST_REMARKS."""
    body = [[code(row["case"]), escape(row["backend"]), escape(remark)]
            for row in run.rows.to_dict("records") for remark in row["remarks"]]
    if not body:
        return ""
    table = markdown_table(["case", "backend", "remark"], body[:MOST_REMARKS])
    more = len(body) - MOST_REMARKS
    return table + (f"\n\nAnd {more} more, in samples.jsonl." if more > 0 else "")


def gaps(run: Run) -> str:
    """Why rows have no time: backend, outcome, reason and count, the most frequent first."""
    body = [[escape(backend), escape(outcome), escape(reason) or "-", str(count)]
            for (backend, outcome, reason), count in _gap_counts(run.rows[~run.rows["timed"]])]
    known = set(run.rows["backend"])
    body += [[escape(entry.get("name")), "not built", escape(entry.get("reason") or "-"), "all"]
             for entry in _backends(run)
             if entry.get("built") is False and entry.get("name") not in known]
    return markdown_table(["backend", "outcome", "reason", "cases"], body)


def ceilings(run: Run) -> str:
    """The measured speed of plain copies, per threads and size."""
    body = [[escape(entry.get("threads", "-")), bytes_text(entry.get("bytes") or 0),
             escape(entry.get("regime", "-")),
             *(f"{entry[key]:.1f}" if entry.get(key) else "-"
               for key in ("plain_gbs", "streaming_gbs"))]
            for entry in run.meta.get("ceilings") or []]
    return markdown_table(["threads", "bytes", "regime", "copy GB/s", "streaming copy GB/s"], body)


def command_line(run: Run) -> str:
    """The command that made the run, for a shell, in one line."""
    return " ".join(shlex.join(str(word) for word in run.meta.get("command") or []).split())


def config_line(run: Run) -> str:
    """Where the cases come from."""
    return code(run.section("config").get("path") or run.meta.get("name") or "unknown")
