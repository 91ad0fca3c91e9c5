"""The tutorials of impls/tutorial: their commands run as they stand, and their code is that of the
templates. From new-backend to a ranked row it is five commands at most, and two minutes."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TUTORIALS = ROOT / "impls" / "tutorial"
BINARY = os.environ.get("NORMBENCH", str(ROOT / "build/ci/normbench"))
# What scripts/peers has installed here is not of this build.
ENVIRONMENT = {**os.environ, "NORMBENCH_PEERS": str(ROOT / "build/no peers"),
               # The python3 that has what this one has.
               "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
PAGES = {"tree": "mine.cpp", "c": "mine.c", "cpp": "mine.cpp", "python": "mine.py"}
FOLDERS = [page for page in PAGES if page != "tree"]
# What the commands are run with: somebody who follows the page may have a backend "mine" in the tree.
NAME = "tests-own"
MOST_COMMANDS = 5
MOST_SECONDS = 120
VERIFICATION_FAILED = 3


def blocks(page):
    """Kind and text of each fenced block."""
    text = (TUTORIALS / f"{page}.md").read_text(encoding="utf8")
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def steps_of(page):
    """The blocks that are no code, with the name of the tests in the place of "mine"."""
    return [(kind, re.sub(r"\b(lib)?mine\b", rf"\g<1>{NAME}", text)) for kind, text in blocks(page)]


def machine_seconds():
    """CPU time of all commands so far: what a loaded machine does not lengthen."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def shell(text, place, **variables):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=place, text=True, timeout=600,
                          capture_output=True, check=False, env={**ENVIRONMENT, **variables})


def follow(page, place, **variables):
    """Runs the commands of the page. Returns what the first of them, new-backend, has printed."""
    (_, first), *others = steps_of(page)
    assert len(first.splitlines()) <= MOST_COMMANDS
    begin = machine_seconds()
    command, rest = first.split("\n", 1)
    made = shell(command, place, **variables)
    assert made.returncode == 0, made.stderr
    ranked = shell(rest, place, **variables)
    seconds = machine_seconds() - begin
    assert ranked.returncode == 0, ranked.stdout + ranked.stderr
    assert re.search(rf"^{NAME} 1(, from Python)? +\d+\.\d\d ", ranked.stdout, re.MULTILINE), ranked.stdout
    assert re.search(r"^naive C\+\+", ranked.stdout, re.MULTILINE), ranked.stdout
    assert seconds < MOST_SECONDS
    for number, (kind, text) in enumerate(others):
        if kind != "sh":
            continue
        done = shell(text, place, **variables)
        shown = others[number + 1] if number + 1 < len(others) else None
        if shown is not None and shown[0] == "text":
            assert done.returncode == VERIFICATION_FAILED, done.stderr
            for line in shown[1].splitlines():
                assert line in done.stdout.splitlines(), done.stdout
        else:
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return made.stdout


@pytest.mark.parametrize("page", PAGES)
def test_the_code_is_that_of_the_template(page):
    template = (ROOT / "impls" / "template" / PAGES[page]).read_text(encoding="utf8")
    shown = [text for kind, text in blocks(page) if kind in ("c", "cpp", "python")]
    assert len(shown) >= 2
    for text in shown:
        assert text in template, text


@pytest.mark.parametrize("page", PAGES)
def test_it_is_a_page(page):
    assert len((TUTORIALS / f"{page}.md").read_text(encoding="utf8").splitlines()) <= 100


@pytest.fixture
def place(tmp_path):
    """Looks like the folder of the repository, as far as commands of a folder of one's own go."""
    (tmp_path / "build/release").mkdir(parents=True)
    (tmp_path / "build/release/normbench").symlink_to(BINARY)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    return tmp_path


@pytest.mark.parametrize("page", FOLDERS)
def test_a_folder_of_ones_own(page, place):
    if page == "python":
        pytest.importorskip("numpy")
    printed = follow(page, place).replace(f"{ROOT}/", "")
    _, first = steps_of(page)[0]
    assert printed == first.split("\n", 1)[1]
    # In the folder the same commands are called without it, and the program by its path.
    readme = (place / NAME / "README.md").read_text(encoding="utf8")
    commands = re.search(r"```sh\n(.*?)```", readme, re.DOTALL)[1]
    program = str(Path(BINARY).resolve())
    assert commands.replace(program, "build/release/normbench").replace(f"{ROOT}/", "") == \
        printed.replace(f"{NAME}/", "")


