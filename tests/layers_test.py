"""The folders are layers: what each may include, and which libraries belong to one place only."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Folder -> project folders that its files may include from.
MAY_INCLUDE = {
    "harness/core": {"harness/core"},
    "harness/check": {"harness/core", "harness/check"},
    "harness/bench": {"harness/core", "harness/check", "harness/bench"},
    "harness/plugin": {"harness/core", "harness/plugin"},
    "harness/nn": {"harness/core", "harness/nn"},
    "harness/cli": {"harness/core", "harness/check", "harness/bench", "harness/plugin",
                    "harness/nn", "harness/cli"},
    "impls": {"harness/core"},
}

# Header prefix -> the only files that may include it.
BELONGS_TO = {
    "benchmark/": re.compile(r"^harness/bench/"),
    "toml++/": re.compile(r"^harness/bench/(plan|toml_reader)\.(cpp|h)$"),
    "CLI/": re.compile(r"^harness/cli/"),
    "nlohmann/": re.compile(r"^harness/(bench|cli)/"),
    "ATen/": re.compile(r"^impls/"),
    "Eigen/": re.compile(r"^impls/"),
    "hwy/": re.compile(r"^impls/simd"),
    "oneapi/": re.compile(r"^impls/"),
}

# Written by the build, not part of any layer.
GENERATED = {"git_version.h"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
STANDARD = re.compile(r"^[a-z_]+$")  # <vector>, but not <fmt/core.h> or <unistd.h>


def folder_of(path):
    return next((folder for folder in MAY_INCLUDE if path.startswith(folder + "/")), None)


def own_folder(path):
    """impls/mine/ for impls/mine.cpp and for what lies in there: the only part of impls it may use."""
    match = re.match(r"^(impls/[^/.]+)(?:\.cpp$|/)", path)
    return match.group(1) + "/" if match else None


def violations(path, text):
    """What the file at `path` (relative to the root) includes and must not, as sentences."""
    folder = folder_of(path)
    found = []
    if folder is None:
        found.append(f"{path} is in no known layer")
        return found
    for project_header, system_header in INCLUDE.findall(text):
        if project_header in GENERATED:
            continue
        if project_header:
            own = own_folder(path)
            if own is not None and project_header.startswith(own):
                continue
            target = folder_of(project_header)
            if target not in MAY_INCLUDE[folder]:
                found.append(f"{path} includes {project_header}")
            continue
        for prefix, place in BELONGS_TO.items():
            if system_header.startswith(prefix) and not place.match(path):
                found.append(f"{path} includes <{system_header}>")
        if folder == "harness/core" and not STANDARD.match(system_header):
            found.append(f"{path} includes <{system_header}>, but core is standard library only")
    return found


def sources():
    for top in ("harness", "impls"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".h", ".cpp"):
                yield path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", sources())
def test_arrows_point_down(path):
    assert violations(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize("path, line", [
    ("harness/core/a.h", '#include "harness/check/check.h"'),
    ("harness/core/a.h", "#include <fmt/core.h>"),
    ("harness/check/a.h", '#include "harness/bench/plan.h"'),
    ("harness/check/a.cpp", "#include <benchmark/benchmark.h>"),
    ("harness/bench/record.cpp", "#include <toml++/toml.h>"),
    ("harness/bench/a.cpp", "# include <CLI/CLI.hpp>"),
    ("harness/cli/a.cpp", "#include <benchmark/benchmark.h>"),
    ("harness/nn/a.cpp", '#include "harness/check/check.h"'),
    ("impls/a.cpp", '#include "harness/check/check.h"'),
    ("impls/a.cpp", '#include "impls/b.h"'),
    ("impls/a.cpp", '#include "impls/b/c.h"'),
    ("impls/a/c.h", '#include "impls/b/c.h"'),
    ("impls/a/c.h", '#include "harness/check/check.h"'),
    ("harness/new/a.cpp", "#include <vector>"),
])
def test_a_forbidden_include_is_found(path, line):
    assert violations(path, f"// text\n{line}\n") != []


@pytest.mark.parametrize("path, line", [
    ("harness/core/a.h", "#include <vector>"),
    ("harness/check/a.cpp", "#include <fmt/core.h>"),
    ("harness/bench/plan.cpp", "#include <toml++/toml.h>"),
    ("impls/eigen.cpp", "#include <Eigen/Core>"),
    ("impls/a.cpp", '#include "impls/a/c.h"'),
    ("impls/a/d.h", '#include "impls/a/c.h"'),
])
def test_an_allowed_include_is_not(path, line):
    assert violations(path, line) == []
