"""Pictures: which there are, what they say, that they are small, safe and always the same bytes."""

import math
import re
import sys
import warnings
import xml.dom.minidom

import pandas
import pytest
from conftest import SCRIPTS, ladder, load, make_row, normbench, run_in_process, write_run

from analysis import figures
from analysis.errors import UserError
from analysis.figures.heat import axis_of, cell_of
from analysis.rank import rank_groups

PASSES = ("forward_training", "forward_inference", "backward")


def pictures_of(tmp_path, rows, **meta):
    run = load(tmp_path, rows, **meta)
    return {picture.file_name: picture for picture in figures.draw(run, rank_groups(run))}


def sweep(backends, **fields):
    """Every pass, 1 and 2 threads and several shapes."""
    return [make_row(name, 100.0 * l * (1 + place), c=c, l=l, pass_=pass_, threads=threads,
                     regime="L2" if l < 9 else "L3", **fields)
            for pass_ in PASSES for threads in (1, 2) for c in (16, 64) for l in (1, 4, 16)
            for place, name in enumerate(backends)]


def test_a_rich_run_has_all_pictures_in_order(tmp_path):
    assert list(pictures_of(tmp_path, sweep(["naive", "simd"]))) == [
        "ranking.svg", "heat.svg", "roofline.svg", "scaling.svg", "accuracy.svg"]


def test_without_their_data_there_are_none(tmp_path):
    rows = [make_row("a", 100.0, bytes=None, error=None)]
    assert list(pictures_of(tmp_path, rows)) == ["ranking.svg"]


def test_nothing_timed_has_no_pictures(tmp_path):
    assert pictures_of(tmp_path, [make_row("a", 1.0, outcome="failed")]) == {}


def test_the_first_kinds_have_pictures_of_their_own(tmp_path):
    rows = [row for norm in ("batch", "layer", "rms", "group") for row in ladder(norm=norm)]
    found = pictures_of(tmp_path, rows)
    assert [name for name in found if name.startswith("ranking")] == [
        "ranking.svg", "ranking-2.svg", "ranking-3.svg"]
    assert "layer norm, f32, ncl" in found["ranking-2.svg"].alt


def test_alt_text_says_what_is_seen(tmp_path):
    found = pictures_of(tmp_path, ladder() + ladder(threads=2))
    assert found["ranking.svg"].alt == (
        "Ranking for batch norm, f32, ncl: a dot per backend and pass. forward_training, "
        "2 threads, 4 cases: openmp 1.00, simd 1.00, naive 4.00.")
    assert "openmp" in found["heat.svg"].alt and "GB/s" in found["roofline.svg"].alt
    assert "from 1 to 2 threads: " in found["scaling.svg"].alt
    assert found["accuracy.svg"].alt.endswith("naive 0.25, openmp 0.25, simd 0.25.")


def test_the_same_run_gives_the_same_bytes_in_another_process(tmp_path):
    folder = write_run(tmp_path / "run", sweep(["naive", "simd", "other"]))
    first, second = tmp_path / "first.md", tmp_path / "second.md"
    assert run_in_process("report", folder, "-o", first) == 0
    assert normbench("report", folder, "-o", second).code == 0
    drawn = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
             for name in ("first", "second")]
    assert len(drawn[0]) == 5 and drawn[0] == drawn[1]


def test_svg_has_no_date_or_version_and_a_white_ground(tmp_path):
    for picture in pictures_of(tmp_path, sweep(["naive", "simd"])).values():
        xml.dom.minidom.parseString(picture.svg)
        assert not re.search(r"dc:date|Matplotlib v|<!--", picture.svg)
        assert re.search(r'<g id="patch_1">\s<path [^>]*style="fill: #ffffff"', picture.svg)


def test_settings_of_the_user_do_not_matter(tmp_path):
    import matplotlib
    run = load(tmp_path, ladder())
    plain = figures.draw(run, rank_groups(run))
    with matplotlib.rc_context({"font.size": 30, "lines.markersize": 20, "axes.grid": False}):
        assert figures.draw(run, rank_groups(run)) == plain


@pytest.mark.parametrize("name", ["$x^$", "_hidden", "<b>&amp;", "two\nlines", "x\u0000y",
                                  "\u4e2d\u6587", "n" * 300, "$\\frac{"])
