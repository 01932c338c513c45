"""The language in which golden cases are written. See generate.py.

A case names a Gradus function, its arguments, and the PyTorch expression that means the same. PyTorch is evaluated in
float64 on the very same inputs, so that the goldens hold the right values and not float32's rounding.
"""

import copy
import math

import numpy as np
import torch

rng = np.random.default_rng(0)
DTYPES = {
    "float32": torch.float32, "float64": torch.float64, "float16": torch.float16, "bfloat16": torch.bfloat16,
    "int32": torch.int32, "uint8": torch.uint8, "bool": torch.bool,
}
NAMES = {v: k for k, v in DTYPES.items()} | {torch.int64: "int32"}
cases: list[dict] = []


class Input:
    """A tensor argument: values, dtype, and how it is viewed."""

    def __init__(self, array, dtype="float32", grad=None):
        self.array = np.asarray(array)
        self.dtype = dtype
        self.grad = dtype.startswith("float") if grad is None else grad
        self.order = None

    def permuted(self, *order):
        self.order = list(order)
        return self

    def no_grad(self):
        self.grad = False
        return self

    def torch(self, wide):
        dtype = DTYPES[self.dtype]
        if self.dtype == "int32":
            dtype = torch.int64 if wide else torch.int32
        if wide and self.dtype == "float32":
            dtype = torch.float64
        x = torch.tensor(self.array.tolist(), dtype=torch.float64).reshape(self.array.shape).to(dtype)
        return x.requires_grad_() if self.grad else x

    def viewed(self, x):
        return x.permute(self.order) if self.order else x

    def json(self):
        short = np.round(self.array.astype(np.float64), 3)
        data = short if np.array_equal(np.float32(short), np.float32(self.array)) and self.dtype == "float32" else self.array
        out = {"shape": list(self.array.shape), "dtype": self.dtype, "data": numbers(data.reshape(-1))}
        if self.order:
            out["permute"] = self.order
        if self.grad:
            out["grad"] = True
        return out


def rounded(array, digits=3):
    """Short decimals that float32 and float64 both read as their nearest value, given as float32."""
    return np.float32(np.round(array, digits)).astype(np.float64)


def randn(*shape, grad=None, dtype="float32"):
    return Input(rounded(rng.standard_normal(shape)), dtype, grad)


def uniform(lo, hi, *shape, grad=None, dtype="float32"):
    return Input(rounded(rng.uniform(lo, hi, shape)), dtype, grad)


def ints(lo, hi, *shape, dtype="int32"):
    return Input(rng.integers(lo, hi, shape), dtype, False)


def values(nested, dtype="float32", grad=None):
    array = np.asarray(nested, dtype=np.float64)
    return Input(np.float32(array).astype(np.float64) if dtype == "float32" else array, dtype, grad)


def numbers(array):
    """Numbers as JSON; NaN and infinities as strings."""
    out = []
    for v in np.asarray(array, dtype=np.float64).reshape(-1).tolist():
        if math.isnan(v):
            out.append("nan")
        elif math.isinf(v):
            out.append("inf" if v > 0 else "-inf")
        else:
            out.append(int(v) if v == int(v) and abs(v) < 2**53 and not (v == 0 and math.copysign(1, v) < 0) else float(f"{v:.9g}"))
    return out


def tensor_json(t, dtype=None):
    t = t.detach()
    return {"shape": list(t.shape), "dtype": dtype or NAMES[t.dtype], "data": numbers(t.to(torch.float64).contiguous().numpy())}


def flat(result):
    """Tensors of a result, in order."""
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, (bool, int, float)):
        return [torch.tensor(result)]
    if result is None:
        return []
    if isinstance(result, torch.nn.utils.rnn.PackedSequence):
        return [result.data]
    return [t for part in result for t in flat(part)]


def weighted(outputs):
    """Σ out · cos(1, 2, 3 ...) over the differentiable outputs: the scalar whose gradient is compared."""
    total = 0
    for out in outputs:
        if out.requires_grad:
            w = torch.cos(torch.arange(1, out.numel() + 1, dtype=torch.float64)).reshape(out.shape).to(out.dtype)
            total = total + (out * w).sum()
    return total


def arguments(args, inputs, shared=False):
    """Arguments as JSON, tensors replaced by their position among the inputs, infinities and omissions (...) by words.

    `shared`: what is passed twice is one input.
    """
    if isinstance(args, Input):
        if shared and args in inputs:
            return {"$": inputs.index(args)}
        inputs.append(args)
        return {"$": len(inputs) - 1}
    if isinstance(args, (list, tuple)):
        return [arguments(a, inputs, shared) for a in args]
    if isinstance(args, dict):
        return {k: arguments(v, inputs, shared) for k, v in args.items()}
    if args is ...:
        return {"#": "omitted"}
    if isinstance(args, float) and not math.isfinite(args):
        return {"#": numbers([args])[0]}
    return args


