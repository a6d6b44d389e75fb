/** f64 on `native`: whole functions and their gradients agree with the float64 oracle to rounding. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  compile,
  conv2d,
  type DType,
  Generator,
  grad,
  Parameter,
  type Tensor,
  tensor,
  useDevice,
  zeros,
} from "../../src/index.js";
import { functional } from "../../src/nn/index.js";
import { Adam, SGD } from "../../src/optim/index.js";
import { valuesOf } from "../support/devices.js";
import { expectAgreement, randomSource } from "../support/numbers.js";

const values = (shape: readonly number[], seed = 1): Tensor => {
  const random = randomSource(seed);
  const count = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float64Array.from({ length: count }, () => 2 * random() - 1),
    { shape: [...shape] },
  );
};

type Case = readonly [shapes: readonly (readonly number[])[], f: (...x: Tensor[]) => Tensor];

const labels = () => tensor(Int32Array.from({ length: 9 }, (_, i) => (5 * i) % 7));

/** The structural sweep takes a case of every op; here are compositions. */
const cases: Readonly<Record<string, Case>> = {
  elementwise: [[[3, 37], [37]], (a, b) => a.mul(b).add(a.exp()).div(b.abs().add(1)).tanh()],
  "select and clamp": [[[5, 41]], (x) => x.gt(0.25).where(x.square(), x.clamp({ min: -0.5 }))],
  "cross-entropy": [[[9, 7]], (x) => functional.crossEntropy(x, labels())],
  "sum of a long axis": [[[40000]], (x) => x.mul(x).sum()],
  "product, extrema": [
    [[4, 33]],
    (x) =>
      x
        .prod({ dim: 1 })
        .add(x.max({ dim: 1 }))
        .sub(x.min({ dim: 1 })),
  ],
  matmul: [
    [
      [2, 33, 40],
      [40, 35],
    ],
    (a, b) => a.matmul(b),
  ],
  "convolution in groups, stride and dilation": [
    [
      [1, 4, 13, 12],
      [6, 2, 3, 2],
    ],
    (x, w) => conv2d(x, w, { stride: 2, dilation: 2, padding: 2, groups: 2 }),
  ],
  "batch norm": [[[4, 5, 6, 6]], (x) => functional.batchNorm(x, { training: true })],
  "movement and gather": [
    [[3, 4, 21]],
    (x) =>
      x
        .permute([2, 0, 1])
        .flip(0)
        .slice(0, 1, 20, { step: 3 })
        .pad([
          [1, 2],
          [0, 0],
          [2, 1],
        ])
        .take(labels()),
  ],
};
const names = Object.keys(cases);

async function evaluate(): Promise<number[][]> {
  return valuesOf(
    Object.values(cases).flatMap(([shapes, f]) => {
      const inputs = shapes.map((shape, i) => values(shape, i + 1));
      const result = f(...inputs);
      expect(result.dtype).toBe("f64");
      return [result, ...grad(result.mul(values(result.shape, 9)).sum(), inputs)];
    }),
  );
}

describe("f64 on native", () => {
  let wanted: number[][] = [];
  let found: number[][] = [];
  beforeAll(async () => {
    await useDevice("interp");
    wanted = await evaluate();
    await useDevice("native");
    found = await evaluate();
  });

  let at = 0;
  const rows = names.map((name) => {
    const first = at;
    at += 1 + cases[name][0].length;
    return [name, first, at] as const;
  });
  it.each(rows)("%s, and its gradient", (_, first, last) => {
    for (let k = first; k < last; k++) {
      const scale = wanted[k].reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      expectAgreement(found[k], wanted[k], { relative: 1e-13, absolute: 1e-13 * scale }, `tensor ${k - first}`);
    }
  });

  it("sums of products have the same bits in a vector and behind the last one", async () => {
    const column = (seed: number) => tensor(new Float64Array(67).fill(Math.PI / seed));
    const [sums] = await valuesOf([column(1.7).mul(column(2.3)).add(column(-0.4))]);
    expect(new Set(sums).size).toBe(1);
  });

  it("converts to and from every dtype as the oracle does", async () => {
    const special = [0, -0, 0.4, -0.9, 1.5, 255.9, 256, -1, 3e9, -3e9, 2 ** 31 - 0.5, -(2 ** 31) - 0.5, 1e300, -1e300];
    const numbers = [...special, Infinity, -Infinity, Number.NaN, ...special];
    const types: readonly DType[] = ["f32", "i32", "u8", "bool"];
    const convert = () => {
      const x = tensor(Float64Array.from(numbers));
      const narrow = types.map((dtype) => x.to(dtype));
      return [...narrow, ...narrow.slice(1).map((y) => y.to("f64"))];
    };
    await useDevice("interp");
    const exact = await valuesOf(convert());
    await useDevice("native");
    const narrow = await valuesOf(convert());
    expect(narrow[0]).toEqual(exact[0].map(Math.fround));
    expect(narrow.slice(1)).toEqual(exact.slice(1));
  });

  it("draws the numbers of the oracle", async () => {
    const draw = () => {
      const generator = new Generator(5);
      return [generator.uniform([37]).to("f64"), generator.normal([37]).to("f64")];
    };
    await useDevice("interp");
    const exact = await valuesOf(draw());
    await useDevice("native");
    const drawn = await valuesOf(draw());
    drawn.forEach((row, i) => {
      expectAgreement(row, exact[i], { relative: 1e-5, absolute: 1e-6 });
    });
  });

  it.each([
    ["Adam", (p: Parameter) => new Adam([p], { lr: 0.1, weightDecay: 0.01 })],
    ["SGD", (p: Parameter) => new SGD([p], { lr: 0.1, momentum: 0.9, nesterov: true })],
  ] as const)("trains f64 parameters with %s, state and all", async (_, make) => {
    const train = async (): Promise<number[]> => {
      const p = new Parameter(values([53], 4));
      const optimizer = make(p);
      const target = values([53], 5);
      const step = compile(() => {
        const loss = p.sub(target).square().mean();
        loss.backward();
        optimizer.step();
        return loss;
      });
      for (let i = 0; i < 5; i++) await step();
      expect(p.dtype).toBe("f64");
      return Array.from(await p.data());
    };
    await useDevice("interp");
    const exact = await train();
    await useDevice("native");
    const trained = await train();
    // Rates and betas are f32 cells, which the oracle holds in float64.
    expectAgreement(trained, exact, { relative: 1e-6, absolute: 1e-6 });
  });

  it("writes over a state in place", async () => {
    await useDevice("native");
    const p = new Parameter(zeros([40], { dtype: "f64" }));
    const step = compile(() => p.assign(p.add(1 / 3)));
    for (let i = 0; i < 3; i++) await step();
    expect(Array.from(await p.data())).toEqual(new Array(40).fill(1 / 3 + 1 / 3 + 1 / 3));
  });
});
