"""The command of harness/plugin/README.md makes a plugin of the example, in any folder;
tests/tutorial does the same in C and C++."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PLUGIN = ROOT / "harness" / "plugin"


class Start(ctypes.Structure):
    """How the table begins."""
    _fields_ = [("magic", ctypes.c_uint64), ("abi", ctypes.c_uint32), ("size", ctypes.c_uint32),
                ("name", ctypes.c_char_p), ("version", ctypes.c_char_p)]


def test_a_command_makes_a_plugin(tmp_path):
    if shutil.which("gfortran") is None:
        pytest.skip("gfortran was not found")
    command = re.search(r"^gfortran .*$", (PLUGIN / "README.md").read_text(encoding="utf8"), re.MULTILINE)
    shutil.copy(PLUGIN / "examples/example.f90", tmp_path / "mine.f90")
    subprocess.run(["bash", "-c", command[0]], cwd=tmp_path, check=True)
    library = ctypes.CDLL(str(tmp_path / "libmine.so"))
    library.normbench_plugin.restype = ctypes.POINTER(Start)
    table = library.normbench_plugin().contents
    assert (table.magic, table.abi, table.name) == (0x6E6F726D62656E63, 1, b"example-f90")


def test_the_header_is_short():
    assert len((PLUGIN / "normbench.h").read_text().splitlines()) <= 80
