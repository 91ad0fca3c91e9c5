"""normbench new-backend: what it writes, and what it refuses; tests/tutorial builds and measures it."""

import os
import re
import resource
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATE = ROOT / "impls" / "template"
# No backend that somebody has added is named so; "mine" may be one.
NAME = "tests-own"
OF_A_TREE = ("harness/plugin/normbench.h", "impls/CMakeLists.txt", "impls/SUPPORT.md", "impls/peers.json")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """What new-backend needs of a checkout; the program takes it for its own."""
    tree = tmp_path / "a tree"
    for name in OF_A_TREE:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    shutil.copytree(TEMPLATE, tree / "impls/template")
    (tree / "scripts").mkdir()
    monkeypatch.setenv("NORMBENCH_SCRIPTS", str(tree / "scripts"))
    return tree


def everything(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(done, *words):
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("normbench: error: ") and done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def test_a_backend_in_the_tree(normbench, tree):
    before = everything(tree)
    done = normbench("new-backend", "my-norm")
    assert done.returncode == 0, done.stderr
    after = everything(tree)
    source = after.pop("impls/my-norm.cpp").decode()
    assert source == (TEMPLATE / "mine.cpp").read_text().replace('"mine"', '"my-norm"').replace(
        "make_mine", "make_my_norm")
    lines = before["impls/CMakeLists.txt"].decode()
    assert after.pop("impls/CMakeLists.txt").decode() == lines.replace(
        "\n\nwrite_registry()", "\nadd_backend(my-norm)\n\nwrite_registry()")
    section = (TEMPLATE / "SUPPORT.md").read_text().replace("## mine ", "## my-norm ")
    assert after.pop("impls/SUPPORT.md").decode() == before["impls/SUPPORT.md"].decode() + "\n" + section
    assert after.items() <= before.items()


def test_the_commands_work_from_elsewhere(normbench, tree):
    """And for folders that a shell has to be told of with care."""
    done = normbench("new-backend", "fast")
    assert done.stdout.splitlines()[0] == "'./a tree/scripts/build'"
    assert "'a tree/build/release/normbench' verify --all -b '^fast$'" in done.stdout
    assert "run 'a tree/configs/quick.toml' -b" in done.stdout
    assert "a tree/impls/fast.cpp" in done.stderr


def test_the_commands_of_the_root_are_those_of_the_tutorial(binary, tree):
    done = subprocess.run([binary, "new-backend", NAME], cwd=tree, text=True, capture_output=True,
                          check=True)
    page = (ROOT / "impls/tutorial/tree.md").read_text(encoding="utf8").replace("mine", NAME)
    assert "\n".join(done.stdout.splitlines()[:-1]) in page


def test_the_longest_name_needs_no_other_format(normbench, tree):
    if shutil.which("clang-format-14") is None:
        pytest.skip("clang-format-14 was not found")
    name = "n234567890-2345678901234"
    assert normbench("new-backend", name).returncode == 0
    subprocess.run(["clang-format-14", "--dry-run", "-Werror", f"--style=file:{ROOT}/.clang-format",
                    tree / f"impls/{name}.cpp"], check=True)
    refused(normbench("new-backend", name + "5"), "24", "25")


def test_the_section_is_that_of_the_template(normbench, binary):
    plugin = Path(binary).parent / "plugins" / "libtemplate-cpp.so"
    done = normbench("list", "--support", "--plugin", plugin, "-b", "^template-cpp$")
    assert done.stdout.replace("## template-cpp 1", "## mine 1") == (TEMPLATE / "SUPPORT.md").read_text()


@pytest.mark.parametrize("words, source, is_built", [
    (["--plugin", "c"], "my-norm.c", True),
    (["--plugin", "c++"], "my-norm.cpp", True),
    (["--python"], "my-norm.py", False),
])
def test_a_folder_of_its_own(normbench, tree, tmp_path, words, source, is_built):
    done = normbench("new-backend", "my-norm", *words)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "my-norm"
    files = everything(folder)
    assert set(files) == {source, "README.md"} | ({"build"} if is_built else set())
    for name, text in files.items():
        assert not re.search(r"\bmine\b|make_mine|libmine|/path/to", text.decode()), name
    if is_built:
        assert (folder / "build").stat().st_mode & stat.S_IXUSR
        assert f"normbench='{tree}'" in files["build"].decode()
    assert "my-norm" in done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_elsewhere(normbench, tree, tmp_path):
    (tmp_path / "deep").mkdir()
    done = normbench("new-backend", NAME, "--python", "--folder", "deep/its place")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"deep/its place/{NAME}.py").is_file()
    assert f"--python 'deep/its place/{NAME}.py'" in done.stdout


