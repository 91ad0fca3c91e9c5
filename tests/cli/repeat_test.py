"""run --repeat and --against: several runs, of one build or of two by turns."""

import json
import os
import shutil
import signal
import subprocess

import pytest

from bad_input_test import one_error
from conftest import BINARY

# Stands for another build: says what it was asked, and does as it is told.
FAKE = """#!/bin/sh
echo "$@" >> asked.txt
printf '%s\\n' "{folder}"
exit {code}
"""


@pytest.fixture
def other(tmp_path):
    """Makes a program that prints a folder and ends with a code."""

    def make(folder="results/other", code=0):
        path = tmp_path / "other"
        path.write_text(FAKE.format(folder=folder, code=code))
        path.chmod(0o755)
        return path

    return make


def numbered(stderr):
    return [line.removeprefix("normbench: ") for line in stderr.splitlines()
            if line.startswith("normbench: run ")]


def command_of(folder):
    return json.loads((folder / "run.json").read_text())["command"]


def test_repeats_have_a_folder_each(normbench, one, tmp_path):
    done = normbench("run", one, "--repeat", "2", "-b", "naive", "--results=out")
    assert done.returncode == 0, done.stderr
    folders = done.stdout.splitlines()
    assert len(set(folders)) == 2
    for folder in folders:
        assert command_of(tmp_path / folder) == [BINARY, "run", str(one), "-b", "naive",
                                                 "--results=out"]
    assert numbered(done.stderr) == ["run 1 of 2", "run 2 of 2"]


def test_two_builds_take_turns(normbench, one, tmp_path):
    other = shutil.copy(BINARY, tmp_path / "other build")
    done = normbench("run", one, "-b", "naive", "--against", other, "--repeat=2")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 5 and lines[2] == "--"
    by_binary = [command_of(tmp_path / folder)[0] for folder in lines[:2] + lines[3:]]
    assert by_binary == [str(other), str(other), BINARY, BINARY]
    assert numbered(done.stderr) == [
        f"run {i} of 4 ({which} binary)" for i, which in enumerate(["other", "this", "this", "other"], 1)]


def test_the_other_build_gets_the_same_words(normbench, one, other, tmp_path):
    done = normbench("run", one, "--against", other(), "-b", "naive", "--seed", "7")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "asked.txt").read_text() == f"run {one} -b naive --seed 7\n"
    assert done.stdout.splitlines()[:2] == ["results/other", "--"]


def test_a_failed_verification_ends_nothing(normbench, one, other):
    done = normbench("run", one, "-b", "naive", "--repeat", "2", "--against", other(code=3))
    assert done.returncode == 3
    assert len(done.stdout.splitlines()) == 5


def test_another_failure_ends_all_and_keeps_what_is_finished(normbench, one, other):
    done = normbench("run", one, "-b", "naive", "--repeat", "2", "--against", other("", 5))
    assert done.returncode == 5 and done.stdout == ""
    assert "run 1 of 4 (other binary) ended with exit code 5" in done.stderr


def test_a_program_that_is_no_normbench_is_noticed(normbench, one, other):
    done = normbench("run", one, "-b", "naive", "--against", other(""))
    assert done.returncode == 2 and "printed no run folder" in done.stderr


@pytest.mark.parametrize("words, message", [
    (["--repeat", "0"], ["--repeat"]),
    (["--repeat", "101"], ["--repeat"]),
    (["--against", "absent"], ["--against absent", "no such file"]),
    (["--against", "."], ["--against .", "no program"]),
    (["--against", "one.toml"], ["--against one.toml", "no program"]),
    (["--repeat", "2", "--dry-run"], ["--dry-run", "--repeat"]),
    (["--repeat", "2", "-b", "cudnn"], ["-b", "naive"]),
])
def test_what_cannot_work_is_refused_before_the_first_run(normbench, one, tmp_path, words, message):
    done = normbench("run", one, *words)
    one_error(done, 2, *message)
    assert numbered(done.stderr) == [] and list(tmp_path.iterdir()) == [one]


def test_places_of_threads_are_those_of_a_single_run(normbench, one, tmp_path):
    one.write_text(one.read_text().replace("threads = 1", "threads = [1, 2]"))
    places = {**os.environ, "OMP_PLACES": "threads"}
    found = []
    for words in ([], ["--repeat", "1"]):
        done = normbench("run", one, "-b", "openmp", *words, env=places)
        rows = (tmp_path / done.stdout.strip() / "samples.jsonl").read_text().splitlines()
        found.append([json.loads(row)["outcome"] for row in rows])
    assert found[0] == found[1]


# What a terminal sends goes to the group; kill(1) sends to one process.
@pytest.mark.parametrize("to_group", [True, False])
def test_an_interrupt_keeps_what_is_finished(binary, tiny, tmp_path, to_group):
    process = subprocess.Popen([binary, "run", tiny, "-b", "naive", "--repeat", "50"], cwd=tmp_path,
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    for line in iter(process.stderr.readline, ""):
        if "run 2 of 50" in line:
            break
    (os.killpg if to_group else os.kill)(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "run 4 of" not in stderr
    folders = [tmp_path / line for line in stdout.splitlines()]
    assert folders and sorted(folders) == sorted((tmp_path / "results").iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_this_process_alone_ends_the_run_as_well(binary, one, tmp_path, number):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\necho asleep >&2\nexec sleep 600\n")
    slow.chmod(0o755)
    process = subprocess.Popen([binary, "run", one, "-b", "naive", "--against", slow], cwd=tmp_path,
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in iter(process.stderr.readline, "asleep\n"):
        assert line, "it ended"
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stdout == "" and stderr == ""
