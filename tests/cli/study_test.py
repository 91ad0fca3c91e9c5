"""normbench study, on studies that are tiny: a few steps of everything."""

import json
import os
import signal
import subprocess
import time

import pytest

from bad_input_test import one_error
from conftest import BINARY

STUDIES = ["convergence", "same-curve", "mini-batch", "drift", "cost"]
UNTIMED = STUDIES[:4]


def lines_of(folder, name):
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("study")
    done = subprocess.run([BINARY, "study", "--tiny"], cwd=place, text=True, timeout=300,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    return place / done.stdout.strip()


def test_all_studies_are_in_the_folder(folder):
    meta = json.loads((folder / "study.json").read_text())
    assert meta["schema"] == 1 and meta["finished"] and not meta["interrupted"] and meta["tiny"]
    assert folder.name.endswith("_study") and list(meta["seconds"]) == STUDIES
    for name in STUDIES:
        assert len(lines_of(folder, name)) == meta["measurements"][name], name


def test_what_is_refused_says_why(folder):
    refused = [line for line in lines_of(folder, "convergence") if line["outcome"] == "refused"]
    assert {(line["network"], line["norm"]) for line in refused} == {("linear", "instance")}
    assert {line["reason"] for line in refused} == {"instance norm needs more than one position"}


def test_the_report_has_a_section_for_each(folder):
    text = (folder / "report.md").read_text()
    for title in ["What introductions claim", "Convergence", "The same on every backend",
                  "Mini-batch size", "Momentum and drift", "Cost in context", "Refused", "Method"]:
        assert f"\n## {title}\n" in text
    text = text.replace("-fsanitize=address,undefined", "")  # a flag of the compiler
    for word in ["NaN", "undefined", "[object"]:
        assert word not in text
    page = (folder / "report.html").read_text()
    assert "<script" not in page and page.count("<svg") == len(list((folder / "report").iterdir()))
    for picture in (folder / "report").iterdir():
        assert f"(report/{picture.name})" in text


def test_the_same_numbers_twice(folder, normbench, tmp_path):
    done = normbench("study", *UNTIMED, "--tiny", timeout=300)
    assert done.returncode == 0, done.stderr
    again = tmp_path / done.stdout.strip()
    for name in UNTIMED:
        assert (again / f"{name}.jsonl").read_bytes() == (folder / f"{name}.jsonl").read_bytes()
    assert not (again / "cost.jsonl").exists()


def test_every_backend_is_within_its_bounds(folder):
    lines = [line for line in lines_of(folder, "same-curve") if line["outcome"] == "measured"]
    assert {line["network"] for line in lines} == {"linear", "conv"}
    assert {"naive", "openmp"} <= {line["backend"] for line in lines}
    assert all(0 <= line["worst"] <= 1 for line in lines)


def test_another_seed_has_other_numbers(folder, normbench, tmp_path):
    done = normbench("study", "drift", "--tiny", "--seed", "5", "--seeds", "3", "--results", "here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("here/")
    lines = lines_of(tmp_path / done.stdout.strip(), "drift")
    assert {line.get("seed") for line in lines} == {None, 5, 6, 7}
    of_the_first = lines_of(folder, "drift")
    assert all(line["mean_lag"] not in [other.get("mean_lag") for other in of_the_first]
               for line in lines if line["kind"] == "network")


@pytest.mark.parametrize("backend", ["naive", "openmp", "onednn"])
def test_a_backend_trains_and_is_the_one_whose_cost_is_measured(normbench, tmp_path, backend):
    done = normbench("study", "mini-batch", "cost", "--tiny", "-b", backend, timeout=300)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / done.stdout.strip()
    assert {line["backend"] for line in lines_of(folder, "cost")} == {backend}
    assert json.loads((folder / "study.json").read_text())["backend"] == backend
    if backend != "onednn":  # of Debian 12, which has no group norm
        assert all(line["outcome"] == "measured" for line in lines_of(folder, "mini-batch"))


@pytest.mark.parametrize("words, parts", [
    (["convergense"], ["'convergense'", "did you mean 'convergence'"]),
    (["-b", "nobody"], ["--backend", "'nobody'", "naive"]),
    (["--seeds", "1"], ["--seeds", "2"]),
    (["--seed", "-1"], ["--seed", "whole number"]),
    (["--fast"], ["--fast"]),
])
def test_a_wrong_word_is_one_error(normbench, words, parts):
    one_error(normbench("study", *words), 2, *parts)


def test_ctrl_c_leaves_what_is_finished(tmp_path):
    with subprocess.Popen([BINARY, "study", "convergence"], cwd=tmp_path, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in tmp_path.glob("results/*/convergence.jsonl")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in stderr
    folder = tmp_path / stdout.strip()
    assert (folder / "report.md").exists(), stderr
    meta = json.loads((folder / "study.json").read_text())
    assert meta["interrupted"]
    count = len(lines_of(folder, "convergence"))
    assert 0 < count < meta["measurements"]["convergence"]
    assert f"{count} of {meta['measurements']['convergence']}" in (folder / "report.md").read_text()


def test_without_node_the_measurements_are_kept(normbench, tmp_path):
    environment = {**os.environ, "NORMBENCH_NODE": "no-such-node"}
    done = normbench("study", "drift", "--tiny", env=environment)
    assert done.returncode == 0 and "normbench report" in done.stderr
    folder = tmp_path / done.stdout.strip()
    assert lines_of(folder, "drift") and not (folder / "report.md").exists()


def test_a_study_is_reported_alone(normbench, folder):
    one_error(normbench("report", folder, folder), 2, "alone")
    one_error(normbench("report", folder, "-b", "simd"), 2, "--backend", "study")
    one_error(normbench("compare", folder), 2, "run.json")
