"""Selecting by position, index and mask; writing; order."""

import torch

from golden import case, ints, randn, values

x = lambda *shape: randn(*shape)
turned = lambda: randn(4, 3).permuted(1, 0)  # [3, 4], not contiguous
index = lambda *nested, dtype="int32": values(list(nested), dtype=dtype)
grid = lambda nested: values(nested, dtype="int32")
mask = lambda nested: values(nested, dtype="bool")
cube = lambda: x(3, 4, 2)


def method(name, *args, torch, of=None, smooth=True, **flags):
    case(f"Tensor.{name}", of or x(3, 4), *args, torch=torch, smooth=smooth, **flags)


# at: numbers, ranges, new dimensions, ellipsis
at = lambda *args, torch, of=None: method("at", *args, torch=torch, of=of)
at(1, torch=lambda x: x[1])
at(-1, -2, torch=lambda x: x[-1, -2])
at("1:", torch=lambda x: x[1:])
at(":", "1:-1", of=turned(), torch=lambda x: x[:, 1:-1])
at("::2", "-3::2", torch=lambda x: x[::2, -3::2])
at("5:", torch=lambda x: x[5:])
at("2:1", torch=lambda x: x[2:1])
at("-100:100", 0, torch=lambda x: x[-100:100, 0])
at("::-1", torch=lambda x: x.flip(0))
at(":", "::-2", of=turned(), torch=lambda x: x.flip(1)[:, ::2])
at(":", "2:0:-1", torch=lambda x: x[:, 1:3].flip(1))
at(":", "-2:-5:-1", torch=lambda x: x[:, :3].flip(1))
at("0:2:-1", torch=lambda x: x[:0])
at("...", 0, of=cube(), torch=lambda x: x[..., 0])
at(0, "...", of=cube(), torch=lambda x: x[0, ...])
at(None, ":", None, 1, of=cube(), torch=lambda x: x[None, :, None, 1])
at(0, "1:-1", None, "...", of=cube(), torch=lambda x: x[0, 1:-1, None, ...])
at("...", of=x(), torch=lambda x: x[...])
at(None, of=x(), torch=lambda x: x[None])
at("1:", of=x(0, 3), torch=lambda x: x[1:])

# at: lists and index tensors
at([2, 0, -1], torch=lambda x: x[[2, 0, -1]])
at(":", [1, 1], of=turned(), torch=lambda x: x[:, [1, 1]])
at([0, 2], [1, -1], torch=lambda x: x[[0, 2], [1, -1]])
at([], torch=lambda x: x[torch.tensor([], dtype=torch.long)])
at(0, ":", [1, 0], of=cube(), torch=lambda x: x[0, :, [1, 0]])
at([1, 0], ":", [1, 0], of=cube(), torch=lambda x: x[[1, 0], :, [1, 0]])
at(":", [3, 0, 1], [1, 0, 1], of=cube(), torch=lambda x: x[:, [3, 0, 1], [1, 0, 1]])
at([1, 0], None, [1, 3], of=cube(), torch=lambda x: x[[1, 0], None, [1, 3]])
at("::-1", [1, 2], of=cube(), torch=lambda x: x.flip(0)[:, [1, 2]])
at("1:", [0, -1], "::2", of=x(3, 4, 5), torch=lambda x: x[1:, [0, -1], ::2])
case("Tensor.at", x(3, 4), grid([[0, -1], [2, 1]]), torch=lambda x, i: x[i], smooth=True)
case("Tensor.at", cube(), grid([[0], [2]]), index(1, 3, -4), torch=lambda x, i, j: x[i, j], smooth=True)
case("Tensor.at", cube(), index(0, 2), ":", index(1, 0), torch=lambda x, i, j: x[i, :, j], smooth=True)
case("Tensor.at", cube(), ":", values(2, dtype="int32"), torch=lambda x, i: x[:, i], smooth=True)
case("Tensor.at", cube(), values(-1, dtype="int32"), ":", [1, 0, 0], torch=lambda x, i: x[i, :, [1, 0, 0]], smooth=True)
case("Tensor.at", x(3, 4), values([2, 0], dtype="uint8"), torch=lambda x, i: x[i.long()], smooth=True)
case("Tensor.at", ints(0, 99, 3, 4), [0, 2], torch=lambda x: x[[0, 2]])

