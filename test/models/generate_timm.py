"""Writes data/timm.json, what timm computes from the parameters of filling.py, and what it calls them: `python test/models/generate_timm.py`

PyTorch 2.13, timm 1.0. `config` is what timm puts on the hub. Of the large networks only the names and shapes are kept, as a hash.
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

small = {
    'vit_tiny_patch16_224': (dict(img_size=16, patch_size=4, embed_dim=16, depth=2, num_heads=2), [2, 3, 16, 16]),
}
full = ['vit_tiny_patch16_224', 'vit_small_patch32_224', 'vit_base_patch16_384', 'vit_large_patch14_224', 'deit_base_patch16_224']


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
    shapes = {name: list(x.shape) for name, x in model.state_dict().items()}
    return {'config': config, 'shapes': shapes, 'input': shape, 'values': y.detach().flatten().tolist(), 'gradients': gradients}


if __name__ == '__main__':
    goldens = {name: rounded(probe(name, *case)) for name, case in small.items()}
    with torch.device('meta'):
        names = {name: digest(timm.create_model(name)) for name in full}
    (data / 'timm.json').write_text(json.dumps({'models': goldens, 'names': names}) + '\n')
