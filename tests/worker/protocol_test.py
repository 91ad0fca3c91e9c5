"""Whether a worker speaks harness/worker/PROTOCOL.md. Of any worker:

    NORMBENCH_WORKER="command of the worker" pytest-3 tests/worker/protocol_test.py

What it computes is for `normbench verify` to judge; here results are only looked at closely enough
to see that they are there, and anew at each call."""

import ctypes
import itertools
import json
import math
import os
import shlex
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conductor import FORMATS, Case, Worker, problem

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON_WORKER = [sys.executable, str(ROOT / "harness/worker/normbench.py")]
OWN = {"python": [*PYTHON_WORKER, str(ROOT / "tests/worker/plain_python.py")]}
BINARY = Path(os.environ.get("NORMBENCH", ROOT / "build/ci/normbench"))
if BINARY.exists():
    OWN["built-in"] = [str(BINARY), "worker", "naive"]
    OWN["plugin"] = [str(BINARY.parent / "normbench-worker"), "--plugin",
                     str(BINARY.parent / "plugins/libtemplate-c.so")]
COMMANDS = ({"given": shlex.split(os.environ["NORMBENCH_WORKER"])}
            if os.environ.get("NORMBENCH_WORKER") else OWN)

# The first one that a worker takes is what it is tested with. Those whose y is checked come first.
CANDIDATES = [problem(norm, pass_, dtype, layout)
              for dtype, layout, norm, pass_ in itertools.product(
                  ("f32", "f64", "bf16", "f16"), ("ncl", "nlc"),
                  ("batch", "layer", "rms", "instance", "group", "none"),
                  ("forward_inference", "forward_training", "backward"))]


@pytest.fixture(name="command", params=COMMANDS.values(), ids=COMMANDS.keys())
def command_fixture(request):
    return request.param


@pytest.fixture(name="worker")
def worker_fixture(command):
    with Worker(command) as worker:
        yield worker


@pytest.fixture(name="cases")
def cases_fixture():
    """Makes cases, and closes them."""
    made = []

    def make(p, **more):
        made.append(Case(p, **more))
        return made[-1]

    yield make
    for case in made:
        case.close()


def first_taken(worker):
    for p in CANDIDATES:
        if worker.takes(p):
            return p
    pytest.skip("the worker takes none of the problems")


@pytest.fixture(name="case")
def case_fixture(worker, cases):
    return cases(first_taken(worker))


@pytest.fixture(name="kernel")
def kernel_fixture(worker, case):
    number, answer = worker.prepare(case)
    assert "error" not in answer, answer["error"]
    return number


def other_shape(p, n):
    return problem(p["norm"], p["pass"], p["dtype"], p["layout"], n=n, c=p["c"], l=p["l"])


