"""Writes test/goldens/optim/data/*.json: trajectories of PyTorch 2.13's optimizers and schedules, in float64.

    pip install torch==2.13.0
    python3 test/goldens/optim/optim.py

Optimizers train a small network with penalties of second and fourth power, so that the objective is not quadratic; every parameter is
recorded after each of 50 steps, then the state, then 5 more steps. A case counts only if PyTorch's own float32 run stays
close to it, so that the goldens hold the algorithm and not rounding that a chaotic path has blown up. Schedules record learning rate and momentum of two
parameter groups through 100 steps. Lion, which PyTorch lacks, is written out below from its paper.
"""

import json
import math
import pathlib
import re
import warnings

import torch
from torch.optim import lr_scheduler

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
warnings.simplefilter("ignore")
data = pathlib.Path(__file__).parent / "data"
STEPS, MORE = 50, 5


def snake(name):
    special = {"tMult": "T_mult", "nsCoefficients": "ns_coefficients"}
    return special.get(name) or re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), name)


def short(x, digits=9):
    if isinstance(x, torch.Tensor):
        x = x.detach().tolist()
    return [short(y, digits) for y in x] if isinstance(x, list) else float(f"%.{digits}g" % x)


def waves(*shape, phase):
    n = math.prod(shape)
    return [round(math.sin(phase + 2.7 * i), 3) for i in range(n)]


def write(name, value):
    target = data / f"{name}.json"
    target.write_text("[\n" + ",\n".join(json.dumps(v, separators=(",", ":")) for v in value) + "\n]\n")
    print(f"{name}: {len(value)} cases, {target.stat().st_size // 1024} KB")


# The objective. test/goldens/optim/optim.test.ts has the same one.
SHAPES = {"first": (3, 2), "bias": (3,), "second": (2, 3)}
START = {name: waves(*shape, phase=i) for i, (name, shape) in enumerate(SHAPES.items())}
X, Y = waves(5, 2, phase=4), waves(5, 2, phase=6)


def objective(p):
    x, y = torch.tensor(X).reshape(5, 2), torch.tensor(Y).reshape(5, 2)
    out = torch.tanh(x @ p["first"].T + p["bias"]) @ p["second"].T
    return ((out - y) ** 2).mean() + 0.05 * sum((x**4 + x**2).sum() for x in p.values())


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of Chen et al. 2023."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, maximize=False):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (beta1, beta2) = group["lr"], group["betas"]
            for p in group["params"]:
                g = -p.grad if group["maximize"] else p.grad
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                c = beta1 * m + (1 - beta1) * g
                p -= lr * (c.sign() + group["weight_decay"] * p)
                m.copy_(beta2 * m + (1 - beta2) * g)


def saved(value):
    """A state dict's values as JSON: tensors as [shape, elements]."""
    if isinstance(value, torch.Tensor):
        return {"shape": list(value.shape), "data": value.reshape(-1).tolist()}
    if isinstance(value, dict):
        return {str(k): saved(v) for k, v in value.items()}
    return [saved(v) for v in value] if isinstance(value, (list, tuple)) else value


def optimizer(name, **options):
    """Trains under `options`; the second group's learning rate is half the first's, where there are groups."""
    p = {k: torch.tensor(v).reshape(SHAPES[k]).requires_grad_() for k, v in START.items()}
    trained = {"Muon": ["first", "second"]}.get(name, list(p))
    cls = {"Lion": Lion}.get(name) or getattr(torch.optim, name)
    whole = {snake(k): v for k, v in options.items()}
    if name == "LBFGS":
        groups = [{"params": [p[k] for k in trained]}]
    else:
        default = cls([torch.zeros(2, 2)]).param_groups[0]["lr"]
        lr = options.get("lr", default)
        groups = [{"params": [p[k] for k in trained[:-1]]}, {"params": [p[trained[-1]]], "lr": lr / 2}]
    opt = cls(groups, **whole)
    sign = -1 if options.get("maximize") else 1

    def closure():
        opt.zero_grad()
        loss = sign * objective(p)
        loss.backward()
        return loss

    trajectory, state = [], None
    for i in range(STEPS + MORE):
        if name == "LBFGS":
            opt.step(closure)
        else:
            closure()
            opt.step()
        trajectory.append(short([x for k in p for x in p[k].detach().reshape(-1).tolist()]))
        if i == STEPS - 1:
            state = saved(opt.state_dict())
            exact = [x for k in p for x in p[k].detach().reshape(-1).tolist()]
    return {"optimizer": name, "options": options, "trained": trained, "trajectory": trajectory, "state": state, "exact": exact}


