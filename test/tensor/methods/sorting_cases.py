"""Cases of order along an axis and of scans."""
import torch

from indexing_cases import randn

SPECIAL = torch.tensor(
    [[2.0, float("nan"), -1, 2, float("inf"), 0, -0.0, float("nan"), float("-inf")],
     [1.0, 1, 1, 0, 0, -1, -1, 2, 2]], dtype=torch.float64)  # fmt: skip


def cases():
    x = {"x": randn(3, 4, 5)}
    special = {"x": lambda: SPECIAL.clone()}
    whole = {"x": lambda: torch.tensor([[3, -(2**31), 2**31 - 1, 0, 3], [5, 4, 4, 5, -1]])}
    for descending in [False, True]:
        for dim in [0, -1]:
            option = {"dim": dim, "descending": descending}
            sort = lambda x, option=option: torch.sort(x, dim=option["dim"], descending=option["descending"], stable=True)
            yield dict(name=f"sort {option}", call=["sort", option], inputs=x, compute=sort, grads=("x",))
            yield dict(name=f"sort specials {option}", call=["sort", option], inputs=special, compute=sort)
            yield dict(name=f"sort integers {option}", call=["sort", option], inputs=whole, compute=sort)
        yield dict(name=f"argsort {descending}", call=["argsort", {"descending": descending}], inputs=x,
                   compute=lambda x, d=descending: torch.argsort(x, descending=d, stable=True))
        yield dict(name=f"topk {descending}", call=["topk", 3, {"dim": 1, "largest": descending}], inputs=x,
                   compute=lambda x, d=descending: torch.topk(x, 3, dim=1, largest=d), grads=("x",))
    yield dict(name="kthvalue", call=["kthvalue", 2, {"dim": 1, "keepdim": True}], inputs=x, grads=("x",),
               compute=lambda x: torch.kthvalue(x, 2, dim=1, keepdim=True))
    for dim in [0, 1, 2]:
        yield dict(name=f"median {dim}", call=["median", {"dim": dim}], inputs=x, grads=("x",),
                   compute=lambda x, dim=dim: torch.median(x, dim=dim))
        for name, op in [("cumsum", torch.cumsum), ("cumprod", torch.cumprod), ("logcumsumexp", torch.logcumsumexp)]:
            yield dict(name=f"{name} {dim}", call=[name, dim], inputs=x, grads=("x",),
                       compute=lambda x, dim=dim, op=op: op(x, dim))
        for name, op in [("cummax", torch.cummax), ("cummin", torch.cummin)]:
            yield dict(name=f"{name} {dim}", call=[name, dim], inputs=x, grads=("x",),
                       compute=lambda x, dim=dim, op=op: op(x, dim).values)
        for name, op in [("maxWithIndices", torch.max), ("minWithIndices", torch.min)]:
            yield dict(name=f"{name} {dim}", call=[name, dim], inputs=x, grads=("x",),
                       compute=lambda x, dim=dim, op=op: op(x, dim))
    rounded = {"x": lambda: torch.randint(-2, 3, (3, 7)).double()}
    for name, op in [("cummax", torch.cummax), ("cummin", torch.cummin)]:
        yield dict(name=f"{name} with ties", call=[name, 1], inputs=rounded, grads=("x",),
                   compute=lambda x, op=op: op(x, 1).values)
    yield dict(name="cumprod with zeros", call=["cumprod", 1], inputs=rounded, grads=("x",),
               compute=lambda x: torch.cumprod(x, 1))
    far = {"x": lambda: torch.tensor([[-1000.0, 0, 1000, float("-inf")], [float("-inf"), 3, float("inf"), 1]]).double()}
    yield dict(name="logcumsumexp far apart", call=["logcumsumexp", 1], inputs=far,
               compute=lambda x: torch.logcumsumexp(x, 1))
    yield dict(name="median of missing values", call=["median"], inputs=special, compute=lambda x: torch.median(x, -1))
    yield dict(name="cumsum of integers", call=["cumsum", 1], inputs=whole, compute=lambda x: torch.cumsum(x, 1).to(torch.int32))
