"""Contestants in processes of their own: whatever one does costs its own rows, and no others."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import BINARY, ONE, ROOT

PLUGINS = Path(BINARY).parent / "plugins"
FAKE = ROOT / "tests/cli/fake_worker.py"
NAMES = "naive|simd"


@pytest.fixture
def peers(tmp_path):
    """Installs peers for the program: peers(name=[program and arguments])."""
    folder = tmp_path / "peers"

    def install(**commands):
        for name, words in commands.items():
            (folder / name).mkdir(parents=True)
            (folder / name / "peer.json").write_text(json.dumps({"name": name, "command": words}))
        return {**os.environ, "NORMBENCH_PEERS": str(folder)}

    return install


def fake(wrong, stage):
    return [sys.executable, str(FAKE), wrong, stage]


def rows_of(done, tmp_path):
    lines = (tmp_path / done.stdout.strip() / "samples.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def others_are_well(rows, name):
    others = [row for row in rows if row["backend"] != name]
    return others and all(row["outcome"] == "passed" and row["samples_ns"] for row in others)


# AddressSanitizer reports it, and ends the process.
SANITIZED = b"__asan_init" in Path(BINARY).read_bytes()
SEGMENTATION_FAULT = ("ABORTING" if SANITIZED else
                      "in run(): was ended by signal 11 (Segmentation fault)")

# Plugins that go wrong while they are used: outcome, and words of the reason.
WRONG = {
    "throws": ("failed", "threw through the C interface"),
    "writes-past": ("failed", "wrote past the end of"),
    "changes-input": ("failed", "changed its input"),
    "flush-to-zero": ("failed", "left flush-to-zero switched on"),
    "exits": ("crashed", "in run(): ended with exit code 0"),
    "crashes": ("crashed", SEGMENTATION_FAULT),
    "hangs": ("timed_out", "took longer than 4 s in run()"),
    "forks": ("failed", "started another process"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_plugin_loses_its_own_rows_only(normbench, one, tmp_path, name):
    done = normbench("run", one, "--force", "-b", f"{NAMES}|{name}", "--plugin",
                     PLUGINS / f"lib{name}.so", "--timeout", 4)
    assert done.returncode == 3
    rows = rows_of(done, tmp_path)
    assert others_are_well(rows, name)
    outcome, reason = WRONG[name]
    wrong = [row for row in rows if row["backend"] == name]
    assert [row["outcome"] for row in wrong] == [outcome] and reason in wrong[0]["reason"]
    assert not wrong[0]["samples_ns"]


def test_a_plugin_that_prints_is_remarked(normbench, one, tmp_path):
    done = normbench("run", one, "--force", "-b", f"{NAMES}|prints", "--plugin",
                     PLUGINS / "libprints.so")
    assert done.returncode == 0, done.stderr
    row = next(row for row in rows_of(done, tmp_path) if row["backend"] == "prints")
    assert row["outcome"] == "passed" and "bytes in a call of run()" in " ".join(row["remarks"])


# Those that cannot be used at all end the program before anything is measured.
UNUSABLE = {"no-symbol": "has no function normbench_plugin", "other-abi": "version 2 of the interface",
            "small-table": "a table of", "null-entry": "has no run"}


@pytest.mark.parametrize("name", UNUSABLE)
@pytest.mark.parametrize("words", [["run", "--force"], ["verify"], ["list"]])
def test_an_unusable_plugin_is_refused(normbench, one, tmp_path, name, words):
    done = normbench(words[0], one, *words[1:], "--plugin", PLUGINS / f"lib{name}.so")
    assert done.returncode == 2 and UNUSABLE[name] in done.stderr
    assert done.stderr.count("error") == 1 and not (tmp_path / "results").exists()


@pytest.mark.parametrize("flag, path, words", [
    ("--plugin", "missing.so", "no such file"),
    ("--python", "missing.py", "no such file"),
    ("--python", "broken.py", "SyntaxError"),
    ("--plugin", "broken.py", "cannot be loaded"),
])
def test_a_file_that_is_no_backend_is_refused(normbench, one, tmp_path, flag, path, words):
    (tmp_path / "broken.py").write_text("def supports(:\n")
    done = normbench("verify", one, flag, path)
    assert done.returncode == 2 and words in done.stderr and path in done.stderr


def test_two_backends_of_one_name_are_refused(normbench, one):
    plugin = PLUGINS / "libplugged.so"
    done = normbench("verify", one, "--plugin", plugin, "--plugin", plugin)
    assert done.returncode == 2 and "two backends are named plugged" in done.stderr


@pytest.mark.parametrize("flags", [[], ["--in-process"]])
def test_a_plugin_is_measured_as_others_are(normbench, one, tmp_path, flags):
    done = normbench("run", one, "--force", "-b", "naive|plugged", "--plugin",
                     PLUGINS / "libplugged.so", *flags)
    assert done.returncode == 0, done.stderr
    assert others_are_well(rows_of(done, tmp_path), "")


def test_python_needs_a_process_of_its_own(normbench, one):
    plain = ROOT / "tests/worker/plain_python.py"
    done = normbench("verify", one, "--python", plain, "--in-process")
    assert done.returncode == 2 and "leave --in-process out" in done.stderr


STAGES = ["supports", "prepare", "load", "run", "collect", "left", "release"]
LOST = {"exit": "ended with exit code 3", "killed": "signal 9", "close": "closed its socket",
        "hang": "took longer than ", "hang_loud": "it had printed: ",
        "garbage": "no JSON object", "list": "no JSON object", "half": "no JSON object",
        "deep": "no JSON object", "long": "more than 65536 bytes",
        "crash": "signal 11 (Segmentation fault); it had printed: ",
        "leave_child": "exit code 3"}
ODD = {"flood": "it answered question", "twice": "it answered question",
        "stale": "it answered question 1, and was asked",
        "wrong_types": "its ns is \"soon\"", "negative": "its ns is -5", "huge": "its ns is 1e+18"}


@pytest.mark.parametrize("wrong, stage",
                         [(wrong, "run") for wrong in {**LOST, **ODD}] + [("exit", stage) for stage in STAGES])
def test_a_lost_worker_costs_its_rows_only(normbench, peers, one, tmp_path, wrong, stage):
    done = normbench("run", one, "--force", "-b", f"{NAMES}|fake", "--timeout", 4,
                     env=peers(fake=fake(wrong, stage)))
    rows = rows_of(done, tmp_path)
    assert others_are_well(rows, "fake")
    row = next(row for row in rows if row["backend"] == "fake")
    if stage == "release":  # after the row
        assert row["outcome"] == "failed"
        return
    assert done.returncode == 3
    assert row["outcome"] == ("timed_out" if wrong.startswith("hang") else "crashed")
    assert {**LOST, **ODD}[wrong] in row["reason"]
    if wrong == "crash":
        assert row["reason"].endswith("the last words")


# Of each question that has numbers or is answered too early, too late or too often.
@pytest.mark.parametrize("wrong", ["error", "error_object", "wrong_types", "negative", "huge", "nothing",
                                   "twice", "stale", "flood", "text", "files", "quiet"])
@pytest.mark.parametrize("stage", STAGES)
def test_an_odd_answer_costs_its_rows_only(normbench, peers, tmp_path, wrong, stage):
    config = tmp_path / "two.toml"
    config.write_text(ONE.format(threads="[1, 2]"))
    done = normbench("run", config, "--force", "-b", f"{NAMES}|fake", "--timeout", 10,
                     env=peers(fake=fake(wrong, stage)))
    assert done.returncode == 3, done.stderr
    rows = rows_of(done, tmp_path)
    assert len(rows) == 6 and others_are_well(rows, "fake")
    # Others were measured as if it were not there.
    calls = [row["iterations"] for row in rows if row["backend"] == "simd"]
    assert all(1 < count < 10000 for count in calls)


@pytest.mark.parametrize("flags", [["--threads", "1"], ["--threads", "1", "-f", "cold"]])
@pytest.mark.parametrize("wrong", ["exit", "wrong_types"])
def test_losses_in_a_row_are_counted(normbench, peers, tmp_path, wrong, flags):
    config = tmp_path / "many.toml"
    config.write_text(ONE.format(threads="1").replace("C = 3", "C = [1, 2, 3, 4, 5]")
                      + 'cache = ["warm", "cold"]\n')
    done = normbench("run", config, "--force", "-b", "naive|fake", *flags,
                     env=peers(fake=fake(wrong, "run")))
    reasons = [row["reason"] for row in rows_of(done, tmp_path) if row["backend"] == "fake"]
    assert [reason.startswith("not tried, as 3 cases in a row") for reason in reasons] == (
        3 * [False] + (len(reasons) - 3) * [True])


def test_a_worker_that_never_starts_is_waited_for_a_few_times_only(normbench, peers, tiny):
    done = normbench("verify", tiny, "-v", "-b", "naive|fake", env=peers(fake=fake("exit", "hello")))
    lines = [line for line in done.stdout.splitlines() if " fake crashed: " in line]
    assert done.returncode == 3 and len(lines) > 10
    assert sum("not tried" not in line for line in lines) <= 3


def test_what_one_case_leaves_is_not_another_ones(normbench, tmp_path, tiny):
    """Flush-to-zero that a prepare() leaves which throws: the next case has another process."""
    backend = tmp_path / "leaves.py"
    backend.write_text((ROOT / "tests/worker/plain_python.py").read_text() + """
