import torch
from golden import *

nn = torch.nn


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


signs = lambda *s: Input(rng.choice([-1.0, 1.0], s), "float32", False)
pair = lambda: [randn(3, 4), randn(3, 4, grad=False)]
unit = lambda: [randn(3, 4), uniform(0, 1, 3, 4, grad=False)]
for name, inputs, settings in [
    ("MSELoss", pair, [{}]),
    ("L1Loss", pair, [{}]),
    ("SmoothL1Loss", pair, [{}, {"beta": 0.4}]),
    ("HuberLoss", pair, [{}, {"delta": 0.4}]),
    ("PoissonNLLLoss", lambda: [uniform(0.1, 2, 3, 4), uniform(0, 4, 3, 4, grad=False)], [{}, {"logInput": False, "full": True, "eps": 0.1}]),
    ("GaussianNLLLoss", lambda: pair() + [uniform(0.2, 2, 3, 4)], [{}, {"full": True, "eps": 0.1}]),
    ("KLDivLoss", unit, [{}, {"logTarget": True}]),
    ("BCELoss", lambda: [uniform(0.1, 0.9, 3, 4), uniform(0, 1, 3, 4, grad=False)], [{}]),
    ("BCEWithLogitsLoss", unit, [{}]),
    ("SoftMarginLoss", lambda: [randn(3, 4), signs(3, 4)], [{}]),
    ("HingeEmbeddingLoss", lambda: [randn(3, 4), signs(3, 4)], [{}, {"margin": 0.4}]),
    ("MarginRankingLoss", lambda: [randn(4), randn(4), signs(4)], [{}, {"margin": 0.4}]),
    ("CosineEmbeddingLoss", lambda: [randn(4, 3), randn(4, 3), signs(4)], [{}, {"margin": 0.4}]),
    ("TripletMarginLoss", lambda: [randn(4, 3), randn(4, 3), randn(4, 3)], [{}, {"margin": 2, "p": 3, "eps": 0.1, "swap": True}]),
    ("TripletMarginWithDistanceLoss", lambda: [randn(4, 3), randn(4, 3), randn(4, 3)], [{}, {"margin": 2, "swap": True}]),
    ("MultiLabelSoftMarginLoss", unit, [{}]),
]:
    for given in settings:
        for reduction in ["mean", "none"]:
            options = {snake(k): v for k, v in given.items()} | {"reduction": reduction}
            module(f"nn.{name}", given | {"reduction": reduction}, torch=getattr(nn, name)(**options), inputs=inputs())
module("nn.KLDivLoss", {"reduction": "batchmean"}, torch=nn.KLDivLoss(reduction="batchmean"), inputs=unit())


class Hinge(nn.Module):
    def __init__(self, power, margin=1.0):
        super().__init__()
        self.power, self.margin = power, margin

    def forward(self, x, y):
        return (torch.clamp(self.margin - x * y, min=0) ** self.power).mean()


module("nn.HingeLoss", torch=Hinge(1), inputs=[randn(3, 4), signs(3, 4)])
module("nn.HingeLoss", {"margin": 0.3}, torch=Hinge(1, 0.3), inputs=[randn(3, 4), signs(3, 4)])
module("nn.SquaredHingeLoss", torch=Hinge(2), inputs=[randn(3, 4), signs(3, 4)])

weight = torch.tensor([0.5, 1.5, 0.25, 2.0])
index = lambda m, x, t: m(x, t.long())
w = values([0.5, 1.5, 0.25, 2.0])
for name, given in [("CrossEntropyLoss", {}), ("CrossEntropyLoss", {"labelSmoothing": 0.1, "ignoreIndex": 1, "reduction": "none"}),
                    ("NLLLoss", {}), ("NLLLoss", {"ignoreIndex": 1, "reduction": "sum"}), ("MultiMarginLoss", {}), ("MultiMarginLoss", {"p": 2, "margin": 0.4})]:
    options = {snake(k): v for k, v in given.items()}
    module(f"nn.{name}", given, torch=getattr(nn, name)(**options), inputs=[randn(5, 4), ints(0, 4, 5)], call=index)
    module(f"nn.{name}", given | {"weight": w}, torch=getattr(nn, name)(weight=weight, **options), inputs=[randn(5, 4), ints(0, 4, 5)], call=index)
module("nn.CrossEntropyLoss", torch=nn.CrossEntropyLoss(), inputs=[randn(3, 4), uniform(0, 1, 3, 4)])
module("nn.BCELoss", {"weight": w}, torch=nn.BCELoss(weight), inputs=[uniform(0.1, 0.9, 3, 4), uniform(0, 1, 3, 4, grad=False)])
module("nn.BCEWithLogitsLoss", {"weight": w, "posWeight": w}, torch=nn.BCEWithLogitsLoss(weight, pos_weight=weight.clone()), inputs=unit())
module("nn.MultiLabelSoftMarginLoss", {"weight": w}, torch=nn.MultiLabelSoftMarginLoss(weight), inputs=unit())
lists = values([[3, 0, -1, 1], [-1, 2, 0, 1], [1, 2, 3, 0]], dtype="int32")
module("nn.MultiLabelMarginLoss", torch=nn.MultiLabelMarginLoss(), inputs=[randn(3, 4), lists], call=index)
module("nn.LinearCrossEntropyLoss", 3, 4, torch=nn.LinearCrossEntropyLoss(3, 4), inputs=[randn(5, 3), ints(0, 4, 5)], call=index)
module("nn.LinearCrossEntropyLoss", 3, 4, {"outFeatures": [2], "bias": True, "labelSmoothing": 0.1}, torch=nn.LinearCrossEntropyLoss(3, 4, out_features=(2,), bias=True, label_smoothing=0.1),
       inputs=[randn(5, 3), ints(0, 4, 5, 2)], call=index)

lengths = [values([5, 4, 5], dtype="int32"), values([2, 1, 2], dtype="int32")]
log = lambda x: Input(rounded(torch.tensor(x.array).log_softmax(-1).numpy(), 4), "float32", False)
for given in [{}, {"reduction": "sum", "zeroInfinity": True}]:
    options = {snake(k): v for k, v in given.items()}
    module("nn.CTCLoss", given, torch=nn.CTCLoss(**options), inputs=[log(randn(5, 3, 4)), ints(1, 4, 3, 2), *lengths],
           call=lambda m, x, t, i, o: m(x, t.long(), i.long(), o.long()))
module("nn.CTCLoss", {"blank": 3}, torch=nn.CTCLoss(blank=3), inputs=[log(randn(5, 3, 4)), ints(0, 3, 3, 2), *lengths],
       call=lambda m, x, t, i, o: m(x, t.long(), i.long(), o.long()))

adaptive = lambda **kw: nn.AdaptiveLogSoftmaxWithLoss(8, 7, [2, 4], **kw)
module("nn.AdaptiveLogSoftmaxWithLoss", 8, 7, [2, 4], torch=adaptive(), inputs=[randn(6, 8), values([0, 6, 3, 2, 1, 5], dtype="int32")], call=index)
module("nn.AdaptiveLogSoftmaxWithLoss", 8, 7, [2, 4], {"divValue": 2, "headBias": True}, torch=adaptive(div_value=2, head_bias=True), inputs=[randn(6, 8), ints(0, 7, 6)], call=index)