# at: masks
case("Tensor.at", x(3, 4), mask([[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 0, 0]]), torch=lambda x, m: x[m], smooth=True)
case("Tensor.at", cube(), mask([1, 0, 1]), torch=lambda x, m: x[m], smooth=True)
case("Tensor.at", cube(), ":", mask([[1, 0], [0, 0], [1, 1], [0, 1]]), torch=lambda x, m: x[:, m], smooth=True)
case("Tensor.at", cube(), mask([1, 0, 1]), [0, -1], torch=lambda x, m: x[m, [0, -1]], smooth=True)
case("Tensor.at", x(3), mask([0, 0, 0]), torch=lambda x, m: x[m], smooth=True)


def put_at(places, accumulate=False):
    def expression(x, *rest):
        y = x.clone() * 1
        if accumulate:
            y = torch.index_put(y, tuple(torch.tensor(i) for i in places), rest[0] if rest else torch.tensor(2.0, dtype=x.dtype), accumulate=True)
        else:
            y[places] = rest[0] if rest else 2.5
        return y

    return expression


case("Tensor.indexPut", x(3, 4), [0, "1:3"], 2.5, torch=put_at((0, slice(1, 3))), smooth=True)
case("Tensor.indexPut", turned(), ["...", -1], x(3), torch=put_at((..., -1)), smooth=True)
case("Tensor.indexPut", x(3, 4), [[0, 2], [1, -1]], x(2), torch=put_at(([0, 2], [1, -1])), smooth=True)
case("Tensor.indexPut", x(3, 4), [[0, 2, 0], [1, 3, 1]], x(3), {"accumulate": True}, torch=put_at(([0, 2, 0], [1, 3, 1]), True), smooth=True)
case("Tensor.indexPut", x(3, 4), [":", "::2"], x(1, 2), torch=put_at((slice(None), slice(None, None, 2))), smooth=True)
case("Tensor.indexPut", x(3, 4), ["3:"], 1, torch=put_at((slice(3, None),)), smooth=True)

# reading by index
case("Tensor.indexSelect", x(3, 4), 0, index(2, 0, 2), torch=lambda x, i: x.index_select(0, i), smooth=True)
case("Tensor.indexSelect", turned(), -1, index(3, 1), torch=lambda x, i: x.index_select(-1, i), smooth=True)
case("Tensor.indexSelect", cube(), 1, values([], dtype="int32"), torch=lambda x, i: x.index_select(1, i), smooth=True)
case("Tensor.indexSelect", x(4), 0, values(2, dtype="int32"), torch=lambda x, i: x.index_select(0, i), smooth=True)
case("Tensor.gather", x(3, 4), 1, ints(0, 4, 3, 2), torch=lambda x, i: x.gather(1, i.long()), smooth=True)
case("Tensor.gather", x(3, 4), 0, ints(0, 3, 5, 4), torch=lambda x, i: x.gather(0, i.long()), smooth=True)
case("Tensor.gather", turned(), -1, ints(0, 4, 2, 6), torch=lambda x, i: x.gather(-1, i.long()), smooth=True)
case("Tensor.gather", cube(), 1, ints(0, 4, 2, 3, 1), torch=lambda x, i: x.gather(1, i.long()), smooth=True)
case("Tensor.gather", x(3, 4), 1, ints(0, 4, 3, 0), torch=lambda x, i: x.gather(1, i.long()), smooth=True)
case("Tensor.gather", x(), 0, ints(0, 1, 2), torch=lambda x, i: x.gather(0, i.long()), smooth=True)
case("Tensor.gather", ints(0, 9, 2, 3), 1, ints(0, 3, 2, 3), torch=lambda x, i: x.gather(1, i.long()))
case("Tensor.take", turned(), grid([[0, -1], [5, 5]]), torch=lambda x, i: x.take(i.long()), smooth=True)
case("Tensor.take", x(3, 4), values([], dtype="int32"), torch=lambda x, i: x.take(i.long()), smooth=True)
case("Tensor.takeAlongDim", x(3, 4), ints(0, 4, 1, 2), 1, torch=lambda x, i: x.take_along_dim(i.long(), 1), smooth=True)
case("Tensor.takeAlongDim", x(1, 4), ints(0, 4, 3, 2), 1, torch=lambda x, i: x.take_along_dim(i.long(), 1), smooth=True)
case("Tensor.takeAlongDim", turned(), ints(0, 12, 5), torch=lambda x, i: x.contiguous().take_along_dim(i.long()), smooth=True)

