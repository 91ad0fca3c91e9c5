"""Cliffs: each reason for being one by itself, and what is listed of them."""

import pytest
from conftest import cells_of, load, make_row

from analysis.cliffs import cliffs


def cliffs_of(tmp_path, rows):
    return cliffs(load(tmp_path, rows))


def whys(found):
    """What the column says, by case and backend."""
    lines = [line.strip("| ").split(" | ") for line in found.table.splitlines()[2:]]
    return {(cells[2].strip("`"), cells[1]): cells[4] for cells in lines}


def alone(factors, **fields):
    """One backend over sizes of 1000 elements times powers of 2, so much slower per element."""
    return [make_row("a", 1000.0 * 2 ** power * factor, n=10, c=100, l=2 ** power, jitter=0,
                     **fields)
            for power, factor in enumerate(factors, start=1)]


def test_off_the_best_and_reference_kernels(tmp_path):
    rows = [make_row("fast", 100.0, jitter=0), make_row("twice", 199.0, detail="prefetch"),
            make_row("slow", 500.0, detail="jit:avx2", jitter=0),
            make_row("ok", 110.0, detail="ref:any"), make_row("fine", 110.0, detail="pref:4")]
    found = cliffs_of(tmp_path, rows)
    case = rows[0]["case"]
    assert (found.total, found.per_backend) == (2, {"slow": 1, "ok": 1})
    assert whys(found) == {(case, "slow"): "the best", (case, "ok"): "reference kernel"}
    worst = found.table.splitlines()[2]
    assert worst.startswith("| 5.00 [") and "| jit:avx2 |" in worst
    assert f"`normbench repro {case} -b slow`" in worst


def test_off_its_neighbors_per_element(tmp_path):
    rows = alone([1, 1, 3, 1, 1])
    assert whys(cliffs_of(tmp_path, rows)) == {(rows[2]["case"], "a"): "its neighbors 3.00x"}


def test_neighbors_are_at_most_two_on_either_side(tmp_path):
    # The median of 1, 1, 3, 3 is 2: no cliff. With the far ones it would be 1, and 3 off it.
    assert cliffs_of(tmp_path, alone([1, 1, 1, 1, 3, 3, 3])).total == 0


def test_neighbors_are_within_a_factor_of_8(tmp_path):
    rows = [make_row("a", size * cost, n=1, c=1, l=size, jitter=0)
            for size, cost in ((1000, 1.0), (2000, 1.0), (8000, 3.0), (63999, 1.0))]
    # Both 1000 (just within) and 2000 count beside 63999, which is within 8 of 8000 too.
    assert list(whys(cliffs_of(tmp_path, rows)).values()) == ["its neighbors 3.00x"]
    rows[0] = make_row("a", 999.0, n=1, c=1, l=999, jitter=0)
    rows[3] = make_row("a", 64001.0, n=1, c=1, l=64001, jitter=0)
    # Now 2000 is the only neighbor of 8000, and one is not enough.
    assert cliffs_of(tmp_path, rows).total == 0


def test_exactly_twice_its_neighbors_is_no_cliff(tmp_path):
    assert cliffs_of(tmp_path, alone([1, 1, 2, 1, 1])).total == 0


@pytest.mark.parametrize("other", [
    {"norm": "rms"}, {"pass_": "backward"}, {"dtype": "f64"}, {"layout": "nlc"}, {"threads": 2},
    {"cache": "cold"}, {"batch": 5}])
def test_neighbors_are_of_one_group(tmp_path, other):
    rows = alone([1, 1, 1, 1, 1]) + alone([5, 5, 5, 5, 5], **other)
    assert cliffs_of(tmp_path, rows).total == 0


def test_neighbors_of_one_position_are_of_one_position(tmp_path):
    rows = [make_row("a", 100.0 * c * cost, n=8, c=c * 100 // l, l=l, jitter=0)
            for c in (4, 8, 16, 32) for l, cost in ((1, 5.0), (4, 2.6))]
    assert cliffs_of(tmp_path, rows).total == 0


def test_neighbors_are_of_one_backend(tmp_path):
    # Each backend has other cases, so none is off the best of its own.
    rows = alone([1, 1, 1]) + [dict(row, backend="b") for row in alone([9, 9, 9, 9, 9, 9])[3:]]
    assert cliffs_of(tmp_path, rows).total == 0


def test_off_the_same_data_spelled_as_another_shape(tmp_path):
    rows = [make_row("a", ns, n=n, c=64, l=l, jitter=0)
            for n, l, ns in ((64, 16, 100.0), (1, 1024, 150.0), (1024, 1, 250.0))]
    assert whys(cliffs_of(tmp_path, rows)) == {(rows[2]["case"], "a"): "(64, 64, 16) 2.50x"}


@pytest.mark.parametrize("other", [
    {"n": 512, "l": 1}, {"c": 32, "n": 1024}, {"n": 1024, "batch": 64}, {"n": 1024, "groups": 4},
    {"n": 1024, "threads": 2}, {"n": 1024, "dtype": "bf16"}])
def test_other_data_is_no_other_spelling(tmp_path, other):
    rows = [make_row("a", 100.0, n=64, c=64, l=16, jitter=0),
            make_row("a", 900.0, **{"c": 64, "l": 1, "jitter": 0, **other})]
    assert cliffs_of(tmp_path, rows).total == 0


def test_reasons_add_up_and_the_steepest_is_first(tmp_path):
    rows = [make_row("fast", 100.0, jitter=0), make_row("slow", 300.0, jitter=0, detail="ref")]
    rows += alone([1, 1, 9, 1, 1])
    found = cliffs_of(tmp_path, rows)
    assert list(whys(found).items()) == [((rows[4]["case"], "a"), "its neighbors 9.00x"),
                                         ((rows[0]["case"], "slow"), "the best, reference kernel")]


def test_empty_tensors_are_no_neighbors(tmp_path):
    rows = alone([1, 1, 1]) + [make_row("a", 50.0, n=0, batch=0, c=100, l=4, jitter=0)]
    assert cliffs_of(tmp_path, rows).total == 0


def test_a_list_is_capped_without_hiding_a_backend(tmp_path):
    rows = []
    for l in range(2, 42):
        rows += [make_row("fast", 100.0 * l, l=l), make_row("naive", 1000.0 * l, l=l)]
    rows.append(make_row("odd", 600.0, l=2))
    found = cliffs_of(tmp_path, rows)
    assert (found.total, found.shown) == (41, 30)
    assert len(found.table.splitlines()) == 32 and "| odd |" in found.table


def test_variants_are_quoted_in_repro_lines(tmp_path):
    rows = [make_row("fast", 100.0, jitter=0), make_row("fast[x=off]", 500.0, jitter=0)]
    assert (f"`normbench repro {rows[0]['case']} -b 'fast[x=off]'`"
            in cliffs_of(tmp_path, rows).table)


def test_names_are_inert(tmp_path):
    rows = [make_row("fast", 100.0), make_row("<b>|x", 900.0, detail="<img src=x>", jitter=0)]
    table = cliffs_of(tmp_path, rows).table
    assert cells_of(table, "&lt;b&gt;\\|x")[3] == "&lt;img src=x&gt;"
    assert "<img" not in table
