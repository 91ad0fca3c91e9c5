"""State and outputs of modules beside those of PyTorch in Python, with files of state in between.

The files are read and written here by few lines of their own: safetensors is not in Debian."""

import json
import os
import random
import struct
import subprocess

import numpy
import pytest

try:
    import torch
except ImportError:
    torch = None

pytestmark = pytest.mark.skipif(torch is None, reason="python3-torch is not installed")

TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64"}


def type_of(name):
    return getattr(torch, TYPES[name])


def name_of(dtype):
    return next(name for name in TYPES if type_of(name) == dtype)


def bits(tensor):
    """The bytes of a tensor in the order of its elements."""
    flat = tensor.detach().contiguous().reshape(-1)
    if flat.dtype == torch.bfloat16:  # which numpy has not
        flat = flat.view(torch.int16)
    return flat.numpy().tobytes()


def save(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        first = len(data)
        data += bits(tensor)
        header[name] = {"dtype": name_of(tensor.dtype), "shape": list(tensor.shape),
                        "data_offsets": [first, len(data)]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def load(path):
    file = path.read_bytes()
    (length,) = struct.unpack("<Q", file[:8])
    header = json.loads(file[8:8 + length])
    data = file[8 + length:]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            assert entry["format"] == "pt"
            continue
        first, end = entry["data_offsets"]
        if first == end:  # which torch cannot view as another type
            tensors[name] = torch.empty(entry["shape"], dtype=type_of(entry["dtype"]))
            continue
        raw = numpy.frombuffer(data[first:end], dtype=numpy.uint8).copy()
        tensors[name] = torch.from_numpy(raw).view(type_of(entry["dtype"])).reshape(entry["shape"])
    return tensors


class Driver:
    """The modules of harness/nn, by commands."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0
        self.process = subprocess.Popen([os.environ["NN_DRIVER"]], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def do(self, command):
        assert self.ask(command) == "ok"

    def file(self, tensors=None):
        self.count += 1
        path = self.folder / f"{self.count}.safetensors"
        if tensors is not None:
            save(path, tensors)
        return path

    def forward(self, x):
        """y, or an error in words."""
        to = self.file()
        answer = self.ask(f"forward {self.file({'x': x})} {to}")
        return load(to)["y"] if answer == "ok" else answer

    def backward(self, dy):
        to = self.file()
        self.do(f"backward {self.file({'dy': dy})} {to}")
        return load(to)

    def state(self):
        path = self.file()
        self.do(f"save {path}")
        return load(path)


@pytest.fixture
def driver(tmp_path):
    one = Driver(tmp_path)
    yield one
    one.process.stdin.close()
    assert one.process.wait() == 0


def assert_same_bits(one, other):
    assert sorted(one) == sorted(other)
    for name, tensor in one.items():
        assert tensor.dtype == other[name].dtype and tensor.shape == other[name].shape, name
        assert bits(tensor) == bits(other[name]), name


def drawn(seed, *shape, dtype=None):
    generator = torch.Generator().manual_seed(seed)
    drawn_in_double = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return drawn_in_double.to(dtype or torch.float32)


def network():
    return torch.nn.Sequential(torch.nn.Conv1d(2, 4, 3), torch.nn.BatchNorm1d(4), torch.nn.ReLU(),
                               torch.nn.Linear(6, 3))


def right_outputs(state, x):
    """The network's outputs in evaluation, in double, and how far one in f32 may be off.

    A sum of K products and b is off by (K + 1) u (sum |w x| + |b|), beside sum |w| times the error
    of x. Batch norm passes on |s| times the error of z, s = gamma * rstd, and adds, as scale and
    shift (harness/check/oracle.cpp),
      2 (5u |s (z - mean)| + u (|s (z - mean)| + |y|)) + 2u (|s| (2 |z| + 2 |mean|) + |y|).
    ReLU brings nothing further apart. Terms of second order are less than 2^-16 of these."""
    u = 2.0**-24
    s = {name: tensor.double() for name, tensor in state.items()}
    x = x.double()
    conv = torch.nn.functional.conv1d
    z = conv(x, s["0.weight"], s["0.bias"])
    size = conv(x.abs(), s["0.weight"].abs(), s["0.bias"].abs())
    error = 7 * u * size
    column = lambda vector: vector[None, :, None]
    scale = column(s["1.weight"] / (s["1.running_var"] + 1e-5).sqrt())
    mean = column(s["1.running_mean"])
    scaled = (z - mean) * scale
    y = scaled + column(s["1.bias"])
    error = (scale.abs() * error + 2 * (6 * u * scaled.abs() + u * y.abs())
             + 2 * u * (scale.abs() * 2 * (z.abs() + mean.abs()) + y.abs()))
    y = y.clamp(min=0)
    out = y @ s["3.weight"].T + s["3.bias"]
    size = y @ s["3.weight"].abs().T + s["3.bias"].abs()
    error = error @ s["3.weight"].abs().T + 7 * u * size
    return out, error * (1 + 2.0**-16)


def assert_outputs(state, x, *sides):
    expected, bound = right_outputs(state, x)
    for y in sides:
        assert bool(((y.double() - expected).abs() <= bound).all())
    # That this can fail: a weight that is off by a thousandth shows.
    wrong = dict(state, **{"1.weight": state["1.weight"] * 1.001})
    expected, bound = right_outputs(wrong, x)
    assert not bool(((sides[0].double() - expected).abs() <= bound).all())


def test_a_model_trained_here_gives_the_same_in_pytorch(driver):
    driver.do("network")
    first = driver.state()
    for step in range(20):
        y = driver.forward(drawn(step, 8, 2, 8))
        driver.backward(y - drawn(100 + step, 8, 4, 3))
        driver.do("sgd 0.01")
    state = driver.state()
    assert state["1.num_batches_tracked"].item() == 20
    assert not torch.equal(state["3.weight"], first["3.weight"])

    model = network()
    assert str(model.load_state_dict(state)) == "<All keys matched successfully>"
    assert_same_bits(dict(model.state_dict()), state)
    model.eval()
    driver.do("eval")
    x = drawn(7, 5, 2, 8)
    assert_outputs(state, x, driver.forward(x), model(x).detach())


def test_a_model_trained_in_pytorch_gives_the_same_here(driver):
    torch.manual_seed(3)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(20):
        optimizer.zero_grad()
        loss = ((model(drawn(step, 8, 2, 8)) - drawn(100 + step, 8, 4, 3))**2).sum()
        loss.backward()
        optimizer.step()
    state = dict(model.state_dict())
    driver.do("network")
    driver.do(f"load {driver.file(state)}")
    assert_same_bits(driver.state(), state)
    model.eval()
    driver.do("eval")
    x = drawn(7, 5, 2, 8)
    assert_outputs(state, x, model(x).detach(), driver.forward(x))


@pytest.mark.parametrize("own, name", [("f32", "F32"), ("f64", "F64")])
def test_norms_go_both_ways_bit_for_bit(driver, own, name):
    dtype = type_of(name)
    for kind, module in [("batch", torch.nn.BatchNorm1d(3, dtype=dtype)),
                         ("instance", torch.nn.InstanceNorm1d(3, affine=True, dtype=dtype,
                                                              track_running_stats=True))]:
        driver.do(f"{kind} 3 {own} 1 1 naive")
        module(drawn(1, 4, 3, 5, dtype=dtype))
        driver.do(f"load {driver.file(module.state_dict())}")
        assert_same_bits(driver.state(), dict(module.state_dict()))


def test_every_type_survives_a_state_dict(driver):
    state = {"a": drawn(1, 3, dtype=torch.bfloat16), "b": drawn(2, 2, 2, dtype=torch.float16),
             "c": drawn(3, 0, 4), "d": torch.tensor([-2**63, 2**63 - 1]),
             "e": torch.tensor([float("nan"), float("inf"), -0.0, 5e-324], dtype=torch.float64)}
    to = driver.file()
    driver.do(f"copy {driver.file(state)} {to}")
    assert_same_bits(load(to), state)


def test_state_in_bf16_is_widened(driver):
    module = torch.nn.BatchNorm1d(3).to(torch.bfloat16)
    torch.nn.init.normal_(module.weight)
    driver.do("batch 3 f32 1 1 naive")
    driver.do(f"load {driver.file(module.state_dict())}")
    assert torch.equal(driver.state()["weight"], module.weight.detach().float())


def test_an_old_file_has_no_count_and_keeps_it(driver):
    driver.do("batch 3 f32 1 1 naive")
    driver.forward(drawn(1, 4, 3))
    driver.forward(drawn(2, 4, 3))
    old = {name: tensor for name, tensor in torch.nn.BatchNorm1d(3).state_dict().items()
           if name != "num_batches_tracked"}
    driver.do(f"load {driver.file(old)}")
    assert driver.state()["num_batches_tracked"].item() == 2
    # And PyTorch takes one of ours without it.
    state = driver.state()
    del state["num_batches_tracked"]
    torch.nn.BatchNorm1d(3).load_state_dict(state)


def test_errors_of_loading_are_those_of_pytorch(driver):
    state = {"weight": torch.zeros(4), "running_mean": torch.zeros(1, 3), "other": torch.zeros(2),
             "running_var": torch.ones(3), "num_batches_tracked": torch.tensor(1)}
    driver.do("batch 3 f32 1 1 naive")
    before = driver.state()
    with pytest.raises(RuntimeError) as error:
        torch.nn.BatchNorm1d(3).load_state_dict(state)
    words = str(error.value).replace("\n", " ")
    assert driver.ask(f"load {driver.file(state)}") == "RuntimeError " + words
    assert_same_bits(driver.state(), before)


# Numbers of f64 below 2^5, sums of at most 60 of them, 16 steps: below 2^-53 * 2^5 * 2^6 * 2^4.
CLOSE = 2.0**-38


def assert_close(one, other, what):
    assert one.shape == other.shape, what
    same = (one - other).abs() <= CLOSE
    assert bool((same | (one.isnan() & other.isnan())).all()), what


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("kind", ["batch", "instance"])
def test_random_histories(driver, kind, seed):
    """Of Python's own modules, with flags that change after construction."""
    choice = random.Random(seed)
    c, affine, tracked = choice.randint(1, 4), choice.random() < 0.6, choice.random() < 0.7
    layer = torch.nn.BatchNorm1d if kind == "batch" else torch.nn.InstanceNorm1d
    module = layer(c, affine=affine, track_running_stats=tracked, dtype=torch.float64)
    backend = choice.choice(["naive", "openmp"])
    driver.do(f"{kind} {c} f64 {int(affine)} {int(tracked)} {backend}")
    for step in range(16):
        action = choice.randrange(6)
        if action == 0:
            module.train(not module.training)
            driver.do("train" if module.training else "eval")
        elif action == 1:
            module.track_running_stats = not module.track_running_stats
            driver.do(f"flag {int(module.track_running_stats)}")
        elif action == 2:
            # Of Python 1.13's instance norm, None is an error of its own.
            values = [0.1, 0.0, 1.0, -0.2] + ([None] if kind == "batch" else [])
            module.momentum = choice.choice(values)
            driver.do(f"momentum {'none' if module.momentum is None else module.momentum}")
        shapes = [(4, c), (3, c, 5), (1, c), (1, c, 1), (2, c + 1, 3), (c,), (2, c, 2, 2)]
        if kind == "batch":
            shapes += [(0, c), (0, c, 2), (3, c, 0)]
        x = drawn(1000 * seed + step, *choice.choice(shapes), dtype=torch.float64)
        x.requires_grad_(True)
        y = driver.forward(x)
        try:
            expected = module(x)
        except (ValueError, RuntimeError) as error:
            words = f"{type(error).__name__} {error}"
            assert isinstance(y, str), words
            # Newer versions look at the channels of an affine instance norm first, in these words.
            if "to match num_features" in y:
                assert kind == "instance" and affine and x.shape[0 if x.dim() == 2 else 1] != c
            else:
                assert y == words
            expected = None
        state = driver.state()
        for name, tensor in module.state_dict().items():
            assert_close(state[name].double(), tensor.double(), name)
        if expected is None:
            continue
        assert not isinstance(y, str), y
        assert_close(y, expected.detach(), "y")
        if x.numel() == 0:
            continue
        dy = drawn(step, *expected.shape, dtype=torch.float64)
        module.zero_grad()
        expected.backward(dy)
        gradients = driver.backward(dy)
        assert_close(gradients["dx"], x.grad, "dx")
        for name, parameter in module.named_parameters():
            assert_close(gradients[name], parameter.grad, name)