import os
name = "leaves"
well = prepare
def prepare(problem, buffers, threads):
    if problem.l == 5:
        os.umask(0o123)
        os.environ["LEFT"] = "behind"
        raise ValueError("no luck")
    return well(problem, buffers, threads)
""")
    done = normbench("verify", tiny, "-v", "-b", "leaves", "--python", backend)
    lines = [line for line in done.stdout.splitlines() if " leaves " in line and "/forward" in line]
    assert lines and all(("no luck" in line and "environment" in line) == ("_l5" in line)
                         for line in lines), lines
    assert any("leaves passed" in line for line in lines)


@pytest.mark.parametrize("wrong", LOST)
def test_a_worker_that_does_not_start_costs_its_rows_only(normbench, peers, one, tmp_path, wrong):
    done = normbench("run", one, "--force", "-b", f"{NAMES}|fake", "--timeout", 4,
                     env=peers(fake=fake(wrong, "hello")))
    assert done.returncode == 3
    rows = rows_of(done, tmp_path)
    assert others_are_well(rows, "fake")
    row = next(row for row in rows if row["backend"] == "fake")
    assert "while it started" in row["reason"] and LOST[wrong] in row["reason"]


def test_a_program_that_is_not_there_costs_its_rows_only(normbench, peers, one, tmp_path):
    done = normbench("run", one, "--force", "-b", f"{NAMES}|gone", env=peers(gone=["/no/program"]))
    assert done.returncode == 3
    rows = rows_of(done, tmp_path)
    assert others_are_well(rows, "gone")
    row = next(row for row in rows if row["backend"] == "gone")
    assert "cannot start /no/program: No such file or directory" in row["reason"]


def test_after_three_losses_in_a_row_the_rest_is_not_tried(normbench, peers, tiny, tmp_path):
    done = normbench("run", tiny, "--force", "-b", "naive|fake", "--threads", 1,
                     env=peers(fake=fake("exit", "run")))
    reasons = [row["reason"] for row in rows_of(done, tmp_path) if row["backend"] == "fake"]
    assert all(reason.startswith("in run()") for reason in reasons[:3])
    assert len(reasons) > 3 and all(reason.startswith("not tried, as 3 cases") for reason in reasons[3:])


def test_a_worker_that_dies_now_and_then_is_started_anew(normbench, tiny, tmp_path):
    backend = tmp_path / "moody.py"
    backend.write_text("""
