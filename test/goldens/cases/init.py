import torch
from golden import *

init = torch.nn.init
zeros = lambda *shape: values(np.zeros(shape), grad=False)
on = lambda fn: lambda x: fn(x.detach().clone())

case("nn.init.zeros", randn(2, 3, grad=False), torch=on(init.zeros_))
case("nn.init.ones", randn(2, 3, grad=False), torch=on(init.ones_))
case("nn.init.constant", randn(3, grad=False), 0.3, torch=on(lambda x: init.constant_(x, 0.3)))
case("nn.init.constant", zeros(0, 3), 0.3, torch=on(lambda x: init.constant_(x, 0.3)))
for shape in [(3, 3), (2, 4), (4, 2), (0, 2)]:
    case("nn.init.eye", randn(*shape, grad=False), torch=on(init.eye_))
for shape, groups in [((3, 3, 3), 1), ((4, 2, 2, 3), 1), ((4, 2, 3, 3), 2), ((2, 4, 3, 3), 1), ((3, 1, 3, 2, 3), 3)]:
    case("nn.init.dirac", randn(*shape, grad=False), {"groups": groups}, torch=on(lambda x: init.dirac_(x, groups)))
case("nn.init.dirac", randn(3, 3, 4, grad=False), torch=on(init.dirac_))
for ours, theirs in [
    ("linear", "linear"), ("sigmoid", "sigmoid"), ("tanh", "tanh"), ("relu", "relu"), ("leakyRelu", "leaky_relu"),
    ("selu", "selu"), ("conv1d", "conv1d"), ("conv2d", "conv2d"), ("conv3d", "conv3d"),
    ("convTranspose1d", "conv_transpose1d"), ("convTranspose2d", "conv_transpose2d"), ("convTranspose3d", "conv_transpose3d"),
]:
    case("nn.init.calculateGain", ours, torch=lambda: torch.tensor(float(init.calculate_gain(theirs))), dtypes={0: "float32"})
case("nn.init.calculateGain", "leakyRelu", 0.2, torch=lambda: torch.tensor(init.calculate_gain("leaky_relu", 0.2)))
