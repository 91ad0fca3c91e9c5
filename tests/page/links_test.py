"""Links lead where they say, and the address keeps what was chosen."""

import time

import pytest

SECTIONS = ["answer", "shapes", "lookup", "ranking", "kernels", "cliffs", "profile", "bandwidth", "heat",
            "scaling", "other", "accuracy", "costs", "rows", "gaps", "method"]


def landed(page, section):
    """Whether the heading is where it ends up, below the bar, and stays there."""
    time.sleep(0.15)
    top = page.top(f"#{section} h2")
    bar = page.run("return document.getElementById('bar').getBoundingClientRect().bottom")
    time.sleep(0.1)
    page.run("document.getElementById(arguments[0]).scrollIntoView()", section)
    return abs(top - page.top(f"#{section} h2")) <= 5 and bar <= top < bar + 80


@pytest.mark.parametrize("name, width", [("reference", 1280), ("rich", 360)])
@pytest.mark.parametrize("section", SECTIONS)
def test_the_first_click_lands(page, name, width, section):
    page.open(name, width=width)
    assert page.run("return [...document.querySelectorAll('main section')].map(({ id }) => id)") == SECTIONS
    page.click(f"#nav a[data-to={section}]")
    assert landed(page, section)
    assert page.run("return location.hash") == f"#in={section}"


@pytest.mark.parametrize("hash_", ["#cliffs", "#in=cliffs", "#in=cliffs&threads=1"])
def test_an_address_lands(page, hash_):
    assert landed(page.open("reference", hash_), "cliffs")


def test_back_is_where_the_reader_was(page):
    page.open("reference").drawn()
    page.click("#nav a[data-to=ranking]")
    page.run("scrollBy(0, 333)")
    before = page.top("#ranking h2")
    page.click("#nav a[data-to=method]")
    assert landed(page, "method")
    page.run("history.back()")
    page.wait(lambda: abs(page.top("#ranking h2") - before) <= 5)
    assert page.run("return location.hash") == "#in=ranking"


def test_a_cell_leads_to_its_shape(page):
    page.open("reference").drawn()
    page.run("document.querySelector('#table-shapes tbody tr:nth-child(3) td a').click()")
    assert landed(page, "lookup")
    shape = page.text("#table-shapes tbody tr:nth-child(3) th a")
    assert page.text("#subject").startswith(shape)
    page.click("#table-answer tbody tr:nth-child(2) td:nth-child(5) a")
    assert "inference" in page.text("#subject")


def test_an_address_keeps_the_choices(page):
    page.open("rich")
    page.check("threads", "1")
    page.check("show", "naive")
    page.check("rank", "openmp")
    page.type("text", "wide")
    page.type("baseline", "simd", "change")
    page.drawn()
    page.click("#table-shapes th:nth-child(3) button")
    chosen = page.texts("#answer, #shapes, #ranking, #filters summary")
    page.open("rich", page.run("return location.hash")).drawn()
    assert page.texts("#answer, #shapes, #ranking, #filters summary") == chosen
    assert page.run("return document.getElementById('text').value") == "wide"


def test_back_takes_back_one_choice(page):
    page.open("rich").drawn()
    everything = page.text("#count")
    page.check("threads", "2")
    one = page.text("#count")
    page.check("pass", "backward")
    assert len({everything, one, page.text("#count")}) == 3
    page.run("history.back()")
    page.wait(lambda: page.text("#count") == one)
    page.run("history.back()")
    page.wait(lambda: page.text("#count") == everything)


@pytest.mark.parametrize("hash_", [
    "#show=nobody", "#run=9", "#run=-1", "#run=x", "#baseline=nobody", "#no.show=", "#no.norm=", "#text=%zz",
    "#pick.page.rows=-3", "#pick.sort.rows=none:up", "#pick.shapes.of=none", "#in=nowhere", "#%E0%A4%A",
    "#among=toString", "#rank=__proto__", "#norm=__proto__", "#text=<img onerror>", "#pick.case=7"])
def test_any_address_gives_a_page(page, hash_):
    page.open("rich", hash_).drawn()
    assert page.texts("section > .body")[0] != ""
