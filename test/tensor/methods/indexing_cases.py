"""Cases of selection and replacement by position."""
import torch


def randn(*shape):
    return lambda: torch.randn(shape, dtype=torch.float64)


def ints(below, *shape):
    return lambda: torch.randint(below, shape)


def distinct(n, *shape):
    """Different positions along the last axis, so that replacement has one meaning."""
    count = shape[-1]
    rows = torch.Size(shape[:-1]).numel()
    return lambda: torch.stack([torch.randperm(n)[:count] for _ in range(rows)]).reshape(shape)


def cases():
    x = randn(4, 6)
    for dim, shape in [(0, (3, 6)), (1, (4, 9)), (1, (2, 3))]:
        below = 4 if dim == 0 else 6
        inputs = {"x": x, "index": ints(below, *shape), "src": randn(*shape)}
        yield dict(name=f"scatterAdd {dim} {shape}", call=["scatterAdd", dim, "$index", "$src"], inputs=inputs,
                   compute=lambda x, index, src, dim=dim: x.scatter_add(dim, index, src), grads=("x", "src"))
        for reduce in ["sum", "prod", "mean", "amax", "amin"]:
            for own in [True, False]:
                yield dict(
                    name=f"scatterReduce {reduce} {dim} {shape} {own}", inputs=inputs, grads=("x", "src"),
                    call=["scatterReduce", dim, "$index", "$src", reduce, {"includeSelf": own}],
                    compute=lambda x, index, src, dim=dim, reduce=reduce, own=own:
                        x.scatter_reduce(dim, index, src, reduce, include_self=own))
    inputs = {"x": x, "index": distinct(6, 4, 3), "src": randn(4, 5)}
    yield dict(name="scatter", call=["scatter", 1, "$index", "$src"], inputs=inputs, grads=("x",),
               compute=lambda x, index, src: x.scatter(1, index, src))
    inputs = {"x": x, "index": distinct(6, 4, 3)}
    yield dict(name="scatter a number", call=["scatter", -1, "$index", 2.5], inputs=inputs, grads=("x",),
               compute=lambda x, index: x.scatter(-1, index, 2.5))
    rows = {"x": randn(5, 3, 4), "index": ints(3, 7)}
    yield dict(name="indexSelect", call=["indexSelect", 1, "$index"], inputs=rows, grads=("x",),
               compute=lambda x, index: x.index_select(1, index))
    yield dict(name="indexAdd", call=["indexAdd", 1, "$index", "$src"], inputs=rows | {"src": randn(5, 7, 4)},
               grads=("x", "src"), compute=lambda x, index, src: x.index_add(1, index, src))
    rows = {"x": randn(5, 6), "index": distinct(6, 4)}
    yield dict(name="indexCopy", call=["indexCopy", 1, "$index", "$src"], inputs=rows | {"src": randn(5, 4)},
               grads=("x", "src"), compute=lambda x, index, src: x.index_copy(1, index, src))
    yield dict(name="indexFill", call=["indexFill", -1, "$index", -1.5], inputs=rows, grads=("x",),
               compute=lambda x, index: x.index_fill(-1, index, -1.5))
    pairs = {"x": randn(4, 5, 3), "i": lambda: torch.tensor([[0], [-1], [2]]), "j": lambda: torch.tensor([1, -2])}
    yield dict(name="index", call=["index", ["$i", "$j"]], inputs=pairs, grads=("x",),
               compute=lambda x, i, j: x[i, j])
    yield dict(name="index of one axis", call=["index", ["$i"]], inputs={"x": pairs["x"], "i": pairs["i"]}, grads=("x",),
               compute=lambda x, i: x[i])
    yield dict(name="indexPut", call=["indexPut", ["$i", "$j"], "$v"], inputs=pairs | {"v": randn(3, 2, 3)},
               grads=("x", "v"), compute=lambda x, i, j, v: x.index_put((i, j), v))
    again = {"x": randn(4, 3), "i": lambda: torch.tensor([1, 3, 1, 1]), "v": randn(4, 3)}
    yield dict(name="indexPut accumulating", call=["indexPut", ["$i"], "$v", {"accumulate": True}], inputs=again,
               grads=("x", "v"), compute=lambda x, i, v: x.index_put((i,), v, accumulate=True))
    mask = {"x": x, "mask": lambda: torch.rand(6) > 0.5}
    yield dict(name="maskedFill", call=["maskedFill", "$mask", -3], inputs=mask, grads=("x",),
               compute=lambda x, mask: x.masked_fill(mask, -3))
    yield dict(name="maskedSelect", call=["maskedSelect", "$mask"], inputs=mask, grads=("x",),
               compute=lambda x, mask: x.masked_select(mask))
    holes = {"x": lambda: torch.tensor([[0.0, 2, 0], [-1, 0, float("nan")]], dtype=torch.float64)}
    yield dict(name="nonzero", call=["nonzero"], inputs=holes, compute=lambda x: x.nonzero())
    yield dict(name="unique", call=["unique"], inputs={"x": lambda: torch.tensor([3.0, -0.0, 1, 3, 0, float("inf"), 1])},
               compute=lambda x: x.unique())
