import torch
import torch.nn.functional as F
from golden import *

SPACE = {1: (9,), 2: (5, 6), 3: (5, 4, 4)}
MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
LP = {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d}
UNPOOL = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}
ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
ADAPTIVE_AVG = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def options(given):
    return {snake(k): tuple(v) if isinstance(v, list) else v for k, v in given.items()}


def distinct(*shape):
    """All elements differ clearly, so that no maximum changes under small differences."""
    n = int(np.prod(shape))
    return Input(rounded(rng.permutation(n).reshape(shape) * 0.37 - 0.15 * n), "float32")


for rank, space in SPACE.items():
    x = lambda: distinct(2 if rank < 3 else 1, 2, *space)
    name = f"F.maxPool{rank}d"
    for kernel, given in [
        (2, {}),
        (3, {"stride": 2, "padding": 1}),
        (3, {"stride": 2, "ceilMode": True}),
        (2, {"stride": 1, "dilation": 2}),
        (2, {"stride": 3, "padding": 1, "ceilMode": True}),
    ]:
        case(name, x(), kernel, given, torch=lambda t: MAX[rank](t, kernel, **options(given)))
    case(name, distinct(2, *space), 2, torch=lambda t: MAX[rank](t, 2))
    case(name, x(), 2, {"returnIndices": True, "stride": 1, "padding": 1},
         torch=lambda t: MAX[rank](t, 2, stride=1, padding=1, return_indices=True))
    case(name, distinct(2, *space), 3, {"returnIndices": True}, torch=lambda t: MAX[rank](t, 3, return_indices=True))

    name = f"F.avgPool{rank}d"
    for kernel, given in [
        (2, {}),
        (3, {"stride": 2, "padding": 1}),
        (3, {"stride": 2, "padding": 1, "countIncludePad": False}),
        (3, {"stride": 2, "ceilMode": True}),
        (2, {"stride": 3, "padding": 1, "ceilMode": True}),
        (2, {"stride": 3, "padding": 1, "ceilMode": True, "countIncludePad": False}),
    ]:
        case(name, randn(2 if rank < 3 else 1, 2, *space), kernel, given, torch=lambda t: AVG[rank](t, kernel, **options(given)), smooth=given == {})
    case(name, randn(2, *space), 2, torch=lambda t: AVG[rank](t, 2))
    if rank > 1:
        case(name, randn(2 if rank < 3 else 1, 2, *space), 2, {"divisorOverride": 3}, torch=lambda t: AVG[rank](t, 2, divisor_override=3))

    name = f"F.lpPool{rank}d"
    for p, kernel, given in [(2, 2, {}), (3, 3, {"stride": 2}), (1.5, 2, {"stride": 3, "ceilMode": True})]:
        case(name, uniform(0.5, 2, 1, 2, *space), p, kernel, given, torch=lambda t: LP[rank](t, p, kernel, **options(given)), smooth=given == {})

    name = f"F.maxUnpool{rank}d"
    pooled, where = MAX[rank](distinct(2, 2, *space).torch(False), 2, return_indices=True)
    index = Input(where.numpy(), "int32", False)
    given = {"outputSize": list(space)}
    case(name, randn(*pooled.shape), index, 2, given, torch=lambda t, i: UNPOOL[rank](t, i.long(), 2, output_size=space))
    pooled, where = MAX[rank](distinct(2, *space).torch(False), 2, stride=3, padding=1, return_indices=True)
    index = Input(where.numpy(), "int32", False)
    case(name, randn(*pooled.shape), index, 2, {"stride": 3, "padding": 1, "outputSize": list(space)},
         torch=lambda t, i: UNPOOL[rank](t, i.long(), 2, 3, 1, output_size=space))

    for out in [1, 2, [3, 5, 2][:rank], [None, 3, None][:rank]]:
        size = out if isinstance(out, int) else tuple(out)
        size = space if rank == 1 and size == (None,) else size
        case(f"F.adaptiveAvgPool{rank}d", randn(2 if rank < 3 else 1, 2, *space), out, torch=lambda t: ADAPTIVE_AVG[rank](t, size), smooth=out == 2)
        case(f"F.adaptiveMaxPool{rank}d", x(), out, torch=lambda t: ADAPTIVE_MAX[rank](t, size))
    case(f"F.adaptiveAvgPool{rank}d", randn(2, *space), 3, torch=lambda t: ADAPTIVE_AVG[rank](t, 3))
    case(f"F.adaptiveMaxPool{rank}d", distinct(2, *space), 3, torch=lambda t: ADAPTIVE_MAX[rank](t, 3))
    case(f"F.adaptiveMaxPool{rank}d", x(), 2, {"returnIndices": True}, torch=lambda t: ADAPTIVE_MAX[rank](t, 2, return_indices=True))

case("F.maxPool2d", distinct(0, 2, 4, 4), 2, torch=lambda t: F.max_pool2d(t, 2))
case("F.maxPool2d", distinct(6, 2, 3, 5).permuted(1, 2, 3, 0), [3, 2], {"stride": [1, 2]}, torch=lambda t: F.max_pool2d(t, (3, 2), (1, 2)))
case("F.maxPool2d", values([[[[1, 1, 2, 2], [1, 1, 2, 2]]]]), 2, {"returnIndices": True}, torch=lambda t: F.max_pool2d(t, 2, return_indices=True), gradcheck=False)
case("F.maxPool2d", values([[[[1, np.nan, -3, -np.inf], [1, 1, 2, 2]]]], grad=False), 2, {"returnIndices": True}, torch=lambda t: F.max_pool2d(t, 2, return_indices=True))
case("F.avgPool2d", randn(0, 2, 4, 4), 2, torch=lambda t: F.avg_pool2d(t, 2))
case("F.avgPool2d", randn(6, 2, 3, 5).permuted(1, 2, 3, 0), [3, 2], {"stride": [1, 2], "padding": [1, 0]}, torch=lambda t: F.avg_pool2d(t, (3, 2), (1, 2), (1, 0)))
case("F.avgPool2d", randn(1, 2, 4, 4, dtype="float16"), 2, torch=lambda t: F.avg_pool2d(t, 2))
case("F.lpPool2d", values([[[[0, 0, 1], [0, 0, 2], [3, 1, 0]]]]), 2, 2, {"stride": 1}, torch=lambda t: F.lp_pool2d(t, 2, 2, 1), gradcheck=False)
case("F.lpPool2d", distinct(1, 1, 4, 4), 1, 2, torch=lambda t: F.lp_pool2d(t, 1, 2))

samples = uniform(0, 1, 2, 3, 2, grad=False)
case("F.fractionalMaxPool2d", distinct(2, 3, 7, 9), 2, {"outputSize": [4, 5], "randomSamples": samples, "returnIndices": True},
     torch=lambda t, s: F.fractional_max_pool2d(t, 2, output_size=(4, 5), _random_samples=s.to(t.dtype), return_indices=True))
case("F.fractionalMaxPool2d", distinct(2, 3, 8, 10), [2, 3], {"outputRatio": 0.5, "randomSamples": samples},
     torch=lambda t, s: F.fractional_max_pool2d(t, (2, 3), output_ratio=(0.5, 0.5), _random_samples=s.to(t.dtype)))
samples3 = uniform(0, 1, 1, 2, 3, grad=False)
case("F.fractionalMaxPool3d", distinct(1, 2, 5, 6, 7), 2, {"outputSize": [3, 3, 4], "randomSamples": samples3, "returnIndices": True},
     torch=lambda t, s: F.fractional_max_pool3d(t, 2, output_size=(3, 3, 4), _random_samples=s.to(t.dtype), return_indices=True))
