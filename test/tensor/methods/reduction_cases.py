"""Cases of reductions, norms, counts and distances."""
import math

import torch

from indexing_cases import randn


def spelled(p):
    """JSON has no infinity."""
    return ("Infinity" if p > 0 else "-Infinity") if math.isinf(p) else p


def cases():
    x = {"x": randn(3, 4, 5)}
    holes = {"x": lambda: torch.tensor([[0.0, 0, 0], [3, 0, -4], [float("nan"), 1, 2]]).double()}
    flat = {"x": lambda: torch.tensor([[0.0, 0, 0], [2, 2, 2]]).double()}
    for dim in [1, [0, 2], None]:
        for keepdim in [False, True]:
            option = {"keepdim": keepdim} | ({} if dim is None else {"dim": dim})
            there = {"keepdim": keepdim, "dim": dim if dim is not None else (0, 1, 2)}
            for name, compute in [("std", torch.std), ("logsumexp", torch.logsumexp)]:
                yield dict(name=f"{name} {option}", call=[name, option], inputs=x, grads=("x",),
                           compute=lambda x, there=there, compute=compute: compute(x, **there))
            for p in [2, 1, 0, 3, 0.5, math.inf, -math.inf]:
                if p == 0 and isinstance(dim, list):
                    continue
                grads = () if p == 0 else ("x",)
                yield dict(name=f"norm {p} {option}", call=["norm", option | {"p": spelled(p)}], inputs=x, grads=grads,
                           compute=lambda x, there=there, p=p: torch.linalg.vector_norm(x, p, **there))
    yield dict(name="std of equal elements", call=["std", {"dim": 1}], inputs=flat, grads=("x",),
               compute=lambda x: x.std(dim=1))
    yield dict(name="norm of zeros", call=["norm", {"dim": 1}], inputs=flat, grads=("x",), compute=lambda x: x.norm(dim=1))
    far = {"x": lambda: torch.tensor([[-1000.0, -1001], [1000, 1000], [float("-inf"), float("-inf")],
                                      [float("inf"), 1]]).double()}  # fmt: skip
    yield dict(name="logsumexp far apart", call=["logsumexp", {"dim": 1}], inputs=far, compute=lambda x: x.logsumexp(1))
    for name, compute in [("any", torch.any), ("all", torch.all)]:
        yield dict(name=f"{name} of rows", call=[name, {"dim": 1}], inputs=holes, compute=lambda x, c=compute: c(x, 1))
        yield dict(name=f"{name} of everything", call=[name], inputs=holes, compute=lambda x, c=compute: c(x))
    yield dict(name="countNonzero", call=["countNonzero", {"dim": 0}], inputs=holes,
               compute=lambda x: x.count_nonzero(0).to(torch.int32))
    numbers = {"x": lambda: torch.tensor([3, 0, 3, 1, 1, 3])}
    yield dict(name="bincount", call=["bincount", 6], inputs=numbers, compute=lambda x: x.bincount(minlength=6))
    yield dict(name="bincount of weights", call=["bincount", 4, {"weights": "$w"}], inputs=numbers | {"w": randn(6)},
               compute=lambda x, w: x.bincount(w))
    spread = {"x": lambda: torch.tensor([0.0, 1, 0.5, 0.25, 0.999, -3, 4, 1.0, 0.75, float("nan")]).double()}

    def histogram(x, bins, low, high):
        counts, edges = torch.histogram(x, bins, range=(low, high))
        return counts.to(torch.int32), edges

    yield dict(name="histogram", call=["histogram", 4, {"min": 0, "max": 1}], inputs=spread,
               compute=lambda x: histogram(x, 4, 0.0, 1.0))
    yield dict(name="histogram of a range", call=["histogram", 5], inputs={"x": randn(40)},
               compute=lambda x: histogram(x, 5, x.min().item(), x.max().item()))
    rows = {"a": randn(2, 3, 4), "b": randn(2, 5, 4)}
    for p in [2, 1, 3, math.inf]:
        yield dict(name=f"cdist {p}", call=["cdist", "$b", {"p": spelled(p)}], inputs=rows, grads=("a", "b"),
                   compute=lambda a, b, p=p: torch.cdist(a, b, p, compute_mode="donot_use_mm_for_euclid_dist"))
