import torch
from golden import *

nn = torch.nn

# Linear layers

module("nn.Identity", torch=nn.Identity(), inputs=[randn(2, 3)], smooth=True)
module("nn.Linear", 3, 4, torch=nn.Linear(3, 4), inputs=[randn(2, 3)], smooth=True)
module("nn.Linear", 3, 4, {"bias": False}, torch=nn.Linear(3, 4, bias=False), inputs=[randn(2, 5, 3)])
module("nn.Linear", 3, 4, torch=nn.Linear(3, 4), inputs=[randn(3)])
module("nn.Linear", 3, 4, torch=nn.Linear(3, 4), inputs=[randn(0, 3)])
module("nn.Linear", 3, 4, torch=nn.Linear(3, 4), inputs=[randn(3, 2).permuted(1, 0)])
module("nn.Bilinear", 3, 2, 4, torch=nn.Bilinear(3, 2, 4), inputs=[randn(5, 3), randn(5, 2)], smooth=True)
module("nn.Bilinear", 3, 2, 1, {"bias": False}, torch=nn.Bilinear(3, 2, 1, bias=False), inputs=[randn(2, 2, 3), randn(2, 2, 2)])

# Shapes, tables, distances

module("nn.Flatten", torch=nn.Flatten(), inputs=[randn(2, 3, 4)], smooth=True)
module("nn.Flatten", 0, 1, torch=nn.Flatten(0, 1), inputs=[randn(2, 3, 4).permuted(2, 0, 1)])
module("nn.Unflatten", 1, [2, -1], torch=nn.Unflatten(1, (2, -1)), inputs=[randn(2, 6)], smooth=True)
module("nn.Embedding", 5, 3, torch=nn.Embedding(5, 3), inputs=[ints(0, 5, 2, 4)], smooth=True)
module("nn.Embedding", 5, 3, {"paddingIdx": -4}, torch=nn.Embedding(5, 3, padding_idx=-4), inputs=[ints(0, 5, 8)], gradcheck=False)
module("nn.Embedding", 5, 3, {"scaleGradByFreq": True}, torch=nn.Embedding(5, 3, scale_grad_by_freq=True), inputs=[ints(0, 3, 6)], gradcheck=False)
module("nn.Embedding", 5, 3, torch=nn.Embedding(5, 3), inputs=[ints(0, 5, 0, 2)])
bags = ints(0, 5, 3, 4)
module("nn.EmbeddingBag", 5, 3, torch=nn.EmbeddingBag(5, 3), inputs=[bags], smooth=True)
module("nn.EmbeddingBag", 5, 3, {"mode": "sum"}, torch=nn.EmbeddingBag(5, 3, mode="sum"), inputs=[ints(0, 5, 6), values([0, 2, 2], dtype="int32"), randn(6)])
module("nn.EmbeddingBag", 5, 3, {"mode": "max", "includeLastOffset": True},
       torch=nn.EmbeddingBag(5, 3, mode="max", include_last_offset=True), inputs=[ints(0, 5, 6), values([0, 2, 6], dtype="int32")])
module("nn.EmbeddingBag", 5, 3, {"paddingIdx": 2}, torch=nn.EmbeddingBag(5, 3, padding_idx=2), inputs=[bags])
module("nn.CosineSimilarity", torch=nn.CosineSimilarity(), inputs=[randn(3, 4), randn(3, 4)], smooth=True)
module("nn.CosineSimilarity", {"dim": 0, "eps": 0.01}, torch=nn.CosineSimilarity(dim=0, eps=0.01), inputs=[randn(3, 4), randn(3, 1)])
module("nn.PairwiseDistance", torch=nn.PairwiseDistance(), inputs=[randn(3, 4), randn(3, 4)], smooth=True)
module("nn.PairwiseDistance", {"p": 3, "eps": 0.1, "keepdim": True}, torch=nn.PairwiseDistance(3, 0.1, True), inputs=[randn(3, 4), randn(4)])

# Padding

