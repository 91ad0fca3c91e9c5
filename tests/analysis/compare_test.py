"""Comparison within cases, its formats, and the filters that all verbs share."""

import csv
import io
import json
import re

import pytest
from conftest import ladder, make_gap, make_row, run_in_process, two, write_run

from analysis import runs
from analysis.cases import compare_within_cases, matched_rows
from analysis.errors import UserError
from analysis.text import (bytes_text, code, escape, estimate_text, hoist, ratio_text,
                           spread_text, time_text)
from analysis.intervals import Estimate


def verdicts(rows, floor=1.0, baseline=None, tmp_path=None):
    run = runs.load(str(write_run(tmp_path / "run", rows)))
    frame = compare_within_cases(run.rows, floor, baseline)
    return {row["backend"]: row for row in frame.to_dict("records")}


def shifted(backend, factor, base):
    """A row whose every sample is exactly `factor` times that of `base`."""
    return dict(base, backend=backend, native_layout=False,
                samples_ns=[factor * value for value in base["samples_ns"]])


@pytest.fixture
def base():
    return make_row("base", 100.0, jitter=0.3)


def test_ratios_are_to_the_lowest_median(base, tmp_path):
    found = verdicts([base, shifted("slow", 1.5, base), shifted("fast", 0.5, base)],
                     tmp_path=tmp_path)
    assert found["fast"]["verdict"] == "reference"
    assert found["base"]["ratio"] == pytest.approx(2) and found["base"]["verdict"] == "slower"
    assert found["slow"]["ratio"] == pytest.approx(3)
    assert found["slow"]["lo"] == pytest.approx(3)


def test_difference_below_the_noise_floor_is_a_tie(base, tmp_path):
    rows = [base, shifted("near", 1.04, base)]
    assert verdicts(rows, 1.05, tmp_path=tmp_path)["near"]["verdict"] == "tied"
    assert verdicts(rows, 1.03, tmp_path=tmp_path)["near"]["verdict"] == "slower"


def test_interval_across_1_is_a_tie(base, tmp_path):
    other = dict(base, backend="other", samples_ns=[
        value * (1.3 if index % 2 else 0.8) for index, value in enumerate(base["samples_ns"])])
    found = verdicts([base, other], tmp_path=tmp_path)
    assert {found["base"]["verdict"], found["other"]["verdict"]} == {"reference", "tied"}


def test_native_layout_is_never_the_best_beside_others(base, tmp_path):
    rows = [base, dict(shifted("native", 0.5, base), native_layout=True)]
    found = verdicts(rows, tmp_path=tmp_path)
    assert found["base"]["verdict"] == "reference"
    assert found["native"]["verdict"] == "faster" and not found["native"]["competes"]
    assert found["native"]["ratio"] == pytest.approx(0.5)


def test_native_layout_is_best_among_its_like(base, tmp_path):
    rows = [dict(base, native_layout=True), dict(shifted("b", 2, base), native_layout=True)]
    assert verdicts(rows, tmp_path=tmp_path)["base"]["verdict"] == "reference"


def test_baseline_may_be_beaten(base, tmp_path):
    found = verdicts([base, shifted("fast", 0.5, base)], baseline="base", tmp_path=tmp_path)
    assert found["fast"]["ratio"] == pytest.approx(0.5)
    assert found["fast"]["verdict"] == "faster"


def test_lower_median_but_not_faster_in_most_rounds_is_tied(tmp_path):
    lower = make_row("lower", 1.0, samples_ns=[1.0] * 7 + [10.0] * 7)
    other = dict(lower, backend="other", samples_ns=[20.0] * 2 + [0.9] * 5 + [9.0] * 7)
    found = verdicts([lower, other], tmp_path=tmp_path)
    assert found["lower"]["verdict"] == "reference"
    assert found["other"]["hi"] == pytest.approx(0.9) and found["other"]["verdict"] == "tied"


def test_matched_rows_keep_cases_that_all_share(tmp_path):
    rows = [make_row(name, 1.0, l=l) for l in (1, 2, 3, 4) for name in ("a", "b")
            if (name, l) != ("b", 4)]
    rows.append(make_row("rare", 1.0, l=1))
    run = runs.load(str(write_run(tmp_path / "run", rows)))
    matched, left_out = matched_rows(run.rows)
    assert left_out == {"rare": 1}
    assert sorted(set(matched["l"])) == [1, 2, 3]
    assert set(matched["backend"]) == {"a", "b"}


