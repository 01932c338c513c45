"""Other shapes, orders and parts of the same elements; repeating, reversing, diagonals, padding."""

import torch
import torch.nn.functional as F

from golden import case, ints, randn

x = lambda *shape: randn(*shape)
turned = lambda: randn(4, 3).permuted(1, 0)  # [3, 4], not contiguous


def method(name, *args, torch, of=None, smooth=True, **flags):
    case(f"Tensor.{name}", of or x(3, 4), *args, torch=torch, smooth=smooth, **flags)


# shapes
method("clone", torch=lambda x: x.clone())
method("clone", of=turned(), torch=lambda x: x.clone())
method("reshape", [2, -1], torch=lambda x: x.reshape(2, -1))
method("reshape", 6, 2, of=turned(), torch=lambda x: x.reshape(6, 2))
method("reshape", [0, 7], of=x(3, 0), torch=lambda x: x.reshape(0, 7))
method("reshape", [], of=x(1, 1), torch=lambda x: x.reshape([]))
case("Tensor.reshapeAs", x(2, 6), ints(0, 2, 3, 4), torch=lambda x, y: x.reshape_as(y))
method("flatten", torch=lambda x: x.flatten())
method("flatten", 1, of=x(2, 3, 4), torch=lambda x: x.flatten(1))
method("flatten", 0, -2, of=x(2, 3, 4), torch=lambda x: x.flatten(0, -2))
method("flatten", of=x(), torch=lambda x: x.flatten())
method("flatten", 0, 1, of=x(2, 0, 4), torch=lambda x: x.flatten(0, 1))
method("unflatten", 1, [2, -1], torch=lambda x: x.unflatten(1, (2, -1)))
method("unflatten", -2, [3, 1], torch=lambda x: x.unflatten(-2, (3, 1)))
method("squeeze", of=x(1, 3, 1, 2), torch=lambda x: x.squeeze())
method("squeeze", -2, of=x(1, 3, 1, 2), torch=lambda x: x.squeeze(-2))
method("squeeze", [0, 1], of=x(1, 3, 1, 2), torch=lambda x: x.squeeze((0, 1)))
method("squeeze", 0, of=x(), torch=lambda x: x.squeeze(0))
method("unsqueeze", 0, torch=lambda x: x.unsqueeze(0))
method("unsqueeze", -1, of=turned(), torch=lambda x: x.unsqueeze(-1))
method("unsqueeze", 0, of=x(), torch=lambda x: x.unsqueeze(0))
method("permute", [2, 0, 1], of=x(2, 3, 4), torch=lambda x: x.permute(2, 0, 1))
method("permute", -1, 0, 1, of=x(2, 0, 4), torch=lambda x: x.permute(-1, 0, 1))
method("transpose", 0, -1, of=x(2, 3, 4), torch=lambda x: x.transpose(0, -1))
method("transpose", 0, 1, of=turned(), torch=lambda x: x.transpose(0, 1))
method("t", torch=lambda x: x.t())
method("t", of=x(3), torch=lambda x: x.t())
method("movedim", 0, -1, of=x(2, 3, 4), torch=lambda x: x.movedim(0, -1))
method("movedim", [0, 1], [2, 0], of=x(2, 3, 4), torch=lambda x: x.movedim((0, 1), (2, 0)))
method("expand", [2, -1, 4], of=x(3, 1), torch=lambda x: x.expand(2, -1, 4))
method("expand", 0, 3, of=x(1, 3), torch=lambda x: x.expand(0, 3))
method("expand", 2, 3, of=x(), torch=lambda x: x.expand(2, 3))
case("Tensor.expandAs", x(3, 1), ints(0, 2, 3, 4), torch=lambda x, y: x.expand_as(y))
method("broadcastTo", [2, 3, 4], of=x(3, 1), torch=lambda x: x.broadcast_to((2, 3, 4)))

