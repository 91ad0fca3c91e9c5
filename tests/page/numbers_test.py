"""The numbers in the page are those of core/, for the choices in the address."""

import json
import math

import pytest


def same(found, expected):
    assert len(found) == len(expected)
    for line, own in zip(found, expected):
        assert len(line) == len(own)
        assert all((a is None) == (b is None) and (a is None or math.isclose(a, b, rel_tol=1e-12))
                   for a, b in zip(line, own)), (line, own)


@pytest.mark.parametrize("at", range(6))
def test_answers_rankings_and_matrices(page, folder, at):
    expected = json.loads((folder / "expected.json").read_text())[at]
    separator = "&" if expected["hash"] else "#"
    page.open(expected["page"], f"{expected['hash']}{separator}pick.all.shapes=yes").drawn()
    page.run("for (const own of document.querySelectorAll('#more-tables, details.kind')) own.open = true")
    page.wait(lambda: page.run("return document.querySelectorAll('details.kind table').length")
              == len(expected["rankings"]))
    tables = ["#table-answer", *(f"#table-answer-{place}" for place in range(len(expected["answers"]) - 1))]
    for table, lines in zip(tables, expected["answers"], strict=True):
        same(page.values(table), lines)
    for place, lines in enumerate(expected["rankings"]):
        same(page.values(f"#table-ranking-{place}"), lines)
    assert expected["matrices"]
    for matrix in expected["matrices"]:
        if page.has("#shapes-of"):
            page.type("shapes-of", matrix["of"], "change")
        same(page.values("#table-shapes"), matrix["lines"])
