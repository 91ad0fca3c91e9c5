"""The page gives the numbers that the analysis gives on the filtered rows, to nine digits."""

import dataclasses
import math
import pathlib
from typing import Any

import pytest

from conftest import REFERENCE, synthesis


def filtered(run: Any, **kept: list[Any]) -> Any:
    """The run with only the rows that have these values."""
    rows = run.rows
    for column, values in kept.items():
        rows = rows[rows[column].isin(values)]
    return dataclasses.replace(run, rows=rows.reset_index(drop=True))


def same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=1e-9)


def assert_same_ranking(page: Any, run: Any) -> None:
    from analysis.headings import KEYS
    from analysis.rank import cases_text, rank_groups
    from analysis.verdict import verdicts
    groups = rank_groups(run)
    shown = page.ranking()
    assert [(found["keys"], found["regime"]) for found in shown] == [
        ([group.keys[key] for key in KEYS], group.regime) for group in groups]
    for found, group in zip(shown, groups):
        assert found["caption"].endswith(cases_text(group))
        assert len(found["standings"]) == len(group.standings)
        for own, standing in zip(found["standings"], group.standings):
            tie = " =" if standing.rank == 1 and len(group.leaders) > 1 else ""
            assert own["backend"] == standing.backend
            assert own["rank"] == (f"{standing.rank}{tie}" if standing.rank else "-")
            assert same(own["ratio"], standing.ratio.ratio)
            assert same(own["lo"], standing.ratio.lo) and same(own["hi"], standing.ratio.hi)
            assert own["count"] == standing.ratio.count
            assert own["wins"] == (f"{standing.wins} (+{standing.shared})" if standing.shared
                                   else f"{standing.wins}")
            assert same(own["worst"], standing.worst_ratio)
            assert own["worst_case"] == standing.worst_case
    texts = [text.replace("`", "") for text in verdicts(groups)]
    more = page.run("return [...document.querySelectorAll('#verdict-more li')]"
                    ".map((item) => item.textContent)")
    assert [page.text("#verdict-text"), *more] == texts


FILTERS = [
    {}, {"backend": ["naive", "openmp", "simd"]}, {"backend": ["simd"]},
    {"backend": ["blocked", "late"]}, {"norm": ["layer"]}, {"norm": ["none"]},
    {"norm": ["batch", "none"]}, {"pass": ["backward"]}, {"dtype": ["bf16"]}, {"layout": ["nlc"]},
    {"threads": [2]}, {"cache": ["cold"]}, {"regime": ["L2", "DRAM"]}, {"regime": ["L1"]},
    {"norm": ["batch"], "threads": [1], "regime": ["DRAM"], "backend": ["naive", "simd"]},
]


@pytest.mark.parametrize("kept", FILTERS, ids=str)
def test_every_filter_ranks_as_the_analysis_does(make_page, mixed, kept):
    page = make_page(mixed)
    for facet, values in kept.items():
        for value in set(mixed.rows[facet]) - set(values):
            page.check(facet, str(value))
    assert_same_ranking(page, filtered(mixed, **kept))
    assert page.complaints() == []


@pytest.mark.parametrize("kept", [
    {}, {"threads": [1]}, {"pass": ["backward"], "regime": ["L3"]}, {"backend": ["eigen", "onednn"]},
    {"backend": ["onednn-blocked"]}], ids=str)
def test_the_reference_run_ranks_as_the_analysis_does(make_page, kept):
    from analysis import runs
    run = runs.load(str(REFERENCE))
    page = make_page(run)
    for facet, values in kept.items():
        for value in set(run.rows[facet]) - set(values):
            page.check(facet, str(value))
    assert_same_ranking(page, filtered(run, **kept))


@pytest.mark.parametrize("text, matching", [
    ("32x512x835", lambda rows: (rows["n"] == 32) & (rows["c"] == 512) & (rows["l"] == 835)),
    ("(32, 512, 835)", lambda rows: (rows["n"] == 32) & (rows["c"] == 512) & (rows["l"] == 835)),
    ("64 256", lambda rows: (rows["n"] == 64) & (rows["c"] == 256) & (rows["l"] == 1)),
    ("SHAPE-3", lambda rows: rows["name"] == "shape-3"),
    ("/bf16/", lambda rows: rows["dtype"] == "bf16"),
])
def test_text_finds_shapes_names_and_cases(make_page, mixed, text, matching):
    page = make_page(mixed)
    page.type("text", text)
    kept = mixed.rows[matching(mixed.rows)].reset_index(drop=True)
    assert_same_ranking(page, dataclasses.replace(mixed, rows=kept))


