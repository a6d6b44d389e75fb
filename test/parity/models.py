"""Makes references/models.json with PyTorch and torchvision: python3 test/parity/models.py

What every model and block computes, layer by layer: outputs of the stages in both modes, gradients of all parameters
and of the input, and the running statistics after one batch. Weights and inputs come from formulas (bench/pattern.py),
and of each tensor only two numbers are kept: its norm, and its product with a pattern, which a swapped axis or a wrong
element would change. The networks of torchvision are the reference where it has them; the networks for CIFAR, which it
has not, are written down here after section 4.2 of He et al. 2016.

All is computed in float64. How far may a float32 implementation stray? As in trajectories.py it is measured: PyTorch repeats the pass in float32 in different layouts,
with all weights jogged by up to four roundings, and the tolerance is four times the largest distance from float64 (as a
share of the tensor's norm), over all tensors of a kind. A unit so near zero that rounding switches it moves every
gradient below it by per cents, and no two implementations agree on it. So the shifts of the normalisations keep clear
of zero, and of several inputs the first is taken on which these runs keep together.

Whole networks that repeat these blocks are compared in float64 alone, on images so small that an interpreter can follow
them, forwards and backwards. Nothing is rounded there but the constants of Winograd's convolution.

Needs torchvision 0.28 beside PyTorch 2.13; for the build without it the two operators that it requests are declared.
"""

import json
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
library = torch.library.Library("torchvision", "DEF")
try:
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
except RuntimeError:
    pass

import sys  # noqa: E402

sys.path.insert(0, str(HERE.parent.parent / "bench"))
import pattern  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torchvision.models import resnet  # noqa: E402
from torchvision.models.mobilenetv2 import InvertedResidual  # noqa: E402

RUNS = 40
JOG = 4 * 2.0**-24
MARGIN = 4
FLOOR = 2e-6  # some thirty roundings, where all runs happen to agree even better
STAGES = ("bn1", "layer1", "layer2", "layer3", "layer4")
TOGETHER = 2e-4  # distance of a gradient, above which a unit has switched
TRIES = 200
EXACT = 2e-6  # tolerance in float64: constants of Winograd's convolution are f32
G, PROBE = 2, 3  # streams of the gradient of the output, and of the pattern; that of the input is searched


class CifarBlock(nn.Module):
    def __init__(self, inner, outer, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.stride = stride
        self.more = outer - inner

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more)))


