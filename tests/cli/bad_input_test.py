"""Bad input: one message that says what, where and what to change, the documented code, no traces."""

import re
import resource

import pytest

GOOD = """version = 1
name = "x"
[[grid]]
N = 4
C = 3
L = 2
"""
WITH_PASS = GOOD + 'pass = "{}"\n'


def one_error(done, code, *words):
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    assert len(errors) == 1 and errors[0].startswith("normbench: error: "), done.stderr
    for word in words:
        assert word in errors[0], errors[0]


# What is wrong, the config, and what the message must name: line, key and remedy.
BAD_CONFIGS = {
    "unknown key": (GOOD + "color = 1\n", ["bad.toml:7", "color"]),
    "unknown top-level key": ("colour = 1\n" + GOOD, ["bad.toml:1", "colour"]),
    "wrong type": (GOOD.replace("N = 4", 'N = "4"'), ["bad.toml:4", "N"]),
    "not TOML": (GOOD + "= 3\n", ["bad.toml:7"]),
    "unknown norm": (GOOD + 'norm = "bach"\n', ["bad.toml:7", "norm", "bach", "batch"]),
    "unknown pass": (WITH_PASS.format("forwards"), ["bad.toml:7", "pass", "forward_training"]),
    "unknown dtype": (GOOD + 'dtype = "float"\n', ["bad.toml:7", "dtype", "f32"]),
    "N is zero": (GOOD.replace("N = 4", "N = 0"), ["bad.toml:4", "N", "0"]),
    "C is negative": (GOOD.replace("C = 3", "C = -3"), ["bad.toml:5", "C", "-3"]),
    "L is zero": (GOOD.replace("L = 2", "L = [2, 0]"), ["bad.toml:6", "L", "0"]),
    "one value per channel": (
        GOOD.replace("N = 4", "N = 1").replace("L = 2", "L = 1"),
        ["Expected more than 1 value per channel when training, got input size torch.Size([1, 3, 1])"]),
    "batch does not divide N": (GOOD + "batch = 3\n", ["bad.toml:3", "grid", "batch", "3", "4"]),
    "too many cases": (GOOD + "[limits]\ncases = 1\n" + "[[grid]]\nN = [2, 4]\nC = 3\nL = 2\n",
                       ["limit", "1"]),
    "too many bytes": (GOOD.replace("N = 4", "N = 100000000"), ["limit", "N"]),
    "empty expansion": (GOOD + 'exclude = [{ N = 4, reason = "all of it" }]\n', ["bad.toml"]),
    "no grid": ('version = 1\nname = "x"\n', ["bad.toml", "grid"]),
    "thread count zero": (GOOD + "threads = 0\n", ["bad.toml:7", "threads", "0"]),
    "other version": (GOOD.replace("version = 1", "version = 2"), ["bad.toml:1", "version", "2"]),
}


@pytest.mark.parametrize("verb", ["list", "run", "verify"])
@pytest.mark.parametrize("what", BAD_CONFIGS)
def test_a_bad_config_is_refused(normbench, tmp_path, verb, what):
    text, words = BAD_CONFIGS[what]
    config = tmp_path / "bad.toml"
    config.write_text(text)
    one_error(normbench(verb, "bad.toml"), 2, *words)
    assert list(tmp_path.iterdir()) == [config]


BAD_COMMANDS = {
    "no verb": ([], ["a verb is missing", "run", "rank", "--help"]),
    "no verb, but a flag": (["--fast"], ["a verb is missing", "--help"]),
    "misspelled verb": (["rnu"], ["unknown verb 'rnu', did you mean 'run'?", "--help"]),
    "misspelled verb of the analysis": (["rnak", "."], ["'rnak'", "did you mean 'rank'?"]),
    "unknown verb": (["measure"], ["unknown verb 'measure'", "list", "run", "export", "--help"]),
    "unknown flag": (["run", "tiny.toml", "--fast"], ["--fast"]),
    "missing config": (["run", "absent.toml"], ["absent.toml"]),
    "config is a folder": (["run", "."], ["."]),
    "no config": (["run"], ["config"]),
    "threads zero": (["run", "tiny.toml", "--threads", "0"], ["--threads"]),
    "threads not a number": (["run", "tiny.toml", "--threads", "many"], ["--threads"]),
    "budget negative": (["run", "tiny.toml", "--budget", "-5"], ["--budget"]),
    "case filter matches nothing": (["run", "tiny.toml", "-f", "resnet"], ["filter", "-f", "batch/"]),
    "backend filter matches nothing": (["run", "tiny.toml", "-b", "cudnn"], ["filter", "-b", "naive"]),
    **{f"{flag} is no expression": (["run", "tiny.toml", flag, "("],
                                    [f"{flag} '('", "regular expression"])
       for flag in ("-b", "-B", "-f", "-F")},
    "not a case id": (["repro", "batch/forward", "-b", "naive"], ["batch/forward"]),
    "case is invalid": (["repro", "batch/backward/f32/ncl/n1_c1_l1/t1/warm", "-b", "naive"],
                        ["Expected more than 1 value per channel"]),
    "unknown backend": (["repro", "batch/backward/f32/ncl/n4_c3_l5/t1/warm", "-b", "cudnn"],
                        ["cudnn", "naive"]),
    "missing run folder": (["rank", "results/absent"], ["results/absent"]),
    "not a run folder": (["compare", "."], ["run.json"]),
    "unknown analysis flag": (["rank", ".", "--fast"], ["--fast"]),
}


