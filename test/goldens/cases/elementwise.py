import math

import numpy as np
import torch
from golden import *

inf, nan = math.inf, math.nan
special = lambda: values([inf, -inf, nan, 0.0, -0.0, 1.5, -1.5, 2.5, 1e30, -1e30], grad=False)

# Functions of one argument, each inside its domain and smooth there.
smooth_functions = [
    ("exp", torch.exp, -2, 2), ("exp2", torch.exp2, -2, 2), ("expm1", torch.expm1, -2, 2), ("log", torch.log, 0.2, 4),
    ("log2", torch.log2, 0.2, 4), ("log10", torch.log10, 0.2, 4), ("log1p", torch.log1p, -0.7, 4), ("sin", torch.sin, -4, 4),
    ("cos", torch.cos, -4, 4), ("tan", torch.tan, -1.2, 1.2), ("asin", torch.asin, -0.9, 0.9), ("acos", torch.acos, -0.9, 0.9),
    ("atan", torch.atan, -3, 3), ("sinh", torch.sinh, -2, 2), ("cosh", torch.cosh, -2, 2), ("tanh", torch.tanh, -2, 2),
    ("asinh", torch.asinh, -3, 3), ("acosh", torch.acosh, 1.2, 4), ("atanh", torch.atanh, -0.9, 0.9),
    ("sigmoid", torch.sigmoid, -4, 4), ("logit", torch.logit, 0.1, 0.9), ("sinc", torch.sinc, 0.1, 2), ("erf", torch.erf, -2.9, 2.9),
    ("erfc", torch.erfc, -2.9, 2.9), ("erfinv", torch.erfinv, -0.9, 0.9), ("lgamma", torch.lgamma, 0.2, 6),
    ("digamma", torch.digamma, 0.3, 6), ("i0", torch.i0, -4, 4), ("sqrt", torch.sqrt, 0.2, 4), ("rsqrt", torch.rsqrt, 0.3, 4),
    ("reciprocal", torch.reciprocal, 0.3, 4), ("square", torch.square, -3, 3), ("neg", torch.neg, -3, 3),
    ("deg2rad", torch.deg2rad, -300, 300), ("rad2deg", torch.rad2deg, -3, 3),
]
for name, f, lo, hi in smooth_functions:
    case(f"Tensor.{name}", uniform(lo, hi, 3, 5), torch=f, smooth=True)
    case(f"Tensor.{name}", uniform(lo, hi, 2, 3, 2).permuted(2, 0, 1), torch=f)
    case(f"Tensor.{name}", uniform(lo, hi, 0, 3), torch=f)
    case(f"Tensor.{name}", uniform(lo, hi, 3, dtype="float16", grad=False), torch=f)
    if name not in ("reciprocal", "square", "neg", "acosh"):
        case(f"Tensor.{name}", ints(0, 2, 4), torch=f)

# Far from the origin, where series and tails take over.
case("Tensor.erf", values([-6.0, -2.6, 2.4, 2.6, 3.5, 6.0, 0.0, 1e-4]), torch=torch.erf)
case("Tensor.erfc", values([-6.0, -2.6, 2.4, 2.6, 3.5, 6.0]), torch=torch.erfc)
case("Tensor.erfinv", values([-0.9999, 0.9999, 0.99, 1e-4, 0.0]), torch=torch.erfinv, gradcheck=False)
case("Tensor.erfinv", values([-1.0, 1.0, 1.5], grad=False), torch=torch.erfinv)
case("Tensor.lgamma", values([-2.5, -0.3, 0.1, 1.0, 2.0, 12.0, 100.0]), torch=torch.lgamma, smooth=True)
case("Tensor.lgamma", values([0.0, -1.0, inf, -inf], grad=False), torch=torch.lgamma)
case("Tensor.digamma", values([-2.5, -0.3, 0.1, 1.0, 12.0, 100.0]), torch=torch.digamma)
case("Tensor.digamma", values([0.0, inf], grad=False), torch=torch.digamma)
for n in (0, 1, 2, 3):
    case("Tensor.polygamma", uniform(0.4, 5, 2, 3), n, torch=lambda x: torch.polygamma(n, x), smooth=True)
