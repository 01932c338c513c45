import math

import numpy as np
import torch
from golden import *

inf, nan = math.inf, math.nan
spread = lambda *shape: uniform(-3, 3, *shape)

# Reductions over some or all dimensions: value, kept dimension, several dimensions, non-contiguous, zero-size.
def over_dims(name, f, make=spread, smooth=False, empty=True, several=True, scalar=True, options=None, **extra):
    """`f(x, dim, keepdim)`, where dim may be None, a number or a list."""
    given = options or {}
    keep = {"keepdim": True}
    call = lambda dim, keepdim=False: (lambda x: f(x, dim, keepdim))
    arg = [given] if given else []
    case(name, make(3, 4), *([...] + arg if arg else []), torch=call(None), smooth=smooth, **extra)
    case(name, make(3, 4), 1, *arg, torch=call(1), smooth=smooth, **extra)
    case(name, make(2, 3, 4), -2, {**given, **keep}, torch=call(-2, True), **extra)
    case(name, make(4, 3).permuted(1, 0), 0, *arg, torch=call(0), **extra)
    if scalar:
        case(name, make(), *([...] + arg if arg else []), torch=call(None), **extra)
    if several:
        case(name, make(2, 3, 4), [0, -1], *arg, torch=call([0, -1]), smooth=smooth, **extra)
        case(name, make(2, 3, 4).permuted(2, 0, 1), [2, 0], {**given, **keep}, torch=call([2, 0], True), **extra)
    if empty:
        case(name, make(0, 3), 0, *arg, torch=call(0), **extra)
        case(name, make(0, 3), 1, *arg, torch=call(1), **extra)
        case(name, make(2, 0, 3), *([...] + arg if arg else []), torch=call(None), **extra)


over_dims("Tensor.sum", lambda x, d, k: torch.sum(x, d, keepdim=k), smooth=True)
over_dims("Tensor.mean", lambda x, d, k: torch.mean(x, d, keepdim=k), smooth=True)
over_dims("Tensor.nansum", lambda x, d, k: torch.nansum(x, d, keepdim=k), smooth=True)
over_dims("Tensor.nanmean", lambda x, d, k: torch.nanmean(x, d, keepdim=k), smooth=True)
over_dims("Tensor.amax", lambda x, d, k: torch.amax(x, () if d is None else d, keepdim=k), empty=False)
over_dims("Tensor.amin", lambda x, d, k: torch.amin(x, () if d is None else d, keepdim=k), empty=False)
over_dims("Tensor.logSumExp", lambda x, d, k: torch.logsumexp(x, tuple(range(x.dim())) if d is None else d, keepdim=k), smooth=True)
over_dims("Tensor.prod", lambda x, d, k: x.prod() if d is None else x.prod(d, keepdim=k), smooth=True, several=False)
over_dims("Tensor.var", lambda x, d, k: torch.var(x, d, keepdim=k), smooth=True, scalar=False)
over_dims("Tensor.std", lambda x, d, k: torch.std(x, d, keepdim=k), smooth=True, scalar=False)
for correction in (0, 2):
    options = {"correction": correction}
    over_dims("Tensor.var", lambda x, d, k: torch.var(x, d, correction=correction, keepdim=k), smooth=True, empty=False, scalar=False, options=options)
    over_dims("Tensor.std", lambda x, d, k: torch.std(x, d, correction=correction, keepdim=k), empty=False, scalar=False, options=options)
for dtype in ("int32", "uint8", "bool"):
    top = 2 if dtype == "bool" else 9
    for name, f in (("sum", torch.sum), ("prod", torch.prod), ("nansum", torch.nansum), ("amax", torch.amax), ("amin", torch.amin)):
        case(f"Tensor.{name}", ints(0, top, 3, 4, dtype=dtype), 1, torch=lambda x: f(x, 1))
    case("Tensor.logSumExp", ints(0, top, 3, 4, dtype=dtype), 1, torch=lambda x: torch.logsumexp(x, 1))
