import torch
from golden import *

nn = torch.nn

space = {1: (7,), 2: (6, 5), 3: (4, 5, 4)}
conv = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
transpose = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def options(given):
    return {snake(k): tuple(v) if isinstance(v, list) else v for k, v in given.items()}


for rank in (1, 2, 3):
    for c_in, c_out, kernel, given in [
        (2, 3, 3, {}),
        (2, 2, 2, {"stride": 2, "padding": 1, "bias": False}),
        (2, 4, 3, {"padding": "same", "groups": 2}),
        (1, 2, 2, {"padding": "valid", "dilation": 2}),
        (2, 1, 3, {"padding": 2, "paddingMode": "circular"}),
        (1, 1, 3, {"padding": 1, "paddingMode": "reflect"}),
        (1, 1, 2, {"padding": "same", "paddingMode": "replicate"}),
    ]:
        theirs = conv[rank](c_in, c_out, kernel, **options(given))
        module(f"nn.Conv{rank}d", c_in, c_out, kernel, given, torch=theirs, inputs=[randn(2, c_in, *space[rank])])
    for c_in, c_out, kernel, given in [
        (2, 3, 3, {}),
        (2, 2, 3, {"stride": 2, "padding": 1, "outputPadding": 1}),
        (4, 2, 2, {"groups": 2, "dilation": 2, "bias": False}),
    ]:
        small = [n // 2 + 1 for n in space[rank]]
        theirs = transpose[rank](c_in, c_out, kernel, **options(given))
        module(f"nn.ConvTranspose{rank}d", c_in, c_out, kernel, given, torch=theirs, inputs=[randn(2, c_in, *small)])
module("nn.Conv2d", 1, 2, 3, torch=nn.Conv2d(1, 2, 3), inputs=[randn(1, 4, 5)], smooth=True)
module("nn.Conv2d", 2, 2, [3, 2], {"stride": [2, 1], "padding": [1, 0], "dilation": [1, 2]},
       torch=nn.Conv2d(2, 2, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)), inputs=[randn(2, 2, 5, 6)])
module("nn.Conv2d", 2, 2, [2, 3], {"padding": [2, 1], "paddingMode": "reflect"},
       torch=nn.Conv2d(2, 2, (2, 3), padding=(2, 1), padding_mode="reflect"), inputs=[randn(1, 2, 4, 5)])
module("nn.Conv2d", 2, 2, 3, {"padding": "same", "dilation": [1, 2], "paddingMode": "circular"},
       torch=nn.Conv2d(2, 2, 3, padding="same", dilation=(1, 2), padding_mode="circular"), inputs=[randn(1, 2, 5, 5)])
module("nn.Conv2d", 4, 8, 3, {"groups": 4}, torch=nn.Conv2d(4, 8, 3, groups=4), inputs=[randn(1, 4, 4, 4)])
module("nn.Conv2d", 2, 3, 2, torch=nn.Conv2d(2, 3, 2), inputs=[randn(2, 3, 4, 2).permuted(0, 3, 1, 2)])
module("nn.Conv2d", 2, 3, 2, torch=nn.Conv2d(2, 3, 2), inputs=[randn(0, 2, 3, 3)])
module("nn.ConvTranspose2d", 2, 3, [2, 3], {"stride": [3, 1], "outputPadding": [2, 0]},
       torch=nn.ConvTranspose2d(2, 3, (2, 3), stride=(3, 1), output_padding=(2, 0)), inputs=[randn(2, 3, 2)], smooth=True)