case("Tensor.i0", values([-30.0, 12.0, 0.0, 60.0]), torch=torch.i0, gradcheck=False)
case("Tensor.sinc", values([0.0, 0.5, -1.0]), torch=torch.sinc)
case("Tensor.sigmoid", values([-100.0, -20.0, 20.0, 100.0]), torch=torch.sigmoid)
case("Tensor.logit", uniform(-0.2, 1.2, 12), {"eps": 0.1}, torch=lambda x: torch.logit(x, eps=0.1))
case("Tensor.logit", values([0.0, 1.0, -1.0], grad=False), torch=torch.logit)
for name in ("exp", "log", "log1p", "expm1", "tanh", "atan", "sqrt", "erf", "sigmoid", "exp2", "sinh", "asinh"):
    case(f"Tensor.{name}", special(), torch=getattr(torch, name))

def fractional(*shape):
    """Numbers from -3 to 3, at least 0.1 from whole and half ones."""
    x = uniform(0.1, 0.4, *shape)
    x.array = x.array + rng.integers(-6, 6, shape) / 2
    return x


# Functions with kinks: away from them in the gradient, on them in the value.
for name in ("abs", "sign", "floor", "ceil", "round", "trunc", "frac"):
    f = getattr(torch, name)
    case(f"Tensor.{name}", fractional(3, 4), torch=f)
    case(f"Tensor.{name}", fractional(3, 4).permuted(1, 0), torch=f)
    case(f"Tensor.{name}", uniform(-3, 3, 0), torch=f)
    case(f"Tensor.{name}", values([-2.5, -1.5, -0.5, 0.0, 0.5, 1.5, 2.5, 2.0]), torch=f, gradcheck=False)
    if name != "frac":
        case(f"Tensor.{name}", ints(-5, 5, 6), torch=f)
        case(f"Tensor.{name}", special(), torch=f)
case("Tensor.round", uniform(-3, 3, 6), {"decimals": 1}, torch=lambda x: torch.round(x, decimals=1))
case("Tensor.round", uniform(-300, 300, 6), {"decimals": -2}, torch=lambda x: torch.round(x, decimals=-2))
case("Tensor.abs", ints(0, 9, 4, dtype="uint8"), torch=torch.abs)
case("Tensor.neg", ints(0, 9, 4, dtype="uint8"), torch=torch.neg)
case("Tensor.neg", ints(-9, 9, 4), torch=torch.neg)
case("Tensor.square", ints(-9, 9, 4), torch=torch.square)
case("Tensor.relu", uniform(-2, 2, 3, 4), torch=torch.relu)
case("Tensor.relu", ints(-5, 5, 5), torch=torch.relu)
case("Tensor.hardShrink", uniform(-2, 2, 3, 4), torch=torch.nn.functional.hardshrink)
case("Tensor.hardShrink", uniform(-2, 2, 3, 4), {"lambd": 1.2}, torch=lambda x: torch.nn.functional.hardshrink(x, 1.2))
case("Tensor.prelu", randn(2, 3, 4), values([0.25]), torch=torch.prelu)
case("Tensor.prelu", randn(2, 3, 4), uniform(-1, 1, 3), torch=torch.prelu)
case("Tensor.prelu", randn(5), values([0.25]), torch=torch.prelu)
case("Tensor.nanToNum", values([inf, -inf, nan, 2.0, 0.0]), {"nan": 3, "posinf": 5, "neginf": -7}, torch=lambda x: torch.nan_to_num(x, 3, 5, -7), gradcheck=False)
case("Tensor.nanToNum", values([inf, -inf, nan, 2.0], dtype="float64"), torch=torch.nan_to_num, gradcheck=False)
case("Tensor.nanToNum", values([inf, -inf, nan, 2.0], dtype="float16", grad=False), torch=torch.nan_to_num)
case("Tensor.nanToNum", values([inf, -inf, nan, 2.0], dtype="bfloat16", grad=False), torch=torch.nan_to_num)
case("Tensor.nanToNum", ints(-5, 5, 3), torch=torch.nan_to_num)

