"""impls/SUPPORT.md says who supports what on Debian 12, and SUPPORT_DEBIAN_13.md what the libraries of
Debian 13 do; a change of that must show up in review."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
IMPLS = ROOT / "impls"


def sections(text):
    """The text under each heading, by heading: "onednn 2.6.3"."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2])))


def machine_is_the_one_of_the_table(name):
    """Which 16-bit types oneDNN has depends on the CPU: version 3 has f16 too."""
    flag = "avx512_fp16" if re.search(r" 3\.", name) else "avx512bw"
    return flag in Path("/proc/cpuinfo").read_text()


def test_support_is_as_documented(normbench):
    documented = sections((IMPLS / "SUPPORT.md").read_text())
    documented |= sections((IMPLS / "SUPPORT_DEBIAN_13.md").read_text())
    present = sections(normbench("list", "--support").stdout)
    assert present
    # A library of another version, or a machine without the instructions for bf16, is another table.
    comparable = [name for name in present if name in documented
                  and ("onednn" not in name or machine_is_the_one_of_the_table(name))]
    assert any(name.startswith("naive ") for name in comparable)
    for name in comparable:
        assert present[name] == documented[name], (
            f"support of {name} has changed; if that is meant, write the table anew: "
            "CONTRIBUTING.md says how")


def test_every_cell_has_a_grade_or_a_reason(normbench):
    grades = "(?:[AB](?: by moments)?(?: or )?)+"
    for name, text in sections(normbench("list", "--support").stdout).items():
        reasons = {int(number) for number in re.findall(r"^(\d+)\. \S", text, re.MULTILINE)}
        cells = [cell.strip() for line in text.splitlines() if re.match(r"\| [a-z]", line)
                 for cell in line.split("|")[2:-1]]
        assert cells, name
        for cell in cells:
            for part in cell.split(" / "):
                match = re.fullmatch(
                    rf"{grades}|(?:{grades} \(not all: |no \()([\d, ]+)\)", part)
                assert match, f"{name}: {part!r}"
                if match[1]:
                    assert {int(number) for number in match[1].split(", ")} <= reasons, name


def test_support_takes_no_config(normbench):
    result = normbench("list", "--support", "configs/quick.toml")
    assert result.returncode == 2
    assert "--support" in result.stderr
