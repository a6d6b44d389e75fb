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
