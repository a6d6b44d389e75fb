"""Writes layers/*, bends, folding, functions, losses, attention and initialisers .reference.json next to this file: what PyTorch computes.

Weights and inputs are float32 values; the arithmetic is done in float64, so that the differences that the tests see
are those of the tested device. The weights are random, so that nothing is hidden by ones and zeros.

    python3 test/nn/reference.py [name...]     (PyTorch 2.13.0)

Names are those of the files to write, such as `convolution` or `losses`; without any, all are written.
"""
import json
import re
import sys
import zlib
from pathlib import Path

import torch
from torch.nn.utils import fusion

HERE = Path(__file__).parent


def snake_case(options):
    return {re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), name): value for name, value in options.items()}


class Maxout(torch.nn.Module):
    """PyTorch has none."""

    def __init__(self, pieces, dim=1):
        super().__init__()
        self.pieces, self.dim = pieces, dim

    def forward(self, x):
        return x.unflatten(self.dim, (-1, self.pieces)).max(self.dim + 1).values


class Evaluated(torch.nn.Identity):
    """What layers of torchvision, and a dropout that scales in evaluation, are in evaluation."""

    def __init__(self, *_, p=0.5, scaling=None, **__):
        super().__init__()
        self.factor = 1 - p if scaling == "evaluation" else 1

    def forward(self, x):
        return x * self.factor


