"""Differences between two runs: which rows count as regressions, and what is warned about."""

import json

import pytest
from conftest import make_gap, make_meta, make_row, run_in_process, write_run

from analysis.errors import UserError


def pair(tmp_path, old_rows, new_rows, **new_meta):
    return (write_run(tmp_path / "old", old_rows),
            write_run(tmp_path / "new", new_rows, **new_meta))


def rows_of(capsys):
    return json.loads(capsys.readouterr().out)


def test_same_speed_is_fine(tmp_path, capsys):
    folders = pair(tmp_path, [make_row("a", 100.0)], [make_row("a", 101.0, seed=2)])
    assert run_in_process("diff", *folders) == 0
    assert "1 same" in capsys.readouterr().out


def test_regression_exits_4_and_comes_first(tmp_path, capsys):
    old = [make_row("a", 100.0, l=1), make_row("a", 100.0, l=2), make_row("a", 100.0, l=3)]
    new = [make_row("a", 100.0, l=1), make_row("a", 120.0, l=2), make_row("a", 80.0, l=3)]
    assert run_in_process("diff", *pair(tmp_path, old, new), "--format", "json") == 4
    rows = rows_of(capsys)["rows"]
    assert [row["change"] for row in rows] == ["slower", "faster", "same"]
    medians = [sum(sorted(row["samples_ns"])[5:7]) / 2 for row in (new[1], old[1])]
    assert rows[0]["ratio"] == pytest.approx(medians[0] / medians[1])
    ends = sorted(new[1]["samples_ns"])[2] / sorted(old[1]["samples_ns"])[-3]
    assert rows[0]["lo"] == pytest.approx(ends)  # 12 rounds: 3rd smallest and 3rd largest


@pytest.mark.parametrize("threshold, code", [("1.05", 4), ("1.25", 0)])
def test_threshold(tmp_path, threshold, code):
    folders = pair(tmp_path, [make_row("a", 100.0)], [make_row("a", 120.0)])
    assert run_in_process("diff", *folders, "--threshold", threshold) == code


def test_interval_that_reaches_below_the_threshold_is_no_regression(tmp_path):
    folders = pair(tmp_path, [make_row("a", 100.0, jitter=0.3)],
                   [make_row("a", 110.0, jitter=0.3, seed=2)])
    assert run_in_process("diff", *folders) == 0


def test_too_few_rounds_claim_nothing(tmp_path, capsys):
    folders = pair(tmp_path, [make_row("a", 100.0, rounds=5)], [make_row("a", 900.0)])
    assert run_in_process("diff", *folders) == 0
    assert "1 undecided" in capsys.readouterr().out


@pytest.mark.parametrize("outcome, code", [("failed", 4), ("crashed", 4), ("timed_out", 4),
                                           ("unsupported", 0), ("not_built", 0)])
def test_row_that_broke_is_a_regression(tmp_path, outcome, code):
    folders = pair(tmp_path, [make_row("a", 100.0)], [make_gap("a", outcome, "x")])
    assert run_in_process("diff", *folders) == code


def test_row_that_was_broken_before_is_none(tmp_path):
    folders = pair(tmp_path, [make_gap("a", "failed", "x")], [make_gap("a", "failed", "x")])
    assert run_in_process("diff", *folders) == 0


def test_unmatched_rows_are_counted(tmp_path, capsys):
    folders = pair(tmp_path, [make_row("a", 1.0), make_row("b", 1.0), make_row("c", 1.0)],
                   [make_row("a", 1.0), make_row("d", 1.0)])
    run_in_process("diff", *folders)
    assert "1 rows in both runs: 1 same. Only in OLD: 2, only in NEW: 1." in (
        capsys.readouterr().out)


@pytest.mark.parametrize("other", [{"norm": "rms"}, {"dtype": "f64"}, {"layout": "nlc"}])
def test_rows_are_matched_within_norm_dtype_and_layout(tmp_path, capsys, other):
    old = [make_row("a", 100.0), make_row("a", 300.0, **other)]
    folders = pair(tmp_path, old, [make_row("a", 300.0, seed=2, **other), make_row("a", 100.0)])
    assert run_in_process("diff", *folders) == 0
    assert "2 rows in both runs: 2 same." in capsys.readouterr().out


def test_nothing_in_common_is_refused(tmp_path):
    with pytest.raises(UserError, match="no case and backend in common"):
        run_in_process("diff", *pair(tmp_path, [make_row("a", 1.0)], [make_row("b", 1.0)]))


@pytest.mark.parametrize("section, key", [("machine", "cpu"), ("machine", "host"),
                                          ("build", "flags")])
def test_other_machine_or_build_is_warned_about(tmp_path, capsys, section, key):
    other = dict(make_meta()[section], **{key: "different"})
    folders = pair(tmp_path, [make_row("a", 1.0)], [make_row("a", 1.0)], **{section: other})
    run_in_process("diff", *folders)
    assert f"different {section} {key}: OLD" in capsys.readouterr().err


def test_noise_above_the_threshold_is_warned_about(tmp_path, capsys):
    folders = pair(tmp_path, [make_row("a", 1.0)], [make_row("a", 1.0)], noise={"floor": 1.2})
    run_in_process("diff", *folders)
    assert "noise floor" in capsys.readouterr().err


def test_mixed_schema_names_the_file(tmp_path):
    folders = pair(tmp_path, [make_row("a", 1.0)], [make_row("a", 1.0)], schema=2)
    with pytest.raises(UserError, match="new/run.json has schema 2"):
        run_in_process("diff", *folders)


@pytest.mark.parametrize("threshold", ["0.9", "nan", "inf", "fast"])
def test_threshold_must_be_a_ratio(tmp_path, threshold):
    with pytest.raises(UserError, match="no ratio of at least 1"):
        run_in_process("diff", "old", "new", "--threshold", threshold)
