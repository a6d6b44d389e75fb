"""Writes optimizers, lbfgs, schedules and plateau.reference.json next to this file: what PyTorch computes.

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


def cosine(optimizer, totalSteps, min=0):
    return lr_scheduler.CosineAnnealingLR(optimizer, T_max=totalSteps, eta_min=min)


def warmup(optimizer, schedule, steps):
    rising = lr_scheduler.LinearLR(optimizer, start_factor=1 / steps, total_iters=steps - 1)
    return lr_scheduler.SequentialLR(optimizer, [rising, scheduler_of(optimizer, schedule)], milestones=[steps])


def sequence(optimizer, parts):
    milestones = []
    for part in parts[:-1]:
        milestones.append(part[1] + (milestones[-1] if milestones else 0))
    schedulers = [scheduler_of(optimizer, part[0]) for part in parts]
    return lr_scheduler.SequentialLR(optimizer, schedulers, milestones=milestones)


def cyclic(optimizer, stepSizeUp=2000, stepSizeDown=None, mode="triangular", gamma=1.0, min=0, max=0):
    names = {"expRange": "exp_range"}
    shape = {"step_size_up": stepSizeUp, "step_size_down": stepSizeDown, "gamma": gamma}
    return lr_scheduler.CyclicLR(optimizer, min, max, mode=names.get(mode, mode), cycle_momentum=False, **shape)


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
    "exponential": lr_scheduler.ExponentialLR,
    "linear": lambda optimizer, totalSteps, startFactor=1 / 3, endFactor=1: lr_scheduler.LinearLR(
        optimizer, startFactor, endFactor, totalSteps
    ),
    "polynomial": lambda optimizer, totalSteps, power=1: lr_scheduler.PolynomialLR(optimizer, totalSteps, power),
    "cosine": cosine,
    "cosineRestarts": lambda optimizer, period, factor=1, min=0: lr_scheduler.CosineAnnealingWarmRestarts(
        optimizer, period, factor, min
    ),
    "oneCycle": one_cycle,
    "cyclic": cyclic,
    "warmup": warmup,
    "sequence": sequence,
}

# Schedules that end after their first argument
ENDING = {"cosine", "oneCycle"}


def options_of(args):
    return (args[:-1], args[-1]) if args and isinstance(args[-1], dict) else (args, {})


def scheduler_of(optimizer, schedule):
    """A schedule within another: ["$schedule", name, value, …]."""
    given, options = options_of(schedule[3:])
    return SCHEDULERS[schedule[1]](optimizer, *given, **options)


def value_of(args):
    """The learning rate of PyTorch's optimizer: the value of the innermost first schedule."""
    return args[2] if args[0] == "$schedule" else value_of(args[0]) if isinstance(args[0], list) else args[0]


def schedule_reference(case):
    name = case["schedule"]
    if name not in SCHEDULERS:
        return case
    given, options = options_of(case["args"])
    lr = value_of(given)
    if name == "cyclic":
        given, options = [], {**options, "min": given[0], "max": given[1]}
    elif name not in {"warmup", "sequence"}:
        given = given[1:]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = SCHEDULERS[name](optimizer, *given, **options)
    # PyTorch's cosine rises again after T_max and its cycle refuses to go on; ours stay, so the comparison ends there.
    steps = given[0] if name in ENDING else 12 if name == "warmup" else 18
    rates = []
    for _ in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return {**case, "rates": rates}


PLATEAUS = [
    {"patience": 2},
    {"factor": 0.5, "patience": 1, "cooldown": 2, "min": 0.15},
    {"mode": "max", "factor": 0.3, "patience": 0, "thresholdMode": "abs", "threshold": 0.2},
]


def plateau_reference(options):
    names = {"thresholdMode": "threshold_mode", "min": "min_lr"}
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, **{names.get(k, k): v for k, v in options.items()})
    metrics = [2, 1.5, 1.6, 1.49995, 1.55, 1.2, 1.3, 1.4, 1.2, 1.21, 1.1999, 0.8, 0.9, 0.9, 0.9, 0.9]
    rates = []
    for metric in metrics:
        optimizer.step()
        scheduler.step(metric)
        rates.append(optimizer.param_groups[0]["lr"])
    return {"options": options, "metrics": metrics, "rates": rates}


# Number of steps after which the parameters are stored, before errors of rounding have grown.
STORED_LBFGS = 8
LBFGS = [
    {"lr": 0.1, "maxIter": 3},
    {"lr": 0.5, "maxIter": 4, "historySize": 2, "maxEval": 3},
    {"lineSearch": "strongWolfe", "maxIter": 2},
    {"lineSearch": "strongWolfe", "maxIter": 5, "historySize": 3, "lr": 0.3, "maxEval": 7},
]


def rosenbrock(parameters):
    """A narrow curved valley in six and three dimensions."""
    losses = [(100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum() for p in map(torch.flatten, parameters)]
    return sum(losses)


def lbfgs_reference(options, start, network):
    names = {"lineSearch": "line_search_fn"}
    given = {names.get(k) or snake_case({k: v}).popitem()[0]: v for k, v in options.items()}
    if "line_search_fn" in given:
        given["line_search_fn"] = "strong_wolfe"
    stored = {}
    for problem, loss_of in [("network", lambda ps: network_loss(ps, *network)), ("rosenbrock", rosenbrock)]:
        parameters = [value.double().requires_grad_() for value in start]
        optimizer = torch.optim.LBFGS(parameters, **given)
        losses, evaluations = [], [0]

        def closure():
            optimizer.zero_grad()
            loss = loss_of(parameters)
            loss.backward()
            evaluations[0] += 1
            return loss

        for step in range(STEPS):
            losses.append(optimizer.step(closure).item())
            if step + 1 == STORED_LBFGS:
                found = [values(parameter, 12) for parameter in parameters]
        stored[problem] = {"losses": losses, "evaluations": evaluations[0], "parameters": found}
    return {"options": options, **stored}


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
    write("lbfgs.reference.json", [lbfgs_reference(options, start, network) for options in LBFGS])
    cases = json.loads((HERE / "schedules.cases.json").read_text())
    write("schedules.reference.json", [schedule_reference(case) for case in cases])
    write("plateau.reference.json", [plateau_reference(options) for options in PLATEAUS])


if __name__ == "__main__":
    main()