def test_odd_names_are_drawn_as_they_are(tmp_path, name):
    rows = sweep([name, "simd"], norm=name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for picture in pictures_of(tmp_path, rows).values():
            xml.dom.minidom.parseString(picture.svg)
            assert "<b>" not in picture.svg


@pytest.mark.parametrize("fields", [
    {"machine": None}, {"ceilings": None}, {"machine": {"caches": [{"level": 1}]}},
    {"ceilings": [{"threads": 1}, {"bytes": 5, "threads": 2, "plain_gbs": None}]}])
def test_what_run_json_lacks_is_left_out(tmp_path, fields):
    assert "roofline.svg" in pictures_of(tmp_path, sweep(["a", "b"]), **fields)


def test_many_backends_and_rows_stay_small(tmp_path):
    rows = [make_row(f"b{place}", 100.0 * l * (1 + place % 7), l=l, threads=threads, pass_=pass_,
                     rounds=6, error=place / 20, bytes=1000 * 2 ** (l % 18))
            for pass_ in PASSES for threads in (1, 2) for l in range(1, 61) for place in range(12)]
    for picture in pictures_of(tmp_path, rows).values():
        assert len(picture.svg) < 300_000


def test_axis_bins_what_is_too_many():
    few = axis_of([8, 2, 4, 2])
    assert few.labels == ["2", "4", "8"] and few.places == {2: 0, 4: 1, 8: 2}
    many = axis_of([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    assert many.labels == ["1", "2–3", "4–7", "8–11"] and many.places[3] == 1


def test_cell_is_of_those_timed_in_all_of_its_cases():
    rows = pandas.DataFrame([("x", "a", 100.0), ("y", "a", 100.0), ("x", "b", 400.0),
                             ("y", "b", 50.0), ("x", "c", 1.0)],
                            columns=["case", "backend", "median_ns"])
    cell = cell_of(rows)
    assert cell.backend == "a" and cell.margin == pytest.approx(math.sqrt(2))
    assert math.isnan(cell_of(rows[rows["backend"] == "b"]).margin)
    assert cell_of(rows[:2].assign(backend=["a", "b"])) is None


def test_markdown_links_every_picture_it_writes(tmp_path):
    folder = write_run(tmp_path / "run", sweep(["naive", "simd"]))
    run_in_process("report", folder, "-o", tmp_path / "my page.md")
    links = re.findall(r"!\[[^]]+\]\((.*)\)", (tmp_path / "my page.md").read_text())
    assert links == [f"my%20page/{name}.svg"
                     for name in ("ranking", "heat", "roofline", "scaling", "accuracy")]
    assert len(list((tmp_path / "my page").iterdir())) == 5


def test_alt_texts_are_inert(tmp_path):
    folder = write_run(tmp_path / "run", sweep(["](x)<b>", "simd"]))
    run_in_process("report", folder)
    alts = [line for line in (folder / "report.md").read_text().splitlines()
            if line.startswith("![")]
    assert len(alts) == 5
    assert all("<b>" not in alt and "\\](x)" in alt for alt in alts)


def test_beside_a_pipe_there_are_no_pictures(run_folder):
    result = normbench("report", run_folder, "-o", "/dev/stdout")
    assert result.code == 0 and "# Report: test" in result.out and "![" not in result.out


def test_folder_of_pictures_in_the_way_is_one_clear_error(run_folder, tmp_path):
    (tmp_path / "report").write_text("mine")
    with pytest.raises(UserError, match="cannot write .*report"):
        run_in_process("report", run_folder, "-o", tmp_path / "report.md")
    assert (tmp_path / "report").read_text() == "mine"
    assert not (tmp_path / "report.md").exists()


def test_without_matplotlib_the_report_says_what_to_install(run_folder, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("analysis.figures.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(figures, "canvas", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match="apt-get install python3-matplotlib"):
        run_in_process("report", run_folder)
    assert not (run_folder / "report.md").exists()


def test_other_verbs_do_not_load_matplotlib(run_folder, tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise SystemExit(9)")
    result = normbench("rank", run_folder, PYTHONPATH=f"{tmp_path}:{SCRIPTS}")
    assert result.code == 0
