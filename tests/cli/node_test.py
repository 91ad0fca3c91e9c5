"""How the analysis verbs become Node.js: which one, which code, and what it is told."""

import json
import os
import shutil

import pytest

from bad_input_test import one_error

MAIN = """
import "./core/nothing.js";
const { env, argv } = process;
const names = ["NODE_OPTIONS", "NODE_PATH"];
console.log(JSON.stringify({ words: argv.slice(2), file: argv[1],
  env: Object.fromEntries(names.map((name) => [name, env[name] ?? null])) }));
process.exitCode = 6;
"""
# Without a backslash: Node.js loads no module from there.
STRANGE = "a b:c%20d#e?f'g\"h\ni$HOME&ä"
NODE = shutil.which("node") or shutil.which("nodejs")


@pytest.fixture
def scripts(tmp_path_factory):
    """A folder of scripts, under a name that is hard on everybody, whose main.js says what it got."""
    folder = tmp_path_factory.mktemp("checkout") / STRANGE / "scripts"
    (folder / "analysis/core").mkdir(parents=True)
    (folder / "analysis/package.json").write_text('{"type": "module"}')
    (folder / "analysis/core/nothing.js").write_text("")
    (folder / "analysis/main.js").write_text(MAIN)
    return folder


@pytest.fixture
def call(normbench, scripts):
    """Calls an analysis verb, with these variables instead of those of the environment."""

    def run(*words, **variables):
        environment = {**os.environ, "NORMBENCH_SCRIPTS": str(scripts), **variables}
        return normbench(*words, env={name: value for name, value in environment.items()
                                      if value is not None})

    return run


def test_node_gets_the_words_and_its_exit_code_is_that_of_the_program(call, scripts):
    done = call("diff", "old one", "--", "it's", "-h")
    assert done.returncode == 6 and done.stderr == ""
    got = json.loads(done.stdout)
    assert got["words"] == ["diff", "old one", "--", "it's", "-h"]
    assert got["file"] == str(scripts / "analysis/main.js")


def test_help_of_a_verb_is_that_of_the_analysis(call):
    assert json.loads(call("rank", "--help").stdout)["words"] == ["rank", "--help"]


def test_a_relative_folder_of_scripts_is_made_absolute(call, scripts, tmp_path):
    got = json.loads(call("rank", NORMBENCH_SCRIPTS=os.path.relpath(scripts, tmp_path)).stdout)
    assert got["file"] == str(scripts / "analysis/main.js")


@pytest.mark.parametrize("variables", [
    {"PATH": ":" + os.environ["PATH"]}, {"PATH": ".:bin::" + os.environ["PATH"]},
    {"NODE_OPTIONS": "--require ./evil.js"}, {"NODE_PATH": "."},
])
def test_the_working_directory_decides_nothing(call, tmp_path, variables):
    (tmp_path / "bin").mkdir()
    for place in (tmp_path / "node", tmp_path / "nodejs", tmp_path / "bin/node"):
        place.write_text("#!/bin/sh\necho evil\n")
        place.chmod(0o755)
    (tmp_path / "evil.js").write_text("console.log('evil')")
    (tmp_path / "package.json").write_text('{"type": "module", "main": "evil.js"}')
    done = call("rank", "x", **variables)
    assert done.returncode == 6 and "evil" not in done.stdout
    got = json.loads(done.stdout)
    assert got["env"]["NODE_OPTIONS"] is None and got["env"]["NODE_PATH"] is None


def test_what_is_no_program_is_passed_over(call, tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text/node").write_text("#!/bin/sh\necho not executable\n")
    (tmp_path / "folder/node").mkdir(parents=True)
    path = f"{tmp_path}/absent:{tmp_path}/text:{tmp_path}/folder:{os.environ['PATH']}"
    assert call("rank", PATH=path).returncode == 6


def test_a_node_can_be_named(call, tmp_path):
    named = tmp_path / "my node"
    named.write_text(f'#!/bin/sh\necho mine >&2\nexec {NODE} "$@"\n')
    named.chmod(0o755)
    done = call("rank", "x", NORMBENCH_NODE=str(named))
    assert done.returncode == 6 and done.stderr == "mine\n"
    assert call("rank", NORMBENCH_NODE=os.path.basename(NODE)).returncode == 6
    assert call("rank", NORMBENCH_NODE="").returncode == 6


def test_without_node_what_to_install_is_said(call, tmp_path):
    for path in (str(tmp_path), "", None):
        one_error(call("rank", "x", PATH=path), 2, "no Node.js was found", "apt-get install nodejs",
                  "NORMBENCH_NODE")
    one_error(call("rank", NORMBENCH_NODE=str(tmp_path / "absent")), 2, "absent", "cannot be started")
    one_error(call("rank", NORMBENCH_NODE="absent"), 2, "NORMBENCH_NODE=absent")


def test_without_scripts_how_to_name_them_is_said(call, tmp_path):
    one_error(call("rank", NORMBENCH_SCRIPTS=str(tmp_path)), 2, "analysis/main.js",
              "NORMBENCH_SCRIPTS")
