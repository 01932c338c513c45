"""Functions with a kink, on one side of it, where they have a second derivative."""

import torch.nn.functional as F
from golden import *

case("F.hardSwish", uniform(-2.5, 2.5, 3, 4), torch=F.hardswish, smooth=True)
case("F.elu", uniform(-3, -0.1, 3, 4), torch=F.elu, smooth=True)
case("F.celu", uniform(-3, -0.1, 3, 4), {"alpha": 1.5}, torch=lambda x: F.celu(x, 1.5), smooth=True)
case("F.selu", uniform(-3, -0.1, 3, 4), torch=F.selu, smooth=True)
case("F.softsign", uniform(0.1, 3, 3, 4), torch=F.softsign, smooth=True)
case("F.binaryCrossEntropy", uniform(0.1, 0.9, 3, 4), uniform(0, 1, 3, 4), torch=F.binary_cross_entropy, smooth=True)