# parts
method("narrow", 1, 1, 2, torch=lambda x: x.narrow(1, 1, 2))
method("narrow", -1, -3, 2, of=turned(), torch=lambda x: x.narrow(-1, -3, 2))
method("narrow", 0, 3, 0, torch=lambda x: x.narrow(0, 3, 0))
method("select", 0, 1, torch=lambda x: x.select(0, 1))
method("select", -1, -2, of=turned(), torch=lambda x: x.select(-1, -2))
method("unbind", torch=lambda x: x.unbind())
method("unbind", 1, of=x(2, 3, 2), torch=lambda x: x.unbind(1))
method("split", 2, of=x(5, 2), torch=lambda x: x.split(2))
method("split", [1, 0, 3], 1, torch=lambda x: x.split([1, 0, 3], 1))
method("split", 3, of=x(0, 2), torch=lambda x: x.split(3))
method("chunk", 3, of=x(7, 2), torch=lambda x: x.chunk(3))
method("chunk", 4, -1, of=x(2, 6), torch=lambda x: x.chunk(4, -1))
method("tensorSplit", 3, of=x(7, 2), torch=lambda x: x.tensor_split(3))
method("tensorSplit", [1, 4, 3, -1], -1, of=x(2, 6), torch=lambda x: x.tensor_split([1, 4, 3, -1], -1))
method("hsplit", 2, torch=lambda x: x.hsplit(2))
method("hsplit", [1, 3], of=x(5), torch=lambda x: x.hsplit([1, 3]))
method("vsplit", 3, torch=lambda x: x.vsplit(3))
method("dsplit", 2, of=x(2, 1, 4), torch=lambda x: x.dsplit(2))
method("unfold", 0, 3, 2, of=x(7, 2), torch=lambda x: x.unfold(0, 3, 2))
method("unfold", -1, 2, 1, of=turned(), torch=lambda x: x.unfold(-1, 2, 1))
method("unfold", 0, 1, 1, of=x(), torch=lambda x: x.unfold(0, 1, 1))

# repeating, reversing, shifting
method("repeat", [2, 1, 3], torch=lambda x: x.repeat(2, 1, 3))
method("repeat", 0, 2, torch=lambda x: x.repeat(0, 2))
method("repeat", 2, of=x(), torch=lambda x: x.repeat(2))
method("tile", [2], torch=lambda x: x.tile((2,)))
method("tile", 2, 1, 2, of=turned(), torch=lambda x: x.tile((2, 1, 2)))
method("repeatInterleave", 2, torch=lambda x: x.repeat_interleave(2))
method("repeatInterleave", 3, -1, of=turned(), torch=lambda x: x.repeat_interleave(3, -1))
method("repeatInterleave", [2, 0, 1], 0, torch=lambda x: x.repeat_interleave(torch.tensor([2, 0, 1]), 0))
method("flip", [0, -1], of=x(2, 3, 2), torch=lambda x: x.flip(0, -1))
method("flip", 1, of=turned(), torch=lambda x: x.flip(1))
method("flip", 0, of=x(0, 2), torch=lambda x: x.flip(0))
method("fliplr", torch=lambda x: x.fliplr())
method("flipud", torch=lambda x: x.flipud())
for k in (-1, 0, 1, 2, 3, 5):
    method("rot90", k, torch=lambda x: x.rot90(k))
method("rot90", 1, [2, 0], of=x(2, 3, 4), torch=lambda x: x.rot90(1, (2, 0)))
method("roll", 5, torch=lambda x: x.roll(5))
method("roll", [-1, 6], [0, 1], of=turned(), torch=lambda x: x.roll((-1, 6), (0, 1)))
method("roll", 1, 0, of=x(0, 3), torch=lambda x: x.roll(1, 0))

# diagonals and triangles
for offset in (-2, 0, 1, 5):
    method("diagonal", offset, torch=lambda x: x.diagonal(offset))
method("diagonal", 1, 2, 0, of=x(3, 2, 4), torch=lambda x: x.diagonal(1, 2, 0))
for offset in (-1, 0, 2):
    method("diagEmbed", offset, of=x(2, 3), torch=lambda x: x.diag_embed(offset))
method("diagEmbed", 1, 0, 2, of=x(2, 3), torch=lambda x: x.diag_embed(1, 0, 2))
method("diagEmbed", of=x(2, 0), torch=lambda x: x.diag_embed())
method("diag", of=x(3), torch=lambda x: x.diag())
method("diag", -1, of=x(3), torch=lambda x: x.diag(-1))
method("diag", 1, torch=lambda x: x.diag(1))
method("diagflat", -1, of=x(2, 2), torch=lambda x: x.diagflat(-1))
for diagonal in (-1, 0, 2):
    method("tril", diagonal, torch=lambda x: x.tril(diagonal))
    method("triu", diagonal, of=x(2, 3, 4), torch=lambda x: x.triu(diagonal))
