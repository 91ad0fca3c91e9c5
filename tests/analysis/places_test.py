"""Reports at places that are hard to name, and with characters that are none."""

import pytest
from conftest import make_row, run_in_process, write_run

from analysis.errors import UserError


@pytest.mark.parametrize("words", [
    ["-o", "x" * 300], ["--html", "-o", "x" * 300], ["--html", "--markdown", "-o", "."]])
def test_a_place_that_is_none_is_one_clear_line(run_folder, words):
    with pytest.raises(UserError, match="-o|cannot write"):
        run_in_process("report", run_folder, *words)


def test_what_is_no_character_is_replaced(tmp_path):
    run = write_run(tmp_path / "run", [make_row("naive", 100.0, name="lone \ud800")],
                    name="lone \ud800")
    assert run_in_process("report", run, "--markdown", "--html") == 0
    for name in ("report.md", "report.html"):
        assert (run / name).read_bytes().decode("utf-8")


def test_links_to_names_with_spaces_are_links(run_folder, tmp_path):
    page = tmp_path / "README.md"
    page.write_text("<!-- normbench:begin -->\n<!-- normbench:end -->\n")
    run_in_process("report", run_folder, "-o", tmp_path / "my report.md", "--splice", page)
    assert "[Full report](my%20report.md)" in page.read_text()


def test_the_command_of_a_run_can_be_pasted(tmp_path):
    run = write_run(tmp_path / "run", [make_row("naive", 100.0)],
                    command=["normbench", "run", "my config.toml", "-f", "n32|n64"])
    run_in_process("report", run)
    assert "\nnormbench run 'my config.toml' -f 'n32|n64'\n" in (run / "report.md").read_text()
