"""Loading: every defect of a run folder is tolerated with a warning, or refused in one message."""

import json

import pytest
from conftest import ladder, make_row, write_run

from analysis import runs
from analysis.errors import UserError


def refusal(path) -> str:
    with pytest.raises(UserError) as caught:
        runs.load(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_medians_and_timed_rows(run_folder):
    run = runs.load(str(run_folder))
    assert len(run.rows) == 13 and run.rows["timed"].sum() == 12
    assert run.warnings == []
    row = run.rows.iloc[0]
    samples = sorted(row["samples_ns"])
    assert row["median_ns"] == (samples[5] + samples[6]) / 2


def test_failed_rows_are_not_timed_even_with_samples(tmp_path):
    folder = write_run(tmp_path / "run", [make_row("a", 1.0, outcome="failed"),
                                          make_row("b", 1.0)])
    assert list(runs.load(str(folder)).rows["timed"]) == [False, True]


def test_torn_last_line_is_left_out_with_a_warning(run_folder, capsys):
    path = run_folder / "samples.jsonl"
    path.write_text(path.read_text() + '{"case": "batch/forw')
    run = runs.load(str(run_folder))
    assert len(run.rows) == 13
    assert "last line is torn" in run.warnings[0]
    assert "warning: samples.jsonl: the last line is torn" in capsys.readouterr().err


def test_torn_line_in_the_middle_names_its_number(run_folder):
    path = run_folder / "samples.jsonl"
    lines = path.read_text().split("\n")
    lines[2] = lines[2][:40]
    path.write_text("\n".join(lines))
    run = runs.load(str(run_folder))
    assert len(run.rows) == 12
    assert "LINE 3 IS DAMAGED" in run.warnings[0]


def test_torn_controls_are_tolerated(run_folder):
    (run_folder / "controls.jsonl").write_text('{"case": "x"}\n{"ca')
    assert "controls.jsonl: the last line is torn" in runs.load(str(run_folder)).warnings[0]


def test_missing_controls_are_a_warning(run_folder):
    (run_folder / "controls.jsonl").unlink()
    run = runs.load(str(run_folder))
    assert len(run.rows) == 13 and run.noise.floor == 1.01
    assert "controls.jsonl is missing" in run.warnings[0]


@pytest.mark.parametrize("bad, why", [
    ({"backend": None}, "field 'backend' is missing"),
    ({"samples_ns": [0.0]}, "field 'samples_ns' must be"),
    ({"n": "64"}, "field 'n' is")])
def test_rows_of_another_form_are_left_out_with_one_warning(tmp_path, bad, why):
    rows = [make_row("a", 1.0), make_row("b", 1.0) | bad, make_row("c", 1.0),
            make_row("d", 1.0) | bad]
    run = runs.load(str(write_run(tmp_path / "run", rows)))
    assert list(run.rows["backend"]) == ["a", "c"]
    warning, = run.warnings
    assert warning.startswith("samples.jsonl: 2 ROWS WERE LEFT OUT, the first is line 2: " + why)


def test_damaged_and_foreign_lines_together(run_folder):
    path = run_folder / "samples.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:50], '{"schema": 2}', *lines[2:], "{"]))
    run = runs.load(str(run_folder))
    assert len(run.rows) == 12
    assert [next(word for word in ("LINE 2 IS DAMAGED", "torn", "1 ROWS WERE LEFT OUT")
                 if word in warning) for warning in run.warnings] == [
                     "LINE 2 IS DAMAGED", "torn", "1 ROWS WERE LEFT OUT"]


def test_unusual_line_separators_inside_a_string_do_not_split_a_line(tmp_path):
    row = make_row("a", 1.0, detail="one\u2028two")
    folder = write_run(tmp_path / "run", [])
    (folder / "samples.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n",
                                          encoding="utf-8")
    assert len(runs.load(str(folder)).rows) == 1


def test_repeated_row_the_later_counts(tmp_path):
    folder = write_run(tmp_path / "run", [make_row("a", 100.0), make_row("a", 200.0)])
    run = runs.load(str(folder))
    assert len(run.rows) == 1
    assert run.rows["median_ns"][0] == pytest.approx(200, rel=0.01)
    assert "line 2 repeats a" in run.warnings[0]


@pytest.mark.parametrize("fields", [{"interrupted": True}, {"finished": None}])
def test_unfinished_run_is_said(tmp_path, fields):
    folder = write_run(tmp_path / "run", ladder(), **fields)
    assert "did not finish" in runs.load(str(folder)).warnings[0]


def test_run_without_optional_keys(tmp_path):
    folder = write_run(tmp_path / "run", [make_row("a", 1.0)])
    (folder / "run.json").write_text('{"schema": 1}')
    minimal = {key: make_row("a", 1.0)[key]
               for key in ("problem", "case", "backend", "pass", "outcome", "samples_ns")}
    (folder / "samples.jsonl").write_text(json.dumps(minimal) + "\n")
    run = runs.load(str(folder))
    assert run.rows["timed"][0] and run.section("machine") == {}


def test_missing_folder(tmp_path):
    assert str(tmp_path / "none") in refusal(tmp_path / "none")


@pytest.mark.parametrize("name", ["run.json", "samples.jsonl"])
def test_missing_file(run_folder, name):
    (run_folder / name).unlink()
    assert f"{run_folder / name} is missing" in refusal(run_folder)


@pytest.mark.parametrize("text", ["", '{"schema": 1, "na'])
def test_truncated_meta(run_folder, text):
    (run_folder / "run.json").write_text(text)
    assert "run.json is empty or cut off" in refusal(run_folder)


@pytest.mark.parametrize("text", ["", "\n", '{"to'])
def test_no_finished_row(run_folder, text):
    (run_folder / "samples.jsonl").write_text(text)
    assert "has no finished case" in refusal(run_folder)


@pytest.mark.parametrize("schema, shown", [(2, "2"), ("1", '"1"'), (None, "null"),
                                           (True, "true")])
def test_other_schema_names_found_and_expected(tmp_path, schema, shown):
    folder = write_run(tmp_path / "run", ladder(), schema=schema)
    assert f"run.json has schema {shown}, this normbench reads schema 1" in refusal(folder)


@pytest.mark.parametrize("fields, message", [
    ({"backend": None}, "line 1: field 'backend' is missing"),
    ({"case": 3}, "line 1: field 'case' is missing or no text"),
    ({"samples_ns": "fast"}, "line 1: field 'samples_ns'"),
    ({"n": "64"}, "line 1: field 'n' is \"64\""),
    ({"copy_ns": [1]}, "line 1: field 'copy_ns' is [1]"),
    ({"samples_ns": [1.0, -1.0]}, "line 1: field 'samples_ns'"),
    ({"accuracy": [1.0]}, "line 1: field 'accuracy' is [1.0]"),
    ({"accuracy": {"random": 0.5}}, "line 1: field 'accuracy' must hold the numbers bound"),
    ({"accuracy": {"random": {"bound": "x"}}}, "line 1: field 'accuracy' must hold the numbers"),
    ({"accuracy": {"random": {"ulp": True}}}, "line 1: field 'accuracy' must hold the numbers")])
def test_without_a_whole_row_the_first_defect_is_named(tmp_path, fields, message):
    folder = write_run(tmp_path / "run", [dict(make_row("a", 1.0), **fields)])
    assert message in refusal(folder)


@pytest.mark.parametrize("accuracy, kept", [
    (None, {}), ({}, {}), ({"random": {}}, {"random": {}}),
    ({"random": {"bound": 0, "ulp": None}, "new": {"bound": 1.5, "more": "x"}},
     {"random": {"bound": 0, "ulp": None}, "new": {"bound": 1.5, "more": "x"}})])
def test_accuracy_may_be_absent_or_partly_known(tmp_path, accuracy, kept):
    folder = write_run(tmp_path / "run", [make_row("a", 1.0, accuracy=accuracy),
                                          make_row("b", 1.0)])
    assert list(runs.load(str(folder)).rows["accuracy"]) == [kept, {}]


def twin_control(row, factor, rounds=12):
    return {"case": row["case"], "twin": row["backend"],
            "twin_samples_ns": [factor * value for value in row["samples_ns"][:rounds]]}


def test_recorded_noise_floor_counts_first(tmp_path):
    row = make_row("a", 1.0)
    folder = write_run(tmp_path / "run", [row], [twin_control(row, 1.5)])
    noise = runs.load(str(folder)).noise
    assert (noise.floor, noise.cases, noise.excluding) == (1.01, 1, 1)


def test_noise_floor_is_recomputed_from_the_controls(tmp_path):
    rows = [make_row("a", 100.0, c=c) for c in range(16, 36)]
    controls = [twin_control(row, 1.2 if row["c"] == 16 else 1.03 if row["c"] == 17 else 1.0)
                for row in rows]
    folder = write_run(tmp_path / "run", rows, controls, noise=None)
    noise = runs.load(str(folder)).noise
    assert noise.floor == pytest.approx(1.03)  # the 19th of 20
    assert (noise.measured, noise.cases, noise.excluding) == (True, 20, 2)
    assert not noise.suspicious


def test_too_many_intervals_that_exclude_1_are_suspicious(tmp_path):
    rows = [make_row("a", 100.0, c=c) for c in range(16, 26)]
    folder = write_run(tmp_path / "run", rows, [twin_control(row, 1.1) for row in rows])
    assert runs.load(str(folder)).noise.suspicious


def test_without_controls_there_is_no_floor(tmp_path):
    folder = write_run(tmp_path / "run", ladder(), noise=None)
    noise = runs.load(str(folder)).noise
    assert (noise.floor, noise.measured) == (1.0, False)


def test_controls_that_fit_no_row_are_ignored(tmp_path):
    controls = [{"case": "other", "twin": "a", "twin_samples_ns": [1]}, {"twin_samples_ns": 3},
                {"case": make_row("a", 1)["case"], "twin": "a", "twin_samples_ns": ["x"]}]
    folder = write_run(tmp_path / "run", [make_row("a", 1.0)], controls, noise=None)
    assert not runs.load(str(folder)).noise.measured
