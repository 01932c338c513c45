import torch
from golden import *

case("Tensor.add", randn(3, 4), randn(4), torch=torch.add, smooth=True)
case("Tensor.mul", randn(2, 3).permuted(1, 0), randn(3, 1), torch=torch.mul, smooth=True)
case("Tensor.matmul", randn(2, 3, 4), randn(4, 5), torch=torch.matmul, smooth=True)
case("Tensor.sum", randn(0, 3), 0, torch=lambda x: x.sum(0))
