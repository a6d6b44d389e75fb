"""Cases of linear algebra. Signs of vectors are those of Fovea: the element of largest magnitude is positive."""
import torch

from indexing_cases import randn

L = torch.linalg


def positive(*shape):
    def make():
        x = torch.randn(*shape, dtype=torch.float64)
        return x @ x.mT + torch.eye(shape[-1], dtype=torch.float64)

    return make


def given(values):
    return lambda: torch.tensor(values, dtype=torch.float64)


def signs(vectors):
    """Of columns."""
    x = vectors.detach()
    return torch.where(x.amax(-2) + x.amin(-2) < 0, -1.0, 1.0).double()


def eigh(x):
    values, vectors = L.eigh(x)
    return values, vectors * signs(vectors).unsqueeze(-2)


def svd(x):
    u, s, vh = L.svd(x, full_matrices=False)
    sign = signs(u if x.shape[-2] >= x.shape[-1] else vh.mT)
    return u * sign.unsqueeze(-2), s, vh * sign.unsqueeze(-1)


def cond(x, p):
    """PyTorch 2.13 has no gradient of it unless p is 2 or -2."""
    return L.cond(x, p=p) if p in (2, -2) else L.matrix_norm(x, ord=p) * L.matrix_norm(L.inv(x), ord=p)


def case(name, call, inputs, compute, **extra):
    function, *args = call
    return dict(name=name, call=["fn", f"linalg.{function}", *args], inputs=inputs, compute=compute,
                **{"grads": tuple(inputs), "tolerance": 1e-11, **extra})


def cases():
    for shape in [(1, 1), (4, 4), (2, 3, 5, 5)]:
        spd = {"x": positive(*shape)}
        full = {"x": randn(*shape)}
        yield case(f"cholesky {shape}", ["cholesky", "$x"], spd, lambda x: L.cholesky(x))
        yield case(f"inv {shape}", ["inv", "$x"], full, lambda x: L.inv(x))
        yield case(f"det {shape}", ["det", "$x"], full, lambda x: L.det(x))
        yield case(f"slogdet {shape}", ["slogdet", "$x"], full, lambda x: L.slogdet(x))
        yield case(f"eigh {shape}", ["eigh", "$x"], spd, eigh)
        yield case(f"eigvalsh {shape}", ["eigvalsh", "$x"], spd, lambda x: L.eigvalsh(x))
    yield case("cholesky upper", ["cholesky", "$x", {"upper": True}], {"x": positive(4, 4)},
               lambda x: L.cholesky(x, upper=True))
    yield case("det of a permutation", ["det", "$x"], {"x": given([[0, 1, 0], [0, 0, 1], [1, 0, 0]])}, lambda x: L.det(x))
    yield case("eigh of an indefinite matrix", ["eigh", "$x"], {"x": given([[1, 2, 0], [2, -3, 1], [0, 1, -1.5]])}, eigh)
    for shape in [(3, 1), (5, 3), (4, 4), (3, 5), (2, 1, 2, 6)]:
        x = {"x": randn(*shape)}
        yield case(f"qr {shape}", ["qr", "$x"], x, lambda x: L.qr(x))
        yield case(f"svd {shape}", ["svd", "$x", {"fullMatrices": False}], x, svd)
        yield case(f"svdvals {shape}", ["svdvals", "$x"], x, lambda x: L.svdvals(x))
    for a, b in [((4, 4), (4,)), ((4, 4), (4, 3)), ((2, 3, 3), (2, 3)), ((2, 1, 3, 3), (4, 3, 2)), ((3, 3), (2, 3, 2))]:
        yield case(f"solve {a} {b}", ["solve", "$a", "$b"], {"a": randn(*a), "b": randn(*b)}, lambda a, b: L.solve(a, b))
    for upper in [False, True]:
        for left in [False, True]:
            for unit in [False, True]:
                option = {"upper": upper, "left": left, "unitriangular": unit}
                inputs = {"a": positive(4, 4), "b": randn(2, 4, 3) if left else randn(2, 3, 4)}
                yield case(f"solveTriangular {option}", ["solveTriangular", "$a", "$b", option], inputs,
                           lambda a, b, option=option: L.solve_triangular(a, b, **option))
    for shape in [(5, 3), (4, 4), (2, 3, 5)]:
        x = {"x": randn(*shape)}
        yield case(f"pinv {shape}", ["pinv", "$x"], x, lambda x: L.pinv(x))
        yield case(f"matrixRank {shape}", ["matrixRank", "$x"], x, lambda x: L.matrix_rank(x), grads=())
        yield case(f"cond {shape}", ["cond", "$x"], x, lambda x: L.cond(x))
    yield case("pinv of a rank deficient matrix", ["pinv", "$x"], {"x": given([[1, 2, 3], [2, 4, 6], [0, 1, -1], [1, 1, 4]])},
               lambda x: L.pinv(x))
    yield case("pinv with a tolerance", ["pinv", "$x", {"rtol": 0.3}], {"x": given([[1, 2], [2, 4.5], [1, 0]])},
               lambda x: L.pinv(x, rtol=0.3))
    yield case("matrixRank of dependent rows", ["matrixRank", "$x"], {"x": given([[1, 2, 3], [4, 5, 6], [7, 8, 9]])},
               lambda x: L.matrix_rank(x), grads=())
    yield case("matrixRank with a tolerance", ["matrixRank", "$x", {"atol": 2}], {"x": given([[1, 0], [0, 3]])},
               lambda x: L.matrix_rank(x, atol=2.0), grads=())
    for norm in ["fro", "nuc", 1, -1, 2, -2, float("inf"), float("-inf")]:
        name = str(norm).replace("inf", "Infinity") if isinstance(norm, float) else norm
        yield case(f"matrixNorm {name}", ["matrixNorm", "$x", {"ord": name, "keepdim": True}], {"x": randn(2, 4, 3)},
                   lambda x, norm=norm: L.matrix_norm(x, ord=norm, keepdim=True))
        yield case(f"cond {name}", ["cond", "$x", {"p": name}], {"x": randn(3, 3)},
                   lambda x, norm=norm: cond(x, norm))
    for power in [-3, -1, 0, 1, 2, 7]:
        yield case(f"matrixPower {power}", ["matrixPower", "$x", power], {"x": randn(2, 3, 3)},
                   lambda x, power=power: L.matrix_power(x, power), grads=("x",) if power != 0 else ())
    for a, b in [((6, 3), (6, 2)), ((4, 4), (4, 1)), ((2, 5, 2), (2, 5, 3))]:
        yield case(f"lstsq {a} {b}", ["lstsq", "$a", "$b"], {"a": randn(*a), "b": randn(*b)},
                   lambda a, b: (x := L.lstsq(a, b).solution, (a @ x - b).square().sum(-2),
                                 torch.full(a.shape[:-2], a.shape[-1], dtype=torch.int32), L.svdvals(a)))
    yield case("lstsq of a wide matrix", ["lstsq", "$a", "$b"], {"a": randn(3, 5), "b": randn(3, 2)},
               lambda a, b: (L.pinv(a) @ b, torch.zeros(2, dtype=torch.float64), torch.tensor(3, dtype=torch.int32),
                             L.svdvals(a)))
    chain = {"a": randn(4), "b": randn(4, 2), "c": randn(2, 5), "d": randn(5, 3)}
    yield case("multiDot", ["multiDot", ["$a", "$b", "$c", "$d"]], chain, lambda a, b, c, d: L.multi_dot([a, b, c, d]))
