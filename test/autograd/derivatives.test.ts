/** Derivatives of derivatives against central differences of the first, and what detach, noGrad and unused inputs mean. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  avgPool2d,
  concat,
  conv2d,
  type DType,
  grad,
  maxPool2d,
  noGrad,
  Parameter,
  type Tensor,
  tensor,
  useDevice,
} from "../../src/index.js";
import { sizeOf } from "../support/arrays.js";
import { devices, fastDevices, valuesOf } from "../support/devices.js";
import { expectAgreement, spreadPositions, spreadValues } from "../support/numbers.js";
import { type Conditioned, conditioned, expectRounded } from "../support/terms.js";

interface Case {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly f: (...x: Tensor[]) => Tensor;
}

const cases: readonly Case[] = [
  { name: "mul and div", shapes: [[7], [7]], f: (a, b) => a.square().mul(b).div(b.square().add(1)) },
  { name: "exp, log, tanh", shapes: [[7]], f: (x) => x.exp().add(1).log().mul(x.tanh()) },
  {
    name: "sin, cos, erf, sqrt",
    shapes: [[7]],
    f: (x) => x.sin().mul(x.cos()).add(x.erf()).mul(x.square().add(1).sqrt()),
  },
  { name: "pow", shapes: [[5], [5]], f: (a, b) => a.abs().add(0.5).pow(b) },
  { name: "sigmoid", shapes: [[7]], f: (x) => x.sigmoid().square() },
  { name: "softmax", shapes: [[3, 5]], f: (x) => x.softmax(1).square() },
  { name: "logSoftmax", shapes: [[3, 5]], f: (x) => x.logSoftmax(1).square() },
  { name: "variance", shapes: [[3, 5]], f: (x) => x.variance({ dim: 1 }).square() },
  { name: "prod", shapes: [[2, 4]], f: (x) => x.prod({ dim: 1 }) },
  { name: "max", shapes: [[3, 5]], f: (x) => x.max({ dim: 1 }).mul(x.min()).mul(x.sum()) },
  {
    name: "matmul",
    shapes: [
      [3, 4],
      [4, 2],
    ],
    f: (a, b) => a.matmul(b).tanh(),
  },
  {
    name: "conv2d",
    shapes: [
      [1, 2, 5, 5],
      [3, 2, 3, 3],
    ],
    f: (x, w) => conv2d(x, w, { padding: 1, stride: 2 }).tanh(),
  },
  {
    name: "grouped conv2d",
    shapes: [
      [1, 2, 5, 4],
      [2, 1, 2, 2],
    ],
    f: (x, w) => conv2d(x, w, { groups: 2, dilation: 2 }).square(),
  },
  {
    name: "average pooling",
    shapes: [[1, 1, 4, 6]],
    f: (x) => avgPool2d(x, 3, { stride: 2, padding: 1 }).square(),
  },
  { name: "max pooling", shapes: [[1, 1, 4, 6]], f: (x) => maxPool2d(x, 2).square() },
  {
    name: "slice, pad, flip, concat",
    shapes: [[7]],
    f: (x) =>
      concat([
        x.slice(0, 1, 7, { step: 2 }).square(),
        x
          .flip(0)
          .pad([[1, 0]])
          .sin(),
      ]),
  },
  {
    name: "gather",
    shapes: [[5, 2]],
    f: (x) =>
      x
        .take(tensor([0, 4, 4], { dtype: "i32" }))
        .square()
        .mul(x.sum()),
  },
];

/** ‖∇ Σ f‖² weighted: its gradient needs every second derivative. */
function penalty({ f }: Case, x: readonly Tensor[]): Tensor {
  const first = grad(f(...x).sum(), x);
  return first
    .map((g, i) => g.mul(tensor(spreadValues(g.size, i + 50), { shape: g.shape, dtype: g.dtype })).sum())
    .reduce((a, b) => a.add(b));
}

const valuesFor = ({ shapes }: Case) => shapes.map((shape, i) => spreadValues(sizeOf(shape), i + 1));
const tensorsOf = ({ shapes }: Case, values: readonly (readonly number[])[], dtype: DType) =>
  shapes.map((shape, i) => tensor([...values[i]], { shape, dtype }));

function secondOf(one: Case, dtype: DType): Tensor[] {
  const x = tensorsOf(one, valuesFor(one), dtype);
  return grad(penalty(one, x), x);
}