def copy_of_the_tree(place):
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in listed.split("\0"):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)


# What the build under test has made of the harness, in the place of harness/CMakeLists.txt: to
# compile it anew takes minutes, which users have behind them.
HARNESS = """
find_package(OpenMP REQUIRED)
find_package(benchmark REQUIRED)
find_package(fmt REQUIRED)
find_package(OneDNN QUIET)
foreach(layer core plugin check bench worker nn study)
  add_library(normbench_${layer} STATIC IMPORTED GLOBAL)
  set_target_properties(normbench_${layer} PROPERTIES
    IMPORTED_LOCATION "BUILD/harness/libnormbench_${layer}.a"
    INTERFACE_INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR})
endforeach()
target_link_libraries(normbench_plugin INTERFACE normbench_core ${CMAKE_DL_LIBS})
target_link_libraries(normbench_check INTERFACE normbench_core OpenMP::OpenMP_CXX fmt::fmt)
target_link_libraries(normbench_bench INTERFACE normbench_check benchmark::benchmark)
target_link_libraries(normbench_worker INTERFACE normbench_bench)
target_link_libraries(normbench_nn INTERFACE normbench_core OpenMP::OpenMP_CXX)
if(OneDNN_FOUND)
  target_link_libraries(normbench_nn INTERFACE OneDNN::OneDNN)
endif()
target_link_libraries(normbench_study INTERFACE normbench_nn normbench_bench)
file(GLOB objects BUILD/harness/CMakeFiles/normbench.dir/*.o BUILD/harness/CMakeFiles/normbench.dir/*/*.o)
set_source_files_properties(${objects} PROPERTIES EXTERNAL_OBJECT ON)
add_executable(normbench ${objects})
set_target_properties(normbench PROPERTIES LINKER_LANGUAGE CXX)
target_link_libraries(normbench PRIVATE normbench_study normbench_worker normbench_plugin
                                        normbench_backends)
"""
# The same for tests/impls/CMakeLists.txt.
TESTS = """
file(GLOB objects BUILD/tests/impls/CMakeFiles/impls_test.dir/*_test.cpp.o)
set_source_files_properties(${objects} PROPERTIES EXTERNAL_OBJECT ON)
add_executable(impls_test ${objects})
set_target_properties(impls_test PROPERTIES LINKER_LANGUAGE CXX)
target_link_libraries(impls_test PRIVATE normbench_check normbench_backends GTest::gtest_main)
"""


def make_builds_quick(place):
    """No backends but naive, and nothing that the build under test has compiled already."""
    build = str(Path(BINARY).resolve().parent)
    (place / "harness/CMakeLists.txt").write_text(HARNESS.replace("BUILD", build))
    (place / "tests/impls/CMakeLists.txt").write_text(TESTS.replace("BUILD", build))
    path = place / "CMakePresets.json"
    presets = json.loads(path.read_text())
    names = re.findall(r"^add_backend\(([^\s)]+)", (place / "impls/CMakeLists.txt").read_text(),
                       re.MULTILINE)
    off = {f"NORMBENCH_{name.upper().replace('-', '_')}": "OFF" for name in names if name != "naive"}
    release = next(preset for preset in presets["configurePresets"] if preset["name"] == "release")
    release["cacheVariables"].update(off)
    path.write_text(json.dumps(presets))


def test_the_tree(tmp_path):
    copy_of_the_tree(tmp_path)
    make_builds_quick(tmp_path)
    variables = {"NORMBENCH_SCRIPTS": str(tmp_path / "scripts")}
    built = shell("./scripts/build", tmp_path, **variables)
    assert built.returncode == 0, built.stdout + built.stderr
    printed = follow("tree", tmp_path, **variables)
    _, first = steps_of("tree")[0]
    assert printed == first.split("\n", 1)[1] + f"./scripts/test {NAME}\n"
