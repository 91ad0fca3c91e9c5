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


def write_anew(name):
    return f"normbench list --support --into impls/SUPPORT.md -b '^{name}$'"


def backends_with_a_library():
    """Whose version, and with it their table, may be another one here."""
    lines = (IMPLS / "CMakeLists.txt").read_text()
    return {name for name, rest in re.findall(r"^add_backend\(([^\s)]+)([^)]*)", lines, re.MULTILINE)
            if "PACKAGE" in rest}


def test_support_is_as_documented(normbench):
    documented = sections((IMPLS / "SUPPORT.md").read_text())
    documented |= sections((IMPLS / "SUPPORT_DEBIAN_13.md").read_text())
    present = sections(normbench("list", "--support").stdout)
    assert present
    with_a_library = backends_with_a_library()
    for heading, text in present.items():
        name = heading.split()[0]
        if heading not in documented:
            assert name in with_a_library, (
                f"impls/SUPPORT.md has no section '{heading}'; write it: {write_anew(name)}")
        # A machine without the instructions for bf16 has another table.
        elif "onednn" not in name or machine_is_the_one_of_the_table(heading):
            assert text == documented[heading], (
                f"support of {heading} has changed; if that is meant, write its section anew: "
                f"{write_anew(name)}")


def test_every_backend_has_a_section_and_no_other(normbench):
    """Whether it is built here or not."""
    names = {line.split()[0] for line in normbench("list").stdout.splitlines()
             if line[0] != " " and "not installed: " not in line}
    documented = {heading.split()[0] for heading in sections((IMPLS / "SUPPORT.md").read_text())}
    for name in names - documented:
        raise AssertionError(f"impls/SUPPORT.md has no section of {name}; with {name} in the build, "
                             f"write it: {write_anew(name)}")
    assert documented <= names, "impls/SUPPORT.md has sections of backends that are gone: remove them"
    newer = {heading.split()[0] for heading in sections((IMPLS / "SUPPORT_DEBIAN_13.md").read_text())}
    assert newer <= names, "impls/SUPPORT_DEBIAN_13.md has sections of backends that are gone"


def test_every_cell_has_a_grade_or_a_reason(normbench):
    grade = "[AB](?: by moments)?"
    grades = f"{grade}(?: or {grade})*"
    for name, text in sections(normbench("list", "--support").stdout).items():
        reasons = {int(number) for number in re.findall(r"^(\d+)\. \S", text, re.MULTILINE)}
        cells = [cell.strip() for line in text.splitlines() if re.match(r"\| [a-z]", line)
                 for cell in line.split("|")[2:-1]]
        assert cells, name
        for cell in cells:
            for part in cell.split(" / "):
                match = re.fullmatch(rf"{grades}|(?:{grades} \(not all: |no \()([\d, ]+)\)", part)
                assert match, f"{name}: {part!r}"
                if match[1]:
                    assert {int(number) for number in match[1].split(", ")} <= reasons, name


def test_a_section_alone(normbench):
    whole = normbench("list", "--support").stdout
    alone = normbench("list", "--support", "-b", "^naive$").stdout
    assert alone.startswith("## naive ") and alone.count("## ") == 1
    assert alone in whole


def test_a_section_is_put_into_a_file_and_the_others_stay(normbench, tmp_path):
    file = tmp_path / "SUPPORT.md"
    naive = normbench("list", "--support", "-b", "^naive$").stdout
    before = "# Title\n\n## gone 1\n\nold\n\n## naive 0\n\nold\n\n## other 2\n\nold\n"
    file.write_text(before)
    into = ("list", "--support", "--into", "SUPPORT.md", "-b")
    assert normbench(*into, "^naive$").returncode == 0
    assert file.read_text() == before.replace("## naive 0\n\nold\n", naive)
    file.write_text("# Title\n\n## other 2\n\nold\n")
    assert normbench(*into, "^naive$").returncode == 0
    assert file.read_text() == "# Title\n\n## other 2\n\nold\n\n" + naive
    assert list(tmp_path.iterdir()) == [file]
    done = normbench("list", "--support", "--into", "absent.md")
    assert done.returncode == 2 and "absent.md: cannot be read" in done.stderr


def test_the_whole_table_is_what_its_sections_make(normbench, tmp_path):
    whole = normbench("list", "--support").stdout
    file = tmp_path / "SUPPORT.md"
    file.write_text(whole)
    assert normbench("list", "--support", "--into", "SUPPORT.md").returncode == 0
    assert file.read_text() == whole


def test_support_takes_no_config(normbench):
    result = normbench("list", "--support", "configs/quick.toml")
    assert result.returncode == 2
    assert "--support" in result.stderr
