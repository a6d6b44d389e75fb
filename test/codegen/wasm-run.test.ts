/**
 * Encoded kernels are run in one thread and compared with the reference device: scalar ops on their cases, templates with
 * odd shapes, guarded, strided and picked memory, with fused multiply-adds and without.
 */
import { beforeAll, describe, expect, it } from "vitest";
import {
  avgPool2d,
  concat,
  conv2d,
  type DType,
  Generator,
  grad,
  maxPool2d,
  registerDevice,
  Tensor,
  tensor,
  useDevice,
} from "../../src/index.js";
import { hostArray } from "../../src/ir/dtype.js";
import { type ScalarName, scalarNames, scalarOps } from "../../src/ir/scalar/index.js";
import { graph } from "../../src/ops/index.js";
import { valuesOf } from "../support/devices.js";
import { spreadValues, ulpsBetween } from "../support/numbers.js";
import { compareRounded } from "../support/terms.js";
import { PlainWasm } from "../support/wasm.js";

const modes = { "fused multiply-add": true, "separate products": false } as const;
const modeNames = Object.keys(modes) as (keyof typeof modes)[];
for (const mode of modeNames)
  registerDevice(mode, async () => new PlainWasm(mode, { relaxed: modes[mode], shared: false }));

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const floats = (shape: number[], seed = 1) => tensor(spreadValues(sizeOf(shape), seed), { shape });
const bytes = (shape: number[], dtype: DType) => {
  const values = hostArray(dtype, sizeOf(shape));
  return tensor(
    values.map((_, i) => (dtype === "bool" ? ((i * 7) % 3) & 1 : (i * 37) % 256)),
    { shape, dtype },
  );
};
const integers = (values: number[], shape = [values.length]) => tensor(Int32Array.from(values), { shape });

/** y and the gradients of its inputs. */
const withGradients = (y: Tensor, inputs: Tensor[]): Tensor[] => [
  y,
  ...grad(y, inputs, { gradOutput: floats([...y.shape], 9) }),
];
function convolution(x: number[], w: number[], options: Parameters<typeof conv2d>[2]): Tensor[] {
  const inputs = [floats(x, 2), floats(w, 3)];
  return withGradients(conv2d(inputs[0], inputs[1], options), inputs);
}
function product(a: number[], b: number[]): Tensor[] {
  const inputs = [floats(a, 4), floats(b, 5)];
  return withGradients(inputs[0].matmul(inputs[1]), inputs);
}
const pooled = (pool: (x: Tensor) => Tensor, shape: number[]): Tensor[] => {
  const x = floats(shape, 6);
  return withGradients(pool(x), [x]);
};