def test_few_rounds_make_no_claim(make_page, tmp_path):
    run = synthesis.load(tmp_path, synthesis.ladder(rounds=4))
    page = make_page(run)
    assert_same_ranking(page, run)


def test_a_ratio_to_a_chosen_backend_is_that_of_the_analysis(make_page, mixed):
    from analysis.cases import compare_within_cases, estimate_of, matched_rows
    from analysis.intervals import geometric_mean
    page = make_page(mixed)
    page.type("baseline", "naive", "change")
    compared = 0
    for found in page.ranking():
        rows = mixed.rows[mixed.rows["timed"]]
        for key, value in zip(("norm", "pass", "dtype", "layout", "threads", "cache"),
                              found["keys"]):
            rows = rows[rows[key] == value]
        if found["regime"] != "all":
            rows = rows[rows["regime"] == found["regime"]]
        cases = set(matched_rows(rows[~rows["native_layout"]])[0]["case"])
        kept = {own["backend"] for own in found["standings"]}
        rows = rows[rows["case"].isin(cases) & rows["backend"].isin(kept)]
        against = compare_within_cases(rows, mixed.noise.floor, "naive")
        for own in found["standings"]:
            records = against[against["backend"] == own["backend"]].to_dict("records")
            mean = geometric_mean([estimate_of(record) for record in records])
            assert same(own["ratio"], mean.ratio)
            assert same(own["lo"], mean.lo) and same(own["hi"], mean.hi)
            compared += 1
    assert compared > 100


def test_what_changed_is_what_diff_says(make_page, mixed, tmp_path: pathlib.Path):
    from analysis.diff import differences
    rows = [{**row, "samples_ns": [1.5 * sample for sample in row["samples_ns"]]}
            if row["backend"] == "simd" and row["c"] == 512 else row
            for row in mixed.rows.drop(columns=["timed", "median_ns"]).to_dict("records")]
    rows[0].update(outcome="failed", samples_ns=[])
    for row in rows:
        row.update({key: None for key, value in row.items() if value != value})
    new = synthesis.load(tmp_path / "new", rows)
    page = make_page(mixed, new).show_all()
    found = page.run("return differences(loaded[0], loaded[1]).map((entry) => [entry.change,"
                     "entry.after.backend, entry.after.case, entry.estimate])")
    expected = differences(mixed, new, 1.05)
    assert {tuple(entry[:3]) for entry in found} == {
        (row["change"], row["backend"], row["case"]) for row in expected.to_dict("records")}
    ratios = {(row["backend"], row["case"]): row for row in expected.to_dict("records")}
    for _, backend, case, estimate in found:
        own = ratios[backend, case]
        if estimate:
            assert all(same(estimate[key], own[key]) for key in ("ratio", "lo", "hi"))
    assert "1 broken" in page.text("#change-counts")
    assert "slower" in page.text("#change-counts")


def test_cliffs_are_those_of_the_analysis(make_page):
    from analysis import runs
    from analysis.cliffs import cliffs
    run = runs.load(str(REFERENCE))
    page = make_page(run).show_all()
    counts = page.run("return Object.fromEntries([...groupBy(cliffsOf(view), "
                      "({ row }) => row.backend)].map(([name, own]) => [name, own.length]))")
    assert counts == cliffs(run).per_backend


def test_rows_of_different_numbers_of_rounds_rank_as_the_analysis_does(make_page, tmp_path):
    speeds = [1.0] * 10 + [3.0] * 20  # so the lowest median is not that of the fastest
    rows = [synthesis.make_row(backend, 1.0, l=l, samples_ns=[
                100.0 * l * factor * speed for speed in speeds[:rounds]])
            for l in (16, 32, 1024)
            for backend, factor, rounds in (("far", 1.6, 10), ("near", 1.1, 30), ("fast", 1.0, 30))]
    run = synthesis.load(tmp_path, rows)
    page = make_page(run)
    assert_same_ranking(page, run)
    assert [own["backend"] for own in page.ranking()[0]["standings"]] == ["fast", "near", "far"]
    assert same(page.ranking()[0]["standings"][2]["ratio"], 1.6)
    assert "A backend that is clearly behind got" in page.text("#method")
    page.type("shape", "64x256x16")
    assert "10 to 30 rounds measured side by side" in page.text("#answer")
    page.type("baseline", "far", "change")
    assert same(page.ranking()[0]["standings"][0]["ratio"], 1 / 1.6)