# masks and choices
case("Tensor.where", x(3, 4), ints(0, 2, 4, dtype="bool"), x(3, 1), torch=lambda x, c, y: x.where(c, y), smooth=True)
case("Tensor.where", turned(), ints(0, 2, 3, 4, dtype="bool"), 0.5, torch=lambda x, c: x.where(c, 0.5), smooth=True)
case("gradus.where", ints(0, 2, 3, 4, dtype="bool"), x(3, 4), x(4), torch=torch.where, smooth=True)
case("gradus.where", ints(0, 2, 0, 4, dtype="bool"), x(4), 2, torch=lambda c, x: torch.where(c, x, 2), smooth=True)
case("gradus.where", ints(0, 2, 4, dtype="bool"), ints(0, 9, 4), x(4), torch=torch.where, smooth=True)
case("Tensor.maskedFill", x(3, 4), ints(0, 2, 4, dtype="bool"), 2.5, torch=lambda x, m: x.masked_fill(m, 2.5), smooth=True)
case("Tensor.maskedFill", x(4), ints(0, 2, 3, 1, dtype="bool"), x(), torch=lambda x, m, v: x.masked_fill(m, v), smooth=True)
case("Tensor.maskedFill", ints(0, 9, 4), ints(0, 2, 4, dtype="bool"), -1, torch=lambda x, m: x.masked_fill(m, -1))
case("Tensor.maskedSelect", x(3, 4), ints(0, 2, 4, dtype="bool"), torch=lambda x, m: x.masked_select(m), smooth=True)
case("Tensor.maskedSelect", turned(), ints(0, 2, 3, 4, dtype="bool"), torch=lambda x, m: x.masked_select(m), smooth=True)
case("Tensor.maskedSelect", x(3), mask([0, 0, 0]), torch=lambda x, m: x.masked_select(m), smooth=True)
case("Tensor.maskedScatter", x(3, 4), ints(0, 2, 4, dtype="bool"), x(4, 3), torch=lambda x, m, s: x.masked_scatter(m, s), smooth=True)
case("Tensor.maskedScatter", turned(), ints(0, 2, 3, 4, dtype="bool"), x(12), torch=lambda x, m, s: x.masked_scatter(m, s), smooth=True)
case("Tensor.maskedScatter", x(2), mask([0, 0]), x(0), torch=lambda x, m, s: x.masked_scatter(m, s), smooth=True)
case("Tensor.nonzero", ints(0, 2, 3, 4), torch=lambda x: x.nonzero())
case("Tensor.nonzero", ints(0, 2, 4, 3, dtype="bool").permuted(1, 0), torch=lambda x: x.nonzero())
case("Tensor.nonzero", values([0, 0.5, float("nan")]).no_grad(), torch=lambda x: x.nonzero())
case("Tensor.nonzero", values(3).no_grad(), torch=lambda x: x.nonzero())
case("Tensor.nonzero", values([0]).no_grad(), torch=lambda x: x.nonzero())

# writing by index
distinct = lambda: grid([[0, 2, 1, 0], [2, 0, 0, 1]])
case("Tensor.scatter", x(3, 4), 0, distinct(), x(2, 4), torch=lambda x, i, s: x.scatter(0, i.long(), s), smooth=True)
case("Tensor.scatter", turned(), -1, grid([[3, 0], [1, 2]]), x(3, 3), torch=lambda x, i, s: x.scatter(-1, i.long(), s[:2, :2]), smooth=True)
case("Tensor.scatter", x(3, 4), 1, grid([[3], [0], [3]]), 1.5, torch=lambda x, i: x.scatter(1, i.long(), 1.5), smooth=True)
case("Tensor.scatter", x(3, 4), 0, ints(0, 3, 5, 4), x(5, 4), {"reduce": "add"}, torch=lambda x, i, s: x.scatter_add(0, i.long(), s), smooth=True)
case("Tensor.scatter", x(3, 4), 0, ints(0, 3, 5, 4), x(5, 4), {"reduce": "multiply"}, torch=lambda x, i, s: x.scatter_reduce(0, i.long(), s, "prod"), smooth=True)
case("Tensor.scatter", x(), 0, values(0, dtype="int32"), 2, torch=lambda x, i: x.scatter(0, i.long(), 2), smooth=True)
case("Tensor.scatterAdd", x(3, 4), 1, ints(0, 4, 3, 6), x(3, 6), torch=lambda x, i, s: x.scatter_add(1, i.long(), s), smooth=True)
case("Tensor.scatterAdd", turned(), 0, ints(0, 3, 5, 2), x(6, 3), torch=lambda x, i, s: x.scatter_add(0, i.long(), s[:5, :2]), smooth=True)
case("Tensor.scatterAdd", ints(0, 9, 3), 0, ints(0, 3, 7), ints(0, 9, 7), torch=lambda x, i, s: x.scatter_add(0, i.long(), s))
case("Tensor.scatterAdd", x(3, 0), 1, ints(0, 1, 3, 0), x(3, 0), torch=lambda x, i, s: x.scatter_add(1, i.long(), s), smooth=True)
for reduction in ("sum", "prod", "mean", "amax", "amin"):
    for include in (True, False):
        case(
            "Tensor.scatterReduce", x(3, 4), 1, ints(0, 3, 3, 6), x(3, 6), reduction, {"includeSelf": include},
            torch=lambda x, i, s: x.scatter_reduce(1, i.long(), s, reduction, include_self=include), smooth=True,
        )
    case("Tensor.scatterReduce", ints(1, 9, 3), 0, ints(0, 3, 4), ints(1, 9, 4), reduction, torch=lambda x, i, s: x.scatter_reduce(0, i.long(), s, reduction))
