"""What verify and run say of a library's known defect, where the build has such a library."""

import json
import re

import pytest

CONFIG = """
version = 1
name = "defect"
analysis = "What is said of a known defect?"
[timing]
min_slot_us = 20
min_rounds = 6
max_rounds = 6
[defaults]
norm = "group"
groups = 2
pass = "backward"
threads = 1
[[grid]]
N = 4
C = 6
L = 5
"""


@pytest.fixture(autouse=True)
def needs_the_library(normbench):
    """oneDNN 3.3 to 3.9: Debian 13 has one, Debian 12 has not."""
    support = normbench("list", "--support", "-b", "^onednn$").stdout
    if not re.search(r"^## onednn 3\.[3-9]\.", support, re.MULTILINE):
        pytest.skip("this oneDNN has no known defect")


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "defect.toml"
    path.write_text(CONFIG)
    return path


@pytest.mark.parametrize(("options", "code"), [((), 3), (("--allow-known-defects",), 0)])
def test_verify_names_it(normbench, config, options, code):
    done = normbench("verify", config, "-b", "^onednn$", *options)
    assert done.returncode == code
    assert "known defect: 1 x onednn 3.3 to before 3.10: dx of group" in done.stdout
    assert "uxlfoundation/oneDNN#3543" in done.stdout
    assert "\nfailed: " not in done.stdout
    assert "0 of 1 passed" in done.stdout


@pytest.mark.parametrize(("options", "code"), [((), 3), (("--allow-known-defects",), 0)])
def test_run_names_it_and_records_it(normbench, config, tmp_path, options, code):
    done = normbench("run", config, "-b", "^(onednn|naive)$", *options)
    assert done.returncode == code
    assert "known defect: 1 x onednn 3.3 to before 3.10: dx of group" in done.stderr
    lines = (tmp_path / done.stdout.strip() / "samples.jsonl").read_text().splitlines()
    rows = {row["backend"]: row for row in map(json.loads, lines)}
    assert rows["onednn"]["outcome"] == "failed"
    assert rows["onednn"]["known_defect"]["source"].startswith("uxlfoundation/oneDNN#3543")
    assert rows["naive"]["outcome"] == "passed"
    assert rows["naive"]["known_defect"] is None