# Arithmetic of two operands: broadcast, mixed with numbers, of several dtypes.
def away(*shape):
    """Divisors: between 0.5 and 2, of either sign."""
    x = uniform(0.5, 2, *shape)
    x.array = x.array * np.where(np.arange(x.array.size).reshape(shape) % 2, -1, 1)
    return x


for name, f in (("add", torch.add), ("sub", torch.sub), ("mul", torch.mul), ("div", torch.div)):
    case(f"Tensor.{name}", randn(2, 3), away(2, 3), torch=f, smooth=True)
    case(f"Tensor.{name}", randn(2, 1, 3), away(4, 1), torch=f, smooth=True)
    case(f"Tensor.{name}", randn(3, 2).permuted(1, 0), away(3), torch=f)
    case(f"Tensor.{name}", randn(0, 3), away(1, 3), torch=f)
    case(f"Tensor.{name}", randn(2, 3), 2.5, torch=lambda x: f(x, 2.5), smooth=True)
    case(f"Tensor.{name}", randn(), away(2), torch=f)
    case(f"Tensor.{name}", ints(-9, 9, 5), ints(1, 9, 5), torch=f)
    case(f"Tensor.{name}", ints(-9, 9, 5), 3, torch=lambda x: f(x, 3))
    case(f"Tensor.{name}", ints(-9, 9, 5), 0.5, torch=lambda x: f(x, 0.5))
    case(f"Tensor.{name}", ints(0, 200, 5, dtype="uint8"), ints(1, 200, 5, dtype="uint8"), torch=f)
    case(f"Tensor.{name}", ints(0, 9, 5, dtype="uint8"), ints(-9, -1, 5), torch=f)
    case(f"Tensor.{name}", ints(-9, 9, 5), uniform(1, 2, 5), torch=f)
    case(f"Tensor.{name}", uniform(1, 2, 5, dtype="float16", grad=False), uniform(1, 2, 5, dtype="bfloat16", grad=False), torch=f)
    case(f"Tensor.{name}", uniform(1, 2, 5, dtype="float16", grad=False), uniform(1, 2, dtype="float32", grad=False), torch=f)
    if name != "sub":
        case(f"Tensor.{name}", ints(0, 2, 5, dtype="bool"), ints(1, 5, 5), torch=f)
    case(f"Tensor.{name}", values(3.0, grad=False), special(), torch=f)
case("Tensor.add", ints(0, 2, 6, dtype="bool"), ints(0, 2, 6, dtype="bool"), torch=torch.add)
case("Tensor.mul", ints(0, 2, 6, dtype="bool"), ints(0, 2, 6, dtype="bool"), torch=torch.mul)
case("Tensor.add", randn(2, 3), randn(3), {"alpha": -0.5}, torch=lambda x, y: torch.add(x, y, alpha=-0.5), smooth=True)
case("Tensor.sub", ints(-9, 9, 3), ints(-9, 9, 3), {"alpha": 3}, torch=lambda x, y: torch.sub(x, y, alpha=3))
case("Tensor.mul", ints(2**20, 2**30, 6), ints(2**10, 2**20, 6), torch=lambda x, y: (x.to(torch.int32) * y.to(torch.int32)))

for mode in ("floor", "trunc"):
    case("Tensor.div", uniform(-5, 5, 3, 4), away(4), {"roundingMode": mode}, torch=lambda x, y: torch.div(x, y, rounding_mode=mode))
    case("Tensor.div", ints(-9, 9, 12), values([2, -3, 4, 5, -2, 3, -7, 1, 2, 3, -4, 5], dtype="int32"), {"roundingMode": mode}, torch=lambda x, y: torch.div(x, y, rounding_mode=mode))