method("tril", of=turned(), torch=lambda x: x.tril())
case("Tensor.triu", ints(0, 9, 3, 3), torch=lambda x: x.triu())
method("triu", of=x(0, 3), torch=lambda x: x.triu())

# padding and strides
method("pad", [1, 2], torch=lambda x: F.pad(x, (1, 2)))
method("pad", [1, 0, 2, 3], {"value": 1.5}, of=turned(), torch=lambda x: F.pad(x, (1, 0, 2, 3), value=1.5))
method("pad", [-1, 2, 1, -2], {"value": -3}, torch=lambda x: F.pad(x, (-1, 2, 1, -2), value=-3))
method("pad", [0, 0, 1, 1], of=x(0, 2), torch=lambda x: F.pad(x, (0, 0, 1, 1)))
case("Tensor.pad", ints(0, 9, 2, 2), [1, 1], {"value": 7}, torch=lambda x: F.pad(x, (1, 1), value=7))
method("asStrided", [2, 3], [1, 2], of=x(7), torch=lambda x: x.as_strided((2, 3), (1, 2)))
method("asStrided", [3, 3], [1, 1], 2, of=x(3, 4), torch=lambda x: x.as_strided((3, 3), (1, 1), 2))
method("asStrided", [0], [1], torch=lambda x: x.as_strided((0,), (1,)))

# several tensors
tensors = lambda: [x(2, 3), x(1, 3), x(2, 3)]
case("gradus.concat", tensors(), torch=lambda *t: torch.cat(t), smooth=True)
case("gradus.concat", [x(2, 3), randn(1, 2).permuted(1, 0), x(2, 0)], -1, torch=lambda *t: torch.cat(t, -1), smooth=True)
case("gradus.concat", [x(0), x(2, 3)], torch=lambda *t: torch.cat(t), smooth=True)
case("gradus.concat", [x(2), ints(0, 5, 3)], torch=lambda *t: torch.cat(t))
case("gradus.stack", [x(2, 3), x(2, 3)], torch=lambda *t: torch.stack(t), smooth=True)
case("gradus.stack", [x(2, 3), randn(3, 2).permuted(1, 0)], -1, torch=lambda *t: torch.stack(t, -1), smooth=True)
case("gradus.stack", [x(), x()], torch=lambda *t: torch.stack(t), smooth=True)
case("gradus.hstack", [x(2, 1), x(2, 2)], torch=lambda *t: torch.hstack(t), smooth=True)
case("gradus.hstack", [x(2), x()], torch=lambda *t: torch.hstack(t), smooth=True)
case("gradus.vstack", [x(3), x(2, 3)], torch=lambda *t: torch.vstack(t), smooth=True)
case("gradus.dstack", [x(2, 3), x(2, 3)], torch=lambda *t: torch.dstack(t), smooth=True)
case("gradus.columnStack", [x(2), x(2, 3)], torch=lambda *t: torch.column_stack(t), smooth=True)
case("gradus.atLeast1d", x(), torch=torch.atleast_1d, smooth=True)
case("gradus.atLeast2d", x(3), torch=torch.atleast_2d, smooth=True)
case("gradus.atLeast3d", x(3), torch=torch.atleast_3d, smooth=True)
case("gradus.atLeast3d", x(3, 2), torch=torch.atleast_3d, smooth=True)
case("gradus.broadcastTensors", x(3, 1), x(4), torch=torch.broadcast_tensors, smooth=True)
case("gradus.meshgrid", [x(2), x(3), x()], torch=lambda *t: torch.meshgrid(*t, indexing="ij"), smooth=True)
case("gradus.meshgrid", [x(2), x(3), x(2)], {"indexing": "xy"}, torch=lambda *t: torch.meshgrid(*t, indexing="xy"), smooth=True)
case("gradus.blockDiag", x(2, 3), x(2), x(), torch=torch.block_diag, smooth=True)
case("gradus.cartesianProd", x(2), x(3), torch=torch.cartesian_prod, smooth=True)
