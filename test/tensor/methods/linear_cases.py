"""Cases of vectors and matrices, of quantiles, and of positions in sorted vectors."""
import torch

from indexing_cases import randn


def cases():
    pair = {"a": randn(5), "b": randn(5)}
    yield dict(name="dot", call=["dot", "$b"], inputs=pair, grads=("a", "b"), compute=lambda a, b: a.dot(b))
    yield dict(name="outer", call=["outer", "$b"], inputs=pair, grads=("a", "b"), compute=lambda a, b: a.outer(b))
    triples = {"a": randn(2, 3, 4), "b": randn(2, 3, 4)}
    yield dict(name="cross", call=["cross", "$b", {"dim": 1}], inputs=triples, grads=("a", "b"),
               compute=lambda a, b: a.cross(b, dim=1))
    yield dict(name="trace", call=["trace"], inputs={"x": randn(3, 5)}, grads=("x",), compute=lambda x: x.trace())
    for n in [1, 2]:
        yield dict(name=f"diff {n}", call=["diff", {"dim": 0, "n": n}], inputs={"x": randn(4, 3)}, grads=("x",),
                   compute=lambda x, n=n: x.diff(n=n, dim=0))
    near = {"a": lambda: torch.tensor([1.0, 1 + 1e-6, 1.1, float("inf"), float("inf"), float("nan"), float("nan")]).double(),
            "b": lambda: torch.tensor([1.0, 1, 1, float("inf"), float("-inf"), float("nan"), 1]).double()}  # fmt: skip
    for equal in [False, True]:
        yield dict(name=f"isclose {equal}", call=["isclose", "$b", {"equalNan": equal}], inputs=near,
                   compute=lambda a, b, equal=equal: a.isclose(b, equal_nan=equal))
    for q in [0.0, 0.25, 0.6, 1.0]:
        yield dict(name=f"quantile {q}", call=["quantile", q, {"dim": 1}], inputs={"x": randn(3, 6)}, grads=("x",),
                   compute=lambda x, q=q: x.quantile(q, 1))
    holes = {"x": lambda: torch.tensor([[1.0, float("nan")], [2, 3]]).double()}
    yield dict(name="quantile of missing values", call=["quantile", 0.5, {"dim": 1}], inputs=holes,
               compute=lambda x: x.quantile(0.5, 1))
    places = {"x": lambda: torch.tensor([1.0, 2, 2, 5]).double(), "v": lambda: torch.tensor([[0.0, 2], [5, 9]]).double()}
    for right in [False, True]:
        yield dict(name=f"searchsorted {right}", call=["searchsorted", "$v", {"right": right}], inputs=places,
                   compute=lambda x, v, right=right: torch.searchsorted(x, v, right=right))