const programs: Readonly<Record<string, () => Tensor[]>> = {
  "1×1 · 1×1": () => product([1, 1], [1, 1]),
  "7×13 · 13×19": () => product([7, 13], [13, 19]),
  "33×5 · 5×31": () => product([33, 5], [5, 31]),
  "17×300 · 300×65": () => product([17, 300], [300, 65]),
  "batches of 3×20 · 20×9": () => product([4, 3, 20], [4, 20, 9]),
  "deeper than a block": () => product([9, 1031], [1031, 10]),
  "a · bᵀ + 1": () => [
    floats([9, 37])
      .matmul(floats([21, 37], 2).transpose())
      .add(1)
      .relu(),
  ],
  "3×3 with border": () => convolution([2, 3, 7, 5], [5, 3, 3, 3], { padding: 1 }),
  "3×3 of blocked channels": () => convolution([2, 16, 9, 6], [12, 16, 3, 3], { padding: 1 }),
  "5×3, stride 2": () => convolution([2, 9, 11, 13], [17, 9, 5, 3], { stride: 2, padding: [2, 1] }),
  dilated: () => convolution([1, 16, 12, 9], [33, 16, 3, 3], { dilation: 2 }),
  "in groups": () => convolution([2, 6, 8, 8], [9, 2, 3, 3], { groups: 3, padding: 1 }),
  "1×1 kernels": () => convolution([3, 20, 5, 3], [11, 20, 1, 1], {}),
  "images of 2×2": () => convolution([3, 8, 2, 2], [8, 8, 3, 3], { padding: 1 }),
  "a large border": () => convolution([1, 4, 3, 3], [4, 4, 7, 7], { padding: 5 }),
  "convolution, ReLU, pool": () => {
    const y = conv2d(floats([2, 5, 8, 8]), floats([12, 5, 3, 3], 2), { padding: 1 });
    return [maxPool2d(y.relu(), 2), avgPool2d(y, 2)];
  },
  "max pool": () => pooled((x) => maxPool2d(x, 3, { stride: 2, padding: 1 }), [2, 5, 9, 7]),
  "average pool": () => pooled((x) => avgPool2d(x, 2), [2, 3, 8, 6]),
  "sums along every axis": () => {
    const x = floats([5, 7, 33]);
    return [x.sum(), ...[0, 1, 2].flatMap((dim) => [x.sum({ dim }), x.max({ dim }), x.min({ dim })])];
  },
  "long sums and products": () => {
    const x = floats([3, 4099], 7);
    return [x.sum({ dim: 1 }), x.mul(0.001).add(1).prod({ dim: 1 }), x.variance({ dim: 0 })];
  },
  "positions of extrema": () => [
    ...[0, 1].flatMap((dim) => [floats([13, 21]).argmax({ dim }), floats([13, 21], 3).argmin({ dim })]),
    tensor([1, Number.NaN, 3, Number.NaN, 5]).argmax(),
    integers([3, -7, 9, 9, 1]).argmax(),
  ],
  softmax: () => pooled((x) => x.softmax(1), [6, 11]),
  "rows picked by index": () => {
    const table = floats([6, 9]);
    const y = table.take(integers([5, 0, 3, 3, 1]), { dim: 0 });
    return [...withGradients(y, [table]), table.take(integers([2, 8, 4, 1, 0, 7, 6]), { dim: 1 })];
  },
  "indices outside the table": () => [
    floats([4, 5]).take(integers([-1, 2, 4, 2147483647, 0]), { dim: 0 }),
    integers([7, 8, 9]).take(integers([-1, 1, 3, 0, 2, -2147483648]), { dim: 0 }),
  ],
  "gather by lane": () => [
    floats([5, 13]).gather(
      0,
      integers(
        Array.from({ length: 39 }, (_, i) => (i * 3) % 5),
        [3, 13],
      ),
    ),
    floats([9, 5]).gather(
      1,
      integers(
        Array.from({ length: 36 }, (_, i) => (i * 7) % 5),
        [9, 4],
      ),
    ),
  ],
  "bytes and truth values": () => {
    const [u, b] = [bytes([5, 13], "u8"), bytes([5, 13], "bool")];
    return [
      ...[u.add(200), u.transpose(), u.to("f32").mul(0.5), u.gt(100), u.to("bool")],
      ...[b.logicalNot(), b.to("f32"), b.to("i32"), b.to("u8"), b.flip(1), b.transpose()],
      ...[
        b.where(u, u.mul(3)),
        floats([5, 13]).gt(0).logicalOr(b),
        b.pad([
          [1, 2],
          [3, 1],
        ]),
      ],
      b.where(floats([5, 13]), 0),
      b.where(0, floats([5, 13])),
    ];
  },
  "bytes in strides": () => {
    const [u, b] = [bytes([6, 14], "u8"), bytes([6, 14], "bool")];
    return [u, b].flatMap((x) => [
      x.slice(1, 1, 14, { step: 3 }),
      x.slice(1, 0, 14, { step: 2 }).flip(1),
      x.transpose().slice(0, 0, 14, { step: 5 }),
    ]);
  },
  casts: () => [
    floats([33]).mul(40).to("i32"),
    tensor([3e9, -3e9, Number.NaN, -0.9, 2.9, -2.9, 0, 1e-40]).to("bool"),
    tensor([-2.9, 2.9, 0, -0.5, 100.5, 7, 8]).to("i32"),
    integers([-5, 0, 3, 16777217, 8]).to("f32"),
    integers([-5, 0, 256, 1, 8]).to("bool"),
  ],
  "concatenated, padded, flipped": () => {
    const x = floats([3, 10]);
    return [
      ...withGradients(concat([x, x.mul(2), floats([3, 3], 2)], { dim: 1 }), [x]),
      x.pad(
        [
          [2, 1],
          [3, 5],
        ],
        { value: 1.5 },
      ),
      x
        .pad([
          [0, 0],
          [1, 1],
        ])
        .flip(0),
      x.slice(1, 2, 9, { step: 3 }),
      x.flip(1).transpose(),
    ];
  },
  transposed: () => [
    floats([9, 14]).transpose().mul(2),
    floats([3, 5, 7]).permute([2, 0, 1]).add(1),
    floats([4, 8, 12]).permute([1, 2, 0]).reshape([24, 16]).sum({ dim: 0 }),
  ],
  "random numbers": () => {
    const generator = new Generator(11, { stream: "test" });
    return [
      generator.uniform([101]),
      generator.normal([7, 9]),
      generator.bernoulli([50], 0.3),
      generator.permutation(31),
    ];
  },
};