for name, f in (("floorDivide", torch.floor_divide), ("remainder", torch.remainder), ("fmod", torch.fmod)):
    case(f"Tensor.{name}", uniform(-5, 5, 3, 4), away(4), torch=f, grads=name != "floorDivide")
    case(f"Tensor.{name}", uniform(-5, 5, 3, 4).permuted(1, 0), 1.3, torch=lambda x: f(x, 1.3), grads=name != "floorDivide")
    case(f"Tensor.{name}", uniform(-5, 5, 0, 4), away(4), torch=f, grads=name != "floorDivide")
    case(f"Tensor.{name}", ints(-9, 9, 12), values([2, -3, 4, 5, -2, 3, -7, 1, 2, 3, -4, 5], dtype="int32"), torch=f, grads=name != "floorDivide")
    case(f"Tensor.{name}", values([1.0, -1.0, 6.0, -6.0], grad=False), values([0.1, 0.1, 3.0, 3.0], grad=False), torch=lambda x, y: f(x.float(), y.float()))
    case(f"Tensor.{name}", values([1.0, -1.0, 0.0, inf, 5.0, nan], grad=False), values([0.0, 0.0, 0.0, 2.0, inf, 1.0], grad=False), torch=f, grads=name != "floorDivide")

case("Tensor.pow", uniform(0.3, 3, 2, 3), uniform(-2, 2, 3), torch=torch.pow, smooth=True)
case("Tensor.pow", randn(2, 3), 3, torch=lambda x: x.pow(3), smooth=True)
case("Tensor.pow", randn(2, 3), 2, torch=lambda x: x.pow(2), smooth=True)
case("Tensor.pow", uniform(0.3, 3, 4), 0.5, torch=lambda x: x.pow(0.5), smooth=True)
case("Tensor.pow", uniform(0.3, 3, 4), -1.5, torch=lambda x: x.pow(-1.5), smooth=True)
case("Tensor.pow", values([0.0, 2.0, -3.0]), 0, torch=lambda x: x.pow(0))
case("Tensor.pow", values([0.0, 0.0, 2.0]), values([2.0, 0.0, 0.0]), torch=torch.pow, gradcheck=False)
case("Tensor.pow", values([1.0, 1.0, -1.0, -1.0, 0.0, -2.0, 2.0], grad=False), values([nan, inf, inf, -inf, -1.0, 0.5, inf], grad=False), torch=torch.pow)
case("Tensor.pow", ints(-4, 5, 6), ints(0, 6, 6), torch=torch.pow)
case("Tensor.pow", ints(-4, 5, 6), 3, torch=lambda x: x.pow(3))
case("Tensor.pow", values([3, 7, -5], dtype="int32"), 25, torch=lambda x: x.to(torch.int32).pow(25))
case("Tensor.pow", values([1, -1, -1, 2], dtype="int32"), values([-3, -3, -2, -1], dtype="int32"), torch=torch.pow)
case("Tensor.pow", ints(1, 5, 4), 0.5, torch=lambda x: x.pow(0.5))
case("Tensor.pow", randn(0), 3, torch=lambda x: x.pow(3))

for name, f in (("maximum", torch.maximum), ("minimum", torch.minimum), ("fmax", torch.fmax), ("fmin", torch.fmin)):
    case(f"Tensor.{name}", randn(3, 4), randn(4), torch=f)
    case(f"Tensor.{name}", randn(4, 3).permuted(1, 0), randn(3, 1), torch=f)
    case(f"Tensor.{name}", randn(0, 4), randn(4), torch=f)
    case(f"Tensor.{name}", values([1.0, 2.0, 3.0]), values([1.0, 5.0, -3.0]), torch=f, gradcheck=False)
    case(f"Tensor.{name}", values([nan, 1.0, nan, inf], grad=False), values([1.0, nan, nan, 2.0], grad=False), torch=f)
    case(f"Tensor.{name}", ints(-5, 5, 6), ints(-5, 5, 6), torch=f)