class CifarNet(nn.Module):
    def __init__(self, depth):
        super().__init__()
        n = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        for stage, (inner, outer) in enumerate(((16, 16), (16, 32), (32, 64))):
            blocks = [CifarBlock(inner, outer, 2 if stage else 1)] + [CifarBlock(outer, outer, 1) for _ in range(n - 1)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        y = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(y.mean((2, 3)))


def imagenet(name, stem):
    net = getattr(resnet, name)(num_classes=10)
    if stem == "cifar":
        net.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        net.maxpool = nn.Identity()
    return net


def build(case):
    if "block" in case:
        inner, outer, stride = case["block"]
        return InvertedResidual(inner, outer, stride, case["expandRatio"])
    net = CifarNet(int(case["model"][6:])) if not case.get("stem") else imagenet(case["model"], case["stem"])
    for name in case.get("part", []):
        net = net[name] if isinstance(name, int) else getattr(net, name)
    return net


def fill(net):
    """Values by the kind and the place of each tensor, as models.test.ts repeats them."""
    with torch.no_grad():
        for index, (key, value) in enumerate(net.state_dict().items()):
            if key.endswith("num_batches_tracked"):
                continue
            low, high = -0.25, 0.25
            if value.dim() > 1:
                high = np.sqrt((6 if value.dim() == 4 else 1) / value[0].numel())
                low = -high
            elif key.endswith("running_var"):
                low, high = 0.5, 1.5
            elif key.endswith("weight"):
                low, high = 0.2, 0.4
            values = pattern.uniform(value.shape, 10 + index, low, high)
            if value.dim() == 1 and key.endswith(".bias") and not key.startswith("fc"):
                values += np.float32(0.5) * np.sign(values)  # far from the bend of ReLU, so that rounding switches few units
            value.copy_(torch.from_numpy(values))
    return net


def evaluate(case, data, dtype, jog=None):
    """All tensors by mode and name; `jog` is the number of a run that is jogged."""
    random = np.random.default_rng(jog)
    layout = torch.channels_last if jog is not None and jog % 2 else torch.contiguous_format
    results = {}
    for mode in ("train", "eval"):
        net = fill(build(case)).to(dtype=dtype, memory_format=layout).train(mode == "train")
        if jog is not None:
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter *= torch.from_numpy(1 + JOG * random.uniform(-1, 1, parameter.shape)).to(dtype)
        found = {}
        for name, module in net.named_children():
            if name in STAGES and "model" in case and "part" not in case:
                module.register_forward_hook(lambda _m, _i, y, name=name: found.__setitem__(name, y.detach().clone()))
        x = torch.from_numpy(pattern.uniform(case["input"], data)).to(dtype=dtype, memory_format=layout)
        y = net(x.requires_grad_())
        results[mode] = {"outputs": {**found, "y": y.detach()}}
        if mode == "train":
            y.backward(torch.from_numpy(pattern.uniform(tuple(y.shape), G)).to(dtype))
            gradients = {"x": x.grad} | {key: parameter.grad for key, parameter in net.named_parameters()}
            results[mode] |= {"gradients": gradients}
            results[mode] |= {"buffers": {k: b for k, b in net.named_buffers() if b.is_floating_point()}}
    return {
        f"{mode} {kind}": {name: tensor.double().contiguous() for name, tensor in tensors.items()}
        for mode, kinds in results.items()
        for kind, tensors in kinds.items()
    }


def signature(tensor):
    """Norm, and product with the pattern."""
    probe = torch.from_numpy(pattern.uniform(tuple(tensor.shape), PROBE)).double()
    return [float(f"{tensor.norm().item():.13g}"), float(f"{(tensor * probe).sum().item():.13g}")]


def distances(run, right):
    """Largest distance of the tensors of each kind, as a share of their norms."""
    return {
        kind: max(((run[kind][name] - tensor).norm() / tensor.norm()).item() for name, tensor in tensors.items())
        for kind, tensors in right.items()
    }


def steady(case):
    """The first input on which jogged runs keep together: its stream, the reference, and the largest distances."""
    for data in range(10**6, 10**6 + TRIES):
        right = evaluate(case, data, torch.float64)
        gaps = dict.fromkeys(right, 0.0)
        for jog in range(RUNS):
            gap = distances(evaluate(case, data, torch.float32, jog), right)
            gaps = {kind: max(gaps[kind], gap[kind]) for kind in gaps}
            if gaps["train gradients"] > TOGETHER:
                break
        else:
            return data, right, gaps
    raise RuntimeError(f"{case['name']}: no input keeps the runs together")


def reference(case):
    if case.get("exact"):
        data, right = 10**6, evaluate(case, 10**6, torch.float64)
        gaps = dict.fromkeys(right, EXACT / MARGIN)
    else:
        data, right, gaps = steady(case)
    print(f"  {case['name']}: input {data},", ", ".join(f"{kind} {gap:.1e}" for kind, gap in gaps.items()))
    tolerance = {kind: float(f"{max(FLOOR, MARGIN * gap):.1e}") for kind, gap in gaps.items()}
    tensors = {kind: {name: signature(t) for name, t in found.items()} for kind, found in right.items()}
    return case | {"data": data, "tolerance": tolerance, "tensors": tensors}


def cases():
    """Blocks and networks in float32, each kind of block and stem; then the other networks in float64."""
    for inner, outer, stride, ratio, side in ((32, 32, 1, 6, 5), (16, 24, 2, 6, 6), (24, 24, 1, 1, 4)):
        name = f"inverted residual {inner} to {outer}, stride {stride}, expand {ratio}"
        yield {"name": name, "block": [inner, outer, stride], "expandRatio": ratio, "small": True} | {
            "input": [2, inner, side, side + 1]
        }
    for name, model, part, shape in (
        ("basic block", "resnet18", ["layer1", 1], [2, 64, 4, 5]),
        ("basic block, projected", "resnet18", ["layer2", 0], [2, 64, 5, 6]),
        ("bottleneck", "resnet50", ["layer1", 1], [2, 256, 3, 4]),
        ("bottleneck, projected", "resnet50", ["layer2", 0], [2, 256, 4, 5]),
    ):
        yield {"name": name, "model": model, "stem": "imagenet", "part": part, "small": True, "input": shape}
    yield {"name": "resnet20, small images", "model": "resnet20", "small": True, "input": [2, 3, 9, 8]}
    yield {"name": "resnet50, stem imagenet", "model": "resnet50", "stem": "imagenet", "input": [2, 3, 64, 64]}
    for depth in (32, 44, 56, 110):
        yield {"name": f"resnet{depth}", "model": f"resnet{depth}", "exact": True, "input": [2, 3, 9, 8]}
    for model, stem, size in (
        ("resnet18", "cifar", [5, 4]),
        ("resnet18", "imagenet", [17, 16]),
        ("resnet34", "imagenet", [17, 16]),
        ("resnet50", "cifar", [5, 4]),
    ):
        yield {"name": f"{model}, stem {stem}", "model": model, "stem": stem, "exact": True, "input": [3, 3, *size]}


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    lines = ",\n".join(json.dumps(reference(case), separators=(",", ":")) for case in cases())
    path = HERE / "references" / "models.json"
    path.write_text(f'{{"torch": "{torch.__version__.split("+")[0]}", "cases": [\n{lines}\n]}}\n')
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