BAD_NAMES = {
    "upper case": ("Mine", "lower-case letters"),
    "a space": ("my norm", "lower-case letters"),
    "a slash": ("my/norm", "lower-case letters"),
    "nothing": ("", "lower-case letters"),
    "an underscore": ("my_norm", "lower-case letters"),
    "a digit first": ("3d", "begins with a letter"),
    "a dash last": ("mine-", "lower-case letters"),
    "two dashes": ("my--norm", "single dashes"),
    "another alphabet": ("größe", "lower-case letters"),
    "a backend": ("naive", "there is a backend of this name"),
    "a backend with a dash": ("onednn-blocked", "there is a backend of this name"),
    "a peer": ("torch", "peer"),
    "a word of C++": ("double", "word"),
    "test": ("test", "word"),
    "an entry of the tests": ("every", "word"),
    "a preset": ("asan", "word"),
    "a file of impls": ("ggml", "there is a"),
    "a folder of impls": ("tutorial", "there already"),
}


@pytest.mark.parametrize("words", [[], ["--plugin", "c"], ["--python"]])
@pytest.mark.parametrize("what", BAD_NAMES)
def test_a_bad_name_is_refused(normbench, tree, tmp_path, what, words):
    name, reason = BAD_NAMES[what]
    (tree / "impls/tutorial").mkdir()
    before = everything(tmp_path)
    if what == "a folder of impls" and words:
        return
    refused(normbench("new-backend", name, *words), "new-backend", reason)
    assert everything(tmp_path) == before


def test_a_name_that_begins_with_a_dash(normbench, tree, tmp_path):
    before = everything(tmp_path)
    refused(normbench("new-backend", "-mine"), "--help")
    refused(normbench("new-backend", "--", "-mine"), "begins with a letter")
    assert everything(tmp_path) == before


def test_nothing_is_overwritten(normbench, tree, tmp_path):
    assert normbench("new-backend", NAME).returncode == 0
    assert normbench("new-backend", NAME, "--python").returncode == 0
    before = everything(tmp_path)
    refused(normbench("new-backend", NAME), f"{NAME}.cpp is there already")
    refused(normbench("new-backend", NAME, "--plugin", "c"), f"{NAME} is there already", "--folder")
    (tmp_path / "dangling").symlink_to("nowhere")
    refused(normbench("new-backend", NAME, "--python", "--folder", "dangling"), "there already")
    (tree / f"impls/{NAME}.cpp").unlink()
    refused(normbench("new-backend", NAME), "CMakeLists.txt has a line")
    assert everything(tmp_path).items() <= before.items()


def test_a_folder_that_cannot_be_made(normbench, tree, tmp_path):
    before = everything(tmp_path)
    for place in ("/proc/mine", "absent/mine", "a tree/impls/SUPPORT.md/mine"):
        refused(normbench("new-backend", NAME, "--python", "--folder", place), place.split("/")[-2],
                "nothing was changed")
    assert everything(tmp_path) == before


@pytest.mark.parametrize("words", [[], ["--plugin", "c"], ["--plugin", "c++"], ["--python"]])
@pytest.mark.parametrize("most", [0, 500, 4000])
def test_a_full_disk_changes_nothing(normbench, tree, tmp_path, words, most):
    # A limit on the size of files stands in for the disk.
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    before = everything(tmp_path)
    done = normbench("new-backend", NAME, *words, preexec_fn=limit)
    if most == 4000 and words in (["--python"],):
        assert done.returncode == 0
        return
    # Its own messages go to pipes, which have no limit.
    refused(done, "File too large", "nothing was changed")
    assert everything(tmp_path) == before


def test_a_tree_that_may_not_be_written(normbench, tree):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tree / "impls").chmod(0o555)
    before = everything(tree)
    refused(normbench("new-backend", NAME), "Permission denied", "nothing was changed")
    assert everything(tree) == before


def test_a_checkout_that_was_moved(normbench, tree, tmp_path):
    tree.rename(tmp_path / "moved")
    for words in ([], ["--plugin", "c"], ["--python"]):
        refused(normbench("new-backend", NAME, *words), "a tree", "./scripts/build",
                "NORMBENCH_SCRIPTS")
    assert [path.name for path in tmp_path.iterdir()] == ["moved"]


def test_a_list_of_backends_without_an_empty_line(normbench, tree):
    path = tree / "impls/CMakeLists.txt"
    path.write_text("add_backend(naive)\nwrite_registry()\n")
    assert normbench("new-backend", NAME).returncode == 0
    assert path.read_text() == f"add_backend(naive)\nadd_backend({NAME})\nwrite_registry()\n"


def test_a_list_of_backends_that_was_rewritten(normbench, tree):
    (tree / "impls/CMakeLists.txt").write_text("add_backend(naive)\n")
    before = everything(tree)
    refused(normbench("new-backend", NAME), "CMakeLists.txt", "write_registry()")
    assert everything(tree) == before


@pytest.mark.parametrize("words, reasons", [
    ([], ["name", "required"]),
    ([NAME, "--plugin", "rust"], ["--plugin", "rust", "c++"]),
    ([NAME, "--plugin", "c", "--python"], ["--python", "--plugin"]),
    ([NAME, "--folder", "there"], ["--folder", "--plugin"]),
    ([NAME, "yours"], ["yours"]),
])
def test_a_bad_command_is_refused(normbench, tree, tmp_path, words, reasons):
    before = everything(tmp_path)
    refused(normbench("new-backend", *words), *reasons)
    assert everything(tmp_path) == before
