"""The report: its figures recomputed by hand, its sections, and where it goes."""

import re

import pytest
from conftest import cells_of, ladder, load, make_gap, make_row, run_in_process, write_run

from analysis import facts, runs, shapes
from analysis.errors import UserError


def test_report_has_its_sections_in_order(run_folder, capsys):
    assert run_in_process("report", run_folder) == 0
    assert capsys.readouterr().out == f"{run_folder / 'report.md'}\n"
    text = (run_folder / "report.md").read_text()
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == [
        "Machine and build", "What this config asks", "Ranking", "Fastest by shape", "Bandwidth",
        "Cliffs", "Accuracy", "Preparation, allocations, disturbances", "Skips and failures",
        "Warnings", "Method", "Reproduce"]
    assert "| verified | 12 of 12 rows" in text
    assert "normbench run configs/test.toml\n" in text


def test_report_goes_where_it_is_told(run_folder, tmp_path):
    run_in_process("report", run_folder, "-o", tmp_path / "r.md")
    assert (tmp_path / "r.md").is_file() and not (run_folder / "report.md").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_output_without_a_suffix_has_its_pictures_beside_it(run_folder, tmp_path):
    run_in_process("report", run_folder, "-o", tmp_path / "page")
    assert (tmp_path / "page").is_file() and (tmp_path / "page.pictures").is_dir()


def test_markdown_is_the_default(run_folder, tmp_path):
    run_in_process("report", run_folder, "-o", tmp_path / "a.md")
    run_in_process("report", run_folder, "--markdown", "-o", tmp_path / "b.md")
    assert (tmp_path / "a.md").read_text() == (tmp_path / "b.md").read_text().replace(
        "](b/", "](a/")


def test_report_says_what_command_made_it(run_folder, monkeypatch):
    monkeypatch.setenv("NORMBENCH_COMMAND", "normbench report results/x -B naive")
    run_in_process("report", run_folder)
    assert "\nnormbench report results/x -B naive\n" in (run_folder / "report.md").read_text()


def test_named_shapes_table(tmp_path):
    rows = [make_row(name, ns, n=32, c=512, l=835, name="quartz|net", copy_ns=50_000.0,
                     bytes=2_000_000, jitter=1e-6)
            for name, ns in (("a", 100_000.0), ("b", 150_000.0), ("c", 100_001.0))]
    rows.append(make_gap("d", "unsupported", "no", n=32, c=512, l=835, name="quartz|net"))
    section, = shapes.named_sections(load(tmp_path, rows))
    assert section.title == "batch forward_training, f32, ncl, 1 thread, warm"
    header, _, row = section.table.splitlines()
    assert header == "| name | (N, C, L) | best | time | GB/s | % of copy | a | b | c | d |"
    # 2 MB in 100 us are 20 GB/s; the copy moves 2 * 32 * 512 * 835 * 4 bytes in 50 us: 2189 GB/s.
    assert row == ("| quartz\\|net | (32, 512, 835) | a | 100 us | 20.0 | 1% "
                   "| **1.00** | 1.50 | 1.00 = | unsupported |")


def test_share_of_the_copy_ceiling():
    row = {"bytes": 800, "median_ns": 200.0, "n": 2, "c": 5, "l": 10, "dtype": "f32",
           "copy_ns": 100.0}
    assert shapes.gigabytes_per_second(row) == pytest.approx(4.0)
    assert shapes.ceiling_share(row) == pytest.approx(4.0 / (2 * 100 * 4 / 100))
    assert shapes.ceiling_share(dict(row, dtype="f64")) == pytest.approx(0.25)


def test_rows_above_the_ceiling_are_warned_about(tmp_path):
    run = load(tmp_path, [make_row("a", 100.0, copy_ns=120.0), make_row("b", 100.0)])
    message, = shapes.above_ceiling(run)
    assert message.startswith("1 rows are above 105% of the copy ceiling, the worst is a")
    assert "with 120%" in message


def test_thread_scaling(tmp_path):
    rows = [make_row("a", ns, l=l, threads=threads, jitter=1e-9)
            for l, threads, ns in ((1, 1, 100.0), (1, 2, 50.0), (2, 1, 80.0), (2, 2, 80.0),
                                   (3, 2, 1.0))]
    cells = cells_of(shapes.thread_scaling(load(tmp_path, rows)), "a")
    assert cells[-2:] == ["1 to 2 threads", "1.41 (n=2)"]


def test_batch_scaling(tmp_path):
    rows = [make_row("a", ns, l=l, batch=batch, jitter=1e-9)
            for l, batch, ns in ((1, 64, 100.0), (1, 16, 200.0), (2, 64, 100.0), (2, 16, 800.0),
                                 (2, 4, 300.0))]
    table = shapes.batch_scaling(load(tmp_path, rows))
    assert table.splitlines()[0].endswith("| B = 4 | B = 16 |")
    assert cells_of(table, "a")[-2:] == ["3.00 (n=1)", "4.00 (n=2)"]


