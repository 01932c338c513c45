import torch
from golden import *

nn = torch.nn
F = torch.nn.functional

# Scaled dot products

q, k, v = randn(2, 2, 3, 4), randn(2, 2, 5, 4), randn(2, 2, 5, 3)
sdpa = F.scaled_dot_product_attention
name = "F.scaledDotProductAttention"
case(name, q, k, v, torch=sdpa, smooth=True)
case(name, randn(3, 4), randn(5, 4), randn(5, 4), {"scale": 0.3}, torch=lambda q, k, v: sdpa(q, k, v, scale=0.3))
case(name, randn(2, 4, 4), randn(2, 4, 4), randn(2, 4, 4), {"isCausal": True}, torch=lambda q, k, v: sdpa(q, k, v, is_causal=True), smooth=True)
case(name, randn(1, 1, 4), randn(1, 1, 4), randn(1, 1, 2), {"isCausal": True}, torch=lambda q, k, v: sdpa(q, k, v, is_causal=True))
case(name, randn(1, 2, 5, 3), randn(1, 2, 3, 3), randn(1, 2, 3, 3), {"isCausal": True}, torch=lambda q, k, v: sdpa(q, k, v, is_causal=True))
case(name, q, k, v, {"attnMask": randn(3, 5, grad=False)}, torch=lambda q, k, v, m: sdpa(q, k, v, m.to(q.dtype)))
case(name, q, k, v, {"attnMask": randn(2, 1, 3, 5)}, torch=lambda q, k, v, m: sdpa(q, k, v, m), smooth=True)
case(name, q, k, v, {"attnMask": randn(2, 3, 1)}, torch=lambda q, k, v, m: sdpa(q, k, v, m.expand(2, 3, 5)))
case(name, q, k, v, {"attnMask": ints(0, 2, 2, 1, 3, 5, dtype="bool")}, torch=lambda q, k, v, m: sdpa(q, k, v, m))
case(name, q, k, v, {"attnMask": values([[0] * 5, [1, 0, 1, 0, 0], [0] * 5], dtype="bool")}, torch=lambda q, k, v, m: sdpa(q, k, v, m))
case(name, randn(1, 4, 3, 4), randn(1, 2, 3, 4), randn(1, 2, 3, 4), {"enableGqa": True}, torch=lambda q, k, v: sdpa(q, k, v, enable_gqa=True))
case(name, randn(2, 6, 3, 4), randn(2, 2, 5, 4), randn(2, 2, 5, 3), {"enableGqa": True, "attnMask": randn(6, 1, 5)},
     torch=lambda q, k, v, m: sdpa(q, k, v, m.expand(6, 3, 5), enable_gqa=True), smooth=True)
case(name, randn(2, 3, 2, 4, 5), randn(2, 1, 2, 4, 5), randn(2, 1, 2, 4, 5), {"isCausal": True},
     torch=lambda q, k, v: sdpa(q, k.expand(2, 3, 2, 4, 5), v.expand(2, 3, 2, 4, 5), is_causal=True))
case(name, randn(2, 3, 37, 8), randn(2, 3, 41, 8), randn(2, 3, 41, 5), torch=sdpa, gradcheck=False)
case(name, randn(4, 2, 3, 3).permuted(1, 2, 0, 3), randn(4, 2, 3, 3).permuted(1, 2, 0, 3), randn(4, 2, 3, 3).permuted(1, 2, 0, 3), torch=sdpa)
case(name, randn(0, 2, 3, 4), randn(0, 2, 5, 4), randn(0, 2, 5, 3), torch=sdpa)
half = dict(dtype="bfloat16", grad=False)
case(name, randn(1, 2, 3, 4, **half), randn(1, 2, 3, 4, **half), randn(1, 2, 3, 4, **half), torch=sdpa)
