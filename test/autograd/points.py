"""Writes points.json: gradients of PyTorch where a derivative is chosen, not computed.

    python3 -m pip install torch==2.13.0
    python3 test/autograd/points.py

Each case is the sum of a function of x (and y); the gradient of the sum is taken. Numbers that JSON lacks are strings.
"""
import json
from pathlib import Path

import torch

inf, nan = float("inf"), float("nan")
edge = [-inf, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, inf, nan]

# Functions with bounds, poles or small slopes.
ENDS = "log1p expm1 log2 log10 exp2 asin acos atan sinh cosh asinh acosh atanh erfinv".split()
plane = [-inf, -1.0, -0.0, 0.0, 2.0, inf, nan]
pairs = ([a for a in plane for _ in plane], [b for _ in plane for b in plane])

CASES = {
    "clamp 0 1": (lambda x: x.clamp(0, 1), edge),
    "clamp min": (lambda x: x.clamp(min=0.5), edge),
    "clamp max": (lambda x: x.clamp(max=0.5), edge),
    "clamp crossed": (lambda x: x.clamp(1, 0), edge),
    # The sign of NaN is 0 in PyTorch and NaN here, so that it does not pass unseen.
    "abs": (torch.abs, edge[:-1]),
    "sign": (torch.sign, edge[:-1]),
    "relu": (torch.relu, edge),
    "floor": (torch.floor, edge),
    "round": (torch.round, edge),
    "sqrt": (torch.sqrt, [0.0, 1.0, 4.0, inf]),
    "log": (torch.log, [0.0, 1.0, inf]),
    "pow 0": (lambda x: x.pow(0), edge),
    "pow 1": (lambda x: x.pow(1), [-1.0, 0.0, 2.0]),
    "pow 2": (lambda x: x.pow(2), [-1.0, 0.0, 2.0]),
    "pow 1.5": (lambda x: x.pow(1.5), [0.0, 1.0, 4.0]),
    "pow -1": (lambda x: x.pow(-1), [0.0, 1.0, -2.0]),
    "pow": (torch.pow, [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 2.0, -2.0, inf], [0.0, 1.0, 2.0, 0.5, 0.0, 0.0, 3.0, 0.0, 0.0]),
    "remainder": (torch.remainder, [-6.0, 6.0, 0.5, 0.0, 7.5, -7.5], [3.0, 3.0, 0.1, 2.0, -2.0, 2.0]),
    "maximum": (torch.maximum, [1.0, 1.0, 2.0, 0.0, -0.0, nan, 1.0], [1.0, 2.0, 1.0, -0.0, 0.0, 1.0, nan]),
    "minimum": (torch.minimum, [1.0, 1.0, 2.0, 0.0, -0.0, nan, 1.0], [1.0, 2.0, 1.0, -0.0, 0.0, 1.0, nan]),
    "max": (torch.amax, [3.0, 1.0, 3.0, 3.0]),
    "max of a dim": (lambda x: x.max(0).values, [3.0, 1.0, 3.0, 3.0]),
    "min": (torch.amin, [3.0, 1.0, 1.0, 3.0]),
    "min of a dim": (lambda x: x.min(0).values, [3.0, 1.0, 1.0, 3.0]),
    **{name: (getattr(torch, name), edge) for name in ENDS},
    "frac": (torch.frac, edge),
    "trunc": (torch.trunc, edge),
    "sinc": (torch.sinc, [-0.5, -0.0, 0.0, 0.25, 1.0, 2.0, 2.5, inf, nan]),
    "nanToNum": (lambda x: torch.nan_to_num(x, posinf=7.0, neginf=-7.0), edge),
    "fmod": (torch.fmod, [-6.0, 6.0, 0.5, 0.0, -0.0, 7.5, -7.5, 2.0], [3.0, 3.0, 0.2, 2.0, 2.0, -2.0, 2.0, inf]),
    "atan2": (torch.atan2, *pairs),
    "hypot": (torch.hypot, *pairs),
    "logaddexp": (torch.logaddexp, *pairs),
    "lerp": (torch.lerp, [1.0, 1.0, 1.0, 1.0, inf, 1.0], [3.0, 3.0, 3.0, 3.0, 2.0, inf], [0.0, 0.25, 0.5, 1.0, 0.25, 0.75]),
    "prod": (torch.prod, [2.0, 3.0, 4.0, -1.0]),
    "prod with a zero": (torch.prod, [2.0, 0.0, 4.0, -1.0]),
    "prod with zeros": (torch.prod, [2.0, 0.0, 4.0, 0.0]),
}
# Gradients of a weighted sum of the gradient.
SECOND = ["prod", "prod with a zero", "prod with zeros", "pow 2", "pow 0"]


def plain(values):
    text = {inf: "Infinity", -inf: "-Infinity"}
    return ["NaN" if v != v else text.get(v, v) for v in values.tolist()]


def case(name, f, *operands):
    inputs = [torch.tensor(values, dtype=torch.float64, requires_grad=True) for values in operands]
    made = f(*inputs)
    twice = name in SECOND
    grads = torch.autograd.grad(made.sum(), inputs, create_graph=twice)
    result = {
        "name": name,
        "inputs": [plain(x.detach()) for x in inputs],
        "values": plain(made.detach().reshape(-1)),
        "grads": [plain(g.detach()) for g in grads],
    }
    if twice:
        weights = torch.arange(1.0, len(operands[0]) + 1, dtype=torch.float64)
        total = (grads[0] * weights).sum()
        depends = total.requires_grad
        result["second"] = plain(torch.autograd.grad(total, inputs)[0]) if depends else [0.0] * len(operands[0])
    return result


cases = [case(name, f, *operands) for name, (f, *operands) in CASES.items()]
text = ",\n".join(json.dumps(entry, allow_nan=False) for entry in cases)
Path(__file__).with_name("points.json").write_text(f'{{"torch": "{torch.__version__}", "cases": [\n{text}\n]}}\n')
