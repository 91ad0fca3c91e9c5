"""The worker end of PROTOCOL.md for backends in Python: python3 normbench.py FILE.py serves the
backend in FILE.py. PYTHON.md says how to write one. Nothing but the standard library is needed."""

import array
import ctypes
import gc
import importlib.util
import itertools
import json
import locale
import os
import re
import resource
import signal
import socket
import struct
import sys
import time
import traceback
import weakref

PROTOCOL = 1
LONGEST_PACKET = 65536
LONGEST_TEXT = 4096
LONGEST_DETAIL = 512
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*\Z")

# Format of a memoryview, type of NumPy. Python has no bf16, and its memoryviews no f16.
DTYPES = {"f32": ("f", "float32"), "f64": ("d", "float64"), "bf16": ("H", "uint16"),
          "f16": ("H", "float16")}
BUFFERS = ("x", "gamma", "beta", "running_mean", "running_var", "y", "mean", "variance", "rstd",
           "dy", "dx", "dgamma", "dbeta")
VARIANCES = ("deviations", "shifted_moments", "moments")
ACCURACY = {"grade": "A", "roundings": 0, "exact_sums": True, "variance": "deviations",
            "from_rstd": False}


# Claims for accuracy(problem): the usual ways to sum n values, of which problem.longest_sum is the
# most that there are. Further fields by name: lanes(n, 8, grade="B", variance="moments").

def in_double(**fields):
    """In double: of values that are none."""
    return fields


def sequential(n, **fields):
    """One sum, value after value."""
    return {"roundings": max(n - 1, 0), **fields}


def pairwise(n, **fields):
    """By halves, down to single values."""
    return {"roundings": max(n - 1, 0).bit_length(), **fields}