def well_conditioned(name, options):
    """The case in float64, after a look at the same one in float32."""
    case = optimizer(name, **options)
    torch.set_default_dtype(torch.float32)
    single = optimizer(name, **options)["trajectory"]
    torch.set_default_dtype(torch.float64)
    for wide, narrow in zip(case["trajectory"][:STEPS], single):
        for a, b in zip(wide, narrow):
            assert abs(a - b) <= 0.5 * (1e-4 + 1e-4 * abs(a)), f"{name} {options} is chaotic"
    return case


OPTIMIZERS = {
    "SGD": [{"lr": 0.1}, {"lr": 0.05, "momentum": 0.9}, {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weightDecay": 0.01},
            {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "maximize": True}, {"lr": 0.1, "weightDecay": 0.1}],
    "Adam": [{}, {"lr": 0.03, "betas": [0.8, 0.95], "eps": 1e-4, "weightDecay": 0.05}, {"lr": 0.05, "amsgrad": True},
             {"lr": 0.02, "maximize": True}, {"lr": 0.02, "weightDecay": 0.1, "decoupledWeightDecay": True}],
    "AdamW": [{"lr": 0.02}, {"lr": 0.02, "weightDecay": 0.2, "amsgrad": True, "maximize": True}],
    "RMSprop": [{}, {"lr": 0.005, "centered": True}, {"lr": 0.003, "momentum": 0.8, "alpha": 0.9, "eps": 1e-3},
                {"lr": 0.003, "momentum": 0.5, "centered": True, "weightDecay": 0.1, "maximize": True}],
    "Adagrad": [{}, {"lr": 0.1, "lrDecay": 0.05, "weightDecay": 0.02}, {"lr": 0.1, "initialAccumulatorValue": 0.3},
                {"lr": 0.05, "eps": 1e-2, "maximize": True}],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.8, "eps": 1e-4, "weightDecay": 0.05}, {"maximize": True}],
    "NAdam": [{}, {"lr": 0.02, "betas": [0.85, 0.99], "weightDecay": 0.05, "momentumDecay": 0.01},
              {"lr": 0.02, "weightDecay": 0.1, "decoupledWeightDecay": True, "maximize": True, "eps": 1e-3}],
    "RAdam": [{}, {"lr": 0.02, "betas": [0.85, 0.99], "weightDecay": 0.05, "eps": 1e-3},
              {"lr": 0.02, "weightDecay": 0.1, "decoupledWeightDecay": True, "maximize": True}],
    "Adamax": [{}, {"lr": 0.02, "betas": [0.8, 0.99], "eps": 1e-3, "weightDecay": 0.05, "maximize": True}],
    "ASGD": [{}, {"lr": 0.1, "lambd": 0.01, "alpha": 0.6, "t0": 10, "weightDecay": 0.02}, {"maximize": True}],
    "Rprop": [{}, {"lr": 0.02, "etas": [0.4, 1.3], "stepSizes": [1e-4, 0.1]}, {"maximize": True}],
    "Lion": [{"lr": 0.01}, {"lr": 0.01, "betas": [0.8, 0.95], "weightDecay": 0.3, "maximize": True}],
    "Adafactor": [{}, {"lr": 0.02, "beta2Decay": -0.5, "eps": [1e-6, 1e-2], "weightDecay": 0.1}, {"d": 2.0, "maximize": True}],
    "Muon": [{"lr": 0.02}, {"lr": 0.01, "momentum": 0.8, "nesterov": False, "weightDecay": 0.0, "adjustLrFn": "match_rms_adamw"},
             {"lr": 0.02, "nsSteps": 3, "nsCoefficients": [2.0, -1.5, 0.5], "eps": 1e-3}],
    # Float32 losses near a minimum are equal where gradients are about 1e-4: a line search can tell no more from them.
    "LBFGS": [{"lr": 0.2, "maxIter": 2, "historySize": 10, "toleranceGrad": 1e-4}, {"maxIter": 3, "historySize": 2, "toleranceGrad": 1e-4, "lineSearchFn": "strong_wolfe"},
              {"lr": 0.5, "maxIter": 4, "maxEval": 3, "historySize": 5, "toleranceGrad": 1e-3, "toleranceChange": 1e-4},
              {"lr": 0.5, "maxIter": 20, "historySize": 10, "toleranceGrad": 4.5e-4, "lineSearchFn": "strong_wolfe"}],
}

