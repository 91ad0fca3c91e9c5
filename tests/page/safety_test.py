"""The page is one file that asks for nothing, and text from a run stays text."""

EVIL = "<script>window.hit=1</script><img src=x onerror='window.hit=1'>\"&`</script>"


def test_no_request_leaves_the_page(page):
    page.open("same").drawn()
    page.type("baseline", "naive", "change")
    page.drawn()
    assert [url for url in page.requests() if not url.startswith(("file://", "about:", "blob:", "data:"))] == []


def test_the_page_forbids_itself_the_network(page):
    page.open("one")
    policy = page.run("return document.querySelector('meta[http-equiv]').content")
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy
    assert page.driver.execute_async_script(
        "const done = arguments[0]; fetch('https://example.invalid/').then(() => done(false), () => done(true));")
    assert any("Content Security Policy" in entry["message"] for entry in page.complaints())


def test_html_in_names_is_inert(page):
    page.open("evil").drawn()
    page.run("for (let own; (own = document.querySelector('main details:not([open])'));) own.open = true")
    assert page.run("return [window.hit, document.querySelectorAll('main img, main script').length]") == [None, 0]
    assert page.run("return document.querySelectorAll('script').length") == 2
    for section in ("rows", "gaps", "lookup"):
        assert EVIL in page.text(f"#{section}")
    assert EVIL in page.text("#caveats") and EVIL in page.text("#machine") and EVIL in page.text("h1")


def test_the_file_begins_as_it_should(folder):
    text = (folder / "reference.html").read_text()
    assert text.startswith("<!doctype html>") and len(text) < 1_800_000