@pytest.mark.parametrize("other, column, value", [
    ({"norm": "rms"}, "norm", "rms"), ({"pass_": "backward"}, "pass", "backward"),
    ({"dtype": "f64"}, "dtype", "f64"), ({"layout": "nlc"}, "layout", "nlc"),
    ({"cache": "cold"}, "cache", "cold")])
def test_scaling_never_mixes_what_is_not_alike(tmp_path, other, column, value):
    rows = [make_row("a", ns, threads=threads, batch=batch, jitter=1e-9, **fields)
            for fields, factor in (({}, 2.0), (other, 3.0))
            for threads, batch, ns in ((1, 64, 100.0 * factor), (2, 64, 100.0),
                                       (1, 16, 100.0 * factor ** 2))]
    run = load(tmp_path, rows)
    for table in (shapes.thread_scaling(run), shapes.batch_scaling(run)):
        assert column in table.splitlines()[0].strip("| ").split(" | ")
        first, second = table.splitlines()[2:]
        assert "| 2.00 (n=1) |" in first and "| 3.00 (n=1) |" in second
        assert f"| {value} |" in second and f"| {value} |" not in first


def test_batch_scaling_pairs_only_what_else_is_the_same_problem(tmp_path):
    problem = "batch/forward_training/f32/ncl/n64_c256_l128"
    rows = [dict(make_row("a", ns, batch=batch, jitter=1e-9), problem=problem + end,
                 case=f"{problem}{end}/t1/warm")
            for batch, end, ns in ((64, "", 1.0), (64, "_plain", 100.0), (16, "_b16_plain", 200.0))]
    assert cells_of(shapes.batch_scaling(load(tmp_path, rows)), "a")[-1] == "2.00 (n=1)"


def test_no_scaling_without_data(run_folder):
    run = runs.load(str(run_folder))
    assert shapes.thread_scaling(run) == shapes.batch_scaling(run) == ""


def test_costs_highlight_allocations(tmp_path):
    rows = [make_row("a", 1.0, l=l, prepare_ns=ns, allocations=count, cpus=1 + l * 0.3)
            for l, ns, count in ((1, 1000.0, 0), (2, 3000.0, 2), (3, 9000.0, 0))]
    table = facts.costs(load(tmp_path, rows + [make_row("naive", 1.0)]))
    assert cells_of(table, "a") == ["a", "-", "3 us", "**2**", "1.9", "0", "0"]
    assert cells_of(table, "naive")[1] == "1"


def test_gaps_are_aggregated_and_escaped(tmp_path):
    rows = [make_gap("a", "unsupported", "c % 3 | <b>", l=l) for l in (1, 2, 3)]
    rows += [make_gap("a", "failed", "y[3] is off"), make_gap("eigen", "not_built", "absent")]
    backends = [{"name": "eigen", "built": False, "reason": "absent"},
                {"name": "aten", "built": False, "reason": "libtorch not found"}]
    lines = facts.gaps(load(tmp_path, rows, backends=backends)).splitlines()[2:]
    assert lines == ["| a | unsupported | c % 3 \\| &lt;b&gt; | 3 |",
                     "| a | failed | y\\[3\\] is off | 1 |",
                     "| eigen | not built | absent | 1 |",
                     "| aten | not built | libtorch not found | all |"]


def test_verified_counts_only_what_was_checked(tmp_path):
    rows = [make_row("a", 1.0), make_gap("b", "failed", "x"), make_gap("c", "unsupported", "x")]
    assert facts.verified_text(load(tmp_path, rows)).startswith("1 of 2 rows")


def test_warnings_of_run_and_loader_are_shown(tmp_path):
    folder = write_run(tmp_path / "run", ladder(), warnings=["load is high <5>"], finished=None)
    run_in_process("report", folder)
    text = (folder / "report.md").read_text()
    assert "- load is high &lt;5&gt;\n" in text and "did not finish" in text


def test_report_of_a_bare_run(tmp_path):
    folder = write_run(tmp_path / "run", ladder())
    (folder / "run.json").write_text('{"schema": 1}')
    assert run_in_process("report", folder) == 0
    assert "not measured" in (folder / "report.md").read_text()


def test_report_of_a_run_without_times(tmp_path):
    folder = write_run(tmp_path / "run", [make_gap("a", "failed", "x", name="row")])
    assert run_in_process("report", folder) == 0
    text = (folder / "report.md").read_text()
    assert "Nothing was timed" in text and "No case was timed." in text


def test_unwritable_place_is_refused(run_folder, tmp_path):
    with pytest.raises(UserError, match="cannot write"):
        run_in_process("report", run_folder, "-o", tmp_path / "none" / "r.md")
