"""Cases that were measured in a mixed order are shown in a fixed one."""

import random

import pytest
from conftest import load, make_row

from analysis.headings import like_cases, title

WHERE = [{"norm": norm, "dtype": dtype, "threads": threads, "pass_": pass_, "l": l}
         for norm, dtype in (("batch", "f32"), ("batch", "bf16"), ("rms", "f32"), ("none", "f32"))
         for threads in (2, 1) for pass_ in ("forward_training", "backward") for l in (1, 8, 100)]


@pytest.mark.parametrize("seed", range(5))
def test_tables_do_not_depend_on_the_order_of_measuring(tmp_path, seed):
    mixed = random.Random(seed).sample(WHERE, len(WHERE))
    rows = [make_row(backend, 1.0, **where) for where in mixed for backend in ("b", "a")]
    run = load(tmp_path, rows, case_ids=[row["case"] for row in rows])
    expected = [make_row(backend, 1.0, **where) for where in WHERE for backend in ("b", "a")]
    assert [(row["case"], row["backend"]) for row in run.rows.to_dict("records")] == [
        (row["case"], row["backend"]) for row in expected]
    groups = [keys for keys, _ in like_cases(run.rows)]
    assert title(groups[0], groups) == "batch forward_training, f32, 2 threads"
    assert title(groups[-1], groups) == "none backward, f32, 1 thread"


def test_an_older_run_keeps_the_order_of_its_file(tmp_path):
    rows = [make_row("a", 1.0, l=l, threads=threads) for l, threads in ((9, 1), (1, 2), (4, 1))]
    assert list(load(tmp_path, rows).rows["l"]) == [9, 1, 4]


def test_unknown_names_come_last(tmp_path):
    rows = [make_row("a", 1.0, norm=norm) for norm in ("new", "rms", "batch")]
    run = load(tmp_path, rows, case_ids=[row["case"] for row in rows])
    assert list(run.rows["norm"]) == ["batch", "rms", "new"]
