"""PyTorch as a side of the benchmarks: answers every line of JSON on its input with one on its output (see ../side.ts).

Needs torch alone.
"""
import json
import math
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

FEWEST, UNHEEDED = 5, 0.1  # as in ../answer.ts
DTYPES = {"F32": torch.float32, "I32": torch.int32, "I64": torch.int64, "F64": torch.float64}


def read_safetensors(path):
    """Tensors by name; the format is a length, a JSON header, and the data."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=DTYPES[entry["dtype"]])
        # clone: memory as PyTorch aligns it itself.
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return tensors


def sample(values, count=256):
    values = values.detach().reshape(-1)
    length = min(count, values.numel())
    return [values[i * values.numel() // length].item() for i in range(length)]


# Models: the names of parameters are those of ../work/models.ts.


def mlp(sizes):
    layers = []
    for i, (before, after) in enumerate(zip(sizes, sizes[1:])):
        layers += [nn.ReLU()] if i else []
        layers.append(nn.Linear(before, after))
    return nn.Sequential(*layers)


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10))


class Block(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.c2, self.b2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        if stride != 1 or channels != out:
            self.sc = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        else:
            self.sc = nn.Identity()

    def forward(self, x):
        return F.relu(self.b2(self.c2(F.relu(self.b1(self.c1(x))))) + self.sc(x))


def resnet18_cifar():
    layers, channels = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    for out, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        layers.append(Block(channels, out, stride))
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


class Recurrent(nn.Module):
    def __init__(self, cell, inputs, hidden, classes):
        super().__init__()
        self.r = getattr(nn, cell)(inputs, hidden, batch_first=True)
        self.o = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.o(self.r(x)[0][:, -1])


class GptLayer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.l1, self.l2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.p = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.f, self.g = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        n, t, width = x.shape
        parts = self.qkv(self.l1(x)).split(width, 2)
        q, k, v = (part.view(n, t, self.heads, width // self.heads).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.p(seen.transpose(1, 2).reshape(n, t, width))
        return x + self.g(F.gelu(self.f(self.l2(x))))


class Gpt(nn.Module):
    def __init__(self, vocabulary, width, heads, layers, context):
        super().__init__()
        self.e, self.pe = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.b = nn.Sequential(*[GptLayer(width, heads) for _ in range(layers)])
        self.ln, self.o = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        h = self.e(tokens) + self.pe(torch.arange(tokens.shape[1]))
        return self.o(self.ln(self.b(h))).flatten(0, 1)


MODELS = {"mlp": mlp, "cnn": cnn, "resnet18_cifar": resnet18_cifar, "recurrent": Recurrent, "gpt": Gpt}

# Kinds of work: each gives a function that does one iteration, and one that says where the iterations led.


def train(inputs, model, optimizer, compareLr=None, **_):
    x, y = (value if value.is_floating_point() else value.long() for value in map(inputs.pop, ("x", "y")))
    name = model.pop("name")
    net = MODELS[name](**model)
    net.load_state_dict({name.removeprefix("model."): value for name, value in inputs.items()})
    step = getattr(torch.optim, optimizer.pop("name"))(net.parameters(), **optimizer)
    step.param_groups[0]["lr"] = compareLr or optimizer["lr"]
    last = None

    def run():
        nonlocal last
        step.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        step.step()
        last = loss.item()

    def evidence():
        step.param_groups[0]["lr"] = optimizer["lr"]
        return [last]

    return run, evidence


def matmul(inputs, order, **_):
    a = inputs["a"].t() if order == "tn" else inputs["a"]
    b = inputs["b"].t() if order == "nt" else inputs["b"]
    out = torch.empty(a.shape[0], b.shape[1])
    return lambda: torch.mm(a, b, out=out), lambda: sample(out)


ROWS = {
    "softmax": lambda x: F.softmax(x, -1) ** 2,
    "layernorm": lambda x: F.layer_norm(x, x.shape[-1:]) ** 2,
    "gelu_chain": lambda x: F.gelu(x * 1.5 + 0.5) * x,
}


def rows(inputs, op, **_):
    x, op = inputs["x"].requires_grad_(), ROWS[op]

    def run():
        x.grad = None
        op(x).sum().backward()

    return run, lambda: sample(op(x)) + sample(x.grad)


def convolution(inputs, stride, padding, **options):
    x, w, dy = inputs["x"], inputs["w"], inputs["dy"]
    which, result = options["pass"], None

    def run():
        nonlocal result
        if which == "forward":
            result = F.conv2d(x, w, None, stride, padding)
        else:
            mask = (which == "data", which == "weight", False)
            gradients = torch.ops.aten.convolution_backward(
                dy, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, mask)
            result = gradients[0 if which == "data" else 1]

    return run, lambda: sample(result)


def attention(inputs, causal, **_):
    leaves = [inputs[name].requires_grad_() for name in "qkv"]

    def run():
        for x in leaves:
            x.grad = None
        F.scaled_dot_product_attention(*leaves, is_causal=causal).backward(inputs["dy"])

    return run, lambda: [number for x in leaves for number in sample(x.grad)]


KINDS = {"train": train, "matmul": matmul, "rows": rows, "convolution": convolution, "attention": attention}


def timed(run, iterations, seconds=0.0):
    """Milliseconds of each iteration: so many, and until so much time has passed."""
    times, now = [], time.perf_counter()
    end = now + seconds
    while len(times) < iterations or now < end:
        run()
        after = time.perf_counter()
        times.append((after - now) * 1e3)
        now = after
    return times


class Answers:
    def prepare(self, work, inputs, threads):
        torch.set_num_threads(threads)
        kind = work.pop("kind")
        self.run, self.evidence = KINDS[kind](read_safetensors(inputs), **work)
        return {"version": f"PyTorch {torch.__version__}"}

    def check(self, iterations):
        times = timed(self.run, iterations)
        evidence = self.evidence()
        if not all(map(math.isfinite, evidence)):  # JSON knows no other numbers
            raise ValueError("the result is not finite")
        return {"evidence": evidence, "firstMs": times[0]}

    def round(self, seconds):
        timed(self.run, 1, seconds * UNHEEDED)
        times = timed(self.run, FEWEST, seconds * (1 - UNHEEDED))
        return {"medianMs": statistics.median(times), "bestMs": min(times), "iterations": len(times)}


answers = Answers()
for line in sys.stdin:
    ask = json.loads(line)
    try:
        answer = getattr(answers, ask.pop("request"))(**ask)
    except Exception as error:
        answer = {"cannot": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
