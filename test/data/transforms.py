"""What torchvision makes of one small picture, as goldens for the transforms: `python test/data/transforms.py`."""

import base64
import json
import pathlib

import numpy
import torch

# torchvision's own operators are not needed, and may not load beside a CPU build of torch.
torch.library.register_fake = lambda *_, **__: lambda function: function

from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

torch.manual_seed(7)
height, width = 11, 14
smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 5), (height, width), mode="bilinear")[0]
image = ((0.8 * smooth + 0.2 * torch.rand(3, height, width)) * 255).round() / 255
bytes_ = (image * 255).round().to(torch.uint8)
bilinear, nearest = InterpolationMode.BILINEAR, InterpolationMode.NEAREST
start = [[0, 0], [13, 0], [13, 10], [0, 10]]
end = [[2, 1], [12, 2], [11, 9], [1, 8]]


def eighth_bit(x):
    return x.to(torch.float32) / 255


cases = {
    "image": image,
    "affine turn": F.affine(image, 30.0, [0, 0], 1.0, [0.0, 0.0], bilinear),
    "affine turn nearest": F.affine(image, 33.0, [0, 0], 1.0, [0.0, 0.0], nearest),
    "affine all": F.affine(image, -17.0, [2, -1], 1.3, [11.0, -6.0], bilinear, fill=[0.2, 0.4, 0.6]),
    "affine center": F.affine(image, 0.0, [0, 0], 1.0, [20.0, 0.0], bilinear, center=[0, 0]),
    "rotate": F.rotate(image, 25.0, bilinear, fill=0.5),
    "perspective": F.perspective(image, start, end, bilinear),
    "perspective nearest fill": F.perspective(image, start, end, nearest, fill=[0.3, 0.3, 0.3]),
    "resize down": F.resize(image, [5, 9], bilinear, antialias=True),
    "resize up": F.resize(image, [17, 20], bilinear, antialias=True),
    "resize plain": F.resize(image, [6, 20], bilinear, antialias=False),
    "resize nearest": F.resize(image, [7, 20], nearest),
    "resize shorter": F.resize(image, [8], bilinear, antialias=True),
    "center crop": F.center_crop(image, [5, 6]),
    "center crop larger": F.center_crop(image, [14, 6]),
    "pad constant": F.pad(image, [1, 2, 3, 4], fill=0.7),
    "pad edge": F.pad(image, [2, 1], padding_mode="edge"),
    "pad reflect": F.pad(image, [3, 4, 2, 1], padding_mode="reflect"),
    "pad symmetric": F.pad(image, 4, padding_mode="symmetric"),
    "horizontal flip": F.horizontal_flip(image),
    "vertical flip": F.vertical_flip(image),
    "brightness": F.adjust_brightness(image, 1.6),
    "contrast": F.adjust_contrast(image, 0.4),
    "saturation": F.adjust_saturation(image, 1.8),
    "hue": F.adjust_hue(image, 0.3),
    "hue back": F.adjust_hue(image, -0.45),
    "grayscale": F.rgb_to_grayscale(image, 3),
    "normalize": F.normalize(image, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "blur": F.gaussian_blur(image, [5, 5], [1.3, 1.3]),
    "sharpness": F.adjust_sharpness(image, 1.9),
    "smoothness": F.adjust_sharpness(image, 0.1),
    "posterize": eighth_bit(F.posterize(bytes_, 3)),
    "solarize": F.solarize(image, 0.4),
    "autocontrast": F.autocontrast(image),
    "equalize": eighth_bit(F.equalize(bytes_.repeat(1, 2, 2))),
}


def pack(x):
    data = numpy.ascontiguousarray(x.to(torch.float32).numpy()).tobytes()
    return {"shape": list(x.shape), "float32": base64.b64encode(data).decode()}


out = pathlib.Path(__file__).with_suffix(".json")
out.write_text(json.dumps({name: pack(x) for name, x in cases.items()}, indent=1) + "\n")