def test_text_shows_ratios_marks_and_gaps(run_folder, capsys):
    assert run_in_process("compare", run_folder) == 0
    out = capsys.readouterr().out.splitlines()
    assert "above 1 is slower" in out[0]
    assert out[2] == "cases batch/forward_training/f32/ncl/*/t1/warm"
    first = out[5]
    assert first.startswith("n64_c256_l16 ") and first.endswith("unsupported")
    assert re.search(r"1\.6 us +4\.00", first)
    assert first.count("*") == 1 and first.count("=") == 1
    assert out[6].endswith("-")


def test_best_is_sought_within_norm_dtype_and_layout(tmp_path, capsys):
    kinds = [{}, {"norm": "rms"}, {"dtype": "f64"}, {"layout": "nlc"}]
    rows = [row for index, kind in enumerate(kinds)
            for row in two("b" if index else "a", "a" if index else "b", 2.0 + index, **kind)]
    run_in_process("compare", write_run(tmp_path / "run", rows))
    out = capsys.readouterr().out.splitlines()
    assert out[2] == "cases */forward_training/*/*/*/t1/warm"
    found = {line.split()[0]: re.findall(r"\d+\.\d\d", line)[-2:] for line in out[5:]}
    assert found["batch/f32/ncl/n64_c256_l16"] == ["1.00", "2.00"]
    assert found["rms/f32/ncl/n64_c256_l16"] == ["3.00", "1.00"]
    assert found["batch/f64/ncl/n64_c256_l32"] == ["4.00", "1.00"]
    assert found["batch/f32/nlc/n64_c256_l32"] == ["5.00", "1.00"]


def test_too_few_rounds_are_marked_not_judged(tmp_path, capsys):
    folder = write_run(tmp_path / "run", ladder(rounds=5))
    run_in_process("compare", folder)
    row = capsys.readouterr().out.splitlines()[5]
    assert "4.00?" in row and "±" not in row and "=" not in row


def test_json_has_every_figure(run_folder, capsys):
    run_in_process("compare", run_folder, "--format", "json", "--baseline", "naive")
    data = json.loads(capsys.readouterr().out)
    assert (data["reference"], data["noise_floor"]) == ("naive", 1.01)
    rows = {(row["case"], row["backend"]): row for row in data["rows"]}
    assert len(rows) == 13
    case = "batch/forward_training/f32/ncl/n64_c256_l16/t1/warm"
    assert rows[case, "openmp"]["ratio"] == pytest.approx(0.25, rel=0.01)
    assert rows[case, "picky"]["outcome"] == "unsupported"
    assert rows[case, "picky"]["ratio"] is None


