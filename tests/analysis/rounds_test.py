"""Rows of one case with different numbers of rounds: a backend far behind has only the first."""

import json

import pytest
from conftest import ladder, make_row, run_in_process, write_run

from analysis import runs
from analysis.cases import best_rows, compare_within_cases, level_times
from analysis.intervals import median, paired_ratio
from analysis.rank import rank_groups

FEWEST = 10
SPEEDS = [1.0] * FEWEST + [3.0] * 20  # the machine is three times as slow after the first rounds


def drifting(backend, factor, rounds, **fields):
    """Samples of a machine that slows down, `factor` times as long as the fastest in each round."""
    return make_row(backend, 1.0, samples_ns=[
        100.0 * factor * speed * (1 + 0.001 * (index % 3))
        for index, speed in enumerate(SPEEDS[:rounds])], **fields)


def left_out(**fields):
    """far got the first rounds only, fast and near all of them."""
    return [drifting("far", 1.6, FEWEST, **fields), drifting("near", 1.1, 30, **fields),
            drifting("fast", 1.0, 30, **fields)]


def found_in(tmp_path, rows, **options):
    run = runs.load(str(write_run(tmp_path / "run", rows)))
    frame = compare_within_cases(run.rows, 1.0, **options)
    return {row["backend"]: row for row in frame.to_dict("records")}


def test_rounds_match_by_index_from_either_side():
    long, short = [1.0, 2.0, 4.0] * 4, [2.0, 4.0, 8.0, 2.0, 4.0, 8.0, 2.0]
    assert paired_ratio(short, long)[:3] == pytest.approx((2, 2, 2))
    assert paired_ratio(long, short)[:3] == pytest.approx((0.5, 0.5, 0.5))
    assert paired_ratio(long, short).count == paired_ratio(short, long).count == 7


def test_a_ratio_is_over_the_rounds_that_both_have(tmp_path):
    found = found_in(tmp_path, left_out())
    assert found["far"]["ratio"] == pytest.approx(1.6)
    assert (found["far"]["rounds"], found["near"]["rounds"]) == (FEWEST, 30)
    assert (found["far"]["verdict"], found["near"]["verdict"]) == ("slower", "slower")


def test_the_best_is_the_fastest_in_common_rounds_not_the_lowest_median(tmp_path):
    rows = left_out()
    assert median(rows[0]["samples_ns"]) < median(rows[2]["samples_ns"])
    assert found_in(tmp_path, rows)["fast"]["verdict"] == "reference"
    run = runs.load(str(tmp_path / "run"))
    assert list(best_rows(run.rows)["backend"]) == ["fast"]


def test_a_row_of_few_rounds_is_the_best_where_it_was_the_fastest(tmp_path):
    rows = [drifting("long", 2.0, 30), drifting("short", 1.5, FEWEST),
            drifting("native", 1.0, 30, native_layout=True)]
    found = found_in(tmp_path, rows)
    assert found["short"]["verdict"] == "reference"
    assert found["long"]["ratio"] == pytest.approx(2 / 1.5)
    assert found["native"]["verdict"] == "faster"


@pytest.mark.parametrize("baseline", ["far", "fast"])
def test_a_baseline_may_have_few_or_all_rounds(tmp_path, baseline):
    found = found_in(tmp_path, left_out(), baseline=baseline)
    assert found["fast"]["ratio"] / found["far"]["ratio"] == pytest.approx(1 / 1.6)


def test_ranks_and_wins_are_of_common_rounds(tmp_path):
    rows = [row for l in (16, 32) for row in left_out(l=l)]
    group, = rank_groups(runs.load(str(write_run(tmp_path / "run", rows))))
    assert [(own.backend, own.rank, own.wins) for own in group.standings] == [
        ("fast", 1, 2), ("near", 2, 0), ("far", 3, 0)]
    assert group.standings[2].ratio.ratio == pytest.approx(1.6)


def test_a_twin_has_all_rounds_and_so_has_its_backend(tmp_path):
    rows = left_out()
    twin = {"case": rows[0]["case"], "twin": "fast", "copy_samples_ns": [50.0] * 30,
            "read_samples_ns": [30.0] * 30, "twin_samples_ns": rows[2]["samples_ns"]}
    noise = runs.load(str(write_run(tmp_path / "run", rows, [twin], noise=None))).noise
    assert (noise.floor, noise.cases, noise.excluding) == (pytest.approx(1.0), 1, 0)


def test_every_verb_takes_such_a_run(tmp_path, capsys):
    rows = [{**row, "samples_ns": row["samples_ns"][:7 if row["backend"] == "naive" else 12]}
            for row in ladder(name="row")]
    new, old = write_run(tmp_path / "new", rows), write_run(tmp_path / "old", ladder(name="row"))
    run_in_process("rank", new, "--format", "json")
    ranked = {standing["backend"]: standing["ratio"]
              for standing in json.loads(capsys.readouterr().out)[0]["standings"]}
    assert ranked["naive"][0] == pytest.approx(4, rel=0.01)
    assert run_in_process("compare", new, "--baseline", "naive") == 0
    assert run_in_process("diff", old, new) == 0
    capsys.readouterr()
    run_in_process("export", new)
    counts = [entry["repetitions"] for entry in json.loads(capsys.readouterr().out)["benchmarks"]
              if entry["run_type"] == "iteration"]
    assert set(counts) == {7, 12}
    for folder, said in ((new, True), (old, False)):
        assert run_in_process("report", folder, "--html", "--markdown") == 0
        text = (folder / "report.md").read_text()
        assert ("A backend that is clearly behind got" in text) == said


def test_times_beside_each_other_in_a_picture_are_of_the_same_rounds(tmp_path):
    rows = runs.load(str(write_run(tmp_path / "run", left_out() + [
        drifting("equal", 1.0, 30, l=7), drifting("other", 1.2, 30, l=7)]))).rows
    level = level_times(rows)
    assert level[0] == pytest.approx(1.6 * level[2], rel=1e-6)
    assert list(level[1:]) == list(rows["median_ns"][1:])
