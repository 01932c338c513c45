import torch
import torch.nn.functional as F
from golden import *

mean, var = randn(3, grad=False), uniform(0.5, 2, 3, grad=False)
w, b = randn(3), randn(3)
case("F.batchNorm", randn(4, 3), mean, var, torch=F.batch_norm, smooth=True)
case("F.batchNorm", randn(2, 3, 4), mean, var, {"weight": w, "bias": b, "eps": 0.1},
     torch=lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b, eps=0.1))
case("F.batchNorm", randn(4, 3), None, None, {"training": True}, torch=lambda x: F.batch_norm(x, None, None, training=True), smooth=True)
for shape in [(4, 3), (2, 3, 5), (2, 3, 2, 4), (2, 3, 2, 2, 3)]:
    case("F.batchNorm", randn(*shape), None, None, {"weight": w, "bias": b, "training": True},
         torch=lambda x, w, b: F.batch_norm(x, None, None, w, b, True), smooth=len(shape) < 4)
case("F.batchNorm", randn(2, 3, 5), None, None, {"weight": w, "training": True, "eps": 0.1},
     torch=lambda x, w: F.batch_norm(x, None, None, w, None, True, eps=0.1))
case("F.batchNorm", randn(5, 2, 3).permuted(1, 2, 0), None, None, {"weight": w, "bias": b, "training": True},
     torch=lambda x, w, b: F.batch_norm(x, None, None, w, b, True))
# mean large against the deviation: the variance must not be formed as a difference of squares
case("F.batchNorm", values([[1000 + k / 64, 3000 + k / 8] for k in (-7, -2, -1, 1, 3, 6)]), None, None, {"training": True},
     torch=lambda x: F.batch_norm(x, None, None, training=True), gradcheck=False)

case("F.instanceNorm", randn(2, 3, 5), torch=F.instance_norm, smooth=True)
case("F.instanceNorm", randn(2, 3, 2, 3), {"weight": w, "bias": b, "eps": 0.1},
     torch=lambda x, w, b: F.instance_norm(x, None, None, w, b, eps=0.1), smooth=True)
case("F.instanceNorm", randn(2, 3, 4), {"runningMean": mean, "runningVar": var, "useInputStats": False},
     torch=lambda x, m, v: F.instance_norm(x, m, v, use_input_stats=False))

case("F.layerNorm", randn(3, 4), [4], torch=lambda x: F.layer_norm(x, [4]), smooth=True)
case("F.layerNorm", randn(3, 4), 4, {"weight": randn(4), "bias": randn(4)}, torch=lambda x, w, b: F.layer_norm(x, [4], w, b), smooth=True)
case("F.layerNorm", randn(2, 3, 4), [3, 4], {"weight": randn(3, 4), "bias": randn(3, 4), "eps": 0.1},
     torch=lambda x, w, b: F.layer_norm(x, [3, 4], w, b, 0.1))
case("F.layerNorm", randn(4, 3).permuted(1, 0), [4], {"weight": randn(4)}, torch=lambda x, w: F.layer_norm(x, [4], w))
case("F.layerNorm", randn(3, 4), [4], {"bias": randn(4)}, torch=lambda x, b: F.layer_norm(x, [4], None, b))
case("F.layerNorm", randn(0, 4), [4], torch=lambda x: F.layer_norm(x, [4]))
case("F.layerNorm", randn(3, 4, dtype="float16", grad=False), [4], torch=lambda x: F.layer_norm(x, [4]))
case("F.layerNorm", randn(3, 4, dtype="bfloat16", grad=False), [4], torch=lambda x: F.layer_norm(x, [4]))

case("F.rmsNorm", randn(3, 4), [4], torch=lambda x: F.rms_norm(x, [4], eps=2 ** -23), smooth=True)
case("F.rmsNorm", randn(3, 4), [4], {"weight": randn(4)}, torch=lambda x, w: F.rms_norm(x, [4], w, 2 ** -23), smooth=True)
case("F.rmsNorm", randn(2, 3, 4), [3, 4], {"weight": randn(3, 4), "eps": 0.1}, torch=lambda x, w: F.rms_norm(x, [3, 4], w, 0.1))

case("F.groupNorm", randn(2, 4, 3), 2, torch=lambda x: F.group_norm(x, 2), smooth=True)
case("F.groupNorm", randn(2, 6, 2, 2), 3, {"weight": randn(6), "bias": randn(6), "eps": 0.1},
     torch=lambda x, w, b: F.group_norm(x, 3, w, b, 0.1), smooth=True)
case("F.groupNorm", randn(3, 4), 1, {"weight": randn(4)}, torch=lambda x, w: F.group_norm(x, 1, w))
case("F.groupNorm", randn(3, 2, 4).permuted(1, 2, 0), 4, {"weight": randn(4), "bias": randn(4)}, torch=lambda x, w, b: F.group_norm(x, 4, w, b))

case("F.localResponseNorm", randn(2, 5, 3), 2, torch=lambda x: F.local_response_norm(x, 2), smooth=True)
case("F.localResponseNorm", randn(1, 4, 2, 3), 3, {"alpha": 0.1, "beta": 0.5, "k": 2}, torch=lambda x: F.local_response_norm(x, 3, 0.1, 0.5, 2))
case("F.localResponseNorm", randn(1, 4, 2, 1, 2), 5, torch=lambda x: F.local_response_norm(x, 5))

case("F.normalize", randn(3, 4), torch=F.normalize, smooth=True)
case("F.normalize", randn(3, 4), {"p": 1, "dim": 0}, torch=lambda x: F.normalize(x, 1, 0))
case("F.normalize", randn(2, 3, 4), {"p": 3, "dim": [1, 2]}, torch=lambda x: x / torch.linalg.vector_norm(x, 3, (1, 2), keepdim=True))
case("F.normalize", randn(3, 4), {"p": 2, "eps": 3}, torch=lambda x: F.normalize(x, 2, eps=3))
case("F.normalize", values([[0, 0], [3, 4]]), torch=F.normalize, gradcheck=False)
case("F.normalize", values([[1, -5], [3, 4]]), {"p": 2}, torch=F.normalize)

# with nothing dropped, and with everything dropped
for name, fn in {"dropout": F.dropout, "dropout1d": F.dropout1d, "dropout2d": F.dropout2d, "dropout3d": F.dropout3d,
                 "alphaDropout": F.alpha_dropout, "featureAlphaDropout": F.feature_alpha_dropout}.items():
    shape = {"dropout1d": (2, 3, 2), "dropout3d": (2, 3, 2, 1, 2)}.get(name, (2, 3, 2, 2))
    for p, training in [(0, True), (1, True), (0.5, False)]:
        case(f"F.{name}", randn(*shape), {"p": p, "training": training}, torch=lambda x: fn(x, p, training))
