"""Cases of movements."""
import torch

from indexing_cases import randn


def cases():
    x = {"x": randn(3, 4, 5)}

    def case(name, call, compute, inputs=x):
        return dict(name=name, call=call, compute=compute, inputs=inputs, grads=tuple(inputs))

    yield case("flip of two axes", ["flip", [0, -1]], lambda x: x.flip(0, -1))
    for shift in [1, -2, 7]:
        yield case(f"roll {shift}", ["roll", shift, 1], lambda x, s=shift: x.roll(s, 1))
    yield case("roll of two axes", ["roll", [1, -2], [0, 2]], lambda x: x.roll((1, -2), (0, 2)))
    for k in [0, 1, 2, 3, -1]:
        yield case(f"rot90 {k}", ["rot90", {"k": k, "dims": [2, 1]}], lambda x, k=k: x.rot90(k, (2, 1)))
    yield case("split", ["split", 2, {"dim": -1}], lambda x: x.split(2, -1))
    yield case("split by sizes", ["split", [1, 3], {"dim": 1}], lambda x: x.split([1, 3], 1))
    yield case("chunk", ["chunk", 3, {"dim": 1}], lambda x: x.chunk(3, 1))
    yield case("unbind", ["unbind", {"dim": 1}], lambda x: x.unbind(1))
    yield case("repeat", ["repeat", [2, 1, 2, 3]], lambda x: x.repeat(2, 1, 2, 3))
    yield case("tile", ["tile", [2, 3]], lambda x: x.tile((2, 3)))
    yield case("repeatInterleave", ["repeatInterleave", 3, {"dim": 1}], lambda x: x.repeat_interleave(3, 1))
    for k in [0, 1, -2]:
        yield case(f"tril {k}", ["tril", {"diagonal": k}], lambda x, k=k: x.tril(k))
        yield case(f"triu {k}", ["triu", {"diagonal": k}], lambda x, k=k: x.triu(k))
        yield case(f"diag of a vector {k}", ["diag", {"diagonal": k}], lambda x, k=k: x.diag(k), {"x": randn(4)})
        yield case(f"diag of a matrix {k}", ["diag", {"diagonal": k}], lambda x, k=k: x.diag(k), {"x": randn(4, 6)})
        option = {"offset": k, "dim1": 2, "dim2": 0}
        yield case(f"diagonal {k}", ["diagonal", option], lambda x, k=k: x.diagonal(k, 2, 0))
    yield case("unfold", ["unfold", 1, 3, 2], lambda x: x.unfold(1, 3, 2), {"x": randn(2, 8, 3)})
    yield case("movedim", ["movedim", 0, -1], lambda x: x.movedim(0, -1))
    for start, end, step in [(5, 0, -2), (-1, -9, -1), (3, 1, -1), (0, 4, -1)]:
        index = list(range(*slice(start, end, step).indices(4)))
        yield case(f"slice {start} {end} {step}", ["slice", 1, start, end, {"step": step}],
                   lambda x, index=index: x[:, index], {"x": randn(3, 4)})
    pair = {"a": randn(3), "b": randn(4), "c": randn(2)}
    for indexing in ["ij", "xy"]:
        yield case(f"meshgrid {indexing}", ["fn", "meshgrid", ["$a", "$b", "$c"], {"indexing": indexing}],
                   lambda a, b, c, i=indexing: torch.meshgrid(a, b, c, indexing=i), pair)
    yield dict(name="linspace", call=["fn", "linspace", -1.3, 2, 7, {"dtype": "f64"}], inputs={},
               compute=lambda: torch.linspace(-1.3, 2, 7, dtype=torch.float64))
    equations = {
        "ij,jk->ik": [(3, 4), (4, 5)], "bij,bjk->bik": [(2, 3, 4), (2, 4, 5)], "ij->ji": [(3, 4)], "ii->i": [(4, 4)],
        "ii": [(4, 4)], "ij,ij": [(3, 4), (3, 4)], "i,j->ij": [(3,), (4,)], "bhqd,bhkd->bhqk": [(2, 2, 3, 4), (2, 2, 5, 4)],
        "...ij,...jk": [(2, 1, 3, 4), (5, 4, 2)], "ab,bc,cd->da": [(2, 3), (3, 4), (4, 5)], "ijk->j": [(2, 3, 4)],
        "bi,oi,bo->b": [(3, 4), (5, 4), (3, 5)], "b...,b->...": [(3, 2, 4), (3,)],
    }  # fmt: skip
    for equation, shapes in equations.items():
        names = "xyz"[: len(shapes)]
        yield case(f"einsum {equation}", ["fn", "einsum", equation, *[f"${n}" for n in names]],
                   lambda equation=equation, **t: torch.einsum(equation, *t.values()),
                   {n: randn(*s) for n, s in zip(names, shapes)})
