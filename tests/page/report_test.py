"""Every number that the page and the Markdown report of one run show is the same in both."""

import re
import subprocess

import pytest

CHOICES = ["shapes-of", "profile-of", "bandwidth-of"]  # what else a section can show
TABLES = """
    const text = (cell) => cell.textContent.replace(/\\s+/g, "").replace(/^–$/, "-");
    return [...document.querySelectorAll("main table")].map((table) => ({
      caption: table.caption.textContent,
      head: [...table.tHead.rows[0].cells].map((cell) => cell.dataset.key),
      body: [...table.tBodies[0].rows].filter((line) => !line.matches(".group"))
        .map((line) => [...line.cells].map(text)) }));"""


def plain(cell):
    """The text of a Markdown cell, without blanks."""
    text = re.sub(r"(?<!\\)(\*\*|`)", "", cell)
    text = re.sub(r"\\(.)", r"\1", text)
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, letter)
    return re.sub(r"\s+", "", text)


def markdown_tables(text):
    """Caption -> {head, body} of all tables below a caption."""
    found = {}
    for caption, table in re.findall(r"^(.+):\n\n((?:\|.*\n?)+)", text, re.MULTILINE):
        head, _, *body = [[plain(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
                          for line in table.strip().split("\n")]
        name = plain(caption)
        assert name not in found, name
        found[name] = {"head": head, "body": body}
    return found


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    place = root / "report.md"
    checkout = __file__.rsplit("/tests/", 1)[0]
    subprocess.run(["node", f"{checkout}/scripts/analysis/main.js", "report",
                    f"{checkout}/results/reference", "-o", place, "--pictures", "none"], check=True)
    return markdown_tables(place.read_text())


def shown_tables(page):
    """All tables of the page, with every choice of a section that has some, as {caption: table}."""
    page.open("reference").drawn()
    found = {}

    def take():
        page.run("for (const own of document.querySelectorAll('main details')) own.open = true;"
                 "for (const own of document.querySelectorAll('button[id^=all-]'))"
                 "  if (/^List all/.test(own.textContent)) own.click();")
        page.drawn()
        for table in page.run(TABLES):
            found[re.sub(r"\s+", "", table["caption"])] = table

    take()
    for choice in CHOICES:
        options = page.run("return [...document.getElementById(arguments[0]).options].map((own) => own.value)",
                           choice)
        for option in options:
            page.run("const own = document.getElementById(arguments[0]); own.value = arguments[1];"
                     "own.dispatchEvent(new Event('change'));", choice, option)
            take()
    return found


def test_every_number_of_both_is_equal(page, report):
    shown = shown_tables(page)
    labels = {line[1]: line[0] for line in report["Whoiswho"]["body"]}
    compared = 0
    for caption, own in report.items():
        if caption not in shown:
            continue
        other = shown[caption]
        keys = [labels.get(name.removesuffix("*"), name) for name in own["head"]]
        columns = {re.sub(r"\s+", "", key): at for at, key in enumerate(other["head"])
                   if key and key != "reproduce"}
        both = [(at, columns[key]) for at, key in enumerate(keys) if key in columns]
        assert both, caption
        for line, beside in zip(own["body"], other["body"]):
            for at, place in both:
                assert line[at] == beside[place] or beside[place].startswith(line[at]), (caption, line, beside)
                compared += 1
    missing = set(report) - set(shown)
    assert not missing
    assert compared > 5000
