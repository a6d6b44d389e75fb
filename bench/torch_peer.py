"""The PyTorch side of the benchmarks (how it is spoken to: peer_loop.py). A mode is a list of words joined by " + "."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peer_loop  # noqa: E402  the clock starts here

import networks  # noqa: E402
import numpy as np  # noqa: E402
import pattern  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import fusion  # noqa: E402


def magnitude(tensor):
    return float(tensor.detach().double().abs().mean())


def in_layout(mode, *things):
    """Models and images in the memory format of the mode."""
    if "channels-last" not in mode:
        return things
    return tuple(thing.to(memory_format=torch.channels_last) for thing in things)


def training_step(work, mode):
    """One whole step: forward, backward, fused update. Returns the loss."""
    batch = work["batch"]
    shape, classes, method, decay = networks.INPUTS[work["model"]]
    net, x = in_layout(mode, networks.build(work["model"]), torch.from_numpy(pattern.uniform((batch, *shape), 1)))
    y = torch.from_numpy(pattern.integers((batch,), 2, classes))
    if method == "adamw":
        optimizer = torch.optim.AdamW(net.parameters(), weight_decay=decay, fused=True)
    else:
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=decay, fused=True)

    def loss_of(inputs, targets):
        return F.cross_entropy(net(inputs), targets)

    if "compile" in mode:
        loss_of = torch.compile(loss_of)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        return loss

    def checks_of(loss):
        """The loss, and the mean magnitude of the first weight's momentum, which needs the whole way back."""
        first = optimizer.param_groups[0]["params"][0]
        state = optimizer.state[first]
        return [magnitude(loss), magnitude(state["exp_avg" if method == "adamw" else "momentum_buffer"])]

    return step, checks_of


def fuse(module):
    """Batch normalisation becomes part of the convolution that is declared before it, as in all models here."""
    previous = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and isinstance(previous[1], nn.Conv2d):
            setattr(module, previous[0], fusion.fuse_conv_bn_eval(previous[1], child))
            setattr(module, name, nn.Identity())
        else:
            fuse(child)
        previous = (name, child)
    return module


def prediction(work, mode):
    """One pass in evaluation. Returns the logits."""
    size = work["size"]
    net = networks.build(work["model"], work["classes"], size).eval()
    shape = (work["batch"], 3, size, size)
    net, x = in_layout(mode, fuse(net) if "fused" in mode else net, torch.from_numpy(pattern.uniform(shape, 1)))
    if "compile" in mode:
        net = torch.compile(net, options={"freezing": "freezing" in mode})

    def call():
        with torch.inference_mode() if "freezing" not in mode else torch.no_grad():
            return net(x)

    def checks_of(logits):
        probe = torch.from_numpy(pattern.uniform(tuple(logits.shape), 3)).double()
        return [magnitude(logits), float((logits.double() * probe).sum() / probe.numel())]

    return call, checks_of


def plain(function):
    """A single operation: no gradients are recorded, and its result is compared by its mean magnitude."""

    def call():
        with torch.no_grad():
            return function()

    return call, lambda result: [magnitude(result)]


def convolution(work, mode):
    """A 3x3, pad 1 convolution of [batch, channels, side, side], or one of its two gradients."""
    n, c, side = work["batch"], work["channels"], work["side"]
    layout = torch.channels_last if mode == "channels-last" else torch.contiguous_format
    bound = np.sqrt(3 / (9 * c))
    x, g = (torch.from_numpy(pattern.uniform((n, c, side, side), s)).to(memory_format=layout) for s in (1, 2))
    w = torch.from_numpy(pattern.uniform((c, c, 3, 3), 3, -bound, bound)).to(memory_format=layout)
    if work["pass"] == "forward":
        return plain(lambda: F.conv2d(x, w, padding=1))
    mask = [work["pass"] == "inputGradient", work["pass"] == "weightGradient", False]
    result = 0 if mask[0] else 1
    call = torch.ops.aten.convolution_backward
    return plain(lambda: call(g, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask)[result])


