"""Makes the files of data/ that the tests of formats read: `python test/formats/generate.py` (PyTorch 2.13, NumPy 2)."""

from collections import OrderedDict
from pathlib import Path
import io
import json

import numpy as np
import torch

data = Path(__file__).parent / 'data'
data.mkdir(exist_ok=True)

base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
tied = torch.tensor([1.5, -2.0])
checkpoint = {
    'state_dict': OrderedDict(
        {
            'float32': base,
            'transposed': base.permute(2, 0, 1),
            'part': base[1, :, 1:3],
            'expanded': torch.tensor([[7.0]]).expand(3, 2),
            'scalar': torch.tensor(0.25),
            'empty': torch.zeros(0, 5),
            'float64': torch.tensor([1 / 3, -1e300], dtype=torch.float64),
            'float16': torch.tensor([1.5, 65504.0, -(2.0**-24)], dtype=torch.float16),
            'bfloat16': torch.tensor([3.140625, -1e38], dtype=torch.bfloat16),
            'int64': torch.tensor([-5, 2**31 - 1]),
            'int32': torch.tensor([-(2**31), 7], dtype=torch.int32),
            'int16': torch.tensor([-32768, 9], dtype=torch.int16),
            'int8': torch.tensor([-128, 127], dtype=torch.int8),
            'uint8': torch.tensor([0, 255], dtype=torch.uint8),
            'bool': torch.tensor([[True], [False]]),
            'parameter': torch.nn.Parameter(torch.tensor([0.5, 4.0])),
            'tied.a': tied,
            'tied.b': tied,
        }
    ),
    'epoch': 12,
    'best': 0.875,
    'numpy': np.float64(0.5),
    'big': 2**70,
    'name': 'größe',
    'none': None,
    'flags': (True, False),
    'bytes': b'\x00\xff',
    'set': {3},
    'size': torch.Size([2, 3]),
    'device': torch.device('cuda:0'),
    'dtype': torch.float16,
    'optimizer': {'state': {0: {'step': 3, 'exp_avg': torch.tensor([1.0])}}, 'param_groups': [{'lr': 1e-3, 'params': [0]}]},
}


def plain(value):
    """What the value is as JSON, tensors as dtype, shape and numbers."""
    if isinstance(value, torch.Tensor):
        return {'dtype': str(value.dtype)[6:], 'shape': list(value.shape), 'values': value.detach().double().flatten().tolist()}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (torch.device, torch.dtype)):
        return str(value)
    if isinstance(value, bytes):
        return list(value)
    if isinstance(value, set):
        return list(value)
    if isinstance(value, int) and abs(value) >= 2**53:
        return str(value)
    return value


torch.save(checkpoint, data / 'checkpoint.pt')
torch.save(checkpoint, data / 'checkpoint-legacy.pt', _use_new_zipfile_serialization=False)
torch.save(checkpoint, data / 'checkpoint-protocol-4.pt', pickle_protocol=4)
torch.save({'uint16': torch.tensor([0, 65535], dtype=torch.uint16)}, data / 'untyped.pt')
torch.save(torch.nn.Linear(1, 1), data / 'module.pt')
torch.jit.script(torch.nn.Linear(1, 1)).save(data / 'script.pt')
(data / 'checkpoint.json').write_text(json.dumps(plain(checkpoint), ensure_ascii=False, indent=1) + '\n')

arrays = {
    'float32': np.arange(6, dtype=np.float32).reshape(2, 3),
    'fortran': np.asfortranarray(np.arange(24, dtype=np.float64).reshape(2, 3, 4)),
    'big': np.array([1.5, -2], dtype='>f4'),
    'bigLong': np.array([1, -2], dtype='>i8'),
    'int64': np.array([-5, 2**31 - 1]),
    'uint16': np.array([0, 65535], dtype=np.uint16),
    'int8': np.array([-128, 127], dtype=np.int8),
    'float16': np.array([1.5, 65504], dtype=np.float16),
    'bool': np.array([True, False]),
    'scalar': np.array(2.5, dtype=np.float32),
    'empty': np.zeros((0, 3), dtype=np.float32),
    'int32': np.arange(4, dtype=np.int32),
    'uint8': np.array([[255]], dtype=np.uint8),
}
np.savez_compressed(data / 'arrays.npz', **arrays)
np.savez(data / 'stored.npz', **arrays)
shown = {name: {'dtype': x.dtype.name, 'shape': list(x.shape), 'values': x.astype(float).flatten().tolist()} for name, x in arrays.items()}


def saved(x):
    file = io.BytesIO()
    np.save(file, x)
    return file.getvalue().hex()


# The bytes that NumPy writes for what Gradus can write, too.
written = {name: saved(arrays[name]) for name in ['float32', 'float16', 'bool', 'scalar', 'empty', 'int32', 'uint8']}
(data / 'arrays.json').write_text(json.dumps({'arrays': shown, 'written': written}, indent=1) + '\n')
