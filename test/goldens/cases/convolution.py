import torch
import torch.nn.functional as F
from golden import *

# linear and bilinear
case("F.linear", randn(3, 4), randn(5, 4), randn(5), torch=F.linear, smooth=True)
case("F.linear", randn(4), randn(5, 4), torch=F.linear)
case("F.linear", randn(2, 3, 4).permuted(1, 0, 2), randn(5, 4), randn(5), torch=F.linear)
case("F.linear", randn(4, 5).permuted(1, 0), randn(4, 3).permuted(1, 0), torch=F.linear)
case("F.linear", randn(0, 4), randn(5, 4), randn(5), torch=F.linear)
case("F.bilinear", randn(3, 4), randn(3, 2), randn(5, 4, 2), randn(5), torch=F.bilinear, smooth=True)
case("F.bilinear", randn(2, 3, 4), randn(2, 3, 2), randn(5, 4, 2), torch=F.bilinear)

# conv: plain, then each option, batched and not, transposed views, no elements
case("F.conv1d", randn(2, 3, 7), randn(4, 3, 3), randn(4), torch=F.conv1d, smooth=True)
case("F.conv1d", randn(3, 7), randn(4, 3, 3), torch=F.conv1d)
case("F.conv1d", randn(2, 4, 9), randn(6, 2, 3), None, {"stride": 2, "padding": 1, "dilation": 2, "groups": 2},
     torch=lambda x, w: F.conv1d(x, w, None, 2, 1, 2, 2))
case("F.conv1d", randn(2, 3, 6), randn(4, 3, 4), None, {"padding": "same"},
     torch=lambda x, w: F.conv1d(x, w, None, padding="same"))
case("F.conv1d", randn(7, 2, 3).permuted(1, 2, 0), randn(4, 3, 3), torch=F.conv1d)
case("F.conv2d", randn(2, 2, 5, 6), randn(3, 2, 3, 2), randn(3), torch=F.conv2d, smooth=True)
case("F.conv2d", randn(2, 5, 6), randn(3, 2, 3, 2), randn(3), torch=F.conv2d)
case("F.conv2d", randn(2, 2, 7, 7), randn(3, 2, 3, 3), None, {"stride": [2, 3], "padding": [1, 2]},
     torch=lambda x, w: F.conv2d(x, w, None, (2, 3), (1, 2)))
case("F.conv2d", randn(2, 2, 8, 8), randn(3, 2, 3, 3), None, {"stride": 2, "padding": 1},
     torch=lambda x, w: F.conv2d(x, w, None, 2, 1), smooth=True)
case("F.conv2d", randn(1, 2, 7, 7), randn(3, 2, 3, 2), None, {"dilation": [2, 3]},
     torch=lambda x, w: F.conv2d(x, w, None, dilation=(2, 3)))
case("F.conv2d", randn(2, 4, 5, 5), randn(4, 1, 3, 3), randn(4), {"groups": 4, "padding": 1},
     torch=lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=4), smooth=True)
case("F.conv2d", randn(1, 2, 5, 6), randn(3, 2, 2, 3), None, {"padding": "same", "dilation": 2},
     torch=lambda x, w: F.conv2d(x, w, None, padding="same", dilation=2))
case("F.conv2d", randn(1, 2, 5, 6), randn(3, 2, 2, 3), None, {"padding": "valid"},
     torch=lambda x, w: F.conv2d(x, w, None, padding="valid"))
case("F.conv2d", randn(1, 2, 6, 6), randn(3, 2, 1, 1), None, {"stride": 2}, torch=lambda x, w: F.conv2d(x, w, None, 2))
case("F.conv2d", randn(2, 5, 2, 6).permuted(0, 2, 3, 1), randn(3, 2, 3, 2), torch=F.conv2d)
case("F.conv2d", randn(0, 2, 5, 6), randn(3, 2, 3, 2), randn(3), torch=F.conv2d)
case("F.conv3d", randn(1, 2, 4, 4, 3), randn(3, 2, 2, 3, 2), randn(3), torch=F.conv3d, smooth=True)
case("F.conv3d", randn(2, 4, 5, 5, 4), randn(4, 2, 2, 3, 2), None,
     {"stride": [1, 2, 2], "padding": [1, 1, 0], "dilation": [2, 1, 1], "groups": 2},
     torch=lambda x, w: F.conv3d(x, w, None, (1, 2, 2), (1, 1, 0), (2, 1, 1), 2))
case("F.conv3d", randn(2, 4, 4, 3), randn(3, 2, 2, 3, 2), torch=F.conv3d)

case("F.convTranspose1d", randn(2, 3, 5), randn(3, 4, 3), randn(4), torch=F.conv_transpose1d, smooth=True)
case("F.convTranspose1d", randn(2, 4, 5), randn(4, 3, 3), None,
     {"stride": 3, "padding": 1, "outputPadding": 2, "groups": 2, "dilation": 2},
     torch=lambda x, w: F.conv_transpose1d(x, w, None, 3, 1, 2, 2, 2))
case("F.convTranspose1d", randn(3, 5), randn(3, 4, 3), torch=F.conv_transpose1d)
case("F.convTranspose2d", randn(2, 2, 4, 3), randn(2, 3, 2, 3), randn(3), torch=F.conv_transpose2d, smooth=True)
case("F.convTranspose2d", randn(1, 2, 3, 4), randn(2, 3, 3, 3), None,
     {"stride": [2, 3], "padding": [1, 2], "outputPadding": [1, 0]},
     torch=lambda x, w: F.conv_transpose2d(x, w, None, (2, 3), (1, 2), (1, 0)))
case("F.convTranspose2d", randn(1, 4, 3, 3), randn(4, 2, 2, 2), randn(4), {"groups": 2, "dilation": 2, "outputPadding": 1},
     torch=lambda x, w, b: F.conv_transpose2d(x, w, b, output_padding=1, groups=2, dilation=2))
case("F.convTranspose2d", randn(0, 2, 3, 4), randn(2, 3, 3, 3), torch=F.conv_transpose2d)
case("F.convTranspose3d", randn(1, 2, 3, 2, 3), randn(2, 3, 2, 2, 2), randn(3), torch=F.conv_transpose3d)
case("F.convTranspose3d", randn(1, 4, 2, 3, 2), randn(4, 2, 2, 2, 2), None, {"stride": 2, "padding": 1, "outputPadding": 1, "groups": 2},
     torch=lambda x, w: F.conv_transpose3d(x, w, None, 2, 1, 1, 2))
case("F.convTbc", randn(6, 2, 3), randn(3, 3, 4), randn(4), 1, torch=lambda x, w, b: torch.conv_tbc(x, w, b, 1))