def case(fn, *args, torch, smooth=False, gradcheck=True, grads=True, dtypes=None, **flags):
    """One call of a Gradus function. `torch` receives the tensor arguments in order."""
    inputs: list[Input] = []
    entry = {"fn": fn, "args": arguments(list(args), inputs)}
    expression = torch
    if not grads:
        for i in inputs:
            i.grad = False
    narrow = flat(expression(*[i.viewed(i.torch(False)) for i in inputs]))
    wide_in = [i.torch(True) for i in inputs]
    wide = flat(expression(*[i.viewed(x) for i, x in zip(inputs, wide_in)]))
    entry["inputs"] = [i.json() for i in inputs]
    # half precision is rounded per operation, so its goldens are PyTorch's own
    half = any(n.dtype in (_torch.float16, _torch.bfloat16) for n in narrow)
    entry["outputs"] = [tensor_json(n if half else w, (dtypes or {}).get(i) or NAMES[n.dtype]) for i, (n, w) in enumerate(zip(narrow, wide))]
    total = weighted(wide)
    if isinstance(total, _torch.Tensor) and any(i.grad for i in inputs):
        total.backward()
        entry["grads"] = [tensor_json(x.grad, i.dtype) if i.grad and x.grad is not None else None for i, x in zip(inputs, wide_in)]
    if smooth:
        entry["smooth"] = True
    if not gradcheck:
        entry["gradcheck"] = False
    entry.update(flags)
    cases.append(entry)


_torch = torch


def made(name, *ctor):
    """A module among a constructor's arguments."""
    return {"new": [name, list(ctor)]}


def called(name, *args):
    """The result of a Gradus function among arguments."""
    return {"call": [name, list(args)]}


def module(name, *ctor, torch, inputs=None, forward=None, train=True, smooth=False, gradcheck=True, call=None, eval_after=False, **flags):
    """One module: its state, outputs, gradients of inputs and parameters, and buffers afterwards.

    `forward` gives Gradus's arguments where they are not just the inputs; inputs are then found among them. `call(m, *tensors)`
    replaces m(*tensors). With `eval_after` the module is switched to evaluation after one training pass.
    """
    given: list[Input] = []
    found: list[Input] = []
    called = None if forward is None else arguments(forward, found, shared=True)
    inputs = found if inputs is None else inputs
    entry = {"module": name, "ctor": arguments(list(ctor), given), "train": train}
    if given:
        entry["given"] = [i.no_grad().json() for i in given]
    if called is not None:
        entry["forward"] = called
    m = copy.deepcopy(torch)
    for key, p in list(m.named_parameters()) + list(m.named_buffers()):
        if p.is_floating_point():
            with _torch.no_grad():
                p.copy_(_torch.tensor(rounded(p.detach().numpy())))
    entry["state"] = {k: tensor_json(v) for k, v in m.state_dict().items()}
    run = call or (lambda mod, *xs: mod(*xs))
    m.train(train)
    narrow = flat(run(copy.deepcopy(m), *[i.viewed(i.torch(False)) for i in inputs]))
    m = m.double()
    if eval_after:
        run(m, *[i.viewed(i.torch(True)) for i in inputs])
        m.eval()
        entry["evalAfter"] = True
    wide_in = [i.torch(True) for i in inputs]
    wide = flat(run(m, *[i.viewed(x) for i, x in zip(inputs, wide_in)]))
    entry["inputs"] = [i.json() for i in inputs]
    entry["outputs"] = [tensor_json(w, NAMES[n.dtype]) for n, w in zip(narrow, wide)]
    total = weighted(wide)
    if isinstance(total, _torch.Tensor):
        total.backward()
        entry["grads"] = [tensor_json(x.grad, i.dtype) if i.grad and x.grad is not None else None for i, x in zip(inputs, wide_in)]
        entry["paramGrads"] = {k: tensor_json(p.grad, "float32") for k, p in m.named_parameters() if p.grad is not None}
    entry["after"] = {k: tensor_json(v, "float32" if v.is_floating_point() else "int32") for k, v in m.named_buffers()}
    if smooth:
        entry["smooth"] = True
    if not gradcheck:
        entry["gradcheck"] = False
    entry.update(flags)
    cases.append(entry)
