"""JAX: the centered formulas, compiled by XLA for each problem. Arrays of JAX cannot change, so
load copies inputs into new ones, and collect copies results out. The running statistics are carried
from call to call, as in a training loop. Backward is the formula for saved statistics, not
jax.grad, which would compute them again."""

import os
from functools import partial

import normbench
import numpy as np

import jax
import jax.numpy as jnp
from jax.extend import backend as jax_backend

name = "jax"
version = jax.__version__
native_layout = True

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)  # Allows f64; all types are given below.

TYPES = {"f32": jnp.float32, "f64": jnp.float64, "bf16": jnp.bfloat16, "f16": jnp.float16}


def supports(problem):
    return "no values" if problem.elements == 0 else None


def accuracy(problem):
    """XLA's loops add up one value after the other."""
    if problem.norm == "none":
        return {}
    # XLA multiplies by 1 / n.
    return normbench.sequential(problem.longest_sum, exact_sums=False)


def forward(problem, axes, a):
    x = a["x"]
    if problem.norm == "none":
        return {"y": jnp.copy(x)}
    x = x.astype(TYPES[parameter_dtype(problem)])
    results = {}
    if problem.uses_running_statistics:
        centered = x - a["running_mean"]
        rstd = jax.lax.rsqrt(a["running_var"] + problem.eps)
    else:
        centered = x
        if problem.norm != "rms":
            results["mean"] = jnp.mean(x, axes.statistic, keepdims=True)
            centered = x - results["mean"]
        variance = jnp.mean(jnp.square(centered), axes.statistic, keepdims=True)
        rstd = jax.lax.rsqrt(variance + problem.eps)
        results.update(variance=variance, rstd=rstd)
    y = centered * rstd
    if "gamma" in a:
        y = y * a["gamma"]
    if "beta" in a:
        y = y + a["beta"]
    results["y"] = y.astype(a["x"].dtype)
    if problem.pass_ == "forward_training" and problem.norm == "batch":
        count, m = problem.values_per_channel, problem.momentum
        for key, statistic in (("running_mean", results["mean"]),
                               ("running_var", results["variance"] * (count / (count - 1)))):
            results[key] = (1 - m) * a[key] + m * statistic
    return results


def backward(problem, axes, a):
    if problem.norm == "none":
        return {"dx": jnp.copy(a["dy"])}
    real = TYPES[parameter_dtype(problem)]
    x, dy = a["x"].astype(real), a["dy"].astype(real)
    if problem.uses_running_statistics:
        mean, rstd = a["running_mean"], jax.lax.rsqrt(a["running_var"] + problem.eps)
    else:
        mean, rstd = a.get("mean", 0), a["rstd"]
    xh = (x - mean) * rstd
    results = {}
    if "gamma" in a:
        results["dgamma"] = jnp.sum(dy * xh, axes.parameter, keepdims=True)
        if problem.norm != "rms":
            results["dbeta"] = jnp.sum(dy, axes.parameter, keepdims=True)
    g = dy * a["gamma"] if "gamma" in a else dy
    if problem.uses_running_statistics:
        dx = g * rstd
    else:
        through = xh * jnp.mean(g * xh, axes.statistic, keepdims=True)
        if problem.norm != "rms":
            through = through + jnp.mean(g, axes.statistic, keepdims=True)
        dx = (g - through) * rstd
    results["dx"] = dx.astype(a["dy"].dtype)
    return results


def parameter_dtype(problem):
    return "f64" if problem.dtype == "f64" else "f32"


threads_now = None


def use_threads(threads):
    """XLA makes its threads when it starts, as many as NPROC says: with another number it has to
    start again. What is compiled already keeps its own."""
    global threads_now
    if threads == threads_now:
        return
    before = os.environ.get("NPROC")
    os.environ["NPROC"] = str(threads)
    try:
        jax_backend.clear_backends()
        jax.devices()
    finally:
        if before is None:
            del os.environ["NPROC"]
        else:
            os.environ["NPROC"] = before
    threads_now = threads


class Kernel:
    def __init__(self, problem, buffers, threads):
        use_threads(threads)
        axes = problem.axes
        self.carried = (("running_mean", "running_var") if problem.pass_ == "forward_training"
                        else ())
        self.views = [self.viewed(problem, axes, buffers, at) for at in range(axes.parts)]
        self.names = [key for key in self.views[0] if buffers[key].role != "output"]
        if problem.backward:
            # What the formula does not use is not lent: XLA would drop it.
            unused = {"variance", "x" if problem.norm == "none" else ""}
            self.names = [key for key in self.names if key not in unused]
        formula = partial(backward if problem.backward else forward, problem, axes)
        self.load()
        self.compiled = jax.jit(formula).lower(self.inputs[0]).compile()
        self.detail = f"XLA, {threads} thread{'s' if threads > 1 else ''}"

    @staticmethod
    def viewed(problem, axes, buffers, at):
        """NumPy's views of the part of each buffer that belongs to some samples."""
        views = {}
        for key, buffer in buffers.items():
            shape = axes.shape(key)
            size = int(np.prod(shape))
            values = buffer.stored.reshape(-1)
            if buffer.dtype == "bf16":
                values = values.view(jnp.bfloat16)
            # Parameters and running statistics belong to all mini-batches.
            first = 0 if size == values.size else at * size
            views[key] = values[first:first + size].reshape(shape)
        return views

    def load(self):
        self.inputs = [{key: jnp.array(views[key], copy=True) for key in self.names}
                       for views in self.views]
        jax.block_until_ready(self.inputs)
        self.state = {key: self.inputs[0][key] for key in self.carried if key in self.names}

    def run(self):
        self.results = []
        for inputs in self.inputs:
            inputs.update(self.state)
            results = self.compiled(inputs)
            self.state = {key: results[key] for key in self.state}
            self.results.append(results)
        for results in self.results:
            for result in results.values():
                result.block_until_ready()

    def collect(self):
        for views, results in zip(self.views, self.results):
            for key, result in results.items():
                if key in views:
                    views[key][...] = np.asarray(result)


def prepare(problem, buffers, threads):
    return Kernel(problem, buffers, threads)
