"""A run that measured only some of its cases says so before anything else."""

import json

import pytest
from conftest import ladder, make_gap, make_row, run_in_process, write_run

from analysis import runs

PAGE = "# Title\n\n<!-- normbench:begin -->\nold\n<!-- normbench:end -->\n"
BUDGET = "4 of 6 cases were measured, because the budget of 120 s was used up."


def ids_of(rows):
    return list(dict.fromkeys(row["case"] for row in rows))


def planned(more, **fields):
    """Keys of run.json for a run that planned the ladder and `more` cases."""
    return {"case_ids": ids_of(ladder() + more), "budget_s": None, **fields}


def like(l=7, **fields):
    return make_row("openmp", 1.0, l=l, **fields)


def partial_of(tmp_path, more, rows=None, **fields):
    meta = planned(more, **fields)
    return runs.load(str(write_run(tmp_path / "run", rows or ladder(), **meta))).partial


def partial_run(tmp_path, name="run", **fields):
    meta = planned([like(), like(8)], budget_s=120, **fields)
    return write_run(tmp_path / name, ladder(), **meta)


@pytest.mark.parametrize("fields, why", [
    ({"budget_s": 120}, "because the budget of 120 s was used up"),
    ({"budget_s": 0.5}, "because the budget of 0.5 s was used up"),
    ({"budget_s": 120, "interrupted": True}, "because the run was interrupted"),
    ({"budget_s": 120, "finished": None}, "because the run did not finish"),
    ({"finished": None}, "because the run did not finish"),
    ({"interrupted": True}, "because the run was interrupted"),
    ({}, "and the rows of the others are missing")])
def test_how_many_and_why(tmp_path, fields, why):
    assert partial_of(tmp_path, [like(), like(8)], **fields) == (
        f"4 of 6 cases were measured, {why}.")


@pytest.mark.parametrize("more, missing", [
    ([like(pass_="backward")], "of batch backward"),
    ([like(), like(threads=4)], "with 4 threads"),
    ([like(norm="rms")], "of rms norm"),
    ([like(norm="rms"), like(norm="rms", pass_="backward"), like(pass_="backward"),
      like(threads=16), like(threads=2)],
     "of rms norm, of batch backward, with 2 threads or with 16 threads")])
def test_what_is_missing_entirely_is_named(tmp_path, more, missing):
    text = partial_of(tmp_path, more, interrupted=True)
    assert text == (f"4 of {4 + len(more)} cases were measured, because the run was interrupted; "
                    f"there is no case {missing}.")


def test_a_case_in_which_nothing_passed_was_measured_too(tmp_path):
    more = make_gap("openmp", "failed", "y is off", l=7)
    assert partial_of(tmp_path, [more], rows=[*ladder(), more], interrupted=True) == ""


@pytest.mark.parametrize("ids", [None, 3, [], [1], ["x"], ["a/b"]])
def test_any_list_of_ids_can_be_told(tmp_path, ids):
    text = runs.load(str(write_run(tmp_path / "run", ladder(), case_ids=ids))).partial
    assert text in ("", "0 of 1 case was measured, and the rows of the others are missing.")


def test_older_runs_have_a_count_only(tmp_path):
    old = write_run(tmp_path / "old", ladder(), cases=9, interrupted=True)
    run = runs.load(str(old))
    assert run.partial == "4 of 9 cases were measured, because the run was interrupted."
    assert run.warnings == []
    whole = runs.load(str(write_run(tmp_path / "whole", ladder(), cases=4)))
    assert whole.partial == "" and whole.warnings == []


def test_the_budget_of_an_older_run_is_known_from_its_warning(tmp_path):
    warning = "the budget of 2 min was used up: 5 of 9 cases were not measured"
    run = runs.load(str(write_run(tmp_path / "run", ladder(), cases=9, warnings=[warning, "load"])))
    assert run.partial == "4 of 9 cases were measured, because the budget of 2 min was used up."
    assert run.all_warnings() == ["load"]


@pytest.mark.parametrize("fields", [{}, {"cases": 4}])
def test_an_unfinished_run_without_missing_cases_is_a_warning_as_before(tmp_path, fields):
    run = runs.load(str(write_run(tmp_path / "run", ladder(), finished=None, **fields)))
    assert run.partial == "" and "did not finish" in run.warnings[0]


def test_filters_do_not_change_what_was_measured(tmp_path, capsys):
    run_in_process("rank", partial_run(tmp_path), "-f", "_l16/", "-b", "simd|naive")
    assert capsys.readouterr().out.startswith(BUDGET + "\n")


def test_rank_says_it_first_and_once(tmp_path, capsys):
    run_in_process("rank", partial_run(tmp_path))
    captured = capsys.readouterr()
    assert captured.out.startswith(BUDGET + "\nGeometric mean") and captured.err == ""


@pytest.mark.parametrize("verb", [["rank", "--format", "json"], ["compare", "--format", "json"],
                                  ["export"]])
def test_what_machines_read_stays_clean(tmp_path, capsys, verb):
    run_in_process(*verb, partial_run(tmp_path))
    captured = capsys.readouterr()
    assert json.loads(captured.out)
    assert f"run: {BUDGET}" in captured.err


def test_report_says_it_first_and_once(tmp_path):
    folder = partial_run(tmp_path)
    run_in_process("report", folder)
    text = (folder / "report.md").read_text()
    assert text.startswith(f"# Report: test\n\n**{BUDGET}**\n\n> ")
    assert text.count("cases were measured") == 1
    assert "\n## Warnings\n\nNone.\n" in text


def test_report_of_several_runs_names_them(tmp_path):
    folders = [partial_run(tmp_path, "old"), write_run(tmp_path / "new", ladder())]
    run_in_process("report", *folders)
    text = (folders[1] / "report.md").read_text()
    assert text.startswith(f"# Report: test\n\n**old: {BUDGET}**\n")


def test_report_of_a_whole_run_is_as_before(run_folder):
    run_in_process("report", run_folder)
    assert (run_folder / "report.md").read_text().startswith("# Report: test\n\n> ")


def test_a_spliced_summary_says_it_first(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(PAGE)
    run_in_process("report", partial_run(tmp_path), "--splice", page)
    assert f"<!-- normbench:begin -->\n**{BUDGET}**\n\n" in page.read_text()


def test_names_are_inert(tmp_path):
    evil = make_row("openmp", 1.0, norm="<b>*x*")
    folder = write_run(tmp_path / "run", ladder(), **planned([evil], interrupted=True))
    run_in_process("report", folder)
    assert "no case of &lt;b&gt;\\*x\\* norm." in (folder / "report.md").read_text()