# zeros in products, ties among extremes
case("Tensor.scatterReduce", values([2, 0, 3, 0]), 0, index(0, 0, 1, 2, 2, 3, 3), values([3, 0, 4, 0, 0, 5, 6]), "prod", torch=lambda x, i, s: x.scatter_reduce(0, i.long(), s, "prod"))
case("Tensor.scatterReduce", values([2, 1, 3]), 0, index(0, 0, 1, 1, 2), values([2, 1, 4, 4, 1]), "amax", torch=lambda x, i, s: x.scatter_reduce(0, i.long(), s, "amax"), gradcheck=False)
case("Tensor.indexAdd", x(3, 4), 0, index(2, 0, 2), x(3, 4), torch=lambda x, i, s: x.index_add(0, i, s), smooth=True)
case("Tensor.indexAdd", turned(), 1, index(3, 1), x(3, 2), {"alpha": -2}, torch=lambda x, i, s: x.index_add(1, i, s, alpha=-2), smooth=True)
case("Tensor.indexCopy", x(3, 4), 0, index(2, 0), x(2, 4), torch=lambda x, i, s: x.index_copy(0, i.long(), s), smooth=True)
case("Tensor.indexCopy", turned(), -1, index(1, 3), x(3, 2), torch=lambda x, i, s: x.index_copy(-1, i.long(), s), smooth=True)
case("Tensor.indexFill", x(3, 4), 1, index(0, 3), 1.5, torch=lambda x, i: x.index_fill(1, i.long(), 1.5), smooth=True)
case("Tensor.indexFill", turned(), 0, index(1), x(), torch=lambda x, i, v: x.index_fill(0, i.long(), v), smooth=True)
for reduction in ("prod", "mean", "amax", "amin"):
    for include in (True, False):
        case(
            "Tensor.indexReduce", x(3, 4), 0, index(2, 0, 2, 2), x(4, 4), reduction, {"includeSelf": include},
            torch=lambda x, i, s: x.index_reduce(0, i.long(), s, reduction, include_self=include), smooth=True,
        )
case("Tensor.put", x(3, 4), grid([[0, -1], [5, 3]]), x(4), torch=lambda x, i, s: x.put(i.long(), s.reshape(2, 2)), smooth=True)
case("Tensor.put", turned(), index(1, 1, 7), x(3), {"accumulate": True}, torch=lambda x, i, s: x.put(i.long(), s, accumulate=True), smooth=True)