@pytest.mark.parametrize("what", BAD_COMMANDS)
def test_a_bad_command_is_refused(normbench, tiny, tmp_path, what):
    command, words = BAD_COMMANDS[what]
    one_error(normbench(*command), 2, *words)
    assert list(tmp_path.iterdir()) == [tiny]


def test_a_filter_that_leaves_out_nothing_is_warned_of(normbench, tiny):
    done = normbench("list", tiny, "-B", "cudnn", "-F", "resnet", "-F", "named")
    assert done.returncode == 0 and "named" not in done.stdout
    of_case, of_backend = [line for line in done.stderr.splitlines() if "warning" in line]
    assert of_case.startswith("normbench: warning: -F 'resnet' matches no case")
    assert of_backend.startswith("normbench: warning: -B 'cudnn' matches no backend, there are: naive")


# What -b is, and what is said of it. Peers are not installed here.
IDLE_PARTS = {
    "nobody|naive": "'nobody' matches no backend, there are: naive",
    "^(nobody|naive)$": "'^(nobody)$' matches no backend, there are: naive",
    "torch|naive": "torch is not installed: ./scripts/peers torch",
}


@pytest.mark.parametrize("words", [("list",), ("list", "tiny.toml"), ("verify", "tiny.toml"),
                                   ("run", "tiny.toml", "--dry-run")])
@pytest.mark.parametrize("text", IDLE_PARTS)
def test_a_part_of_a_filter_that_chooses_nobody_is_warned_of(normbench, tiny, words, text):
    done = normbench(*words, "-b", text)
    assert done.returncode == 0, done.stderr
    (warning,) = [line for line in done.stderr.splitlines() if "-b" in line]
    assert warning.startswith(f"normbench: warning: -b '{text}': {IDLE_PARTS[text]}")


def test_each_part_of_a_filter_may_be_a_flag_of_its_own(normbench, tiny):
    done = normbench("list", tiny, "-b", "naive", "-b", "nobody")
    assert done.returncode == 0 and "-b 'nobody': 'nobody' matches no backend" in done.stderr
    done = normbench("list", "--support", "-b", "naive|nobody")
    assert done.returncode == 0 and "'nobody' matches no backend" in done.stderr
    assert "warning" not in normbench("list", tiny, "-b", "naive").stderr


@pytest.mark.parametrize("words", [("list",), ("list", "--support"), ("list", "tiny.toml")])
def test_a_filter_that_chooses_nobody_is_refused(normbench, tiny, words):
    one_error(normbench(*words, "-b", "^cudnn$"), 2, "-b", "there are naive")


def test_list_lists_what_is_not_there(normbench, tiny):
    done = normbench("list", "-b", "^torch$")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "torch            not installed: ./scripts/peers torch\n"
    one_error(normbench("list", tiny, "-b", "^torch$"), 2,
              "matches nothing", "torch is not installed: ./scripts/peers torch")


@pytest.mark.parametrize("flags", [("-b", "-B", "-f", "-F"),
                                   ("--backend", "--without-backend", "--filter", "--without")])
@pytest.mark.parametrize("verb", ["list", "verify"])
def test_filters_have_long_and_short_flags(normbench, tiny, verb, flags):
    words = [word for pair in zip(flags, ("naive|openmp", "openmp", "named", "/t2/")) for word in pair]
    done = normbench(verb, tiny, *words)
    assert done.returncode == 0, done.stderr
    assert "3 cases, 1 backends" in done.stderr or "3 of 3 passed" in done.stdout


def test_a_truncated_run_folder_is_refused(normbench, tiny_run):
    run = tiny_run / "run.json"
    run.write_text(run.read_text()[:100])
    one_error(normbench("report", tiny_run), 2, "run.json")
    assert not (tiny_run / "report.md").exists()


def test_runs_of_another_schema_are_not_mixed(normbench, tiny_run, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("run.json", "samples.jsonl", "controls.jsonl"):
        (other / name).write_text((tiny_run / name).read_text())
    text = (other / "run.json").read_text()
    (other / "run.json").write_text(re.sub(r'"schema": 1', '"schema": 99', text))
    one_error(normbench("diff", tiny_run, other), 2, "schema", "99")


def test_results_that_cannot_be_written_are_said_at_once(normbench, tiny, tmp_path):
    (tmp_path / "file").write_text("")
    one_error(normbench("run", tiny, "--results", "file"), 1, "file", "--results")


def test_a_full_disk_is_an_error_and_loses_nothing(normbench, tiny, tmp_path):
    # A limit on the size of files stands in for the disk.
    limit = 9000
    done = normbench("run", tiny, "-b", "naive", restore_signals=False,  # keeps SIGXFSZ ignored
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert done.returncode == 1
    assert "samples.jsonl" in done.stderr and "cannot be written" in done.stderr
    (folder,) = (tmp_path / "results").iterdir()
    assert normbench("rank", folder).returncode == 0
