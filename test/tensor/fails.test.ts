/** Wrong uses of the Tensor API, with their exact messages: op, operands, module path, and what to do about it. */
import { describe, expect, it } from "vitest";
import {
  arange,
  avgPool2d,
  compile,
  concat,
  conv2d,
  eye,
  full,
  Generator,
  grad,
  maxPool2d,
  noGrad,
  Parameter,
  stack,
  tensor,
  useDevice,
  Variable,
  where,
  zeros,
} from "../../src/index.js";
import { ConfigError, DeviceError, DTypeError, describeError, FoveaError, ShapeError } from "../../src/util/errors.js";
import { withScope } from "../../src/util/scope.js";

const m = zeros([2, 3]);
const v = zeros([3]);
const image = zeros([1, 2, 4, 4]);
const whole = zeros([3], { dtype: "i32" });
const flags = tensor([true, false, true]);

const weight = new Parameter(zeros([3]));
const frozen = () => {
  const parameter = new Parameter(zeros([3]));
  parameter.trainable = false;
  return parameter;
};
const unconnected =
  "the value depends on no tensor that requires a gradient. " +
  "Are all frozen, or behind detach, noGrad or a comparison? Gradients of other tensors: grad(y, [x])";

type Kind = new (...args: never[]) => FoveaError;
const failures: readonly (readonly [string, Kind, () => unknown])[] = [
  [
    "[add] shapes do not broadcast: a [2, 3], b [3, 2]. Did you mean b.transpose()?",
    ShapeError,
    () => m.add(zeros([3, 2])),
  ],
  [
    "[mul] shapes do not broadcast: a [2, 3], b [2]. Sizes must be equal or 1, counted from the last axis",
    ShapeError,
    () => m.mul(zeros([2])),
  ],
  [
    "[where] shapes do not broadcast: a [3], b [2]. Sizes must be equal or 1, counted from the last axis",
    ShapeError,
    () => where(tensor([true, false]), v, 0),
  ],
  [
    "[matmul] inner sizes differ: a [32, 784], b [10, 784]: 784 ≠ 10 (in model.head). Did you mean b.transpose()?",
    ShapeError,
    () => withScope("model", () => withScope("head", () => zeros([32, 784]).matmul(zeros([10, 784])))),
  ],
  [
    "[matmul] inner sizes differ: a [3, 2], b [3, 5]: 2 ≠ 3. Did you mean a.transpose()?",
    ShapeError,
    () => zeros([3, 2]).matmul(zeros([3, 5])),
  ],
  [
    "[matmul] needs at least one axis on each side: a [], b [3]. Use mul for scalars",
    ShapeError,
    () => tensor(1).matmul(v),
  ],
  [
    "[matmul] leading axes do not broadcast: a [3, 2, 1, 3], b [2, 4, 3, 1]",
    ShapeError,
    () => zeros([3, 2, 1, 3]).matmul(zeros([2, 4, 3, 1])),
  ],
  ["[reshape] [2, 3] has 6 elements, which do not fill [4, -1]", ShapeError, () => m.reshape([4, -1])],
  ["[reshape] only one size may be -1, got [-1, -1]", ShapeError, () => m.reshape([-1, -1])],
  ["[permute] dims [0, 0] are not a permutation of the axes of [2, 3]", ShapeError, () => m.permute([0, 0])],
  ["[transpose] needs two axes, got [3]", ShapeError, () => v.transpose()],
  ["[squeeze] dim 2 is not in [2, 3]: valid are -2 to 1", ShapeError, () => m.squeeze({ dim: 2 })],
  ["[sum] dim 1 is not in [3]: valid are -1 to 0", ShapeError, () => v.sum({ dim: 1 })],
  ["[sum] dim 0 is not in []: it has none", ShapeError, () => tensor(1).sum({ dim: 0 })],
  ["[mean] dims [0, 0] repeat an axis", ShapeError, () => m.mean({ dim: [0, -2] })],
  ["[max] of no elements: [0, 3]", ShapeError, () => zeros([0, 3]).max()],
  ["[argmax] axis 0 of [0] is empty", ShapeError, () => zeros([0]).argmax()],
  ["[expand] [2, 3] does not expand to [4, 3]. Only axes of size 1 expand", ShapeError, () => m.expand([4, 3])],
  ["[slice] step must be a whole number other than 0, got 0", ShapeError, () => v.slice(0, 2, 0, { step: 0 })],
  ["[select] index 3 is outside axis 0 of [3]", ShapeError, () => v.select(0, 3)],
  ["[pad] needs a [before, after] pair of sizes from 0 for each axis of [3]", ShapeError, () => v.pad([[-1, 0]])],
  ["[flatten] startDim 1 lies after endDim 0 in [2, 3]", ShapeError, () => m.flatten({ startDim: 1, endDim: 0 })],
  ["[concat] needs at least one tensor", ShapeError, () => concat([])],
  ["[stack] needs at least one tensor", ShapeError, () => stack([])],
  ["[concat] [2, 3] and [3] differ in an axis other than 0", ShapeError, () => concat([m, v])],
  ["[stack] [2, 3] and [3] differ", ShapeError, () => stack([m, v])],
  ['[take] indices are f32. Use .to("i32")', DTypeError, () => m.take(v)],
  ['[gather] indices are f32. Use .to("i32")', DTypeError, () => m.gather(0, m)],
  ["[gather] indices [3] do not fit [2, 3]", ShapeError, () => m.gather(0, whole)],
  [
    "[conv2d] x [1, 2, 4, 4] has 2 channels, weight [4, 3, 3, 3] with groups 1 expects 3 (in stem)",
    ShapeError,
    () => withScope("stem", () => conv2d(image, zeros([4, 3, 3, 3]))),
  ],
  [
    "[conv2d] needs x [N, C, H, W] and weight [Cout, Cin / groups, Kh, Kw], got [2, 3] and [3]",
    ShapeError,
    () => conv2d(m, v),
  ],
  [
    "[conv2d] kernel 5×5 is larger than the padded image [1, 2, 4, 4]. Use a smaller kernel or more padding",
    ShapeError,
    () => conv2d(image, zeros([1, 2, 5, 5])),
  ],
  [
    "[conv2d] stride must be a whole number ≥ 1 or a pair of them, got 0",
    ConfigError,
    () => conv2d(image, zeros([1, 2, 3, 3]), { stride: 0 }),
  ],
  [
    "[conv2d] groups must be a whole number ≥ 1, got 0",
    ConfigError,
    () => conv2d(image, zeros([1, 2, 3, 3]), { groups: 0 }),
  ],
  ["[conv2d] bias has 3 elements for 1 channels", ShapeError, () => conv2d(image, zeros([1, 2, 3, 3]), { bias: v })],
  [
    "[maxPool2d] window 5×5 is larger than the padded image [1, 2, 4, 4]. Use a smaller window or more padding",
    ShapeError,
    () => maxPool2d(image, 5),
  ],
  [
    "[maxPool2d] padding [2, 2] is more than half of kernelSize [2, 2]. Use padding of at most 1",
    ConfigError,
    () => maxPool2d(image, 2, { padding: 2 }),
  ],
  ["[avgPool2d] needs x [N, C, H, W], got [2, 3]", ShapeError, () => avgPool2d(m, 2)],
  [
    "[tensor] nested arrays are ragged: expected [2, 2], got 1 values at [1]. Give every row as many values",
    ShapeError,
    () => tensor([[1, 2], [3]]),
  ],
  ["[tensor] 3 values do not fill [2, 2]", ShapeError, () => tensor([1, 2, 3], { shape: [2, 2] })],
  [
    '[tensor] i32 has no gradient. Use dtype "f32"',
    DTypeError,
    () => tensor([1], { dtype: "i32", requiresGrad: true }),
  ],
  ["[full] sizes must be whole and not negative, got [-1]", ShapeError, () => full([-1], 0)],
  ["[eye] sizes must be whole and not negative, got [1.5, 1.5]", ShapeError, () => eye(1.5)],
  ["[arange] from 0 to 3 by 0 does not end", ShapeError, () => arange(3, { step: 0 })],
  ["[neg] does not take bool. It takes number; convert with .to()", DTypeError, () => flags.neg()],
  ["[backward] needs a scalar, got [3]. Take .mean() or .sum() first", ShapeError, () => v.backward()],
  [`[backward] ${unconnected}`, FoveaError, () => v.sum().backward()],
  [`[backward] ${unconnected}`, FoveaError, () => noGrad(() => weight.sum()).backward()],
  [`[backward] ${unconnected}`, FoveaError, () => weight.gt(0).to("f32").sum().backward()],
  [`[backward] ${unconnected}`, FoveaError, () => frozen().sum().backward()],
  [`[backward] ${unconnected}`, FoveaError, () => compile(() => weight.detach().sum().backward())()],
  ["[grad] the output [3] is not a scalar. Pass gradOutput, or take .sum()", ShapeError, () => grad(v, [v])],
  ["[grad] gradOutput [2, 3] does not match [3]", ShapeError, () => grad(v, [v], { gradOutput: m })],
  ["[grad] the output is i32. Only floats have gradients", DTypeError, () => grad(whole.sum(), [whole])],
  ["[assign] w is [3], the value [2, 3]", ShapeError, () => new Variable(v, { name: "w" }).assign(m)],
  ["[load] w has 3 elements, got 2", ShapeError, () => new Variable(v, { name: "w" }).load([1, 2])],
  ["[Generator] seed must be a whole number, got 0.5", ConfigError, () => new Generator(0.5)],
  ["[bernoulli] p must be between 0 and 1, got 2", ConfigError, () => new Generator(0).bernoulli([1], 2)],
  ["[item] needs one element, got [3]", ShapeError, () => v.item()],
  ['unknown device "gpu". Choose one of native, wasm, interp', DeviceError, () => useDevice("gpu")],
  [
    "[compile] [0] is a Map. Pass and return tensors, numbers, strings, or plain objects and arrays of them",
    ConfigError,
    () => compile((x: Map<string, string>) => x)(new Map()),
  ],
];

describe("wrong programs", () => {
  it.each(failures)("%s", async (message, kind, program) => {
    let error: unknown;
    try {
      await program();
    } catch (thrown) {
      error = thrown;
    }
    expect(describeError(error)).toBe(message);
    expect(error).toBeInstanceOf(kind);
  });
});