def test_csv_has_one_line_per_case_and_backend(run_folder, capsys):
    run_in_process("compare", run_folder, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 13
    assert float(rows[0]["ratio"]) == pytest.approx(4, rel=0.01)
    assert float(rows[0]["lo"]) <= float(rows[0]["ratio"]) <= float(rows[0]["hi"])


def test_markdown_marks_the_best_and_escapes_names(tmp_path, capsys):
    rows = [make_row("a|b", 100.0), make_row("slow", 300.0)]
    run_in_process("compare", write_run(tmp_path / "run", rows), "--format", "markdown")
    out = capsys.readouterr().out
    assert "a\\|b" in out and "**1.00**" in out and "3.00 [" in out


def test_row_without_the_baseline_says_so(tmp_path, capsys):
    rows = [make_row("a", 1.0, l=1), make_row("b", 1.0, l=1), make_row("b", 1.0, l=2)]
    run_in_process("compare", write_run(tmp_path / "run", rows), "--baseline", "a")
    assert "no baseline" in capsys.readouterr().out


def test_narrow_terminal_gets_several_tables(run_folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    run_in_process("compare", run_folder)
    out = capsys.readouterr().out.splitlines()[4:]
    assert max(len(line) for line in out) <= 60
    assert sum(line.startswith("case ") for line in out) == 2


def test_baseline_must_be_shown(run_folder):
    with pytest.raises(UserError, match="--baseline 'x' .* naive, openmp, simd, picky"):
        run_in_process("compare", run_folder, "--baseline", "x")


@pytest.mark.parametrize("options, backends, cases", [
    (["-b", "naive"], {"naive"}, 4),
    (["-b", "naive", "-b", "^simd$"], {"naive", "simd"}, 4),
    (["-B", "naive", "-B", "picky"], {"openmp", "simd"}, 4),
    (["-f", "l16/", "-f", "l32/"], {"naive", "openmp", "simd", "picky"}, 2),
    (["-F", "l16/"], {"naive", "openmp", "simd"}, 3),
    (["-b", "n", "-B", "openmp", "-f", "l1", "-F", "l16/"], {"naive"}, 1)])
def test_filters(run_folder, capsys, options, backends, cases):
    run_in_process("compare", run_folder, "--format", "json", *options)
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["backend"] for row in rows} == backends
    assert len({row["case"] for row in rows}) == cases


def test_case_filter_also_matches_the_name_of_the_shape(tmp_path, capsys):
    rows = [make_row("a", 1.0, l=1, name="quartznet-b3"), make_row("a", 1.0, l=2)]
    run_in_process("compare", write_run(tmp_path / "run", rows), "-f", "quartznet",
                   "--format", "json")
    row, = json.loads(capsys.readouterr().out)["rows"]
    assert "_l1/" in row["case"]


@pytest.mark.parametrize("options, message", [
    (["-b", "cuda"], "-b 'cuda' matches no backend .* naive, openmp, simd, picky"),
    (["-b", "naive", "-b", "cuda"], "-b 'cuda' matches no backend"),
    (["-f", "l99"], "-f 'l99' matches no case"),
    (["-b", "("], "-b '\\(' is no regular expression"),
    (["-B", "."], "leave nothing"),
    (["-b", "picky", "-f", "l32/"], "leave nothing")])
def test_bad_filters(run_folder, options, message):
    with pytest.raises(UserError, match=message):
        run_in_process("compare", run_folder, *options)


def test_exclusion_that_matches_nothing_is_a_warning(run_folder, capsys):
    assert run_in_process("compare", run_folder, "-B", "cuda") == 0
    assert "-B 'cuda' matches no backend" in capsys.readouterr().err


def test_run_without_any_time(tmp_path, capsys):
    folder = write_run(tmp_path / "run", [make_gap("a", "failed", "wrong"),
                                          make_gap("b", "not_built", "no library")])
    assert run_in_process("compare", folder) == 0
    assert re.search(r"-\s+failed\s+not built", capsys.readouterr().out)


def test_hoisting_keeps_the_shape_and_what_differs():
    assert hoist(["a/b/c/d/s1/t1/w", "a/x/c/d/s1/t1/w"]) == (
        "a/*/c/d/*/t1/w", ["b/s1", "x/s1"])
    assert hoist(["a/b/c/d/s1/t1/w"]) == ("a/b/c/d/*/t1/w", ["s1"])
    assert hoist(["odd", "a/b"]) == ("*", ["odd", "a/b"])


@pytest.mark.parametrize("function, value, text", [
    (time_text, 0.5, "0.5 ns"), (time_text, 999.4, "999 ns"), (time_text, 999.6, "1 us"),
    (time_text, 12345.0, "12.3 us"), (time_text, 2e6, "2 ms"), (time_text, 1.5e12, "1500 s"),
    (bytes_text, 32768, "32 KiB"), (bytes_text, 1010 * 1024, "1010 KiB"),
    (ratio_text, 1.004, "1.00"), (ratio_text, 12.34, "12.3"), (ratio_text, 150.2, "150"),
    (estimate_text, Estimate(1.5, 1.4, 1.6, 9), "1.50 [1.40, 1.60]"),
    (estimate_text, Estimate(1.5, None, None, 3), "1.50 ?"),
    (spread_text, Estimate(2.0, 1.9, 2.02, 9), "±6%"),
    (escape, "a|b <i>\n`x`", "a\\|b &lt;i&gt; \\`x\\`"), (code, "a|`b", "`a\\|'b`")])
def test_number_and_name_texts(function, value, text):
    assert function(value) == text
