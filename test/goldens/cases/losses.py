import itertools

import torch
import torch.nn.functional as F
from golden import *

REDUCTIONS = ["mean", "sum", "none"]


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def options(given):
    return {snake(k): v for k, v in given.items()}


def tensor(x, like):
    """Tensor options in the dtype of the other tensors."""
    return x.to(like.dtype)


# --- one element against one element
PAIRS = {
    "mseLoss": (F.mse_loss, lambda *s: (randn(*s), randn(*s)), [{}], True),
    "l1Loss": (F.l1_loss, lambda *s: (randn(*s), randn(*s)), [{}], False),
    "smoothL1Loss": (F.smooth_l1_loss, lambda *s: (randn(*s), randn(*s)), [{}, {"beta": 0.3}, {"beta": 0}], False),
    "huberLoss": (F.huber_loss, lambda *s: (randn(*s), randn(*s)), [{}, {"delta": 0.4}], False),
    "poissonNllLoss": (F.poisson_nll_loss, lambda *s: (uniform(0.1, 3, *s), uniform(0, 5, *s, grad=False)),
                       [{}, {"logInput": False}, {"full": True}, {"logInput": False, "eps": 0.1}], True),
    "klDiv": (F.kl_div, lambda *s: (randn(*s), uniform(0.1, 1, *s)), [{}, {"logTarget": True}], True),
    "binaryCrossEntropy": (F.binary_cross_entropy, lambda *s: (uniform(0.05, 0.95, *s), uniform(0, 1, *s)), [{}], False),
    "binaryCrossEntropyWithLogits": (F.binary_cross_entropy_with_logits, lambda *s: (uniform(-5, 5, *s), uniform(0, 1, *s)), [{}], True),
    "softMarginLoss": (F.soft_margin_loss, lambda *s: (randn(*s), Input(rng.choice([-1.0, 1.0], s), "float32", False)), [{}], True),
    "hingeEmbeddingLoss": (F.hinge_embedding_loss, lambda *s: (randn(*s), Input(rng.choice([-1.0, 1.0], s), "float32", False)), [{}, {"margin": 0.4}], False),
    "hingeLoss": (None, lambda *s: (randn(*s), Input(rng.choice([-1.0, 1.0], s), "float32", False)), [{}, {"margin": 0.4}], False),
    "squaredHingeLoss": (None, lambda *s: (randn(*s), Input(rng.choice([-1.0, 1.0], s), "float32", False)), [{}, {"margin": 0.4}], False),
}


def reduced(losses, reduction):
    return losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses


def hinge(power):
    def loss(x, y, reduction="mean", margin=1):
        return reduced(torch.clamp(margin - x * y, min=0) ** power, reduction)
    return loss


for name, (fn, inputs, settings, smooth) in PAIRS.items():
    fn = fn or hinge(1 if name == "hingeLoss" else 2)
    for given in settings:
        for reduction in REDUCTIONS:
            case(f"F.{name}", *inputs(3, 4), given | {"reduction": reduction},
                 torch=lambda x, y: fn(x, y, reduction=reduction, **options(given)), smooth=smooth and reduction == "mean" and given != {"beta": 0})
    x, y = inputs(2, 3, 2)
    case(f"F.{name}", x.permuted(2, 0, 1), y.permuted(2, 0, 1), torch=fn)
    case(f"F.{name}", *inputs(), torch=fn)
    case(f"F.{name}", *inputs(0, 3), {"reduction": "sum"}, torch=lambda x, y: fn(x, y, reduction="sum"))
    case(f"F.{name}", *inputs(0, 3), torch=fn, gradcheck=False)

for name, fn in {"mseLoss": F.mse_loss, "l1Loss": F.l1_loss, "huberLoss": F.huber_loss}.items():
    for reduction in REDUCTIONS:
        case(f"F.{name}", randn(3, 4), randn(3, 4), {"weight": uniform(0.1, 2, 3, 4), "reduction": reduction},
             torch=lambda x, y, w: fn(x, y, reduction=reduction, weight=w))
