"""The PyTorch side of the benchmarks: a process that lives through one bench, obeys one JSON object per line on stdin and
answers with one per line on stdout. It is idle between commands. It knows nothing of Fovea or of how results are compared.

  {"do": "hello"}                                -> {"version"}
  {"do": "setup", "work": {...}, "mode": "..."}  -> {"id", "checks", "firstMs", "sinceStartMs"}
  {"do": "run", "id": 0, "steps": 10}            -> {"ms": [...]}
  {"do": "usage"}                                -> {"maxRssBytes"}

Whatever fails is answered with {"error"}.
"""

import json
import os
import resource
import sys
import time

CLOCK = time.perf_counter
START = CLOCK()

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pattern  # noqa: E402


def build(model):
    """The two models of the benchmarks, with weights that pattern.ts reproduces: uniform within 1 / sqrt(fan in)."""
    if model == "mlp":
        net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    else:
        net = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
        )  # fmt: skip
    with torch.no_grad():
        for stream, layer in enumerate(layer for layer in net if hasattr(layer, "weight")):
            bound = 1 / np.sqrt(layer.weight[0].numel())
            layer.weight.copy_(torch.from_numpy(pattern.uniform(layer.weight.shape, 10 + 2 * stream, -bound, bound)))
            layer.bias.copy_(torch.from_numpy(pattern.uniform(layer.bias.shape, 11 + 2 * stream, -bound, bound)))
    return net


def training_step(work, mode):
    """One whole step: forward, backward, fused SGD update. Returns the loss."""
    batch = work["batch"]
    shape = (batch, 784) if work["model"] == "mlp" else (batch, 1, 28, 28)
    net, x = build(work["model"]), torch.from_numpy(pattern.uniform(shape, 1))
    y = torch.from_numpy(pattern.integers((batch,), 2, 10))
    if "channels-last" in mode:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, fused=True)

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

    step.optimizer = optimizer
    return step


def convolution(work, mode):
    """A 3x3, pad 1 convolution of [batch, channels, side, side], or one of its two gradients."""
    n, c, side = work["batch"], work["channels"], work["side"]
    layout = torch.channels_last if mode == "channels-last" else torch.contiguous_format
    bound = np.sqrt(3 / (9 * c))
    x, g = (torch.from_numpy(pattern.uniform((n, c, side, side), s)).to(memory_format=layout) for s in (1, 2))
    w = torch.from_numpy(pattern.uniform((c, c, 3, 3), 3, -bound, bound)).to(memory_format=layout)
    if work["pass"] == "forward":
        return lambda: F.conv2d(x, w, padding=1)
    mask = [work["pass"] == "inputGradient", work["pass"] == "weightGradient", False]
    result = 0 if mask[0] else 1
    call = torch.ops.aten.convolution_backward
    return lambda: call(g, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask)[result]


def product(work, _mode):
    a = torch.from_numpy(pattern.uniform((work["m"], work["k"]), 1))
    b = torch.from_numpy(pattern.uniform((work["k"], work["n"]), 2))
    return lambda: a @ b


KINDS = {"step": training_step, "conv": convolution, "matmul": product}


def momentum_of(step):
    """The mean magnitude of the first weight's momentum after a training step."""
    optimizer = getattr(step, "optimizer", None)
    return [] if optimizer is None else [
        float(optimizer.state[optimizer.param_groups[0]["params"][0]]["momentum_buffer"].double().abs().mean())
    ]  # fmt: skip


def setup(work, mode, prepared):
    call = KINDS[work["kind"]](work, mode)
    grads = torch.enable_grad() if work["kind"] == "step" else torch.no_grad()
    begin = CLOCK()
    with grads:
        checks = [float(call().detach().double().abs().mean())]
    prepared.append((call, grads))
    end = CLOCK()
    first, since_start = (end - begin) * 1e3, (end - START) * 1e3
    return {"id": len(prepared) - 1, "checks": checks + momentum_of(call), "firstMs": first, "sinceStartMs": since_start}


def run(call, steps, grads):
    times = []
    with grads:
        for _ in range(steps):
            begin = CLOCK()
            call()
            times.append((CLOCK() - begin) * 1e3)
    return times


def obey(request, prepared):
    do = request["do"]
    if do == "hello":
        return {"version": torch.__version__.split("+")[0]}
    if do == "setup":
        return setup(request["work"], request["mode"], prepared)
    if do == "run":
        call, grads = prepared[request["id"]]
        return {"ms": run(call, request["steps"], grads)}
    if do == "usage":
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in kibibytes
        return {"maxRssBytes": peak_bytes}
    raise ValueError(f"unknown command {do}")


def serve():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print goes to stderr
    prepared = []
    for line in sys.stdin:
        try:
            answer = obey(json.loads(line), prepared)
        except Exception as error:  # a mode that fails is a result, not the end of the bench
            text = str(error).strip().splitlines()
            answer = {"error": f"{type(error).__name__}: {text[0] if text else ''}"[:300]}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ["FOVEA_THREADS"]))
    serve()
