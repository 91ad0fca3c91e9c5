"""Runs the program as a user does: NORMBENCH names the binary, build/ci/normbench by default."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("NORMBENCH", str(ROOT / "build/ci/normbench"))
# What scripts/peers has installed here is not of this build.
os.environ["NORMBENCH_PEERS"] = str(ROOT / "build/no peers")

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

# One case for each number of threads, with one or more of them in the place of {threads}.
ONE = """
version = 1
name = "one"
[timing]
min_slot_us = 20
min_rounds = 6
max_rounds = 6
[[grid]]
N = 8
C = 3
L = 5
threads = {threads}
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
def one(tmp_path):
    path = tmp_path / "one.toml"
    path.write_text(ONE.format(threads=1))
    return path


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """The folder of a run of the tiny config on two backends: made once, as it takes seconds."""
    place = tmp_path_factory.mktemp("finished")
    (place / "tiny.toml").write_text(TINY)
    done = subprocess.run([BINARY, "run", "tiny.toml", "-b", "naive|openmp"], cwd=place, text=True,
                          timeout=120, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return place / done.stdout.strip()


@pytest.fixture
def tiny_run(finished_run, tmp_path):
    """A copy of it, to be read, written to and spoilt."""
    return shutil.copytree(finished_run, tmp_path / "results" / finished_run.name)
