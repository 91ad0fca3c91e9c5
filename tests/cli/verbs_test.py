"""The verbs, from the outside."""

import json
import re
import shlex
import signal
import subprocess
import time

import pytest

from conftest import ROOT

SCHEMA = json.loads((ROOT / "results/schema.json").read_text())
FIELDS = {field["name"] for field in SCHEMA["samples"] if not field.get("optional")}
CASES = 5 * 3 * 2  # (4 grid points + 1 row) * passes * threads

LARGE = """
version = 1
name = "large"
analysis = "Which backend is the twin?"
[timing]
min_slot_us = 20
min_rounds = 6
max_rounds = 6
[defaults]
pass = "forward_training"
threads = 1
[[grid]]
N = 256
C = 64
L = 64
"""


def rows_of(folder, name="samples.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def test_run_records_every_case_and_backend(tiny_run):
    rows = rows_of(tiny_run)
    assert len({(row["case"], row["backend"]) for row in rows}) == len(rows) == 2 * CASES
    for row in rows:
        assert FIELDS == row.keys()
        assert row["outcome"] == "passed" and row["reason"] == ""
        assert row["case"] == f"{row['problem']}/t{row['threads']}/{row['cache']}"
        assert len(row["samples_ns"]) == 6 and min(row["samples_ns"]) > 0
        assert row["median_ns"] == pytest.approx(median(row["samples_ns"]))
        tensors = 3 if row["pass"] == "backward" else 2
        assert row["bytes"] == tensors * 4 * row["n"] * row["c"] * row["l"]
        assert 0 <= row["error"] <= 1
        assert row["allocations"] == 0 and row["prepare_ns"] > 0
    assert {row["name"] for row in rows} == {"", "named"}
    assert all("_b8" in row["problem"] for row in rows if row["name"] == "named")


def test_run_records_its_controls_and_its_circumstances(tiny_run):
    controls = rows_of(tiny_run, "controls.jsonl")
    assert len(controls) == CASES
    for control in controls:
        assert len(control["copy_samples_ns"]) == len(control["twin_samples_ns"]) == 6
        assert len(control["read_samples_ns"]) == 6
        for part in ("check", "calibrate", "rounds"):
            assert control[f"{part}_seconds"] > 0
        assert control["twin"] in ("naive", "openmp")
    for row in rows_of(tiny_run):
        assert row["copy_ns"] > 0 and row["read_ns"] > 0
        # All data is in L1: passes that find their statistics read it twice.
        moved = 1.5 if row["pass"] == "backward" else 1
        twice = 0 if row["pass"] == "forward_inference" else 1
        bound = moved * row["copy_ns"] + twice * row["read_ns"]
        assert row["bound_ns"] == pytest.approx(bound)
    run = json.loads((tiny_run / "run.json").read_text())
    assert run["schema"] == 1 and run["interrupted"] is False and run["finished"]
    assert run["config"]["analysis"] == "Does the whole path work?"
    assert "min_slot_us" in run["config"]["text"]
    assert run["build"]["flags"] and run["machine"]["cores"] >= 1
    assert set(run["machine"]["last_level"]) == {"said_bytes", "measured_bytes"}
    assert run["environment"]["GOMP_SPINCOUNT"]
    assert {entry["name"] for entry in run["backends"] if entry["built"]} == {"naive", "openmp"}
    assert run["noise"]["cases"] == CASES and run["noise"]["floor"] >= 1
    assert run["outcomes"] == {"passed": 2 * CASES}
    assert all(ceiling["gbs"] > 0 for ceiling in run["ceilings"])
    assert 0 < run["overhead_ns"]
    assert {ceiling["threads"] for ceiling in run["ceilings"]} == {1, 2}


def test_the_twin_is_the_fastest(normbench, tmp_path):
    config = tmp_path / "large.toml"
    config.write_text(LARGE)
    twins = []
    # naive takes ten times as long. One estimate may be disturbed, but not three in a row.
    while "openmp" not in twins and len(twins) < 3:
        done = normbench("run", config, "-b", "naive|openmp")
        assert done.returncode == 0, done.stderr
        [control] = rows_of(tmp_path / done.stdout.strip(), "controls.jsonl")
        twins.append(control["twin"])
    assert twins[-1] == "openmp"


def test_stdout_of_run_is_the_folder_alone(normbench, tiny, tmp_path):
    done = normbench("run", tiny, "-b", "^naive$", "-f", "named", "--results", "out/deep")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    folder = tmp_path / done.stdout.strip()
    assert folder.parent == tmp_path / "out/deep" and folder.name.endswith("_tiny")
    assert {row["name"] for row in rows_of(folder)} == {"named"}


def test_threads_replace_those_of_the_config(normbench, tiny):
    done = normbench("list", tiny, "--threads", "3")
    cases = done.stdout.split("\n")
    assert done.returncode == 0
    assert len([case for case in cases if "/t3/" in case]) == CASES // 2
    assert not [case for case in cases if "/t1/" in case or "/t2/" in case]


def test_dry_run_writes_nothing(normbench, tiny, tmp_path):
    done = normbench("run", tiny, "--dry-run")
    assert done.returncode == 0 and "batch/backward/f32/ncl/n4_c3_l5/t2/warm naive" in done.stdout
    assert list(tmp_path.iterdir()) == [tiny]


def measured(folder):
    """The ids of the cases with rows, in the order of the file."""
    return list(dict.fromkeys(row["case"] for row in rows_of(folder)))


def test_budget_ends_a_run_early_and_says_so(normbench, tiny, tmp_path):
    done = normbench("run", tiny, "-b", "naive", "--budget", "0.001")
    assert done.returncode == 0
    folder = tmp_path / done.stdout.strip()
    run = json.loads((folder / "run.json").read_text())
    assert any("budget" in warning and "not measured" in warning for warning in run["warnings"])
    assert run["budget_s"] == 0.001
    assert measured(folder) == run["case_ids"][:1]
    assert "of 30 cases, of all kinds" in done.stderr
    assert normbench("rank", folder).stdout.startswith("1 of 30 cases were measured")


# Each case of this one waits 50 ms or more in samples.
def test_a_budget_buys_a_first_part_of_the_cases_that_has_all_kinds(normbench, tmp_path):
    config = tmp_path / "long.toml"
    config.write_text("""
version = 1
name = "long"
[timing]
min_slot_us = 4000
min_rounds = 6
max_rounds = 30
case_seconds = 5
[defaults]
norm = ["batch", "layer"]
pass = ["forward_training", "backward"]
threads = 1
[[grid]]
N = [4, 8, 16, 32, 64]
C = [3, 30, 300]
L = 5
""")
    start = time.monotonic()
    done = normbench("run", config, "-b", "naive|openmp", "--budget", "5")
    took = time.monotonic() - start
    assert done.returncode == 0, done.stderr
    folder = tmp_path / done.stdout.strip()
    run = json.loads((folder / "run.json").read_text())
    cases = measured(folder)
    assert len(run["case_ids"]) == 60
    assert 4 <= len(cases) < 60 and cases == run["case_ids"][:len(cases)]
    assert {tuple(case.split("/")[:2]) for case in cases} == {
        (norm, pass_) for norm in ("batch", "layer") for pass_ in ("forward_training", "backward")}
    # The budget is for measuring; a case that has begun is finished.
    assert took < 15


def test_no_budget_measures_all(tiny_run):
    run = json.loads((tiny_run / "run.json").read_text())
    assert run["budget_s"] is None
    assert measured(tiny_run) == run["case_ids"] and len(run["case_ids"]) == CASES


def test_verify_all_walks_every_norm_pass_dtype_and_layout(normbench):
    done = normbench("verify", "--all", "-b", "naive", "-f", "/n4_c5_l3", "--verbose")
    assert done.returncode == 0, done.stderr
    checked = {tuple(line.split("/")[:4]) for line in done.stdout.splitlines() if "/n4_c5_l3" in line}
    assert checked == {(norm, run, dtype, layout) for norm in SCHEMA["norms"]
                       for run in SCHEMA["passes"] for dtype in SCHEMA["dtypes"]
                       for layout in SCHEMA["layouts"]
                       if norm == "batch" or run != "backward_inference"}
    assert "worst error, random input" in done.stdout
    assert "worst error, ill_conditioned input" in done.stdout


def test_verify_finds_the_least_claim_that_passes(normbench):
    done = normbench("verify", "--all", "--claim", "-b", "^naive$", "-f",
                     "^batch/(forward_training|backward)/f32/ncl/n4_", "--threads", "1")
    assert done.returncode == 0
    words = r"Accuracy::in_double\(\) +claimed: the same$"
    for what in ("forward_training", "backward"):
        assert re.search(rf"^  batch {what} f32: +{words}", done.stdout, re.M), done.stdout
    assert "n is problem.longest_sum()" in done.stdout


def test_verify_tells_a_claim_that_is_too_little(normbench, tmp_path):
    text = (ROOT / "tests/worker/plain_python.py").read_text()
    text = text.replace("math.fsum(values)", "functools.reduce(lambda a, b: a + b, values)")
    text = text.replace("import math", "import functools\nimport math")
    text = text.replace('return {"roundings": problem', 'return {} and {"roundings": problem')
    file = tmp_path / "eager.py"
    file.write_text(text.replace('name = "plain-python"', 'name = "eager"'))
    case = ("-b", "^eager$", "-f", "^batch/forward_training/f64/ncl/n1024_c2_l1_m",
            "--threads", "1")
    done = normbench("verify", "--all", "--claim", "--python", file, *case)
    assert done.returncode == 3, done.stderr
    found = re.search(r"f64: +(Accuracy::\S.*\)) +claimed, and too little: Accuracy::in_double\(\)",
                      done.stdout)
    assert found, done.stdout
    # Without --claim each failure says the same of its own output.
    plain = normbench("verify", "--all", "--python", file, *case)
    assert re.search(r"bounds off, would pass with roundings >= \d+", plain.stdout), plain.stdout


def test_verify_wants_a_config_or_all(normbench, tiny):
    for words in ((), (tiny, "--all")):
        done = normbench("verify", *words)
        assert done.returncode == 2
        assert "verify wants either a config or --all" in done.stderr


def test_verify_counts_what_it_checked(normbench, tiny):
    done = normbench("verify", tiny, "-b", "naive")
    assert done.returncode == 0
    assert f"{CASES} of {CASES} passed" in done.stdout
    everything = normbench("verify", tiny, "-b", "naive", "--verbose")
    assert everything.stdout.count(" naive passed") == CASES


def test_repro_repeats_one_row(normbench):
    done = normbench("repro", "batch/backward/f32/ncl/n4_c3_l5_b2/t2/warm", "-b", "naive")
    assert done.returncode == 0
    for word in ("passed", "per call", "GB/s", "samples", "allocations"):
        assert word in done.stdout


def test_a_cold_case_runs(normbench):
    done = normbench("repro", "batch/forward_training/f32/ncl/n4_c3_l5/t1/cold", "-b", "naive")
    assert done.returncode == 0 and "time" in done.stdout


def test_repro_reads_the_output_where_the_case_says_so(normbench):
    case = "batch/forward_training/f32/ncl/n4_c3_l5/t1/warm/read"
    done = normbench("repro", case, "-b", "naive")
    assert done.returncode == 0 and f"case       {case}\n" in done.stdout
    assert "us per call and read of its output, median" in done.stdout
    assert "tensor, which is then read (" in done.stdout


def test_cases_with_a_read_are_listed_filtered_and_verified_once(normbench, tmp_path):
    config = tmp_path / "then.toml"
    config.write_text('version = 1\nname = "then"\n[[grid]]\nN = 8\nC = 3\nL = 5\nthreads = 1\n'
                      'then = ["nothing", "read"]\n')
    case = "batch/forward_training/f32/ncl/n8_c3_l5/t1/warm"
    assert sorted(normbench("list", config).stdout.splitlines()) == [case, f"{case}/read"]
    assert normbench("list", config, "-f", "/read$").stdout.splitlines() == [f"{case}/read"]
    assert normbench("list", config, "-F", "/read$").stdout.splitlines() == [case]
    assert "1 of 1 passed" in normbench("verify", config, "-b", "^naive$").stdout


def test_list_without_config_lists_backends(normbench):
    done = normbench("list")
    assert done.returncode == 0 and "naive" in done.stdout


def test_doctor_describes_the_machine(normbench):
    done = normbench("doctor")
    assert done.returncode in (0, 5)
    for word in ("cores", "cache L1", "governor", "load", "quota", "compiler", "backend", "streaming"):
        assert word in done.stdout


@pytest.mark.parametrize("verb, word", [("compare", "naive"), ("rank", "naive"), ("export", "benchmarks")])
def test_analysis_verbs_reach_node(normbench, tiny_run, verb, word):
    done = normbench(verb, tiny_run)
    assert done.returncode == 0, done.stderr
    assert word in done.stdout


def test_the_command_of_a_report_can_be_pasted(normbench, tiny_run):
    output = tiny_run / "it's mine.md"
    assert normbench("report", tiny_run, "-o", output, "-F", "no|such").returncode == 0
    quoted = [line for line in output.read_text().splitlines() if line.startswith("normbench report ")]
    words = ["normbench", "report", str(tiny_run), "-o", str(output), "-F", "no|such"]
    assert [shlex.split(line) for line in quoted] == [words]


def test_report_is_written_beside_the_samples(normbench, tiny_run):
    done = normbench("report", tiny_run)
    assert done.returncode == 0, done.stderr
    report = (tiny_run / "report.md").read_text()
    assert "normbench report" in report and "named" in report


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_finished(binary, tiny, tmp_path, number):
    process = subprocess.Popen([binary, "run", tiny, "-b", "naive"], cwd=tmp_path, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_rows(tmp_path)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted" in stderr
    folder = tmp_path / stdout.strip()
    run = json.loads((folder / "run.json").read_text())
    assert run["interrupted"] is True
    assert 0 < len(rows_of(folder)) < CASES


def test_a_killed_run_is_readable(binary, normbench, tiny, tmp_path):
    process = subprocess.Popen([binary, "run", tiny, "-b", "naive"], cwd=tmp_path,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    folder = wait_for_rows(tmp_path)
    process.kill()
    process.communicate()
    assert json.loads((folder / "run.json").read_text())["finished"] is None
    assert rows_of(folder)
    assert normbench("rank", folder).returncode == 0


def wait_for_rows(tmp_path):
    for _ in range(12000):  # a minute: ceilings come first, and on a busy machine take their time
        for folder in (tmp_path / "results").glob("*"):
            samples = folder / "samples.jsonl"
            if samples.exists() and samples.stat().st_size > 0:
                return folder
        time.sleep(0.005)
    raise AssertionError("the run recorded nothing")
