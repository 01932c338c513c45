"""Products of vectors and matrices."""

import torch

from golden import case, ints, randn, values

x = lambda *shape: randn(*shape)
turned = lambda rows, columns: randn(columns, rows).permuted(1, 0)  # [rows, columns], not contiguous


def method(name, *args, torch, smooth=True, **flags):
    case(f"Tensor.{name}", *args, torch=torch, smooth=smooth, **flags)


# matmul: every combination of ranks
for a, b in [
    ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)), ((2, 1, 2, 3), (4, 3, 2)), ((1, 2, 3), (2, 3, 2)), ((2, 0), (0, 3)), ((0, 3), (3, 2)), ((2, 0, 3), (2, 3, 4)), ((0, 2, 3), (3, 4)),
]:
    method("matmul", x(*a), x(*b), torch=torch.matmul)
method("matmul", turned(3, 4), turned(4, 5), torch=torch.matmul)
method("matmul", randn(3, 2, 4).permuted(1, 0, 2), randn(2, 5, 4).permuted(0, 2, 1), torch=torch.matmul)
case("Tensor.matmul", ints(-9, 9, 3, 4), ints(-9, 9, 4, 5), torch=torch.matmul)
case("Tensor.matmul", values([[2**20, 3], [-(2**20), 5]], dtype="int32"), values([[2**9], [7]], dtype="int32"), torch=torch.matmul)
case("Tensor.matmul", x(9, 33), x(33, 7), torch=torch.matmul)
case("Tensor.matmul", randn(3, 5, dtype="float64"), randn(5, 2, dtype="float64"), torch=torch.matmul)
case("Tensor.matmul", randn(2, 3, dtype="float16", grad=False), randn(3, 2, dtype="float16", grad=False), torch=torch.matmul)

method("mm", x(2, 3), turned(3, 4), torch=torch.mm)
method("bmm", x(2, 3, 4), randn(2, 5, 4).permuted(0, 2, 1), torch=torch.bmm)
method("bmm", x(0, 3, 4), x(0, 4, 2), torch=torch.bmm)
method("mv", turned(2, 3), x(3), torch=torch.mv)
method("mv", x(2, 0), x(0), torch=torch.mv)
method("dot", x(4), x(4), torch=torch.dot)
method("dot", x(0), x(0), torch=torch.dot)
method("inner", x(4), x(4), torch=torch.inner)
method("inner", x(2, 4), x(3, 5, 4), torch=torch.inner)
method("inner", turned(2, 3), x(), torch=torch.inner)
method("outer", x(2), x(3), torch=torch.outer)
method("outer", x(0), x(3), torch=torch.outer)
method("addmm", x(2, 4), x(2, 3), x(3, 4), torch=torch.addmm)
method("addmm", x(4), turned(2, 3), x(3, 4), {"beta": 0.5, "alpha": -2}, torch=lambda m, a, b: torch.addmm(m, a, b, beta=0.5, alpha=-2))
method("addmm", x(2, 4).no_grad(), x(2, 3), x(3, 4), {"beta": 0}, torch=lambda m, a, b: torch.addmm(m, a, b, beta=0))
method("addmv", x(2), x(2, 3), x(3), {"beta": 3}, torch=lambda m, a, v: torch.addmv(m, a, v, beta=3))
method("addmv", x(1), turned(2, 3), x(3), torch=torch.addmv)
method("addr", x(2, 3), x(2), x(3), {"alpha": 0.5}, torch=lambda m, u, v: torch.addr(m, u, v, alpha=0.5))
method("addbmm", x(2, 4), x(5, 2, 3), x(5, 3, 4), {"beta": 2, "alpha": 3}, torch=lambda m, a, b: torch.addbmm(m, a, b, beta=2, alpha=3))
method("baddbmm", x(5, 2, 4), x(5, 2, 3), x(5, 3, 4), torch=torch.baddbmm)
method("baddbmm", x(2, 1), x(5, 2, 3), x(5, 3, 4), {"alpha": -1}, torch=lambda m, a, b: torch.baddbmm(m, a, b, alpha=-1))
method("kron", x(2, 3), x(3, 2), torch=torch.kron)
method("kron", x(2), turned(3, 2), torch=lambda a, b: torch.kron(a.contiguous(), b.contiguous()))
method("kron", x(2, 0), x(3, 2), torch=torch.kron)
method("cross", x(2, 3), x(2, 3), torch=torch.linalg.cross)
method("cross", randn(4, 3).permuted(1, 0), x(3, 1), 0, torch=lambda a, b: torch.linalg.cross(a, b, dim=0))
method("trace", x(3, 4), torch=torch.trace)
method("trace", turned(3, 2), torch=torch.trace)
method("trace", x(0, 3), torch=torch.trace)
method("tensordot", x(2, 3, 4), x(3, 4, 5), torch=lambda a, b: torch.tensordot(a, b, 2))
method("tensordot", x(2, 3), x(4, 5), 0, torch=lambda a, b: torch.tensordot(a, b, 0))
method("tensordot", x(3, 4, 2), randn(2, 5, 3).permuted(2, 1, 0), [[0, -1], [0, 2]], torch=lambda a, b: torch.tensordot(a, b, ([0, 2], [0, 2])))
for n in (0, 1, 2, 5):
    method("matrixPower", x(2, 3, 3), n, torch=lambda m: torch.linalg.matrix_power(m, n), grads=n > 0)