for dtype in ("float16", "bfloat16"):
    for name, f in (("sum", torch.sum), ("mean", torch.mean), ("amax", torch.amax), ("var", torch.var), ("std", torch.std), ("logSumExp", torch.logsumexp), ("prod", torch.prod)):
        case(f"Tensor.{name}", uniform(0.5, 2, 3, 4, dtype=dtype, grad=False), 1, torch=lambda x: f(x, 1))
    case("Tensor.norm", uniform(0.5, 2, 3, 4, dtype=dtype, grad=False), 3, 1, torch=lambda x: x.norm(3, 1))
    case("Tensor.mean", uniform(60000, 60001, 4, dtype=dtype, grad=False), torch=torch.mean)
case("Tensor.sum", values([1e8, 1.0, -1e8, 1.0], grad=False), torch=torch.sum)
case("Tensor.prod", values([[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]]), 1, torch=lambda x: x.prod(1), smooth=True)
case("Tensor.prod", values([0.0, 2.0, 3.0]), torch=torch.prod, smooth=True)
case("Tensor.var", values([1000.0, 1001.0, 1002.0], grad=False), torch=torch.var)
case("Tensor.var", values([2.0]), torch=torch.var, gradcheck=False)
case("Tensor.std", values([[2.0, 2.0], [1.0, 3.0]]), 1, torch=lambda x: x.std(1), gradcheck=False)
case("Tensor.nansum", values([[1.0, nan, 3.0], [nan, nan, nan]]), 1, torch=lambda x: x.nansum(1), gradcheck=False)
case("Tensor.nanmean", values([[1.0, nan, 3.0], [2.0, 4.0, nan]]), 1, torch=lambda x: x.nanmean(1), gradcheck=False)
case("Tensor.nanmean", values([[1.0, nan], [nan, nan]], grad=False), 1, torch=lambda x: x.nanmean(1))
case("Tensor.amax", values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), 1, torch=lambda x: x.amax(1), gradcheck=False)
case("Tensor.amin", values([[1.0, 1.0, 3.0], [2.0, 2.0, 2.0]]), [0, 1], torch=lambda x: x.amin((0, 1)), gradcheck=False)
case("Tensor.amax", values([1.0, nan, 3.0], grad=False), torch=torch.amax)
case("Tensor.logSumExp", values([[1000.0, 1000.0], [-1000.0, 3.0]]), 1, torch=lambda x: x.logsumexp(1))
case("Tensor.logSumExp", values([[-inf, -inf], [inf, 1.0], [-inf, 2.0], [nan, 1.0]], grad=False), 1, torch=lambda x: x.logsumexp(1))

