"""Ranking: geometric means over matched cases, equal ranks, wins and worst cases."""

import json
import math

import pytest
from conftest import ladder, make_gap, make_row, run_in_process, two, write_run

from analysis import runs
from analysis.rank import rank_groups


def groups_of(tmp_path, rows, **meta):
    return rank_groups(runs.load(str(write_run(tmp_path / "run", rows, **meta))))


def by_backend(group):
    return {standing.backend: standing for standing in group.standings}


def crossing(**fields):
    """a beats b 1 : 2 in three cases, b beats a 1 : 3 in one; c is 4x the best always."""
    rows = []
    for l, a, b in ((1, 1, 2), (2, 1, 2), (3, 1, 2), (4, 3, 1)):
        for name, factor in (("a", a), ("b", b), ("c", 4)):
            rows.append(make_row(name, 100.0 * factor, l=l, jitter=1e-6, **fields))
    return rows


def test_geometric_mean_wins_and_worst_case(tmp_path):
    group, = groups_of(tmp_path, crossing())
    found = by_backend(group)
    assert found["a"].ratio.ratio == pytest.approx(3 ** 0.25, rel=1e-4)
    assert found["b"].ratio.ratio == pytest.approx(8 ** 0.25, rel=1e-4)
    assert found["c"].ratio.ratio == pytest.approx(4, rel=1e-4)
    assert (found["a"].wins, found["b"].wins, found["c"].wins) == (3, 1, 0)
    assert found["a"].worst_ratio == pytest.approx(3, rel=1e-4)
    assert "_l4/" in found["a"].worst_case
    assert (group.matched, group.total, group.regime) == (4, 4, "L2")


def test_rank_is_shared_when_the_pairwise_interval_spans_1(tmp_path):
    group, = groups_of(tmp_path, crossing())
    assert {name: standing.rank for name, standing in by_backend(group).items()} == {
        "a": 1, "b": 1, "c": 3}


def test_rank_differs_when_one_is_faster_in_all_cases(tmp_path):
    rows = [make_row(name, ns, l=l) for l in (1, 2, 3) for name, ns in (("a", 1.0), ("b", 1.5))]
    group, = groups_of(tmp_path, rows)
    assert [(standing.backend, standing.rank) for standing in group.standings] == [
        ("a", 1), ("b", 2)]


def test_ties_count_as_shared_wins(tmp_path):
    groups = groups_of(tmp_path, ladder())
    found = by_backend(groups[0])
    assert (found["openmp"].wins, found["openmp"].shared) == (0, 4)
    assert (found["simd"].wins, found["simd"].shared) == (0, 4)
    assert (found["naive"].wins, found["naive"].shared) == (0, 0)


def test_undecided_cases_are_nobodys_win(tmp_path):
    group, = groups_of(tmp_path, crossing(rounds=4))
    assert all(standing.wins == standing.shared == 0 for standing in group.standings)


def test_single_undecided_case_separates_no_ranks(tmp_path):
    rows = [make_row("a", 1.0, rounds=4), make_row("b", 9.0, rounds=4)]
    group, = groups_of(tmp_path, rows)
    assert [standing.rank for standing in group.standings] == [1, 1]


def test_difference_below_the_noise_floor_shares_the_rank(tmp_path):
    rows = [make_row(name, ns, l=l, jitter=1e-6) for l in range(1, 9)
            for name, ns in (("a", 1.0), ("b", 1.04))]
    group, = groups_of(tmp_path, rows, noise={"floor": 1.05})
    assert [standing.rank for standing in group.standings] == [1, 1]
    group, = groups_of(tmp_path, rows, noise={"floor": 1.01})
    assert [standing.rank for standing in group.standings] == [1, 2]


@pytest.mark.parametrize("other", [
    {"norm": "rms"}, {"pass_": "backward"}, {"dtype": "bf16"}, {"layout": "nlc"}, {"threads": 2},
    {"cache": "cold"}])
def test_groups_never_mix_what_is_not_alike(tmp_path, other):
    groups = groups_of(tmp_path, two("a", "b", 2.0) + two("b", "a", 4.0, **other))
    assert [(group.matched, group.leaders[0].backend) for group in groups] == [(2, "a"), (2, "b")]
    assert [round(group.standings[1].ratio.ratio, 1) for group in groups] == [2.0, 4.0]


