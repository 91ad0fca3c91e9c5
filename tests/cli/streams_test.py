"""Who writes where: results on stdout, all else on stderr, whatever the streams are like."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import time

import pytest

from conftest import BINARY, ONE


def environment(**variables):
    return {**os.environ, **variables}


def test_what_a_library_prints_is_not_on_stdout(normbench, one, tmp_path):
    for flags in [], ["--in-process"]:
        done = normbench("run", one, "-b", "^onednn$", *flags, env=environment(DNNL_VERBOSE="1"))
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 1 and (tmp_path / done.stdout.strip()).is_dir()
    assert "exec,cpu" in done.stderr
    assert "DNNL_VERBOSE" in [line for line in done.stderr.splitlines() if "unset" in line][0]


def test_help_and_version_are_results(normbench):
    for words in (["--help"], ["run", "--help"], ["--version"]):
        done = normbench(*words)
        assert done.returncode == 0 and done.stdout and not done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_harmless(one, tmp_path, closed):
    command = f"'{BINARY}' run one.toml -b naive {closed}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode in ((0,) if ">&-" not in closed.replace("2>&-", "") else (0, 1))
    [folder] = (tmp_path / "results").iterdir()
    lines = (folder / "samples.jsonl").read_text().splitlines()
    assert len(lines) == 1 and all(line.startswith("{") for line in lines)


def test_a_full_stderr_ends_nothing(one, tmp_path):
    with open("/dev/full", "w", encoding="utf8") as full:
        done = subprocess.run([BINARY, "run", one, "-b", "naive"], cwd=tmp_path, stderr=full,
                              stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 0 and (tmp_path / done.stdout.strip()).is_dir()


def test_a_full_stdout_is_an_error(one, tmp_path):
    with open("/dev/full", "w", encoding="utf8") as full:
        done = subprocess.run([BINARY, "list", one], cwd=tmp_path, stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "cannot write to stdout" in done.stderr


@pytest.mark.parametrize("verb", ["run", "verify"])
def test_the_first_interrupt_is_answered_at_once(binary, tmp_path, verb):
    config = tmp_path / "long.toml"
    config.write_text(ONE.format(threads=1).replace("L = 5", "L = 3000000") +
                      "[limits]\nbytes = 1000000000\n")
    for seconds in (1, 4, 16):  # until inputs are there and a call is running, however slow the build
        process = subprocess.Popen([binary, verb, config, "-b", "naive"], cwd=tmp_path, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert any("[1/" in line for line in iter(process.stderr.readline, ""))
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        answer = process.stderr.readline() + process.stderr.readline()
        assert "interrupted: finishing " in answer and "once more" in answer
        if "a call of naive on batch/" in answer:
            break
        process.kill()
        process.communicate()
    assert "a call of naive on batch/" in answer
    time.sleep(0.1)  # what comes at once is taken for the same signal
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode in (-signal.SIGINT, 130)


def test_timeout_interrupts_once(binary, tmp_path):
    """timeout(1) sends its signal twice: to the process, and to its group."""
    config = tmp_path / "long.toml"
    config.write_text(ONE.format(threads=1).replace("_rounds = 6", "_rounds = 1000000"))
    done = subprocess.run(["timeout", "3", binary, "run", config, "-b", "naive"], cwd=tmp_path,
                          text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 124 and "interrupted" in done.stderr
    run = json.loads((tmp_path / done.stdout.strip() / "run.json").read_text())
    assert run["interrupted"] is True


def test_the_progress_line_keeps_its_end_in_a_narrow_terminal(binary, one, tmp_path):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
    subprocess.run([binary, "verify", one, "-b", "naive"], cwd=tmp_path, stderr=theirs,
                   stdout=subprocess.DEVNULL, check=True, timeout=60)
    os.close(theirs)
    shown = [line for line in os.read(ours, 65536).decode().split("\r\033[K") if line]
    os.close(ours)
    assert shown and all(len(line) < 50 for line in shown)
    assert all("[1/1] batch/" in line and "... " in line and line.endswith(" s left")
               for line in shown)


def test_verify_remarks_what_run_does_beside_its_work(normbench, one):
    done = normbench("verify", one, "-b", "^(naive|onednn)$", env=environment(DNNL_VERBOSE="1"))
    assert done.returncode == 0, done.stderr
    assert "remark: onednn writes to a stream or a file in run(), in 1 cases" in done.stdout
    assert "remark: naive" not in done.stdout


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one CPU")
@pytest.mark.parametrize("variables, words", [
    ({"OMP_THREAD_LIMIT": "1"}, "OpenMP gives 1 of 2 threads"),
    ({"OMP_PLACES": "{0}"}, "2 threads run on 1 of"),
])
def test_threads_that_are_none_have_no_times(normbench, tmp_path, variables, words):
    config = tmp_path / "two.toml"
    config.write_text(ONE.format(threads="[1, 2]"))
    done = normbench("run", config, "-b", "naive|openmp", env=environment(**variables))
    assert done.returncode == 3 and words in done.stderr
    rows = [line for line in (tmp_path / done.stdout.strip() / "samples.jsonl").read_text()
            .splitlines()]
    assert sum('"outcome":"passed"' in row for row in rows) == 2
    failed = [row for row in rows if '"outcome":"failed"' in row]
    assert len(failed) == 2 and all("/t2/" in row and words in row for row in failed)


@pytest.mark.skipif(os.getuid() != 0 or (os.cpu_count() or 1) < 2, reason="not root, or one CPU")
def test_threads_that_cannot_be_started_cost_their_own_rows(binary, tmp_path):
    config = tmp_path / "many.toml"
    config.write_text(ONE.format(threads="[1, 64]"))
    tmp_path.chmod(0o777)
    command = f"ulimit -u 20; exec '{binary}' run many.toml -b 'naive|openmp'"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, user=65534, group=65534,
                          extra_groups=[], capture_output=True, text=True, check=False, timeout=60)
    if "ermission denied" in done.stderr:
        pytest.skip("another user cannot reach the program or the folder")
    assert done.returncode == 3, done.stderr
    rows = [json.loads(line) for line in
            (tmp_path / done.stdout.strip() / "samples.jsonl").read_text().splitlines()]
    assert {(row["threads"], row["outcome"]) for row in rows} == {(1, "passed"), (64, "failed")}


def test_a_name_is_kept_for_each_row_that_is_the_same_case(normbench, tmp_path):
    config = tmp_path / "names.toml"
    config.write_text("""
