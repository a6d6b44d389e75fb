"""Makes the parity files in references/ with PyTorch: python3 test/parity/make.py

Every case is computed in float64 from inputs that are exact in float32 (mostly formulas, see bench/pattern.py) and
stored as float32, together with the tolerance that a float32 implementation must keep. PyTorch's own float32 result is
held against the same tolerance here, so a bound that a good implementation could not keep fails before it is stored.
This file turns cases into JSON; cases.py says which there are, trajectories.py trains.

Tolerances, u = 2^-24 being the rounding error of float32 (2^-53 where a case is in float64):
  sums    |error| <= (terms + 2) u S, where S is the same result computed from absolute values: the bound that holds
          for any order of summation. The number of terms is the result computed from ones.
  factor  |error| <= factor u max |reference|.
  ulps    |error| <= ulps units in the last place of the reference, element by element.
"""

import base64
import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "bench"))
import pattern  # noqa: E402

ROUNDING = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}
NAMES = {torch.float32: "f32", torch.float64: "f64", torch.int32: "i32", torch.bool: "bool"}
STORED = {torch.int64: torch.int32, torch.bool: torch.bool}


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


@dataclass
class Input:
    """A tensor given by a formula that TypeScript repeats, or by its values."""

    spec: dict
    values: np.ndarray  # float32 or int64


STREAMS = iter(range(100, 10**6))


def uniform(*shape, low=-1.0, high=1.0):
    stream = next(STREAMS)
    values = pattern.uniform(shape, stream, low, high)
    return Input({"shape": shape, "uniform": [stream, low, high]}, values)


def integers(*shape, below, as_float=False):
    stream = next(STREAMS)
    values = pattern.integers(shape, stream, below)
    spec = {"shape": shape, "integers": [stream, below], "dtype": "f32" if as_float else "i32"}
    return Input(spec, values.astype(np.float32) if as_float else values)


def given(values):
    array = np.asarray(values, dtype=np.float32)
    return Input({"shape": array.shape, "values": text(array)}, array)


@dataclass
class Case:
    """One op on given inputs. `run` gets tensors by name and the options as keywords, and gives tensors by name."""

    name: str
    op: str
    inputs: dict[str, Input]
    run: Callable
    why: str
    options: dict = field(default_factory=dict)
    # Exactly one of the three; `sums` gives the number of terms where ones do not count them, as in a mean.
    sums: int | bool = False
    factor: float | None = None
    ulps: float | None = None
    # Names of the inputs to differentiate the output `y` by.
    grads: tuple[str, ...] = ()
    gradFactor: float | None = None
    signedZero: bool = False
    f64: bool = False


def evaluate(case, dtype, gradient, change=lambda tensor: tensor):
    """All results of a case by name; `change` is applied to inputs and gradient first."""
    tensors = {}
    for name, given_input in case.inputs.items():
        tensor = torch.from_numpy(given_input.values)
        if tensor.is_floating_point():
            tensor = change(tensor).to(dtype)
        tensors[name] = tensor.requires_grad_(name in case.grads)
    results = case.run(tensors, **case.options)
    if not isinstance(results, dict):
        results = {"y": results}
    if case.grads:
        wanted = [tensors[name] for name in case.grads]
        g = change(torch.from_numpy(gradient.values)).to(dtype)
        derivatives = torch.autograd.grad(results["y"], wanted, g)
        results |= {f"grad {name}": d for name, d in zip(case.grads, derivatives)}
    return {name: tensor.detach() for name, tensor in results.items()}


def sum_bounds(case, gradient, unit):
    """The bound of every element for sums, by name."""
    magnitudes = evaluate(case, torch.float64, gradient, torch.abs)
    counts = evaluate(case, torch.float64, gradient, torch.ones_like)
    terms = {name: counts[name] if case.sums is True else case.sums for name in counts}
    return {name: (terms[name] + 2) * unit * magnitudes[name] for name in counts}