def is_whole(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def expected_y(case):
    """y in the order of memory, of norms with a short formula; else None."""
    p = case.problem
    if p["norm"] not in ("batch", "layer", "rms") or not case.has("y") or p["dtype"] not in FORMATS:
        return None
    n, c, l = p["n"], p["c"], p["l"]
    stride = (c * l, l, 1) if p["layout"] == "ncl" else (c * l, 1, c)
    places = list(itertools.product(range(n), range(c), range(l)))
    at = {place: sum(map(lambda a, b: a * b, place, stride)) for place in places}
    x, y = case.values("x"), [math.nan] * (n * c * l)
    groups = {}
    for place in places:
        groups.setdefault(place[1] if p["norm"] == "batch" else place[0], []).append(place)
    for key, members in groups.items():
        values = [x[at[place]] for place in members]
        if p["norm"] == "batch" and p["pass"] == "forward_inference":
            mean, variance = case.values("running_mean")[key], case.values("running_var")[key]
        else:
            mean = 0 if p["norm"] == "rms" else math.fsum(values) / len(values)
            variance = math.fsum((value - mean) ** 2 for value in values) / len(values)
        for place in members:
            parameter = place[1] if p["norm"] == "batch" else at[(0, *place[1:])]
            gamma = case.values("gamma")[parameter]
            beta = case.values("beta")[parameter] if case.has("beta") else 0
            y[at[place]] = (x[at[place]] - mean) / math.sqrt(variance + p["eps"]) * gamma + beta
    return y


def assert_computed(case, expected):
    for name, content in case.outputs().items():
        if case.problem["dtype"] in FORMATS:
            assert not any(map(math.isnan, case.values(name))), f"{name} was not written, or is NaN"
        else:
            assert content != b"\xff" * len(content), f"{name} was not written"
    if expected is not None:
        for got, wanted in zip(case.values("y"), expected):
            assert abs(got - wanted) <= 1e-3 * (1 + abs(wanted))


def fill_and_compute(worker, case, kernel, seed):
    case.fill(seed)
    expected = expected_y(case)
    worker.compute(kernel)
    assert_computed(case, expected)


def assert_alive(worker):
    assert worker.ask_well("left")["left"] in (None, "")


# hello

def test_hello_says_who_it_is(worker):
    answer = worker.ask_well("hello", protocol=1)
    assert answer["protocol"] == 1
    assert isinstance(answer["name"], str) and answer["name"]
    assert isinstance(answer["version"], str)
    assert isinstance(answer.get("language", ""), str)
    assert 0 <= answer.get("empty_call_ns", 0) < 1e5


def test_hello_can_be_said_again(worker):
    first = worker.ask_well("hello", protocol=1)
    assert worker.ask_well("hello", protocol=1)["name"] == first["name"]


def test_another_protocol_is_an_error(worker):
    assert worker.ask("hello", protocol=1000)["error"]
    worker.ask_well("hello", protocol=1)


# What is not understood

@pytest.mark.parametrize("packet", [
    b"{", b"[]", b"1", b'"hello"', b"null", b"\xff\xfe", b"{}", b'{"ask": 3}', b'{"ask": null}',
    b'{"ask": "dance"}', b'{"ask": "__init__"}', b'{"ask": "supports"}', b'{"ask": "prepare"}',
    b'{"ask": "run"}', b'{"ask": "run", "kernels": [], "calls": 1}', b'{"ask": "load"}',
    b'{"ask": "release"}', b'{"ask": "supports", "problem": 3}',
    b'{"ask": "supports", "problem": {}}', b'{"ask": "load", "kernel": [1]}', b" " * 100,
    b"[" * 60000], ids=range(22))
def test_what_is_wrong_is_answered_with_an_error(worker, packet):
    worker.send(packet)
    answer = worker.receive()
    assert isinstance(answer["error"], str) and answer["error"]
    assert_alive(worker)


def test_the_longest_packet_is_read(worker):
    start = b'{"ask": "hello", "protocol": 1, "unknown": "'
    worker.send(start + b"x" * (65536 - len(start) - 2) + b'"}')
    assert worker.receive()["protocol"] == 1


def test_unknown_fields_are_ignored(worker, case):
    assert "error" not in worker.ask("hello", protocol=1, new={"deep": [1, None]})
    later = {**case.problem, "new_field": [3]}
    assert worker.ask_well("supports", problem=later, also=1)["unsupported"] is None
    case.problem = later
    case.buffers = [{**each, "new_field": "text"} for each in case.buffers]
    kernel, answer = worker.prepare(case, new=1)
    assert "error" not in answer
    worker.ask_well("load", kernel=kernel, new=1)
    worker.ask_well("run", kernels=[kernel], calls=1, watch=False, new=1)
    worker.ask_well("collect", kernel=kernel, new=1)
    worker.ask_well("release", kernel=kernel, new=1)


def test_a_descriptor_that_nobody_asked_for_is_closed(worker, case):
    folder = Path(f"/proc/{worker.process.pid}/fd")
    worker.ask_well("hello", protocol=1)
    before = len(list(folder.iterdir()))
    for _ in range(20):
        worker.ask("left", [case.descriptor])
        worker.ask("prepare", [case.descriptor])
    assert len(list(folder.iterdir())) <= before


# supports

def test_supports_answers_for_everything(worker):
    for p in CANDIDATES:
        reason = worker.ask_well("supports", problem=p)["unsupported"]
        assert reason is None or (isinstance(reason, str) and reason)


def test_preparing_what_it_declines_ends_nothing(worker, cases):
    declined = [p for p in CANDIDATES if not worker.takes(p)]
    if not declined:
        pytest.skip("the worker takes all problems")
    worker.prepare(cases(declined[0]))
    assert_alive(worker)


# prepare

def test_prepare_says_what_it_does(worker, case):
    _, answer = worker.prepare(case)
    assert "error" not in answer
    assert is_whole(answer.get("ns", 0))
    assert isinstance(answer.get("detail", ""), str)
    for name in ("repeatable", "native_layout", "collects"):
        assert isinstance(answer.get(name, False), bool), name
    accuracy = answer.get("accuracy", {})
    assert accuracy.get("grade", "A") in ("A", "B")
    assert is_whole(accuracy.get("roundings", 0))
    assert isinstance(accuracy.get("exact_sums", True), bool)
    assert accuracy.get("variance", "deviations") in ("deviations", "shifted_moments", "moments")
    assert isinstance(accuracy.get("from_rstd", False), bool)


def test_prepare_needs_memory(worker, case):
    answer = worker.ask("prepare", kernel=1, problem=case.problem, threads=1, memory=case.size,
                        buffers=case.buffers)
    assert answer["error"]
    assert "error" not in worker.prepare(case, kernel=1)[1]


def test_a_buffer_outside_of_the_memory_is_an_error(worker, case):
    case.buffers[0]["offset"] = case.size
    assert worker.prepare(case, kernel=1)[1]["error"]
    case.buffers[0]["offset"] = -8
    assert worker.prepare(case, kernel=1)[1]["error"]
    assert_alive(worker)


def test_more_memory_than_there_is_is_an_error(worker, case):
    case.size += 1 << 20
    assert worker.prepare(case, kernel=1)[1]["error"]
    assert_alive(worker)


def test_prepare_with_a_number_in_use_is_an_error(worker, case, kernel):
    assert worker.prepare(case, kernel=kernel)[1]["error"]
    fill_and_compute(worker, case, kernel, 2)


# load, run, collect

def test_results_are_there(worker, case, kernel):
    fill_and_compute(worker, case, kernel, 2)


@pytest.mark.parametrize("layout", ["ncl", "nlc"])
@pytest.mark.parametrize("pass_", ["forward_inference", "forward_training"])
@pytest.mark.parametrize("norm", ["batch", "layer", "rms"])
def test_each_norm_it_takes_gives_results(worker, cases, norm, pass_, layout):
    p = problem(norm, pass_, layout=layout)
    if not worker.takes(p):
        pytest.skip("the worker does not take it")
    case = cases(p)
    kernel, answer = worker.prepare(case)
    assert "error" not in answer
    fill_and_compute(worker, case, kernel, 2)


def test_buffers_at_any_element(worker, cases):
    case = cases(first_taken(worker), shift=8)
    kernel, answer = worker.prepare(case)
    assert "error" not in answer
    fill_and_compute(worker, case, kernel, 2)
    assert case.damaged_guards() == []


def test_work_is_done_at_each_run(worker, case, kernel):
    for seed in (2, 3, 2):
        fill_and_compute(worker, case, kernel, seed)


def test_work_is_done_in_run(worker, cases):
    """Not in load, nor in collect: data changes before, and results are wiped after."""
    case = cases(first_taken(worker))
    kernel, answer = worker.prepare(case)
    if answer.get("native_layout", False):
        pytest.skip("the backend has a layout of its own")
    worker.compute(kernel)
    case.fill(4)
    expected = expected_y(case)
    worker.ask_well("run", kernels=[kernel], calls=1, watch=False)
    assert_computed(case, expected)


def test_inputs_and_guards_stay(worker, case, kernel):
    case.fill(5)
    before = case.inputs()
    worker.compute(kernel, calls=3)
    assert case.inputs() == before
    assert case.damaged_guards() == []


def test_run_says_what_it_took(worker, kernel):
    worker.ask_well("load", kernel=kernel)
    start = time.perf_counter_ns()
    answer = worker.ask_well("run", kernels=[kernel], calls=200, watch=False)
    outside = time.perf_counter_ns() - start
    assert 0 < answer["ns"] <= outside
    assert is_whole(answer["cpu_ns"])
    for name in ("preempted", "faults"):
        assert is_whole(answer.get(name, 0))


def test_more_calls_take_longer(worker, kernel):
    worker.ask_well("load", kernel=kernel)
    few = min(worker.ask_well("run", kernels=[kernel], calls=10, watch=False)["ns"]
              for _ in range(5))
    many = min(worker.ask_well("run", kernels=[kernel], calls=1000, watch=False)["ns"]
               for _ in range(5))
    assert many > 10 * few


def test_run_counts_when_watched(worker, kernel):
    worker.ask_well("load", kernel=kernel)
    answer = worker.ask_well("run", kernels=[kernel], calls=3, watch=True)
    for name in ("allocations", "written"):
        assert is_whole(answer.get(name, 0))


def test_run_takes_kernels_in_turn(worker, cases):
    p = first_taken(worker)
    first, second = cases(p), cases(other_shape(p, 6))
    numbers = [worker.prepare(case)[0] for case in (first, second)]
    expected = []
    for seed, case in enumerate((first, second), 7):
        case.fill(seed)
        expected.append(expected_y(case))
    for number in numbers:
        worker.ask_well("load", kernel=number)
    worker.ask_well("run", kernels=numbers, calls=2, watch=False)
    for number in numbers:
        worker.ask_well("collect", kernel=number)
    assert_computed(first, expected[0])
    assert_computed(second, expected[1])


def test_calls_are_in_all(worker, cases):
    """One call of two kernels is one of the first."""
    p = first_taken(worker)
    pair = [cases(p), cases(p)]
    numbers = [worker.prepare(case)[0] for case in pair]
    for number in numbers:
        worker.ask_well("load", kernel=number)
    for case in pair:
        case.fill(8)
    untouched = pair[1].outputs()
    worker.ask_well("run", kernels=numbers, calls=1, watch=False)
    assert pair[1].outputs() == untouched


def test_a_kernel_that_is_not_there_is_an_error(worker, kernel):
    for ask in ("load", "collect", "release"):
        assert worker.ask(ask, kernel=kernel + 1)["error"]
    assert worker.ask("run", kernels=[kernel + 1], calls=1, watch=False)["error"]
    assert worker.ask("run", kernels=[kernel, kernel + 1], calls=2, watch=False)["error"]
    worker.compute(kernel)


# release

def test_several_kernels_live_side_by_side(worker, cases):
    p = first_taken(worker)
    made = [cases(other_shape(p, n)) for n in (2, 4, 6)]
    numbers = [worker.prepare(case)[0] for case in made]
    for seed in (9, 10):
        for case, number in zip(made, numbers):
            fill_and_compute(worker, case, number, seed)
    worker.ask_well("release", kernel=numbers[1])
    fill_and_compute(worker, made[0], numbers[0], 11)
    fill_and_compute(worker, made[2], numbers[2], 11)


def test_numbers_are_used_again(worker, cases):
    p = first_taken(worker)
    for n in (4, 2, 6):
        case = cases(other_shape(p, n))
        kernel, answer = worker.prepare(case, kernel=7)
        assert "error" not in answer
        fill_and_compute(worker, case, kernel, n)
        worker.ask_well("release", kernel=7)
        assert worker.ask("run", kernels=[7], calls=1, watch=False)["error"]


def test_memory_is_unmapped_at_release(worker, cases):
    p = first_taken(worker)
    maps = Path(f"/proc/{worker.process.pid}/maps")
    folder = Path(f"/proc/{worker.process.pid}/fd")
    for number in range(3):
        case = cases(p)
        worker.prepare(case, kernel=number)
        fill_and_compute(worker, case, number, 12)
        assert "normbench-test" in maps.read_text()
        worker.ask_well("release", kernel=number)
        assert "normbench-test" not in maps.read_text()
        assert not any("normbench-test" in os.readlink(each) for each in folder.iterdir())


def test_many_cases_one_after_the_other(worker, cases):
    case = cases(first_taken(worker))
    folder = Path(f"/proc/{worker.process.pid}/fd")
    counts = []
    for _ in range(50):
        kernel, _ = worker.prepare(case)
        worker.compute(kernel)
        worker.ask_well("release", kernel=kernel)
        counts.append(len(list(folder.iterdir())))
    assert counts[-1] <= counts[9]


# left

def test_nothing_is_left(worker, case):
    worker.ask_well("hello", protocol=1)
    assert worker.ask_well("left")["left"] in (None, "")
    kernel, _ = worker.prepare(case)
    worker.compute(kernel)
    worker.ask_well("release", kernel=kernel)
    assert worker.ask_well("left")["left"] in (None, "")


# The end

def test_bye(worker, kernel):
    answer = worker.ask_well("bye")
    assert "error" not in answer
    assert worker.process.wait(10) == 0


@pytest.mark.parametrize("prepared", [False, True])
def test_a_closed_socket_ends_it(worker, case, prepared):
    if prepared:
        worker.compute(worker.prepare(case)[0])
    worker.socket.close()
    assert worker.process.wait(10) == 0


def test_an_answer_that_nobody_reads_ends_it(worker):
    worker.ask_well("hello", protocol=1)
    worker.send(json.dumps({"ask": "hello", "protocol": 1}).encode())
    worker.socket.close()
    assert worker.process.wait(10) == 0


def test_an_interrupt_is_for_the_conductor(worker, case, kernel):
    worker.process.send_signal(signal.SIGINT)
    fill_and_compute(worker, case, kernel, 13)


def test_without_a_socket_it_says_so(command):
    """Rather than wait for ever, or end as if all were well."""
    variables = {name: value for name, value in os.environ.items() if name != "NORMBENCH_SOCKET"}
    done = subprocess.run(command, env=variables, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == 2
    assert b"NORMBENCH_SOCKET" in done.stderr


def test_an_idle_worker_sleeps(worker, case, kernel):
    worker.compute(kernel)
    time.sleep(0.3)
    ticks = os.sysconf("SC_CLK_TCK")

    def used():
        fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    before = used()
    time.sleep(0.5)
    assert used() - before < 0.1


# warm_up

def record(offset, data):
    return struct.pack("=QQ", offset, len(data)) + data


@pytest.fixture(name="changes")
def changes_fixture():
    """Makes files of records."""
    made = []

    def make(records):
        made.append(os.memfd_create("changes", os.MFD_CLOEXEC))
        os.write(made[-1], records)
        return made[-1]

    yield make
    for descriptor in made:
        os.close(descriptor)


@pytest.mark.parametrize("load", [False, True])
def test_the_clock_starts_after_an_untimed_call_and_the_changes(worker, cases, changes, load):
    """Of inputs that change after the untimed call the results are those of the timed ones."""
    p = first_taken(worker)
    case, other = cases(p), cases(p)
    other.fill(2)
    kernel, answer = worker.prepare(case)
    assert "error" not in answer
    load = load or answer.get("native_layout", False)
    other_kernel, _ = worker.prepare(other)
    worker.compute(other_kernel)
    records = b"".join(record(each["offset"], other_bytes)
                       for each in case.buffers if each["role"] == "input"
                       for other_bytes in [other.bytes_of(each["name"])])
    worker.ask_well("load", kernel=kernel)
    answer = worker.ask_well("run", [changes(records)], kernels=[kernel], calls=3, timed=True,
                             watch=False, warm_up={"load": load, "changes": len(records)})
    worker.ask_well("collect", kernel=kernel)
    assert answer["ns"] > 0 and case.inputs() == other.inputs()
    name = "y" if case.has("y") else "dx"
    assert case.bytes_of(name) == other.bytes_of(name)


def test_the_changes_are_made_after_the_untimed_call(worker, cases, changes):
    """Running statistics that they reset are those of the timed calls alone, of each of them."""
    p = next((p for p in (problem(pass_="forward_training", dtype=dtype) for dtype in ("f32", "f64"))
              if worker.takes(p)), None)
    if p is None:
        pytest.skip("it has no running statistics")
    case, plain = cases(p), cases(p)
    start = case.bytes_of("running_mean")
    offset = next(each["offset"] for each in case.buffers if each["name"] == "running_mean")
    kernel, answer = worker.prepare(case)
    records = record(offset, start)
    worker.ask_well("load", kernel=kernel)
    worker.ask_well("run", [changes(records)], kernels=[kernel], calls=3, timed=True, watch=False,
                    warm_up={"load": answer.get("native_layout", False), "changes": len(records)})
    worker.ask_well("collect", kernel=kernel)
    plain_kernel, _ = worker.prepare(plain)
    worker.compute(plain_kernel, calls=3)
    assert case.bytes_of("running_mean") == plain.bytes_of("running_mean") != start
    # One more call than timed ones has moved what was not reset.
    assert case.bytes_of("running_var") != plain.bytes_of("running_var")


@pytest.mark.parametrize("records", [b"short", struct.pack("=QQ", 0, 100) + b"few",
                                     struct.pack("=QQ", 1 << 40, 1) + b"x",
                                     struct.pack("=QQ", (1 << 64) - 1, 2) + b"xx"])
def test_changes_that_do_not_fit_are_an_error(worker, cases, changes, records):
    p = first_taken(worker)
    case = cases(p)
    kernel, _ = worker.prepare(case)
    worker.ask_well("load", kernel=kernel)
    answer = worker.ask("run", [changes(records)], kernels=[kernel], calls=1, timed=True, watch=False,
                        warm_up={"load": False, "changes": len(records)})
    assert answer["error"]
    assert worker.ask("run", kernels=[kernel], calls=1, timed=True, watch=False,
                      warm_up={"load": False, "changes": 8})["error"]
    worker.compute(kernel)


# then

def can_read(worker):
    return "read" in worker.ask_well("hello", protocol=1).get("then", [])


def test_a_read_may_follow_the_calls(worker, case):
    """Results and guards are as ever; what it reads is looked at below."""
    if not can_read(worker):
        pytest.skip("nothing can follow its calls")
    kernel, answer = worker.prepare(case, threads=2)
    assert "error" not in answer
    case.fill(3)
    expected, inputs = expected_y(case), case.inputs()
    worker.ask_well("load", kernel=kernel)
    answer = worker.ask_well("run", kernels=[kernel], calls=1, timed=True, watch=False, then="read")
    worker.ask_well("collect", kernel=kernel)
    assert answer["ns"] > 0 and case.inputs() == inputs and not case.damaged_guards()
    assert_computed(case, expected)
    warm_up = {"load": answer.get("native_layout", False), "changes": 0}
    assert worker.ask_well("run", kernels=[kernel], calls=5, timed=True, watch=False, then="read",
                           warm_up=warm_up)["ns"] > 0


@pytest.mark.parametrize("fields", [{"then": "dance", "timed": True}, {"then": 5, "timed": True},
                                    {"then": "read"}])
def test_what_cannot_follow_is_an_error(worker, kernel, fields):
    if not can_read(worker):
        pytest.skip("nothing can follow its calls")
    worker.ask_well("load", kernel=kernel)
    assert worker.ask("run", kernels=[kernel], calls=1, watch=False, **fields)["error"]
    worker.compute(kernel)


def test_the_worker_in_python_refuses_what_it_cannot_do():
    with Worker(OWN["python"]) as worker:
        assert not can_read(worker)
        case = Case(problem())
        kernel, _ = worker.prepare(case)
        answer = worker.ask("run", kernels=[kernel], calls=1, timed=True, watch=False, then="read")
        assert "nothing can follow a call" in answer["error"]
        worker.compute(kernel)
        case.close()


def punch_hole(case, name):
    """Whoever touches a page of the buffer now makes it anew. How many pages it has, and how much memory
    there is without them, in blocks."""
    begin = next(each["offset"] for each in case.buffers if each["name"] == name)
    size = (len(case.bytes_of(name)) + 4095) // 4096 * 4096
    before = os.fstat(case.descriptor).st_blocks
    keep_size_punch_hole = 3
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.fallocate(case.descriptor, keep_size_punch_hole, ctypes.c_long(begin),
                          ctypes.c_long(size)) == 0
    after = os.fstat(case.descriptor).st_blocks
    assert (before - after) * 512 == size
    return size // 4096, after


@pytest.mark.skipif(not BINARY.exists(), reason="the program is not built")
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("pass_, name", [("forward_training", "y"), ("backward", "dx")])
def test_all_of_the_output_is_read_and_nothing_without_then(pass_, name, threads):
    """Of a backend that does nothing."""
    idle = [str(BINARY.parent / "normbench-worker"), "--plugin",
            str(BINARY.parent / "plugins/libidle.so")]
    case = Case(problem(pass_=pass_, n=64, c=16, l=30))
    with Worker(idle) as worker:
        kernel, answer = worker.prepare(case, threads=threads)
        assert "error" not in answer, answer
        for then in [{}, {"then": "read"}, {}]:
            for warm_up in [{}, {"warm_up": {"load": False, "changes": 0}}]:
                pages, before = punch_hole(case, name)
                worker.ask_well("run", kernels=[kernel], calls=1, timed=True, watch=False, **then,
                                **warm_up)
                touched = (os.fstat(case.descriptor).st_blocks - before) * 512 // 4096
                assert touched == (pages if then else 0) and pages == 30
    case.close()
