"""NumPy: what somebody writes who knows it. Whole arrays, no temporaries, one thread."""

import math
from functools import partial

import normbench
import numpy as np

name = "numpy"
version = np.__version__

np.seterr(all="ignore")  # Denormal and huge input is meant: warnings of it would be timed.


def supports(problem):
    if problem.dtype not in ("f32", "f64"):
        return f"no arithmetic in {problem.dtype} that keeps statistics in f32"
    if problem.elements == 0:
        return "no values"
    return None


def accuracy(problem):
    """einsum and sums over outer axes add one value after the other."""
    if problem.norm == "none":
        return {}
    folded = problem.pass_ == "forward_inference" and problem.norm == "batch"
    return normbench.sequential(problem.longest_sum, grade="B" if folded else "A")


class Axes:
    """The data of a problem as an array with a letter for each axis, and the letters that one
    statistic and one parameter belong to."""

    def __init__(self, problem):
        self.samples = problem.merged_batch
        n, c, l, groups = self.samples, problem.c, problem.l, problem.groups
        sizes = {"n": n, "c": c, "l": l, "g": groups, "k": c // groups, "m": c * l}
        flat = problem.l == 1 or problem.layout == "nlc"
        if problem.norm in ("layer", "rms"):
            self.data, self.statistic, self.parameter = "nm", "n", "m"
        elif problem.norm == "group":
            self.data = "nlgk" if problem.layout == "nlc" else "ngkl"
            self.statistic, self.parameter = "ng", "gk"
        elif problem.norm == "instance":
            self.data = "nlc" if problem.layout == "nlc" else "ncl"
            self.statistic, self.parameter = "nc", "c"
        else:
            self.data, self.statistic, self.parameter = "nc" if flat else "ncl", "c", "c"
            sizes["n"] = n * l if flat else n
        self.sizes = sizes
        self.per_sample = self.statistic[0] == "n"

    def shape(self, letters):
        return tuple(self.sizes[letter] if letter in letters else 1 for letter in self.data)

    def size(self, letters):
        return math.prod(self.sizes[letter] for letter in letters)

    def rows(self, buffer, index, letters):
        """The part of a buffer that belongs to some samples, to broadcast against the data."""
        if buffer is None:
            return None
        size = self.size(letters)
        return buffer.stored.reshape(-1)[index * size:(index + 1) * size].reshape(
            self.shape(letters))

    def sums(self, values, letters, out):
        if self.data[-1] in letters:
            over = tuple(at for at, letter in enumerate(self.data) if letter not in letters)
            np.add.reduce(values, axis=over, out=out, keepdims=True)
        else:  # Along the last axis einsum is several times as fast.
            np.einsum(f"{self.data}->{letters}", values, out=self.squeezed(out, letters))

    def products(self, left, right, letters, out):
        """Sums of left * right, without an array of the products."""
        np.einsum(f"{self.data},{self.data}->{letters}", left, right,
                  out=self.squeezed(out, letters))

    def squeezed(self, values, letters):
        return values.reshape([self.sizes[letter] for letter in letters])


class Part:
    """The arrays of the samples `index * samples` and on."""

    def __init__(self, problem, axes, buffers, index):
        self.count = axes.size(axes.data) // axes.size(axes.statistic)
        for key in ("x", "y", "dy", "dx"):
            setattr(self, key, axes.rows(buffers.get(key), index, axes.data))
        for key in ("gamma", "beta"):
            setattr(self, key, axes.rows(buffers.get(key), 0, axes.parameter))
        for key in ("running_mean", "running_var"):
            setattr(self, key, axes.rows(buffers.get(key), 0, axes.statistic))
        for key in ("dgamma", "dbeta"):
            setattr(self, key, axes.rows(buffers.get(key), index, axes.parameter))
        data = buffers.x.stored.dtype

        def scratch(letters):
            return np.empty(axes.shape(letters), data)

        for key in ("mean", "variance", "rstd"):
            own = axes.rows(buffers.get(key), index, axes.statistic)
            setattr(self, key, scratch(axes.statistic) if own is None else own)
        self.one, self.two = scratch(axes.statistic), scratch(axes.statistic)
        both = "".join(a for a in axes.data if a in axes.statistic + axes.parameter)
        self.scale = scratch(both) if both != axes.data else None


def update(running, statistic, momentum, factor, scratch):
    running *= 1 - momentum
    np.multiply(statistic, momentum * factor, out=scratch)
    running += scratch


def find_rstd(variance, eps, rstd):
    np.add(variance, eps, out=rstd)
    np.sqrt(rstd, out=rstd)
    np.divide(1, rstd, out=rstd)


def forward(problem, axes, p):
    centered = p.x
    if problem.norm != "rms":
        axes.sums(p.x, axes.statistic, p.mean)
        p.mean /= p.count
        np.subtract(p.x, p.mean, out=p.y)
        centered = p.y
    axes.products(centered, centered, axes.statistic, p.variance)
    p.variance /= p.count
    find_rstd(p.variance, problem.eps, p.rstd)
    scale = p.rstd
    if p.gamma is not None and p.scale is not None:
        scale = np.multiply(p.rstd, p.gamma, out=p.scale)
    np.multiply(centered, scale, out=p.y)
    if p.gamma is not None and scale is p.rstd:
        p.y *= p.gamma
    if p.beta is not None:
        p.y += p.beta
    if p.running_mean is not None:
        unbiased = p.count / (p.count - 1)
        update(p.running_mean, p.mean, problem.momentum, 1, p.one)
        update(p.running_var, p.variance, problem.momentum, unbiased, p.one)


def infer(problem, axes, p):
    find_rstd(p.running_var, problem.eps, p.scale)
    if p.gamma is not None:
        p.scale *= p.gamma
    np.multiply(p.running_mean, p.scale, out=p.one)
    np.subtract(0 if p.beta is None else p.beta, p.one, out=p.one)
    np.multiply(p.x, p.scale, out=p.y)
    p.y += p.one


def backward(problem, axes, p):
    """Of batch and instance norm, where gamma is the same for all values of a statistic."""
    np.subtract(p.x, p.mean, out=p.dx)
    sum_dy, sum_dy_xc = p.one, p.two
    axes.sums(p.dy, axes.statistic, sum_dy)
    axes.products(p.dy, p.dx, axes.statistic, sum_dy_xc)
    sum_dy_xc *= p.rstd
    if p.dgamma is not None:
        over = (0,) if axes.per_sample else ()
        np.add.reduce(sum_dy_xc, axis=over, out=p.dgamma, keepdims=True)
        np.add.reduce(sum_dy, axis=over, out=p.dbeta, keepdims=True)
    sum_dy /= p.count
    sum_dy_xc *= p.rstd
    sum_dy_xc /= -p.count
    p.dx *= sum_dy_xc
    p.dx += p.dy
    p.dx -= sum_dy
    p.dx *= p.rstd if p.gamma is None else np.multiply(p.rstd, p.gamma, out=p.scale)


def backward_by_value(problem, axes, p, xh):
    """Of layer, rms and group norm, where values of a statistic have a gamma each. xh is as large
    as the data."""
    if problem.norm == "rms":
        np.multiply(p.x, p.rstd, out=xh)
    else:
        np.subtract(p.x, p.mean, out=xh)
        xh *= p.rstd
    if p.dgamma is not None:
        axes.products(p.dy, xh, axes.parameter, p.dgamma)
        if p.dbeta is not None:
            axes.sums(p.dy, axes.parameter, p.dbeta)
    if p.gamma is not None:
        np.multiply(p.dy, p.gamma, out=p.dx)
    g = p.dy if p.gamma is None else p.dx
    axes.products(g, xh, axes.statistic, p.two)
    p.two /= p.count
    if problem.norm != "rms":
        axes.sums(g, axes.statistic, p.one)
        p.one /= p.count
    xh *= p.two
    np.subtract(g, xh, out=p.dx)
    if problem.norm != "rms":
        p.dx -= p.one
    p.dx *= p.rstd


def backward_inference(problem, axes, p):
    find_rstd(p.running_var, problem.eps, p.rstd)
    scale = p.rstd
    if p.gamma is not None:
        np.subtract(p.x, p.running_mean, out=p.dx)
        axes.products(p.dy, p.dx, axes.parameter, p.dgamma)
        p.dgamma *= p.rstd
        axes.sums(p.dy, axes.parameter, p.dbeta)
        scale = np.multiply(p.rstd, p.gamma, out=p.scale)
    np.multiply(p.dy, scale, out=p.dx)


def one_by_one(calls):
    for call in calls:
        call()


def prepare(problem, buffers, threads):
    kernel = kernel_of(problem, buffers)
    kernel.detail = "1 thread"
    return kernel


def kernel_of(problem, buffers):
    if problem.norm == "none":
        source, target = (buffers.dy, buffers.dx) if problem.backward else (buffers.x, buffers.y)
        return partial(np.copyto, target.stored, source.stored)
    axes = Axes(problem)
    parts = [Part(problem, axes, buffers, index) for index in range(problem.n // axes.samples)]
    if problem.pass_ == "forward_inference" and problem.norm == "batch":
        calls = [partial(infer, problem, axes, part) for part in parts]
    elif not problem.backward:
        calls = [partial(forward, problem, axes, part) for part in parts]
    elif problem.pass_ == "backward_inference":
        calls = [partial(backward_inference, problem, axes, part) for part in parts]
    elif problem.norm in ("batch", "instance"):
        calls = [partial(backward, problem, axes, part) for part in parts]
    else:
        xh = np.empty_like(parts[0].x)
        calls = [partial(backward_by_value, problem, axes, part, xh) for part in parts]
    return calls[0] if len(calls) == 1 else partial(one_by_one, calls)
