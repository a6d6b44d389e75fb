/** Long graphs and wide concatenations compute what short ones do, on every device. */
import { beforeAll, describe, expect, it } from "vitest";
import { compile, concat, full, ones, Parameter, type Tensor, tensor, useDevice } from "../../src/index.js";
import { functional, Linear, manualSeed, ReLU, Sequential } from "../../src/nn/index.js";
import { SGD } from "../../src/optim/index.js";
import { devices } from "../support/devices.js";
import { expectAgreement } from "../support/numbers.js";

const single = { relative: 1e-5, absolute: 1e-6 };

/** Numbers that tell a slice from its neighbours. */
const pattern = (shape: readonly number[], start: number): number[] =>
  Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => start + i / 8);

/** The concatenation of arrays of one shape along an axis of it, by hand. */
function joined(parts: readonly number[][], shape: readonly number[], axis: number): number[] {
  const inner = shape.slice(axis).reduce((a, b) => a * b, 1);
  const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  return Array.from({ length: outer }, (_, row) =>
    parts.flatMap((p) => p.slice(row * inner, (row + 1) * inner)),
  ).flat();
}

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  it("a chain of 20,000 multiplications and additions", async () => {
    let x = full([5], 1);
    const [a, b] = [full([5], 0.5), full([5], 0.25)];
    for (let i = 0; i < 20_000; i++) x = x.mul(a).add(b);
    expect([...(await x.data())]).toEqual([0.5, 0.5, 0.5, 0.5, 0.5]);
  });

  it("a chain of functions that are long themselves", async () => {
    let x = full([5], 1);
    let expected = 1;
    for (let i = 0; i < 400; i++) {
      x = x.mul(1.5).tanh().exp().log();
      expected = Math.log(Math.exp(Math.tanh(1.5 * expected)));
    }
    expectAgreement(await x.data(), new Array<number>(5).fill(expected), { relative: 1e-4, absolute: 0 });
  });

  it("a gradient through 10,000 operations", async () => {
    const start = new Parameter(full([3], 1));
    const factor = new Parameter(full([3], 0.9999));
    let x: Tensor = start;
    for (let i = 0; i < 5000; i++) x = x.mul(factor).add(0.25);
    x.sum().backward();
    const [dx, dFactor] = [start.grad as Tensor, factor.grad as Tensor];
    // d/df of f ** n x + 0.25 Σ f ** k, the sum over k < n.
    let [slope, value] = [0, 1];
    for (let i = 0; i < 5000; i++) [slope, value] = [slope * 0.9999 + value, value * 0.9999 + 0.25];
    expectAgreement(await dx.data(), new Array<number>(3).fill(0.9999 ** 5000), { relative: 1e-3, absolute: 0 });
    expectAgreement(await dFactor.data(), new Array<number>(3).fill(slope), { relative: 1e-3, absolute: 0 });
  });

  it("100 steps of an optimizer before anything is read are those of a compiled step", async () => {
    const [x, y] = [ones([4, 8]), tensor(new Int32Array([0, 1, 2, 3]))];
    const trained = async (compiled: boolean): Promise<number[]> => {
      manualSeed(7);
      const model = new Sequential(new Linear(8, 8), new ReLU(), new Linear(8, 4));
      const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
      const step = (): Tensor => {
        optimizer.zeroGrad();
        const loss = functional.crossEntropy(model(x), y);
        loss.backward();
        optimizer.step();
        return loss;
      };
      const quick = compile(step);
      for (let i = 0; i < 100; i++) await (compiled ? quick() : step());
      return [...(await model.parameters()[0].data())];
    };
    expectAgreement(await trained(false), await trained(true), single);
  });

  it.each([
    { count: 500, shape: [40], axis: 0 },
    { count: 33, shape: [7, 5], axis: 1 },
    { count: 70, shape: [3, 16, 2], axis: 1 },
    { count: 5, shape: [2, 3, 33], axis: 2 },
    { count: 40, shape: [1], axis: 0 },
  ])("$count values of $shape are concatenated along axis $axis", async ({ count, shape, axis }) => {
    const parts = Array.from({ length: count }, (_, i) => pattern(shape, 10 * i));
    const y = concat(
      parts.map((values) => tensor(values, { shape })),
      { dim: axis },
    );
    // The values themselves, and with work behind them in the same kernel.
    const [plain, behind] = [await y.data(), await y.mul(2).add(1).data()];
    const expected = joined(parts, shape, axis);
    expect([...plain]).toEqual(expected);
    expect([...behind]).toEqual(expected.map((v) => 2 * v + 1));
  });

  it("concatenated values may be computed, empty, of several lengths, of integers, and get gradients", async () => {
    const lengths = [3, 0, 17, 1, 40, 2];
    const whole = tensor(Int32Array.from({ length: 63 }, (_, i) => i - 30));
    const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0));
    const integers = lengths.map((length, i) => whole.slice(0, starts[i], starts[i] + length).mul(3));
    expect([...(await concat(integers).data())]).toEqual(Array.from({ length: 63 }, (_, i) => 3 * (i - 30)));
    const parameters = lengths.map((length, i) => new Parameter(full([length], i + 1)));
    const weights = tensor(Float32Array.from({ length: 63 }, (_, i) => i));
    concat(parameters.map((p) => p.square()))
      .mul(weights)
      .sum()
      .backward();
    const gradients = await concat(parameters.map(({ grad }) => grad as Tensor)).data();
    const factors = lengths.flatMap((length, i) => new Array<number>(length).fill(2 * (i + 1)));
    expect([...gradients]).toEqual(factors.map((factor, i) => factor * i));
  });

  it("images are concatenated along their channels, between convolutions", async () => {
    const images = Array.from({ length: 6 }, (_, i) =>
      tensor(
        pattern([2, 8, 5, 5], i).map((v) => v / 100),
        { shape: [2, 8, 5, 5] },
      ),
    );
    const w = tensor(
      Array.from({ length: 16 * 8 }, (_, i) => ((i * 7) % 11) / 11 - 0.5),
      { shape: [16, 8, 1, 1] },
    );
    const conv = (x: Tensor): Tensor => functional.conv2d(x, w.slice(1, 0, x.shape[1]), {});
    const made = images.map((x) => conv(x).slice(1, 0, 8));
    const y = concat(made, { dim: 1 }).relu();
    const parts = await Promise.all(made.map(async (x) => [...(await x.data())]));
    expectAgreement(
      await y.data(),
      joined(parts, [2, 8, 5, 5], 1).map((v) => Math.max(0, v)),
      single,
    );
    expect(y.shape).toEqual([2, 48, 5, 5]);
  });
});
