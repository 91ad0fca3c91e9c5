"""Reports of several runs: what changed on one machine, and machines side by side."""

import pytest
from conftest import (cells_of, ladder, make_gap, make_meta, make_row, run_in_process, two,
                      write_run)

from analysis import runs
from analysis.changes import changes
from analysis.errors import UserError
from analysis.machines import machines
from analysis.rank import rank_groups


def changes_between(tmp_path, old, new, **meta):
    folders = write_run(tmp_path / "old", old), write_run(tmp_path / "new", new, **meta)
    return changes(*(runs.load(str(folder)) for folder in folders))


def machine(**fields):
    return {**make_meta()["machine"], **fields}


def report_of(*folders):
    assert run_in_process("report", *folders) == 0
    return (folders[-1] / "report.md").read_text()


def part(text, heading):
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def test_what_changed_is_listed_worst_first(tmp_path):
    old = [make_row("a", 100.0, l=l) for l in range(1, 6)] + [make_row("b", 1.0)]
    new = [make_row("a", ns, l=l) for l, ns in enumerate((100.0, 200.0, 300.0, 50.0, 20.0), 1)]
    new += [make_gap("b", "failed", "x"), make_row("c", 1.0)]
    found = changes_between(tmp_path, old, new)
    assert found.counts == ("6 rows in both runs: 2 slower, 1 broken, 2 faster, 1 same. "
                            "Only in the older: 0, only in the newer: 1.")
    body = [line.strip("| ").split(" | ") for line in found.listed.splitlines()[2:]]
    assert [(cells[0], cells[2].split("_l")[1].split("/")[0]) for cells in body] == [
        ("slower", "3"), ("slower", "2"), ("broken", "128"), ("faster", "5"), ("faster", "4")]
    assert body[0][3:6] == ["100 ns", "300 ns", "3.00"]
    assert body[2][3:] == ["not timed", "failed", "-", "-"]
    assert found.left_out == 0 and found.setup == []


def test_long_lists_are_capped_per_kind_of_change(tmp_path):
    old = [make_row("a", 100.0, l=l) for l in range(1, 80)]
    new = [make_row("a", 200.0 if l < 40 else 50.0, l=l) for l in range(1, 80)]
    found = changes_between(tmp_path, old, new)
    assert len(found.listed.splitlines()) == 62 and found.left_out == 19


def test_means_never_mix_groups_and_are_per_backend(tmp_path):
    def rows(factor):
        return [make_row("a", 100.0 * f, l=l, threads=threads, jitter=1e-9)
                for threads, fs in ((1, (factor, 1.0)), (2, (1.0, 1.0)))
                for l, f in enumerate(fs, 1)]
    found = changes_between(tmp_path, rows(1.0) + [make_row("b", 1.0)],
                            rows(4.0) + [make_gap("b", "failed", "x")])
    assert found.means.splitlines()[0] == "|  | a |"
    assert cells_of(found.means, "forward_training, 1 thread")[1] == "2.00 [1.00, 4.00] n=2"
    assert cells_of(found.means, "forward_training, 2 threads")[1] == "1.00 [1.00, 1.00] n=2"


def test_report_of_two_runs_is_of_the_later_with_the_changes(tmp_path, capsys):
    old = write_run(tmp_path / "old", two("a", "b", 2.0))
    new = write_run(tmp_path / "new", two("a", "b", 4.0), name="later",
                    machine=machine(host="other|box"))
    text = report_of(old, new)
    assert capsys.readouterr().out == f"{new / 'report.md'}\n"
    assert text.startswith("# Report: later\n") and "## Machines" not in text
    section = part(text, "Changes since old")
    assert "4 rows in both runs: 2 slower, 2 same." in section
    assert "- Different machine host: OLD box, NEW other\\|box" in section
    assert not (old / "report.md").exists()


def test_runs_without_a_row_in_common_say_so(tmp_path):
    old = write_run(tmp_path / "old", [make_row("x", 1.0)])
    new = write_run(tmp_path / "new", ladder())
    assert "They have no case and backend in common." in report_of(old, new)