import os
name = "moody"
version = "1"
def supports(problem):
    return None
def prepare(problem, buffers, threads):
    if problem.l == 5:
        return lambda: os._exit(4)
    return lambda: None
""")
    done = normbench("verify", tiny, "-v", "-b", "moody", "--python", backend)
    lines = done.stdout.splitlines()
    assert any("_l5" in line and "crashed: in run(): ended with exit code 4" in line for line in lines)
    # In a process that did not see the crash: wrong, but there.
    assert any("_l1" in line and "moody failed: exact input" in line for line in lines)


def test_a_kernel_outlives_the_worker_that_another_one_lost(normbench, tmp_path, tiny):
    """Those of one and of two threads are in one process, which the first one ends."""
    backend = tmp_path / "alone.py"
    backend.write_text((ROOT / "tests/worker/plain_python.py").read_text() + """
import os
name = "alone"
well = prepare
def prepare(problem, buffers, threads):
    kernel = well(problem, buffers, threads)
    return kernel if threads == 2 else lambda: os._exit(4)
""")
    done = normbench("verify", tiny, "-v", "-f", "training", "-b", "alone", "--python", backend)
    lines = [line for line in done.stdout.splitlines() if " alone " in line]
    assert {"alone crashed" in line for line in lines if "/t1/" in line} == {True}
    assert {"alone passed" in line for line in lines if "/t2/" in line} == {True}


def test_what_was_printed_in_another_case_is_not_shown(normbench, one, tmp_path):
    backend = tmp_path / "chatty.py"
    backend.write_text("""
