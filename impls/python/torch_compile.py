"""PyTorch: the formulas that torch.nn.functional comes apart into, compiled by torch.compile for
each problem, for whoever's own Python has torch. What is compiled writes into the caller's buffers.
Backward is the formula for saved statistics; autograd would compute them again."""

import getpass
import math
import os
import shutil
import subprocess
import sysconfig
import tempfile
import types

import normbench

# Set before torch is imported, which reads it. Why not the usual folder: see LIBDIR.
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(
    tempfile.gettempdir(), f"normbench_torchinductor_{getpass.getuser()}"))

import torch
from torch._inductor.cpu_vec_isa import pick_vec_isa

name = "torch-compile"
version = torch.__version__

# inductor links libraries of where Python has its own before those of torch. Debian's libtorch,
# where it is installed, lacks a symbol that the test of vectors needs: all code would be scalar.
# What the test said is kept in the cache.
sysconfig.get_config_vars()["LIBDIR"] = os.path.join(os.path.dirname(torch.__file__), "lib")

torch.set_grad_enabled(False)  # For the whole process, as compiled functions are guarded by it.

TYPES = {"f32": torch.float32, "f64": torch.float64, "bf16": torch.bfloat16, "f16": torch.float16}
CXX = os.environ.get("CXX", "g++")  # As inductor, which compiles for the CPU, chooses it.
DATA, PARAMETERS = ("x", "y", "dy", "dx"), ("gamma", "beta", "dgamma", "dbeta")


def supports(problem):
    if problem.elements == 0:
        return "no values"
    if shutil.which(CXX) is None:
        return f"torch.compile needs a C++ compiler: install g++, or say in CXX where {CXX} is"
    if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        return "torch.compile needs Python.h: install python3-dev"
    return None


def accuracy(problem):
    """A sum over the last axis is one of vectors; over others, one value is added after the other.
    Variances are those of Welford's formula, which divides on the way, where inductor thinks so."""
    if problem.norm == "none":
        return {}
    return normbench.sequential(problem.longest_sum,
                                exact_sums=problem.backward or problem.norm == "rms")


def part(axes, buffer, index):
    """A tensor over what belongs to some samples; parameters and running statistics belong to all."""
    shape = axes.shape(buffer.name)
    size = math.prod(shape)
    first = 0 if size == buffer.size else index * size
    return torch.frombuffer(buffer.writable_memory, dtype=TYPES[buffer.dtype], count=size,
                            offset=first * buffer.itemsize).view(shape)


def forward(problem, axes, a):
    if problem.norm == "none":
        a["y"].copy_(a["x"])
        return
    x = a["x"].to(real(problem))
    results = {}
    if problem.uses_running_statistics:
        centered = x - a["running_mean"]
        rstd = torch.rsqrt(a["running_var"] + problem.eps)
    else:
        if problem.norm == "rms":
            centered, variance = x, x.square().mean(axes.statistic, keepdim=True)
        else:
            variance, mean = torch.var_mean(x, axes.statistic, correction=0, keepdim=True)
            centered = x - mean
            results["mean"] = mean
        rstd = torch.rsqrt(variance + problem.eps)
        results.update(variance=variance, rstd=rstd)
    y = centered * rstd
    if "gamma" in a:
        y = y * a["gamma"]
    if "beta" in a:
        y = y + a["beta"]
    results["y"] = y
    if problem.pass_ == "forward_training" and problem.norm == "batch":
        count, m = problem.values_per_channel, problem.momentum
        for key, statistic in (("running_mean", mean),
                               ("running_var", variance * (count / (count - 1)))):
            results[key] = (1 - m) * a[key] + m * statistic
    store(results, a)


def backward(problem, axes, a):
    if problem.norm == "none":
        a["dx"].copy_(a["dy"])
        return
    x, dy = a["x"].to(real(problem)), a["dy"].to(real(problem))
    if problem.uses_running_statistics:
        mean, rstd = a["running_mean"], torch.rsqrt(a["running_var"] + problem.eps)
    else:
        mean, rstd = a.get("mean", 0), a["rstd"]
    xh = (x - mean) * rstd
    results = {}
    if "gamma" in a:
        results["dgamma"] = (dy * xh).sum(axes.parameter, keepdim=True)
        if problem.norm != "rms":
            results["dbeta"] = dy.sum(axes.parameter, keepdim=True)
    g = dy * a["gamma"] if "gamma" in a else dy
    if problem.uses_running_statistics:
        results["dx"] = g * rstd
    else:
        through = xh * (g * xh).mean(axes.statistic, keepdim=True)
        if problem.norm != "rms":
            through = through + g.mean(axes.statistic, keepdim=True)
        results["dx"] = (g - through) * rstd
    store(results, a)


def real(problem):
    """Statistics and parameters are f64 for f64, else f32."""
    return TYPES["f64" if problem.dtype == "f64" else "f32"]


def store(results, a):
    """inductor fuses the copies with what computes the values."""
    for key, value in results.items():
        if key in a:
            a[key].copy_(value)


def compiled(problem, axes, names, threads):
    formula = backward if problem.backward else forward

    def step(*tensors):
        formula(problem, axes, dict(zip(names, tensors)))

    # What was compiled is kept with the code, of which each kernel has its own.
    step = types.FunctionType(step.__code__.replace(), step.__globals__, step.__name__, None,
                              step.__closure__)
    options = {"cpp.threads": threads}
    if hasattr(torch.compiler, "keep_tensor_guards_unsafe"):  # The problem does not change.
        options["guard_filter_fn"] = torch.compiler.keep_tensor_guards_unsafe
    return torch.compile(step, fullgraph=True, dynamic=False, options=options)


def prepare(problem, buffers, threads):
    torch.set_num_threads(threads)
    axes = problem.axes
    names = list(buffers)
    parts = [[part(axes, buffers[key], at) for key in names] for at in range(axes.parts)]
    environment = dict(os.environ)  # inductor leaves variables of its own in it.
    step = compiled(problem, axes, names, threads)
    step(*[torch.ones_like(tensor) for tensor in parts[0]])  # Compiles, away from the buffers.
    os.environ.clear()
    os.environ.update(environment)

    def run():
        for tensors in parts:
            step(*tensors)

    run.detail = f"inductor, {compiler()}, {threads} thread{'s' if threads > 1 else ''}"
    return run


def compiler():
    """The compiler that inductor calls, and the vectors that it then makes."""
    known = subprocess.run([CXX, "-dumpfullversion", "-dumpversion"], capture_output=True,
                           text=True, check=False).stdout.split()
    isa = pick_vec_isa()
    return f"{os.path.basename(CXX)} {known[0] if known else '?'}, {isa if isa else 'no vectors'}"