describe.each(modeNames)("programs with %s", (mode) => {
  it.each(Object.keys(programs))("%s", async (name) => {
    await compareRounded(mode, programs[name]);
  });
});

describe("scalar ops", () => {
  const apply = (name: ScalarName, dtype: DType, tuples: readonly (readonly number[])[], length: number): Tensor => {
    const operands = Array.from({ length: scalarOps[name].arity }, (_, k) => {
      const type = name === "select" && k === 0 ? "bool" : dtype;
      const values = hostArray(type, length).map((_, i) => tuples[i % tuples.length][k]);
      return tensor(values, { dtype: type });
    });
    return new Tensor(graph.op(name, ...operands.map((x) => x.node)));
  };
  const typeOf: Readonly<Record<string, DType>> = { any: "f32", number: "f32", float: "f32", int: "i32", bool: "bool" };
  /** Whole vectors, and a tail of scalars. */
  const lengthOf = (name: ScalarName) => 4 * Math.ceil(scalarOps[name].cases.length / 4) + 4 + 3;
  let found: number[][] = [];
  const inexact: Partial<Record<ScalarName, number>> = { mod: 8 };

  beforeAll(async () => {
    await useDevice("separate products");
    const all = scalarNames.map((name) => {
      const { cases, operands } = scalarOps[name];
      return apply(name, typeOf[operands], cases, lengthOf(name));
    });
    found = await valuesOf(all);
  });

  it("have instructions wherever they have C text", () => {
    const without = scalarNames.filter((name) => (scalarOps[name].c === null) !== (scalarOps[name].wasm === null));
    expect(without).toEqual([]);
  });

  it.each(scalarNames.filter((name) => scalarOps[name].wasm))("%s of its cases, in vectors and alone", (name) => {
    const { cases, meaning, integerMeaning, operands } = scalarOps[name];
    const i32 = typeOf[operands] === "i32";
    found[scalarNames.indexOf(name)].forEach((value, i) => {
      const tuple = cases[i % cases.length].map((x) => (i32 ? x : Math.fround(x)));
      const exact = i32 && integerMeaning ? integerMeaning(...tuple) : meaning(...tuple);
      expect(
        ulpsBetween(value, Math.fround(exact)),
        `${name}(${tuple.join(", ")}) = ${value}, meant ${exact}`,
      ).toBeLessThanOrEqual(inexact[name] ?? 0);
    });
  });

  it("take a remainder by zero and by -1 without a trap, like the C helper", async () => {
    await useDevice("separate products");
    const a = [7, -7, -2147483648, 5, -5, 0, 9];
    const b = [0, 0, -1, -1, 3, 3, -4];
    const tuples = a.map((x, i) => [x, b[i]]);
    const [values] = await valuesOf([apply("mod", "i32", tuples, 14)]);
    expect(values).toEqual([0, 0, 0, 0, 1, 0, -3, 0, 0, 0, 0, 1, 0, -3]);
  });

  it("give zeros, NaN and constants their place in maxima and minima", async () => {
    await useDevice("separate products");
    const x = tensor([-0, 0, Number.NaN, 1, -1, Number.NEGATIVE_INFINITY, 2]);
    const build = () => [x.maximum(0), x.minimum(0), x.maximum(0.5), x.minimum(0.5), x.relu()];
    const first = new Tensor(graph.op("max", tensor(0.5).expand([7]).node, x.node));
    const [max0, min0, max, min, relu, swapped] = await valuesOf([...build(), first]);
    const nan = Number.NaN;
    expect(max0).toEqual([0, 0, nan, 1, 0, 0, 2]);
    expect(min0).toEqual([0, 0, nan, 0, -1, Number.NEGATIVE_INFINITY, 0]);
    expect(max).toEqual([0.5, 0.5, nan, 1, 0.5, 0.5, 2]);
    expect(min).toEqual([-0, 0, nan, 0.5, -1, Number.NEGATIVE_INFINITY, 0.5]);
    expect(relu).toEqual(max0);
    expect(swapped).toEqual(max);
  });
});
