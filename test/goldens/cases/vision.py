import torch
import torch.nn.functional as F
from golden import *


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def options(given):
    return {snake(k): tuple(v) if isinstance(v, list) else v for k, v in given.items()}


# --- interpolate
SPACE = {1: (5,), 2: (4, 5), 3: (3, 2, 4)}
MODES = {1: ["nearest", "nearest-exact", "linear", "area"], 2: ["nearest", "nearest-exact", "bilinear", "bicubic", "area"],
         3: ["nearest", "nearest-exact", "trilinear", "area"]}
for rank, space in SPACE.items():
    for mode in MODES[rank]:
        settings = [{"size": [7, 3, 5][:rank]}, {"size": 3}, {"scaleFactor": 1.7}, {"scaleFactor": [0.7, 2, 1.3][:rank]},
                    {"scaleFactor": 1.7, "recomputeScaleFactor": True}]
        if mode in ("linear", "bilinear", "bicubic", "trilinear"):
            settings += [{"size": [7, 3, 5][:rank], "alignCorners": True}, {"size": 1, "alignCorners": True}]
        for given in settings:
            given = given | {"mode": mode}
            case("F.interpolate", randn(1, 2 if rank < 3 else 1, *space), given, torch=lambda x: F.interpolate(x, **options(given)))
for mode in ["bilinear", "bicubic", "lanczos"]:
    for given in [{"size": [3, 4]}, {"size": [9, 7]}, {"scaleFactor": 0.4}, {"size": [3, 9], "alignCorners": True}]:
        if mode == "lanczos" and "alignCorners" in given:
            continue
        given = given | {"mode": mode, "antialias": True}
        case("F.interpolate", randn(1, 1, 8, 9), given, torch=lambda x: F.interpolate(x, **options(given)))
