"""The package as a command: exit codes, one-line errors, and what goes to which stream."""

import subprocess
import sys

import pytest
from conftest import SCRIPTS, make_row, normbench, write_run

from analysis.__main__ import main


@pytest.mark.parametrize("arguments, words", [
    ([], "no verb given"),
    (["compare", "--format", "xml", "run"], "invalid choice: 'xml'"),
    (["merge"], "unknown verb 'merge'"),
    (["compare"], "RUN, see 'normbench compare --help'"),
    (["rank", "no/such/folder"], "no/such/folder")])
def test_bad_command_lines_are_one_line_and_exit_code_2(arguments, words, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["analysis", *arguments])
    assert main() == 2
    captured = capsys.readouterr()
    assert captured.out == "" and words in captured.err
    assert captured.err.startswith("normbench: error: ") and captured.err.count("\n") == 1


def test_bad_input_leaves_no_traceback():
    result = normbench("report", "no/such/folder")
    assert (result.code, result.out) == (2, "")
    assert result.err == ("normbench: error: no run folder at no/such/folder, "
                          "give a folder that 'normbench run' wrote\n")


def test_help_speaks_of_the_command_the_user_typed():
    result = normbench("report", "--help")
    assert result.code == 0 and result.out.startswith("usage: normbench report ")


def test_regression_is_exit_code_4(tmp_path):
    old = write_run(tmp_path / "old", [make_row("a", 100.0)])
    new = write_run(tmp_path / "new", [make_row("a", 200.0)])
    result = normbench("diff", old, new)
    assert result.code == 4 and "SLOWER" in result.out and result.err == ""


def test_warnings_leave_stdout_alone(run_folder):
    path = run_folder / "samples.jsonl"
    path.write_text(path.read_text() + "{")
    result = normbench("report", run_folder)
    assert (result.code, result.out) == (0, f"{run_folder / 'report.md'}\n")
    assert result.err.startswith("normbench: warning: ")
    assert f"normbench report {run_folder}" in (run_folder / "report.md").read_text()


def test_closed_stdout_is_quiet(tmp_path):
    rows = [make_row("a", 1.0, l=l, rounds=60) for l in range(1, 60)]
    folder = write_run(tmp_path / "run", rows)
    command = (f"'{sys.executable}' -m analysis export '{folder}' | head -1; "
               'exit "${PIPESTATUS[0]}"')
    result = subprocess.run(["bash", "-c", command], env={"PYTHONPATH": str(SCRIPTS),
                                                          "PATH": "/usr/bin:/bin"},
                            capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "{\n", "")