def test_machines_are_set_side_by_side_in_the_order_given(tmp_path):
    big = machine(cpu="Big <CPU>", cores=64)
    first = write_run(tmp_path / "first", two("b", "a", 3.0), machine=big, ceilings=[
        {"threads": 64, "bytes": 1, "regime": "L2", "plain_gbs": 10.0, "streaming_gbs": 30.0},
        {"threads": 1, "bytes": 1, "regime": "L2", "plain_gbs": 99.0, "streaming_gbs": 1.0}])
    last = write_run(tmp_path / "last", two("a", "b", 2.0))
    text = report_of(first, last)
    section = part(text, "Machines")
    assert "|  | first | last |" in section
    assert cells_of(section, "CPU") == ["CPU", "Big &lt;CPU&gt;", "Example CPU"]
    assert cells_of(section, "cores") == ["cores", "64", "2"]
    assert cells_of(section, "copy in L2, all threads")[1:] == ["30.0 GB/s", "20.0 GB/s"]
    verdicts = cells_of(section, "verdict")[1:]
    assert "`b` is fastest" in verdicts[0] and "`a` is fastest" in verdicts[1]
    assert section.index("### first") < section.index("### last")
    assert cells_of(section.split("### first")[1].split("### last")[0],
                    "forward_training, 1 thread")[2:] == ["3.00", "**1.00**"]
    assert cells_of(section.split("### last")[1], "forward_training, 1 thread")[2:] == [
        "**1.00**", "2.00"]
    assert "Changes since" not in text
    assert cells_of(part(text, "Machine and build"), "CPU")[1] == "Example CPU"


@pytest.mark.parametrize("other", [{"cpu": "x"}, {"cores": 3}, {"isa": "avx2"}])
def test_what_makes_another_machine(tmp_path, other):
    found = [runs.load(str(write_run(tmp_path / name, ladder(), machine=machine(**fields))))
             for name, fields in (("a", other), ("b", {}))]
    assert machines([(run, rank_groups(run)) for run in found]) is not None


def test_three_runs_of_two_machines_have_both_sections(tmp_path):
    folders = [write_run(tmp_path / "old", ladder()),
               write_run(tmp_path / "else", ladder(), machine=machine(cpu="Other")),
               write_run(tmp_path / "new", ladder())]
    text = report_of(*folders)
    assert "|  | old | else | new |" in part(text, "Machines")
    assert "## Changes since old\n" in text and "## Changes since else" not in text


def test_folders_of_one_name_are_told_apart(tmp_path):
    folders = [write_run(tmp_path / name / "run", ladder(), machine=machine(cpu=name))
               for name in ("a", "b")]
    assert f"| {folders[0]} | {folders[1]} |" in part(report_of(*folders), "Machines")


def test_names_are_inert(tmp_path):
    evil = "<b>|*x*"
    old = write_run(tmp_path / "old", two("fast", evil, 2.0, norm=evil))
    other = write_run(tmp_path / "other", two("fast", evil, 2.0, norm=evil),
                      machine=machine(cpu=evil))
    new = write_run(tmp_path / "<u>new", two("fast", evil, 9.0, norm=evil))
    text = report_of(old, other, new).split("## Reproduce")[0]
    for line in text.splitlines():
        plain = line.split("`")[::2]  # outside of code spans
        assert "<b>" not in "".join(plain) and "<u>" not in "".join(plain)


def test_filters_hold_for_all_runs_and_a_bad_one_writes_nothing(tmp_path):
    old = write_run(tmp_path / "old", two("a", "b", 2.0))
    new = write_run(tmp_path / "new", two("a", "c", 2.0))
    with pytest.raises(UserError, match="matches no backend of .*old"):
        run_in_process("report", old, new, "-b", "^c$")
    with pytest.raises(UserError, match="no run folder"):
        run_in_process("report", old, tmp_path / "none", new)
    assert sorted(path.name for path in new.iterdir()) == [
        "controls.jsonl", "run.json", "samples.jsonl"]
    run_in_process("report", old, new, "-b", "^a$")
    assert "2 rows in both runs: 2 same." in (new / "report.md").read_text()
