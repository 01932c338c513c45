import torch
import torch.nn.functional as F
from golden import *

SMOOTH = {
    "sigmoid": torch.sigmoid, "tanh": torch.tanh, "silu": F.silu, "mish": F.mish, "logSigmoid": F.logsigmoid,
    "tanhshrink": F.tanhshrink, "softplus": F.softplus, "gelu": F.gelu,
}
KINKED = {
    "relu": F.relu, "relu6": F.relu6, "hardTanh": F.hardtanh, "hardSigmoid": F.hardsigmoid, "hardSwish": F.hardswish,
    "leakyRelu": F.leaky_relu, "elu": F.elu, "celu": F.celu, "selu": F.selu, "softsign": F.softsign,
    "hardShrink": F.hardshrink, "softshrink": F.softshrink,
}
ENDS = [-1e4, -100, -30, -7, -1, 0.1, 1, 7, 30, 100, 1e4]
for name, fn in (SMOOTH | KINKED).items():
    case(f"F.{name}", uniform(-7, 7, 3, 5), torch=fn, smooth=name in SMOOTH)
    case(f"F.{name}", uniform(-4, 4, 2, 3, 2).permuted(2, 0, 1), torch=fn)
    case(f"F.{name}", values(ENDS), torch=fn, gradcheck=False)
    case(f"F.{name}", randn(0, 3), torch=fn)
    if name == "tanhshrink":
        continue  # PyTorch rounds tanh before it subtracts
    case(f"F.{name}", randn(7, dtype="float16"), torch=fn)
    case(f"F.{name}", randn(7, dtype="bfloat16"), torch=fn)

# where a derivative has a corner, PyTorch's choice
case("F.relu", values([-1, 0, 1]), torch=F.relu, gradcheck=False)
case("F.relu6", values([-1, 0, 6, 7]), torch=F.relu6, gradcheck=False)
case("F.leakyRelu", values([-1, 0, 1]), torch=F.leaky_relu, gradcheck=False)
case("F.hardTanh", values([-1, 0, 1]), torch=F.hardtanh, gradcheck=False)
case("F.hardSigmoid", values([-3, 0, 3]), torch=F.hardsigmoid, gradcheck=False)
case("F.hardSwish", values([-3, 0, 3]), torch=F.hardswish, gradcheck=False)
case("F.elu", values([-1, 0, 1]), torch=F.elu, gradcheck=False)
case("F.selu", values([-1, 0, 1]), torch=F.selu, gradcheck=False)
case("F.softsign", values([-1, 0, 1]), torch=F.softsign, gradcheck=False)
case("F.hardShrink", values([-0.5, 0, 0.5]), torch=F.hardshrink, gradcheck=False)
case("F.softshrink", values([-0.5, 0, 0.5]), torch=F.softshrink, gradcheck=False)

case("F.threshold", uniform(-3, 3, 4, 4), 0.1, 20, torch=lambda x: F.threshold(x, 0.1, 20))
case("F.hardTanh", uniform(-3, 3, 4, 4), {"minVal": -2, "maxVal": 0.5}, torch=lambda x: F.hardtanh(x, -2, 0.5))
case("F.leakyRelu", randn(4, 4), {"negativeSlope": 0.2}, torch=lambda x: F.leaky_relu(x, 0.2))
case("F.elu", randn(4, 4), {"alpha": 1.7}, torch=lambda x: F.elu(x, 1.7))
case("F.celu", randn(4, 4), {"alpha": 1.7}, torch=lambda x: F.celu(x, 1.7))
case("F.gelu", uniform(-5, 5, 4, 4), {"approximate": "tanh"}, torch=lambda x: F.gelu(x, approximate="tanh"), smooth=True)
case("F.gelu", values(ENDS), {"approximate": "tanh"}, torch=lambda x: F.gelu(x, approximate="tanh"), gradcheck=False)
case("F.softplus", uniform(-9, 9, 4, 4), {"beta": 2, "threshold": 10}, torch=lambda x: F.softplus(x, 2, 10))
case("F.hardShrink", randn(4, 4), {"lambda": 0.8}, torch=lambda x: F.hardshrink(x, 0.8))
case("F.softshrink", randn(4, 4), {"lambda": 0.8}, torch=lambda x: F.softshrink(x, 0.8))
case("F.rrelu", randn(4, 4), torch=lambda x: F.rrelu(x))
case("F.rrelu", randn(4, 4), {"lower": 0.3, "upper": 0.3, "training": True}, torch=lambda x: F.leaky_relu(x, 0.3))
case("F.rrelu", randn(4, 4), {"lower": 0.1, "upper": 0.5}, torch=lambda x: F.rrelu(x, 0.1, 0.5))

case("F.prelu", randn(2, 3, 4), values([0.25]), torch=F.prelu)
case("F.prelu", randn(2, 3, 4), values([0.25, -0.5, 1.5]), torch=F.prelu)
case("F.prelu", randn(5), values([0.25]), torch=F.prelu)
case("F.prelu", randn(2, 3, 2).permuted(2, 1, 0), values([0.25, 0.5, 0.75]), torch=F.prelu)

case("F.glu", randn(3, 6), torch=F.glu, smooth=True)
case("F.glu", randn(4, 2, 3).permuted(1, 0, 2), 1, torch=lambda x: F.glu(x, 1), smooth=True)

for name, fn in {"softmax": F.softmax, "softmin": F.softmin, "logSoftmax": F.log_softmax}.items():
    case(f"F.{name}", randn(3, 5), 1, torch=lambda x: fn(x, 1), smooth=True)
    case(f"F.{name}", randn(3, 2, 4), 0, torch=lambda x: fn(x, 0), smooth=True)
    case(f"F.{name}", randn(3, 2, 4).permuted(2, 0, 1), -2, torch=lambda x: fn(x, -2))
    case(f"F.{name}", values([[1e4, -1e4, 0], [-1e4, -1e4, -1e4]]), 1, torch=lambda x: fn(x, 1), gradcheck=False)
    case(f"F.{name}", randn(0, 4), 1, torch=lambda x: fn(x, 1))
    case(f"F.{name}", randn(4, 0), 1, torch=lambda x: fn(x, 1))
    case(f"F.{name}", values(2.5), 0, torch=lambda x: fn(x, 0))

# soft samples differ from run to run; what does not: rows sum to 1, the temperature's limit is the largest logit
case("F.gumbelSoftmax", values([[0, 200, 0], [200, 0, 0]], grad=False), {"tau": 0.5, "hard": True},
     torch=lambda x: F.gumbel_softmax(x, tau=0.5, hard=True))
