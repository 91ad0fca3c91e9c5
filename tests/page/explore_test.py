"""What a reader does with the page: choose, share, sort, download, read on any screen."""

import csv
import time

import pytest

from conftest import REFERENCE, synthesis

SECTIONS = ["Verdict", "Ranking", "One shape", "Bandwidth against size", "Who is fastest where",
            "Scaling", "Cliffs", "Accuracy against speed", "Price of a norm", "All rows",
            "Skips, failures, disturbances", "Method and biases"]


def headings(page):
    return page.run("return [...document.querySelectorAll('main h2')].map((h) => h.textContent)")


def wait_for(holds):
    for _ in range(100):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 5 s")


def test_the_sections_come_in_order_and_all_say_something(make_page, mixed):
    page = make_page(mixed).show_all()
    assert headings(page) == SECTIONS
    assert page.run("return [...document.querySelectorAll('section > .body')]"
                    ".every((body) => body.textContent.length > 20)")
    assert page.run("return document.querySelectorAll('canvas[role=img][aria-label]').length") >= 4


def test_headings_are_in_order_and_tables_have_captions(make_page, mixed):
    page = make_page(mixed).show_all()
    levels = page.run("return [...document.querySelectorAll('h1, h2, h3, h4')]"
                      ".map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert page.run("return [...document.querySelectorAll('table')]"
                    ".every((table) => table.caption && table.caption.textContent)")
    unlabelled = page.run("""
        return [...document.querySelectorAll("button, select, input, summary")].filter((own) =>
          !(own.textContent.trim() || own.ariaLabel || (own.labels && own.labels.length)))
          .map((own) => own.outerHTML);""")
    assert unlabelled == []


def test_a_link_keeps_the_choices(make_page, mixed):
    page = make_page(mixed)
    page.check("backend", "naive")
    page.check("threads", "1")
    page.type("text", "shape-3")
    page.type("baseline", "openmp", "change")
    address = page.run("return location.hash")
    chosen = page.ranking()
    assert len(chosen) > 0
    page.open(address)
    assert page.ranking() == chosen
    assert page.run("return document.getElementById('text').value") == "shape-3"
    assert page.run("return document.getElementById('baseline').value") == "openmp"
    assert not page.run("return document.querySelector('#bar input[value=naive]').checked")


def test_the_back_button_takes_back_one_choice(make_page, mixed):
    page = make_page(mixed)
    everything = page.text("#count")
    page.check("backend", "naive")
    one = page.text("#count")
    page.check("pass", "backward")
    assert len({everything, one, page.text("#count")}) == 3
    page.run("history.back()")
    wait_for(lambda: page.text("#count") == one)
    page.run("history.back()")
    wait_for(lambda: page.text("#count") == everything)


def test_only_and_reset(make_page, mixed):
    page = make_page(mixed)
    page.click("#bar [data-facet=dtype] label:nth-of-type(2) .only")
    assert {found["keys"][2] for found in page.ranking()} == {"bf16"}
    page.click("#reset")
    assert {found["keys"][2] for found in page.ranking()} == {"f32", "bf16"}


def test_nothing_passes_the_filters(make_page, mixed):
    page = make_page(mixed)
    page.type("text", "nowhere")
    page.show_all()
    assert "No row passes the filters" in page.text("#ranking")
    assert page.complaints() == []


@pytest.mark.parametrize("text", ["32x512x835", "(32, 512, 835)", "32 512 835", "shape-6",
                                  "n32_c512_l835"])
def test_a_shape_is_found_and_answered(make_page, mixed, text):
    page = make_page(mixed).show_all()
    page.run("document.getElementById('shape').focus()")
    page.type("shape", text)
    answer = page.text("#answer")
    assert answer.startswith("For (32, 512, 835) (shape-6) in batch forward_training")
    assert "openmp" in answer and "95% interval" in answer
    assert "normbench repro batch/forward_training" in page.text("#lookup table")
    # The section is drawn anew at each letter, under the hands of who types.
    assert page.run("return document.activeElement.id") == "shape"
    assert page.run("return document.activeElement.value") == text


def test_a_shape_that_is_not_there(make_page, mixed):
    page = make_page(mixed).show_all()
    page.type("shape", "1x2x3")
    assert page.text("#answer") == "No case that passes the filters is like this."


def test_the_worst_case_leads_to_its_row(make_page, mixed):
    page = make_page(mixed).show_all()
    worst = page.run("const cell = document.querySelector('table.standings tbody tr').cells[5];"
                     "cell.querySelector('button').click(); return cell.title")
    assert page.text("#lookup table caption") == worst.split(",")[0]


def test_rows_sort_by_click_and_say_so(make_page, mixed):
    page = make_page(mixed).show_all()
    for direction in ("ascending", "descending"):
        page.click("#sort-median")
        assert page.run("return document.getElementById('sort-median').closest('th').ariaSort"
                        ) == direction
        times = page.run("return [...document.querySelectorAll('#rows tbody tr')].map((line) =>"
                         "line.querySelectorAll('td.number')[0].dataset.value)"
                         ".filter((value) => value !== undefined).map(Number)")
        assert len(times) > 10
        assert times == sorted(times, reverse=direction == "descending")
    longest = mixed.rows["median_ns"].max()
    assert times[0] == pytest.approx(longest)