FUNCTIONS = {"inverse": lambda epoch: 1 / (1 + epoch / 10), "wave": lambda epoch: 1 + 0.1 * math.sin(epoch),
             "power": lambda x: 0.98**x}
METRICS = {"falling": lambda i: 10 / (1 + min(i, 30)), "rising": lambda i: min(i, 25) + 0.5 * math.sin(i),
           "constant": lambda i: 1.0, "negative": lambda i: -min(i, 20) / 10}


def schedule(cls, *args, optimizer="SGD", metric=None, **options):
    return {"schedule": {"class": cls, "args": list(args), "options": options}, "optimizer": optimizer, "metric": metric}


def build(opt, spec):
    """A schedule from its description; nested descriptions and names of functions are looked up."""
    def value(x):
        if isinstance(x, dict) and "class" in x:
            return build(opt, x)
        if isinstance(x, list):
            return [value(y) for y in x]
        return FUNCTIONS[x["function"]] if isinstance(x, dict) else x

    cls = getattr(lr_scheduler, spec["class"])
    args = [value(x) for x in spec["args"]]
    options = {snake(k): value(v) for k, v in spec["options"].items()}
    return cls(*args, **options) if cls is lr_scheduler.ChainedScheduler else cls(opt, *args, **options)


def run_schedule(case):
    groups = [{"params": [torch.zeros(1)], "lr": 0.1}, {"params": [torch.zeros(1)], "lr": 0.02}]
    opt = torch.optim.SGD(groups, momentum=0.5) if case["optimizer"] == "SGD" else torch.optim.Adam(groups)
    scheduler = build(opt, case["schedule"])
    rows = []
    for i in range(101):
        momentum = [g["betas"][0] if "betas" in g else g["momentum"] for g in opt.param_groups]
        rows.append(short([g["lr"] for g in opt.param_groups] + momentum, 12))
        if i == 100:
            break
        opt.step()
        scheduler.step(METRICS[case["metric"]](i)) if case["metric"] else scheduler.step()
    columns = [list(c) for c in zip(*rows)]
    return {**case, "columns": [c[:1] if len(set(c)) == 1 else c for c in columns]}


def f(name):
    return {"function": name}


def nested(cls, *args, **options):
    return schedule(cls, *args, **options)["schedule"]