for name, f in (("all", torch.all), ("any", torch.any)):
    for make in (lambda *s: ints(0, 2, *s, dtype="bool"), lambda *s: ints(-1, 2, *s), lambda *s: values(np.random.default_rng(1).integers(0, 2, s), grad=False)):
        case(f"Tensor.{name}", make(3, 4), torch=f)
        case(f"Tensor.{name}", make(4, 3).permuted(1, 0), 1, torch=lambda x: f(x, 1))
        case(f"Tensor.{name}", make(2, 3, 4), [0, 2], {"keepdim": True}, torch=lambda x: f(x, (0, 2), keepdim=True))
    case(f"Tensor.{name}", ints(0, 2, 0, 3, dtype="bool"), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", ints(0, 2, 0, dtype="bool"), torch=f)
    case(f"Tensor.{name}", values([nan], grad=False), torch=f)
case("Tensor.countNonzero", ints(-1, 2, 3, 4), torch=torch.count_nonzero)
case("Tensor.countNonzero", ints(-1, 2, 4, 3).permuted(1, 0), 1, torch=lambda x: torch.count_nonzero(x, 1))
case("Tensor.countNonzero", values([[0.0, nan, 1.0], [-0.0, 0.0, 2.0]], grad=False), [0, 1], torch=lambda x: torch.count_nonzero(x, (0, 1)))
case("Tensor.countNonzero", ints(0, 2, 5, dtype="bool"), torch=torch.count_nonzero)
case("Tensor.countNonzero", ints(0, 2, 0, 3), 0, torch=lambda x: torch.count_nonzero(x, 0))

# Extremes and where they stand.
for name, f in (("max", torch.max), ("min", torch.min)):
    case(f"Tensor.{name}", spread(3, 4), torch=f)
    case(f"Tensor.{name}", values([[1.0, 5.0], [5.0, 1.0]]), torch=f, gradcheck=False)
    case(f"Tensor.{name}", spread(3, 4), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", spread(2, 3, 4).permuted(2, 0, 1), -2, {"keepdim": True}, torch=lambda x: f(x, -2, keepdim=True))
    case(f"Tensor.{name}", values([[1.0, 3.0, 3.0], [1.0, 1.0, 3.0]]), 1, torch=lambda x: f(x, 1), gradcheck=False)
    case(f"Tensor.{name}", values([[1.0, nan, nan], [2.0, inf, -inf]], grad=False), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", spread(), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", spread(0, 3), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", ints(-9, 9, 3, 4), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", ints(0, 2, 3, 4, dtype="bool"), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", uniform(-2, 2, 3, 4, dtype="bfloat16", grad=False), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", ints(-9, 9, 3, 4), torch=f)
for name, f in (("argMax", torch.argmax), ("argMin", torch.argmin)):
    case(f"Tensor.{name}", spread(3, 4), torch=f)
    case(f"Tensor.{name}", spread(3, 4), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", spread(4, 3).permuted(1, 0), 0, {"keepdim": True}, torch=lambda x: f(x, 0, keepdim=True))
    case(f"Tensor.{name}", values([[1.0, nan, nan], [2.0, 2.0, 1.0]], grad=False), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", values([3.0, nan, 5.0], grad=False), torch=f)
    case(f"Tensor.{name}", ints(-9, 9, 3, 4), torch=f)
    case(f"Tensor.{name}", spread(), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", spread(), torch=f)
    case(f"Tensor.{name}", spread(0, 3), 1, torch=lambda x: f(x, 1))
case("Tensor.aminmax", spread(3, 4), torch=torch.aminmax)
case("Tensor.aminmax", spread(4, 3).permuted(1, 0), {"dim": 1, "keepdim": True}, torch=lambda x: torch.aminmax(x, dim=1, keepdim=True))
case("Tensor.aminmax", ints(-9, 9, 3, 4), {"dim": 0}, torch=lambda x: torch.aminmax(x, dim=0))

# Norms of every order.
for p in (2, 1, 0, 3, 1.5, 0.5, -1, inf, -inf):
    smooth = p not in (0, inf, -inf, 1)
    away = lambda *shape: uniform(0.3, 3, *shape)
    make = away if p in (0.5, -1) else spread
    grads = p != 0
    case("Tensor.norm", make(3, 4), p, torch=lambda x: x.norm(p), smooth=smooth, grads=grads)
    case("Tensor.norm", make(3, 4), p, 1, torch=lambda x: x.norm(p, 1), smooth=smooth, grads=grads)
    case("Tensor.norm", make(2, 3, 4).permuted(2, 0, 1), p, [0, 2], {"keepdim": True}, torch=lambda x: x.norm(p, (0, 2), keepdim=True), grads=grads)
    if p not in (inf, -inf, -1):
        case("Tensor.norm", make(0, 3), p, 0, torch=lambda x: x.norm(p, 0), grads=grads)
    case("Tensor.dist", make(3, 4), make(4), p, torch=lambda x, y: torch.dist(x, y, p), grads=grads, gradcheck=smooth and make is spread)
case("Tensor.norm", values([[0.0, 0.0], [3.0, -4.0]]), 2, 1, torch=lambda x: x.norm(2, 1), gradcheck=False)
case("Tensor.norm", values([[0.0, 0.0], [3.0, -4.0]]), 3, 1, torch=lambda x: x.norm(3, 1), gradcheck=False)
case("Tensor.norm", values([0.0, 2.0, -1.0]), 1, torch=lambda x: x.norm(1), gradcheck=False)
case("Tensor.norm", values([3.0, 3.0, -3.0, 1.0]), inf, torch=lambda x: x.norm(inf), gradcheck=False)
case("Tensor.norm", values([-1.0, 3.0]), torch=torch.norm, smooth=True)
case("Tensor.norm", spread(), 2, torch=lambda x: x.norm(2))
case("Tensor.dist", spread(2, 3), spread(2, 3), torch=torch.dist, smooth=True)
case("Tensor.renorm", spread(3, 4), 2, 0, 1.5, torch=lambda x: x.renorm(2, 0, 1.5), smooth=True)
case("Tensor.renorm", spread(4, 3, 2).permuted(1, 0, 2), 1, 1, 4, torch=lambda x: x.renorm(1, 1, 4.0))
case("Tensor.renorm", spread(2, 3), 3, -1, 100, torch=lambda x: x.renorm(3, -1, 100.0))

# Order statistics.
for name, f in (("median", torch.median), ("nanmedian", torch.nanmedian)):
    case(f"Tensor.{name}", spread(3, 4), torch=f)
    case(f"Tensor.{name}", spread(5), torch=f)
    case(f"Tensor.{name}", spread(3, 4), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", spread(4, 5).permuted(1, 0), 0, {"keepdim": True}, torch=lambda x: f(x, 0, keepdim=True))
    case(f"Tensor.{name}", values([[1.0, nan, 3.0, 2.0], [4.0, 1.0, 0.0, 2.0]], grad=False), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", values([1.0, nan, 3.0], grad=False), torch=f)
    case(f"Tensor.{name}", values([nan], grad=False), torch=f)
    case(f"Tensor.{name}", randn(0, grad=False), torch=f)
    case(f"Tensor.{name}", ints(-99, 99, 3, 4), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", spread(), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", spread(0, 3), 1, torch=lambda x: f(x, 1))
case("Tensor.mode", values([[1.0, 2.0, 2.0, 3.0, 1.0, 2.0], [5.0, 4.0, 4.0, 5.0, 3.0, 0.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]], grad=False), torch=torch.mode)
case("Tensor.mode", values([[1.0, 2.0, 2.0], [2.0, 2.0, 3.0]]).permuted(1, 0), 1, {"keepdim": True}, torch=lambda x: torch.mode(x, 1, keepdim=True), gradcheck=False)
case("Tensor.mode", ints(0, 3, 2, 7), 1, torch=lambda x: torch.mode(x, 1))
case("Tensor.mode", ints(0, 3, 7, 2), 0, torch=lambda x: torch.mode(x, 0))
case("Tensor.mode", spread(), 0, torch=lambda x: torch.mode(x, 0))
case("Tensor.kthvalue", spread(3, 5), 2, torch=lambda x: torch.kthvalue(x, 2))
case("Tensor.kthvalue", spread(5, 3).permuted(1, 0), 3, 0, {"keepdim": True}, torch=lambda x: torch.kthvalue(x, 3, 0, keepdim=True))
case("Tensor.kthvalue", ints(-99, 99, 3, 5), 5, 1, torch=lambda x: torch.kthvalue(x, 5, 1))
case("Tensor.kthvalue", values([2.0, nan, 1.0], grad=False), 2, torch=lambda x: torch.kthvalue(x, 2))
for name, f in (("quantile", torch.quantile), ("nanquantile", torch.nanquantile)):
    q = lambda x: torch.tensor([0.0, 0.3, 0.5, 1.0], dtype=x.dtype)
    for how in ("linear", "lower", "higher", "midpoint", "nearest"):
        case(f"Tensor.{name}", spread(3, 6), [0.0, 0.3, 0.5, 1.0], 1, {"interpolation": how}, torch=lambda x: f(x, q(x), 1, interpolation=how))
    case(f"Tensor.{name}", spread(3, 4), 0.4, torch=lambda x: f(x, 0.4))
    case(f"Tensor.{name}", spread(3, 4), 0.4, ..., {"keepdim": True}, torch=lambda x: f(x, 0.4, keepdim=True))
    case(f"Tensor.{name}", spread(5, 3, 2).permuted(2, 0, 1), 0.25, 1, {"keepdim": True}, torch=lambda x: f(x, 0.25, 1, keepdim=True))
    case(f"Tensor.{name}", spread(5, 3), [0.1, 0.9], 0, {"keepdim": True}, torch=lambda x: f(x, torch.tensor([0.1, 0.9], dtype=x.dtype), 0, keepdim=True))
    case(f"Tensor.{name}", spread(3, 4), values([0.25, 0.75], grad=False), 1, torch=lambda x, p: f(x, p, 1))
    case(f"Tensor.{name}", values([[1.0, nan, 3.0, 2.0], [4.0, 1.0, 0.0, 2.0], [nan, nan, nan, nan]], grad=False), 0.5, 1, torch=lambda x: f(x, 0.5, 1))
    case(f"Tensor.{name}", spread(), 0.5, torch=lambda x: f(x, 0.5))

# Covariance and counts.
case("Tensor.cov", randn(3, 5), torch=torch.cov, smooth=True)
case("Tensor.cov", randn(5, 3).permuted(1, 0), {"correction": 0}, torch=lambda x: torch.cov(x, correction=0), smooth=True)
case("Tensor.cov", randn(6), torch=torch.cov, smooth=True)
case("Tensor.cov", randn(2, 4), {"fweights": ints(1, 4, 4)}, torch=lambda x, f: torch.cov(x, fweights=f), smooth=True)
case("Tensor.cov", randn(2, 4), {"aweights": uniform(0.5, 2, 4, grad=False)}, torch=lambda x, a: torch.cov(x, aweights=a), smooth=True)
case("Tensor.cov", randn(2, 4), {"fweights": ints(1, 4, 4), "aweights": uniform(0.5, 2, 4, grad=False), "correction": 0}, torch=lambda x, f, a: torch.cov(x, correction=0, fweights=f, aweights=a), smooth=True)
case("Tensor.cov", randn(2, 4), {"fweights": ints(1, 4, 4), "aweights": uniform(0.5, 2, 4, grad=False)}, torch=lambda x, f, a: torch.cov(x, fweights=f, aweights=a), smooth=True)
case("Tensor.corrcoef", randn(3, 5), torch=torch.corrcoef, smooth=True)
case("Tensor.corrcoef", randn(5, 2).permuted(1, 0), torch=torch.corrcoef)
case("Tensor.corrcoef", randn(6, grad=False), torch=torch.corrcoef)
case("Tensor.histc", uniform(-2, 6, 40, grad=False), {"bins": 7, "min": -1, "max": 5}, torch=lambda x: torch.histc(x, 7, -1, 5))
case("Tensor.histc", uniform(-2, 6, 4, 10, grad=False).permuted(1, 0), {"bins": 5}, torch=lambda x: torch.histc(x, 5))
case("Tensor.histc", values([1.0, 2.0, 3.0, 4.0, 4.0, 5.0, 1.0], grad=False), {"bins": 4, "min": 1, "max": 5}, torch=lambda x: torch.histc(x, 4, 1, 5))
case("Tensor.histc", values([2.0, 2.0, 2.0], grad=False), {"bins": 3}, torch=lambda x: torch.histc(x, 3))
case("Tensor.histc", randn(20, grad=False), torch=torch.histc)
case("Tensor.bincount", ints(0, 6, 12), torch=torch.bincount)
case("Tensor.bincount", ints(0, 6, 12, dtype="uint8"), {"minlength": 9}, torch=lambda x: torch.bincount(x, minlength=9))
case("Tensor.bincount", ints(0, 6, 8), {"weights": uniform(0, 2, 8, grad=False)}, torch=lambda x, w: torch.bincount(x, w))
case("Tensor.bincount", ints(0, 6, 0), torch=torch.bincount)

for options, f in (
    ({}, lambda x: torch.histogram(x, 5)),
    ({"range": [-1, 2]}, lambda x: torch.histogram(x, 5, range=(-1.0, 2.0))),
    ({"range": [-1, 2], "density": True}, lambda x: torch.histogram(x, 5, range=(-1.0, 2.0), density=True)),
):
    case("Tensor.histogram", uniform(-2, 3, 6, 5, grad=False).permuted(1, 0), 5, options, torch=f)
case("Tensor.histogram", uniform(-2, 3, 20, grad=False), 4, {"weight": uniform(0, 2, 20, grad=False)}, torch=lambda x, w: torch.histogram(x, 4, weight=w))
case("Tensor.histogram", values([1.0, 2.0, 2.0, 3.0, 5.0, 0.5, 8.0], grad=False), values([1.0, 2.0, 4.0, 5.0], grad=False), torch=torch.histogram)
case("Tensor.histogram", values([2.0, 2.0], grad=False), 3, torch=lambda x: torch.histogram(x, 3))
case("Tensor.sumToSize", spread(2, 3, 4), [3, 1], torch=lambda x: x.sum_to_size(3, 1), smooth=True)
case("Tensor.sumToSize", spread(3, 2).permuted(1, 0), 2, 3, torch=lambda x: x.sum_to_size(2, 3))
case("Tensor.sumToSize", spread(2, 3), [], torch=lambda x: x.sum_to_size(()))

# Running sums, products and extremes.
smooth_runs = (("cumsum", torch.cumsum), ("cumprod", torch.cumprod), ("logcumsumexp", torch.logcumsumexp))
for name, f in smooth_runs:
    case(f"Tensor.{name}", spread(3, 5), 1, torch=lambda x: f(x, 1), smooth=True)
    case(f"Tensor.{name}", spread(2, 4, 3).permuted(2, 0, 1), -1, torch=lambda x: f(x, -1), smooth=True)
    case(f"Tensor.{name}", spread(3, 2, 2), 0, torch=lambda x: f(x, 0), smooth=True)
    case(f"Tensor.{name}", spread(0, 3), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", spread(), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", values([1.0, nan, 2.0], grad=False), 0, torch=lambda x: f(x, 0))
    if name != "logcumsumexp":
        case(f"Tensor.{name}", ints(-3, 3, 3, 4), 1, torch=lambda x: f(x, 1))
        case(f"Tensor.{name}", ints(0, 2, 3, 4, dtype="bool"), 1, torch=lambda x: f(x, 1))
        case(f"Tensor.{name}", ints(0, 4, 3, 4, dtype="uint8"), 0, torch=lambda x: f(x, 0))
case("Tensor.cumprod", values([[2.0, 0.0, 3.0, 4.0], [0.0, 1.0, 0.0, 2.0], [1.0, -2.0, 3.0, 0.0]]), 1, torch=lambda x: x.cumprod(1), smooth=True)
case("Tensor.cumprod", spread(9), 0, torch=lambda x: x.cumprod(0), smooth=True)
case("Tensor.logcumsumexp", values([1000.0, 1001.0, -1000.0, 5.0]), 0, torch=lambda x: x.logcumsumexp(0))
case("Tensor.logcumsumexp", values([-inf, -inf, 1.0, inf, 2.0], grad=False), 0, torch=lambda x: x.logcumsumexp(0))
for name, f in (("cummax", torch.cummax), ("cummin", torch.cummin)):
    case(f"Tensor.{name}", spread(3, 5), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", spread(4, 2, 3).permuted(1, 2, 0), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", values([1.0, 3.0, 3.0, 2.0, 3.0, 1.0, 1.0]), 0, torch=lambda x: f(x, 0), gradcheck=False)
    case(f"Tensor.{name}", values([1.0, nan, 3.0, nan, 0.0], grad=False), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", ints(-9, 9, 3, 4), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", spread(0, 3), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", spread(), 0, torch=lambda x: f(x, 0))
case("Tensor.diff", spread(3, 5), torch=torch.diff, smooth=True)
case("Tensor.diff", spread(5, 3).permuted(1, 0), 2, 1, torch=lambda x: torch.diff(x, 2, 1), smooth=True)
case("Tensor.diff", spread(3, 4), 1, 0, {"prepend": spread(1, 4), "append": spread(2, 4)}, torch=lambda x, a, b: torch.diff(x, 1, 0, prepend=a, append=b))
case("Tensor.diff", ints(-9, 9, 3, 4), torch=torch.diff)
case("Tensor.diff", ints(0, 2, 6, dtype="bool"), torch=torch.diff)
case("Tensor.diff", spread(3, 2), 4, torch=lambda x: torch.diff(x, 4))
case("Tensor.diff", spread(0), torch=torch.diff)

# Normalised exponentials.
for name, f in (("softmax", torch.softmax), ("logSoftmax", torch.log_softmax)):
    case(f"Tensor.{name}", spread(3, 4), 1, torch=lambda x: f(x, 1), smooth=True)
    case(f"Tensor.{name}", spread(2, 3, 4).permuted(2, 0, 1), 0, torch=lambda x: f(x, 0), smooth=True)
    case(f"Tensor.{name}", values([[1e4, -1e4, 0.0], [1e4, 1e4, 1e4]]), -1, torch=lambda x: f(x, -1))
    case(f"Tensor.{name}", spread(0, 3), 1, torch=lambda x: f(x, 1))
    case(f"Tensor.{name}", spread(), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", uniform(-3, 3, 2, 3, dtype="float16", grad=False), 1, torch=lambda x: f(x, 1))