case("F.mseLoss", randn(6, dtype="float16"), randn(6, dtype="float16"), torch=F.mse_loss)
case("F.klDiv", randn(3, 4), uniform(0.1, 1, 3, 4), {"reduction": "batchmean"}, torch=lambda x, y: F.kl_div(x, y, reduction="batchmean"))
case("F.klDiv", randn(4), values([0, 0.5, 0.5, 0], grad=False), torch=F.kl_div)
case("F.binaryCrossEntropy", uniform(0.05, 0.95, 3, 4), uniform(0, 1, 3, 4), {"weight": uniform(0, 2, 4, grad=False)}, torch=lambda x, y, w: F.binary_cross_entropy(x, y, tensor(w, x)))
case("F.binaryCrossEntropy", values([0, 0, 1, 1, 0.5]), values([0, 1, 0, 1, 1], grad=False), {"reduction": "none"}, torch=lambda x, y: F.binary_cross_entropy(x, y, reduction="none"), gradcheck=False)
name, fn = "F.binaryCrossEntropyWithLogits", F.binary_cross_entropy_with_logits
case(name, randn(3, 4), uniform(0, 1, 3, 4), {"weight": uniform(0, 2, 3, 1, grad=False)}, torch=lambda x, y, w: fn(x, y, tensor(w, x)))
case(name, randn(3, 4), uniform(0, 1, 3, 4), {"posWeight": uniform(0, 2, 4, grad=False)}, torch=lambda x, y, w: fn(x, y, pos_weight=tensor(w, x)), smooth=True)
case(name, values([-1e4, -100, 0, 100, 1e4]), values([0, 1, 0.5, 1, 0], grad=False), {"reduction": "none"}, torch=lambda x, y: fn(x, y, reduction="none"), gradcheck=False)
case("F.softMarginLoss", values([-1e4, 1e4]), values([1, 1], grad=False), {"reduction": "none"}, torch=lambda x, y: torch.relu(-x * y), gradcheck=False)
for reduction in REDUCTIONS:
    case("F.gaussianNllLoss", randn(3, 4), randn(3, 4), uniform(0.2, 2, 3, 4), {"reduction": reduction},
         torch=lambda x, y, v: F.gaussian_nll_loss(x, y, v, reduction=reduction), smooth=True)
case("F.gaussianNllLoss", randn(3, 4), randn(3, 4), uniform(0.2, 2, 3), {"full": True}, torch=lambda x, y, v: F.gaussian_nll_loss(x, y, v, full=True))
case("F.gaussianNllLoss", randn(3, 4), randn(3, 4), uniform(0.2, 2, 3, 1), {"eps": 1}, torch=lambda x, y, v: F.gaussian_nll_loss(x, y, v, eps=1), gradcheck=False)
case("F.gaussianNllLoss", randn(3, 4), randn(3, 4), 0.5, torch=lambda x, y: F.gaussian_nll_loss(x, y, 0.5))

# --- classes
SHAPES = [(4, 5), (5,), (2, 3, 4), (2, 3, 2, 2)]
for shape in SHAPES:
    c = shape[0] if len(shape) == 1 else shape[1]
    labels = shape[:1] * 0 if len(shape) == 1 else shape[:1] + shape[2:]
    for reduction in REDUCTIONS:
        case("F.crossEntropy", randn(*shape), ints(0, c, *labels), {"reduction": reduction},
             torch=lambda x, t: F.cross_entropy(x, t.long(), reduction=reduction), smooth=len(shape) == 2)
        case("F.crossEntropy", randn(*shape), uniform(0, 1, *shape, grad=False), {"reduction": reduction, "labelSmoothing": 0.1},
             torch=lambda x, t: F.cross_entropy(x, tensor(t, x), reduction=reduction, label_smoothing=0.1))
        case("F.crossEntropy", randn(*shape), ints(0, c, *labels), {"reduction": reduction, "labelSmoothing": 0.2, "weight": uniform(0.2, 2, c, grad=False)},
             torch=lambda x, t, w: F.cross_entropy(x, t.long(), tensor(w, x), reduction=reduction, label_smoothing=0.2), smooth=len(shape) == 2)
        case("F.nllLoss", randn(*shape), ints(0, c, *labels), {"reduction": reduction, "weight": uniform(0.2, 2, c, grad=False)},
             torch=lambda x, t, w: F.nll_loss(x, t.long(), tensor(w, x), reduction=reduction))
    case("F.nllLoss", randn(*shape), ints(0, c, *labels), torch=lambda x, t: F.nll_loss(x, t.long()))
ignored = values([2, -100, 0, -100], dtype="int32")
for given in [{}, {"labelSmoothing": 0.3}, {"reduction": "sum"}, {"reduction": "none"}, {"reduction": "none", "labelSmoothing": 0.3}]:
    case("F.crossEntropy", randn(4, 3), ignored, given, torch=lambda x, t: F.cross_entropy(x, t.long(), **options(given)))
    case("F.crossEntropy", randn(4, 3), values([1, 2, 0, 1], dtype="int32"), given | {"ignoreIndex": 1, "weight": uniform(0.2, 2, 3, grad=False)},
         torch=lambda x, t, w: F.cross_entropy(x, t.long(), tensor(w, x), ignore_index=1, **options(given)))
