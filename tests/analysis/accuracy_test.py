"""The accuracy section: worst errors per kind of input, grades, and runs that lack the field."""

import pytest
from conftest import cells_of, ladder, load, make_gap, make_row, run_in_process, write_run

from analysis.accuracy import accuracy
from analysis.text import ulp_text


def errors(bound, ulp, kind="random", **others):
    return {kind: {"bound": bound, "ulp": ulp}, **others}


def tables_of(tmp_path, rows):
    return {section.title.split(":")[0]: section.table
            for section in accuracy(load(tmp_path, rows)).sections}


def test_cells_are_the_worst_over_the_cases(tmp_path):
    ill = {"bound": 0.55, "ulp": 80.4}
    rows = [make_row("a", 1.0, l=1, accuracy=errors(0.31, 1.2, ill_conditioned=ill)),
            make_row("a", 1.0, l=2, threads=2, layout="nlc", accuracy=errors(0.2, 1.5)),
            make_row("b", 1.0, l=1, grade="B", accuracy=errors(0.5, 12.3))]
    tables = tables_of(tmp_path, rows)
    assert list(tables) == ["Random input", "Ill-conditioned input"]
    assert tables["Random input"].splitlines()[0] == "| norm | pass | dtype | a | b |"
    assert cells_of(tables["Random input"], "f32") == [
        "batch", "forward_training", "f32", "0.31 / 1.5 (A)", "0.50 / 12 (B)"]
    assert cells_of(tables["Ill-conditioned input"], "f32")[3:] == ["0.55 / 80 (A)", "-"]


def test_norms_passes_and_dtypes_have_rows_of_their_own(tmp_path):
    rows = [make_row("a", 1.0, norm=norm, pass_=pass_, dtype=dtype, accuracy=errors(0.1, 1.0))
            for norm in ("layer", "batch") for dtype in ("f32", "bf16")
            for pass_ in ("forward_training", "backward")]
    body = tables_of(tmp_path, rows)["Random input"].splitlines()[2:]
    assert [line.split(" | ")[:3] for line in body] == [
        ["| batch", "forward_training", "f32"], ["| batch", "backward", "f32"],
        ["| batch", "forward_training", "bf16"], ["| batch", "backward", "bf16"],
        ["| layer", "forward_training", "f32"], ["| layer", "backward", "f32"],
        ["| layer", "forward_training", "bf16"], ["| layer", "backward", "bf16"]]


def test_grades_that_differ_between_cases_are_all_shown(tmp_path):
    rows = [make_row("a", 1.0, l=l, grade=grade, accuracy=errors(0.1, 1.0))
            for l, grade in ((1, "B"), (2, "A"))]
    assert cells_of(tables_of(tmp_path, rows)["Random input"], "f32")[3] == "0.10 / 1.0 (A/B)"


def test_what_did_not_pass_is_counted_and_has_no_error(tmp_path):
    rows = [make_row("a", 1.0, accuracy=errors(0.1, 1.0)),
            make_row("a", 1.0, l=2, outcome="failed", accuracy=errors(7.0, 900.0)),
            make_gap("b", "failed", "x", accuracy=None),
            make_gap("c", "unsupported", "x", accuracy=None)]
    table = tables_of(tmp_path, rows)["Random input"]
    assert table.splitlines()[0] == "| norm | pass | dtype | a | b |"
    assert cells_of(table, "f32")[3:] == [
        "0.10 / 1.0 (A) **1 not passed**", "- **1 not passed**"]


def test_partly_known_errors(tmp_path):
    rows = [make_row("a", 1.0, accuracy=errors(0.1, None)),
            make_row("b", 1.0, accuracy=errors(None, None))]
    assert cells_of(tables_of(tmp_path, rows)["Random input"], "f32")[3:] == ["0.10 / - (A)", "-"]


def test_run_without_the_field_has_one_table(tmp_path):
    rows = [make_row("a", 1.0, error=0.2), make_row("a", 1.0, l=2, error=0.7, grade="B"),
            make_row("a", 1.0, pass_="backward", error=None, outcome="failed")]
    tables = tables_of(tmp_path, rows)
    assert list(tables) == ["All kinds of input"]
    assert cells_of(tables["All kinds of input"], "forward_training")[3] == "0.70 (A/B)"
    assert cells_of(tables["All kinds of input"], "backward")[3] == "- **1 not passed**"


def test_worst_of_all_kinds_is_named(tmp_path):
    rows = [make_row("a", 1.0, error=0.9, accuracy=errors(0.1, 1.0)),
            make_row("b|c", 1.0, error=0.95), make_row("d", 1.0, error=3.0, outcome="failed")]
    assert accuracy(load(tmp_path, rows)).worst == (
        f"Over all kinds of input the worst is 0.95 of its bound: b\\|c in `{rows[1]['case']}`.")


@pytest.mark.parametrize("found, words", [
    (errors(0.1, 1.0), 'Ulp: the largest absolute error of an output'),
    ({}, "The worst error over all outputs and cases in units of the bound")])
def test_report_explains_its_units_and_grades(tmp_path, found, words):
    folder = write_run(tmp_path / "run", ladder(accuracy=found))
    run_in_process("report", folder)
    section = (folder / "report.md").read_text().split("## Accuracy")[1].split("\n## ")[0]
    assert words in section and "B folded, x * scale + shift" in section
    assert ("### Random input" in section) == bool(found)


def test_nothing_checked(tmp_path):
    folder = write_run(tmp_path / "run", [make_gap("a", "unsupported", "x")])
    assert accuracy(load(tmp_path, [make_gap("a", "unsupported", "x")])).sections == []
    run_in_process("report", folder)
    assert "Nothing was checked." in (folder / "report.md").read_text()


@pytest.mark.parametrize("value, text", [(0.04, "0.0"), (1.25, "1.2"), (9.94, "9.9"),
                                         (9.96, "10"), (12345.6, "12346")])
def test_ulp_text(value, text):
    assert ulp_text(value) == text
