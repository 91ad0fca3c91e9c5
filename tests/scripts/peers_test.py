"""What scripts/peers decides, in a source tree of its own with a pip that is made up: no network, and
nothing is compiled. And the catalogue of this tree, impls/peers.json."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

# In the place of python3: pip notes its words, and does what the file `plan` says; the rest is Python.
PYTHON = """#!/bin/sh
here=$(dirname "$0")
if [ "$1 $2" != "-m pip" ]; then exec {python} "$@"; fi
[ "$3" = --version ] && exit 0
echo "$@" >>"$here/calls"
while [ "$1" != --target ]; do shift; done
mkdir -p "$2"
echo "__version__ = 'any'" >"$2/toy.py"
. "$here/plan"
"""

# In the place of normbench: it sees the peer that it is to verify, and does what `verdict` says.
NORMBENCH = """#!/bin/sh
here=$(dirname "$0")
cp "$NORMBENCH_PEERS"/toy/peer.json "$here/seen.json"
echo "$@" >>"$here/calls"
. "$here/verdict"
"""

TOY = {"name": "toy", "what": "a library that is made up", "kind": "python", "version": "1.0",
       "packages": ["toy==1.0", "other==2.0"], "megabytes": 1, "source": "python/toy.py",
       "imports": ["toy"]}


class Tree:
    """A source tree with scripts/peers, and with one peer in the catalogue."""

    def __init__(self, folder):
        self.folder = folder
        self.peers = folder / "build/peers"
        self.release = folder / "build/release"
        self.programs = folder / "programs"
        for each in ("scripts", "impls", "configs", "build/release", "programs"):
            (folder / each).mkdir(parents=True)
        shutil.copy(ROOT / "scripts/peers", folder / "scripts")
        self.catalogue([TOY])
        self._program(self.programs / "python3", PYTHON.replace("{python}", sys.executable))
        self.plan("exit 0")
        self._program(self.release / "normbench", NORMBENCH)
        self.verdict("echo 46 of 46 passed; exit 0")

    @staticmethod
    def _program(path, text):
        path.write_text(text)
        path.chmod(0o755)

    def catalogue(self, entries):
        (self.folder / "impls/peers.json").write_text(json.dumps(entries))

    def plan(self, text):
        (self.programs / "plan").write_text(text + "\n")

    def verdict(self, text):
        (self.release / "verdict").write_text(text + "\n")

    def start(self, *words):
        environment = {**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}"}
        environment.pop("NORMBENCH_PEERS", None)
        return subprocess.Popen([self.folder / "scripts/peers", *words], cwd="/", env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)

    def call(self, *words, status=0):
        process = self.start(*words)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == status, errors
        return output + errors

    def calls(self):
        path = self.programs / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def installed(self):
        return sorted(path.parent.name for path in self.peers.glob("*/peer.json"))

    def wait_for_pip(self):
        deadline = time.monotonic() + 60
        while not self.calls():
            assert time.monotonic() < deadline, "pip was not called"
            time.sleep(0.01)

    def leftovers(self):
        """What is there beside peers, logs and the lock."""
        return [path.name for path in self.peers.iterdir()
                if path.name not in self.installed() and path.name != ".lock"
                and path.suffix != ".log"]


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "a tree")


def test_a_peer_is_installed_and_verified(tree):
    said = tree.call("toy")
    assert "toy 1.0 is installed, verified: 46 of 46 passed" in said
    peer = json.loads((tree.peers / "toy/peer.json").read_text())
    home = str(tree.peers / "toy")
    assert peer["name"] == "toy" and peer["version"] == "1.0"
    assert peer["packages"] == TOY["packages"]
    assert peer["command"][1:] == [str(tree.folder / "harness/worker/normbench.py"),
                                   str(tree.folder / "impls/python/toy.py")]
    assert os.path.isabs(peer["command"][0]) and "python" in peer["command"][0]
    assert peer["environment"]["PYTHONPATH"] == f"{home}/site"
    assert Path(peer["environment"]["PYTHONPATH"], "toy.py").exists()
    call = tree.calls()[0]
    assert "toy==1.0 other==2.0" in call
    assert "--only-binary :all:" in call and "--no-deps" in call
    assert tree.leftovers() == []


def test_it_is_verified_before_it_is_a_peer(tree):
    tree.verdict('test ! -e "$here/../peers/toy" || exit 1')
    tree.call("toy")
    seen = json.loads((tree.release / "seen.json").read_text())
    assert Path(seen["environment"]["PYTHONPATH"]) == tree.peers / ".new/toy/site"
    assert "verify" in (tree.release / "calls").read_text()


def test_a_second_call_finds_it_done(tree):
    tree.call("toy")
    assert "toy 1.0 is installed" in tree.call("toy")
    assert len(tree.calls()) == 1


def test_all_of_the_catalogue(tree):
    tree.catalogue([TOY, {**TOY, "name": "toy2"}])
    tree.verdict("exit 0")
    (tree.release / "normbench").unlink()
    said = tree.call("--all")
    assert tree.installed() == ["toy", "toy2"]
    assert "not verified, as build/release/normbench is missing: ./scripts/build" in said


def test_list_says_what_is_installed_and_what_there_is_besides(tree):
    tree.catalogue([TOY, {**TOY, "name": "toy2", "megabytes": 7}])
    assert [line.split()[:3] for line in tree.call("--list").splitlines()] == [
        ["not", "yet", "toy"], ["not", "yet", "toy2"]]
    tree.call("toy")
    first, second = tree.call("--list").splitlines()
    assert first.split() == ["installed", "toy", "1.0", *TOY["what"].split()]
    assert second.startswith("not yet") and second.endswith("(7 MB)")


def test_another_version_in_the_catalogue_replaces_the_old_one(tree):
    tree.call("toy")
    tree.catalogue([{**TOY, "version": "1.1", "packages": ["toy==1.1"]}])
    assert "1.1 is there: ./scripts/peers toy" in tree.call("--list")
    tree.call("toy")
    assert json.loads((tree.peers / "toy/peer.json").read_text())["version"] == "1.1"
    assert tree.leftovers() == []


def test_remove(tree):
    tree.call("toy")
    assert "toy is removed" in tree.call("--remove", "toy")
    assert tree.installed() == [] and tree.leftovers() == []
    assert "toy is not installed" in tree.call("--remove", "toy")


@pytest.mark.parametrize("words", [["foo"], ["toy", "foo"], ["--remove", "foo"], ["../toy"], [""]])
def test_an_unknown_name_ends_it_before_anything_is_done(tree, words):
    said = tree.call(*words, status=2)
    assert f"there is no peer named '{words[-1]}'. There are: toy" in said
    assert len(said.splitlines()) == 1
    assert tree.calls() == [] and not tree.peers.exists()


@pytest.mark.parametrize("words", [[], ["--help"], ["--list", "toy"], ["--all", "toy"], ["--remove"],
                                   ["toy", "--list"]])
def test_words_that_are_not_understood(tree, words):
    assert tree.call(*words, status=2).startswith("usage: scripts/peers")
    assert tree.calls() == []


def test_the_words_of_pip_are_shown_when_it_fails(tree):
    tree.plan("echo noise; echo 'ERROR: No matching distribution found for toy==1.0' >&2; exit 1")
    said = tree.call("toy", status=2)
    assert said.splitlines()[-1].startswith("normbench: toy: pip could not install it")
    assert said.splitlines()[-1].endswith("No matching distribution found for toy==1.0")
    assert tree.installed() == [] and tree.leftovers() == []


def test_it_says_when_there_is_no_network(tree):
    tree.plan("echo 'WARNING: Retrying (Retry(total=0, connect=None))'; "
              "echo 'ERROR: none of them'; echo 'ERROR: No toy'; exit 1")
    assert tree.call("toy", status=2).splitlines()[-1].endswith(
        ": PyPI was not reached: none of them No toy")


def test_what_cannot_be_imported_is_not_installed(tree):
    tree.plan("""echo 'raise ImportError("no libtoy.so")' >"$2/toy.py"; exit 0""")
    said = tree.call("toy", status=2)
    assert said.splitlines()[-1].endswith("ImportError: no libtoy.so")
    assert tree.installed() == [] and tree.leftovers() == []


def test_what_does_not_run_is_not_installed(tree):
    tree.verdict("echo 'the worker ended' >&2; exit 1")
    said = tree.call("toy", status=2)
    assert said.splitlines()[-1].endswith("the worker ended")
    assert tree.installed() == [] and tree.leftovers() == []


def test_wrong_results_are_told_and_the_peer_stays(tree):
    tree.verdict("echo '3 of 46 failed'; exit 3")
    said = tree.call("toy", status=3)
    assert "some results are wrong, and get no time: see" in said
    assert (tree.peers / "toy.log").read_text() == "3 of 46 failed\n"
    assert tree.installed() == ["toy"] and tree.leftovers() == []


def test_an_installed_one_stays_when_its_replacement_fails(tree):
    tree.call("toy")
    tree.catalogue([{**TOY, "version": "1.1", "packages": ["toy==1.1"]}])
    tree.plan("echo 'ERROR: no' >&2; exit 1")
    tree.call("toy", status=2)
    assert json.loads((tree.peers / "toy/peer.json").read_text())["version"] == "1.0"
    assert tree.leftovers() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_was_interrupted_is_no_peer(tree, number):
    tree.plan("sleep 60")
    process = tree.start("toy")
    tree.wait_for_pip()
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert tree.installed() == []
    assert tree.call("--list").startswith("not yet")
    if number != signal.SIGKILL:
        assert tree.leftovers() == []
    tree.plan("exit 0")
    tree.call("toy")
    assert tree.installed() == ["toy"] and tree.leftovers() == []


def test_a_replacement_that_was_killed_between_two_renames(tree):
    tree.call("toy")
    (tree.peers / ".old").mkdir()
    (tree.peers / "toy").rename(tree.peers / ".old/toy")
    assert "toy 1.0 is installed" in tree.call("toy")
    assert tree.leftovers() == []


def test_a_folder_without_peer_json_is_replaced(tree):
    (tree.peers / "toy/site").mkdir(parents=True)
    assert tree.call("--list").startswith("not yet")
    tree.call("toy")
    assert tree.installed() == ["toy"]


def test_a_damaged_peer_json_is_replaced(tree):
    (tree.peers / "toy").mkdir(parents=True)
    (tree.peers / "toy/peer.json").write_text('{"name": ')
    assert tree.call("--list").startswith("not yet")
    tree.call("toy")
    assert json.loads((tree.peers / "toy/peer.json").read_text())["name"] == "toy"


def test_too_little_room_is_said_before_anything_is_fetched(tree):
    tree.catalogue([{**TOY, "megabytes": 10**9}])
    said = tree.call("toy", status=2)
    assert "toy needs 1000000000 MB in" in said
    assert tree.calls() == []


def test_two_at_once(tree):
    tree.plan("sleep 60")
    first = tree.start("toy")
    tree.wait_for_pip()
    try:
        assert "another scripts/peers is at work" in tree.call("toy", status=2)
    finally:
        os.killpg(first.pid, signal.SIGTERM)
        first.communicate(timeout=60)


ENTRIES = json.loads((ROOT / "impls/peers.json").read_text())
FIELDS = {"name": str, "what": str, "kind": str, "version": str, "packages": list, "megabytes": int,
          "source": str}
OF_KIND = {"plugin": {"files": list, "make": str, "find": str, "prefix": str},
           "python": {"imports": list}}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_entries_of_the_catalogue(entry):
    fields = {**FIELDS, **OF_KIND[entry["kind"]]}
    assert {key: type(value) for key, value in entry.items() if key != "config"} == fields
    assert (ROOT / "configs" / entry.get("config", "quick.toml")).is_file()
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry["name"])
    assert "\n" not in entry["what"] and "\t" not in entry["what"]
    for package in entry["packages"]:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", package), "not one version"
    for element in entry["packages"] + entry.get("files", []) + entry.get("imports", []):
        assert not re.search(r"\s", element)
    assert (ROOT / "impls" / entry["source"]).is_file()
    if entry["kind"] == "plugin":
        assert (ROOT / f"cmake/Find{entry['find']}.cmake").is_file()
        assert f" {entry['make']}()" in (ROOT / "impls" / entry["source"]).read_text()


def test_names_of_the_catalogue():
    names = [entry["name"] for entry in ENTRIES]
    built_in = re.findall(r"^add_backend\(([^ )]+)", (ROOT / "impls/CMakeLists.txt").read_text(),
                          re.MULTILINE)
    assert "naive" in built_in
    assert len(set(names + built_in)) == len(names) + len(built_in)
