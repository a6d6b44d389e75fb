"""Ten training steps of small convolutional networks: the loss of every step and a sample of the final parameters, in
float64. Weights and data come from formulas. This file knows nothing of how references are stored.

How far may a float32 implementation stray in ten steps? That depends on the network: a gradient that is nearly zero
becomes a whole step of Adam, and a unit that is nearly switched off may switch. It is measured here: PyTorch repeats
the run in float32 several times, in different layouts, with all weights jogged by up to four roundings at every step.
The tolerance is four times the largest distance of these runs from the float64 run. Of several data sets the first is
taken on which these runs keep together, because no two implementations agree on a unit that sits on the fence.
"""

import numpy as np
import pattern
import torch
import torch.nn.functional as F
from make import text
from torch import nn

STEPS = 10
SAMPLES = 48  # values of each parameter that are kept
OPTIMIZERS = {
    "SGD": (torch.optim.SGD, {"lr": 0.05}),
    "SGD, momentum": (torch.optim.SGD, {"lr": 0.02, "momentum": 0.9}),
    "SGD, dampening, weight decay": (
        torch.optim.SGD, {"lr": 0.05, "momentum": 0.8, "dampening": 0.3, "weightDecay": 0.01},
    ),
    "SGD, Nesterov, weight decay": (
        torch.optim.SGD, {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weightDecay": 0.001},
    ),
    "Adam": (torch.optim.Adam, {"lr": 0.001}),
    "Adam, weight decay": (torch.optim.Adam, {"lr": 0.002, "betas": [0.8, 0.99], "eps": 1e-6, "weightDecay": 0.01}),
    "AdamW": (torch.optim.AdamW, {"lr": 0.001}),
    "AdamW, weight decay": (torch.optim.AdamW, {"lr": 0.002, "weightDecay": 0.1}),
}  # fmt: skip
RUNS = 12
JOG = 4 * 2.0**-24
MARGIN = 4
FLOOR = 2e-6  # relative: some thirty roundings, where all runs happen to agree even better
TOGETHER = 1e-6  # relative distance of a loss, above which a unit has switched
# For the large network, one of each kind.
LARGE = ("SGD, momentum", "SGD, Nesterov, weight decay", "Adam", "AdamW, weight decay")
# `cnn` is the network of the benchmarks; `small` has batch norm and is small enough for the interpreter.
MODELS = {
    "cnn": {"batch": 16, "side": 28, "channels": [32, 64], "hidden": 128, "batchNorm": False, "tries": 40},
    "small": {"batch": 6, "side": 8, "channels": [4, 6], "hidden": 10, "batchNorm": True, "tries": 10},
}


def build(channels, hidden, side, batchNorm, **_):
    layers, inner = [], 1
    for outer in channels:
        layers.append(nn.Conv2d(inner, outer, 3, padding=1, bias=not batchNorm))
        if batchNorm:
            layers.append(nn.BatchNorm2d(outer))
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        inner = outer
    layers += [nn.Flatten(), nn.Linear(inner * (side // 4) ** 2, hidden), nn.ReLU(), nn.Linear(hidden, 10)]
    net = nn.Sequential(*layers)
    bound = 0.0
    with torch.no_grad():
        for index, (name, parameter) in enumerate(net.named_parameters()):
            if isinstance(net[int(name.split(".")[0])], nn.BatchNorm2d):
                low, high = (0.5, 1.5) if name.endswith("weight") else (-0.5, 0.5)
            else:
                bound = 1 / np.sqrt(parameter[0].numel()) if parameter.dim() > 1 else bound
                low, high = -bound, bound
            parameter.copy_(torch.from_numpy(pattern.uniform(parameter.shape, 10 + index, low, high)))
    return net


def train(model, make_optimizer, options, data, dtype, jog=None):
    """Losses and final state; `jog` is the number of a run that is jogged."""
    spec = MODELS[model]
    shape = (spec["batch"], 1, spec["side"], spec["side"])
    names = {"weightDecay": "weight_decay"}
    random = np.random.default_rng(jog)
    layout = torch.channels_last if jog is not None and jog % 2 else torch.contiguous_format
    net = build(**spec).to(dtype=dtype, memory_format=layout)
    optimizer = make_optimizer(net.parameters(), **{names.get(key, key): value for key, value in options.items()})
    losses = []
    for step in range(STEPS):
        if jog is not None:
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter *= torch.from_numpy(1 + JOG * random.uniform(-1, 1, parameter.shape)).to(dtype)
        # Two batches in turn, so that every step depends on the one before.
        x = torch.from_numpy(pattern.uniform(shape, data + step % 2, 0, 1)).to(dtype=dtype, memory_format=layout)
        y = torch.from_numpy(pattern.integers(shape[:1], data + 2 + step % 2, 10))
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    state = {name: t.detach().double().reshape(-1) for name, t in net.state_dict().items() if t.is_floating_point()}
    return losses, state


def distance(run, reference):
    """Largest relative distance of the losses, and of each parameter relative to its largest value."""
    losses = max(abs(a - b) / abs(b) for a, b in zip(run[0], reference[0]))
    return losses, {k: ((run[1][k] - v).abs().max() / v.abs().max()).item() for k, v in reference[1].items()}


def steady(model, optimizer, options):
    """The first data on which jogged runs keep together: its number, the reference, and the largest distances."""
    for data in range(1000, 1000 + 10 * MODELS[model]["tries"], 10):
        reference = train(model, optimizer, options, data, torch.float64)
        loss_gap, gaps = 0.0, dict.fromkeys(reference[1], 0.0)
        for jog in range(RUNS):
            loss, parameters = distance(train(model, optimizer, options, data, torch.float32, jog), reference)
            loss_gap = max(loss_gap, loss)
            gaps = {key: max(gaps[key], parameters[key]) for key in gaps}
            if loss_gap > TOGETHER:
                break
        else:
            return data, reference, loss_gap, gaps
    raise RuntimeError(f"{model}, {optimizer.__name__}: no data keeps the runs together")


def sample(values):
    """Evenly spread positions, as the test picks them."""
    count = min(SAMPLES, len(values))
    return values[[i * len(values) // count for i in range(count)]]


def make():
    records = []
    for model, spec in MODELS.items():
        for name, (optimizer, options) in OPTIMIZERS.items():
            if model == "cnn" and name not in LARGE:
                continue
            data, (losses, state), loss_gap, gaps = steady(model, optimizer, options)
            print(f"  {model}, {name}: data {data}, loss {losses[0]:.4f} to {losses[-1]:.4f},", end=" ")
            print(f"runs differ by {loss_gap:.1e}, parameters by {max(gaps.values()):.1e}")
            parameters = {
                key: {
                    "size": len(values),
                    "sample": text(sample(values).float().numpy()),
                    "absolute": max(FLOOR, MARGIN * gaps[key]) * values.abs().max().item(),
                }
                for key, values in state.items()
            }
            record = {"name": f"{model}, {name}", "model": {k: v for k, v in spec.items() if k != "tries"}}
            record |= {"optimizer": optimizer.__name__, "options": options, "data": data, "losses": losses}
            record |= {"relative": max(FLOOR, MARGIN * loss_gap), "parameters": parameters}
            records.append(record)
    return records
