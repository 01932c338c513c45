"""Parameters that both sides can make: element i of a tensor is a function of i and the tensor's name (see filling.ts)."""

import zlib

import numpy as np
import torch


def uniform(seed: int, count: int) -> np.ndarray:
    """Numbers from -1 to 1 by a hash of their position (the finaliser of MurmurHash3)."""
    x = np.arange(count, dtype=np.uint32) + np.uint32(seed)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2**31 - 1


def seed_of(name: str) -> int:
    return zlib.crc32(name.encode())


def filled(name: str, shape: list[int]) -> torch.Tensor:
    count = int(np.prod(shape)) if shape else 1
    if name.endswith('num_batches_tracked'):
        return torch.zeros(shape, dtype=torch.int64)
    x = uniform(seed_of(name), count)
    if len(shape) > 1:
        x = x * np.sqrt(3 / (count / shape[0]))
    elif name.endswith('running_var'):
        x = 1 + x / 2
    elif name.endswith('weight'):
        x = 1 + x / 10
    else:
        x = x / 10
    return torch.from_numpy(x.astype(np.float32).reshape(shape))


def fill(model: torch.nn.Module) -> None:
    with torch.no_grad():
        for name, x in model.state_dict().items():
            x.copy_(filled(name, list(x.shape)))
