"""The price of a norm: times over that of the fastest control on the same shape."""

import pytest
from conftest import cells_of, ladder, load, make_gap, make_row, run_in_process, write_run

from analysis.price import price


def rows_of(norm, times, **fields):
    """Rows of one shape with exactly these times, by backend."""
    return [make_row(backend, ns, norm=norm, jitter=1e-9, **fields)
            for backend, ns in times.items()]


def price_of(tmp_path, rows):
    return price(load(tmp_path, rows))


def test_all_backends_are_measured_against_the_fastest_control(tmp_path):
    rows = rows_of("none", {"a": 100.0, "b": 50.0}) + rows_of("batch", {"a": 200.0, "b": 150.0})
    found = price_of(tmp_path, rows)
    header, _, row = found.medians.splitlines()
    assert header == "|  | cases | a | b |"
    assert row == "| forward_training, 1 thread | 1 | 4.00 | 3.00 |"
    section, = found.sections
    assert section.title == "forward_training, 1 thread"
    assert section.table.splitlines()[0] == "| shape | none | batch |"
    assert cells_of(section.table, "`n64_c256_l128`") == [
        "`n64_c256_l128`", "50 ns b", "3.00 b"]
    assert found.without_control == 0


def test_medians_over_cases_say_when_a_backend_was_timed_in_fewer(tmp_path):
    rows = []
    for l, ns in ((1, 200.0), (2, 300.0), (3, 1000.0)):
        rows += rows_of("none", {"a": 100.0}, l=l)
        rows += rows_of("rms", {"a": ns, **({"b": ns} if l != 3 else {})}, l=l)
    assert cells_of(price_of(tmp_path, rows).medians, "forward_training, 1 thread") == [
        "forward_training, 1 thread", "3", "3.00", "2.50 (n=2)"]


def test_nothing_that_differs_is_mixed(tmp_path):
    rows = []
    for index, fields in enumerate((
            {}, {"dtype": "bf16"}, {"layout": "nlc"}, {"threads": 2}, {"cache": "cold"},
            {"pass_": "backward"}, {"n": 8}, {"c": 8}, {"l": 8})):
        rows += rows_of("none", {"a": 100.0 * (1 + index)}, **fields)
        rows += rows_of("batch", {"a": 300.0 * (1 + index)}, **fields)
    found = price_of(tmp_path, rows)
    body = found.medians.splitlines()[2:]
    assert len(body) == 6 and all(line.endswith("| 3.00 |") for line in body)
    assert body[0].startswith("| forward_training, f32, ncl, 1 thread, warm | 4 |")
    assert [section.title for section in found.sections] == [
        line.split(" | ")[0].strip("| ") for line in body]


def test_norms_are_rows_of_the_medians_and_columns_of_the_shapes(tmp_path):
    rows = (rows_of("none", {"a": 100.0}) + rows_of("layer", {"a": 150.0, "b": 140.0})
            + rows_of("batch", {"a": 300.0}, name="quartz|net"))
    found = price_of(tmp_path, rows)
    assert [line.split(" | ")[0] for line in found.medians.splitlines()[2:]] == [
        "| batch forward_training, 1 thread", "| layer forward_training, 1 thread"]
    section, = found.sections
    assert section.table.splitlines()[0] == "| shape | none | batch | layer |"
    assert section.table.splitlines()[2] == (
        "| quartz\\|net `n64_c256_l128` | 100 ns a | 3.00 a | 1.40 b |")


def test_mini_batches_are_other_shapes_and_groups_share_one(tmp_path):
    rows = (rows_of("none", {"a": 100.0}) + rows_of("batch", {"a": 300.0})
            + rows_of("batch", {"a": 600.0}, batch=16)
            + rows_of("group", {"a": 200.0}, groups=8) + rows_of("group", {"a": 250.0}, groups=32))
    section, = price_of(tmp_path, rows).sections
    assert section.table.splitlines()[0] == "| shape | none | batch | group |"
    assert [cells_of(section.table, shape)[2:] for shape in (
        "`n64_c256_l128`", "`n64_c256_l128_b16`")] == [
            ["3.00 a", "2.00 a G=8, 2.50 a G=32"], ["6.00 a", "-"]]


def test_native_layout_is_priced_but_is_neither_control_nor_best(tmp_path):
    rows = rows_of("none", {"a": 100.0}) + rows_of("batch", {"a": 300.0})
    for norm, ns in (("none", 10.0), ("batch", 80.0)):
        rows += rows_of(norm, {"blocked": ns}, native_layout=True)
    found = price_of(tmp_path, rows)
    assert found.medians.splitlines()[0] == "|  | cases | a | blocked (native layout) |"
    assert cells_of(found.medians, "forward_training, 1 thread")[2:] == ["3.00", "0.80"]
    assert cells_of(found.sections[0].table, "`n64_c256_l128`")[1:] == ["100 ns a", "3.00 a"]


def test_cases_without_a_control_are_counted(tmp_path):
    rows = (rows_of("none", {"a": 100.0}) + rows_of("batch", {"a": 300.0, "b": 300.0})
            + rows_of("batch", {"a": 300.0, "b": 300.0}, l=7)
            + [make_gap("a", "unsupported", "no", norm="none", l=7)])
    found = price_of(tmp_path, rows)
    assert found.without_control == 1
    assert "_l7" not in found.sections[0].table


@pytest.mark.parametrize("rows", [
    rows_of("batch", {"a": 1.0}), rows_of("none", {"a": 1.0}),
    rows_of("batch", {"a": 1.0}) + rows_of("none", {"a": 1.0}, l=7),
    [make_gap("a", "failed", "x")]])
def test_no_price_without_a_norm_beside_the_control(tmp_path, rows):
    assert price_of(tmp_path, rows) is None


def test_report_has_the_section_only_with_the_control(tmp_path):
    plain = write_run(tmp_path / "plain", ladder())
    controlled = write_run(tmp_path / "controlled", ladder() + ladder(norm="none"))
    for folder in (plain, controlled):
        run_in_process("report", folder)
    assert "Price of a norm" not in (plain / "report.md").read_text()
    text = (controlled / "report.md").read_text()
    section = text.split("## Price of a norm")[1].split("\n## ")[0]
    assert "the `none` of the backend\nthat is fastest at it there" in section
    assert "| forward_training, 1 thread | 4 | 4.00 | 1.00 | 1.00 |" in section
    assert "have no price" not in section
