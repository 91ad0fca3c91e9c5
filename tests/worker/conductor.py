"""The other end of harness/worker/PROTOCOL.md, as small as it can be: it starts a worker, lends it
buffers and asks."""

import array
import json
import math
import mmap
import os
import random
import socket
import subprocess
import tempfile

PATIENCE = 60.0
GUARD = 0x5A
FORMATS = {"f32": "f", "f64": "d"}


def problem(norm="batch", pass_="forward_inference", dtype="f32", layout="ncl", n=4, c=3, l=5,
            batch=None, groups=1, eps=1e-5, momentum=0.1, affine=True):
    """A problem as the protocol has it, with an id as harness/core/problem.h has it."""
    batch = batch or n
    text = f"{norm}/{pass_}/{dtype}/{layout}/n{n}_c{c}_l{l}"
    text += f"_b{batch}" if batch != n else ""
    text += f"_g{groups}" if groups != 1 else ""
    text += f"_eps{eps:g}" if eps != 1e-5 else ""
    text += f"_m{momentum:g}" if momentum != 0.1 else ""
    text += "" if affine else "_plain"
    return {"id": text, "norm": norm, "pass": pass_, "dtype": dtype, "layout": layout, "n": n,
            "c": c, "l": l, "batch": batch, "groups": groups, "eps": eps, "momentum": momentum,
            "affine": affine}


def specs(p):
    """(name, role, (n, c, l)) of all buffers: the table of harness/core/arguments.h."""
    norm, n, c, l = p["norm"], p["n"], p["c"], p["l"]
    passes = ("forward_training", "forward_inference", "backward", "backward_inference")
    at = passes.index(p["pass"])
    batches = n // p["batch"]
    data = (n, c, l)
    statistics = {"batch": (batches, c, 1), "instance": (n, c, 1), "group": (n, p["groups"], 1),
                  "layer": (n, 1, 1), "rms": (n, 1, 1), "none": None}[norm]
    width = l if norm in ("layer", "rms") else 1
    centered = norm not in ("rms", "none")
    affine = p["affine"] and norm != "none"
    table = [
        ("x", "rrrr" if norm != "none" else "rr--", data),
        ("gamma", "rrrr" if affine else "----", (1, c, width)),
        ("beta", "rr--" if affine and centered else "----", (1, c, width)),
        ("running_mean", "ur-r" if norm == "batch" else "----", (1, c, 1)),
        ("running_var", "ur-r" if norm == "batch" else "----", (1, c, 1)),
        ("y", "ww--", data),
        ("mean", "w-r-" if centered else "----", statistics),
        ("variance", "w-r-" if statistics else "----", statistics),
        ("rstd", "w-r-" if statistics else "----", statistics),
        ("dy", "--rr", data),
        ("dx", "--ww", data),
        ("dgamma", "--ww" if affine else "----", (batches, c, width)),
        ("dbeta", "--ww" if affine and centered else "----", (batches, c, width)),
    ]
    roles = {"r": "input", "w": "output", "u": "updated"}
    return [(name, roles[marks[at]], shape) for name, marks, shape in table if marks[at] != "-"]


