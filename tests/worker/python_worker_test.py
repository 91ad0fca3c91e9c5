"""harness/worker/normbench.py: what an author of a backend may do, and what answers a mistake."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from conductor import Case, Worker, problem

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = str(ROOT / "harness/worker/normbench.py")

GOOD = """
name = "good"
version = "1.0"
def supports(problem):
    return None
def prepare(problem, buffers, threads):
    x, y = buffers.x.memory, buffers.y.memory
    def run():
        y[:] = x
    return run
"""


@pytest.fixture(name="write")
def write_fixture(tmp_path):
    """Writes a backend's file: GOOD, and then the text, whose definitions win."""

    def write(text="", whole=None, name="backend.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(GOOD + textwrap.dedent(text) if whole is None else whole))
        return [sys.executable, MODULE, str(path)]

    return write


@pytest.fixture(name="case")
def case_fixture():
    case = Case(problem())
    yield case
    case.close()


def start(command, **variables):
    """Runs a worker that is expected to end at once."""
    environment = {name: value for name, value in os.environ.items() if name != "NORMBENCH_SOCKET"}
    return subprocess.run(command, env={**environment, **variables}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


# Files that are no backends

@pytest.mark.parametrize("text, words", [
    ("del supports", "has no `supports`"),
    ("del prepare", "has no `prepare`"),
    ("del name", "has no `name`"),
    ("del version", "has no `version`"),
    ("prepare = 3", "`prepare` of .* is not a function"),
    ("name = 3", "`name` of .* must be text, and is 3"),
    ("name = 'two words'", "letters, digits"),
    ("version = lambda: 1 / 0", "`version` of .* failed: ZeroDivisionError"),
    ("import no_such_library", r"No module named 'no_such_library' \(backend.py, line 11\)"),
    ("raise SystemExit('no')", "cannot be loaded: SystemExit: no"),
    ("def broken(:", "cannot be loaded: SyntaxError"),
])
def test_a_bad_file(write, text, words):
    done = start(write(text))
    assert done.returncode == 2
    assert re.search(words, done.stderr)
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


def test_no_file(write):
    done = start([*write()[:2], "nowhere.py"])
    assert (done.returncode, done.stderr) == (2, "normbench.py: nowhere.py is no file\n")


def test_no_argument(write):
    done = start(write()[:2])
    assert done.returncode == 2 and "usage" in done.stderr


@pytest.mark.parametrize("value", ["", "x", "99", "0"])
def test_what_is_no_socket(write, value):
    done = start(write(), NORMBENCH_SOCKET=value)
    assert done.returncode == 2
    assert "is no socket" in done.stderr


def test_a_file_with_the_name_of_a_library(write):
    command = write("import decimal\ndecimal.Decimal", name="decimal.py")
    with Worker(command) as worker:
        assert worker.ask_well("hello", protocol=1)["name"] == "good"


# What a backend may be

def test_texts_may_be_functions(write):
    with Worker(write("def version(): return '2.5'")) as worker:
        assert worker.ask_well("hello", protocol=1)["version"] == "2.5"


def test_hello(write):
    with Worker(write()) as worker:
        answer = worker.ask_well("hello", protocol=1)
    assert answer["language"] == "Python"
    assert 1 < answer["empty_call_ns"] < 10000


def test_a_kernel_may_be_an_object(write, case):
    command = write("""
        native_layout = True
        class Kernel:
            detail = "as told"
            def __init__(self, buffers):
                self.x, self.y = buffers.x.memory, buffers.y.memory
            def load(self):
                self.mine = list(self.x)
            def run(self):
                self.result = [2 * value for value in self.mine]
            def collect(self):
                for at, value in enumerate(self.result):
                    self.y[at] = value
        def prepare(problem, buffers, threads):
            return Kernel(buffers)
        """)
    with Worker(command) as worker:
        kernel, answer = worker.prepare(case)
        assert answer["detail"] == "as told"
        assert (answer["collects"], answer["native_layout"]) == (True, True)
        case.fill(2)
        worker.compute(kernel)
        assert case.values("y") == [2 * value for value in case.values("x")]


def test_a_function_has_nothing_to_load(write, case):
    with Worker(write()) as worker:
        _, answer = worker.prepare(case)
        assert (answer["collects"], answer["native_layout"]) == (False, False)
        assert answer["accuracy"] == {"grade": "A", "roundings": 0, "exact_sums": True,
                                      "variance": "deviations", "from_rstd": False}
        assert answer["repeatable"] is True


def test_claims_depend_on_the_problem(write, case):
    command = write("""
        def accuracy(problem): return {"grade": "B", "roundings": problem.values_per_channel}
        def repeatable(problem): return problem.n == 3
        def native_layout(problem): return problem.n == 4
        """)
    with Worker(command) as worker:
        _, answer = worker.prepare(case)
        assert answer["accuracy"] == {"grade": "B", "roundings": 20, "exact_sums": True,
                                      "variance": "deviations", "from_rstd": False}
        assert (answer["repeatable"], answer["native_layout"]) == (False, True)


@pytest.mark.parametrize("claim, fields", [
    ("in_double()", {}),
    ("sequential(1000)", {"roundings": 999}),
    ("sequential(0)", {"roundings": 0}),
    ("pairwise(1)", {"roundings": 0}),
    ("pairwise(1024)", {"roundings": 10}),
    ("pairwise(1025)", {"roundings": 11}),
    ("lanes(1000, 8)", {"roundings": 124 + 3}),
    ("lanes(1001, 8)", {"roundings": 125 + 3}),
    ("lanes(5, 8)", {"roundings": 3}),
    ("welford(9)", {"roundings": 8, "exact_sums": False}),
    ("sequential(9, grade='B', variance='moments', from_rstd=True)",
     {"roundings": 8, "grade": "B", "variance": "moments", "from_rstd": True}),
])
def test_claims_have_names(write, case, claim, fields):
    command = write(f"""
        import normbench
        def accuracy(problem): return normbench.{claim}
        """)
    with Worker(command) as worker:
        _, answer = worker.prepare(case)
        assert answer["accuracy"] == {"grade": "A", "roundings": 0, "exact_sums": True,
                                      "variance": "deviations", "from_rstd": False, **fields}


def test_what_a_backend_sees(write):
    command = write("""
        def prepare(problem, buffers, threads):
            seen = (problem.norm, problem.pass_, problem.n, problem.elements, problem.mini_batches,
                    problem.values_per_channel, problem.backward, threads, sorted(buffers),
                    buffers.gamma, buffers["x"].role, buffers.x.shape, buffers.x.strides,
                    len(buffers.x.memory), buffers.x.memory.readonly, buffers.y.memory.readonly)
            def kernel(): pass
            kernel.detail = repr(seen)
            return kernel
        """)
    case = Case(problem("layer", "forward_training", layout="nlc", batch=2, affine=False))
    with Worker(command) as worker:
        _, answer = worker.prepare(case, threads=2)
    case.close()
    assert answer["detail"] == repr(
        ("layer", "forward_training", 4, 60, 2, 10, False, 2,
         ["mean", "rstd", "variance", "x", "y"], None, "input", (4, 3, 5),
         (15, 1, 3), 60, True, False))


@pytest.mark.parametrize("dtype, numpy_type", [
    ("f32", "float32"), ("f64", "float64"), ("bf16", "uint16"), ("f16", "float16")])
def test_arrays(write, dtype, numpy_type):
    pytest.importorskip("numpy")
    command = write("""
        def prepare(problem, buffers, threads):
            x, y, gamma = buffers.x, buffers.y, buffers.gamma
            def kernel(): y.array[...] = x.array
            kernel.detail = repr((x.array.shape, x.stored.shape, gamma.stored.shape,
                                  x.stored.flags.c_contiguous, x.array.flags.writeable,
                                  x.writable_stored.flags.writeable, str(x.array.dtype),
                                  str(gamma.array.dtype), x.address == x.array.ctypes.data))
            return kernel
        """)
    case = Case(problem(layout="nlc", dtype=dtype))
    with Worker(command) as worker:
        kernel, answer = worker.prepare(case)
        worker.compute(kernel)
        assert case.bytes_of("y") == case.bytes_of("x")
    case.close()
    assert answer["detail"] == repr(
        ((4, 3, 5), (4, 5, 3), (1, 1, 3), True, False, True, numpy_type,
         "float64" if dtype == "f64" else "float32", True))


# Mistakes while it works: the answer says what and where, and the worker goes on

@pytest.mark.parametrize("text, ask, words", [
    ("def supports(p): return True", "supports", "supports returned True: it must be None"),
    ("def supports(p): return ''", "supports", "supports returned ''"),
    ("def supports(p): return p.hue", "supports", r"AttributeError: .*hue.*backend.py, line 11"),
    ("def supports(p): raise SystemExit", "supports", "SystemExit"),
    ("def prepare(p, b, t): pass", "prepare", "prepare returned None: it must be a function"),
    ("def prepare(p, b): pass", "prepare", "TypeError"),
    ("def prepare(p, b, t): raise ValueError('a\\nb')", "prepare", "ValueError: a\nb"),
    ("def prepare(p, b, t): b.z", "prepare", "there is no buffer z"),
    ("def prepare(p, b, t): b.x.memory[0] = 1", "prepare", "read-only"),
    ("def accuracy(p): return {'grade': 'C'}", "prepare", "the grade must be A or B"),
    ("def accuracy(p): return {'roundings': -1}", "prepare", "roundings 0 or more"),
    ("def accuracy(p): return {'rounding': 1}", "prepare", "rounding, which is unknown"),
    ("def accuracy(p): return {'variance': 'moment'}", "prepare", "the variance must be one of"),
    ("def prepare(p, b, t): return lambda: 1 / 0", "run", r"division.*\(backend.py, line 11\)"),
    ("def prepare(p, b, t): return exit", "run", "SystemExit"),
    ("def prepare(p, b, t): raise ValueError('\\udc80')", "prepare", r"ValueError: \?"),
    ("def prepare(p, b, t): raise ValueError('x' * 10 ** 6)", "prepare", "ValueError: xxx"),
])
def test_a_mistake_is_answered(write, case, text, ask, words):
    with Worker(write(text)) as worker:
        if ask == "supports":
            answer = worker.ask("supports", problem=case.problem)
        else:
            _, answer = worker.prepare(case, kernel=1)
        if ask == "run":
            answer = worker.ask("run", kernels=[1], calls=2, watch=False)
        assert re.search(words, answer["error"])
        assert worker.ask_well("hello", protocol=1)["name"] == "good"


def test_a_kernel_that_failed_can_be_called_again(write, case):
    command = write("""
        def prepare(problem, buffers, threads):
            calls = []
            def run():
                calls.append(1)
                if len(calls) == 1:
                    raise RuntimeError("the first one")
            return run
        """)
    with Worker(command) as worker:
        kernel, _ = worker.prepare(case)
        assert "the first one" in worker.ask("run", kernels=[kernel], calls=1, watch=False)["error"]
        worker.ask_well("run", kernels=[kernel], calls=1, watch=False)


def test_memory_goes_though_somebody_keeps_a_view(write, case):
    command = write("""
        kept = []
        def prepare(problem, buffers, threads):
            kept.append(buffers.y.memory)
            if len(kept) == 2:
                kept[0][0] = 1.0
                raise ValueError("kept")
            return lambda: kept[-1][0]
        """)
    with Worker(command) as worker:
        maps = Path(f"/proc/{worker.process.pid}/maps")
        kernel, _ = worker.prepare(case)
        worker.compute(kernel)
        worker.ask_well("release", kernel=kernel)
        assert "normbench-test" not in maps.read_text()
        before = case.outputs()
        assert worker.prepare(case)[1]["error"] == "ValueError: kept (backend.py, line 17)"
        assert "normbench-test" not in maps.read_text()
        assert case.outputs() == before


def test_garbage_is_not_collected_while_timed(write, case):
    command = write("""
        import gc
        def prepare(problem, buffers, threads):
            def run():
                assert not gc.isenabled()
            return run
        """)
    with Worker(command) as worker:
        kernel, _ = worker.prepare(case)
        worker.compute(kernel)


def test_what_is_printed_is_counted(write, case):
    command = write("""
        def prepare(problem, buffers, threads):
            print("prepared")
            return lambda: print("12345678")
        """)
    with Worker(command) as worker:
        kernel, _ = worker.prepare(case)
        answer = worker.ask_well("run", kernels=[kernel], calls=10, watch=True)
        assert answer["written"] == 90
        assert "prepared" in worker.said()


@pytest.mark.parametrize("change, words", [
    ("os.chdir('/')", "the working directory"),
    ("os.environ.update(NEW='1')", "the environment"),
    ("os.umask(0)", "the mask of new files"),
    ("signal.signal(signal.SIGUSR1, lambda *_: None)", "the handlers of signals"),
    ("signal.signal(signal.SIGINT, signal.default_int_handler)", "the handlers of signals"),
    ("signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])", "the blocked signals"),
    ("signal.setitimer(signal.ITIMER_VIRTUAL, 1000)", "the timers"),
    ("os.nice(1)", "the priority"),
    ("ctypes.CDLL('libm.so.6').fesetround(0x800)", "the rounding of floating point"),
])
def test_what_is_left_is_said_and_put_back(write, case, change, words):
    command = write(f"""
        import ctypes, os, signal
        def prepare(problem, buffers, threads):
            return lambda: {change}
        """)
    with Worker(command) as worker:
        kernel, _ = worker.prepare(case)
        worker.ask_well("hello", protocol=1)
        worker.ask_well("run", kernels=[kernel], calls=1, watch=False)
        if words == "the rounding of floating point" and os.uname().machine != "x86_64":
            pytest.skip("modes have other numbers here")
        assert worker.ask_well("left")["left"] == f"left {words} changed"
        if words != "the priority":
            worker.ask_well("run", kernels=[kernel], calls=1, watch=False)
            assert worker.ask_well("left")["left"] == f"left {words} changed"
        assert worker.ask_well("left")["left"] is None


# The page

@pytest.mark.parametrize("affine", [True, False])
def test_the_template_computes_what_plain_python_does(affine):
    pytest.importorskip("numpy")
    results = []
    for file in ("impls/template/mine.py", "tests/worker/plain_python.py"):
        case = Case(problem("batch", "forward_training", "f32", "ncl", batch=2, affine=affine))
        with Worker([sys.executable, MODULE, str(ROOT / file)]) as worker:
            kernel, answer = worker.prepare(case)
            assert "error" not in answer, answer["error"]
            case.fill(3)
            worker.compute(kernel)
            results.append({name: case.values(name) for name in case.outputs()})
        case.close()
    for name, values in results[0].items():
        for got, wanted in zip(values, results[1][name]):
            assert abs(got - wanted) <= 1e-5 * (1 + abs(wanted)), name


def test_the_page_tells_all_that_a_backend_sees():
    text = (ROOT / "harness/worker/PYTHON.md").read_text(encoding="utf8")
    module = (ROOT / "harness/worker/normbench.py").read_text(encoding="utf8")
    for name in ("Problem", "Buffer"):
        body = re.search(rf"\nclass {name}.*?(?=\n\n\n)", module, re.DOTALL).group(0)
        for property_ in re.findall(r"@property\n    def ([a-z]\w*)", body):
            assert f"`{property_}`" in text, property_
