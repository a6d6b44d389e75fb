"""Writes <family>.reference.json next to this file: what PyTorch computes for the methods and functions of tensors.

    python3 test/tensor/methods/make.py [family...]     (PyTorch 2.13.0)

A case names how Fovea is called, as the test does it: the method of the first input (or "fn", a function of the package)
with its arguments, where a string that begins with "$" is another input. Everything is float64.
"""
import importlib
import json
import math
import sys
import zlib
from pathlib import Path

import torch

HERE = Path(__file__).parent
FAMILIES = sorted(path.stem.removesuffix("_cases") for path in HERE.glob("*_cases.py"))


def number(v):
    """A float that JSON can hold."""
    return v if isinstance(v, (int, bool)) or math.isfinite(v) else str(v)


def values(tensor):
    x = tensor.detach()
    kind = "bool" if x.dtype == torch.bool else "f64" if x.is_floating_point() else "i32"
    flat = x.to(torch.int64).flatten().tolist() if kind != "f64" else x.flatten().tolist()
    return {"shape": list(x.shape), "dtype": kind, "data": [number(v) for v in flat]}


def tensors(result):
    if isinstance(result, torch.Tensor):
        return [result]
    return [x for each in result for x in tensors(each)]


def reference(name, call, compute, inputs, grads=(), **extra):
    """`grads` are the names of the inputs that get a gradient."""
    torch.manual_seed(zlib.crc32(name.encode()))
    given = {key: make() if callable(make) else make for key, make in inputs.items()}
    given = {key: x.detach().requires_grad_() if key in grads else x for key, x in given.items()}
    outputs = tensors(compute(**given))
    result = {"name": name, "call": call, "inputs": {key: values(x) for key, x in given.items()}, **extra}
    result["outputs"] = [values(y) for y in outputs]
    if grads:
        floats = [y for y in outputs if y.is_floating_point()]
        probes = [torch.randn(y.shape, dtype=torch.float64) for y in floats]
        sum((y * p).sum() for y, p in zip(floats, probes)).backward()
        result["probes"] = [values(p) for p in probes]
        result["gradients"] = {key: values(given[key].grad) for key in grads}
    return result


def main(names):
    sys.path.insert(0, str(HERE))
    for family in names or FAMILIES:
        cases = [reference(**case) for case in importlib.import_module(f"{family}_cases").cases()]
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
        (HERE / f"{family}.reference.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(sys.argv[1:])
