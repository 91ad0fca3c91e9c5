"""Other norms as ratios to batch norm, other types as ratios to f32: the best of each."""

import pytest
from conftest import cells_of, ladder, load, make_row, run_in_process, write_run

from analysis.instead import instead_of_batch_norm, instead_of_f32


def row(backend, ns, **fields):
    return make_row(backend, ns, **{"jitter": 0, **fields})


def norms_of(tmp_path, rows):
    return instead_of_batch_norm(load(tmp_path, rows))


def types_of(tmp_path, rows):
    return instead_of_f32(load(tmp_path, rows))


def test_the_best_of_each_norm_is_set_against_the_best_of_batch_norm(tmp_path):
    rows = [row("a", 200.0), row("b", 100.0), row("a", 150.0, norm="layer"),
            row("b", 400.0, norm="layer"), row("a", 50.0, norm="none")]
    section, = norms_of(tmp_path, rows)
    assert section.title == "forward_training, 1 thread"
    assert section.table.splitlines()[0] == "| shape | batch | layer | none |"
    assert cells_of(section.table, "`n64_c256_l128`")[1:] == ["100 ns b", "1.50 a", "0.50 a"]


def test_a_native_layout_is_not_the_best(tmp_path):
    rows = [row("a", 100.0), row("x", 10.0, native_layout=True), row("a", 200.0, norm="layer"),
            row("x", 20.0, norm="layer", native_layout=True)]
    section, = norms_of(tmp_path, rows)
    assert cells_of(section.table, "`n64_c256_l128`")[1:] == ["100 ns a", "2.00 a"]


def test_mini_batches_of_batch_norm_are_not_the_reference(tmp_path):
    rows = [row("a", 100.0), row("a", 10.0, batch=16), row("a", 200.0, norm="rms")]
    section, = norms_of(tmp_path, rows)
    assert cells_of(section.table, "`n64_c256_l128`")[1:] == ["100 ns a", "2.00 a"]
    assert norms_of(tmp_path, rows[1:]) == []


@pytest.mark.parametrize("other", [
    {"n": 32}, {"c": 8}, {"l": 3}, {"pass_": "backward"}, {"dtype": "f64"}, {"layout": "nlc"},
    {"threads": 2}, {"cache": "cold"}])
def test_norms_are_compared_on_the_same_case_only(tmp_path, other):
    assert norms_of(tmp_path, [row("a", 100.0), row("a", 200.0, norm="rms", **other)]) == []


def test_groups_are_told_apart(tmp_path):
    rows = [row("a", 100.0), row("a", 200.0, norm="group", groups=8),
            row("a", 300.0, norm="group", groups=32)]
    section, = norms_of(tmp_path, rows)
    assert cells_of(section.table, "`n64_c256_l128`")[2] == "2.00 a G=8, 3.00 a G=32"


def test_types_are_geometric_means_over_like_problems(tmp_path):
    rows = []
    for l, factor in ((1, 0.5), (2, 2.0), (4, 1.0)):
        rows += [row("a", 100.0 * l, l=l), row("b", 150.0 * l, l=l),
                 row("b", 100.0 * l * factor, l=l, dtype="bf16")]
    rows.append(row("a", 300.0, l=1, dtype="f64"))
    table = types_of(tmp_path, rows)
    assert table.splitlines()[0] == "| norm | pass | threads | regime in f32 | bf16 | f64 |"
    assert cells_of(table, "L2") == ["batch", "forward_training", "1", "L2", "1.00 (n=3)",
                                     "3.00 (n=1)"]


def test_regime_is_that_of_the_f32_case(tmp_path):
    rows = [row("a", 100.0, l=1, regime="L2"), row("a", 50.0, l=1, dtype="bf16", regime="L1"),
            row("a", 100.0, l=9, regime="DRAM"), row("a", 25.0, l=9, dtype="bf16", regime="L3")]
    body = types_of(tmp_path, rows).splitlines()[2:]
    assert body == ["| batch | forward_training | 1 | L2 | 0.50 (n=1) |",
                    "| batch | forward_training | 1 | DRAM | 0.25 (n=1) |"]


@pytest.mark.parametrize("other", [
    {"n": 32}, {"norm": "rms"}, {"pass_": "backward"}, {"layout": "nlc"}, {"threads": 2},
    {"cache": "cold"}, {"batch": 16}])
def test_types_are_compared_on_the_same_problem_only(tmp_path, other):
    assert types_of(tmp_path, [row("a", 100.0), row("a", 50.0, dtype="bf16", **other)]) == ""


def test_layout_and_cache_are_kept_apart(tmp_path):
    rows = [row("a", ns, dtype=dtype, layout=layout)
            for layout, ns in (("ncl", 100.0), ("nlc", 900.0)) for dtype in ("f32", "bf16")]
    rows[1] = row("a", 50.0, dtype="bf16")
    table = types_of(tmp_path, rows)
    assert cells_of(table, "ncl")[-1] == "0.50 (n=1)" and cells_of(table, "nlc")[-1] == "1.00 (n=1)"


def test_names_are_inert(tmp_path):
    evil = "<i>|*x*"
    rows = [row(evil, 100.0, name=evil), row(evil, 50.0, norm=evil, name=evil),
            row(evil, 50.0, dtype=evil)]
    section, = norms_of(tmp_path, rows)
    table = types_of(tmp_path, rows)
    assert "<i>" not in section.table + table
    assert "&lt;i&gt;\\|\\*x\\*" in section.table and "&lt;i&gt;\\|\\*x\\*" in table


def test_report_has_the_sections_only_with_their_data(tmp_path):
    plain = write_run(tmp_path / "plain", ladder())
    rich = write_run(tmp_path / "rich", ladder() + ladder(norm="rms") + ladder(dtype="bf16"))
    for folder in (plain, rich):
        run_in_process("report", folder)
    assert "## Instead of" not in (plain / "report.md").read_text()
    text = (rich / "report.md").read_text()
    assert "## Instead of batch norm\n" in text and "## Instead of f32\n" in text