case("F.nllLoss", randn(4, 3), ignored, torch=lambda x, t: F.nll_loss(x, t.long()))
case("F.nllLoss", randn(4, 3), ignored, {"reduction": "none"}, torch=lambda x, t: F.nll_loss(x, t.long(), reduction="none"))
case("F.nllLoss", randn(4, 3), values([1, 2, 0, 1], dtype="int32"), {"ignoreIndex": 1}, torch=lambda x, t: F.nll_loss(x, t.long(), ignore_index=1))
case("F.crossEntropy", randn(4, 3), ints(0, 3, 4, dtype="uint8"), torch=lambda x, t: F.cross_entropy(x, t.long()))
case("F.crossEntropy", randn(4, 3), uniform(0, 1, 4, 3), {"weight": uniform(0.2, 2, 3, grad=False)}, torch=lambda x, t, w: F.cross_entropy(x, t, tensor(w, x)), smooth=True)
case("F.crossEntropy", values([[1e4, -1e4, 0], [-1e4, 1e4, 1e4]]), values([0, 0], dtype="int32"), {"reduction": "none"}, torch=lambda x, t: F.cross_entropy(x, t.long(), reduction="none"), gradcheck=False)
case("F.crossEntropy", randn(0, 3), ints(0, 3, 0), {"reduction": "sum"}, torch=lambda x, t: F.cross_entropy(x, t.long(), reduction="sum"))
case("F.crossEntropy", randn(0, 3), ints(0, 3, 0), torch=lambda x, t: F.cross_entropy(x, t.long()), gradcheck=False)
case("F.crossEntropy", randn(3, 4).permuted(1, 0), ints(0, 3, 4), torch=lambda x, t: F.cross_entropy(x, t.long()))
case("F.crossEntropy", randn(4, 3, dtype="bfloat16"), ints(0, 3, 4), torch=lambda x, t: F.cross_entropy(x, t.long()))
case("F.linearCrossEntropy", randn(4, 3), randn(5, 3), ints(0, 5, 4), torch=lambda x, w, t: F.cross_entropy(x @ w.T, t.long()), smooth=True)
case("F.linearCrossEntropy", randn(4, 3), randn(5, 2, 3), ints(0, 5, 4, 2), {"linearBias": randn(5, 2), "labelSmoothing": 0.1},
     torch=lambda x, w, t, b: F.cross_entropy(torch.einsum("ni,coi->nco", x, w) + b, t.long(), label_smoothing=0.1))

for reduction in REDUCTIONS:
    case("F.multiMarginLoss", randn(4, 5), ints(0, 5, 4), {"reduction": reduction}, torch=lambda x, t: F.multi_margin_loss(x, t.long(), reduction=reduction))
    case("F.multiMarginLoss", randn(4, 5), ints(0, 5, 4), {"reduction": reduction, "p": 2, "margin": 0.5, "weight": uniform(0.2, 2, 5, grad=False)},
         torch=lambda x, t, w: F.multi_margin_loss(x, t.long(), 2, 0.5, tensor(w, x), reduction=reduction))
    lists = values([[3, 0, -1, 1], [-1, 2, 0, 1], [1, 2, 3, 0]], dtype="int32")
    case("F.multilabelMarginLoss", randn(3, 4), lists, {"reduction": reduction}, torch=lambda x, t: F.multilabel_margin_loss(x, t.long(), reduction=reduction))
    case("F.multilabelSoftMarginLoss", randn(3, 4), uniform(0, 1, 3, 4), {"reduction": reduction}, torch=lambda x, y: F.multilabel_soft_margin_loss(x, y, reduction=reduction), smooth=True)
case("F.multiMarginLoss", randn(5), ints(0, 5), torch=lambda x, t: F.multi_margin_loss(x, t.long()))
case("F.multilabelMarginLoss", randn(4), values([3, 0, -1, 1], dtype="int32"), torch=lambda x, t: F.multilabel_margin_loss(x, t.long()))
case("F.multilabelSoftMarginLoss", randn(3, 4), uniform(0, 1, 3, 4), {"weight": uniform(0.2, 2, 4, grad=False)}, torch=lambda x, y, w: F.multilabel_soft_margin_loss(x, y, tensor(w, x)))

# --- distances
signs = lambda *s: Input(rng.choice([-1.0, 1.0], s), "float32", False)
for reduction in REDUCTIONS:
    case("F.marginRankingLoss", randn(3, 4), randn(3, 4), signs(3, 4), {"reduction": reduction, "margin": 0.3},
         torch=lambda a, b, y: F.margin_ranking_loss(a, b, y, 0.3, reduction=reduction))
    case("F.cosineEmbeddingLoss", randn(4, 3), randn(4, 3), signs(4), {"reduction": reduction, "margin": -0.2},
         torch=lambda a, b, y: F.cosine_embedding_loss(a, b, y, -0.2, reduction=reduction))
    case("F.tripletMarginLoss", randn(4, 3), randn(4, 3), randn(4, 3), {"reduction": reduction, "margin": 2},
         torch=lambda a, p, n: F.triplet_margin_loss(a, p, n, 2, reduction=reduction))
    case("F.tripletMarginWithDistanceLoss", randn(4, 3), randn(4, 3), randn(4, 3), {"reduction": reduction, "margin": 2, "swap": True},
         torch=lambda a, p, n: F.triplet_margin_with_distance_loss(a, p, n, margin=2, swap=True, reduction=reduction))
