"""Options of backends: set in place, or tried beside the backend itself."""

import json
import re

import pytest

from bad_input_test import one_error


def rows_of(folder):
    return [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]


def backends_of(folder):
    return {row["backend"] for row in rows_of(folder)}


@pytest.fixture
def run(normbench, tiny, tmp_path):
    def call(*words):
        done = normbench("run", tiny, "-b", "simd|naive", "-f", "named", *words)
        assert done.returncode == 0, done.stderr
        return tmp_path / done.stdout.strip()

    return call


def test_an_option_is_set_in_place(run):
    folder = run("--backend-option", "simd.streaming=off")
    assert backends_of(folder) == {"naive", "simd[streaming=off]"}


def test_options_add_up(run):
    folder = run("--backend-option", "simd.streaming=off", "--backend-option", "simd.sharing=off")
    assert backends_of(folder) == {"naive", "simd[streaming=off,sharing=off]"}


def test_a_variant_is_one_more_contestant(run):
    folder = run("--variant", "simd.streaming=off", "--variant", "simd.caches=tiny")
    names = {"naive", "simd", "simd[streaming=off]", "simd[caches=tiny]"}
    assert backends_of(folder) == names
    recorded = json.loads((folder / "run.json").read_text())["backends"]
    assert names <= {entry["name"] for entry in recorded if entry["built"]}


def test_options_of_a_backend_that_is_filtered_out_are_no_mistake(normbench, tiny):
    done = normbench("run", tiny, "--dry-run", "-b", "naive", "--variant", "simd.streaming=off")
    assert done.returncode == 0 and "simd" not in done.stdout


def test_a_variant_is_verified(normbench, tiny):
    done = normbench("verify", tiny, "-b", "^simd$", "--variant", "simd.residency=off")
    assert done.returncode == 0, done.stderr
    assert "simd[residency=off]" in done.stdout


def test_a_variant_is_reproduced_by_its_name(normbench):
    case = "batch/forward_training/f32/ncl/n4_c3_l5/t1/warm"
    done = normbench("repro", case, "-b", "simd[streaming=off,columns=off]")
    assert done.returncode == 0, done.stderr
    assert "simd[streaming=off,columns=off]" in done.stdout


def test_a_number_is_a_value_where_an_option_takes_one(run, normbench):
    folder = run("--variant", "simd.streaming=4194304")
    assert backends_of(folder) == {"naive", "simd", "simd[streaming=4194304]"}
    case = "batch/forward_training/f32/ncl/n512_c2048_l1/t1/warm"
    for size, streams in [(4194304, True), (1 << 30, False)]:
        done = normbench("repro", case, "-b", f"simd[streaming={size}]")
        assert done.returncode == 0, done.stderr
        assert (", streaming" in done.stdout) == streams


def test_what_was_measured_is_recorded_as_options_that_repeat_it(run, normbench):
    rows = [row for row in rows_of(run()) if row["backend"] == "simd"]
    assert rows and all(re.search(r"streaming=(\d+|off)", row["measured"]) for row in rows)
    for row in rows:
        done = normbench("repro", row["case"], "-b", f"simd[{row['measured']}]")
        assert done.returncode == 0, done.stderr
        assert f"detail     {row['detail']}\n" in done.stdout
        assert "measured " not in done.stdout
    assert re.search(r"^measured +simd: streaming=", normbench("doctor").stdout, re.M)


def test_list_names_the_options(normbench):
    assert "option streaming=auto|on|off|BYTES" in normbench("list").stdout


@pytest.mark.parametrize("setting, words", [
    ("streaming=off", ["BACKEND.OPTION=VALUE", "'streaming=off'"]),
    ("simd.streaming", ["BACKEND.OPTION=VALUE"]),
    ("simt.streaming=off", ["no backend 'simt'", "simd"]),
    ("simd.steaming=off", ["no option 'steaming'", "streaming (auto, on, off, BYTES)"]),
    ("simd.streaming=no", ["simd.streaming", "'no'", "auto, on, off, BYTES"]),
    ("simd.streaming=4 MiB", ["simd.streaming", "'4 MiB'", "BYTES"]),
    ("simd.streaming=0", ["simd.streaming", "'0'", "BYTES"]),
    ("simd.sharing=4194304", ["simd.sharing", "'4194304'", "on, off"]),
    ("naive.streaming=off", ["naive", "it has none"]),
])
@pytest.mark.parametrize("flag", ["--backend-option", "--variant"])
def test_a_bad_option_is_refused(normbench, tiny, tmp_path, flag, setting, words):
    one_error(normbench("run", tiny, flag, setting), 2, *words)
    assert list(tmp_path.iterdir()) == [tiny]