for rank, given in [(1, [1, 2]), (2, [1, 0, 2, 1]), (3, [1, 1, 0, 1, 1, 0])]:
    x = lambda: randn(2, 2, *(4, 3, 3)[:rank])
    for kind in ("Zero", "Reflection", "Replication", "Circular"):
        name = f"{kind}Pad{rank}d"
        module(f"nn.{name}", given, torch=getattr(nn, name)(tuple(given)), inputs=[x()], smooth=rank == 2)
        if (kind, rank) != ("Circular", 3):
            module(f"nn.{name}", 1, torch=getattr(nn, name)(1), inputs=[randn(2, *(4, 3, 3)[:rank])])
    module(f"nn.ConstantPad{rank}d", given, 0.5, torch=getattr(nn, f"ConstantPad{rank}d")(tuple(given), 0.5), inputs=[x()], smooth=rank == 2)
module("nn.ZeroPad2d", [-1, 2, 0, -1], torch=nn.ZeroPad2d((-1, 2, 0, -1)), inputs=[randn(1, 2, 3, 4)])
module("nn.ConstantPad1d", 2, 1.5, torch=nn.ConstantPad1d(2, 1.5), inputs=[randn(0, 2, 3)])

# Rearranging and resizing

module("nn.PixelShuffle", 2, torch=nn.PixelShuffle(2), inputs=[randn(2, 8, 2, 3)], smooth=True)
module("nn.PixelUnshuffle", 2, torch=nn.PixelUnshuffle(2), inputs=[randn(2, 2, 4, 2)], smooth=True)
module("nn.ChannelShuffle", 2, torch=nn.ChannelShuffle(2), inputs=[randn(2, 4, 3)], smooth=True)
module("nn.Unfold", [2, 3], torch=nn.Unfold((2, 3)), inputs=[randn(2, 2, 4, 5)], smooth=True)
module("nn.Unfold", 2, {"dilation": 2, "padding": 1, "stride": 2}, torch=nn.Unfold(2, dilation=2, padding=1, stride=2), inputs=[randn(1, 2, 4, 5)])
module("nn.Fold", [4, 5], [2, 3], torch=nn.Fold((4, 5), (2, 3)), inputs=[randn(2, 12, 9)], smooth=True)
module("nn.Fold", 4, 2, {"dilation": 2, "padding": 1, "stride": 2}, torch=nn.Fold(4, 2, dilation=2, padding=1, stride=2), inputs=[randn(1, 8, 4)])
module("nn.Upsample", {"scaleFactor": 2}, torch=nn.Upsample(scale_factor=2), inputs=[randn(1, 2, 3)])
module("nn.Upsample", {"size": [5, 4], "mode": "bilinear"}, torch=nn.Upsample(size=(5, 4), mode="bilinear"), inputs=[randn(1, 2, 3, 3)], smooth=True)
module("nn.Upsample", {"scaleFactor": 1.5, "mode": "bicubic", "alignCorners": True},
       torch=nn.Upsample(scale_factor=1.5, mode="bicubic", align_corners=True), inputs=[randn(1, 1, 4, 4)])
module("nn.Upsample", {"scaleFactor": 1.6, "mode": "linear", "recomputeScaleFactor": True},
       torch=nn.Upsample(scale_factor=1.6, mode="linear", recompute_scale_factor=True), inputs=[randn(1, 2, 4)])
module("nn.UpsamplingNearest2d", {"size": 5}, torch=nn.UpsamplingNearest2d(size=5), inputs=[randn(1, 2, 3, 2)])
module("nn.UpsamplingBilinear2d", {"scaleFactor": 2}, torch=nn.UpsamplingBilinear2d(scale_factor=2), inputs=[randn(1, 2, 3, 2)])

# Dropout outside training does nothing

for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"):
    x = randn(2, 3, *(2, 2, 2)[: int(name[7]) if name[-1] == "d" else 1])
    module(f"nn.{name}", 0.3, torch=getattr(nn, name)(0.3), inputs=[x], train=False)
    module(f"nn.{name}", 0, torch=getattr(nn, name)(0), inputs=[x])
