"""Writes optimizers.reference.json and schedules.reference.json next to this file: what PyTorch computes.

Start values and gradients are float32 values; the arithmetic is done in float64. Every optimizer takes twenty steps on
two problems: stored gradients, of which a parameter has none in two of the steps, and the gradients of a small network.
PyTorch's Muon rounds to bfloat16, three digits, which would hide whatever is compared; here it goes on in float64.

    python3 test/optim/reference.py      (PyTorch 2.13.0)
"""
import json
import re
from pathlib import Path

import torch
from torch.optim import lr_scheduler

HERE = Path(__file__).parent
SHAPES = [[2, 3], [3]]
STEPS = 20
# Numbers of steps after which the parameters are stored.
STORED = [1, 2, 3, 5, 10, 20]
# (step, parameter) without a gradient
SKIPPED = {(0, 1), (4, 0)}


def snake_case(options):
    converted = {re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), name): value for name, value in options.items()}
    pair = lambda value: tuple(v if v is None else float(v) for v in value)
    made = {name: pair(value) if isinstance(value, list) else value for name, value in converted.items()}
    if "adjust_lr" in made:
        names = {"original": "original", "matchRmsAdamw": "match_rms_adamw"}
        made["adjust_lr_fn"] = names[made.pop("adjust_lr")]
    return made


def values(tensor, digits=9):
    """A tensor as a flat list; nine digits each are enough for every float32."""
    return [float(f"{v:.{digits}g}") for v in tensor.detach().double().flatten().tolist()]


def network_loss(parameters, inputs, targets):
    """tanh(x * s) @ W.T with W [2, 3] and s [3], whatever the shapes of the parameters."""
    weight, scale = parameters[0].reshape(2, 3), parameters[1].reshape(3)
    return (torch.tanh(inputs * scale) @ weight.T - targets).square().mean()


def apply(parameters, kept, step, name, value):
    """What stands in front of an optimizer. Returns whether its step is due."""
    if name == "clipByNorm":
        torch.nn.utils.clip_grad_norm_(parameters, value)
    elif name == "clipByValue":
        torch.nn.utils.clip_grad_value_(parameters, value)
    elif name == "accumulate":
        for index, parameter in enumerate(parameters):
            if parameter.grad is not None:
                mean = parameter.grad / value
                kept[index] = mean if kept[index] is None else kept[index] + mean
        if (step + 1) % value != 0:
            return False
        for index, parameter in enumerate(parameters):
            parameter.grad, kept[index] = kept[index], None
    return True


def make_optimizer(case, parameters):
    make = getattr(torch.optim, case["optimizer"])
    options = snake_case(case["options"])
    if "groups" not in case:
        return make(parameters, **options)
    groups = [{"params": [p], **snake_case(group)} for p, group in zip(parameters, case["groups"])]
    return make(groups, **options)


def optimizer_reference(case, start, gradients, network):
    shapes = case.get("shapes", SHAPES)
    stored = {}
    for problem in ["noise", "network"]:
        parameters = [value.double().reshape(shape).requires_grad_() for value, shape in zip(start, shapes)]
        optimizer = make_optimizer(case, parameters)
        before = case.get("before", [])
        kept = [None] * len(parameters)
        trajectory = []
        for step in range(STEPS):
            optimizer.zero_grad()
            if problem == "network":
                network_loss(parameters, *network).backward()
            else:
                for index, parameter in enumerate(parameters):
                    gradient = gradients[step][index].double().reshape(shapes[index])
                    parameter.grad = None if (step, index) in SKIPPED else gradient
            if all(apply(parameters, kept, step, *each) for each in before):
                optimizer.step()
            if step + 1 in STORED:
                trajectory.append([values(parameter, 12) for parameter in parameters])
        stored[problem] = trajectory
        if problem == "noise":
            state = {
                f"state.{index}.{name}": values(torch.as_tensor(value), 12)
                for index, slots in optimizer.state_dict()["state"].items()
                for name, value in slots.items()
                if value is not None
            }
    return {"name": case["name"], "optimizer": case["optimizer"], **stored, "state": state}


def cosine(optimizer, totalSteps, warmupSteps=0, min=0):
    annealing = lr_scheduler.CosineAnnealingLR(optimizer, T_max=totalSteps - warmupSteps, eta_min=min)
    if warmupSteps == 0:
        return annealing
    warmup = lr_scheduler.LinearLR(optimizer, start_factor=1 / warmupSteps, total_iters=warmupSteps - 1)
    return lr_scheduler.SequentialLR(optimizer, [warmup, annealing], milestones=[warmupSteps])


def one_cycle(optimizer, totalSteps, pctStart=0.3, divFactor=25, finalDivFactor=1e4, anneal="cos"):
    shape = {"pct_start": float(pctStart), "div_factor": divFactor, "final_div_factor": finalDivFactor}
    max_lr = optimizer.param_groups[0]["lr"]
    return lr_scheduler.OneCycleLR(
        optimizer, max_lr, totalSteps, anneal_strategy=anneal, cycle_momentum=False, **shape
    )


SCHEDULERS = {
    "constant": lambda optimizer: lr_scheduler.ConstantLR(optimizer, factor=1),
    "stepDecay": lambda optimizer, stepSize, gamma=0.1: lr_scheduler.StepLR(optimizer, stepSize, gamma),
    "multiStep": lambda optimizer, milestones, gamma=0.1: lr_scheduler.MultiStepLR(optimizer, milestones, gamma),
    "cosine": cosine,
    "oneCycle": one_cycle,
}


# Schedules that end after their first argument
ENDING = {"cosine", "oneCycle"}


def schedule_reference(case):
    lr, *given = case["args"]
    options = given.pop() if given and isinstance(given[-1], dict) else {}
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = SCHEDULERS[case["schedule"]](optimizer, *given, **options)
    # PyTorch's cosine rises again after T_max and its cycle refuses to go on; ours stay, so the comparison ends there.
    steps = given[0] if case["schedule"] in ENDING else 12
    rates = []
    for _ in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return {**case, "rates": rates}


def write(name, content):
    (HERE / name).write_text(json.dumps(content, separators=(",", ":")) + "\n")


def main():
    torch.manual_seed(5)
    torch.Tensor.bfloat16 = lambda tensor: tensor.clone()  # see above
    start = [torch.randn(shape) for shape in SHAPES]
    gradients = [[torch.randn(shape) for shape in SHAPES] for _ in range(STEPS)]
    network = [torch.randn(5, 3).double(), torch.randn(5, 2).double()]
    torch.set_default_dtype(torch.float64)  # also for the scalars that optimizers keep
    cases = json.loads((HERE / "optimizers.cases.json").read_text())
    known = [case for case in cases if hasattr(torch.optim, case["optimizer"])]
    shared = [[None if (s, i) in SKIPPED else values(g) for i, g in enumerate(step)] for s, step in enumerate(gradients)]
    write(
        "optimizers.reference.json",
        {
            "shapes": SHAPES,
            "start": [values(value) for value in start],
            "gradients": shared,
            "stored": STORED,
            "inputs": values(network[0]),
            "targets": values(network[1]),
            "cases": [optimizer_reference(case, start, gradients, network) for case in known],
        },
    )
    cases = json.loads((HERE / "schedules.cases.json").read_text())
    write("schedules.reference.json", [schedule_reference(case) for case in cases])


if __name__ == "__main__":
    main()
