"""Export: the figures of Google Benchmark's format, and that its compare.py reads them."""

import json
import math
import pathlib
import subprocess
import sys

import pytest
from conftest import make_gap, make_row, run_in_process, write_run

COMPARE = pathlib.Path("/usr/share/benchmark/compare.py")
needs_compare = pytest.mark.skipif(not COMPARE.is_file(),
                                   reason="libbenchmark-tools is not installed")


@pytest.fixture
def exported(run_folder, tmp_path):
    output = tmp_path / "run.json"
    assert run_in_process("export", run_folder, "-o", output) == 0
    return output


def compare_py(*arguments):
    return subprocess.run([sys.executable, COMPARE, "--no-color", *map(str, arguments)],
                          capture_output=True, text=True, check=True).stdout


def test_samples_and_aggregates(tmp_path, capsys):
    samples = [1.0, 2.0, 3.0, 6.0]
    rows = [make_row("a", 1.0, samples_ns=samples, bytes=12), make_gap("b", "failed", "x")]
    run_in_process("export", write_run(tmp_path / "run", rows))
    captured = capsys.readouterr()
    data = json.loads(captured.out)
    name = "a/batch/forward_training/f32/ncl/n64_c256_l128/t1/warm"
    repetitions, aggregates = data["benchmarks"][:4], data["benchmarks"][4:]
    assert [entry["real_time"] for entry in repetitions] == samples
    assert [entry["repetition_index"] for entry in repetitions] == [0, 1, 2, 3]
    assert {entry["name"] for entry in repetitions} == {name}
    assert repetitions[1]["bytes_per_second"] == pytest.approx(6e9)
    values = {entry["aggregate_name"]: entry["real_time"] for entry in aggregates}
    deviation = math.sqrt((4 + 1 + 0 + 9) / 3)
    assert values == {"mean": pytest.approx(3), "median": pytest.approx(2.5),
                      "stddev": pytest.approx(deviation), "cv": pytest.approx(deviation / 3)}
    assert aggregates[0]["name"] == f"{name}_mean"
    assert data["context"]["caches"][0] == {"type": "Data", "level": 1, "size": 32768,
                                            "num_sharing": 1}
    assert "1 of 2 rows have no time" in captured.err


def test_single_sample_has_no_aggregates(tmp_path, capsys):
    run_in_process("export", write_run(tmp_path / "run", [make_row("a", 1.0, rounds=1)]))
    assert len(json.loads(capsys.readouterr().out)["benchmarks"]) == 1


def test_output_file_is_named_on_stdout(run_folder, tmp_path, capsys):
    run_in_process("export", run_folder, "-o", tmp_path / "x.json")
    assert capsys.readouterr().out == f"{tmp_path / 'x.json'}\n"
    assert json.loads((tmp_path / "x.json").read_text())["context"]["host_name"] == "box"


@needs_compare
def test_compare_py_reads_two_files(exported):
    out = compare_py("benchmarks", exported, exported)
    assert "naive/batch/forward_training/f32/ncl/n64_c256_l16/t1/warm_median" in out
    assert "OVERALL_GEOMEAN" in out


@needs_compare
def test_compare_py_sets_two_backends_against_each_other(exported):
    out = compare_py("filters", exported, "^naive/", "^openmp/")
    median, = [line for line in out.splitlines() if "_l16/" in line and "_median" in line]
    assert float(median.split()[-6]) == pytest.approx(1 / 4 - 1, abs=0.01)
    assert "vs. ^openmp/]batch/forward_training" in out
