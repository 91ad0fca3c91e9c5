"""The folders are layers: what each may include or import, and which libraries belong to one place
only."""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Folder -> project folders that its files may include from.
MAY_INCLUDE = {
    "harness/core": {"harness/core"},
    "harness/plugin": {"harness/core", "harness/plugin"},
    "harness/check": {"harness/core", "harness/check"},
    "harness/bench": {"harness/core", "harness/check", "harness/bench"},
    "harness/worker": {"harness/core", "harness/check", "harness/bench", "harness/plugin",
                       "harness/worker"},
    "harness/nn": {"harness/core", "harness/nn"},
    "harness/study": {"harness/core", "harness/check", "harness/bench", "harness/nn",
                      "harness/study"},
    "harness/cli": {"harness/core", "harness/check", "harness/bench", "harness/plugin",
                    "harness/worker", "harness/nn", "harness/study", "harness/cli"},
    "impls": {"harness/core"},
}

# Header prefix -> the only files that may include it.
BELONGS_TO = {
    "benchmark/": re.compile(r"^harness/bench/"),
    "toml++/": re.compile(r"^harness/bench/(plan|toml_reader)\.(cpp|h)$"),
    "CLI/": re.compile(r"^harness/cli/"),
    "nlohmann/": re.compile(r"^harness/(bench|worker|nn|study|cli)/"),
    "ATen/": re.compile(r"^impls/"),
    "Eigen/": re.compile(r"^impls/"),
    "hwy/": re.compile(r"^impls/simd"),
    "oneapi/": re.compile(r"^(impls/|harness/nn/products_onednn\.cpp$)"),
}

# Written by the build, not part of any layer.
GENERATED = {"git_version.h", "source_dir.h"}

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
    ("harness/plugin/a.h", '#include "harness/check/check.h"'),
    ("harness/check/a.h", '#include "harness/bench/plan.h"'),
    ("harness/check/a.cpp", "#include <benchmark/benchmark.h>"),
    ("harness/bench/record.cpp", "#include <toml++/toml.h>"),
    ("harness/bench/a.cpp", "# include <CLI/CLI.hpp>"),
    ("harness/cli/a.cpp", "#include <benchmark/benchmark.h>"),
    ("harness/nn/a.cpp", '#include "harness/check/oracle.h"'),
    ("harness/nn/a.cpp", '#include "impls/b.h"'),
    ("harness/nn/a.cpp", '#include "harness/study/data.h"'),
    ("harness/study/a.cpp", '#include "harness/cli/verbs.h"'),
    ("harness/bench/a.cpp", '#include "harness/study/data.h"'),
    ("harness/nn/a.cpp", "#include <oneapi/dnnl/dnnl.h>"),
    ("impls/a.cpp", '#include "harness/check/check.h"'),
    ("impls/a.cpp", '#include "harness/plugin/normbench.h"'),
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
    ("harness/nn/products_onednn.cpp", "#include <oneapi/dnnl/dnnl.h>"),
    ("impls/a.cpp", '#include "impls/a/c.h"'),
    ("impls/a/d.h", '#include "impls/a/c.h"'),
])
def test_an_allowed_include_is_not(path, line):
    assert violations(path, line) == []


ANALYSIS = "scripts/analysis"

# Folder of the analysis -> folders of it that its modules may import from. What is in none of these,
# as the verbs, may import all, and what comes with Node.js.
MAY_IMPORT = {
    "core": {"core"},
    "tables": {"core", "tables"},
    "charts": {"core", "charts"},
    "page": {"core", "tables", "charts", "page"},
}
OF_THE_BROWSER = "page"

# From "x" in import and export, import "x", import("x").
IMPORT = re.compile(r"""(?:\bfrom\s*|\bimport\s*\(?\s*)(["'])([^"'\n]+)\1""")
COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.DOTALL)
STRING = re.compile(r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""")
BROWSER = re.compile(r"(?<![\w.$])(document|window)\b(?!\s*:)")


def part_of(path):
    """The folder of the analysis that the module is in, or "" for one beside the folders."""
    parts = Path(path).relative_to(ANALYSIS).parts
    return parts[0] if len(parts) > 1 else ""


def import_violations(path, text):
    """What the module at `path` imports or uses and must not, as sentences."""
    part = part_of(path)
    code = COMMENT.sub("", text)
    found = []
    for _, target in IMPORT.findall(code):
        if target.startswith("node:"):
            if part in MAY_IMPORT:
                found.append(f"{path} imports {target}, but must run in a browser too")
            continue
        if not target.startswith("."):
            found.append(f"{path} imports {target}, which is neither a file nor a part of Node.js")
            continue
        file = os.path.normpath(Path(path).parent / target)
        if not file.startswith(ANALYSIS + "/"):
            found.append(f"{path} imports {target}, which is outside of {ANALYSIS}")
        elif part in MAY_IMPORT and part_of(file) not in MAY_IMPORT[part]:
            found.append(f"{path} imports {target}")
    if part != OF_THE_BROWSER:
        for name in set(BROWSER.findall(STRING.sub('""', code))):
            found.append(f"{path} uses {name}, which only {OF_THE_BROWSER} has")
    return found


def modules():
    return [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / ANALYSIS).rglob("*.js"))]


@pytest.mark.parametrize("path", modules())
def test_imports_point_down(path):
    assert import_violations(path, (ROOT / path).read_text(encoding="utf8")) == []


@pytest.mark.parametrize("path, line", [
    ("core/a.js", 'import { b } from "../charts/b.js";'),
    ("core/a.js", 'import { b } from "../page/b.js";'),
    ("core/a.js", 'import fs from "node:fs";'),
    ("core/a.js", 'import fs from "fs";'),
    ("core/a.js", 'export * from "../../other/b.js";'),
    ("core/a.js", 'const b = await import("../verbs/b.js");'),
    ("core/a.js", 'import {\n  b,\n} from "../main.js";'),
    ("core/a.js", "const body = document.body;"),
    ("core/deep/a.js", 'import "../../page/b.js";'),
    ("tables/a.js", 'import { b } from "../charts/b.js";'),
    ("tables/a.js", 'import fs from "node:fs";'),
    ("charts/a.js", 'import { b } from "../page/b.js";'),
    ("charts/a.js", "draw(window);"),
    ("page/a.js", 'import { b } from "../verbs/b.js";'),
    ("page/a.js", 'import fs from "node:fs";'),
    ("verbs/a.js", 'import { b } from "somewhere";'),
    ("verbs/a.js", "document.title;"),
])
def test_a_forbidden_import_is_found(path, line):
    assert import_violations(f"{ANALYSIS}/{path}", f"// text\n{line}\n") != []


@pytest.mark.parametrize("path, line", [
    ("core/a.js", 'import { b } from "./b.js";'),
    ("core/a.js", 'const text = "the document"; // of a window'),
    ("core/a.js", "const a = { window: 3 }.window;"),
    ("charts/a.js", 'import { b } from "../core/b.js";'),
    ("tables/a.js", 'import { b } from "../core/b.js";'),
    ("page/a.js", 'import { a } from "../tables/a.js";'),
    ("page/a.js", 'import { b } from "../charts/b.js";\ndocument.title = b;'),
    ("verbs/a.js", 'import fs from "node:fs";\nimport { b } from "../page/b.js";'),
    ("main.js", 'import { b } from "./verbs/b.js";'),
])
def test_an_allowed_import_is_not(path, line):
    assert import_violations(f"{ANALYSIS}/{path}", line) == []
