"""impls/python/torch_compile.py, where this Python has torch and inductor what it needs."""

import importlib.util
import sys
from pathlib import Path

import pytest

from conductor import Case, Worker, problem

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = [sys.executable, str(ROOT / "harness/worker/normbench.py"),
           str(ROOT / "impls/python/torch_compile.py")]


def has_inductor():
    """PyTorch 1.13, of Debian 12, has torch alone."""
    if importlib.util.find_spec("torch") is None:
        return False
    return importlib.util.find_spec("torch._inductor") is not None


pytestmark = pytest.mark.skipif(not has_inductor(), reason="torch with inductor is not installed")


def test_the_changed_inputs_of_each_call_count():
    """Two mini-batches, so that tensors at two places go through one compiled function."""
    case = Case(problem(pass_="forward_training", n=4, batch=2))
    with Worker(COMMAND) as worker:
        reason = worker.ask_well("supports", problem=case.problem)["unsupported"]
        if reason:
            pytest.skip(reason)
        kernel, answer = worker.prepare(case)
        assert answer["detail"].startswith("inductor")
        assert worker.ask_well("left")["left"] is None
        for seed in (2, 3):
            case.fill(seed)
            inputs, running = case.inputs(), case.values("running_mean")
            worker.compute(kernel)
            assert case.inputs() == inputs
            assert not case.damaged_guards()
            x, means = case.values("x"), case.values("mean")
            for at, running_mean in enumerate(running):
                for batch in range(2):
                    values = [x[(n * 3 + at) * 5 + l] for n in (2 * batch, 2 * batch + 1)
                              for l in range(5)]
                    mean = sum(values) / 10
                    assert means[batch * 3 + at] == pytest.approx(mean, abs=1e-6)
                    running_mean = 0.9 * running_mean + 0.1 * mean
                assert case.values("running_mean")[at] == pytest.approx(running_mean, abs=1e-6)
    case.close()
