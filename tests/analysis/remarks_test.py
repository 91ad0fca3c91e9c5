"""What a reader of single times should know is listed."""

from conftest import ladder, load, make_row

from analysis import facts


def test_no_remark_is_no_section(tmp_path):
    assert facts.remarks(load(tmp_path, ladder())) == ""


def test_remarks_are_listed_with_case_and_backend(tmp_path):
    rows = ladder() + [make_row("fast", 1.0, l=7, remarks=["takes 0.9 of | a copy", "other"])]
    table = facts.remarks(load(tmp_path, rows))
    assert [line for line in table.splitlines() if "fast" in line][0].endswith(
        "| fast | takes 0.9 of \\| a copy |")
    assert table.count("fast") == 2


def test_of_many_the_first_are_listed(tmp_path):
    rows = [make_row("fast", 1.0, l=l, remarks=["x"]) for l in range(1, 31)]
    table = facts.remarks(load(tmp_path, rows))
    assert table.count("| fast |") == facts.MOST_REMARKS
    assert table.endswith("And 10 more, in samples.jsonl.")
