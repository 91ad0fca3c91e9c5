"""Putting the summary of a report between the markers of a page."""

import subprocess

import pytest
from conftest import run_in_process

from analysis.errors import UserError

PAGE = "# Title\n\n<!-- normbench:begin -->\nold\n<!-- normbench:end -->\n\nRest\n"


def test_splice_is_idempotent_and_keeps_the_rest(run_folder, tmp_path, capsys):
    page = tmp_path / "README.md"
    page.write_text(PAGE)
    page.chmod(0o640)
    assert run_in_process("report", run_folder, "--splice", page) == 0
    once = page.read_text()
    assert once.startswith("# Title\n\n<!-- normbench:begin -->\n")
    assert once.endswith("<!-- normbench:end -->\n\nRest\n")
    assert "\nold\n" not in once and "undecided between" in once and "Example CPU, 2 cores" in once
    assert "[Full report](run/report.md)" in once
    assert "](run/report/ranking.svg)\n" in once and "![Ranking for batch norm" in once
    assert page.stat().st_mode & 0o777 == 0o640
    run_in_process("report", run_folder, "--splice", page)
    assert page.read_text() == once
    assert capsys.readouterr().out == f"{run_folder / 'report.md'}\n" * 2


@pytest.mark.parametrize("text", [
    "no markers\n", "<!-- normbench:begin -->\n", "<!-- normbench:end -->\n",
    "<!-- normbench:end -->\n<!-- normbench:begin -->\n", PAGE + PAGE,
    "<!-- normbench:begin -->\n" + PAGE])
def test_splice_without_one_pair_of_markers_changes_nothing(run_folder, tmp_path, text):
    page = tmp_path / "README.md"
    page.write_text(text)
    with pytest.raises(UserError, match="normbench:begin"):
        run_in_process("report", run_folder, "--splice", page)
    assert page.read_text() == text and not (run_folder / "report.md").exists()


def test_splice_does_not_link_what_git_ignores(run_folder, tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("run/\n")
    page = tmp_path / "README.md"
    page.write_text(PAGE)
    run_in_process("report", run_folder, "--splice", page)
    assert "Full report" not in page.read_text() and "ranking.svg" not in page.read_text()


def test_splice_does_not_link_outside_of_its_folder(run_folder, tmp_path):
    page = tmp_path / "docs" / "README.md"
    page.parent.mkdir()
    page.write_text(PAGE)
    run_in_process("report", run_folder, "--splice", page)
    assert "Full report" not in page.read_text() and "ranking.svg" not in page.read_text()
