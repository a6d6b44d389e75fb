"""The parity cases, by file. Each case says how PyTorch computes it and why its tolerance is what it is; the names of
options are Fovea's. This file knows nothing of how cases are stored."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from make import Case, given, integers, uniform

SUMS = "any order of summation stays within (terms + 2) roundings of the sum of magnitudes"
EXACT = "correctly rounded by IEEE 754, so every bit is fixed"


def contraction():
    for name, rows, features, outputs in [("small", (5,), 7, 3), ("odd", (9,), 33, 17), ("rank 3", (2, 3), 20, 31)]:
        inputs = {"x": uniform(*rows, features), "weight": uniform(outputs, features), "bias": uniform(outputs)}
        yield Case(
            f"linear {name}", "linear", inputs, lambda t: F.linear(t["x"], t["weight"], t["bias"]), SUMS,
            sums=True, grads=("x", "weight", "bias"), f64=name == "small",
        )  # fmt: skip

    for left, right in [((4, 5), (5, 6)), ((1, 33), (33, 1)), ((37, 19), (19, 23)), ((3, 4, 5), (3, 5, 6)),
                        ((2, 3, 4, 5), (5, 6)), ((3, 1, 4, 5), (2, 5, 6)), ((33, 40), (40, 34))]:  # fmt: skip
        yield Case(
            f"matmul {list(left)} {list(right)}", "matmul", {"a": uniform(*left), "b": uniform(*right)},
            lambda t: t["a"] @ t["b"], SUMS, sums=True, grads=("a", "b"), f64=left == (4, 5),
        )  # fmt: skip

    #        batch  in  out   side      kernel   options
    convs = [
        ("3x3 pad 1", 2, 3, 4, (6, 6), (3, 3), {"padding": 1}),
        ("3x3 pad 1, odd sizes", 1, 5, 7, (7, 9), (3, 3), {"padding": 1}),
        ("3x3 pad 1, whole blocks", 1, 16, 16, (6, 8), (3, 3), {"padding": 1}),
        ("3x3 pad 1, one channel", 2, 1, 32, (5, 5), (3, 3), {"padding": 1}),
        ("no padding", 2, 3, 2, (5, 8), (3, 3), {}),
        ("1x1", 2, 9, 5, (4, 4), (1, 1), {}),
        ("1x1 stride 2", 2, 8, 16, (7, 7), (1, 1), {"stride": 2}),
        ("3x3 stride 2 pad 1", 2, 4, 8, (9, 9), (3, 3), {"stride": 2, "padding": 1}),
        ("3x3 stride 2 pad 1, even", 1, 3, 5, (8, 8), (3, 3), {"stride": 2, "padding": 1}),
        ("7x7 stride 2 pad 3", 1, 3, 4, (15, 15), (7, 7), {"stride": 2, "padding": 3}),
        ("5x3 stride 3x2 pad 2x0", 2, 2, 3, (11, 10), (5, 3), {"stride": [3, 2], "padding": [2, 0]}),
        ("dilation 2", 1, 2, 3, (9, 9), (3, 3), {"padding": 2, "dilation": 2}),
        ("dilation 3x1 stride 2", 1, 2, 3, (12, 9), (3, 3), {"dilation": [3, 1], "stride": 2, "padding": 1}),
        ("4x4 stride 4", 1, 3, 6, (8, 8), (4, 4), {"stride": 4}),
        ("2 groups", 2, 6, 4, (5, 5), (3, 3), {"padding": 1, "groups": 2}),
        ("depthwise", 2, 8, 8, (6, 7), (3, 3), {"padding": 1, "groups": 8}),
        ("depthwise multiplier 2 stride 2", 1, 4, 8, (7, 7), (3, 3), {"padding": 1, "groups": 4, "stride": 2}),
        ("kernel larger than input", 1, 2, 2, (2, 2), (5, 5), {"padding": 2}),
        ("one pixel", 4, 3, 3, (1, 1), (3, 3), {"padding": 1}),
    ]
    yield from convolutions(convs)


def convolutions(convs):
    for name, batch, inner, outer, side, kernel, options in convs:
        groups = options.get("groups", 1)
        weight = uniform(outer, inner // groups, *kernel)
        inputs = {"x": uniform(batch, inner, *side), "weight": weight, "bias": uniform(outer)}
        yield Case(
            f"conv2d {name}", "conv2d", inputs,
            lambda t, **options: F.conv2d(t["x"], t["weight"], t["bias"], **options), SUMS,
            options=options, sums=True, grads=("x", "weight", "bias"), f64=name in ("no padding", "2 groups"),
        )  # fmt: skip


def grouped():
    """Groups that are narrower than a vector, as wide as one, and wider; from 4 to 16 lanes."""
    yield from convolutions([
        ("depthwise, odd channels", 2, 21, 21, (7, 6), (3, 3), {"padding": 1, "groups": 21}),
        ("depthwise 5x5 stride 2", 1, 32, 32, (9, 11), (5, 5), {"padding": 2, "groups": 32, "stride": 2}),
        ("depthwise dilation 2 stride 1x2", 2, 16, 16, (9, 8), (3, 3),
         {"padding": 2, "groups": 16, "dilation": 2, "stride": [1, 2]}),
        ("depthwise multiplier 3", 1, 6, 18, (5, 7), (3, 3), {"padding": 1, "groups": 6}),
        ("groups of 4", 2, 32, 32, (6, 5), (3, 3), {"padding": 1, "groups": 8}),
        ("groups of 4 stride 2", 1, 20, 20, (7, 8), (3, 3), {"padding": 1, "groups": 5, "stride": 2}),
        ("groups of 8", 1, 24, 24, (5, 6), (3, 3), {"padding": 1, "groups": 3}),
        ("groups of 16", 1, 32, 32, (5, 6), (3, 3), {"padding": 1, "groups": 2}),
        ("groups of 3 to 5", 2, 9, 15, (6, 6), (3, 2), {"padding": [1, 0], "groups": 3}),
        ("groups of 6 to 32 stride 2", 1, 12, 64, (7, 7), (1, 3), {"padding": [0, 1], "groups": 2, "stride": 2}),
    ])  # fmt: skip


def pooling():
    one_rounding = "the values are only picked; where windows overlap, gradients are sums of a few terms"
    shapes = [
        ("2", (2, 3, 6, 8), {"kernelSize": 2}),
        ("2, odd sizes", (1, 2, 7, 5), {"kernelSize": 2}),
        ("3 stride 2 pad 1", (2, 2, 9, 8), {"kernelSize": 3, "stride": 2, "padding": 1}),
        ("3 stride 1", (1, 3, 5, 6), {"kernelSize": 3, "stride": 1}),
        ("2 stride 3", (1, 2, 8, 8), {"kernelSize": 2, "stride": 3}),
        ("3x2 stride 2x1 pad 1x0", (1, 2, 7, 6), {"kernelSize": [3, 2], "stride": [2, 1], "padding": [1, 0]}),
        ("2 dilation 2", (1, 2, 7, 7), {"kernelSize": 2, "stride": 1, "dilation": 2}),
    ]

    def max_pool(t, kernelSize, stride=None, padding=0, dilation=1):
        return F.max_pool2d(t["x"], kernelSize, stride, padding, dilation)

    def avg_pool(t, kernelSize, stride=None, padding=0, countIncludePad=True):
        return F.avg_pool2d(t["x"], kernelSize, stride, padding, count_include_pad=countIncludePad)

    for name, shape, options in shapes:
        inputs = {"x": uniform(*shape)}
        yield Case(f"maxPool2d {name}", "maxPool2d", inputs, max_pool, one_rounding, options, factor=8, grads=("x",))
        inputs = {"x": integers(*shape, below=3, as_float=True)}
        ties = "ties go to the first element of the window, so the gradient is fixed; sums of a few terms"
        yield Case(f"maxPool2d {name}, ties", "maxPool2d", inputs, max_pool, ties, options, factor=8, grads=("x",))
        if "dilation" in options:
            continue
        for count in (True, False):
            if not count and "padding" not in options:
                continue
            yield Case(
                f"avgPool2d {name}, countIncludePad {str(count).lower()}", "avgPool2d", {"x": uniform(*shape)}, avg_pool,
                SUMS, {**options, "countIncludePad": count}, sums=9, grads=("x",), f64=not count,
            )  # fmt: skip
    below_zero = "padding counts as −∞, never as 0; values are only picked"
    inputs = {"x": uniform(1, 2, 5, 5, low=-3, high=-2)}
    options = {"kernelSize": 3, "stride": 2, "padding": 1}
    yield Case("maxPool2d negative values, padding", "maxPool2d", inputs, max_pool, below_zero, options, ulps=0)
    values = np.full((1, 1, 4, 4), -math.inf)
    values[0, 0, 0, 0], values[0, 0, 3, 3] = math.nan, 2.0
    inputs = {"x": given(values)}
    yield Case("maxPool2d NaN and −∞", "maxPool2d", inputs, max_pool, "NaN wins, as in PyTorch", {"kernelSize": 2}, ulps=0)

    for shape, size in [((2, 3, 6, 6), 1), ((2, 3, 7, 5), [3, 2]), ((1, 2, 5, 9), [5, 4]), ((1, 2, 3, 3), 5)]:
        yield Case(
            f"adaptiveAvgPool2d {list(shape)} to {size}", "adaptiveAvgPool2d", {"x": uniform(*shape)},
            lambda t, outputSize: F.adaptive_avg_pool2d(t["x"], outputSize), SUMS,
            {"outputSize": size}, sums=math.prod(shape[2:]), grads=("x",), f64=size == 1,
        )  # fmt: skip


def normalisation():
    why = "a few roundings beside the two sums over the batch, whose terms have the size of the result"

    def batch_norm(t, training, momentum=0.1, eps=1e-5):
        mean, variance = t["runningMean"].clone(), t["runningVar"].clone()
        y = F.batch_norm(t["x"], mean, variance, t["weight"], t["bias"], training, momentum, eps)
        return {"y": y, "runningMean": mean, "runningVar": variance}

    for name, shape, options in [
        ("[N, C], training", (16, 5), {"training": True}),
        ("[N, C], evaluation", (7, 5), {"training": False}),
        ("[N, C, L], training", (4, 3, 9), {"training": True, "momentum": 0.3}),
        ("[N, C, H, W], training", (4, 6, 5, 7), {"training": True}),
        ("[N, C, H, W], whole blocks", (2, 16, 4, 4), {"training": True, "eps": 1e-3}),
        ("[N, C, H, W], evaluation", (2, 6, 5, 7), {"training": False}),
        ("[N, C, H, W], two values", (2, 3, 1, 1), {"training": True, "eps": 0.1}),
    ]:
        C = shape[1]
        inputs = {
            "x": uniform(*shape, low=-2, high=4), "weight": uniform(C, low=0.5, high=1.5), "bias": uniform(C),
            "runningMean": uniform(C), "runningVar": uniform(C, low=0.5, high=2),
        }  # fmt: skip
        yield Case(
            f"batchNorm {name}", "batchNorm", inputs, batch_norm, why, options, factor=16,
            grads=("x", "weight", "bias"), gradFactor=32, f64="whole" in name,
        )  # fmt: skip
    inputs = {"x": uniform(8, 3, 4, 4, low=99, high=101), "weight": uniform(3), "bias": uniform(3)}
    inputs |= {"runningMean": uniform(3), "runningVar": uniform(3, low=0.5, high=2)}
    offset = "subtracting a mean of 100 costs log2(100 / 0.6) ≈ 7.4 of the 24 bits, for everybody"
    yield Case(
        "batchNorm mean far from zero", "batchNorm", inputs, batch_norm, offset, {"training": True}, factor=1000,
        grads=("x", "weight", "bias"), gradFactor=1000,
    )  # fmt: skip


def losses():
    why = "one exponential of each logit, one sum over the classes, one over the batch"
    for name, shape, low, high, options in [
        ("mean", (8, 10), -3, 3, {}),
        ("sum", (5, 7), -3, 3, {"reduction": "sum"}),
        ("none", (9, 4), -3, 3, {"reduction": "none"}),
        ("two classes", (6, 2), -3, 3, {}),
        ("1,000 classes", (2, 1000), -5, 5, {}),
        ("large logits", (6, 10), -1e4, 1e4, {"reduction": "none"}),
        ("huge equal logits", (3, 5), 1e30, 1e30, {"reduction": "none"}),
        ("label smoothing", (8, 10), -3, 3, {"labelSmoothing": 0.1}),
        ("images", (2, 5, 3, 4), -3, 3, {}),
    ]:
        targets = integers(shape[0], *shape[2:], below=shape[1])
        inputs = {"logits": uniform(*shape, low=low, high=high), "targets": targets}
        yield Case(
            f"crossEntropy {name}", "crossEntropy", inputs,
            lambda t, reduction="mean", labelSmoothing=0.0: F.cross_entropy(
                t["logits"], t["targets"], reduction=reduction, label_smoothing=labelSmoothing
            ),
            why, options, factor=16, grads=("logits",), f64=name in ("mean", "label smoothing"),
        )  # fmt: skip

    for reduction in ("mean", "sum", "none"):
        yield Case(
            f"mseLoss {reduction}", "mseLoss", {"x": uniform(6, 7), "target": uniform(6, 7)},
            lambda t, reduction: F.mse_loss(t["x"], t["target"], reduction=reduction),
            "a sum of 42 squares of differences", {"reduction": reduction}, factor=16, grads=("x", "target"),
        )  # fmt: skip

    for function in ("softmax", "logSoftmax"):
        torch_function = {"softmax": torch.softmax, "logSoftmax": torch.log_softmax}[function]
        for name, shape, dim, high in [
            ("last axis", (5, 11), -1, 4), ("first axis", (7, 6), 0, 4), ("middle axis", (2, 9, 5), 1, 4),
            ("one class", (4, 1), 1, 4), ("large", (4, 9), 1, 1e4),
        ]:  # fmt: skip
            yield Case(
                f"{function} {name}", function, {"x": uniform(*shape, low=-high, high=high)},
                lambda t, dim, f=torch_function: f(t["x"], dim), why, {"dim": dim}, factor=12, grads=("x",),
                f64=name == "last axis",
            )  # fmt: skip
        values = [[0, -math.inf, 1, 2], [-math.inf, -math.inf, -math.inf, 0], [1e38, 3e38, -3e38, 0]]
        yield Case(
            f"{function} infinities", function, {"x": given(values)},
            lambda t, dim, f=torch_function: f(t["x"], dim), why, {"dim": 1}, factor=8,
        )  # fmt: skip


SPECIAL = [
    0, -0.0, 1, -1, 0.5, -0.5, 2.5, 3.5, -2.5, -3.5, 0.49999997, 1e-3, -1e-3, 1e-10, -1e-10, 1e-30, 1e-40, -1e-40,
    0.99999994, 1.0000001, 3.1415927, 1.5707964, -4.712389, 10, -10, 20, -20, 87, -87, 88.7, 88.73, -100, -104, 1000,
    -1000, 31415.926, 8388609, 1e10, -1e10, 3e38, -3e38, math.inf, -math.inf, math.nan,
]  # fmt: skip
# Sine and cosine of arguments beyond this need a reduction with more digits of pi than is worth its time.
LARGEST_ANGLE = 1e5
POLYNOMIAL = "a polynomial in float32 with a few roundings: 4 units in the last place"


def elementwise():
    ordinary = [uniform(64, low=-3, high=3).values, uniform(23, low=-30, high=30).values]
    wide = np.concatenate([np.array(SPECIAL, np.float32), *ordinary])
    angles = np.where(np.isfinite(wide) & (np.abs(wide) > LARGEST_ANGLE), 0, wide)
    regular = lambda: {"x": uniform(131, low=-3, high=3)}  # noqa: E731
    positive = lambda: {"x": uniform(131, low=0.01, high=9)}  # noqa: E731
    few = "the chain rule adds a few roundings, relative to the largest gradient"
    reduction = "the reduction of the angle leaves an absolute error of about a unit in the last place of 1"
    #        name          PyTorch             bound           why  domain of the gradient
    unary = [
        ("neg", torch.neg, {"ulps": 0, "signedZero": True}, EXACT, regular),
        ("abs", torch.abs, {"ulps": 0, "signedZero": True}, EXACT, regular),
        ("sign", torch.sign, {"ulps": 0}, EXACT, None),
        ("floor", torch.floor, {"ulps": 0}, EXACT, None),
        ("ceil", torch.ceil, {"ulps": 0}, EXACT, None),
        ("round", torch.round, {"ulps": 0}, "exact, halves to even", None),
        ("square", torch.square, {"ulps": 0}, EXACT, regular),
        ("reciprocal", torch.reciprocal, {"ulps": 0}, EXACT, positive),
        ("sqrt", torch.sqrt, {"ulps": 1, "signedZero": True}, "PyTorch's vector code misses some by a unit", positive),
        ("rsqrt", torch.rsqrt, {"ulps": 2}, "a root and a division", positive),
        ("relu", torch.relu, {"ulps": 0}, EXACT, regular),
        ("exp", torch.exp, {"ulps": 4}, POLYNOMIAL, regular),
        ("log", torch.log, {"ulps": 4}, POLYNOMIAL, positive),
        ("tanh", torch.tanh, {"ulps": 4}, POLYNOMIAL, regular),
        ("erf", torch.erf, {"ulps": 4}, POLYNOMIAL, regular),
        ("sigmoid", torch.sigmoid, {"ulps": 8}, "an exponential, a sum and a division", regular),
        ("sin", torch.sin, {"factor": 4}, reduction, regular),
        ("cos", torch.cos, {"factor": 4}, reduction, regular),
    ]
    for name, function, bound, why, domain in unary:
        run = lambda t, f=function: f(t["x"])  # noqa: E731
        values = angles if name in ("sin", "cos") else wide
        # PyTorch's sign of NaN is 0; ours is NaN, so that it is not lost.
        values = values[~np.isnan(values)] if name == "sign" else values
        yield Case(f"{name} of tricky values", name, {"x": given(values)}, run, why, **bound)
        if domain:
            yield Case(f"gradient of {name}", name, domain(), run, few, factor=8, grads=("x",))
    at_zero = {"x": given([-0.0, 0.0, -1, 2])}
    for name, function in [("abs", torch.abs), ("relu", torch.relu)]:
        run = lambda t, f=function: f(t["x"])  # noqa: E731
        yield Case(f"gradient of {name} at 0", name, at_zero, run, "0 by convention", ulps=0, grads=("x",))
    yield from binary()


def binary():
    edge = [0, -0.0, 1, -1, 2, -2, 0.5, -1.5, 3, 1e-40, 1e20, math.inf, -math.inf, math.nan]
    left, right = (np.array(side, np.float32) for side in zip(*((a, b) for a in edge for b in edge)))
    left = np.concatenate([left, uniform(61, low=-3, high=3).values])
    right = np.concatenate([right, uniform(61, low=-3, high=3).values])
    power = "x^y = exp(y log x) in float32 multiplies the error of the logarithm by y log x, here at most 9"
    few = "the chain rule adds a few roundings, relative to the largest gradient"
    for name, function, bound, why in [
        ("add", torch.add, {"ulps": 0, "signedZero": True}, EXACT),
        ("sub", torch.sub, {"ulps": 0, "signedZero": True}, EXACT),
        ("mul", torch.mul, {"ulps": 0, "signedZero": True}, EXACT),
        ("div", torch.div, {"ulps": 0, "signedZero": True}, EXACT),
        ("maximum", torch.maximum, {"ulps": 0}, "NaN wins; otherwise exact"),
        ("minimum", torch.minimum, {"ulps": 0}, "NaN wins; otherwise exact"),
        ("eq", torch.eq, {"ulps": 0}, EXACT),
        ("ne", torch.ne, {"ulps": 0}, EXACT),
        ("lt", torch.lt, {"ulps": 0}, EXACT),
        ("le", torch.le, {"ulps": 0}, EXACT),
        ("gt", torch.gt, {"ulps": 0}, EXACT),
        ("ge", torch.ge, {"ulps": 0}, EXACT),
    ]:
        run = lambda t, f=function: f(t["a"], t["b"])  # noqa: E731
        yield Case(f"{name} of tricky values", name, {"a": given(left), "b": given(right)}, run, why, **bound)
        if name in ("add", "sub", "mul", "div"):
            inputs = {"a": uniform(3, 1, 7), "b": uniform(5, 1, low=0.5, high=2)}
            yield Case(f"{name}, broadcast", name, inputs, run, few, factor=16, grads=("a", "b"))
        if name in ("maximum", "minimum"):
            inputs = {"a": integers(40, below=3, as_float=True), "b": integers(40, below=3, as_float=True)}
            ties = "ties share the gradient evenly; exact halves"
            yield Case(f"{name}, ties", name, inputs, run, ties, ulps=0, grads=("a", "b"))

    tricky_power = "x^y = exp(y log x) in float32 multiplies the error of the logarithm by y log x, here at most 69"
    raise_to = lambda t: torch.pow(t["a"], t["b"])  # noqa: E731
    inputs = {"a": uniform(131, low=0.05, high=4), "b": uniform(131, low=-3, high=3)}
    yield Case("pow of positive bases", "pow", inputs, raise_to, power, ulps=24)
    inputs = {"a": uniform(131, low=0.05, high=4), "b": uniform(131, low=-3, high=3)}
    yield Case("gradient of pow", "pow", inputs, raise_to, power, factor=32, grads=("a", "b"))
    whole = np.array([-3, -2, -1, 0, 1, 2, 3, 4], np.float32)
    bases = np.array([-2.5, -1, -0.5, 0, 0.5, 1, 2, 3], np.float32)
    a, b = (grid.ravel() for grid in np.meshgrid(bases, whole))
    yield Case("pow of whole exponents", "pow", {"a": given(a), "b": given(b)}, raise_to, power, ulps=16)
    keep = np.abs(left) != np.float32(1e-40)  # its powers fall between the representable numbers
    inputs = {"a": given(left[keep]), "b": given(right[keep])}
    yield Case("pow of tricky values", "pow", inputs, raise_to, tricky_power, ulps=128)
    divisors = uniform(131, low=0.5, high=2).values * np.where(uniform(131).values < 0, -1, 1)
    inputs = {"a": uniform(131, low=-5, high=5), "b": given(divisors)}
    remainder = "the quotient is below 10 and not whole: two roundings of a number that size"
    yield Case("mod", "mod", inputs, lambda t: torch.remainder(t["a"], t["b"]), remainder, factor=12, grads=("a", "b"))
    inputs = {"x": uniform(77, low=-2, high=2)}
    yield Case(
        "clamp", "clamp", inputs, lambda t, min, max: t["x"].clamp(min, max), EXACT, {"min": -0.75, "max": 1.25},
        ulps=0, grads=("x",),
    )  # fmt: skip
    inputs = {"condition": integers(5, 1, below=2), "a": uniform(5, 7), "b": uniform(7)}
    choose = lambda t: torch.where(t["condition"] == 1, t["a"], t["b"])  # noqa: E731
    yield Case("where, broadcast", "where", inputs, choose, SUMS, sums=True, grads=("a", "b"))


def reductions():
    def reduce(name):
        def run(t, dim=None, keepdim=False):
            x, axes = t["x"], tuple(range(t["x"].dim())) if dim is None else dim
            if name == "prod":
                return x.prod() if dim is None else x.prod(dim, keepdim)
            if name in ("max", "min") and isinstance(dim, int):
                return getattr(torch, name)(x, dim, keepdim).values
            return {"sum": torch.sum, "mean": torch.mean, "max": torch.amax, "min": torch.amin}[name](x, axes, keepdim)

        return run

    picked = "picked exactly; along one axis the gradient goes to the first of equals, over several it is shared evenly"
    for name in ("sum", "mean", "max", "min"):
        for shape, options in [
            ((3, 4, 5), {}), ((3, 4, 5), {"dim": 1}), ((3, 4, 5), {"dim": -1, "keepdim": True}),
            ((3, 4, 5), {"dim": [0, 2]}), ((37, 19), {"dim": 0}), ((1, 1), {"dim": 0}),
        ]:  # fmt: skip
            bound = {"sums": math.prod(shape)} if name in ("sum", "mean") else {"factor": 4}
            why = SUMS if name in ("sum", "mean") else picked
            yield Case(
                f"{name} of {list(shape)}, {options or 'all'}", name, {"x": uniform(*shape)}, reduce(name), why,
                options, grads=("x",), f64=name == "mean" and options == {"dim": 1} and len(shape) == 3, **bound,
            )  # fmt: skip
        if name in ("sum", "mean"):
            inputs, blocks = {"x": uniform(2, 3000, low=0)}, "summed in blocks or pairs, never one after the other"
            yield Case(f"{name} of 3,000 terms", name, inputs, reduce(name), blocks, {"dim": 1}, factor=32)
    for name in ("max", "min"):
        for options in ({"dim": 1}, {"dim": [0, 1]}, {}):
            inputs = {"x": integers(6, 9, below=3, as_float=True)}
            title = f"{name}, ties, {options or 'all'}"
            yield Case(title, name, inputs, reduce(name), picked, options, factor=4, grads=("x",))
        values = [[1, math.nan, 3], [-math.inf, math.inf, 0], [-math.inf] * 3]
        yield Case(f"{name}, NaN and ∞", name, {"x": given(values)}, reduce(name), "NaN wins", {"dim": 1}, ulps=0)

    factors = "as many roundings as factors"
    zeros = uniform(4, 5).values
    zeros[0, 2] = zeros[1, 1] = zeros[1, 3] = 0
    for label, inputs, options in [
        ("all", {"x": uniform(2, 3, low=0.5, high=2)}, {}), ("axis", {"x": uniform(3, 8)}, {"dim": 1}),
        ("with zeros", {"x": given(zeros)}, {"dim": 1}),
    ]:  # fmt: skip
        yield Case(f"prod, {label}", "prod", inputs, reduce("prod"), factors, options, factor=12, grads=("x",))

    def variance(t, dim=None, keepdim=False, correction=1):
        return torch.var(t["x"], dim, correction=correction, keepdim=keepdim)

    for shape, options in [
        ((6, 7), {}), ((6, 7), {"dim": 1}), ((6, 7), {"dim": 0, "correction": 0}),
        ((2, 3, 5, 4), {"dim": [0, 2, 3], "keepdim": True}), ((1, 900), {"dim": 1, "correction": 0}),
    ]:  # fmt: skip
        why = "squares of differences from a rounded mean, summed in blocks"
        yield Case(
            f"variance of {list(shape)}, {options or 'all'}", "variance", {"x": uniform(*shape)}, variance, why,
            options, factor=16, grads=("x",), f64=options == {"dim": 1},
        )  # fmt: skip
    offset = "a mean of 1,000 leaves differences with an error of 1000 u each; a one-pass formula would lose everything"
    inputs = {"x": uniform(3, 50, low=999, high=1001)}
    yield Case("variance far from zero", "variance", inputs, variance, offset, {"dim": 1}, factor=1000)

    for name, function in [("argmax", torch.argmax), ("argmin", torch.argmin)]:
        run = lambda t, dim, keepdim=False, f=function: f(t["x"], dim, keepdim)  # noqa: E731
        for shape, options in [((5, 9), {"dim": 1}), ((5, 9), {"dim": 0, "keepdim": True}), ((2, 40, 3), {"dim": 1})]:
            inputs = {"x": uniform(*shape)}
            yield Case(f"{name} of {list(shape)}, {options}", name, inputs, run, "a position", options, ulps=0)
        inputs = {"x": given([[1, 3, 3, 0], [2, 2, 2, 2], [0, math.nan, 5, 1], [-math.inf] * 4])}
        first = "the first of equals; NaN counts as extreme"
        yield Case(f"{name}, ties and NaN", name, inputs, run, first, {"dim": 1}, ulps=0)


def picking():
    def take(t, dim=0):
        flat = t["x"].index_select(dim, t["indices"].reshape(-1))
        shape = t["x"].shape
        dim %= t["x"].dim()
        return flat.reshape(*shape[:dim], *t["indices"].shape, *shape[dim + 1 :])

    why = "values are copied; the gradient of an index that comes up k times is a sum of k terms"
    for shape, indices, dim in [((7, 4), (5,), 0), ((6, 3), (2, 4), 0), ((3, 8), (11,), 1), ((2, 5, 3), (3, 2), -2)]:
        inputs = {"x": uniform(*shape), "indices": integers(*indices, below=shape[dim])}
        yield Case(
            f"take {list(shape)} by {list(indices)}, dim {dim}", "take", inputs, take, why, {"dim": dim}, factor=16,
            grads=("x",),
        )  # fmt: skip
    for shape, index, dim in [((6, 5), (6, 3), 1), ((6, 5), (9, 5), 0), ((4, 3, 5), (4, 2, 5), 1), ((6, 5), (4, 2), 1)]:
        inputs = {"x": uniform(*shape), "index": integers(*index, below=shape[dim])}
        yield Case(
            f"gather {list(shape)} by {list(index)}, dim {dim}", "gather", inputs,
            lambda t, dim: torch.gather(t["x"], dim, t["index"]), why, {"dim": dim}, factor=16, grads=("x",),
        )  # fmt: skip


GROUPS = {
    "contraction": contraction,
    "pooling": pooling,
    "normalisation": normalisation,
    "losses": losses,
    "elementwise": elementwise,
    "reductions": reductions,
    "picking": picking,
    "grouped": grouped,
}
