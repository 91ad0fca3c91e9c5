"""ONNX Runtime: a session for each problem, with inputs and outputs bound to the buffers. The model
is one operator, and small ones for PyTorch's running statistics. gamma and beta are inputs, as
constants would be folded. Group norm is instance norm of groups, as PyTorch exports it: version
1.32 makes 29 operators of GroupNormalization, with the variance as a difference of squares."""

import math
from functools import lru_cache, partial

import normbench
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

name = "onnxruntime"
version = ort.__version__

TYPES = {"f32": TensorProto.FLOAT, "f64": TensorProto.DOUBLE}
# The newest versions of operators that have what is needed.
OPERATORS = {"batch": ("BatchNormalization", 15), "layer": ("LayerNormalization", 17),
             "instance": ("InstanceNormalization", 22), "group": ("InstanceNormalization", 22),
             "rms": ("RMSNormalization", 23), "none": ("Identity", 16)}
# Of RMS norm with rstd as a second output: an operator of ONNX Runtime's own.
RMS_TRAINING = ("SimplifiedLayerNormalization", 17)


def operator_of(problem):
    if problem.norm == "rms" and problem.pass_ == "forward_training":
        return RMS_TRAINING
    return OPERATORS[problem.norm]


def supports(problem):
    if problem.elements == 0:
        return "no values"
    if problem.norm == "none":
        return None if problem.dtype in TYPES else f"{problem.dtype} is not wired up"
    if problem.backward:
        return "no backward"
    if problem.dtype not in TYPES:
        return f"parameters must be {problem.dtype} as the data is, and here they are f32"
    if problem.layout == "nlc" and problem.norm in ("instance", "group"):
        return "no channels last"
    if problem.pass_ == "forward_training" and problem.norm in ("instance", "group"):
        return "gives y alone, not the mean that backward needs"
    if problem.dtype == "f64" and float(np.float32(problem.eps)) != problem.eps:
        return f"eps is a float, which {problem.eps:g} is not, so f64 results are off"
    return missing_kernel(*operator_of(problem), problem.norm, problem.dtype)


@lru_cache(maxsize=None)
def missing_kernel(operator, opset, norm, dtype):
    """Tried out, as versions differ."""
    shape = (2, 2, 3) if norm in ("batch", "instance", "group") else (2, 6)
    parameter = (2,) if len(shape) == 3 else (6,)
    count = {"batch": 5, "rms": 2}.get(norm, 3)
    inputs = {f"in{at}": parameter for at in range(1, count)}
    node = helper.make_node(operator, ["x", *inputs], ["y"])
    try:
        session_of([node], {"x": shape, **inputs}, {"y": shape}, {}, dtype, opset, 1)
    except Exception as error:  # ONNX Runtime has a class for each status, none of them documented.
        return f"{operator} of {dtype}: {str(error).splitlines()[0].split(' : ')[-1][:200]}"
    return None