def test_pages_of_rows_and_the_detail_of_one(make_page, mixed):
    page = make_page(mixed).show_all()
    pages = -(-len(mixed.rows) // 25)
    assert page.text("#page") == f"page 1 of {pages}"
    page.click("#page-last")
    assert page.text("#page") == f"page {pages} of {pages}"
    page.click("#rows .expand")
    assert "samples" in page.text("#rows tr.detail")
    page.click("#rows .expand")
    assert page.run("return document.querySelector('#rows tr.detail')") is None


def test_small_tables_sort_too(make_page, mixed):
    page = make_page(mixed).show_all()
    page.click("#gaps table.costs th:nth-child(3) button")
    values = page.run("return [...document.querySelectorAll('#gaps table.costs tbody tr')]"
                      ".map((line) => Number(line.cells[2].dataset.value))")
    assert values == sorted(values)


def test_the_download_is_the_filtered_rows(make_page, mixed, downloads):
    page = make_page(mixed)
    page.check("backend", "naive")
    page.type("text", "/bf16/")
    page.show_all()
    page.click("#csv")
    wait_for(lambda: list(downloads.glob("*.csv")))
    path, = downloads.glob("*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    path.unlink()
    kept = mixed.rows[(mixed.rows["backend"] != "naive") & (mixed.rows["dtype"] == "bf16")]
    assert [(row["case"], row["backend"]) for row in found] == list(
        kept[["case", "backend"]].itertuples(index=False, name=None))
    for row, own in zip(found, kept.to_dict("records")):
        assert [float(value) for value in row["samples_ns"].split()] == own["samples_ns"]
        assert (row["reason"], row["detail"]) == (own["reason"], own["detail"])
        assert (float(row["median_ns"]) if row["median_ns"] else None) == (
            own["median_ns"] if own["timed"] else None)


def test_the_theme_follows_the_system_and_the_button(make_page, mixed):
    page = make_page(mixed)
    def background():
        return page.run("return getComputedStyle(document.body).backgroundColor")
    light = background()
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    dark = background()
    assert light != dark
    page.click("#theme")
    assert background() == light
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": "light"}]})
    page.click("#theme")
    assert background() == dark
    assert page.complaints() == []


@pytest.mark.parametrize("run", ["mixed", "reference"])
def test_a_phone_needs_no_sideways_scrolling(make_page, mixed, run):
    page = make_page(mixed if run == "mixed" else REFERENCE)
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": False})
    page.open().show_all()
    assert page.run("return document.documentElement.scrollWidth") <= 360
    page.run("document.querySelector('.bar').open = true;"
             "document.querySelector('.facet').open = true")
    assert page.run("return document.documentElement.scrollWidth") <= 360


def test_paper_gets_everything_in_light_colors(make_page, mixed):
    page = make_page(mixed)
    page.click("#theme")
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert page.run("return document.documentElement.dataset.theme") == "light"
    assert page.run("return document.querySelectorAll('main details:not([open])').length") == 0
    assert page.run("return [...document.querySelectorAll('section > .body')]"
                    ".every((body) => body.textContent.length > 20)")
    page.run("dispatchEvent(new Event('afterprint'))")
    assert page.run("return document.documentElement.dataset.theme") == "dark"


def test_cliffs_say_why(make_page, tmp_path):
    def row(l, factor, **fields):
        return synthesis.make_row("lone", 0.1 * 64 * 16 * l * factor, n=64, c=16, l=l, **fields)
    rows = [row(32, 1), row(64, 1), row(128, 5), row(256, 1), row(512, 1),
            row(1024, 1, detail="ref:any"),
            synthesis.make_row("lone", 0.1 * 64 * 16 * 256 * 3, n=64 * 256, c=16, l=1)]
    page = make_page(synthesis.load(tmp_path, rows)).show_all()
    found = page.run("return cliffsOf(view).map(({ row, toNeighbors, toSpelling, reference }) => "
                     "[row.l, toNeighbors > 2, Boolean(toSpelling), reference])")
    assert sorted(found) == [[1, False, True, False], [128, True, False, False],
                             [1024, False, False, True]]
    assert page.text("#cliff-counts").startswith("3 of 7 rows:")


def test_norms_and_types_are_priced(make_page, mixed):
    page = make_page(mixed).show_all()
    def cases(norm, **fields):
        rows = mixed.rows[(mixed.rows["norm"] == norm) & mixed.rows["timed"]
                          & ~mixed.rows["native_layout"]]
        for key, value in fields.items():
            rows = rows[rows[key] == value]
        return rows["median_ns"].min()
    where = {"n": 32, "c": 512, "l": 835, "pass": "forward_training", "threads": 2, "dtype": "f32",
             "layout": "ncl", "cache": "warm"}
    line = page.run("""
        const rows = [...document.querySelectorAll("#price table.norms tbody tr")];
        const found = rows.find(({ cells }) => cells[0].title.startsWith(
          "batch/forward_training/f32/ncl/n32_c512_l835/t2/warm"));
        return [...found.cells].map((cell) => Number(cell.dataset.value));""")
    assert line[2] == pytest.approx(cases("batch", **where))
    assert line[3] == pytest.approx(cases("layer", **where) / cases("batch", **where))
    assert "bf16" in page.text("#price table.dtypes")
    assert "none" in page.text("#price")


def test_two_machines_stay_apart(make_page, tmp_path):
    here = synthesis.load(tmp_path / "a", synthesis.ladder())
    there = synthesis.load(tmp_path / "b", synthesis.two("openmp", "naive", 3.0),
                           machine={"cpu": "Other CPU", "cores": 64})
    page = make_page(here, there).show_all()
    assert "No other run here is from this machine" in page.text("#changes")
    assert "Example CPU" in page.text("#changes") and "Other CPU" in page.text("#changes")
    assert page.run("return document.getElementById('run').value") == "1"
    assert "openmp is fastest (the next takes 3.00 times" in page.text("#verdict-text")
    page.type("run", "0", "change")
    assert "undecided between openmp and simd" in page.text("#verdict-text")
    assert "run=0" in page.run("return location.hash")


def test_a_partial_run_says_so_at_the_top(make_page, tmp_path):
    ids = [row["case"] for row in synthesis.ladder() + [synthesis.make_row("a", 1.0, norm="rms")]]
    part = synthesis.load(tmp_path / "part", synthesis.ladder(), case_ids=ids, budget_s=120)
    page = make_page(part)
    assert page.text("#partial") == ("4 of 5 cases were measured, because the budget of 120 s was "
                                     "used up; there is no case of rms norm.")
    assert page.run("""
        const found = document.getElementById("partial");
        return found === document.querySelector("#verdict > .body").firstChild
          && found.getBoundingClientRect().bottom < innerHeight && found.offsetHeight > 0;""")
    assert page.text("#verdict").count("cases were measured") == 1
    whole = make_page(synthesis.load(tmp_path / "whole", synthesis.ladder()))
    assert whole.run("return document.getElementById('partial')") is None


def test_the_share_of_the_bound_is_beside_that_of_the_copy(make_page, tmp_path):
    def shown(name, fields):
        rows = [synthesis.make_row("a", 100.0, jitter=1e-9, **fields)]
        page = make_page(synthesis.load(tmp_path / name, rows)).show_all()
        return page, page.run("""
            const found = document.querySelector("#lookup table");
            return [...found.tHead.rows[0].cells].map((cell, index) =>
              [cell.textContent, found.tBodies[0].rows[0].cells[index].textContent]);""")
    page, cells = shown("new", {"bound_ns": 60.0, "read_ns": 20.0})
    assert [text for text, _ in cells][4:6] == ["% of copy", "% of bound"]
    assert dict(cells)["% of bound"] == "60%"
    assert "the least time that the pass can take" in page.text("#method")
    page.click("#rows .expand")
    assert "read of the case20 ns" in page.text("#rows tr.detail")
    page, cells = shown("old", {})
    assert "% of bound" not in dict(cells) and "% of copy" in dict(cells)
    assert "the least time that the pass can take" not in page.text("#method")


@pytest.mark.parametrize("last_level, shown", [
    ({"said_bytes": 300 * 2 ** 20, "measured_bytes": 36 * 2 ** 20},
     "300 MiB by the system, 36 MiB measured"),
    ({"said_bytes": 40 * 2 ** 20, "measured_bytes": 36 * 2 ** 20}, None),
    ({"said_bytes": 40 * 2 ** 20, "measured_bytes": None}, None), (None, None)])
def test_sizes_of_the_last_cache_are_shown_when_they_differ(make_page, tmp_path, last_level, shown):
    page = make_page(synthesis.load(tmp_path, synthesis.ladder(),
                                    machine={"cpu": "x", "cores": 2, "last_level": last_level}))
    text = page.text("#machine")
    assert (f"last cache{shown}" in text) if shown else ("last cache" not in text)


def test_a_known_defect_of_a_library_is_named(make_page, tmp_path):
    defect = {"what": "dgamma is wrong", "source": "https://example.org/issues/7"}
    rows = synthesis.two("a", "b", 2.0) + [
        synthesis.make_gap("aten", "failed", f"dgamma[{l}] is off", l=l, known_defect=defect)
        for l in (16, 32)] + [synthesis.make_gap("eigen", "failed", "y is off", l=16)]
    page = make_page(synthesis.load(tmp_path, rows)).show_all()
    lines = page.run("return [...document.querySelectorAll('#gaps table.gaps tbody tr')]"
                     ".map((line) => [...line.cells].map((cell) => cell.textContent).slice(1))")
    assert lines == [["known defect of the library (https://example.org/issues/7)",
                      "dgamma is wrong", "2"], ["failed", "y is off", "1"]]
    page.type("shape", "64x256x16")
    assert "known defect" in page.text("#lookup table")
    assert "dgamma is wrong" in page.text("#lookup table")
    page.type("text", "_l32/")
    page.show_all()
    assert "known defect" in page.text("#rows table")
    assert page.complaints() == []
