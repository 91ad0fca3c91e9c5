"""The commands of harness/plugin/README.md make plugins of the examples, in any folder."""

import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PLUGIN = ROOT / "harness" / "plugin"


def commands():
    """Those that compile, by the compiler."""
    text = (PLUGIN / "README.md").read_text(encoding="utf8")
    block = re.search(r"```sh\nnormbench=\$HOME/normbench\n(.*?)```", text, re.DOTALL).group(1)
    return {command.split()[0]: command for command in block.strip().split("\n\n")}


class Start(ctypes.Structure):
    """How the table begins."""
    _fields_ = [("magic", ctypes.c_uint64), ("abi", ctypes.c_uint32), ("size", ctypes.c_uint32),
                ("name", ctypes.c_char_p), ("version", ctypes.c_char_p)]


@pytest.mark.parametrize("compiler, example, name", [
    ("cc", "example.c", b"example-c"),
    ("g++", "example.cpp", b"example-cpp"),
    ("gfortran", "example.f90", b"example-f90"),
])
def test_a_command_makes_a_plugin(compiler, example, name, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} was not found")
    text = (PLUGIN / "examples" / example).read_text().replace("make_example_cpp", "make_mine")
    (tmp_path / f"mine{Path(example).suffix}").write_text(text)
    subprocess.run(["bash", "-c", commands()[compiler]], cwd=tmp_path, check=True,
                   env={**os.environ, "normbench": str(ROOT)})
    library = ctypes.CDLL(str(tmp_path / "libmine.so"))
    library.normbench_plugin.restype = ctypes.POINTER(Start)
    table = library.normbench_plugin().contents
    assert (table.magic, table.abi, table.name) == (0x6E6F726D62656E63, 1, name)


def test_the_header_is_short():
    assert len((PLUGIN / "normbench.h").read_text().splitlines()) <= 80