case("Tensor.maximum", randn(3), 0.1, torch=lambda x: torch.maximum(x, torch.tensor(0.1, dtype=x.dtype)))

clamp_in = lambda: uniform(-3, 3, 3, 4)
case("Tensor.clamp", clamp_in(), -1, 1.5, torch=lambda x: x.clamp(-1, 1.5))
case("Tensor.clamp", clamp_in(), 0.25, torch=lambda x: x.clamp(0.25))
case("Tensor.clamp", clamp_in(), 2, -1, torch=lambda x: x.clamp(2, -1))
case("Tensor.clamp", clamp_in().permuted(1, 0), uniform(-2, 0, 3), uniform(0, 2, 3), torch=torch.clamp)
case("Tensor.clamp", values([-1.0, 0.0, 1.0, 2.0]), -1, 1, torch=lambda x: x.clamp(-1, 1), gradcheck=False)
case("Tensor.clamp", values([nan, inf, -inf], grad=False), -1, 1, torch=lambda x: x.clamp(-1, 1))
case("Tensor.clamp", ints(-9, 9, 6), -2, 4, torch=lambda x: x.clamp(-2, 4))
case("Tensor.clamp", ints(-9, 9, 6), -2.5, 4, torch=lambda x: x.clamp(-2.5, 4))
case("Tensor.clamp", randn(0), 0, 1, torch=lambda x: x.clamp(0, 1))

case("Tensor.lerp", randn(2, 3), randn(2, 3), uniform(0, 1, 3), torch=torch.lerp, smooth=True)
case("Tensor.lerp", randn(2, 3), randn(3), 0.3, torch=lambda x, y: torch.lerp(x, y, 0.3), smooth=True)
case("Tensor.lerp", randn(2, 3), randn(3), 0.8, torch=lambda x, y: torch.lerp(x, y, 0.8))
case("Tensor.lerp", randn(2, 3), randn(3), 1, torch=lambda x, y: torch.lerp(x, y, 1.0))
case("Tensor.lerp", randn(3, 2).permuted(1, 0), randn(3), -1.5, torch=lambda x, y: torch.lerp(x, y, -1.5))
case("Tensor.addcmul", randn(2, 3), randn(3), randn(2, 1), torch=torch.addcmul, smooth=True)
case("Tensor.addcmul", randn(2, 3), randn(3), randn(2, 1), {"value": -0.5}, torch=lambda x, a, b: torch.addcmul(x, a, b, value=-0.5), smooth=True)
case("Tensor.addcmul", ints(-5, 5, 3), ints(-5, 5, 3), ints(-5, 5, 3), {"value": 2}, torch=lambda x, a, b: torch.addcmul(x, a, b, value=2))
case("Tensor.addcdiv", randn(2, 3), randn(3), away(2, 1), torch=torch.addcdiv, smooth=True)
case("Tensor.addcdiv", randn(3, 2).permuted(1, 0), randn(3), away(2, 1), {"value": 2.5}, torch=lambda x, a, b: torch.addcdiv(x, a, b, value=2.5), smooth=True)
case("Tensor.addcdiv", randn(0, 3), randn(3), away(1), torch=torch.addcdiv)

