import torch
from golden import *

nn = torch.nn


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


RENAMED = {"HardTanh": "Hardtanh", "HardSigmoid": "Hardsigmoid", "HardSwish": "Hardswish", "HardShrink": "Hardshrink"}
for name in ["ReLU", "ReLU6", "LeakyReLU", "ELU", "CELU", "SELU", "HardTanh", "HardSigmoid", "HardSwish", "HardShrink", "Softshrink",
             "Sigmoid", "Tanh", "SiLU", "GELU", "Mish", "Softplus", "LogSigmoid", "Softsign", "Tanhshrink", "GLU", "PReLU", "RReLU"]:
    module(f"nn.{name}", torch=getattr(nn, RENAMED.get(name, name))(), inputs=[randn(3, 4)], train=name != "RReLU")
for name, given in [("LeakyReLU", {"negativeSlope": 0.2}), ("ELU", {"alpha": 0.5}), ("CELU", {"alpha": 0.5}), ("GELU", {"approximate": "tanh"}),
                    ("Softplus", {"beta": 2, "threshold": 3}), ("RReLU", {"lower": 0.1, "upper": 0.7}), ("HardTanh", {"minVal": -0.3, "maxVal": 2}),
                    ("PReLU", {"numParameters": 4, "init": 0.4})]:
    module(f"nn.{name}", given, torch=getattr(nn, RENAMED.get(name, name))(**{snake(k): v for k, v in given.items()}), inputs=[randn(3, 4)], train=name != "RReLU")
module("nn.HardShrink", {"lambda": 0.2}, torch=nn.Hardshrink(0.2), inputs=[randn(3, 4)])
module("nn.Softshrink", {"lambda": 0.2}, torch=nn.Softshrink(0.2), inputs=[randn(3, 4)])
module("nn.Threshold", 0.1, 20, torch=nn.Threshold(0.1, 20), inputs=[randn(3, 4)])
module("nn.GLU", 0, torch=nn.GLU(0), inputs=[randn(4, 3)])
for name in ["Softmax", "Softmin", "LogSoftmax"]:
    module(f"nn.{name}", 1, torch=getattr(nn, name)(1), inputs=[randn(2, 3, 4)])
module("nn.Softmax2d", torch=nn.Softmax2d(), inputs=[randn(2, 3, 2, 2)])
module("nn.Softmax2d", torch=nn.Softmax2d(), inputs=[randn(3, 2, 2)])