version = 1
name = "names"
[[shapes]]
rows = [{ id = "first", N = 8, C = 3, L = 5, source = "one" },
        { id = "second", N = 8, C = 3, L = 5, source = "two" }]
""")
    assert "first, second" in normbench("list", config).stdout
    case = normbench("list", config).stdout.split()[0]
    for pattern in ("^second$", "^first$", "warm$", f"^{case}$"):
        done = normbench("list", config, "-f", pattern)
        assert done.returncode == 0 and "n8_c3_l5" in done.stdout, pattern
    assert normbench("list", config, "-F", "^second$", "-f", "first").returncode == 2


@pytest.mark.parametrize("words", [
    ["--budget", "nan"], ["--budget", "inf"], ["--budget", "-1"], ["--seed", "-1"],
    ["--seed", "1.5"], ["--seed", "99999999999999999999999"],
])
def test_numbers_out_of_range_are_refused(normbench, one, tmp_path, words):
    done = normbench("run", one, *words)
    assert done.returncode == 2 and words[0] in done.stderr, done.stderr
    assert not (tmp_path / "results").exists()


def test_a_slot_of_years_is_refused(normbench, one):
    one.write_text(one.read_text().replace("min_slot_us = 20", "min_slot_us = 1e18"))
    done = normbench("run", one)
    assert done.returncode == 2 and "at most 10000000" in done.stderr


def test_a_case_without_samples_says_so(normbench):
    done = normbench("repro", "batch/backward/f32/ncl/n0_c3_l1/t1/warm", "-b", "naive")
    assert done.returncode == 2 and "N must be at least 1" in done.stderr
