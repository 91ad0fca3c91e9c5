"""The share of the bound, the least time of a pass; and what is known of the last cache."""

import pytest
from conftest import cells_of, load, make_row, run_in_process, write_run

from analysis import facts, shapes

MIB = 2 ** 20


def named(backend, ns, **fields):
    return make_row(backend, ns, name="row", jitter=1e-9, **fields)


def header_of(section):
    return section.table.splitlines()[0].strip("| ").split(" | ")


def test_share_of_the_bound():
    assert shapes.bound_share({"bound_ns": 50.0, "median_ns": 200.0}) == pytest.approx(0.25)


def test_named_shapes_have_a_column_for_it(tmp_path):
    rows = [named("a", 100.0, bound_ns=60.0, read_ns=20.0), named("b", 200.0, bound_ns=60.0),
            named("a", 100.0, l=7, bound_ns=None), named("a", 100.0, threads=2)]
    one, two = shapes.named_sections(load(tmp_path, rows))
    assert header_of(one)[4:8] == ["GB/s", "% of copy", "% of bound", "a"]
    assert cells_of(one.table, "(64, 256, 128)")[6] == "60%"
    assert cells_of(one.table, "(64, 256, 7)")[6] == "-"
    assert "% of bound" not in header_of(two)


def test_report_explains_it_where_it_is(tmp_path):
    for name, fields in (("new", {"bound_ns": 60.0}), ("old", {})):
        folder = write_run(tmp_path / name, [named("a", 100.0, **fields)])
        run_in_process("report", folder)
        text = (folder / "report.md").read_text()
        assert ("The bound is the least time that the pass can take" in text) == (name == "new")


def last_cache(tmp_path, last_level):
    machine = {"cpu": "x", "cores": 2, "last_level": last_level}
    return dict(facts.machine_facts(load(tmp_path, [make_row("a", 1.0)], machine=machine))).get(
        "last cache")


@pytest.mark.parametrize("said, measured, shown", [
    (300, 36, "300 MiB by the system, 36 MiB measured"),
    (16, 36, "16 MiB by the system, 36 MiB measured"), (36, 20, None), (20, 40, None)])
def test_sizes_of_the_last_cache_are_shown_when_they_differ(tmp_path, said, measured, shown):
    assert last_cache(tmp_path, {"said_bytes": said * MIB,
                                 "measured_bytes": measured * MIB}) == shown


@pytest.mark.parametrize("last_level", [
    None, {}, 3, {"said_bytes": MIB, "measured_bytes": None}, {"said_bytes": MIB}, {
        "said_bytes": 0, "measured_bytes": MIB}, {"said_bytes": "x", "measured_bytes": MIB}])
def test_a_last_cache_that_was_not_measured_is_not_shown(tmp_path, last_level):
    assert last_cache(tmp_path, last_level) is None