import os
name = "chatty"
version = "1"
print("said at the start", flush=True)
def supports(problem):
    print("said before the case", flush=True)
def prepare(problem, buffers, threads):
    def run():
        print("said in the case", flush=True)
        os._exit(4)
    return run
""")
    done = normbench("verify", one, "-b", "chatty", "--python", backend)
    assert done.returncode == 3
    assert "exit code 4; it had printed: said in the case\n" in done.stdout


def test_a_process_that_is_left_behind_is_no_other_cases_fault(normbench, tmp_path, tiny):
    """It cannot be put back, so the worker is given up."""
    backend = tmp_path / "parent.py"
    backend.write_text((ROOT / "tests/worker/plain_python.py").read_text() + """
import subprocess
name = "parent"
well = prepare
def prepare(problem, buffers, threads):
    if problem.l == 5:
        subprocess.Popen(["sleep", "60"])
    return well(problem, buffers, threads)
""")
    done = normbench("verify", tiny, "-v", "-b", "parent", "--python", backend)
    lines = [line for line in done.stdout.splitlines() if " parent " in line and "/forward" in line]
    assert lines and all(("started another process" in line) == ("_l5" in line) for line in lines)


def config_then(tmp_path, then):
    path = tmp_path / "then.toml"
    path.write_text(ONE.format(threads="[1, 2]") + f"then = {then}\n")
    return path


def test_a_read_of_the_output_follows_the_calls(normbench, tmp_path):
    """In the processes of backends, in one process, and of a plugin."""
    config = config_then(tmp_path, '["nothing", "read"]')
    for flags in [[], ["--in-process"]]:
        done = normbench("run", config, "--force", "-b", f"{NAMES}|plugged", "--variant", "naive.worker=off",
                         "--plugin", PLUGINS / "libplugged.so", *flags)
        assert done.returncode == 0, done.stderr
        rows = rows_of(done, tmp_path)
        assert others_are_well(rows, "") and len(rows) == 4 * 4
        assert {(row["then"], row["case"].endswith("/warm/read")) for row in rows} == {
            ("nothing", False), ("read", True)}


def test_a_worker_that_cannot_read_is_told_from_one_that_fails(normbench, peers, tmp_path):
    config = config_then(tmp_path, '"read"')
    plain = ROOT / "tests/worker/plain_python.py"
    done = normbench("run", config, "--force", "-b", f"{NAMES}|plain-python|fake", "--python", plain,
                     env=peers(fake=fake("none", "never")))
    rows = rows_of(done, tmp_path)
    python = [row for row in rows if row["backend"] == "plain-python"]
    assert len(python) == 2
    for row in python:
        assert row["outcome"] == "unsupported" and not row["samples_ns"], row["reason"]
        assert "cannot read the output after each call" in row["reason"]
    # What is wrong is told as that, whatever the worker can read.
    assert {row["outcome"] for row in rows if row["backend"] == "fake"} == {"failed"}
    assert all(row["outcome"] == "passed" for row in rows if row["backend"] in ("naive", "simd"))


@pytest.mark.parametrize("then", ['"read"', "5", "[1]", "null"])
def test_a_hello_with_another_then_breaks_the_protocol(normbench, tmp_path, then):
    module = (ROOT / "harness/worker/normbench.py").read_text()
    worker = tmp_path / "worker.py"
    language = '"language": "Python",'
    worker.write_text(module.replace(language, f'{language} "then": json.loads({then!r}),'))
    backend = ROOT / "tests/worker/plain_python.py"
    folder = tmp_path / "peers/odd"
    folder.mkdir(parents=True)
    (folder / "peer.json").write_text(json.dumps(
        {"name": "plain-python", "command": [sys.executable, str(worker), str(backend)]}))
    config = config_then(tmp_path, '"nothing"')
    done = normbench("verify", config, "-b", "plain-python",
                     env={**os.environ, "NORMBENCH_PEERS": str(tmp_path / "peers")})
    assert done.returncode == 3 and "broke the protocol while it started: its then is" in done.stdout


def test_a_clock_that_runs_slow_is_noticed(normbench, one, tmp_path):
    plain = (ROOT / "tests/worker/plain_python.py").read_text()
    backend = tmp_path / "slow_clock.py"
    backend.write_text(plain + """