describe("second derivatives", () => {
  const rounded = new Map<Case, Conditioned[]>();
  const exact = new Map<Case, number[][]>();
  const fast = fastDevices.map((device) => [device, new Map<Case, number[][]>()] as const);

  beforeAll(async () => {
    for (const [device, dtype, into] of [
      ["interp", "f64", exact],
      ...fast.map(([device, into]) => [device, "f32", into] as const),
    ] as const) {
      await useDevice(device);
      for (const one of cases) {
        into.set(one, await valuesOf(secondOf(one, dtype)));
      }
    }
    for (const one of cases) rounded.set(one, await conditioned(() => secondOf(one, "f32")));
  });

  it.each(cases.map((one) => [one.name, one] as const))("of %s", async (_, one) => {
    const values = valuesFor(one);
    for (let k = 0; k < values.length; k++) {
      const chosen = spreadPositions(values[k].length, 8);
      const h = 1e-5;
      const moved = chosen.flatMap((i) =>
        [h, -h].map((step) =>
          penalty(one, tensorsOf(one, values.with(k, values[k].with(i, values[k][i] + step)), "f64")),
        ),
      );
      const found = await valuesOf(moved);
      const numeric = chosen.map((_, i) => (found[2 * i][0] - found[2 * i + 1][0]) / (2 * h));
      const scale = Math.max(1, ...numeric.map(Math.abs));
      const at = chosen.map((i) => exact.get(one)?.[k][i] ?? Number.NaN);
      expectAgreement(at, numeric, { relative: 1e-6, absolute: 1e-7 * scale }, `interp d${k}`);
      for (const [device, all] of fast) {
        expectRounded(all.get(one)?.[k] ?? [], (rounded.get(one) ?? [])[k], `${device} d${k}`);
      }
    }
  });
});

describe.each(devices)("gradients on %s", (device) => {
  beforeAll(() => useDevice(device));

  it("are zero for what the output does not depend on", async () => {
    const [x, y] = [tensor([1, 2]), tensor([[3]])];
    const [dx, dy] = grad(x.sum(), [x, y]);
    expect([await dx.toArray(), await dy.toArray()]).toEqual([[1, 1], [[0]]]);
  });

  it("stop at detach and in noGrad", async () => {
    const x = tensor([1, 2]);
    const [a] = grad(x.mul(x.detach()).sum(), [x]);
    const [b] = grad(x.mul(noGrad(() => x.square())).sum(), [x]);
    expect([await a.toArray(), await b.toArray()]).toEqual([
      [1, 2],
      [1, 4],
    ]);
  });

  it("restore recording after an exception in noGrad", async () => {
    expect(() =>
      noGrad(() => {
        throw new Error("stop");
      }),
    ).toThrow("stop");
    const x = tensor([3]);
    expect(await grad(x.square(), [x])[0].toArray()).toEqual([6]);
  });

  it("reach an intermediate value", async () => {
    const x = tensor([2]);
    const y = x.square();
    const [dy, dx] = grad(y.mul(3).square(), [y, x]);
    expect([await dy.item(), await dx.item()]).toEqual([72, 288]);
  });

  it("reach a value that has been computed in between", async () => {
    const x = tensor([2], { requiresGrad: true });
    const y = x.square();
    const z = y.mul(5);
    await y.data();
    expect(await grad(z, [x])[0].toArray()).toEqual([20]);
    const later = y.mul(7);
    expect(await grad(later, [x])[0].toArray()).toEqual([28]);
  });

  it("reach parameters through a value that has been computed in between", async () => {
    const p = new Parameter(tensor([3]));
    const loss = p.square().sum();
    expect(await loss.item()).toBe(9);
    loss.backward();
    expect(await p.grad?.toArray()).toEqual([6]);
  });

  it("of extrema: first along one axis, shared over several", async () => {
    const x = tensor([
      [1, 3, 3],
      [3, 0, 1],
    ]);
    const [first, shared, pair] = await valuesOf([
      ...grad(x.max({ dim: 1 }).sum(), [x]),
      ...grad(x.max(), [x]),
      ...grad(
        x
          .maximum(
            tensor([
              [1, 3, 2],
              [4, 0, 1],
            ]),
          )
          .sum(),
        [x],
      ),
    ]);
    expect(first).toEqual([0, 1, 0, 1, 0, 0]);
    expectAgreement(shared, [0, 1 / 3, 1 / 3, 1 / 3, 0, 0], { relative: 1e-6, absolute: 0 });
    expect(pair).toEqual([0.5, 0.5, 1, 0, 0.5, 0.5]);
  });
});
