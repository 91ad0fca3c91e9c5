"""scripts/test says what it takes; scripts/format says what is missing, and format_test how to mend it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def script(name, *words, **options):
    return subprocess.run([ROOT / "scripts" / name, *words], text=True, capture_output=True,
                          check=False, **options)


@pytest.mark.parametrize("word", ["naiv", "", "release", "--help", "naive eigen"])
def test_an_unknown_word_is_told_what_there_is(word):
    done = script("test", word)
    assert (done.returncode, done.stdout) == (2, "")
    presets = json.loads((ROOT / "CMakePresets.json").read_text())["testPresets"]
    backends = re.findall(r"^add_backend\(([^\s)]+)", (ROOT / "impls/CMakeLists.txt").read_text(),
                          re.MULTILINE)
    with_tests = [preset["name"] for preset in presets if not preset.get("hidden")]
    assert done.stderr == (
        f"normbench: '{word}' is neither a preset that has tests ({' '.join(with_tests)}) "
        f"nor a backend of impls/CMakeLists.txt ({' '.join(backends)})\n")


def test_format_says_what_is_missing(tmp_path):
    for name in ("bash", "dirname", "env"):
        (tmp_path / name).symlink_to(shutil.which(name))
    done = script("format", env={"PATH": str(tmp_path)})
    assert done.returncode == 2
    assert "clang-format-14 is missing" in done.stderr and "apt-get install" in done.stderr


def test_format_mends_what_its_check_finds(tmp_path):
    if shutil.which("clang-format-14") is None:
        pytest.skip("clang-format-14 was not found")
    file = tmp_path / "mine.cpp"
    shutil.copy(ROOT / ".clang-format", tmp_path)
    file.write_text("int  f( ) {return 1 ;}\n")
    done = script("format", "--check", str(file))
    assert done.returncode == 1 and "mine.cpp" in done.stderr
    assert done.stderr.endswith("normbench: ./scripts/format puts this right\n")
    assert script("format", str(file)).returncode == 0
    assert file.read_text() == "int f() { return 1; }\n"
    assert script("format", "--check", str(file)).returncode == 0
