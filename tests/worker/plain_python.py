"""A backend of plain Python, for the tests: batch norm of f32 and f64, forward."""

import math

name = "plain-python"
version = "1"


def supports(problem):
    if problem.norm != "batch" or problem.backward:
        return "only batch norm, forward"
    if problem.dtype not in ("f32", "f64"):
        return f"Python has no arithmetic in {problem.dtype}"
    return None


def accuracy(problem):
    return {"roundings": problem.values_per_channel - 1 if problem.dtype == "f64" else 0}


def positions(problem, channel, batch):
    """Where the values of a channel in a mini-batch lie."""
    l_step, c_step = (1, problem.l) if problem.layout == "ncl" else (problem.c, 1)
    first = batch * problem.batch
    return [sample * problem.c * problem.l + channel * c_step + position * l_step
            for sample in range(first, first + problem.batch) for position in range(problem.l)]


def prepare(problem, buffers, threads):
    memory = {name: buffer.memory for name, buffer in buffers.items()}
    x, y = memory["x"], memory["y"]
    where = {(batch, channel): positions(problem, channel, batch)
             for batch in range(problem.mini_batches) for channel in range(problem.c)}

    def statistics(batch, channel):
        if problem.uses_running_statistics:
            return memory["running_mean"][channel], memory["running_var"][channel]
        values = [x[at] for at in where[batch, channel]]
        mean = math.fsum(values) / len(values)
        return mean, math.fsum((value - mean) ** 2 for value in values) / len(values)

    def update(batch, channel, mean, variance, rstd):
        at = batch * problem.c + channel
        memory["mean"][at], memory["variance"][at], memory["rstd"][at] = mean, variance, rstd
        count, m = problem.values_per_channel, problem.momentum
        for running, statistic in (("running_mean", mean),
                                   ("running_var", variance * count / (count - 1))):
            memory[running][channel] = (1 - m) * memory[running][channel] + m * statistic

    def run():
        for (batch, channel), places in where.items():
            mean, variance = statistics(batch, channel)
            rstd = 1 / math.sqrt(variance + problem.eps)
            gamma = memory["gamma"][channel] if problem.affine else 1.0
            beta = memory["beta"][channel] if problem.affine else 0.0
            for at in places:
                y[at] = (x[at] - mean) * rstd * gamma + beta
            if problem.pass_ == "forward_training":
                update(batch, channel, mean, variance, rstd)

    return run