def tolerance(case, name, reference, bounds, unit):
    is_gradient = name.startswith("grad ")
    if not reference.is_floating_point():
        return {"absolute": 0}
    finite = reference[reference.isfinite()]
    largest = finite.abs().max().item() if finite.numel() else 0.0
    if is_gradient and case.gradFactor is not None:
        return {"absolute": case.gradFactor * unit * largest}
    if case.sums:
        return {"absolute": bounds[name].max().item()}
    if case.factor is not None:
        return {"absolute": case.factor * unit * largest}
    return {"ulps": case.ulps}


def share_of_tolerance(bound, result, reference, dtype):
    """The largest error of `result` as a share of what is allowed; infinite where a NaN or an infinity is wrong."""
    actual, wanted = result.double(), reference.to(dtype).double()
    special = ~wanted.isfinite()
    same = (actual == wanted) | (actual.isnan() & wanted.isnan())
    if not bool(same[special].all()) or actual.shape != wanted.shape:
        return math.inf
    error = (actual - reference.double()).abs()[~special & ~same]
    if error.numel() == 0:
        return 0.0
    if "absolute" in bound:
        return (error / bound["absolute"]).max().item() if bound["absolute"] > 0 else math.inf
    spacing = np.spacing(np.abs(wanted[~special & ~same].to(dtype).numpy())).astype(np.float64)
    allowed = bound["ulps"] * spacing + (2.0**-126 if bound["ulps"] > 0 else 0)
    return float(np.where(allowed > 0, error.numpy() / np.maximum(allowed, 1e-300), math.inf).max())


def encode(case, dtype):
    """The JSON object of a case in one dtype, and how close PyTorch itself comes to the tolerance."""
    sample = evaluate(Case(**{**vars(case), "grads": ()}), dtype, None)["y"]
    gradient = uniform(*sample.shape) if case.grads else None
    reference = evaluate(case, torch.float64, gradient)
    bounds = sum_bounds(case, gradient, ROUNDING[dtype]) if case.sums else {}
    own = evaluate(case, dtype, gradient)
    outputs, worst = {}, 0.0
    for name, value in reference.items():
        bound = tolerance(case, name, value, bounds, ROUNDING[dtype])
        worst = max(worst, share_of_tolerance(bound, own[name], value, dtype))
        stored = value.to(dtype if value.is_floating_point() else STORED[value.dtype])
        outputs[name] = {"dtype": NAMES[stored.dtype], "shape": list(value.shape)}
        outputs[name] |= {**bound, "values": text(stored.numpy())}
    record = {"name": case.name, "op": case.op, "dtype": NAMES[dtype], "options": case.options, "why": case.why}
    if case.signedZero:
        record["signedZero"] = True
    record["inputs"] = {name: given_input.spec for name, given_input in case.inputs.items()}
    if gradient:
        record |= {"grads": case.grads, "gradient": gradient.spec}
    return record | {"outputs": outputs}, worst


def write(name, records, **more):
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    head = json.dumps({"torch": torch.__version__.split("+")[0], **more})[:-1]
    path = HERE / "references" / f"{name}.json"
    path.write_text(f'{head}, "cases": [\n{lines}\n]}}\n')
    print(f"{path.name}: {len(records)} cases, {path.stat().st_size / 1000:.0f} kB")


def main():
    import cases
    import trajectories

    torch.manual_seed(0)
    torch.set_num_threads(1)
    failed = False
    for name, group in cases.GROUPS.items():
        records = []
        for case in group():
            for dtype in (torch.float32, torch.float64) if case.f64 else (torch.float32,):
                record, worst = encode(case, dtype)
                records.append(record)
                if worst > 1 or "--verbose" in sys.argv:
                    print(f"  {name}: {case.name} ({record['dtype']}): PyTorch uses {worst:.2f} of the tolerance")
                failed |= worst > 1
        write(name, records)
    write("trajectories", trajectories.make())
    if failed:
        sys.exit("PyTorch's float32 results do not keep these tolerances: they are too tight to ask of anybody")


if __name__ == "__main__":
    sys.modules["make"] = sys.modules["__main__"]
    main()