case("F.marginRankingLoss", randn(4), randn(4), signs(4), torch=F.margin_ranking_loss)
case("F.cosineEmbeddingLoss", randn(3), randn(3), signs(), torch=F.cosine_embedding_loss)
case("F.tripletMarginLoss", randn(4, 3), randn(4, 3), randn(4, 3), {"p": 1, "eps": 0.1, "swap": True, "margin": 3},
     torch=lambda a, p, n: F.triplet_margin_loss(a, p, n, 3, 1, 0.1, True))
case("F.tripletMarginLoss", randn(3), randn(3), randn(3), {"margin": 2}, torch=lambda a, p, n: F.triplet_margin_loss(a, p, n, 2))

# --- sequences
logits = randn(6, 3, 4)
targets = ints(1, 4, 3, 3)
repeated = values([[1, 1, 2], [2, 2, 2], [3, 1, 3]], dtype="int32")
log = lambda x: Input(rounded(torch.tensor(x.array).log_softmax(-1).numpy(), 4), "float32")
ctc_plain = lambda x, t, *lengths, **kw: F.ctc_loss(x, t.long(), *lengths, **kw)
for reduction in REDUCTIONS:
    case("F.ctcLoss", log(logits), targets, [6, 6, 6], [3, 2, 1], {"reduction": reduction},
         torch=lambda x, t: ctc_plain(x, t, (6, 6, 6), (3, 2, 1), reduction=reduction), grads=False)
    case("F.ctcLoss", log(logits), repeated, [6, 5, 6], [3, 3, 3], {"reduction": reduction},
         torch=lambda x, t: ctc_plain(x, t, (6, 5, 6), (3, 3, 3), reduction=reduction), grads=False)
case("F.ctcLoss", log(logits), values([1, 2, 3, 1, 3], dtype="int32"), [6, 4, 5], [2, 0, 3], {"reduction": "none"},
     torch=lambda x, t: ctc_plain(x, t, (6, 4, 5), (2, 0, 3), reduction="none"), grads=False)
case("F.ctcLoss", log(logits), ints(0, 3, 3, 2), [6, 6, 6], [2, 2, 1], {"blank": 3}, torch=lambda x, t: ctc_plain(x, t, (6, 6, 6), (2, 2, 1), blank=3), grads=False)
case("F.ctcLoss", log(logits), repeated, [6, 2, 6], [3, 3, 3], {"reduction": "none"}, torch=lambda x, t: ctc_plain(x, t, (6, 2, 6), (3, 3, 3), reduction="none"), grads=False)
case("F.ctcLoss", log(logits), repeated, [6, 2, 6], [3, 3, 3], {"zeroInfinity": True}, torch=lambda x, t: ctc_plain(x, t, (6, 2, 6), (3, 3, 3), zero_infinity=True), grads=False)
case("F.ctcLoss", log(randn(5, 4)), values([1, 2], dtype="int32"), [5], [2], torch=lambda x, t: F.ctc_loss(x, t.long(), torch.tensor(5), torch.tensor(2)), grads=False)
case("F.ctcLoss", log(logits), repeated, values([6, 5, 6], dtype="int32"), values([3, 3, 2], dtype="int32"),
     torch=lambda x, t, i, o: ctc_plain(x, t, i.long(), o.long()), grads=False)


def alignments(x, target, length):
    """-ln of the sum over all labelings that collapse to the target. PyTorch's own gradient supposes that a softmax came
    before; this one is the derivative by the log-probabilities themselves."""
    def collapse(path):
        return [c for i, c in enumerate(path) if c != 0 and (i == 0 or path[i - 1] != c)]
    paths = [p for p in itertools.product(range(x.shape[1]), repeat=length) if collapse(p) == target.tolist()]
    return -torch.logsumexp(torch.stack([sum(x[t, c] for t, c in enumerate(p)) for p in paths]), 0)


case("F.ctcLoss", log(randn(4, 2, 3)), values([[1, 2], [2, 2]], dtype="int32"), [4, 3], [2, 2], {"reduction": "sum"},
     torch=lambda x, t: alignments(x[:, 0], t[0], 4) + alignments(x[:, 1], t[1], 3), smooth=True)
case("F.ctcLoss", log(randn(5, 3)), values([1, 2, 1], dtype="int32"), [5], [3],
     torch=lambda x, t: alignments(x, t, 5) / 3, smooth=True)