def adamw(work, mode):
    """One AdamW step with given gradients. Returns the first parameter."""
    shapes = [tuple(shape) for shape in work["shapes"]]
    parameters = [torch.from_numpy(pattern.uniform(shape, 1)).requires_grad_() for shape in shapes]
    for parameter, shape in zip(parameters, shapes):
        parameter.grad = torch.from_numpy(pattern.uniform(shape, 2))
    variant = {} if mode == "compile" else {mode: True}
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01, **variant)
    step = torch.compile(optimizer.step) if mode == "compile" else optimizer.step

    def call():
        step()
        return parameters[0]

    def checks_of(first):
        state = optimizer.state[first]
        return [magnitude(first), magnitude(state["exp_avg"]), magnitude(state["exp_avg_sq"])]

    return call, checks_of


def product(work, _mode):
    a = torch.from_numpy(pattern.uniform((work["m"], work["k"]), 1))
    b = torch.from_numpy(pattern.uniform((work["k"], work["n"]), 2))
    return plain(lambda: a @ b)


def normalised(shape):
    """Images are normalised over all axes but the batch, tokens over the last."""
    return shape[1:] if len(shape) == 4 else shape[-1:]


PASSES = {
    "groupNorm": lambda x, w, b: F.group_norm(x, 32, w, b),
    "instanceNorm": lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
    "layerNorm": lambda x, w, b: F.layer_norm(x, normalised(x.shape), w, b),
    "rmsNorm": lambda x, w, b: F.rms_norm(x, normalised(x.shape), w, 1e-6),
    "gelu": lambda x, w, b: F.gelu(x),
    "geluTanh": lambda x, w, b: F.gelu(x, approximate="tanh"),
    "silu": lambda x, w, b: F.silu(x),
    "mish": lambda x, w, b: F.mish(x),
    "elu": lambda x, w, b: F.elu(x),
    "hardswish": lambda x, w, b: F.hardswish(x),
    "softplus": lambda x, w, b: F.softplus(x),
    "convTranspose2d": lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2),
    "bilinear": lambda x, w, b: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "softmax": lambda x, w, b: F.softmax(x, -1),
    "attention": lambda x, w, b, k, v: F.scaled_dot_product_attention(x, k, v),
}


def layer_pass(work, mode):
    """One layer forward and backward. Returns its output and all gradients."""
    shape = tuple(work["shape"])
    if mode == "channels-last" and len(shape) != 4:
        raise ValueError("only images have this layout")
    ends = ((shape, 1), (tuple(work["output"]), 2))
    x, g = in_layout(mode, *(torch.from_numpy(pattern.uniform(size, stream)) for size, stream in ends))
    others = [torch.from_numpy(pattern.uniform(shape, 5 + i)) for i in range(work["operands"] - 1)]
    parameters = []
    if work["weight"]:
        parameters.append(torch.from_numpy(pattern.uniform(tuple(work["weight"]), 3, 0.5, 1.5)))
    if work["bias"]:
        parameters.append(torch.from_numpy(pattern.uniform(tuple(work["bias"]), 4)))
    for leaf in (x, *others, *parameters):
        leaf.requires_grad_()
    weight, bias = (parameters + [None, None])[:2]
    function = PASSES[work["op"]]
    if "compile" in mode:
        function = torch.compile(function)

    def call():
        y = function(x, weight, bias, *others)
        return (y, *torch.autograd.grad(y, (x, *others, *parameters), g))

    return call, lambda results: [magnitude(result) for result in results]


KINDS = {
    "pass": layer_pass,
    "step": training_step,
    "infer": prediction,
    "conv": convolution,
    "matmul": product,
    "optim": adamw,
}

if __name__ == "__main__":
    torch.set_num_threads(int(os.environ["FOVEA_THREADS"]))
    peer_loop.serve(torch.__version__.split("+")[0], lambda work, mode: KINDS[work["kind"]](work, mode))
