"""Puts scripts/ on the path and synthesises run folders with known times."""

import json
import os
import pathlib
import random
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

ROUNDS = 12


def shape_id(n: int, c: int, l: int, batch: int, groups: int) -> str:
    return (f"n{n}_c{c}_l{l}" + (f"_b{batch}" if batch != n else "")
            + (f"_g{groups}" if groups > 1 else ""))


def make_row(backend: str, base_ns: float, *, norm: str = "batch",
             pass_: str = "forward_training", dtype: str = "f32", layout: str = "ncl",
             n: int = 64, c: int = 256, l: int = 128, batch: int | None = None, groups: int = 1,
             threads: int = 1, cache: str = "warm", regime: str = "L2", rounds: int = ROUNDS,
             jitter: float = 0.002, seed: int = 1, **fields: Any) -> dict[str, Any]:
    """A row whose samples are base_ns times noise of `jitter`; fields override the rest."""
    batch = n if batch is None else batch
    problem = f"{norm}/{pass_}/{dtype}/{layout}/{shape_id(n, c, l, batch, groups)}"
    case = f"{problem}/t{threads}/{cache}"
    generator = random.Random(f"{case} {backend} {seed}")
    samples = [base_ns * (1 + generator.uniform(-jitter, jitter)) for _ in range(rounds)]
    row = {
        "problem": problem, "case": case, "backend": backend, "norm": norm, "pass": pass_,
        "dtype": dtype, "layout": layout, "n": n, "c": c, "l": l, "batch": batch,
        "groups": groups, "eps": 1e-5, "momentum": 0.1, "affine": True, "name": "", "source": "",
        "threads": threads, "cache": cache, "regime": regime, "outcome": "passed", "reason": "",
        "detail": "loop", "native_layout": False, "samples_ns": samples, "iterations": 10,
        "median_ns": sorted(samples)[rounds // 2] if samples else None,
        "copy_ns": base_ns / 2, "bytes": 8 * n * c * l, "error": 0.25, "grade": "A",
        "allocations": 0, "prepare_ns": 1000.0, "preempted": 0, "faults": 0}
    row.update(fields)
    return row


def make_gap(backend: str, outcome: str, reason: str, **fields: Any) -> dict[str, Any]:
    return make_row(backend, 1.0, outcome=outcome, reason=reason, samples_ns=[], median_ns=None,
                    error=None, **fields)


def make_meta(**fields: Any) -> dict[str, Any]:
    meta = {
        "schema": 1, "name": "test", "started": "2026-11-23T20:10:00Z",
        "finished": "2026-11-23T20:20:00Z", "interrupted": False,
        "command": ["normbench", "run", "configs/test.toml"],
        "config": {"path": "configs/test.toml", "text": "", "analysis": "Which one?"},
        "machine": {"host": "box", "cpu": "Example CPU", "cores": 2, "memory_bytes": 2 ** 33,
                    "caches": [{"level": 1, "type": "data", "bytes": 32768, "shared_by": 1}],
                    "isa": "avx512", "kernel": "6.1", "cpu_quota": None, "affinity": 2,
                    "governor": None, "load": [0.1, 0.2, 0.1], "huge_pages": "madvise",
                    "virtual": True},
        "build": {"type": "Release", "compiler": "GNU 12.2.0", "flags": "-O3", "git": "abc123",
                  "version": "0.1.0"},
        "backends": [{"name": "naive", "version": "1", "built": True},
                     {"name": "aten", "built": False, "reason": "libtorch not found"}],
        "environment": {"OMP_WAIT_POLICY": "passive"}, "timing": {"min_rounds": 6},
        "ceilings": [{"threads": 1, "bytes": 65536, "regime": "L2", "plain_gbs": 20.0,
                      "streaming_gbs": 15.0, "gbs": 20.0}],
        "noise": {"cases": 4, "within_2_percent": 1.0, "floor": 1.01}, "seed": 1,
        "outcomes": {"passed": 4}, "warnings": []}
    meta.update(fields)
    return meta


def write_run(folder: pathlib.Path, rows: list[dict[str, Any]],
              controls: Sequence[dict[str, Any]] = (), **meta: Any) -> pathlib.Path:
    """Writes a run folder; keyword arguments override keys of run.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(make_meta(**meta)))
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "controls.jsonl").write_text(
        "".join(json.dumps(control) + "\n" for control in controls))
    return folder


def ladder(**fields: Any) -> list[dict[str, Any]]:
    """openmp 1x, simd tied with it, naive 4x, over four sizes in two regimes."""
    rows = []
    for l, regime in ((16, "L2"), (32, "L2"), (1024, "DRAM"), (2048, "DRAM")):
        for backend, factor in (("naive", 4.0), ("openmp", 1.0), ("simd", 1.0005)):
            rows.append(make_row(backend, 100.0 * l * factor, l=l, regime=regime, **fields))
    return rows


def two(fast: str, slow: str, factor: float, **fields: Any) -> list[dict[str, Any]]:
    """Two backends over two sizes, the second `factor` times as slow."""
    return [make_row(name, 100.0 * l * ratio, l=l, **fields)
            for l in (16, 32) for name, ratio in ((fast, 1.0), (slow, factor))]


def load(folder: pathlib.Path, rows: list[dict[str, Any]], **meta: Any) -> Any:
    """The run of these rows, as loaded by the analysis."""
    from analysis import runs
    return runs.load(str(write_run(folder / "run", rows, **meta)))


def cells_of(table: str, label: str) -> list[str]:
    """The cells of the table row that has `label` among them."""
    row, = [line for line in table.splitlines() if f"| {label} |" in line]
    return [cell.strip() for cell in row.strip("|").split(" | ")]


@pytest.fixture
def run_folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """The ladder, with one unsupported row."""
    rows = ladder() + [make_gap("picky", "unsupported", "needs c % 3 == 0", l=16)]
    return write_run(tmp_path / "run", rows)


class Result:
    """What a finished command printed, and its exit code."""

    def __init__(self, finished: subprocess.CompletedProcess) -> None:
        self.code, self.out, self.err = finished.returncode, finished.stdout, finished.stderr


def normbench(*arguments: object, **environment: str) -> Result:
    """Runs `python -m analysis` as the binary does."""
    words = [str(argument) for argument in arguments]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SCRIPTS),
                 "NORMBENCH_COMMAND": " ".join(["normbench", *words]), **environment}
    return Result(subprocess.run([sys.executable, "-m", "analysis", *words], env=variables,
                                 capture_output=True, text=True, check=False))


def run_in_process(*arguments: object) -> int:
    """The exit code of a verb, without the cost of a new interpreter; UserError passes through."""
    from analysis.__main__ import run_verb
    return run_verb([str(argument) for argument in arguments])
