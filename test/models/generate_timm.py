"""Writes data/timm.json, what timm computes from the parameters of filling.py, and what it calls them: `python test/models/generate_timm.py`

PyTorch 2.13, timm 1.0. `config` is what timm puts on the hub. Names and shapes are kept as a hash; of the large networks nothing else is.
"""

import hashlib
import json
import tempfile
from pathlib import Path

import torch
from generate import data, rounded
import timm
from timm.models._hub import save_config_for_hf

from filling import fill, seed_of, uniform

image = [2, 3, 32, 32]
small = {
    'vit_tiny_patch16_224': (dict(img_size=16, patch_size=4, embed_dim=16, depth=2, num_heads=2), [2, 3, 16, 16]),
    'convnext_tiny': (dict(depths=[1, 1, 2, 1], dims=[8, 16, 32, 64]), [2, 3, 64, 64]),
    'convnext_tiny_hnf': (dict(depths=[1, 1, 1, 1], dims=[8, 16, 32, 64]), [2, 3, 64, 64]),
    'vgg11': (dict(mlp_ratio=1 / 256), [1, 3, 64, 256]),
    'vgg11_bn': (dict(mlp_ratio=1 / 256), image),
    'mobilenetv2_035': ({}, image),
    'mobilenetv3_small_050': ({}, image),
    'mobilenetv3_large_075': ({}, image),
    'tf_mobilenetv3_small_100': ({}, [2, 3, 33, 46]),
    'tf_mobilenetv3_small_minimal_100': ({}, [2, 3, 46, 33]),
    'efficientnet_b0': ({}, image),
    'tf_efficientnet_b0': ({}, [1, 3, 46, 33]),
}
full = [
    *['vit_tiny_patch16_224', 'vit_small_patch32_224', 'vit_base_patch16_384', 'vit_large_patch14_224', 'deit_base_patch16_224'],
    *['resnet18', 'resnet34', 'resnet50', 'resnet101', 'resnet152'],
    *[f'convnext_{size}' for size in ['atto', 'femto', 'pico', 'nano', 'tiny', 'tiny_hnf', 'small', 'base', 'large', 'xlarge']],
    *[f'vgg{layers}{norm}' for layers in [11, 13, 16, 19] for norm in ['', '_bn']],
    *[f'mobilenetv2_{width}' for width in ['035', '050', '075', '100', '140']],
    *[f'mobilenetv3_{width}' for width in ['large_075', 'large_100', 'small_050', 'small_075', 'small_100']],
    *[f'tf_mobilenetv3_{size}_{width}' for size in ['large', 'small'] for width in ['075', '100', 'minimal_100']],
    *['efficientnet_b0', 'tf_efficientnet_b0'],
]


def digest(model):
    text = sorted(f'{name} [{",".join(map(str, x.shape))}]\n' for name, x in model.state_dict().items())
    return {'entries': len(text), 'sha256': hashlib.sha256(''.join(text).encode()).hexdigest()}


def probe(name, args, shape):
    model = timm.create_model(name, num_classes=5, **args)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'config.json'
        save_config_for_hf(model, path, model_args=args)
        config = json.loads(path.read_text())
    fill(model)
    model.eval()
    x = torch.from_numpy(uniform(seed_of('input'), int(torch.tensor(shape).prod()))).float().reshape(shape)
    y = model(x)
    (y * torch.from_numpy(uniform(seed_of('loss'), y.numel())).float().reshape(y.shape)).sum().backward()
    gradients = {}
    for path, parameter in model.named_parameters():
        known = torch.from_numpy(uniform(seed_of(f'{path} gradient'), parameter.numel())).reshape(parameter.shape)
        gradients[path] = [(parameter.grad.double() * known).sum().item(), parameter.grad.double().norm().item()]
    return {
        'config': config,
        'names': digest(model),
        'input': shape,
        'values': y.detach().flatten().tolist(),
        'gradients': gradients,
    }


if __name__ == '__main__':
    goldens = {name: rounded(probe(name, *case)) for name, case in small.items()}
    with torch.device('meta'):
        names = {name: digest(timm.create_model(name)) for name in full}
    (data / 'timm.json').write_text(json.dumps({'models': goldens, 'names': names}) + '\n')
