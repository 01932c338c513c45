"""Writes data/*.json, what PyTorch's own models compute from the parameters of filling.py: `python test/models/generate.py [name ...]`

PyTorch 2.13, torchvision 0.28, timm 1.0. For each model: its names and shapes, outputs, and of the gradient of a loss its product with
numbers known to both sides, one for each parameter. U-Net, the CIFAR networks and LeNet are written here as their repositories have them; autoencoders, which nobody publishes, as the model has them.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

# Where torchvision's binary does not fit PyTorch's, its models load all the same once these names are known.
torchvision_ops = torch.library.Library('torchvision', 'FRAGMENT')
for op in [
    *['nms', 'qnms', 'roi_align', 'qroi_align', '_roi_align_backward', 'ps_roi_align', '_ps_roi_align_backward', 'roi_pool'],
    *['_roi_pool_backward', 'ps_roi_pool', '_ps_roi_pool_backward', 'deform_conv2d', '_deform_conv2d_backward'],
]:
    torchvision_ops.define(f'{op}() -> Tensor')

import timm
import torchvision.models as tv

from filling import fill, seed_of, uniform

data = Path(__file__).parent / 'data'
data.mkdir(exist_ok=True)


class CifarBlock(nn.Module):
    def __init__(self, before, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.stride, self.planes = stride, planes

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride != 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.planes // 4, self.planes // 4))
        return F.relu(y + x)


class CifarResNet(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        for i, (before, planes) in enumerate([(16, 16), (16, 32), (32, 64)]):
            first = CifarBlock(before, planes, 1 if i == 0 else 2)
            setattr(self, f'layer{i + 1}', nn.Sequential(first, *[CifarBlock(planes, planes, 1) for _ in range(n - 1)]))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.linear(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


class DoubleConv(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        conv = lambda c: nn.Conv2d(c, b, 3, padding=1, bias=False)
        self.double_conv = nn.Sequential(conv(a), nn.BatchNorm2d(b), nn.ReLU(), conv(b), nn.BatchNorm2d(b), nn.ReLU())

    def forward(self, x):
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(a, b))

    def forward(self, x):
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.up = nn.ConvTranspose2d(a, a // 2, 2, 2)
        self.conv = DoubleConv(a, b)

    def forward(self, x, skip):
        x = self.up(x)
        dy, dx = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        return self.conv(torch.cat([skip, F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])], 1))


class OutConv(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.conv = nn.Conv2d(a, b, 1)

    def forward(self, x):
        return self.conv(x)


class UNet(nn.Module):
    def __init__(self, width, classes=2):
        super().__init__()
        self.inc = DoubleConv(3, width)
        for i in range(1, 5):
            setattr(self, f'down{i}', Down(width * 2 ** (i - 1), width * 2**i))
        for i in range(1, 5):
            setattr(self, f'up{i}', Up(width * 2 ** (5 - i), width * 2 ** (4 - i)))
        self.outc = OutConv(width, classes)

    def forward(self, x):
        x1 = self.inc(x)
        x2, x3, x4 = (x2 := self.down1(x1)), (x3 := self.down2(x2)), self.down3(x3)
        y = self.up1(self.down4(x4), x4)
        return self.outc(self.up4(self.up3(self.up2(y, x3), x2), x1))


def lenet():
    class LeNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(
                *[nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)]
            )
            self.classifier = nn.Sequential(
                *[nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)]
            )

        def forward(self, x):
            return self.classifier(self.features(x))

    return LeNet()


def perceptron(*widths):
    layers = [[nn.ReLU(), nn.Linear(a, b)] for a, b in zip(widths, widths[1:])]
    return sum(layers, [])[1:]


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(*perceptron(12, 9, 7, 3))
        self.decoder = nn.Sequential(*perceptron(3, 7, 9, 12), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))


class VariationalAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(*perceptron(12, 9, 7), nn.ReLU())
        self.mean = nn.Linear(7, 3)
        self.logVariance = nn.Linear(7, 3)
        self.decoder = nn.Sequential(*perceptron(3, 7, 9, 12), nn.Sigmoid())

    def forward(self, x):
        x = self.encoder(x)
        mean = self.mean(x)
        return self.decoder(mean), mean, self.logVariance(x)


class SideBySide(nn.Module):
    """All that a variational autoencoder says in one tensor."""

    def __init__(self):
        super().__init__()
        self.model = VariationalAutoencoder()

    def forward(self, x):
        return torch.cat(self.model(x), 1)


def digest(model):
    """Number of entries and a hash of all names and shapes, in order."""
    text = ''.join(f'{name} {list(x.shape)}\n'.replace(', ', ',') for name, x in model.state_dict().items())
    return {'entries': len(model.state_dict()), 'sha256': hashlib.sha256(text.encode()).hexdigest()}


def probe(model, shape):
    """Outputs in evaluation, and one number for the gradient of each parameter."""
    fill(model)
    model.eval()
    x = torch.from_numpy(uniform(seed_of('input'), int(torch.tensor(shape).prod()))).float().reshape(shape)
    y = model(x)
    weights = torch.from_numpy(uniform(seed_of('loss'), y.numel())).float().reshape(y.shape)
    (y * weights).sum().backward()
    gradients = {}
    for name, parameter in model.named_parameters():
        known = torch.from_numpy(uniform(seed_of(f'{name} gradient'), parameter.numel())).reshape(parameter.shape)
        norm = parameter.grad.double().norm().item()
        gradients[name] = [(parameter.grad.double() * known).sum().item(), norm]
    return {
        'input': shape,
        'names': digest(model),
        'output': {'shape': list(y.shape), 'values': y.detach().flatten()[:32].tolist()},
        'gradients': gradients,
    }


small = {
    'lenet': (lenet(), [2, 1, 28, 28]),
    'resnetBasic': (tv.ResNet(tv.resnet.BasicBlock, [1, 1, 1, 1], num_classes=10), [1, 3, 32, 32]),
    'resnetBottleneck': (
        timm.models.resnet.ResNet(timm.models.resnet.Bottleneck, (1, 1, 1, 1), num_classes=7),
        [1, 3, 33, 32],
    ),
    'cifarResnet20': (CifarResNet(3), [1, 3, 32, 32]),
    'mobilenetV2': (tv.mobilenet_v2(num_classes=5), [1, 3, 32, 32]),
    'mobilenetV3Small': (tv.mobilenet_v3_small(num_classes=5), [1, 3, 32, 32]),
    'efficientnetB0': (tv.efficientnet_b0(num_classes=5), [1, 3, 32, 32]),
    'convnext': (
        tv.ConvNeXt([tv.convnext.CNBlockConfig(*c) for c in [(8, 16, 1), (16, 32, 1), (32, 64, 2), (64, None, 1)]], num_classes=5),
        [2, 3, 64, 64],
    ),
    'vit': (
        tv.VisionTransformer(image_size=16, patch_size=4, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=5),
        [2, 3, 16, 16],
    ),
    'unet': (UNet(4, 3), [1, 3, 35, 32]),
    'autoencoder': (Autoencoder(), [4, 12]),
    'vae': (SideBySide(), [4, 12]),
    'alexnet': (tv.alexnet(num_classes=5), [1, 3, 96, 64]),
    'mobilenetV3Large': (tv.mobilenet_v3_large(num_classes=5), [1, 3, 32, 32]),
}
full = {
    'alexnet': tv.alexnet,
    'vgg11': tv.vgg11,
    'vgg13_bn': tv.vgg13_bn,
    'vgg16': tv.vgg16,
    'vgg19_bn': tv.vgg19_bn,
    'resnet18': tv.resnet18,
    'resnet34': tv.resnet34,
    'resnet50': lambda: timm.create_model('resnet50'),
    'resnet101': tv.resnet101,
    'resnet152': tv.resnet152,
    'cifarResnet32': lambda: CifarResNet(5),
    'cifarResnet44': lambda: CifarResNet(7),
    'cifarResnet56': lambda: CifarResNet(9),
    'cifarResnet110': lambda: CifarResNet(18),
    'mobilenet_v2': tv.mobilenet_v2,
    'mobilenet_v3_large': tv.mobilenet_v3_large,
    'mobilenet_v3_small': tv.mobilenet_v3_small,
    'efficientnet_b0': tv.efficientnet_b0,
    'convnext_tiny': tv.convnext_tiny,
    'vit_b_16': tv.vit_b_16,
    'unet': lambda: UNet(64),
}


def rounded(value):
    if isinstance(value, float):
        return float(f'{value:.7g}')
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value


if __name__ == '__main__':
    wanted = sys.argv[1:] or [*small, 'names']
    for name in wanted:
        if name != 'names':
            (data / f'{name}.json').write_text(json.dumps(rounded(probe(*small[name]))) + '\n')
    if 'names' in wanted:
        with torch.device('meta'):
            names = {name: digest(make()) for name, make in full.items()}
        (data / 'names.json').write_text(json.dumps(names, indent=1) + '\n')
