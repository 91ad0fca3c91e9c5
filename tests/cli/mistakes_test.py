"""Mistakes that are often made: verify names each, and what the cases have in common that fail."""

import os
import re
from pathlib import Path

import pytest

from conftest import BINARY
from workers_test import SANITIZED

PLUGIN = Path(BINARY).parent / "plugins/libmistakes.so"

# Cause, and what failing cases share: of tests/plugin/mistakes.c.
MISTAKES = {
    "unbiased_in_y": ("as if y were made with the unbiased variance, divided by n - 1", "forward_training"),
    "eps_outside": ("as if eps were added outside of the root", "forward_training"),
    "eps_forgotten": ("as if there were no eps", "forward_training"),
    "eps_constant": ("as if eps were 1e-5 whatever the problem says",
                     "only where there is no gamma and beta (_plain) and the pass is forward_training"),
    "momentum_inverted": ("as if momentum were inverted", "forward_training"),
    "running_var_biased": ("as if running_var were updated with the biased variance",
                           "only where momentum != 0 and the pass is forward_training"),
    "running_not_updated": ("as if the running statistics were not updated",
                            "only where momentum != 0 and the pass is forward_training"),
    "channel_short": ("nothing is written to all or a part of mean, variance, rstd, y",
                      "in the last channel"),
    "channel_more": ("wrote past the end of", "which are all"),
    "tail_skipped": ("as if the values behind the last whole 8 of each row of l did not count",
                     "only where the pass is forward_training and l % 8 != 0, and in all of these cases"),
    "tail_not_counted": ("as if the values behind the last whole 8 of each row of l did not count",
                         "only where the pass is forward_training and l % 8 != 0"),
    "transposed": ("as if the layout were the other one", "only where l "),
    "mini_batches_ignored": ("as if mini-batches were ignored",
                             "only where there are several mini-batches (_b)"),
    "dgamma_missing": ("nothing is written to all or a part of dgamma", "the pass is backward"),
    "dbeta_added_to": ("it is added to what the output held before, not written", "the pass is backward"),
    "float_sums": ("as if sums had more roundings than are claimed", "values per statistic >= "),
    "moments": ("were made of moments", "forward_training"),
    "two_threads": ("as if the running statistics were updated twice", "forward_training"),
    "seam": ("nothing is written to all or a part of mean, variance, rstd, y",
             "only where there is more than one thread"),
    "gamma_of_next": ("as if gamma and beta were those of the next element",
                      "there are gamma and beta"),
    "folded": ("as if y were folded, x * scale + shift: claim Grade::kB", "forward_training"),
}


def verify(normbench, mistake, *words):
    environment = {**os.environ, "NORMBENCH_MISTAKE": mistake}
    return normbench("verify", "--plugin", PLUGIN, "-b", "^mistakes$", *words, env=environment)


ALL = ("--all", "-f", "^batch/(forward_training|backward)/f32/ncl/", "-F", "l524309|c300|n257|c128")


def test_without_a_mistake_all_is_right(normbench):
    done = verify(normbench, "none", *ALL)
    assert done.returncode == 0, done.stdout


# Each takes a minute under the sanitizers, which all are for the same code.
@pytest.mark.parametrize("mistake", list(MISTAKES)[::6] if SANITIZED else MISTAKES)
def test_the_cause_is_named_first(normbench, mistake):
    done = verify(normbench, mistake, *ALL)
    assert done.returncode == 3, done.stderr
    _, told = done.stdout.split(" cases failed\n", 1)
    cause, shared = MISTAKES[mistake]
    group = told.strip("\n").split("\n\n")[0]
    assert cause in group.splitlines()[0]
    assert shared in group, told
    # One of the cases, to be tried again: by the words that are printed.
    again = re.search(r"normbench verify --all --plugin (\S+) -b '(\S+)' -f '(\S+)'", group)
    assert again and again[1] == str(PLUGIN)
    once_more = verify(normbench, mistake, "--all", "-f", again[3])
    assert once_more.returncode == 3
    assert "1 of 1 cases failed" in once_more.stdout


def test_outputs_that_are_right_are_told(normbench):
    done = verify(normbench, "eps_outside", *ALL)
    assert "    ok: mean, running_mean, running_var, variance\n" in done.stdout
    rows = re.findall(r"^    (rstd|y) +(\w+) +(\d+) +(\S+) +n\S+ +n\S+$", done.stdout, re.MULTILINE)
    seen = [(output, kind) for output, kind, _, _ in rows]
    assert len(seen) == len(set(seen)) and set(seen) >= {
        ("rstd", "exact"), ("rstd", "random"), ("rstd", "constant"), ("y", "exact"), ("y", "random")}
    assert all(int(count) > 0 and float(bounds) > 1 for _, _, count, bounds in rows)


@pytest.mark.skipif(SANITIZED, reason="the sanitizer's words are others")
def test_a_crash_and_a_hang_have_a_backend_a_case_and_a_stage(normbench):
    crashed = verify(normbench, "beta_when_absent", *ALL)
    assert crashed.returncode == 3
    assert "mistakes: " in crashed.stdout
    assert "crashed: in run(): was ended by signal 11 (Segmentation fault)" in crashed.stdout
    assert "only where there is no gamma and beta (_plain)" in crashed.stdout
    hung = verify(normbench, "loop", *ALL, "--timeout", "1")
    assert hung.returncode == 3
    assert "timed_out: took longer than 1 s in run()" in hung.stdout
    assert re.search(r"-f '\^batch/\S+/t1/warm\$'", hung.stdout)


def test_run_says_who_was_wrong_and_why(normbench, one):
    environment = {**os.environ, "NORMBENCH_MISTAKE": "eps_outside"}
    done = normbench("run", one, "--plugin", PLUGIN, "-b", "^(mistakes|naive)$", env=environment)
    assert done.returncode == 3
    assert re.search(r"mistakes has no times in 1 case, the first batch/\S+: failed: exact input, call 1: "
                     r"rstd at .*: as if eps were added outside of the root", done.stderr)
    assert "naive has no times" not in done.stderr
