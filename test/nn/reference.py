"""Writes layers.reference.json, folding.reference.json and losses.reference.json next to this file: what PyTorch computes.

Weights and inputs are float32 values; the arithmetic is done in float64, so that the differences that the tests see
are those of the tested device. The weights are random, so that nothing is hidden by ones and zeros.

    python3 test/nn/reference.py      (PyTorch 2.13.0)
"""
import json
import re
import zlib
from pathlib import Path

import torch
from torch.nn.utils import fusion

HERE = Path(__file__).parent


def snake_case(options):
    return {re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), name): value for name, value in options.items()}


def build(case):
    args = [build(arg) if isinstance(arg, dict) else tuple(arg) if isinstance(arg, list) else arg for arg in case["args"]]
    options = {name: tuple(v) if isinstance(v, list) else v for name, v in snake_case(case.get("options", {})).items()}
    return getattr(torch.nn, case["layer"])(*args, **options)


def values(tensor):
    """A tensor as plain numbers, nine digits each: enough for every float32."""
    flat = [float(f"{v:.9g}") for v in tensor.detach().double().flatten().tolist()]
    return {"shape": list(tensor.shape), "data": flat}


def state(module):
    return {key: values(value) for key, value in module.state_dict().items()}


def layer_reference(case):
    torch.manual_seed(zlib.crc32(case["name"].encode()))  # so that a new case leaves the others as they are
    module = build(case)
    with torch.no_grad():
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape) + 0.5 if value.dim() == 1 else torch.randn(value.shape))
    result = {"name": case["name"], "state": state(module)}
    x = torch.randn(case["input"])
    module, x = module.double(), x.double().requires_grad_()
    result["input"] = values(x)
    if not case.get("random"):
        y = module(x)
        probe = torch.randn(y.shape, dtype=torch.float32).double()
        (y * probe).sum().backward()
        result["train"] = {
            "output": values(y),
            "probe": values(probe),
            "inputGradient": values(x.grad),
            "gradients": {key: values(parameter.grad) for key, parameter in module.named_parameters()},
            "buffers": {key: values(buffer) for key, buffer in module.named_buffers()},
        }
    result["eval"] = {"output": values(module.eval()(x))}
    return result


def folding_reference(name, layer, norm):
    """What fusing makes of a layer and the normalisation behind it; the layers as the cases of layers.cases.json."""
    torch.manual_seed(zlib.crc32(name.encode()))
    pair = torch.nn.Sequential(build(layer), build(norm))
    with torch.no_grad():
        for value in pair.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape) + 0.5 if value.dim() == 1 else torch.randn(value.shape))
    result = {"name": name, "layers": [layer, norm], "state": state(pair)}
    fuse = fusion.fuse_linear_bn_eval if layer["layer"] == "Linear" else fusion.fuse_conv_bn_eval
    return result | {"fused": state(fuse(*pair.double().eval()))}


FOLDED = {
    "convolution": [
        {"layer": "Conv2d", "args": [3, 4, 3], "options": {"bias": False}},
        {"layer": "BatchNorm2d", "args": [4]},
    ],
    "with a bias": [{"layer": "Conv2d", "args": [3, 4, 1]}, {"layer": "BatchNorm2d", "args": [4]}],
    "depthwise, large eps": [
        {"layer": "Conv2d", "args": [6, 6, 3], "options": {"groups": 6, "bias": False}},
        {"layer": "BatchNorm2d", "args": [6], "options": {"eps": 0.1}},
    ],
    "without scale and shift": [
        {"layer": "Conv2d", "args": [2, 5, 3], "options": {"bias": False}},
        {"layer": "BatchNorm2d", "args": [5], "options": {"affine": False}},
    ],
    "linear": [{"layer": "Linear", "args": [7, 5]}, {"layer": "BatchNorm1d", "args": [5]}],
    "linear without a bias": [
        {"layer": "Linear", "args": [3, 6], "options": {"bias": False}},
        {"layer": "BatchNorm1d", "args": [6], "options": {"eps": 1e-3}},
    ],
}


def loss_reference(name, logits, targets, **options):
    logits = logits.double().requires_grad_()
    loss = torch.nn.functional.cross_entropy(logits, targets, **options)
    loss.sum().backward()
    camel = {"reduction": options.get("reduction", "mean"), "labelSmoothing": options.get("label_smoothing", 0)}
    return {
        "name": name,
        "options": camel,
        "logits": values(logits),
        "targets": values(targets),
        "loss": values(loss),
        "gradient": values(logits.grad),
    }


def write(name, cases):
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / name).write_text(f"[\n{lines}\n]\n")


def main():
    cases = json.loads((HERE / "layers.cases.json").read_text())
    write("layers.reference.json", [layer_reference(case) for case in cases])

    write("folding.reference.json", [folding_reference(name, *layers) for name, layers in FOLDED.items()])

    torch.manual_seed(3)
    logits, targets = torch.randn(4, 5), torch.tensor([0, 4, 2, 2])
    huge = torch.tensor([[1000.0, 0.0, -1000.0], [-200.0, -200.0, -100.0]])
    images, classes = torch.randn(2, 3, 2, 2), torch.randint(3, (2, 2, 2))
    write(
        "losses.reference.json",
        [
            loss_reference("mean", logits, targets),
            loss_reference("sum", logits, targets, reduction="sum"),
            loss_reference("none", logits, targets, reduction="none"),
            loss_reference("smoothed", logits, targets, label_smoothing=0.1),
            loss_reference("smoothed sum", logits, targets, label_smoothing=0.3, reduction="sum"),
            loss_reference("huge logits", huge, torch.tensor([1, 2]), reduction="none"),
            loss_reference("images", images, classes),
            loss_reference("images, each pixel", images, classes, reduction="none", label_smoothing=0.2),
        ],
    )


if __name__ == "__main__":
    main()
