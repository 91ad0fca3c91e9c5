"""OpenVINO: a model of the norm's operators, compiled for the CPU, with tensors over the buffers.
gamma, beta and the running statistics are inputs, as they change between calls; constants, as in a
deployed model, would be folded. RMS norm is written as exporters write it: OpenVINO fuses it."""

from functools import partial

import normbench
import numpy as np
import openvino as ov
from openvino import opset15 as ops

name = "openvino"
version = ov.get_version().split("-")[0]

core = ov.Core()


def supports(problem):
    if problem.elements == 0:
        return "no values"
    if problem.norm == "none":
        return "no norm, no model"
    if problem.pass_ != "forward_inference":
        return "inference only"
    if problem.dtype == "f64":
        return "computes f64 in f32"
    if problem.dtype != "f32":
        return f"{problem.dtype} is not wired up"
    if problem.norm == "group" and problem.layout == "nlc":
        return "GroupNormalization has no channels last"
    return None


def accuracy(problem):
    if problem.norm == "batch":
        return {"grade": "B"}
    values = {"instance": problem.l, "group": problem.c // problem.groups * problem.l}
    return normbench.sequential(values.get(problem.norm, problem.c * problem.l),
                                grade="B" if problem.norm == "group" else "A",
                                # MVN multiplies by 1 / n.
                                exact_sums=problem.norm not in ("layer", "instance"))


class Graph:
    def __init__(self, problem):
        self.inputs = {}
        n, c, l = problem.n, problem.c, problem.l
        last = problem.layout == "nlc"
        if problem.norm in ("layer", "rms"):
            self.data, self.parameter, axis = (n, c * l), (1, c * l), 1
        elif problem.norm == "batch":
            # Each row a sample, where the channels are last: they have no other statistics.
            self.data = (n * l, c) if last or l == 1 else (n, c, l)
            self.parameter = (c,)
        elif problem.norm == "group":
            self.data, self.parameter = (n, c, l), (c,)
        else:
            self.data = (n, l, c) if last else (n, c, l)
            self.parameter, axis = ((1, 1, c), 1) if last else ((1, c, 1), 2)
        x = self.input("x", self.data)
        if problem.norm == "batch":
            gamma, beta = self.both(problem)
            y = ops.batch_norm_inference(x, gamma, beta, self.input("running_mean", (c,)),
                                         self.input("running_var", (c,)), problem.eps)
        elif problem.norm == "group":
            y = ops.group_normalization(x, *self.both(problem), problem.groups, problem.eps)
        elif problem.norm == "rms":
            y = self.rms(x, axis, problem.eps)
        else:
            y = ops.mvn(x, ops.constant(np.array([axis])), True, problem.eps, "inside_sqrt")
        if problem.norm not in ("batch", "group") and problem.affine:
            y = ops.multiply(y, self.input("gamma", self.parameter))
            if problem.norm != "rms":
                y = ops.add(y, self.input("beta", self.parameter))
        self.model = ov.Model([y], list(self.inputs.values()), "norm")

    def input(self, key, shape):
        self.inputs[key] = ops.parameter(shape, ov.Type.f32, key)
        return self.inputs[key]

    def both(self, problem):
        """gamma and beta, for operators that must have them."""
        if problem.affine:
            return self.input("gamma", self.parameter), self.input("beta", self.parameter)
        return tuple(ops.constant(np.full(self.parameter, value, np.float32)) for value in (1, 0))

    @staticmethod
    def rms(x, axis, eps):
        squares = ops.power(x, ops.constant(np.float32(2)))
        mean = ops.reduce_mean(squares, ops.constant(np.array([axis])), True)
        root = ops.sqrt(ops.add(mean, ops.constant(np.float32(eps))))
        return ops.multiply(x, ops.divide(ops.constant(np.float32(1)), root))


class Kernel:
    def __init__(self, problem, buffers, threads):
        graph = Graph(problem)
        compiled = core.compile_model(graph.model, "CPU", {
            "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1})
        self.request = compiled.create_infer_request()
        for at, (key, parameter) in enumerate(graph.inputs.items()):
            self.request.set_input_tensor(at, self.over(buffers[key], parameter.shape))
        self.request.set_output_tensor(0, self.over(buffers.y, graph.data))
        # Otherwise infer() would copy y once more, to return it.
        self.run = partial(self.request.infer, share_outputs=True)
        self.detail = f"{self.executed(compiled)}, {threads} thread{'s' if threads > 1 else ''}"

    @staticmethod
    def over(buffer, shape):
        return ov.Tensor(buffer.writable_stored.reshape(tuple(shape)), shared_memory=True)

    @staticmethod
    def executed(compiled):
        """The layers of the compiled model that do something, with their kernels."""
        layers = []
        for layer in compiled.get_runtime_model().get_ordered_ops():
            facts = layer.get_rt_info()
            kind, kernel = facts["layerType"].value, facts["primitiveType"].value
            if kind not in ("Input", "Output", "Const", "Reshape"):
                layers.append(f"{kind} {kernel}")
        return " + ".join(layers)


def prepare(problem, buffers, threads):
    return Kernel(problem, buffers, threads)