def accuracy(problem):
    if problem.norm == "none":
        return {}
    if problem.norm == "batch":
        # Packets of four or more along L, then one value for each sample.
        l, n = ((1, problem.batch * problem.l) if problem.layout == "nlc"
                else (problem.l, problem.batch))
        return {"grade": "B", "roundings": min(n + l // 4 + 3, n * l + 3)}
    values = {"instance": problem.l, "group": problem.c // problem.groups * problem.l}
    centered = problem.norm in ("layer", "rms")
    return normbench.sequential(values.get(problem.norm, problem.c * problem.l),
                                grade="A" if centered else "B",
                                exact_sums=problem.norm != "layer")  # As it updates.


def session_of(nodes, inputs, outputs, constants, dtype, opset, threads, shapes={}):
    def infos(shapes):
        return [helper.make_tensor_value_info(key, TYPES[dtype], shape)
                for key, shape in shapes.items()]

    initializers = [helper.make_tensor(key, TYPES[dtype], value.shape, value.ravel().tolist())
                    for key, value in constants.items()]
    initializers += [helper.make_tensor(key, TensorProto.INT64, [len(shape)], shape)
                     for key, shape in shapes.items()]
    graph = helper.make_graph(nodes, "norm", infos(inputs), infos(outputs), initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Awake between consecutive calls, as by default, but not for another 60 ms: on the CPUs of
    # whoever comes next.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "100")
    options.log_severity_level = 4
    return ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])


class Model:
    """Nodes, with the shapes of their inputs and outputs and the buffers that they are bound to."""

    def __init__(self, problem, samples):
        n, c, l = samples, problem.c, problem.l
        self.eps = problem.eps
        self.training = problem.pass_ == "forward_training" and problem.norm != "none"
        self.operator, self.opset = operator_of(problem)
        # name -> (buffer, shape, whether there is a part for each mini-batch)
        self.inputs, self.outputs, self.constants, self.shapes = {}, {}, {}, {}
        if problem.norm in ("layer", "rms", "none"):
            self.data, self.parameter = (n, c * l), (c * l,)
        elif problem.norm == "group":
            self.data, self.parameter = (n, c, l), (c, 1)
        elif problem.layout == "nlc" or l == 1 and problem.norm == "batch":
            self.data, self.parameter = (n * l, c), (c,)  # Each row a sample: the same statistics.
        else:
            self.data, self.parameter = (n, c, l), (c,)

    def parameters(self, problem, *names):
        """As inputs; without affine as constants, since operators must have them."""
        for key, value in zip(names, (1.0, 0.0)):
            if problem.affine:
                self.inputs[key] = (key, self.parameter, False)
            else:
                self.constants[key] = np.full(self.parameter, value)
        return list(names)


def batch_model(problem, samples):
    model = Model(problem, samples)
    inputs = ["x", *model.parameters(problem, "gamma", "beta")]
    model.inputs["x"] = ("x", model.data, True)
    model.outputs["y"] = ("y", model.data, True)
    c = (problem.c,)
    for key in ("running_mean", "running_var"):
        model.inputs[key] = (key, c, False)
    if not model.training:
        model.nodes = [helper.make_node(model.operator, inputs + ["running_mean", "running_var"],
                                        ["y"], epsilon=problem.eps)]
        return model
    # With a momentum of 0, its running statistics are those of the mini-batch. PyTorch's take the
    # unbiased variance, which the operator does not.
    model.constants.update(zero=np.zeros(c), one=np.ones(c))
    for key in ("mean", "variance"):
        model.outputs[key] = (key, c, True)
    model.nodes = [helper.make_node(model.operator, inputs + ["zero", "one"],
                                    ["y", "mean", "variance"], epsilon=problem.eps, momentum=0.0,
                                    training_mode=1)]
    count = problem.values_per_channel
    for key, statistic, factor in (("running_mean", "mean", 1.0),
                                   ("running_var", "variance", count / (count - 1))):
        model.constants[key + "_old"] = np.array(1 - problem.momentum)
        model.constants[key + "_new"] = np.array(problem.momentum * factor)
        model.nodes += [
            helper.make_node("Mul", [key, key + "_old"], [key + "_kept"]),
            helper.make_node("Mul", [statistic, key + "_new"], [key + "_added"]),
            helper.make_node("Add", [key + "_kept", key + "_added"], [key + "_updated"])]
        model.outputs[key + "_updated"] = (key, c, False)
    return model


def row_model(problem, samples):
    """Of layer and RMS norm, whose statistics are of a row, and of none."""
    model = Model(problem, samples)
    source, target = ("dy", "dx") if problem.backward else ("x", "y")
    model.inputs[source] = (source, model.data, True)
    model.outputs[target] = (target, model.data, True)
    names = {"none": (), "rms": ("gamma",), "layer": ("gamma", "beta")}[problem.norm]
    results = [target]
    if model.training:
        results += ["rstd"] if problem.norm == "rms" else ["mean", "rstd"]
        model.outputs.update({key: (key, (samples, 1), True) for key in results[1:]})
    attributes = {} if problem.norm == "none" else {"epsilon": problem.eps, "axis": -1}
    model.nodes = [helper.make_node(model.operator, [source, *model.parameters(problem, *names)],
                                    results, **attributes)]
    return model


def instance_model(problem, samples):
    model = Model(problem, samples)
    model.inputs["x"] = ("x", model.data, True)
    model.outputs["y"] = ("y", model.data, True)
    inputs = model.parameters(problem, "gamma", "beta")
    model.nodes = [helper.make_node(model.operator, ["x", *inputs], ["y"], epsilon=problem.eps)]
    return model


def group_model(problem, samples):
    model = Model(problem, samples)
    groups = (samples, problem.groups, problem.c // problem.groups * problem.l)
    model.inputs["x"] = ("x", groups, True)
    model.constants.update(one=np.ones(problem.groups), zero=np.zeros(problem.groups))
    if problem.affine:
        model.outputs["y"] = ("y", model.data, True)
        model.shapes["shape"] = model.data
        gamma, beta = model.parameters(problem, "gamma", "beta")
        model.nodes = [helper.make_node("Reshape", ["normalized", "shape"], ["channels"]),
                       helper.make_node("Mul", ["channels", gamma], ["scaled"]),
                       helper.make_node("Add", ["scaled", beta], ["y"])]
    else:
        model.outputs["y"] = ("y", groups, True)
        model.nodes = []
    model.nodes.insert(0, helper.make_node(
        model.operator, ["x", "one", "zero"], ["normalized" if problem.affine else "y"],
        epsilon=problem.eps))
    return model


MODELS = {"batch": batch_model, "layer": row_model, "rms": row_model, "none": row_model,
          "instance": instance_model, "group": group_model}


class Kernel:
    def __init__(self, problem, buffers, threads):
        self.problem, self.buffers = problem, buffers
        samples = problem.merged_batch
        model = MODELS[problem.norm](problem, samples)
        shapes = [{key: shape for key, (_, shape, _) in ends.items()}
                  for ends in (model.inputs, model.outputs)]
        self.session = session_of(model.nodes, *shapes, model.constants, problem.dtype, model.opset,
                                  threads, model.shapes)
        self.bindings = [self.bound(model, index) for index in range(problem.n // samples)]
        one = partial(self.session.run_with_iobinding, self.bindings[0])
        self.run = one if len(self.bindings) == 1 else self.run_all
        self.detail = f"{model.operator}-{model.opset}, {threads} thread{'s'[:threads - 1]}"
        if model.training:
            self.collect = self.fill_statistics

    def bound(self, model, index):
        binding = self.session.io_binding()
        for ends, bind in ((model.inputs, binding.bind_input),
                           (model.outputs, binding.bind_output)):
            for key, (source, shape, is_part) in ends.items():
                buffer = self.buffers[source]
                offset = index * math.prod(shape) * buffer.itemsize if is_part else 0
                bind(key, "cpu", 0, buffer.stored.dtype.type, shape, buffer.address + offset)
        return binding

    def run_all(self):
        for binding in self.bindings:
            self.session.run_with_iobinding(binding)

    def fill_statistics(self):
        """The one of variance and rstd that the operator does not give."""
        variance, rstd = (self.buffers[key].stored for key in ("variance", "rstd"))
        if self.problem.norm != "batch":
            x = self.buffers.x.stored.reshape(self.problem.n, -1).astype(np.float64)
            if self.problem.norm == "layer":
                x -= x.mean(axis=1, keepdims=True)
            variance[...] = np.mean(np.square(x), axis=1).reshape(variance.shape)
        else:
            rstd[...] = 1 / np.sqrt(variance.astype(np.float64) + self.problem.eps)


def prepare(problem, buffers, threads):
    return Kernel(problem, buffers, threads)