case("Tensor.atan2", away(2, 3), away(3), torch=torch.atan2, smooth=True)
case("Tensor.atan2", values([0.0, -0.0, 1.0, -1.0, 0.0, -0.0], grad=False), values([-1.0, -1.0, 0.0, 0.0, 1.0, 1.0], grad=False), torch=torch.atan2)
case("Tensor.atan2", ints(-3, 3, 4), ints(1, 4, 4), torch=torch.atan2)
case("Tensor.atan2", away(3, 2).permuted(1, 0), 0.5, torch=lambda x: torch.atan2(x, torch.tensor(0.5, dtype=x.dtype)))
case("Tensor.hypot", away(2, 3), away(3), torch=torch.hypot, smooth=True)
case("Tensor.hypot", values([3e30, 1e-30, inf, 0.0], grad=False), values([4e30, 1e-30, 1.0, 0.0], grad=False), torch=torch.hypot)
case("Tensor.hypot", values([2.0, 0.0]), values([2.0, 3.0]), torch=torch.hypot, smooth=True)
case("Tensor.hypot", randn(0), randn(1), torch=torch.hypot)
case("Tensor.copysign", away(2, 3), away(3), torch=torch.copysign)
case("Tensor.copysign", values([0.0, 1.0, -1.0, 2.0]), values([-1.0, -0.0, 0.0, -9.0]), torch=torch.copysign, gradcheck=False)
case("Tensor.copysign", ints(-3, 3, 4), -2, torch=lambda x: torch.copysign(x, -2))
case("Tensor.ldexp", randn(2, 3), ints(0, 4, 3), torch=torch.ldexp, smooth=True)
case("Tensor.ldexp", randn(2, 3), values([-2.0, 0.5, 1.0], grad=False), torch=torch.ldexp, smooth=True)
case("Tensor.ldexp", randn(4, grad=False), ints(-3, 4, 4), torch=torch.ldexp)
case("Tensor.ldexp", randn(3, 2).permuted(1, 0), 3, torch=lambda x: torch.ldexp(x, torch.tensor(3)))
case("Tensor.logaddexp", randn(2, 3), randn(3), torch=torch.logaddexp, smooth=True)
case("Tensor.logaddexp", values([100.0, -100.0, 0.0, 3.0]), values([99.0, -150.0, 0.0, 3.0]), torch=torch.logaddexp, smooth=True)
case("Tensor.logaddexp", values([inf, -inf, -inf, inf, nan], grad=False), values([inf, -inf, 1.0, 1.0, 1.0], grad=False), torch=torch.logaddexp)
case("Tensor.logaddexp", randn(3, 2).permuted(1, 0), randn(3), torch=torch.logaddexp)
case("Tensor.logaddexp", randn(0), randn(1), torch=torch.logaddexp)
case("Tensor.logaddexp2", randn(2, 3), randn(3), torch=torch.logaddexp2, smooth=True)
case("Tensor.logaddexp2", values([100.0, -100.0, 0.0]), values([99.0, -150.0, 0.0]), torch=torch.logaddexp2)
case("Tensor.logaddexp2", randn(3, 2).permuted(1, 0), randn(3), torch=torch.logaddexp2)
case("Tensor.xlogy", uniform(0.2, 2, 2, 3), uniform(0.2, 2, 3), torch=torch.xlogy, smooth=True)
case("Tensor.xlogy", values([0.0, 0.0, 2.0, 0.0]), values([2.0, 1.0, 3.0, 0.5]), torch=torch.xlogy)
case("Tensor.xlogy", values([0.0, 0.0, 1.0, 2.0, 0.0], grad=False), values([0.0, nan, 0.0, -1.0, inf], grad=False), torch=torch.xlogy)
case("Tensor.xlogy", ints(0, 4, 3), 2, torch=lambda x: torch.xlogy(x, 2))
case("Tensor.nextafter", values([1.0, 1.0, 0.0, -0.0, 0.0, 2.0, nan], grad=False), values([2.0, 0.0, 1.0, -1.0, 0.0, inf, 1.0], grad=False), torch=lambda x, y: torch.nextafter(x.float(), y.float()))
case("Tensor.nextafter", values([1.0, 1.0, 0.0, -3.0], dtype="float64", grad=False), values([2.0, 0.0, 1.0, -4.0], dtype="float64", grad=False), torch=torch.nextafter)
case("Tensor.heaviside", values([-1.0, 0.0, 2.0, -0.0, nan], grad=False), values([0.5], grad=False), torch=torch.heaviside)
case("Tensor.heaviside", ints(-2, 3, 6), ints(5, 9, 6), torch=torch.heaviside)
case("Tensor.gcd", ints(-40, 40, 3, 4), ints(-40, 40, 4), torch=torch.gcd)
case("Tensor.gcd", values([0, 0, 12], dtype="int32"), values([0, -5, 0], dtype="int32"), torch=torch.gcd)
case("Tensor.gcd", ints(0, 200, 5, dtype="uint8"), 12, torch=lambda x: torch.gcd(x, torch.tensor(12, dtype=torch.uint8)))
case("Tensor.lcm", ints(-20, 20, 3, 4).permuted(1, 0), ints(-20, 20, 3), torch=torch.lcm)
case("Tensor.lcm", values([0, 4, 0], dtype="int32"), values([0, 0, 5], dtype="int32"), torch=torch.lcm)

