"""Runs the program as a user does: NORMBENCH names the binary, build/ci/normbench by default."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("NORMBENCH", str(ROOT / "build/ci/normbench"))

TINY = """
version = 1
name = "tiny"
analysis = "Does the whole path work?"
[timing]
min_slot_us = 20
min_rounds = 6
max_rounds = 6
[defaults]
pass = ["forward_training", "forward_inference", "backward"]
threads = [1, 2]
[[grid]]
N = [4, 8]
C = 3
L = [1, 5]
[[shapes]]
rows = [{ id = "named", N = 16, C = 5, L = 7, batch = 8, source = "made up for a test" }]
"""


@pytest.fixture
def binary():
    return BINARY


@pytest.fixture
def normbench(tmp_path):
    """Calls the program in an empty folder; returns the completed process."""

    def call(*words, timeout=120, **options):
        return subprocess.run([BINARY, *map(str, words)], cwd=tmp_path, text=True, timeout=timeout,
                              capture_output=True, check=False, **options)

    return call


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture
def tiny_run(normbench, tiny, tmp_path):
    """The folder of a finished run of the tiny config on two backends."""
    done = normbench("run", tiny, "-b", "naive|openmp")
    assert done.returncode == 0, done.stderr
    return tmp_path / done.stdout.strip()