# einsum
einsum = lambda equation, *operands, **flags: case("gradus.einsum", equation, *operands, torch=lambda *t: torch.einsum(equation, *t), smooth=True, **flags)
einsum("ij,jk->ik", x(2, 3), turned(3, 4))
einsum("bij,bjk->bik", x(2, 3, 4), x(2, 4, 2))
einsum("bhqd,bhkd->bhqk", x(1, 2, 3, 4), x(1, 2, 5, 4))
einsum("ij->ji", x(2, 3))
einsum("ij->", x(2, 3))
einsum("ij->j", turned(2, 3))
einsum("ii->i", x(3, 3))
einsum("ii", x(3, 3))
einsum("iij->ji", x(3, 3, 2))
einsum("iji->j", x(3, 2, 3))
einsum("iii->i", x(2, 2, 2))
einsum("i,i", x(3), x(3))
einsum("i,j->ij", x(3), x(2))
einsum("ij,ij->ij", x(2, 3), turned(2, 3))
einsum("ba,ab", x(2, 3), x(3, 2))
einsum("bA,Ac", x(2, 3), x(3, 2))
einsum(" b i , i -> b ", x(2, 3), x(3))
einsum("...ij,...jk->...ik", x(2, 1, 3, 4), x(5, 4, 2))
einsum("...i,i", x(2, 3, 4), x(4))
einsum("i...,i...->...", x(3, 2), x(3, 2))
einsum("...a,...b->ab...", x(2, 3), x(2, 4))
einsum("a...->...", x(2, 3))
einsum("...ii->...i", x(2, 3, 3))
einsum("...", x(2, 3))
einsum("ij,jk,kl->il", x(2, 3), x(3, 4), x(4, 2))
einsum("a,b,c->cab", x(2), x(3), x(2))
einsum("ijk,il,jm,kn->lmn", x(2, 3, 2), x(2, 3), x(3, 2), x(2, 2))
einsum("bi,oij,bj->bo", x(3, 2), x(4, 2, 5), x(3, 5))
einsum("ij,jk->ik", x(2, 1), x(3, 4))
einsum("ij,ij->i", x(1, 3), x(2, 3))
einsum("ij,jk->ik", x(2, 0), x(0, 3))
einsum("ij,kl->", x(2, 3), x(2, 2))
einsum(",ij->ji", x(), x(2, 3))
case("gradus.einsum", "ij,jk", ints(-4, 4, 2, 3), ints(-4, 4, 3, 2), torch=lambda a, b: torch.einsum("ij,jk", a, b))

# distances
for p in (0, 0.5, 1, 1.5, 2, 3):
    case("gradus.cdist", x(3, 2), x(4, 2), {"p": p}, torch=lambda a, b: torch.cdist(a, b, p=p, compute_mode="donot_use_mm_for_euclid_dist"), smooth=p == 2, grads=p > 0)
case("gradus.cdist", x(2, 3, 2), randn(4, 2, 2).permuted(1, 0, 2), torch=torch.cdist)
case("gradus.cdist", x(2, 1, 3, 2), x(2, 4, 2), torch=torch.cdist)
case("gradus.cdist", values([[1, 2], [3, 4]]), values([[1, 2]]), torch=torch.cdist, gradcheck=False)
case("gradus.cdist", x(2, 0), x(3, 0), torch=torch.cdist, grads=False)
case("gradus.cdist", x(0, 2), x(3, 2), torch=torch.cdist)