# writing by view
case("Tensor.sliceScatter", x(3, 4), x(3, 2), 1, 1, 3, torch=lambda x, s: x.slice_scatter(s, 1, 1, 3), smooth=True)
case("Tensor.sliceScatter", turned(), x(2, 4), 0, -3, 3, 2, torch=lambda x, s: x.slice_scatter(s, 0, -3, 3, 2), smooth=True)
case("Tensor.sliceScatter", x(3, 4), x(3, 4), torch=lambda x, s: x.slice_scatter(s), smooth=True)
case("Tensor.selectScatter", turned(), x(4), 0, -1, torch=lambda x, s: x.select_scatter(s, 0, -1), smooth=True)
case("Tensor.diagonalScatter", x(3, 4), x(3), torch=lambda x, s: x.diagonal_scatter(s), smooth=True)
case("Tensor.diagonalScatter", turned(), x(2), -1, torch=lambda x, s: x.diagonal_scatter(s, -1), smooth=True)
case("Tensor.diagonalScatter", cube(), x(4, 1), 1, 0, 2, torch=lambda x, s: x.diagonal_scatter(s, 1, 0, 2), smooth=True)
# PyTorch gives the written elements the gradient, the kept ones 0; finite differences say the opposite
case("Tensor.asStridedScatter", x(3, 4).no_grad(), x(2, 2), [2, 2], [4, 1], 1, torch=lambda x, s: x.as_strided_scatter(s, (2, 2), (4, 1), 1), smooth=True)

# order
method("sort", torch=lambda x: torch.sort(x, stable=True))
method("sort", 0, {"descending": True}, of=turned(), torch=lambda x: torch.sort(x, dim=0, descending=True, stable=True))
method("sort", 1, of=cube(), torch=lambda x: torch.sort(x, dim=1, stable=True))
method("sort", of=x(), torch=lambda x: torch.sort(x))
method("sort", of=x(2, 0), torch=lambda x: torch.sort(x))
case("Tensor.sort", values([2, float("nan"), -1, float("inf"), float("nan"), 0]).no_grad(), torch=lambda x: torch.sort(x, stable=True))
case("Tensor.sort", ints(0, 3, 9), 0, {"descending": True}, torch=lambda x: torch.sort(x, dim=0, descending=True, stable=True))
method("argSort", 0, {"descending": True}, torch=lambda x: torch.argsort(x, dim=0, descending=True, stable=True), grads=False)
case("Tensor.argSort", ints(0, 2, 2, 9), torch=lambda x: torch.argsort(x, stable=True))
method("msort", of=turned(), torch=lambda x: x.msort())
method("topK", 2, torch=lambda x: x.topk(2))
method("topK", 2, 0, {"largest": False}, of=turned(), torch=lambda x: x.topk(2, 0, largest=False))
method("topK", 0, torch=lambda x: x.topk(0))
method("topK", 1, of=x(), torch=lambda x: x.topk(1))
unique = lambda x: torch.unique(x, return_inverse=True, return_counts=True)
case("Tensor.unique", ints(0, 4, 3, 4), torch=unique)
case("Tensor.unique", values([2, -1, 2, 0.5, -1]).no_grad(), torch=unique)
case("Tensor.unique", values([]).no_grad(), torch=unique)
case("Tensor.unique", values([1, float("nan"), 0, float("nan")]).no_grad(), torch=unique)
case("Tensor.unique", ints(0, 2, 6, 2), {"dim": 0}, torch=lambda x: torch.unique(x, dim=0, return_inverse=True, return_counts=True))
case("Tensor.unique", ints(0, 2, 5, 2).permuted(1, 0), {"dim": 1}, torch=lambda x: torch.unique(x, dim=1, return_inverse=True, return_counts=True))
case("Tensor.uniqueConsecutive", values([1, 1, 2, 2, 1, 3], dtype="int32"), torch=lambda x: torch.unique_consecutive(x, return_inverse=True, return_counts=True))
case("Tensor.uniqueConsecutive", values([[1, 2], [1, 2], [0, 2]], dtype="int32"), {"dim": 0}, torch=lambda x: torch.unique_consecutive(x, dim=0, return_inverse=True, return_counts=True))
boundaries = lambda: values([-1, 0, 0, 1.5]).no_grad()
probes = lambda: values([[-2, 0, 1], [1.5, 9, float("nan")]]).no_grad()
case("gradus.searchSorted", boundaries(), probes(), torch=torch.searchsorted)
case("gradus.searchSorted", boundaries(), probes(), {"right": True}, torch=lambda b, v: torch.searchsorted(b, v, right=True))
case("gradus.searchSorted", values([[0, 1, 2], [5, 6, 7]]).no_grad(), values([[1, 3], [6, 0]]).no_grad(), torch=torch.searchsorted)
case("gradus.searchSorted", values([]).no_grad(), probes(), torch=torch.searchsorted)
case("gradus.bucketize", probes(), boundaries(), torch=torch.bucketize)
case("gradus.bucketize", ints(-3, 3, 4), values([-1, 1], dtype="int32"), {"right": True}, torch=lambda v, b: torch.bucketize(v, b, right=True))
