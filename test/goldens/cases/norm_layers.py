import torch
from golden import *

nn = torch.nn


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def options(given):
    return {snake(k): v for k, v in given.items()}


def disturbed(layer):
    """Parameters and statistics that are not the ones a layer starts with."""
    g = torch.Generator().manual_seed(1)
    for name, t in list(layer.named_parameters()) + list(layer.named_buffers()):
        with torch.no_grad():
            if name == "running_var":
                t.uniform_(0.5, 2, generator=g)
            elif t.is_floating_point():
                t.normal_(generator=g)
            else:
                t.fill_(3)
    return layer


shapes = {1: (4, 3, 5), 2: (3, 2, 4, 3), 3: (2, 2, 2, 3, 2)}
for rank in (1, 2, 3):
    channels = shapes[rank][1]
    for name, given, modes in [
        ("BatchNorm", {}, "train eval both"),
        ("BatchNorm", {"eps": 0.1, "momentum": 0.3}, "train eval"),
        ("BatchNorm", {"momentum": None}, "train both"),
        ("BatchNorm", {"affine": False}, "train eval"),
        ("BatchNorm", {"trackRunningStats": False}, "train eval"),
        ("InstanceNorm", {}, "train eval"),
        ("InstanceNorm", {"affine": True, "eps": 0.1}, "train"),
        ("InstanceNorm", {"trackRunningStats": True, "momentum": 0.3}, "train eval both"),
    ]:
        layer = getattr(nn, f"{name}{rank}d")
        for mode in modes.split():
            module(f"nn.{name}{rank}d", channels, given, torch=disturbed(layer(channels, **options(given))), train=mode != "eval",
                   inputs=[randn(*shapes[rank])], smooth=rank == 2, eval_after=mode == "both", gradcheck=mode != "both")
module("nn.BatchNorm1d", 3, torch=disturbed(nn.BatchNorm1d(3)), inputs=[randn(5, 3)])
module("nn.BatchNorm2d", 2, torch=disturbed(nn.BatchNorm2d(2)), inputs=[randn(3, 4, 2, 2).permuted(0, 2, 3, 1)])
module("nn.BatchNorm2d", 2, torch=disturbed(nn.BatchNorm2d(2)), inputs=[randn(0, 2, 3, 3)], train=False)
module("nn.InstanceNorm2d", 2, {"affine": True}, torch=disturbed(nn.InstanceNorm2d(2, affine=True)), inputs=[randn(2, 4, 3)])

module("nn.LayerNorm", 4, torch=disturbed(nn.LayerNorm(4)), inputs=[randn(2, 3, 4)], smooth=True)
module("nn.LayerNorm", [3, 4], {"eps": 0.1}, torch=disturbed(nn.LayerNorm([3, 4], eps=0.1)), inputs=[randn(2, 3, 4)])
module("nn.LayerNorm", 4, {"elementwiseAffine": False}, torch=nn.LayerNorm(4, elementwise_affine=False), inputs=[randn(2, 4)])
module("nn.LayerNorm", 4, {"bias": False}, torch=disturbed(nn.LayerNorm(4, bias=False)), inputs=[randn(0, 4)])
module("nn.LayerNorm", 4, torch=disturbed(nn.LayerNorm(4)), inputs=[randn(4, 3).permuted(1, 0)])
module("nn.RMSNorm", 4, torch=disturbed(nn.RMSNorm(4)), inputs=[randn(2, 3, 4)], smooth=True)
module("nn.RMSNorm", [3, 4], {"eps": 0.1}, torch=disturbed(nn.RMSNorm([3, 4], eps=0.1)), inputs=[randn(2, 3, 4)])
module("nn.RMSNorm", 4, {"elementwiseAffine": False}, torch=nn.RMSNorm(4, elementwise_affine=False), inputs=[randn(2, 4)])
module("nn.GroupNorm", 2, 4, torch=disturbed(nn.GroupNorm(2, 4)), inputs=[randn(2, 4, 3, 2)], smooth=True)
module("nn.GroupNorm", 1, 4, {"affine": False}, torch=nn.GroupNorm(1, 4, affine=False), inputs=[randn(2, 4)])
module("nn.GroupNorm", 4, 4, {"eps": 0.1}, torch=disturbed(nn.GroupNorm(4, 4, eps=0.1)), inputs=[randn(2, 4, 3)])
module("nn.LocalResponseNorm", 2, torch=nn.LocalResponseNorm(2), inputs=[randn(2, 4, 3)])
module("nn.LocalResponseNorm", 3, {"alpha": 0.5, "beta": 0.6, "k": 2}, torch=nn.LocalResponseNorm(3, 0.5, 0.6, 2), inputs=[randn(2, 4, 2, 2)], smooth=True)
