"""What a reader chooses, finds and presses."""

import csv

import pytest


def best(page):
    return page.texts("#table-answer thead .name")[0].strip()


def test_showing_never_changes_who_is_best(page):
    page.open("reference").drawn()
    before = page.values("#table-answer")
    page.click("#filters [data-menu=show] label:has(input[value=onednn]) .only")
    assert page.values("#table-answer") == [[line[4]] for line in before]
    assert "oneDNN 2.6.3" in best(page)
    assert "4.9 times" in page.text("#sentences")
    page.drawn()
    assert page.text("#cliff-counts").startswith("138 of")


def test_ranking_among_others_recomputes_and_says_so(page):
    page.open("reference")
    page.check("among", "libraries")
    assert "Ranked are only" in page.text("#among") and "the best library" in page.text("#table-answer caption")
    assert "Eigen" in page.text("#sentences")
    assert page.run("return document.querySelector('#table-answer td.strong').cellIndex") > 1
    page.check("rank", "eigen")
    assert page.text("[data-menu=among] .chosen") == "3 of 7"
    page.click("#reset")
    assert page.text("#among") == ""


def test_a_filter_recomputes_and_reset_takes_it_back(page):
    page.open("reference")
    before = page.text("#sentences")
    page.click("#filters [data-menu=threads] label:has(input[value='1']) .only")
    assert "1 thread)" in page.text("#sentences")
    page.click("#reset")
    assert page.text("#sentences") == before


@pytest.mark.parametrize("text, rows", [
    ("32x512x835", 21), ("[32, 512, 835]", 21), ("(32, 512, 835)", 21), ("512x835", 21), ("?x512x835", 21),
    ("ncsp_bnorm", 672), ("layernorm", None), ("LayerNorm", None), ("PyTorch", 1470), ("tabnet", None)])
def test_the_search_understands(page, text, rows):
    page.open("reference")
    page.type("text", text)
    found = int(page.text("#count").split()[0].replace("all", "1470"))
    assert found == rows if rows else 0 < found < 1470


def test_one_shape_is_answered_by_one_search(page):
    page.open("reference")
    page.type("text", "32x512x835")
    assert "1 shape" in page.text("#among")
    page.drawn()
    assert "simd" in page.text("#sentence") and "PyTorch 1.13.0" in page.text("#sentence")
    times = [line[0] for line in page.values("#table-case")]
    assert times == sorted(times) and len(times) == 7


def test_nothing_found_offers_the_way_back(page):
    page.open("reference")
    page.type("text", ".*[")
    page.drawn()
    assert all("No row passes the filters." in text for text in page.texts("section:not(#method) > .body"))
    page.click("#answer .body button")
    assert page.text("#count") == "all 1470 rows"


def test_another_run_that_has_the_shape_is_named(page):
    page.open("machines")
    page.type("text", "32x512x835")
    assert "This run never measured that; models, AMD EPYC" in page.text("#answer")
    page.run("[...document.querySelectorAll('#answer button')].at(-1).click()")
    assert "4." in page.text("#sentences") and page.text("#count") == "21 of 1470 rows"


def test_menus_close_when_left(page):
    page.open("reference")
    is_open = "return document.querySelector('[data-menu=norm]').open"
    for leave in (lambda: page.keys("ESCAPE"), lambda: page.click("#main"),
                  lambda: page.keys(*["TAB"] * 14)):
        page.run("document.querySelector('[data-menu=norm] summary').focus()")
        page.keys("ENTER")
        assert page.run(is_open)
        leave()
        assert not page.run(is_open)


def test_the_keyboard_does_it_all(page):
    page.open("rich").drawn()
    page.run("document.querySelector('[data-menu=threads] summary').focus()")
    page.keys("ENTER", "TAB", "SPACE")
    assert page.text("[data-menu=threads] .chosen") == "2"
    assert page.run("return document.activeElement.matches('input[name=threads]')")
    page.keys("ESCAPE")
    page.click("#reset")
    page.run("document.querySelector('#table-shapes th:nth-child(2) button').focus()")
    for direction in ("ascending", "descending"):
        page.keys("ENTER")
        assert page.run("return document.activeElement.closest('th').ariaSort") == direction
        column = [line[0] for line in page.values("#table-shapes") if line[0] is not None]
        assert column == sorted(column, reverse=direction == "descending")


def test_typing_goes_on_while_sections_are_drawn(page):
    page.open("reference")
    page.run("document.getElementById('text').focus()")
    steps = page.run("return history.length")
    for text in ("3", "32", "32x512", "32x512x835"):
        page.type("text", text)
    assert page.run("return document.activeElement.id") == "text"
    assert page.run("return history.length") == steps


def test_rows_are_paged_sorted_and_downloaded(page, downloads):
    page.open("rich", "#text=/f64/").drawn()
    page.click("#next-rows")
    assert page.text("#table-rows caption").startswith("Rows: 26 to ")
    page.click("#table-rows th[data-key=time] button")
    assert page.text("#table-rows caption").startswith("Rows: 1 to 25")
    page.click("#csv")
    page.wait(lambda: list(downloads.glob("*.csv")))
    path, = downloads.glob("*.csv")
    found = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
    path.unlink()
    assert len(found) == int(page.text("#csv").split()[1])
    assert {row["dtype"] for row in found} == {"f64"}
    timed = [row for row in found if row["samples_ns"]]
    assert timed and all(float(row["median_ns"]) > 0 and row["ratio"] and row["relation"] for row in timed)


def test_a_command_is_copied_as_readme_has_it(page):
    page.open("reference").drawn()
    assert page.run("return document.querySelector('#table-case button.copy').title").startswith(
        "build/release/normbench repro batch/forward_training/f32/")


def test_a_legend_hides_what_it_names(page):
    page.open("reference").drawn()
    shown = ("return [...document.querySelectorAll('#profile .series[data-backend=aten]')]"
             ".every((own) => getComputedStyle(own).display !== 'none')")
    assert page.run(shown)
    page.run("document.querySelector('#profile .entry[data-backend=aten]').focus()")
    page.keys("ENTER")
    assert not page.run(shown)
    page.keys("SPACE")
    assert page.run(shown)


def test_a_map_shows_any_backend(page):
    page.open("reference").drawn()
    page.type("heat-show", "aten", "change")
    assert "PyTorch 1.13.0, time as a ratio to the best" in page.text("#heat svg")


def test_the_page_opens_as_the_command_line_chose(page, folder):
    page.open("chosen").drawn()
    names = [name.strip() for name in page.texts("#table-answer th .name")]
    assert names == ["PyTorch 1.13.0", "oneDNN 2.6.3"]
    assert "Ranked are only" in page.text("#among")
    page.click("#reset")
    page.wait(lambda: "simd" in page.text("#table-answer"))
    page.driver.refresh()
    page.drawn()
    assert "simd" not in page.text("#table-answer")