def waves(length, features):
    """Rows of sin and cos of position / 10000^(2i / features), by the formula."""
    rows = [[t / 10000 ** (2 * (c // 2) / features) for c in range(features)] for t in range(length)]
    phases = torch.tensor(rows, dtype=torch.float64)
    return torch.where(torch.arange(features) % 2 == 0, phases.sin(), phases.cos())


class SinePositionalEncoding(torch.nn.Module):
    """PyTorch has no encodings of positions."""

    def __init__(self, features):
        super().__init__()
        self.features = features

    def forward(self, x):
        return x + waves(x.shape[-2], self.features)


class SinePositionalEncoding2d(SinePositionalEncoding):
    def forward(self, x):
        _, channels, height, width = x.shape
        rows = waves(height, channels // 2).T[:, :, None].expand(-1, -1, width)
        columns = waves(width, channels // 2).T[:, None, :].expand(-1, height, -1)
        return x + torch.cat([rows, columns])


class LearnedPositionalEncoding(torch.nn.Module):
    def __init__(self, max_length, features):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(max_length, features))

    def forward(self, x):
        return x + self.weight[: x.shape[-2]]


class RotaryEmbedding(torch.nn.Module):
    """Multiplication by complex numbers of modulus 1."""

    def __init__(self, base=10000, interleaved=True):
        super().__init__()
        self.base, self.interleaved = base, interleaved

    def forward(self, x):
        length, features = x.shape[-2:]
        half = features // 2
        phases = torch.arange(length)[:, None] / self.base ** (2 * torch.arange(half).double() / features)
        split = x.unflatten(-1, (half, 2)) if self.interleaved else x.unflatten(-1, (2, half)).transpose(-1, -2)
        turned = torch.view_as_complex(split.contiguous()) * torch.polar(torch.ones_like(phases), phases)
        pairs = torch.view_as_real(turned)
        return (pairs if self.interleaved else pairs.transpose(-1, -2)).reshape(x.shape)


def recurrent(name):
    """PyTorch's recurrent layer or cell of that name, with named states and results, and lengths of sequences."""
    states = ["hidden", "cell"] if name.startswith("LSTM") else ["hidden"]
    pack, pad = torch.nn.utils.rnn.pack_padded_sequence, torch.nn.utils.rnn.pad_packed_sequence

    class Layer(getattr(torch.nn, name)):
        def forward(self, x, lengths=None, **given):
            initial = tuple(given[state] for state in states) if given else None
            first = initial if len(states) > 1 or initial is None else initial[0]
            if name.endswith("Cell"):
                result = super().forward(x, first)
                return dict(zip(states, result)) if len(states) > 1 else result
            if lengths is None:
                output, final = super().forward(x, first)
            else:
                order = {"batch_first": self.batch_first}
                packed, final = super().forward(pack(x, lengths, enforce_sorted=False, **order), first)
                output, _ = pad(packed, total_length=x.shape[1 if self.batch_first else 0], **order)
            return {"output": output} | dict(zip(states, final if len(states) > 1 else [final]))

    return Layer


# Layers of PyTorch whose calls differ from ours.
CALLED = {name: recurrent(name) for name in ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"]}

OWN = {
    "Maxout": Maxout,
    "StochasticDepth": Evaluated,
    "DropBlock2d": Evaluated,
    "SinePositionalEncoding": SinePositionalEncoding,
    "SinePositionalEncoding2d": SinePositionalEncoding2d,
    "LearnedPositionalEncoding": LearnedPositionalEncoding,
    "RotaryEmbedding": RotaryEmbedding,
}


def argument(given):
    return build(given) if isinstance(given, dict) else tuple(given) if isinstance(given, list) else given


def build(case):
    args = [argument(given) for given in case["args"]]
    options = {name: argument(given) for name, given in snake_case(case.get("options", {})).items()}
    own = (OWN | CALLED).get(case["layer"])
    make = Evaluated if "scaling" in options else own or getattr(torch.nn, case["layer"])
    # PyTorch's convolutions pad both sides of an axis alike.
    sides = options.get("padding") if "Conv" in case["layer"] else None
    uneven = isinstance(sides, tuple) and any(isinstance(side, list) for side in sides)
    if uneven:
        options["padding"] = 0
    module = make(*args, **options)
    if uneven:
        pads = [size for side in reversed(sides) for size in side]
        mode = module.padding_mode.replace("zeros", "constant")
        module.register_forward_pre_hook(lambda _, inputs: torch.nn.functional.pad(inputs[0], pads, mode))
    if "parametrization" in case:
        how = snake_case(case["parametrization"])
        name = re.sub(r"N", "_n", how.pop("name"))  # weight_norm, spectral_norm
        getattr(torch.nn.utils.parametrizations, name)(module, **how)
    return module


def values(tensor):
    """A tensor as plain numbers, nine digits each: enough for every float32."""
    flat = [float(f"{v:.9g}") for v in tensor.detach().double().flatten().tolist()]
    return {"shape": list(tensor.shape), "data": flat}


def marked(tensor):
    """As `values`; integers are marked, since they are passed as such."""
    return values(tensor) | ({} if tensor.is_floating_point() else {"whole": True})


def input_of(given):
    """An input: float64 with a gradient, or integers."""
    made = double(make_tensor(given))
    return made.requires_grad_() if made.is_floating_point() else made


def gradient_of(given):
    return values(given.grad) if given.is_floating_point() else None


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
    x = input_of(case["input"])
    # Further inputs: those of make_tensor, or the places of earlier inputs that are passed again.
    inputs = [x]
    for given in case.get("more", []):
        inputs.append(inputs[given] if isinstance(given, int) else input_of(given))
    module = module.double()
    result["input"] = marked(x)
    if "more" in case:
        result["more"] = [marked(given) for given in inputs[1:]]
    named = {name: torch.randn(shape).double().requires_grad_() for name, shape in case.get("named", {}).items()}
    if named:
        result["named"] = {name: values(given) for name, given in named.items()}
    options = snake_case(case.get("torchCall", case.get("call", {})))
    call = {name: double(torch.tensor(v["tensor"])) if isinstance(v, dict) else v for name, v in options.items()}
    run = lambda: results_of(module(*inputs, **call, **named))  # noqa: E731
    if not case.get("random"):
        results, is_named = run()
        kept = results if is_named else {"output": results["output"]}
        probes = {name: torch.randn(y.shape, dtype=torch.float32).double() for name, y in kept.items()}
        sum((kept[name] * probe).sum() for name, probe in probes.items()).backward()
        result["train"] = {
            "output": values(kept["output"]),
            "probe": values(probes["output"]),
            "inputGradient": gradient_of(x),
            "gradients": {key: values(parameter.grad) for key, parameter in module.named_parameters()},
            "buffers": {key: values(buffer) for key, buffer in module.named_buffers()},
        }
        if is_named:
            others = {name: {"output": values(y), "probe": values(probes[name])} for name, y in kept.items()}
            result["train"]["others"] = {name: one for name, one in others.items() if name != "output"}
        if "more" in case:
            result["train"]["moreGradients"] = [gradient_of(given) for given in inputs[1:]]
        if named:
            result["train"]["namedGradients"] = {name: values(given.grad) for name, given in named.items()}
    module.eval()
    result["eval"] = {name: values(y) for name, y in run()[0].items()}
    return result


def results_of(results):
    """The results of a call by name, the first one as `output`, and whether the layer names them."""
    if isinstance(results, dict):
        (_, first), *others = results.items()
        return {"output": first} | dict(others), True
    if isinstance(results, tuple):  # of attention and maximum pooling
        output, second = results
        name = "weights" if second is None or second.is_floating_point() else "indices"
        return {"output": output} | ({} if second is None else {name: second}), False
    return {"output": results}, False


def bends_reference(case):
    """Value and gradient at points where an activation bends, of huge size, and at NaN (null)."""
    x = torch.tensor([float("nan") if v is None else v for v in case["points"]], dtype=torch.float64, requires_grad=True)
    y = build(case).double()(x)
    y.sum().backward()
    plain = lambda t: [None if v != v else float(f"{v:.9g}") for v in t.tolist()]  # noqa: E731
    return {"name": case["name"], "values": plain(y), "gradients": plain(x.grad)}


def folding_reference(name, layer, norm):
    """What fusing makes of a layer and the normalisation behind it; the layers as the cases of layers/*.cases.json."""
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


def make_tensor(given):
    """A tensor of a case: random numbers of a shape and a kind, class indices, or the values that are given."""
    if isinstance(given, list):
        return torch.randn(given)
    if "values" in given:
        return torch.tensor(given["values"], dtype=torch.int64 if given.get("whole") else torch.float32)
    if "classes" in given:
        return torch.randint(given["classes"], given["shape"])
    [(kind, shape)] = given.items()
    return {
        "signs": lambda: torch.randint(2, shape).float() * 2 - 1,
        "binary": lambda: torch.randint(2, shape).float(),
        "unit": lambda: torch.rand(shape) * 0.9 + 0.05,
        "positive": lambda: torch.rand(shape) * 2 + 0.1,
        "counts": lambda: torch.randint(6, shape).float(),
        "distribution": lambda: torch.randn(shape).softmax(1),
        "logDistribution": lambda: torch.randn(shape).log_softmax(1),
    }[kind]()


def double(tensor):
    return tensor.double() if tensor.is_floating_point() else tensor


def loss_reference(case):
    """A loss, and its gradients with respect to the inputs that the case lists, by default the first."""
    torch.manual_seed(zlib.crc32(case["name"].encode()))
    inputs = [double(make_tensor(given)) for given in case["inputs"]]
    tensors = {name: double(make_tensor(v)) for name, v in case.get("options", {}).items() if isinstance(v, dict)}
    plain = {name: float("inf") if v == "Infinity" else v for name, v in case.get("options", {}).items()}
    wanted = [inputs[i].requires_grad_() for i in case.get("gradients", [0])]
    first = inputs[0].log_softmax(case["logSoftmax"]) if "logSoftmax" in case else inputs[0]
    function = getattr(torch.nn.functional, case["torch"])
    loss = function(first, *inputs[1:], **snake_case(plain | tensors))
    loss.sum().backward()
    return {
        "name": case["name"],
        "inputs": [values(tensor) for tensor in inputs],
        "options": {name: values(tensor) for name, tensor in tensors.items()},
        "loss": values(loss),
        "gradients": [values(tensor.grad) for tensor in wanted],
    }


def attention_reference(case):
    torch.manual_seed(zlib.crc32(case["name"].encode()))
    operands = [torch.randn(case[name]).double().requires_grad_() for name in ("query", "key", "value")]
    mask = double(torch.tensor(case["mask"])) if "mask" in case else None
    y = torch.nn.functional.scaled_dot_product_attention(
        *operands, attn_mask=mask, **snake_case(case.get("options", {}))
    )
    probe = torch.randn(y.shape, dtype=torch.float32).double()
    (y * probe).sum().backward()
    results = {"output": values(y), "probe": values(probe), "gradients": [values(x.grad) for x in operands]}
    return {"name": case["name"], "operands": [values(x) for x in operands]} | results


def function_reference(case):
    """A function of tensors and plain arguments, and the gradients of its inputs."""
    torch.manual_seed(zlib.crc32(case["name"].encode()))
    inputs = [input_of(given) for given in case["inputs"]]
    options = {re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), k): v for k, v in case.get("options", {}).items()}
    y = getattr(torch.nn.functional, case["torch"])(*inputs, *case.get("args", []), **options)
    probe = torch.randn(y.shape, dtype=torch.float32).double()
    (y * probe).sum().backward()
    return {
        "name": case["name"],
        "inputs": [values(tensor) for tensor in inputs],
        "output": values(y),
        "probe": values(probe),
        "gradients": [values(tensor.grad) for tensor in inputs],
    }


def initialiser_reference(case):
    """What the values of many weights have in common: the numbers that the test compares, over forty weights."""
    torch.manual_seed(zlib.crc32(case["name"].encode()))
    options = {
        name: re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), v) if isinstance(v, str) else v
        for name, v in snake_case(case.get("torchOptions", case.get("options", {}))).items()
    }
    fill = getattr(torch.nn.init, case["torch"])
    x = torch.stack([fill(torch.empty(case["shape"]), **options) for _ in range(40)]).double()
    centred = x - x.mean()
    numbers = {
        "mean": x.mean(),
        "std": x.std(),
        "kurtosis": (centred**4).mean() / (centred**2).mean().clamp(min=1e-30) ** 2,
        "largest": x.abs().max(),
        "zeros": (x == 0).double().mean(),
    }
    return {"name": case["name"]} | {name: float(f"{value.item():.6g}") for name, value in numbers.items()}


def write(path, cases):
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path.write_text(f"[\n{lines}\n]\n")


def main(names):
    """Writes the references of all families of cases, or of those that are named."""
    families = {path.name.removesuffix(".cases.json"): (layer_reference, path) for path in HERE.glob("layers/*.cases.json")}
    families["bends"] = (bends_reference, HERE / "bends.cases.json")
    families["functions"] = (function_reference, HERE / "functions.cases.json")
    families["losses"] = (loss_reference, HERE / "losses.cases.json")
    families["scaled-dot-product"] = (attention_reference, HERE / "scaled-dot-product.cases.json")
    families["initialisers"] = (initialiser_reference, HERE / "initialisers.cases.json")
    for name, (kind, path) in sorted(families.items()):
        if not names or name in names:
            cases = json.loads(path.read_text())
            write(path.with_name(f"{name}.reference.json"), [kind(case) for case in cases])
    if not names or "folding" in names:
        write(HERE / "folding.reference.json", [folding_reference(name, *layers) for name, layers in FOLDED.items()])


if __name__ == "__main__":
    main(sys.argv[1:])
