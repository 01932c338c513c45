import torch
from golden import *

nn = torch.nn

space = {1: (7,), 2: (6, 5), 3: (4, 5, 4)}


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def options(given):
    return {snake(k): tuple(v) if isinstance(v, list) else v for k, v in given.items()}


for rank in (1, 2, 3):
    x = lambda: randn(2, 2, *space[rank])
    for kind, kernel, given in [
        ("Max", 2, {}),
        ("Max", 3, {"stride": 2, "padding": 1}),
        ("Max", 2, {"stride": 1, "dilation": 2}),
        ("Max", 2, {"ceilMode": True, "returnIndices": True}),
        ("Avg", 2, {}),
        ("Avg", 3, {"stride": 2, "padding": 1}),
        ("Avg", 2, {"stride": 2, "padding": 1, "ceilMode": True, "countIncludePad": False}),
        *([("Avg", 2, {"divisorOverride": 3})] if rank > 1 else []),
    ]:
        name = f"{kind}Pool{rank}d"
        module(f"nn.{name}", kernel, given, torch=getattr(nn, name)(kernel, **options(given)), inputs=[x()])
    module(f"nn.LPPool{rank}d", 2, 2, torch=getattr(nn, f"LPPool{rank}d")(2, 2), inputs=[x()])
    module(f"nn.LPPool{rank}d", 3, 2, {"stride": 1, "ceilMode": True}, torch=getattr(nn, f"LPPool{rank}d")(3, 2, stride=1, ceil_mode=True),
           inputs=[uniform(0.1, 2, 1, 1, *space[rank])])
    for kind in ("Avg", "Max"):
        name = f"Adaptive{kind}Pool{rank}d"
        module(f"nn.{name}", 1, torch=getattr(nn, name)(1), inputs=[x()])
        module(f"nn.{name}", 3, torch=getattr(nn, name)(3), inputs=[x()])
    name = f"AdaptiveMaxPool{rank}d"
    module(f"nn.{name}", 2, {"returnIndices": True}, torch=getattr(nn, name)(2, return_indices=True), inputs=[x()])
module("nn.MaxPool2d", [3, 1], {"stride": [1, 2], "padding": [1, 0]}, torch=nn.MaxPool2d((3, 1), (1, 2), (1, 0)), inputs=[randn(2, 4, 5)])
module("nn.AdaptiveAvgPool2d", [2, None], torch=nn.AdaptiveAvgPool2d((2, None)), inputs=[randn(2, 5, 3)], smooth=True)
module("nn.AvgPool2d", [1, 2], torch=nn.AvgPool2d((1, 2)), inputs=[randn(2, 3, 4)], smooth=True)

for rank in (1, 2, 3):
    for kernel, given in [(2, {}), ([2, 3, 1][:rank], {}), (2, {"stride": 2, "padding": 1})]:
        theirs = [tuple(v) if isinstance(v, list) else v for v in (kernel, given.get("stride"), given.get("padding", 0))]
        whole = torch.tensor(rng.standard_normal((1, 2, *(4, 6, 4)[:rank])))
        pooled, indices = getattr(torch.nn.functional, f"max_pool{rank}d")(whole, *theirs, return_indices=True)
        module(f"nn.MaxUnpool{rank}d", kernel, given, torch=getattr(nn, f"MaxUnpool{rank}d")(*theirs),
               inputs=[randn(*pooled.shape), values(indices.numpy(), dtype="int32")], smooth=rank == 2, call=lambda m, x, i: m(x, i.long()))
