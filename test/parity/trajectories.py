"""Ten training steps of small convolutional networks: the loss of every step and a sample of the final parameters, in
float64, with PyTorch's own float32 run beside it. Weights and data come from formulas. This file knows nothing of how
references are stored."""

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
# `cnn` is the network of the benchmarks; `small` has batch norm and is small enough for the interpreter.
MODELS = {
    "cnn": {"batch": 16, "side": 28, "channels": [32, 64], "hidden": 128, "batchNorm": False},
    "small": {"batch": 6, "side": 8, "channels": [4, 6], "hidden": 10, "batchNorm": True},
}


def build(channels, hidden, side, batchNorm, **_):
    layers, inner = [], 1
    for outer in channels:
        layers += [nn.Conv2d(inner, outer, 3, padding=1), *([nn.BatchNorm2d(outer)] if batchNorm else [])]
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


def train(model, make_optimizer, options, dtype):
    spec = MODELS[model]
    batch, side = spec["batch"], spec["side"]
    names = {"weightDecay": "weight_decay"}
    net = build(**spec).to(dtype)
    optimizer = make_optimizer(net.parameters(), **{names.get(key, key): value for key, value in options.items()})
    losses = []
    for step in range(STEPS):
        # Two batches in turn, so that every step depends on the one before.
        x = torch.from_numpy(pattern.uniform((batch, 1, side, side), 1 + step % 2, 0, 1)).to(dtype)
        y = torch.from_numpy(pattern.integers((batch,), 3 + step % 2, 10))
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    state = {name: t.detach().double().reshape(-1) for name, t in net.state_dict().items() if t.is_floating_point()}
    return losses, state


def sample(values):
    """Evenly spread positions, as the test picks them."""
    count = min(SAMPLES, len(values))
    return values[[i * len(values) // count for i in range(count)]]


def make():
    records = []
    for model in MODELS:
        for name, (optimizer, options) in OPTIMIZERS.items():
            losses, state = train(model, optimizer, options, torch.float64)
            single_losses, single_state = train(model, optimizer, options, torch.float32)
            loss_gap = max(abs(a - b) / abs(a) for a, b in zip(losses, single_losses))
            gap = max(((single_state[k] - state[k]).abs().max() / state[k].abs().max()).item() for k in state)
            print(f"  {model}, {name}: loss {losses[0]:.4f} to {losses[-1]:.4f}; float32 differs by {loss_gap:.1e}, {gap:.1e}")
            parameters = {
                key: {
                    "size": len(values),
                    "sum": values.sum().item(),
                    "magnitude": values.abs().sum().item(),
                    "largest": values.abs().max().item(),
                    "sample": text(sample(values).float().numpy()),
                }
                for key, values in state.items()
            }
            record = {"name": f"{model}, {name}", "model": MODELS[model], "optimizer": optimizer.__name__}
            record |= {"options": options, "losses": losses, "parameters": parameters}
            record |= {"torchGap": {"loss": loss_gap, "parameters": gap}}
            records.append(record)
    return records