SCHEDULES = [
    schedule("StepLR", 30), schedule("StepLR", 7, gamma=0.8),
    schedule("MultiStepLR", [10, 40, 40, 80]), schedule("MultiStepLR", [0, 5], gamma=0.5),
    schedule("ExponentialLR", 0.95),
    schedule("PolynomialLR"), schedule("PolynomialLR", totalIters=80, power=2.5),
    schedule("ConstantLR"), schedule("ConstantLR", factor=0.25, totalIters=20),
    schedule("LinearLR"), schedule("LinearLR", startFactor=0.9, endFactor=0.1, totalIters=60),
    schedule("CosineAnnealingLR", 40), schedule("CosineAnnealingLR", 100, etaMin=0.005),
    schedule("CosineAnnealingWarmRestarts", 10), schedule("CosineAnnealingWarmRestarts", 9, tMult=2, etaMin=0.001),
    schedule("LambdaLR", f("inverse")), schedule("LambdaLR", [f("wave"), f("inverse")]),
    schedule("MultiplicativeLR", f("wave")), schedule("MultiplicativeLR", [f("inverse"), f("wave")]),
    schedule("OneCycleLR", 0.3, totalSteps=101), schedule("OneCycleLR", [0.3, 0.1], epochs=10, stepsPerEpoch=11, annealStrategy="linear"),
    schedule("OneCycleLR", 0.3, totalSteps=101, threePhase=True, pctStart=0.4, divFactor=10.0, finalDivFactor=100.0, optimizer="Adam"),
    schedule("OneCycleLR", 0.3, totalSteps=100, baseMomentum=[0.7, 0.8], maxMomentum=[0.9, 0.99]),
    schedule("OneCycleLR", 0.3, totalSteps=120, cycleMomentum=False),
    schedule("CyclicLR", 0.01, 0.1, stepSizeUp=20), schedule("CyclicLR", 0.01, [0.1, 0.2], stepSizeUp=8, stepSizeDown=12, mode="triangular2"),
    schedule("CyclicLR", [0.01, 0.02], 0.1, stepSizeUp=15, mode="exp_range", gamma=0.97, optimizer="Adam"),
    schedule("CyclicLR", 0.01, 0.1, stepSizeUp=10, scaleFn=f("power"), scaleMode="iterations", baseMomentum=0.7, maxMomentum=[0.9, 0.95]),
    schedule("CyclicLR", 0.01, 0.1, stepSizeUp=10, scaleFn=f("power"), cycleMomentum=False),
    schedule("ReduceLROnPlateau", metric="falling"), schedule("ReduceLROnPlateau", metric="constant", patience=3, cooldown=4, factor=0.5, minLr=[0.01, 0.001]),
    schedule("ReduceLROnPlateau", metric="rising", mode="max", threshold=0.3, thresholdMode="abs", patience=2, factor=0.7),
    schedule("ReduceLROnPlateau", metric="rising", mode="max", threshold=0.1, patience=5, eps=0.004),
    schedule("ReduceLROnPlateau", metric="negative", thresholdMode="abs", threshold=0.15, patience=1, factor=0.6),
    schedule("SequentialLR", [nested("LinearLR", startFactor=0.1, totalIters=10), nested("CosineAnnealingLR", 90)], [10]),
    schedule("SequentialLR", [nested("ConstantLR", totalIters=3), nested("ExponentialLR", 0.9), nested("StepLR", 4), nested("MultiStepLR", [0, 7]), nested("PolynomialLR", totalIters=20)], [5, 20, 40, 70]),
    schedule("SequentialLR", [nested("LinearLR"), nested("CosineAnnealingWarmRestarts", 10), nested("MultiplicativeLR", f("wave")), nested("LambdaLR", f("inverse")), nested("CyclicLR", 0.01, 0.2, stepSizeUp=5)], [10, 35, 60, 80]),
    schedule("SequentialLR", [nested("ChainedScheduler", [nested("ExponentialLR", 0.9), nested("LinearLR")]), nested("ConstantLR", totalIters=10)], [50]),
    schedule("SequentialLR", [nested("SequentialLR", [nested("LinearLR"), nested("ExponentialLR", 0.9)], [10]), nested("StepLR", 9)], [40]),
    schedule("ChainedScheduler", [nested("ConstantLR", factor=0.1, totalIters=20), nested("ExponentialLR", 0.97)]),
    schedule("ChainedScheduler", [nested("LinearLR", totalIters=15), nested("CosineAnnealingLR", 50, etaMin=0.01), nested("MultiStepLR", [30, 60])]),
]


def penalties():
    p = {k: torch.tensor(v).reshape(SHAPES[k]).requires_grad_() for k, v in START.items()}
    cases = []
    for name, arg, l1, l2 in [("l1Penalty", 0.3, 0.3, 0.0), ("elasticNet", {"l1": 0.2, "l2": 0.7}, 0.2, 0.7)]:
        for x in p.values():
            x.grad = None
        value = sum(l1 * x.abs().sum() + l2 * x.square().sum() for x in p.values())
        value.backward()
        cases.append({"name": name, "arg": arg, "value": value.item(), "grads": [x.grad.reshape(-1).tolist() for x in p.values()]})
    return cases


data.mkdir(exist_ok=True)
write("objective", [{"start": START, "shapes": SHAPES, "x": X, "y": Y}])
for name, options in OPTIMIZERS.items():
    write(name, [well_conditioned(name, o) for o in options])
write("schedules", [run_schedule(case) for case in SCHEDULES])
write("penalties", penalties())
