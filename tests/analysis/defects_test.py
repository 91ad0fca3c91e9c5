"""What failed by a known defect of a library is called so, wherever failures are named."""

import pytest
from conftest import cells_of, ladder, load, make_gap, make_row, run_in_process, write_run

from analysis import facts, shapes

SOURCE = "https://example.org/issues/7"
NAMED = f"known defect of the library ({SOURCE})"
DEFECT = {"what": "dgamma of few rows is | wrong", "source": SOURCE}


def defective(l, **fields):
    return make_gap("aten", "failed", f"dgamma[{l}] is off", l=l,
                    **{"known_defect": DEFECT, **fields})


def test_gaps_name_it_once_whatever_differs_in_detail(tmp_path):
    rows = ladder() + [defective(l) for l in (16, 32)] + [make_gap("simd", "failed", "y", l=7)]
    lines = facts.gaps(load(tmp_path, rows)).splitlines()[2:]
    assert lines == [f"| aten | {NAMED} | dgamma of few rows is \\| wrong | 2 |",
                     "| simd | failed | y | 1 |"]


@pytest.mark.parametrize("defect, named, reason", [
    (None, "failed", "dgamma\\[16\\] is off"), ({}, "failed", "dgamma\\[16\\] is off"),
    ({"what": "x"}, "known defect of the library", "x"),
    ({"source": "<b>"}, "known defect of the library (&lt;b&gt;)", "dgamma\\[16\\] is off")])
def test_parts_may_be_absent(tmp_path, defect, named, reason):
    table = facts.gaps(load(tmp_path, ladder() + [defective(16, known_defect=defect)]))
    assert cells_of(table, "aten") == ["aten", named, reason, "1"]


def test_named_shapes_say_it_in_short(tmp_path):
    rows = [make_row("a", 1.0, l=16, name="row"), defective(16, name="row")]
    section, = shapes.named_sections(load(tmp_path, rows))
    assert cells_of(section.table, "row")[-1] == "known defect"


def test_rank_tells_failures_after_the_tables(tmp_path, capsys):
    rows = ladder() + [defective(l) for l in (16, 32)] + [
        make_gap("simd", "crashed", "y", l=7), make_gap("simd", "unsupported", "y", l=8)]
    run_in_process("rank", write_run(tmp_path / "run", rows))
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "", f"{NAMED}: aten in 2 cases, dgamma of few rows is | wrong", "crashed: simd in 1 case"]


def test_rank_without_failures_is_as_before(run_folder, capsys):
    run_in_process("rank", run_folder)
    assert "simd" in capsys.readouterr().out.splitlines()[-2]