case("F.interpolate", randn(4, 2, 1, 3).permuted(1, 2, 0, 3), {"size": [6, 2], "mode": "bilinear"}, torch=lambda x: F.interpolate(x, (6, 2), mode="bilinear"), smooth=True)
case("F.interpolate", randn(0, 2, 3), {"size": 5}, torch=lambda x: F.interpolate(x, 5))
case("F.upsample", randn(1, 2, 3, 4), {"scaleFactor": 2, "mode": "bilinear"}, torch=lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"))
case("F.upsampleNearest", randn(1, 2, 3, 4), {"scaleFactor": 2}, torch=lambda x: F.interpolate(x, scale_factor=2))
case("F.upsampleBilinear", randn(1, 2, 3, 4), {"size": [5, 7]}, torch=lambda x: F.interpolate(x, (5, 7), mode="bilinear", align_corners=True))

# --- grids
for align in [True, False]:
    given = {"alignCorners": align}
    case("F.affineGrid", randn(2, 2, 3), [2, 3, 4, 5], given, torch=lambda t: F.affine_grid(t, [2, 3, 4, 5], align))
    case("F.affineGrid", randn(1, 3, 4), [1, 2, 2, 1, 3], given, torch=lambda t: F.affine_grid(t, [1, 2, 2, 1, 3], align))
    for padding in ["zeros", "border", "reflection"]:
        for mode in ["bilinear", "nearest", "bicubic"]:
            given = {"mode": mode, "paddingMode": padding, "alignCorners": align}
            case("F.gridSample", randn(1, 2, 4, 5), uniform(-1.6, 1.6, 1, 3, 4, 2), given, torch=lambda x, g: F.grid_sample(x, g, mode, padding, align))
            if mode != "bicubic":
                case("F.gridSample", randn(1, 1, 3, 2, 4), uniform(-1.6, 1.6, 1, 2, 1, 3, 3), given, torch=lambda x, g: F.grid_sample(x, g, mode, padding, align))
case("F.gridSample", randn(4, 2, 1, 3).permuted(1, 2, 0, 3), uniform(-1, 1, 2, 2, 2, 2), torch=lambda x, g: F.grid_sample(x, g, align_corners=False))

# --- blocks and pixels
for given in [{}, {"stride": 2}, {"padding": [1, 2], "dilation": [2, 1]}, {"stride": [2, 1], "padding": 1}]:
    case("F.unfold", randn(2, 2, 5, 6), [3, 2], given, torch=lambda x: F.unfold(x, (3, 2), **options(given)), smooth=given == {})
    columns = F.unfold(torch.zeros(2, 2, 5, 6), (3, 2), **options(given)).shape
    case("F.fold", randn(*columns), [5, 6], [3, 2], given, torch=lambda x: F.fold(x, (5, 6), (3, 2), **options(given)), smooth=given == {})
case("F.unfold", randn(2, 4, 4), 2, torch=lambda x: F.unfold(x, 2))
case("F.fold", randn(8, 9), 4, 2, torch=lambda x: F.fold(x, (4, 4), 2))
case("F.pixelShuffle", randn(2, 8, 2, 3), 2, torch=lambda x: F.pixel_shuffle(x, 2))
case("F.pixelShuffle", randn(9, 2, 1), 3, torch=lambda x: F.pixel_shuffle(x, 3))
case("F.pixelUnshuffle", randn(2, 2, 4, 6), 2, torch=lambda x: F.pixel_unshuffle(x, 2))
case("F.pixelUnshuffle", randn(6, 1, 3).permuted(1, 0, 2), 3, torch=lambda x: F.pixel_unshuffle(x, 3))
case("F.channelShuffle", randn(2, 6, 3), 3, torch=lambda x: torch.channel_shuffle(x.unsqueeze(-1), 3).squeeze(-1))
case("F.channelShuffle", randn(2, 4, 2, 3), 2, torch=lambda x: torch.channel_shuffle(x, 2))

# --- padding
case("F.pad", randn(2, 3), [1, 2], torch=lambda x: F.pad(x, (1, 2)), smooth=True)
case("F.pad", randn(2, 3), [1, -1, 0, 2], {"value": 2.5}, torch=lambda x: F.pad(x, (1, -1, 0, 2), value=2.5))
for mode in ["reflect", "replicate", "circular"]:
    case("F.pad", randn(1, 2, 5), [2, 1], {"mode": mode}, torch=lambda x: F.pad(x, (2, 1), mode=mode), smooth=True)
    case("F.pad", randn(1, 2, 3, 4), [2, 1, 0, 2], {"mode": mode}, torch=lambda x: F.pad(x, (2, 1, 0, 2), mode=mode))
    case("F.pad", randn(1, 1, 2, 3, 4), [2, 1, 0, 2, 1, 1], {"mode": mode}, torch=lambda x: F.pad(x, (2, 1, 0, 2, 1, 1), mode=mode))
case("F.pad", randn(4, 1, 3).permuted(1, 2, 0), [1, 1], {"mode": "reflect"}, torch=lambda x: F.pad(x, (1, 1), mode="reflect"))

# --- distances
for dim in [1, 0, -1]:
    case("F.cosineSimilarity", randn(3, 4), randn(3, 4), {"dim": dim}, torch=lambda a, b: F.cosine_similarity(a, b, dim), smooth=True)
case("F.cosineSimilarity", randn(3, 1, 4), randn(2, 4), {"dim": 2}, torch=lambda a, b: F.cosine_similarity(a, b, 2))
case("F.cosineSimilarity", randn(2, 4), randn(2, 4), {"eps": 10}, torch=lambda a, b: F.cosine_similarity(a, b, eps=10), gradcheck=False)
case("F.cosineSimilarity", values([[0, 0], [1, 2]]), values([[1, 2], [2, 1]]), torch=F.cosine_similarity, gradcheck=False)
for p in [2, 1, 3, 0.5]:
    case("F.pairwiseDistance", randn(3, 4), randn(3, 4), {"p": p}, torch=lambda a, b: F.pairwise_distance(a, b, p), smooth=p == 2)
    case("F.pdist", randn(4, 3), p, torch=lambda x: F.pdist(x, p))
case("F.pairwiseDistance", randn(3, 4), randn(4), {"keepdim": True, "eps": 0.1}, torch=lambda a, b: F.pairwise_distance(a, b, 2, 0.1, True))
case("F.pdist", randn(4, 3), torch=F.pdist)
case("F.pdist", randn(1, 3), torch=F.pdist)
case("F.pdist", values([[1, 2], [1, 2], [0, 1]]), torch=F.pdist, gradcheck=False)

# --- tables
case("F.oneHot", ints(0, 4, 2, 3), 4, torch=lambda x: F.one_hot(x.long(), 4))
case("F.embedding", ints(0, 5, 2, 3), randn(5, 4), torch=lambda i, w: F.embedding(i.long(), w), smooth=True)
case("F.embedding", values([1, 3, 1, 0], dtype="int32"), randn(5, 2), {"paddingIdx": 1}, torch=lambda i, w: F.embedding(i.long(), w, 1), gradcheck=False)
case("F.embedding", values([1, 3, 1, 0], dtype="int32"), randn(5, 2), {"paddingIdx": -2}, torch=lambda i, w: F.embedding(i.long(), w, -2), gradcheck=False)
case("F.embedding", values([1, 3, 1, 0], dtype="int32"), randn(5, 2), {"scaleGradByFreq": True}, torch=lambda i, w: F.embedding(i.long(), w, scale_grad_by_freq=True), gradcheck=False)
case("F.embedding", values([[1, 3], [1, 0]], dtype="int32"), randn(5, 2, grad=False), {"maxNorm": 0.7, "normType": 1}, torch=lambda i, w: F.embedding(i.long(), w, max_norm=0.7, norm_type=1))
case("F.embedding", ints(0, 5, 0), randn(5, 4), torch=lambda i, w: F.embedding(i.long(), w))
case("F.embedding", ints(0, 5, 2, 3).permuted(1, 0), randn(4, 5).permuted(1, 0), torch=lambda i, w: F.embedding(i.long(), w))
index = values([1, 3, 1, 0, 4, 2, 2], dtype="int32")
offsets = values([0, 2, 2, 5], dtype="int32")
for mode in ["sum", "mean", "max"]:
    case("F.embeddingBag", ints(0, 5, 3, 4), randn(5, 2), {"mode": mode}, torch=lambda i, w: F.embedding_bag(i.long(), w, mode=mode))
    case("F.embeddingBag", index, randn(5, 2), {"mode": mode, "offsets": offsets}, torch=lambda i, w, o: F.embedding_bag(i.long(), w, o.long(), mode=mode))
    case("F.embeddingBag", index, randn(5, 2), {"mode": mode, "offsets": offsets, "paddingIdx": 1},
         torch=lambda i, w, o: F.embedding_bag(i.long(), w, o.long(), mode=mode, padding_idx=1), gradcheck=False)
case("F.embeddingBag", index, randn(5, 2), {"mode": "sum", "offsets": values([0, 3, 7], dtype="int32"), "includeLastOffset": True},
     torch=lambda i, w, o: F.embedding_bag(i.long(), w, o.long(), mode="sum", include_last_offset=True))
case("F.embeddingBag", ints(0, 5, 2, 3), randn(5, 2), {"mode": "sum", "perSampleWeights": randn(2, 3)},
     torch=lambda i, w, s: F.embedding_bag(i.long(), w, mode="sum", per_sample_weights=s))
# written with embedding: PyTorch's embedding_bag divides by the count of another index on the CPU
case("F.embeddingBag", index, randn(5, 2), {"mode": "sum", "offsets": offsets, "scaleGradByFreq": True},
     torch=lambda i, w, o: torch.zeros(4, 2, dtype=w.dtype).index_add(0, torch.tensor([0, 0, 2, 2, 2, 3, 3]), F.embedding(i.long(), w, scale_grad_by_freq=True)),
     gradcheck=False)
