"""The ranking in one table, what of it goes into a README, and how its rows are called."""

import pytest
from conftest import cells_of, load, make_row, run_in_process, two, write_run

from analysis.headings import like_cases, title
from analysis.rank import rank_groups
from analysis.summary import most_telling, summary_table, whole_groups

PAGE = "<!-- normbench:begin -->\n<!-- normbench:end -->\n"
PASSES = ("forward_training", "forward_inference", "backward")


def whole_of(tmp_path, rows):
    return whole_groups(rank_groups(load(tmp_path, rows)))


def labels(whole):
    among = [group.keys for group in whole]
    return [title(group.keys, among) for group in whole]


def many(**fields):
    return [row for name in PASSES for row in two("a", "b", 2.0, pass_=name, **fields)]


def test_summary_table_makes_the_best_bold(tmp_path):
    rows = two("a", "b", 2.0) + [make_row("rare", 1.0)]
    whole = whole_of(tmp_path, rows)
    table = summary_table(whole, whole)
    assert cells_of(table, "forward_training, 1 thread") == [
        "forward_training, 1 thread", "2 of 3 cases", "**1.00**", "2.00"]


def test_backends_without_a_norm_have_a_gap(tmp_path):
    rows = two("a", "b", 2.0) + two("a", "c", 3.0, norm="rms")
    whole = whole_of(tmp_path, rows)
    table = summary_table(whole, whole)
    assert cells_of(table, "batch forward_training, 1 thread") == [
        "batch forward_training, 1 thread", "2 cases", "**1.00**", "2.00", "-"]
    assert cells_of(table, "rms forward_training, 1 thread")[2:] == ["**1.00**", "-", "3.00"]


def test_rows_are_called_as_in_the_whole_run(tmp_path):
    whole = whole_of(tmp_path, two("a", "b", 2.0) + two("a", "b", 2.0, dtype="f64"))
    assert "| forward_training, f32, 1 thread |" in summary_table(whole[:1], whole)


@pytest.mark.parametrize("other, labels_expected", [
    ({}, ["forward_training, 1 thread"]),
    ({"norm": "rms"}, ["batch forward_training, 1 thread", "rms forward_training, 1 thread"]),
    ({"dtype": "f64"}, ["forward_training, f32, 1 thread", "forward_training, f64, 1 thread"]),
    ({"layout": "nlc"}, ["forward_training, ncl, 1 thread", "forward_training, nlc, 1 thread"]),
    ({"cache": "cold"}, ["forward_training, 1 thread, warm", "forward_training, 1 thread, cold"]),
    ({"threads": 2}, ["forward_training, 1 thread", "forward_training, 2 threads"])])
def test_titles_name_what_differs_and_nothing_else(tmp_path, other, labels_expected):
    rows = [make_row("a", 1.0), make_row("a", 1.0, **other)]
    assert labels(whole_of(tmp_path, rows)) == labels_expected


def test_order_is_batch_first_control_last_and_else_that_of_the_run(tmp_path):
    kinds = [("none", "f32"), ("rms", "bf16"), ("layer", "f32"), ("batch", "f64"), ("rms", "f32"),
             ("batch", "f32")]
    rows = load(tmp_path, [make_row("a", 1.0, norm=norm, dtype=dtype)
                           for norm, dtype in kinds]).rows
    assert [(keys["norm"], keys["dtype"]) for keys, _ in like_cases(rows)] == [
        ("batch", "f32"), ("batch", "f64"), ("rms", "f32"), ("rms", "bf16"), ("layer", "f32"),
        ("none", "f32")]


def test_a_small_ranking_is_shown_whole(tmp_path):
    whole = whole_of(tmp_path, many(norm="layer") + many() + many(threads=2))
    assert most_telling(whole) == whole and len(whole) == 9


def test_what_fits_is_batch_then_its_threads_then_other_norms(tmp_path):
    rows = []
    for norm in ("none", "rms", "batch", "layer"):
        for threads in (1, 2):
            rows += many(norm=norm, threads=threads)
    rows += many(dtype="f64", threads=2)
    whole = whole_of(tmp_path, rows)
    assert len(whole) == 27

    def kept(most):
        return list(dict.fromkeys((group.keys["norm"], group.keys["threads"], group.keys["dtype"])
                                  for group in most_telling(whole, most)))

    batch = [("batch", 1, "f32"), ("batch", 2, "f32")]
    assert kept(1) == [("batch", 2, "f32")]
    assert kept(6) == kept(8) == batch
    assert kept(14) == [*batch, ("rms", 2, "f32"), ("layer", 2, "f32")]
    assert kept(18) == [*batch, ("batch", 2, "f64"), ("rms", 2, "f32"), ("layer", 2, "f32"),
                        ("none", 2, "f32")]
    assert kept(25) == kept(18) and len(most_telling(whole, 27)) == 27


def test_splice_of_many_norms_is_compact(tmp_path):
    rows = []
    for norm in ("batch", "layer", "instance", "group", "rms", "none"):
        for threads in (1, 2):
            rows += many(norm=norm, threads=threads)
    folder = write_run(tmp_path / "run", rows)
    page = tmp_path / "README.md"
    page.write_text(PAGE)
    run_in_process("report", folder, "--splice", page)
    lines = page.read_text().splitlines()
    assert lines[1].startswith("For batch norm, of the 2 backends timed in this run, ")
    assert "layer norm" not in lines[1] and "the same backends lead" in lines[1]
    ranking = [line for line in lines if line.startswith("| ")][2:]
    assert len(ranking) == 21 and ranking[0].startswith("| batch forward_training, ")
    assert "| rms backward, 2 threads |" in "".join(ranking)
    assert "The ranking in the full report has 15 more rows." in lines
    report = (folder / "report.md").read_text()
    assert report.count("\n- For ") == 4 and "\n- For rms norm, of the 2 backends" in report
    assert "| rms backward, 1 thread |" in report