def test_backend_that_lacks_a_norm_costs_no_cases_of_another(tmp_path):
    rows = two("a", "b", 2.0) + two("a", "c", 2.0, norm="layer")
    batch, layer = groups_of(tmp_path, rows)
    assert (batch.matched, set(by_backend(batch))) == (2, {"a", "b"})
    assert (layer.matched, set(by_backend(layer))) == (2, {"a", "c"})


def test_headings_name_the_norm_when_there_are_several(tmp_path, capsys):
    rows = two("a", "b", 2.0, norm="layer") + two("a", "b", 2.0)
    run_in_process("rank", write_run(tmp_path / "run", rows))
    headings = [line for line in capsys.readouterr().out.splitlines() if line.endswith(" cases")]
    assert headings == ["batch forward_training, 1 thread, L2: 2 cases",
                        "layer forward_training, 1 thread, L2: 2 cases"]


def test_all_regimes_come_before_each(tmp_path):
    groups = groups_of(tmp_path, ladder())
    assert [(group.regime, group.matched) for group in groups] == [
        ("all", 4), ("L2", 2), ("DRAM", 2)]


def test_only_matched_cases_count(tmp_path):
    rows = crossing() + [make_row("a", 1.0, l=9), make_gap("b", "unsupported", "no", l=9)]
    group, = groups_of(tmp_path, rows)
    assert (group.matched, group.total) == (4, 5)
    assert by_backend(group)["a"].ratio.ratio == pytest.approx(3 ** 0.25, rel=1e-4)


def test_rarely_timed_backend_is_left_out_and_named(tmp_path, capsys):
    rows = crossing() + [make_row("rare", 1.0, l=1)]
    folder = write_run(tmp_path / "run", rows)
    run_in_process("rank", folder)
    out = capsys.readouterr().out
    assert "not ranked: rare, timed in 1 of 4 cases" in out
    assert "1 thread, L2: 4 cases" in out


def test_native_layout_gets_no_rank_and_takes_no_wins(tmp_path, capsys):
    rows = crossing() + [make_row("native", 50.0, l=l, native_layout=True, jitter=1e-6)
                         for l in (1, 2)]
    folder = write_run(tmp_path / "run", rows)
    group, = rank_groups(runs.load(str(folder)))
    found = by_backend(group)
    assert (found["native"].rank, found["native"].wins) == (None, 0)
    assert found["native"].ratio.ratio == pytest.approx(0.5, rel=1e-4)
    assert found["native"].ratio.count == 2
    assert (found["a"].wins, group.matched) == (3, 4)
    run_in_process("rank", folder)
    assert "native (native layout)" in capsys.readouterr().out


def test_native_layout_does_not_share_wins(tmp_path):
    rows = [make_row("a", 100.0), make_row("native", 100.0, native_layout=True)]
    found = by_backend(groups_of(tmp_path, rows)[0])
    assert (found["a"].wins, found["a"].shared, found["native"].shared) == (1, 0, 0)


def test_many_cases_get_an_interval_of_their_mean(tmp_path):
    rows = []
    for l in range(1, 13):
        rows += [make_row("a", 100.0, l=l), make_row("b", 100.0 * (2 + l % 3), l=l)]
    ratio = by_backend(groups_of(tmp_path, rows)[0])["b"].ratio
    assert ratio.ratio == pytest.approx(math.prod([2, 3, 4]) ** (1 / 3), rel=0.01)
    assert 2 < ratio.lo < ratio.ratio < ratio.hi < 4


def test_json(run_folder, capsys):
    run_in_process("rank", run_folder, "--format", "json")
    data = json.loads(capsys.readouterr().out)
    assert data[0]["keys"]["pass"] == "forward_training"
    assert {standing["backend"] for standing in data[0]["standings"]} == {
        "naive", "openmp", "simd"}


def test_nothing_timed(tmp_path, capsys):
    folder = write_run(tmp_path / "run", [make_gap("a", "failed", "wrong")])
    assert run_in_process("rank", folder) == 0
    assert "No case was timed." in capsys.readouterr().out
