"""The page is one file that asks for nothing, and text from a run stays text."""

import re

import pytest

from conftest import REFERENCE, synthesis

EVIL = "<script>window.hit=1</script><img src=x onerror='window.hit=1'>\"&`</script>"
TAG = "<img src=x onerror='window.hit=1'>"


def test_no_request_leaves_the_page_and_the_console_is_silent(make_page, mixed):
    page = make_page(mixed).show_all()
    page.type("baseline", "naive", "change")
    page.show_all()
    assert [url for url in page.requests()
            if not url.startswith(("file://", "about:", "blob:", "data:"))] == []
    assert page.complaints() == []


def test_the_page_forbids_itself_the_network(make_page, mixed):
    page = make_page(mixed)
    policy = page.run("return document.querySelector('meta[http-equiv]').content")
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy
    refused = page.driver.execute_async_script(
        "const done = arguments[0]; fetch('https://example.invalid/')"
        ".then(() => done(false), () => done(true));")
    assert refused
    assert any("Content Security Policy" in entry["message"] for entry in page.complaints())


def test_html_in_names_is_inert(make_page, tmp_path):
    rows = synthesis.two("good", EVIL, 2.0, name=EVIL, detail=EVIL, norm=f"n{EVIL}")
    rows += [synthesis.make_gap("bad" + EVIL, "unsupported", EVIL, l=16),
             synthesis.make_gap("worse" + EVIL, "failed", EVIL, l=16,
                                known_defect={"what": EVIL, "source": EVIL})]
    run = synthesis.load(
        tmp_path, rows, name=EVIL, warnings=[EVIL], command=["normbench", EVIL],
        case_ids=[row["case"] for row in rows] + [f"{TAG}/a/b/c/d/t1/warm"],
        config={"path": EVIL, "analysis": EVIL}, environment={EVIL: EVIL},
        backends=[{"name": EVIL, "built": False, "reason": EVIL, "version": EVIL}],
        machine={"cpu": EVIL, "cores": 2, "caches": [{"level": EVIL, "bytes": 5}], "host": EVIL})
    page = make_page(run, run).show_all()
    assert page.run("return [window.hit, document.querySelectorAll('main img, main script').length]"
                    ) == [None, 0]
    assert page.run("return document.querySelectorAll('script').length") == 3
    assert EVIL in page.text("#warnings") and EVIL in page.text("#rows")
    assert TAG in page.text("#partial") and EVIL in page.text("#gaps")
    assert page.text("h1") == EVIL
    assert page.complaints() == []


@pytest.mark.parametrize("hash_", [
    "#backend=nobody", "#run=9", "#run=-1", "#run=x", "#baseline=nobody", "#no.backend=", "#text=%zz",
    "#in.page=-3", "#in.sort=none:up", "#in.heat=none", "#in.other=7", "#in.speedup=99", "#in.speedup=x",
    "#threads=7&in.threads=9"])
def test_any_address_gives_a_page(make_page, mixed, hash_):
    page = make_page(mixed, hash_=hash_).show_all()
    assert page.text("#verdict-text")
    assert page.complaints() == []


def test_a_run_without_a_time_says_so(make_page, tmp_path):
    run = synthesis.load(tmp_path, [synthesis.make_gap("naive", "failed", "y is off")],
                         finished=None, ceilings=[], machine={}, build={}, noise=None)
    page = make_page(run).show_all()
    assert page.text("#verdict-text") == "Nothing was timed in this run."
    assert "did not finish" in page.text("#warnings")
    assert "y is off" in page.text("#gaps")
    assert page.complaints() == []


def test_torn_records_are_a_visible_warning(make_page, tmp_path):
    folder = synthesis.write_run(tmp_path / "run", synthesis.ladder())
    samples = folder / "samples.jsonl"
    samples.write_text(samples.read_text() + '{"case": "bat')
    page = make_page(folder)
    assert "torn" in page.text("#warnings")
    assert page.run("return document.querySelector('#warnings').offsetHeight") > 0


def test_without_chart_js_the_package_is_named(monkeypatch, tmp_path, mixed):
    from analysis import page
    from analysis.errors import UserError
    monkeypatch.setattr(page, "CHART", tmp_path / "chart.min.js")
    with pytest.raises(UserError, match="libjs-chart.js"):
        page.render_page([mixed], "")


def test_a_thousand_rows_stay_below_three_megabytes(mixed):
    import dataclasses
    import pandas
    from analysis import page
    rows = pandas.concat([mixed.rows, mixed.rows]).head(1000).reset_index(drop=True)
    rows["samples_ns"] = [list(samples)[:10] for samples in rows["samples_ns"]]
    rows["case"] = [f"{case}{index}" for index, case in enumerate(rows["case"])]
    assert len(rows) == 1000
    text = page.render_page([dataclasses.replace(mixed, rows=rows)], "")
    assert len(text.encode()) < 3_000_000


def test_the_verb_writes_the_page(tmp_path, capsys):
    output = tmp_path / "out.html"
    assert synthesis.run_in_process("report", REFERENCE, "--html", "-o", output) == 0
    assert capsys.readouterr().out == f"{output}\n"
    text = output.read_text()
    assert text.startswith("<!doctype html>")
    assert not re.search(r"<(link|img|iframe)\b|\bsrc=", text.split("<script")[0])