# Comparisons and logic.
comparisons = ("eq", "ne", "lt", "le", "gt", "ge")
for name in comparisons:
    f = getattr(torch, name)
    case(f"Tensor.{name}", ints(-2, 3, 3, 4), ints(-2, 3, 4), torch=f)
    case(f"Tensor.{name}", values([1.0, nan, inf, 0.0], grad=False), values([1.0, nan, inf, -0.0], grad=False), torch=f)
    case(f"Tensor.{name}", ints(-2, 3, 4, 3).permuted(1, 0), 0, torch=lambda x: f(x, 0))
    case(f"Tensor.{name}", ints(-2, 3, 5), 0.5, torch=lambda x: f(x, 0.5))
    case(f"Tensor.{name}", ints(0, 2, 5, dtype="bool"), ints(0, 3, 5), torch=f)
    case(f"Tensor.{name}", randn(0, 2, grad=False), randn(2, grad=False), torch=f)
odd = lambda: values([0.0, -0.0, 1.0, -1.0, inf, -inf, nan], grad=False)
for name, f in (("isNan", torch.isnan), ("isFinite", torch.isfinite), ("isInf", torch.isinf), ("isPosInf", torch.isposinf), ("isNegInf", torch.isneginf)):
    case(f"Tensor.{name}", odd(), torch=f)
    case(f"Tensor.{name}", ints(-2, 2, 2, 3), torch=f)
    case(f"Tensor.{name}", values([1.0, inf, -inf, nan], dtype="float16", grad=False), torch=f)
    case(f"Tensor.{name}", ints(0, 2, 3, dtype="bool"), torch=f)
    case(f"Tensor.{name}", randn(0, grad=False), torch=f)
case("Tensor.signbit", values([0.0, -0.0, 1.0, -1.0, inf, -inf], grad=False), torch=torch.signbit)
case("Tensor.signbit", ints(-3, 3, 2, 3).permuted(1, 0), torch=torch.signbit)
case("Tensor.signbit", ints(0, 2, 3, dtype="bool"), torch=torch.signbit)
near = lambda: (values([1.0, 1.0, inf, nan, -inf, 100.0], grad=False), values([1.0 + 1e-6, 1.1, inf, nan, inf, 100.5], grad=False))
case("Tensor.isClose", *near(), torch=torch.isclose)
case("Tensor.isClose", *near(), {"equalNan": True, "rtol": 0.01}, torch=lambda x, y: torch.isclose(x, y, equal_nan=True, rtol=0.01))
case("Tensor.isClose", *near(), {"atol": 0.2}, torch=lambda x, y: torch.isclose(x, y, atol=0.2))
case("Tensor.isClose", ints(0, 4, 2, 3), ints(0, 4, 3), torch=torch.isclose)
case("Tensor.allClose", values([1.0, 2.0], grad=False), values([1.0, 2.000001], grad=False), torch=torch.allclose)
case("Tensor.allClose", values([1.0, 2.0], grad=False), values([1.0, 2.1], grad=False), torch=torch.allclose)
case("Tensor.allClose", values([nan], grad=False), values([nan], grad=False), {"equalNan": True}, torch=lambda x, y: torch.allclose(x, y, equal_nan=True))
case("Tensor.allClose", randn(0, grad=False), randn(0, grad=False), torch=torch.allclose)
case("Tensor.equal", values([1.0, 2.0], grad=False), values([1.0, 2.0], grad=False), torch=torch.equal)
case("Tensor.equal", values([1.0, 2.0], grad=False), values([1.0, 3.0], grad=False), torch=torch.equal)
case("Tensor.equal", values([1.0, 2.0], grad=False), values([[1.0, 2.0]], grad=False), torch=torch.equal)
for name, f in (("logicalAnd", torch.logical_and), ("logicalOr", torch.logical_or), ("logicalXor", torch.logical_xor)):
    case(f"Tensor.{name}", ints(0, 2, 3, 4, dtype="bool"), ints(0, 2, 4, dtype="bool"), torch=f)
    case(f"Tensor.{name}", ints(-1, 2, 3, 4).permuted(1, 0), values([0.0, 0.5, nan], grad=False), torch=f)
    case(f"Tensor.{name}", randn(0, grad=False), randn(0, grad=False), torch=f)