import time
name = "slow-clock"
true_clock = time.perf_counter_ns
time.perf_counter_ns = lambda: true_clock() // 1000
""")
    done = normbench("run", one, "--force", "-b", "slow-clock", "--python", backend)
    (row,) = rows_of(done, tmp_path)
    assert row["outcome"] == "failed" and "its clock is wrong" in row["reason"]


def children_of(process):
    return (Path("/proc") / str(process) / "task" / str(process) / "children").read_text().split()


def is_gone(process):
    try:
        return (Path("/proc") / process / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_workers_end_with_the_program(one, tmp_path, number, code):
    plugin = PLUGINS / "libhangs.so"
    process = subprocess.Popen([BINARY, "verify", one, "--plugin", plugin, "-b", "naive|hangs",
                                "--timeout", "3"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    assert wait_until(lambda: len(children_of(process.pid)) == 2)
    workers = children_of(process.pid)
    time.sleep(0.5)
    process.send_signal(number)
    assert process.wait(60) == code
    assert wait_until(lambda: all(is_gone(worker) for worker in workers))


def test_a_crash_can_be_repeated_by_its_line(normbench, one):
    plugin = PLUGINS / "libcrashes.so"
    case = "batch/forward_training/f32/ncl/n8_c3_l5/t1/warm"
    done = normbench("repro", case, "-b", "crashes", "--plugin", plugin)
    assert done.returncode == 3 and "crashed: " in done.stdout and SEGMENTATION_FAULT in done.stdout


def test_a_damaged_peer_is_named(normbench, one, peers, tmp_path):
    environment = peers(good=["true"])
    (tmp_path / "peers/good/peer.json").write_text('{"name": "good"')
    done = normbench("run", one, env=environment)
    assert done.returncode == 2
    assert "peers/good/peer.json is damaged" in done.stderr and "./scripts/peers good" in done.stderr


def test_a_variant_in_the_process_of_the_harness(normbench, one, tmp_path):
    done = normbench("run", one, "--force", "-b", "naive", "--variant", "naive.worker=off")
    assert done.returncode == 0, done.stderr
    assert [row["backend"] for row in rows_of(done, tmp_path)] == ["naive", "naive[worker=off]"]


def test_numpy_is_measured_beside_the_others(normbench, tiny, tmp_path):
    """Of Debian: the one peer that every machine with the tests has."""
    pytest.importorskip("numpy")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    done = normbench("run", tiny, "--force", "-b", "naive|numpy", "--python",
                     ROOT / "impls/python/numpy.py",
                     env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr
    assert others_are_well(rows_of(done, tmp_path), "naive")
    run = json.loads((tmp_path / done.stdout.strip() / "run.json").read_text())
    (numpy,) = [backend for backend in run["backends"] if backend["name"] == "numpy"]
    assert numpy["language"] == "Python" and 0 < numpy["empty_call_ns"] < 1e5
    assert "from Python" in normbench("rank", tmp_path / done.stdout.strip()).stdout


def test_a_peer_that_is_not_installed_is_named_with_its_command(normbench, one, tmp_path):
    done = normbench("list")
    for name in (peer["name"] for peer in json.loads((ROOT / "impls/peers.json").read_text())):
        assert f"not installed: ./scripts/peers {name}\n" in done.stdout
    done = normbench("run", one, "--force", "-b", "naive|jax")
    run = json.loads((tmp_path / done.stdout.strip() / "run.json").read_text())
    (jax,) = [backend for backend in run["backends"] if backend["name"] == "jax"]
    assert jax["outcome"] == "not_installed" and jax["reason"] == "./scripts/peers jax"


def test_the_limit_must_be_a_time(normbench, one):
    for wrong in ("0", "-1", "soon", "1e9"):
        done = normbench("verify", one, "--timeout", wrong)
        assert done.returncode == 2 and "--timeout" in done.stderr


def test_the_verb_worker_is_not_for_people(normbench):
    assert "worker" not in normbench("--help").stdout
    assert "worker" not in normbench("nothing").stderr
    done = normbench("worker", "naive")
    assert done.returncode == 2 and "started by normbench run and verify" in done.stderr


def outcomes(rows):
    return {(row["case"], row["backend"]): (row["outcome"], row["detail"], bool(row["samples_ns"]))
            for row in rows}


@pytest.mark.parametrize("seed", range(int(os.environ.get("NORMBENCH_DEATHS", "3"))))
def test_a_death_at_a_random_moment_costs_one_row(tiny, tmp_path, finished_run, seed):
    """NORMBENCH_DEATHS says how many are tried."""
    process = subprocess.Popen([BINARY, "run", tiny, "--force", "-b", "naive|openmp"], cwd=tmp_path,
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert wait_until(lambda: len(children_of(process.pid)) == 2 or process.poll() is not None)
    workers = children_of(process.pid)
    victim = next(worker for worker in workers
                  if b"naive" in (Path("/proc") / worker / "cmdline").read_bytes())
    time.sleep(random.Random(seed).uniform(0, 1))
    os.kill(int(victim), signal.SIGKILL)
    output, errors = process.communicate(timeout=120)
    assert process.returncode in (0, 3), errors  # 0: the run had finished
    rows = [json.loads(line) for line in
            (tmp_path / output.strip() / "samples.jsonl").read_text().splitlines()]
    undisturbed = outcomes(json.loads(line) for line in
                           (finished_run / "samples.jsonl").read_text().splitlines())
    different = {key for key, value in outcomes(rows).items() if value != undisturbed[key]}
    assert {backend for _, backend in different} <= {"naive"} and len(different) <= 1
    assert len(rows) == len(undisturbed)
    for row in rows:
        assert row["outcome"] == "passed" or "signal 9" in row["reason"]