class Case:
    """The shared memory of one problem, with guards between its buffers."""

    def __init__(self, p, alignment=64, shift=0):
        self.problem = p
        self.buffers = []
        offset = 4096 + shift
        for name, role, (n, c, l) in specs(p):
            is_data = name in ("x", "y", "dy", "dx")
            dtype = p["dtype"] if is_data or p["dtype"] == "f64" else "f32"
            strides = [c * l, l, 1] if p["layout"] == "ncl" else [c * l, 1, c]
            self.buffers.append({"name": name, "role": role, "dtype": dtype, "shape": [n, c, l],
                                 "strides": strides, "offset": offset})
            size = n * c * l * {"f32": 4, "f64": 8, "bf16": 2, "f16": 2}[dtype]
            # No two share a page.
            offset = (offset + size + alignment + 4095) // 4096 * 4096 + shift
        self.size = offset + 4096
        self.descriptor = os.memfd_create("normbench-test", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, self.size)
        self._map = mmap.mmap(self.descriptor, self.size)
        self._map[:] = bytes([GUARD]) * self.size
        self.fill(1)

    def close(self):
        self._map.close()
        os.close(self.descriptor)

    def _range(self, buffer):
        n, c, l = buffer["shape"]
        width = {"f32": 4, "f64": 8, "bf16": 2, "f16": 2}[buffer["dtype"]]
        return buffer["offset"], buffer["offset"] + n * c * l * width

    def bytes_of(self, name):
        begin, end = next(self._range(each) for each in self.buffers if each["name"] == name)
        return self._map[begin:end]

    def has(self, name):
        return any(each["name"] == name for each in self.buffers)

    def values(self, name):
        """All values of a buffer, in the order of memory."""
        dtype = next(each["dtype"] for each in self.buffers if each["name"] == name)
        return list(array.array(FORMATS[dtype], self.bytes_of(name)))

    def write(self, name, values):
        buffer = next(each for each in self.buffers if each["name"] == name)
        begin, end = self._range(buffer)
        self._map[begin:end] = array.array(FORMATS[buffer["dtype"]], values).tobytes()

    def fill(self, seed):
        """Other inputs for each seed, and outputs full of NaN. Data of 16 bits is all ones."""
        draw = random.Random(seed)
        for buffer in self.buffers:
            begin, end = self._range(buffer)
            if buffer["role"] == "output":
                self._map[begin:end] = b"\xff" * (end - begin)
            elif buffer["dtype"] not in FORMATS:
                one = b"\x80\x3f" if buffer["dtype"] == "bf16" else b"\x00\x3c"
                self._map[begin:end] = one * ((end - begin) // 2)
            else:
                count = math.prod(buffer["shape"])
                low = 0.5 if buffer["name"] in ("variance", "running_var", "rstd") else -2.0
                self.write(buffer["name"], [draw.uniform(low, 2.0) for _ in range(count)])

    def inputs(self):
        return {each["name"]: self.bytes_of(each["name"]) for each in self.buffers
                if each["role"] == "input"}

    def outputs(self):
        return {each["name"]: self.bytes_of(each["name"]) for each in self.buffers
                if each["role"] != "input"}

    def damaged_guards(self):
        """Offsets outside of all buffers that were written."""
        inside = set()
        for buffer in self.buffers:
            inside.update(range(*self._range(buffer)))
        return [at for at, byte in enumerate(self._map[:])
                if byte != GUARD and at not in inside]


class Worker:
    """A process that speaks the protocol."""

    def __init__(self, command, env=None):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(PATIENCE)
        self._errors = tempfile.TemporaryFile()
        variables = {**os.environ, **(env or {}), "NORMBENCH_SOCKET": str(theirs.fileno())}
        try:
            self.process = subprocess.Popen(
                command, env=variables, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                stdout=self._errors, stderr=self._errors)
        finally:
            theirs.close()
        self._next = self._asked = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._errors.close()

    def said(self):
        """What it wrote to its standard streams."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def send(self, packet, descriptors=()):
        rights = array.array("i", descriptors)
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else []
        self.socket.sendmsg([packet], extra)

    def receive(self):
        try:
            packet = self.socket.recv(1 << 20)
        except ConnectionError:
            packet = b""
        assert packet, f"the worker ended: {self.said()}"
        assert len(packet) <= 65536
        answer = json.loads(packet.decode())
        assert isinstance(answer, dict)
        return answer

    def ask(self, ask, descriptors=(), **fields):
        self._asked += 1
        self.send(json.dumps({"ask": ask, "number": self._asked, **fields}).encode(), descriptors)
        answer = self.receive()
        assert answer.pop("number") == self._asked
        return answer

    def ask_well(self, ask, descriptors=(), **fields):
        answer = self.ask(ask, descriptors, **fields)
        assert "error" not in answer, answer["error"]
        return answer

    def takes(self, p):
        return self.ask_well("supports", problem=p)["unsupported"] is None

    def prepare(self, case, kernel=None, threads=1, **more):
        """Asks to prepare: the number of the kernel, and the answer."""
        if kernel is None:
            self._next += 1
            kernel = self._next
        answer = self.ask("prepare", [case.descriptor], kernel=kernel, problem=case.problem,
                          threads=threads, memory=case.size, buffers=case.buffers, **more)
        return kernel, answer

    def compute(self, kernel, calls=1):
        """load, run, collect."""
        self.ask_well("load", kernel=kernel)
        answer = self.ask_well("run", kernels=[kernel], calls=calls, watch=False)
        self.ask_well("collect", kernel=kernel)
        return answer