case("Tensor.logicalNot", odd(), torch=torch.logical_not)
case("Tensor.logicalNot", ints(0, 2, 4, dtype="bool"), torch=torch.logical_not)
for name, f in (("bitwiseAnd", torch.bitwise_and), ("bitwiseOr", torch.bitwise_or), ("bitwiseXor", torch.bitwise_xor)):
    case(f"Tensor.{name}", ints(-99, 99, 3, 4), ints(-99, 99, 4), torch=f)
    case(f"Tensor.{name}", ints(0, 2, 6, dtype="bool"), ints(0, 2, 6, dtype="bool"), torch=f)
    case(f"Tensor.{name}", ints(0, 255, 4, 2, dtype="uint8").permuted(1, 0), 29, torch=lambda x: f(x, 29))
    case(f"Tensor.{name}", ints(0, 255, 5, dtype="uint8"), ints(-99, 99, 5), torch=f)
case("Tensor.bitwiseNot", ints(-99, 99, 5), torch=torch.bitwise_not)
case("Tensor.bitwiseNot", ints(0, 255, 5, dtype="uint8"), torch=torch.bitwise_not)
case("Tensor.bitwiseNot", ints(0, 2, 5, dtype="bool"), torch=torch.bitwise_not)
shifts = lambda: values([0, 1, 5, 31, 32, 40], dtype="int32")
as_int32 = lambda f: lambda x, y: f(x.to(torch.int32), y.to(torch.int32))
case("Tensor.bitwiseLeftShift", ints(-99, 99, 6), shifts(), torch=as_int32(torch.bitwise_left_shift))
case("Tensor.bitwiseRightShift", ints(-99, 99, 6), shifts(), torch=as_int32(torch.bitwise_right_shift))
case("Tensor.bitwiseLeftShift", ints(0, 255, 3, 2, dtype="uint8").permuted(1, 0), 3, torch=lambda x: torch.bitwise_left_shift(x, 3))
case("Tensor.bitwiseRightShift", ints(0, 255, 3, 2, dtype="uint8").permuted(1, 0), 3, torch=lambda x: torch.bitwise_right_shift(x, 3))

# Conversion.
some = lambda: values([0.0, 0.4, -1.7, 200.0, 70000.0, 1.0 / 3], grad=False)
for dtype in ("float32", "float64", "float16", "bfloat16", "int32", "bool"):
    case("Tensor.to", some(), dtype, torch=lambda x: x.to(DTYPES[dtype]))
    case("Tensor.to", ints(0, 200, 2, 3, dtype="uint8").permuted(1, 0), dtype, torch=lambda x: x.to(DTYPES[dtype]))
    case("Tensor.to", ints(0, 2, 3, dtype="bool"), dtype, torch=lambda x: x.to(DTYPES[dtype]))
case("Tensor.to", values([0.0, 0.4, 1.7, 200.0, -1.0, 300.0], dtype="int32"), "uint8", torch=lambda x: x.to(torch.uint8))
case("Tensor.to", randn(2, 3), "float64", torch=lambda x: x.to(torch.float64))
case("Tensor.to", randn(0), "int32", torch=lambda x: x.to(torch.int32), grads=False)
