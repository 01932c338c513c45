"""The PyTorch half of weights.ts: loads what Gradus wrote, runs it, and writes what Gradus shall read.

    python weights.py FOLDER
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

folder = Path(sys.argv[1])


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.classifier = nn.Sequential(nn.Linear(400, 84), nn.ReLU(), nn.Linear(84, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


model = LeNet()
model.load_state_dict(load_file(folder / 'model.safetensors'))
model.eval()
example = load_file(folder / 'example.safetensors')
with torch.no_grad():
    outputs = model(example['inputs'])
difference = (outputs - example['outputs']).abs().max().item()
print(f'Gradus to PyTorch: outputs differ by at most {difference:.2e} (largest output {outputs.abs().max().item():.1f})')

torch.manual_seed(0)
model = LeNet().eval()
inputs = torch.rand(16, 1, 28, 28)
save_file(model.state_dict(), folder / 'torch-model.safetensors')
with torch.no_grad():
    save_file({'inputs': inputs, 'outputs': model(inputs)}, folder / 'torch-example.safetensors')

kinds = {
    'float32': torch.tensor([1.5, -2.0, float('inf')]),
    'float64': torch.tensor([1 / 3, 1e300], dtype=torch.float64),
    'float16': torch.tensor([1.5, 65504, 2**-24], dtype=torch.float16),
    'bfloat16': torch.tensor([3.140625, -1e38], dtype=torch.bfloat16),
    'int32': torch.tensor([[-(2**31), 2**31 - 1]], dtype=torch.int32),
    'int64': torch.tensor([-5, 2**31 - 1]),
    'uint8': torch.tensor([0, 255], dtype=torch.uint8),
    'bool': torch.tensor([True, False]),
    'scalar': torch.tensor(7.0),
    'empty': torch.zeros(2, 0),
}
written = load_file(folder / 'kinds.safetensors')
for name, expected in kinds.items():
    if name == 'int64':
        continue
    received = written[name]
    assert received.dtype == expected.dtype and received.shape == expected.shape, name
    assert torch.equal(received, expected), name
print(f'Gradus to PyTorch: {len(written)} tensors equal in dtype, shape and every bit')
save_file(kinds, folder / 'torch-kinds.safetensors')
sys.exit(0 if difference <= 1e-5 else 1)
