"""How the page looks: widths, themes, paper, and runs that lack something."""

import pytest

HAS_ROOM = "return document.documentElement.scrollWidth <= innerWidth"


@pytest.mark.parametrize("name", ["reference", "rich", "machines", "failed", "evil", "one"])
def test_nothing_scrolls_sideways_and_the_winner_is_in_sight(page, name):
    page.open(name).drawn()
    for width in (1280, 768, 360):
        page.resize(width)
        page.wait(lambda: page.run(HAS_ROOM))
        if name == "reference":
            assert page.run("""
                const found = document.querySelector("#table-answer td.strong");
                return found.getBoundingClientRect().right <= innerWidth;""")


def test_the_first_screen_has_the_answer(page):
    page.open("reference")
    assert page.run("return document.querySelector('#table-answer').getBoundingClientRect().bottom < innerHeight")
    page.open("failed")
    assert page.top("#failures") < page.top("#sentences") < 400
    assert "simd" in page.text("#failures") and "failed" in page.text("#table-answer")


def contrast(page):
    """The least contrast of text and color among the levels of the matrix."""
    return page.run("""
        const lum = (color) => { const [r, g, b] = color.match(/\\d+/g).map((part) => part / 255)
            .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const page = getComputedStyle(document.body).backgroundColor;
        return Math.min(...[...document.querySelectorAll("#shapes .scale span")].map((own) => {
          const style = getComputedStyle(own);
          const back = style.backgroundColor === "rgba(0, 0, 0, 0)" ? page : style.backgroundColor;
          const [a, b] = [lum(style.color), lum(back)].sort((x, y) => y - x);
          return (a + 0.05) / (b + 0.05); }));""")


def test_themes(page):
    page.open("reference").drawn()
    background = "return getComputedStyle(document.body).backgroundColor"
    light = page.run(background)
    assert contrast(page) >= 4.5
    page.click("#theme")
    dark = page.run(background)
    assert dark != light and contrast(page) >= 4.5
    page.click("#theme")
    assert page.run(background) == light
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    page.open("reference")
    assert page.run(background) == dark


def test_paper(page):
    page.open("rich").drawn()
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert page.run("""return [...document.querySelectorAll("button:not(.sort), select, input, .screen, #bar")]
        .filter((own) => own.offsetHeight > 0 && !own.closest("thead")).map((own) => own.outerHTML)""") == []
    assert page.run("return document.querySelectorAll('main details:not([open]):not(.screen)').length") == 0
    kinds = page.run("return document.querySelectorAll('#ranking table.ranking').length")
    assert kinds == page.run("return [...document.querySelectorAll('#ranking table')]"
                             ".filter((own) => own.offsetHeight > 0).length")
    assert "1 to 25 of " in page.text("#table-rows caption")
    assert "repro" not in page.run("return [...document.querySelectorAll('th, td')]"
                                   ".filter((own) => own.offsetHeight > 0).map((own) => own.innerText).join()")
    page.run("dispatchEvent(new Event('afterprint'))")
    assert page.run("return document.documentElement.dataset.theme") == "light"


def test_headings_captions_and_names(page):
    page.open("rich").drawn()
    levels = page.run("return [...document.querySelectorAll('h1, h2, h3, h4')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert page.run("return [...document.querySelectorAll('table')].every(({ caption }) => caption.textContent)")
    assert page.run("return [...document.querySelectorAll('.scroll')].every((own) => own.ariaLabel)")
    assert page.run("return document.querySelectorAll('figure svg[role=img][aria-label]').length") >= 4
    assert page.run("""
        return [...document.querySelectorAll("button, select, input, summary")].filter((own) =>
          !(own.textContent.trim() || own.ariaLabel || (own.labels && own.labels.length)))
          .map((own) => own.outerHTML);""") == []


@pytest.mark.parametrize("name, section, text", [
    ("reference", "other", "configs/dtypes.toml"), ("reference", "cliffs", "configs/cliffs.toml"),
    ("reference", "scaling", "configs/inference.toml"), ("alone", "answer", "nothing to compare"),
    ("untimed", "answer", "Nothing was timed"), ("untimed", "gaps", "y is off"),
    ("machines", "runs", "PyTorch 2.15.0"), ("machines", "runs", "126 cases shared"),
    ("machines", "runs", "times are not compared"), ("same", "runs", "slower"),
    ("reading", "reading", "There, set simd.streaming=off."), ("reading", "answer", "output read next"),
    ("same", "other", "Another type instead of f32"), ("failed", "gaps", "very very"),
    ("few", "answer", "range")])
def test_a_section_says(page, name, section, text):
    page.open(name).drawn()
    assert text in page.text(f"#{section}")
    assert all(len(body) > 15 for body in page.texts("section > .body"))


def test_what_the_next_layer_pays_has_a_section_where_it_was_measured(page):
    page.open("reading").drawn()
    assert page.values("#table-reading")[0][1:6] == pytest.approx([3, 1, 1.25, None, 0.909], abs=0.01)
    assert page.has("#nav a[data-to=reading]")
    page.check("then", "read")
    page.drawn()
    assert "configs/streaming.toml" in page.text("#reading")
    assert not page.open("reference").drawn().has("#reading")


def test_few_cases_have_a_range_and_no_winner(page):
    page.open("few").drawn()
    assert not page.has("#table-answer td.strong") and not page.has(".ranking td.strong")
    assert page.has("#table-answer td.few") and "range [" in page.text(".ranking td.few .interval")