def lanes(n, w, **fields):
    """w sums side by side, as in a vector of w numbers, which are added by halves."""
    across = max(min(n, w) - 1, 0).bit_length()
    return {"roundings": max(-(-n // w) - 1, 0) + across, **fields}


def welford(n, **fields):
    """Mean and variance updated with each value."""
    return {**sequential(n), "exact_sums": False, **fields}


class Mistake(Exception):
    """What the other side, or the author of the backend, has to change, in words."""


class Problem:
    """A problem, as harness/core/problem.h has it. `pass` is a word of Python: it is `pass_`."""

    def __init__(self, fields):
        if not isinstance(fields, dict):
            raise Mistake("problem must be an object")
        for name in ("norm", "pass", "dtype", "layout", "n", "c", "l", "batch"):
            if name not in fields:
                raise Mistake(f"the problem has no {name}")
        self.id = ""
        self.groups = 1
        self.eps = 1e-5
        self.momentum = 0.1
        self.affine = True
        for name, value in fields.items():
            setattr(self, "pass_" if name == "pass" else name, value)

    def __repr__(self):
        return f"<Problem {self.id}>"

    @property
    def elements(self):
        return self.n * self.c * self.l

    @property
    def mini_batches(self):
        return self.n // self.batch if self.batch else 1

    @property
    def values_per_channel(self):
        """Values of a channel in a mini-batch: what one statistic of batch norm is made of."""
        return self.batch * self.l

    @property
    def longest_sum(self):
        """Terms of the longest sum, over a statistic or a parameter: most roundings of a float."""
        values = {"batch": self.values_per_channel, "instance": self.l,
                  "group": self.c // self.groups * self.l}
        longest = values.get(self.norm, self.c * self.l)
        if not self.backward:
            return longest
        return max(longest, self.batch * (1 if self.norm in ("layer", "rms") else self.l))

    @property
    def merged_batch(self):
        """Samples that may be taken at once: all of them where mini-batches have neither statistics
        nor gradients of their own, else those of a mini-batch."""
        has_statistics = self.norm == "batch" and not self.uses_running_statistics
        has_gradients = self.norm != "none" and self.backward and self.affine
        return self.batch if has_statistics or has_gradients else self.n

    @property
    def axes(self):
        return Axes(self)

    @property
    def backward(self):
        return self.pass_ in ("backward", "backward_inference")

    @property
    def uses_running_statistics(self):
        return self.norm == "batch" and self.pass_ in ("forward_inference", "backward_inference")


class Axes:
    """The data of merged_batch samples as an array in the order of memory: its shape, and which axes
    are summed for a statistic and for a parameter."""

    def __init__(self, problem):
        n, c, l, g = problem.merged_batch, problem.c, problem.l, problem.groups
        last = problem.layout == "nlc"
        self.parts = problem.n // n
        if problem.norm in ("layer", "rms", "none"):
            self.data, self.statistic, self.parameter = (n, c * l), (1,), (0,)
        elif problem.norm == "group":
            self.data = (n, l, g, c // g) if last else (n, g, c // g, l)
            self.statistic, self.parameter = ((1, 3), (0, 1)) if last else ((2, 3), (0, 3))
        elif problem.norm == "instance":
            self.data = (n, l, c) if last else (n, c, l)
            self.statistic, self.parameter = ((1,), (0, 1)) if last else ((2,), (0, 2))
        else:
            self.data = (n * l, c) if last or l == 1 else (n, c, l)
            self.statistic = self.parameter = tuple(at for at in range(len(self.data)) if at != 1)

    def shape(self, name):
        """Of the buffer of this name, so that it broadcasts against the data."""
        if name in ("x", "y", "dy", "dx"):
            return self.data
        is_parameter = name in ("gamma", "beta", "dgamma", "dbeta")
        summed = self.parameter if is_parameter else self.statistic
        return tuple(1 if at in summed else length for at, length in enumerate(self.data))


class Buffer:
    """One argument of a problem. Inputs are read-only, here as in the protocol."""

    def __init__(self, fields, layout, memory):
        for name in ("name", "role", "dtype", "shape", "strides"):
            setattr(self, name, need(fields, name))
        self.shape, self.strides = tuple(self.shape), tuple(self.strides)
        self.layout = layout
        if self.dtype not in DTYPES:
            raise Mistake(f"buffer {self.name} has the dtype {self.dtype}, which is unknown")
        self.size = 1
        for length in self.shape:
            self.size *= length
        self.itemsize = array.array(DTYPES[self.dtype][0]).itemsize
        begin = need(fields, "offset")
        end = begin + self.size * self.itemsize
        if not 0 <= begin <= end <= len(memory):
            raise Mistake(f"buffer {self.name} is at {begin} to {end} of {len(memory)} bytes")
        self._bytes = memory[begin:end]
        self.address = memory.address + begin

    @property
    def writable_memory(self):
        """For libraries that take no read-only memory, though they only read it."""
        return self._bytes.cast(DTYPES[self.dtype][0])

    @property
    def memory(self):
        """A memoryview of all elements, as they lie in memory; of 16 bits as integers."""
        view = self.writable_memory
        return view.toreadonly() if self.role == "input" else view

    @property
    def array(self):
        """A NumPy array of shape (n, c, l), whichever layout it has; of bf16 as integers."""
        return self._array(self.memory)

    @property
    def stored(self):
        """The array in the order of memory, without gaps: (n, c, l) or, channels last, (n, l, c).
        Parameters and statistics broadcast against data that is stored alike."""
        return self._in_order(self.array)

    @property
    def writable_stored(self):
        """For libraries that take no read-only arrays, though they only read them."""
        return self._in_order(self._array(self.writable_memory))

    def _array(self, memory):
        import numpy  # Not before the backend wants it: it may have to set variables first.
        strides = [stride * self.itemsize for stride in self.strides]
        return numpy.ndarray(self.shape, DTYPES[self.dtype][1], memory, strides=strides)

    def _in_order(self, values):
        return values.transpose(0, 2, 1) if self.layout == "nlc" else values


class Buffers(dict):
    """Buffers by name, as items and as attributes, which are None where a problem has none."""

    def __getattr__(self, name):
        if name in BUFFERS:
            return self.get(name)
        raise AttributeError(f"there is no buffer {name}: there are {', '.join(BUFFERS)}")


LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_ssize_t)
LIBC.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
READ_WRITE, SHARED, PRIVATE, FIXED, ANONYMOUS, POPULATE = 3, 1, 2, 0x10, 0x20, 0x8000


def keep_freed_memory():
    """As the backend aten does in C++: libraries that return results in memory of their own would
    have its pages made anew at each call, which takes longer than the work."""
    if hasattr(LIBC, "mallopt"):
        m_trim_threshold, m_mmap_max = -1, -4
        LIBC.mallopt(m_mmap_max, 0)
        LIBC.mallopt(m_trim_threshold, 2 ** 31 - 1)


def return_freed_memory():
    if hasattr(LIBC, "malloc_trim"):
        LIBC.malloc_trim(0)


class Memory:
    """Shared memory. It is unmapped when the last view of it is gone, as libraries may keep some.
    The module mmap is of no use for that: it refuses to unmap what has views, and keeps the file
    open, and with it all pages."""

    def __init__(self, descriptor, size):
        self._size = size
        if os.fstat(descriptor).st_size < size:
            raise Mistake(f"memory is said to have {size} bytes, but has fewer")
        self.address = LIBC.mmap(None, max(size, 1), READ_WRITE, SHARED | POPULATE, descriptor, 0)
        if self.address == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), f"cannot map {size} bytes of memory")
        self._owner = (ctypes.c_char * size).from_address(self.address)
        self._unmap = weakref.finalize(self._owner, LIBC.munmap, self.address, max(size, 1))
        self._unmap.atexit = False

    def __len__(self):
        return self._size

    def __getitem__(self, part):
        return memoryview(self._owner).cast("B")[part]

    def release(self):
        """Lets go of the pages, even where somebody still has a view: it then sees zeros."""
        del self._owner
        if self._unmap.alive:
            LIBC.mmap(self.address, self._size, READ_WRITE, PRIVATE | FIXED | ANONYMOUS, -1, 0)


class Backend:
    """A backend's file, loaded and looked at."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        if not os.path.isfile(self.path):
            raise Mistake(f"{path} is no file")
        # Its folder stays out of sys.path, where a file such as numpy.py would hide a library.
        spec = importlib.util.spec_from_file_location("normbench_backend", self.path)
        if spec is None:
            raise Mistake(f"{path} is no file of Python: its name must end in .py")
        self._module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = self._module
        sys.modules["normbench"] = sys.modules[__name__]  # for `import normbench`, of claims
        try:
            spec.loader.exec_module(self._module)
        except BaseException as error:
            raise Mistake(f"{path} cannot be loaded: {self.words(error)}") from error
        for name in ("name", "version", "supports", "prepare"):
            if not hasattr(self._module, name):
                raise Mistake(f"{path} has no `{name}`")
        for name in ("supports", "prepare"):
            if not callable(getattr(self._module, name)):
                raise Mistake(f"`{name}` of {path} is not a function")
        self.name, self.version = self._text("name"), self._text("version")
        if not NAME.match(self.name):
            raise Mistake(f"`name` of {path} is {self.name!r}: letters, digits and _.+- please")

    def _text(self, name):
        value = getattr(self._module, name)
        try:
            value = value() if callable(value) else value
        except BaseException as error:
            raise Mistake(f"`{name}` of {self.path} failed: {self.words(error)}") from error
        if not isinstance(value, str):
            raise Mistake(f"`{name}` of {self.path} must be text, and is {value!r}")
        return value

    def words(self, error):
        """The exception in a line, and where in the backend's file it came from."""
        if isinstance(error, Mistake):
            return str(error)
        text = traceback.format_exception_only(type(error), error)[-1].strip()
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
                 if frame.filename == self.path]
        if lines and not isinstance(error, SyntaxError):
            text += f" ({os.path.basename(self.path)}, line {lines[-1]})"
        return text

    def unsupported(self, problem):
        reason = self._module.supports(problem)
        if reason is None:
            return None
        if not isinstance(reason, str) or not reason:
            raise Mistake(f"supports returned {reason!r}: it must be None, or text with the reason")
        return clean(reason, LONGEST_TEXT)

    def prepare(self, problem, buffers, threads):
        kernel = self._module.prepare(problem, buffers, threads)
        run = getattr(kernel, "run", kernel)
        if not callable(run):
            raise Mistake(f"prepare returned {kernel!r}: it must be a function, or have run()")
        return kernel

    def accuracy(self, problem):
        claimed = self._of_problem("accuracy", problem, {})
        unknown = set(claimed) - set(ACCURACY)
        if unknown:
            raise Mistake(f"accuracy has {', '.join(sorted(unknown))}, which is unknown")
        claimed = {**ACCURACY, **claimed}
        grade, roundings = claimed["grade"], float(claimed["roundings"])
        if grade not in ("A", "B") or not 0 <= roundings < float("inf"):
            raise Mistake(f"accuracy is {claimed}: the grade must be A or B, roundings 0 or more")
        if claimed["variance"] not in VARIANCES:
            raise Mistake(f"accuracy is {claimed}: the variance must be one of {VARIANCES}")
        return {"grade": grade, "roundings": roundings, "exact_sums": bool(claimed["exact_sums"]),
                "variance": claimed["variance"], "from_rstd": bool(claimed["from_rstd"])}

    def repeatable(self, problem):
        return bool(self._of_problem("repeatable", problem, True))

    def native_layout(self, problem):
        return bool(self._of_problem("native_layout", problem, False))

    def _of_problem(self, name, problem, otherwise):
        value = getattr(self._module, name, otherwise)
        return value(problem) if callable(value) else value


class Prepared:
    """A kernel of a backend, with the memory that it works on."""

    def __init__(self, backend, message, descriptor):
        problem = Problem(need(message, "problem"))
        threads = need(message, "threads")
        self._memory = Memory(descriptor, need(message, "memory"))
        try:
            self._prepare(backend, problem, need(message, "buffers"), threads)
        except BaseException as error:
            # The frames hold the buffers: without them the memory can be let go.
            traceback.clear_frames(error.__traceback__)
            self._memory.release()
            raise

    def _prepare(self, backend, problem, fields, threads):
        buffers = Buffers()
        for each in fields:
            buffers[need(each, "name")] = Buffer(each, problem.layout, self._memory)
        start = time.perf_counter_ns()
        self._kernel = backend.prepare(problem, buffers, threads)
        ns = time.perf_counter_ns() - start
        self.run = getattr(self._kernel, "run", self._kernel)
        self._load = getattr(self._kernel, "load", None)
        self._collect = getattr(self._kernel, "collect", None)
        native = getattr(self._kernel, "native_layout", None)
        self.facts = {
            "ns": ns,
            "detail": self._detail(),
            "accuracy": backend.accuracy(problem),
            "repeatable": backend.repeatable(problem),
            "native_layout": backend.native_layout(problem) if native is None else bool(native),
            "collects": self._collect is not None,
        }

    def _detail(self):
        detail = getattr(self._kernel, "detail", "")
        return clean(str(detail() if callable(detail) else detail), LONGEST_DETAIL)

    def change(self, records):
        """Writes what is told as (offset, size, bytes), one after the other."""
        memory, length, end = self._memory[:], len(self._memory), len(records)
        head, at = struct.Struct("=QQ"), 0
        while at < end:
            if at + head.size > end:
                raise Mistake("a change is not whole")
            offset, size = head.unpack_from(records, at)
            at += head.size
            if at + size > end or offset + size > length:
                raise Mistake("a change is not whole, or not inside of the memory")
            memory[offset:offset + size] = records[at:at + size]
            at += size

    def load(self):
        return timed(self._load)

    def collect(self):
        return timed(self._collect)

    def release(self):
        self._kernel = self.run = self._load = self._collect = None
        gc.collect()
        self._memory.release()
        return_freed_memory()


def need(message, name):
    if name not in message:
        raise Mistake(f"`{name}` is missing")
    return message[name]


def clean(text, longest):
    """The text without what UTF-8 cannot say, and not longer than that."""
    return text.encode("utf-8", "replace").decode()[:longest]


def timed(function):
    if function is None:
        return 0
    start = time.perf_counter_ns()
    function()
    return time.perf_counter_ns() - start


def time_calls(runs, calls):
    """Times so many calls of the functions, in turn."""
    sequence = itertools.islice(itertools.cycle(runs), calls)
    collects = gc.isenabled()
    gc.disable()
    try:
        before = resource.getrusage(resource.RUSAGE_SELF)
        cpu = time.process_time_ns()
        start = time.perf_counter_ns()
        for run in sequence:
            run()
        ns = time.perf_counter_ns() - start
        cpu = time.process_time_ns() - cpu
        after = resource.getrusage(resource.RUSAGE_SELF)
    finally:
        if collects:
            gc.enable()
    return {"ns": ns, "cpu_ns": cpu, "preempted": after.ru_nivcsw - before.ru_nivcsw,
            "faults": after.ru_minflt - before.ru_minflt}


def nothing():
    """What empty_call_ns is the price of."""


def price_of_nothing():
    calls = 100000
    return min(time_calls([nothing], calls)["ns"] for _ in range(5)) / calls


def bytes_written():
    """So far, by all threads, to files and streams; nothing where the system does not count."""
    try:
        with open("/proc/self/io", encoding="ascii") as counters:
            return int(re.search(r"^wchar: (\d+)", counters.read(), re.MULTILINE).group(1))
    except (OSError, AttributeError):
        return None


def has_children():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return True
    except ChildProcessError:
        return False


class ProcessState:
    """Settings of the process that a backend must leave as they are."""

    SIGNALS = [number for number in range(1, 32)
               if number not in (signal.SIGKILL, signal.SIGSTOP)]

    def __init__(self):
        self._settings = {name: read() for name, (read, _) in self._known().items()}

    def restore(self):
        """Puts back what is different now, and says what that was, or None."""
        changed = []
        for name, (read, write) in self._known().items():
            value = read()
            if value == self._settings[name]:
                continue
            changed.append(name)
            if write is not None:
                write(self._settings[name])
            self._settings[name] = read()
        return "left " + ", ".join(f"{name} changed" for name in changed) if changed else None

    def _known(self):
        return {
            "the rounding of floating point": (self._rounding, self._set_rounding),
            "the handlers of signals": (self._handlers, self._set_handlers),
            "the blocked signals": (
                lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
                lambda mask: signal.pthread_sigmask(signal.SIG_SETMASK, mask)),
            "the timers": (
                lambda: [signal.getitimer(which)[0] > 0 for which in range(3)],
                lambda _: [signal.setitimer(which, 0) for which in range(3)]),
            "the CPUs": (lambda: os.sched_getaffinity(0),
                         lambda cpus: os.sched_setaffinity(0, cpus)),
            "the priority": (lambda: os.getpriority(os.PRIO_PROCESS, 0),
                             lambda level: os.setpriority(os.PRIO_PROCESS, 0, level)),
            "the mask of new files": (self._file_mask, os.umask),
            "the locale": (lambda: locale.setlocale(locale.LC_ALL),
                           lambda name: locale.setlocale(locale.LC_ALL, name)),
            "the working directory": (os.getcwd, os.chdir),
            "the environment": (lambda: dict(os.environ), self._set_environment),
            "the standard streams": (lambda: [self._identity(stream) for stream in range(3)], None),
        }

    @staticmethod
    def _rounding():
        half = 2.0 ** -53
        smallest = sys.float_info.min
        return 1.0 + half * 1.5, -1.0 - half * 1.5, 1.0 + half * 0.5, smallest / 2

    @staticmethod
    def _set_rounding(_):
        try:
            ctypes.CDLL("libm.so.6").fesetenv(ctypes.c_void_p(-1))  # FE_DFL_ENV of glibc
        except OSError:
            pass

    @classmethod
    def _handlers(cls):
        handlers = []
        for number in cls.SIGNALS:
            action = ctypes.create_string_buffer(256)  # More than any struct sigaction has.
            LIBC.sigaction(number, None, action)
            # Linux has 64 signals: behind its 8 bytes the C library leaves anything in the mask.
            handlers.append(action.raw[:16] + bytes(120) + action.raw[136:])
        return handlers

    @classmethod
    def _set_handlers(cls, handlers):
        for number, action in zip(cls.SIGNALS, handlers):
            LIBC.sigaction(number, action, None)

    @staticmethod
    def _file_mask():
        mask = os.umask(0o077)
        os.umask(mask)
        return mask

    @staticmethod
    def _set_environment(variables):
        for name in set(os.environ) - set(variables):
            del os.environ[name]
        os.environ.update(variables)

    @staticmethod
    def _identity(stream):
        try:
            status = os.fstat(stream)
        except OSError:
            return None
        return status.st_dev, status.st_ino


class Worker:
    """Answers what is asked, one packet after the other."""

    ASKS = ("hello", "supports", "prepare", "load", "run", "collect", "left", "release", "bye")

    def __init__(self, backend, connection):
        self._backend = backend
        self._socket = connection
        self._kernels = {}
        self._empty_call_ns = price_of_nothing()
        self._state = ProcessState()
        self._had_children = has_children()

    def serve(self):
        """Until the socket is closed, or bye."""
        while True:
            try:
                packet, extra, flags, _ = self._socket.recvmsg(
                    LONGEST_PACKET, socket.CMSG_SPACE(16 * 4), socket.MSG_CMSG_CLOEXEC)
            except ConnectionError:
                return
            descriptors = array.array("i")
            for _, kind, data in extra:
                if kind == socket.SCM_RIGHTS:
                    descriptors.frombytes(data[:len(data) - len(data) % descriptors.itemsize])
            if not packet:
                return
            try:
                answer, last = self._answer(packet, flags, descriptors)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
            try:
                self._socket.send(json.dumps(answer).encode())
            except ConnectionError:
                return
            if last:
                return

    def _answer(self, packet, flags, descriptors):
        """The answer, and whether it is the last one."""
        number = {}
        try:
            if flags & socket.MSG_TRUNC:
                raise Mistake(f"the packet is longer than {LONGEST_PACKET} bytes")
            try:
                message = json.loads(packet.decode())
            except (ValueError, RecursionError) as error:
                raise Mistake(f"the packet is not JSON: {error}") from error
            if not isinstance(message, dict):
                raise Mistake("the packet is not an object")
            if "number" in message:
                number["number"] = message["number"]
            ask = need(message, "ask")
            if ask not in self.ASKS:
                raise Mistake(f"this worker does not know the ask {ask!r}")
            answer = getattr(self, "_" + ask)(message, descriptors) or {}
            return {**answer, **number}, ask == "bye"
        except BaseException as error:  # Even SystemExit: the next case may be taken well.
            return {"error": clean(self._backend.words(error), LONGEST_TEXT), **number}, False

    def _hello(self, message, _):
        protocol = need(message, "protocol")
        if protocol != PROTOCOL:
            raise Mistake(f"this worker has version {PROTOCOL} of the protocol, not {protocol}")
        self._state = ProcessState()
        self._had_children = has_children()  # Libraries may have helpers from the start.
        return {"protocol": PROTOCOL, "name": self._backend.name,
                "version": self._backend.version, "language": "Python",
                "empty_call_ns": self._empty_call_ns}

    def _supports(self, message, _):
        problem = Problem(need(message, "problem"))
        return {"unsupported": self._backend.unsupported(problem)}

    def _prepare(self, message, descriptors):
        number = need(message, "kernel")
        if number in self._kernels:
            raise Mistake(f"there is a kernel {number} already: release it first")
        if len(descriptors) != 1:
            raise Mistake(f"prepare comes with one descriptor, but there were {len(descriptors)}")
        kernel = Prepared(self._backend, message, descriptors[0])
        self._kernels[number] = kernel
        return kernel.facts

    def _load(self, message, _):
        return {"ns": self._kernel(need(message, "kernel")).load()}

    def _run(self, message, descriptors):
        numbers, calls = need(message, "kernels"), need(message, "calls")
        if not isinstance(numbers, list) or not numbers:
            raise Mistake("kernels must be a list of numbers, one at least")
        kernels = [self._kernel(number) for number in numbers]
        if "then" in message:
            raise Mistake("nothing can follow a call here: `then` is not in the answer to hello")
        runs = [kernel.run for kernel in kernels]
        if "warm_up" in message:
            self._warm_up(kernels, message["warm_up"], descriptors)
        watched = message.get("watch")
        if watched:
            sys.stdout.flush()
        written = bytes_written() if watched else None
        answer = time_calls(runs, calls)
        if written is not None:
            sys.stdout.flush()
            answer["written"] = bytes_written() - written
        return answer

    @staticmethod
    def _warm_up(kernels, wanted, descriptors):
        """An untimed call of each, then the changes."""
        size = need(wanted, "changes")
        if size and len(descriptors) != 1:
            raise Mistake(f"changes come with one descriptor, but there were {len(descriptors)}")
        changes = os.pread(descriptors[0], size, 0) if size else b""
        load = need(wanted, "load")
        for kernel in kernels:
            if load:
                kernel.load()
            kernel.run()
        kernels[0].change(changes)
        for kernel in kernels:
            if load:
                kernel.load()

    def _collect(self, message, _):
        return {"ns": self._kernel(need(message, "kernel")).collect()}

    def _left(self, _message, _):
        words = [self._state.restore()]
        if not self._had_children and has_children():
            words.append("started another process")
        return {"left": ", ".join(filter(None, words)) or None}

    def _release(self, message, _):
        self._kernel(need(message, "kernel")).release()
        del self._kernels[message["kernel"]]

    def _bye(self, _message, _):
        for kernel in self._kernels.values():
            kernel.release()
        self._kernels.clear()

    def _kernel(self, number):
        if number not in self._kernels:
            raise Mistake(f"there is no kernel {number}")
        return self._kernels[number]


def main(arguments):
    keep_freed_memory()
    # Ctrl-C reaches all processes of a terminal: what happens then is for the conductor to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        if len(arguments) != 2:
            raise Mistake("usage: normbench.py FILE.py, the file of a backend")
        backend = Backend(arguments[1])
        descriptor = os.environ.get("NORMBENCH_SOCKET")
        if descriptor is None:
            raise Mistake(f"{arguments[1]} is fine, but NORMBENCH_SOCKET is not set: normbench "
                          "starts this program and talks to it (harness/worker/PROTOCOL.md)")
        try:
            connection = socket.socket(fileno=int(descriptor))
        except (ValueError, OSError) as error:
            raise Mistake(f"NORMBENCH_SOCKET={descriptor} is no socket: {error}") from error
    except Mistake as error:
        print(f"normbench.py: {error}", file=sys.stderr)
        return 2
    # What the backend has loaded stays: looking for garbage in it would take long, each time.
    gc.collect()
    gc.freeze()
    Worker(backend, connection).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
