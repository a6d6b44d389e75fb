/**
 * Layers that drop values at random: what their masks have in common with the definition (share, units that are dropped
 * together, scale), that means and gradients fit, and that seeds repeat them. Evaluation is among the layer cases.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { compile, grad, useDevice } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { Generator, ones, type Tensor, tensor } from "../../src/tensor/index.js";
import { valuesOf } from "../support/devices.js";

beforeAll(() => useDevice("interp"));

interface Case {
  readonly layer: (generator: Generator) => nn.Module;
  readonly shape: readonly number[];
  /** The unit of the mask: axes of a size other than 1 are drawn apart. */
  readonly unit: readonly number[];
  readonly p: number;
  readonly scale?: number;
}

const { Dropout, Dropout1d, Dropout2d, Dropout3d, StochasticDepth } = nn;
const cases: Readonly<Record<string, Case>> = {
  Dropout: { layer: (g) => new Dropout({ p: 0.3, generator: g }), shape: [40, 50], unit: [40, 50], p: 0.3 },
  "Dropout, test-time scaling": {
    layer: (g) => new Dropout({ p: 0.3, scaling: "evaluation", generator: g }),
    shape: [40, 50],
    unit: [40, 50],
    p: 0.3,
    scale: 1,
  },
  Dropout1d: {
    layer: (g) => new Dropout1d({ p: 0.2, generator: g }),
    shape: [30, 40, 3],
    unit: [30, 40, 1],
    p: 0.2,
  },
  Dropout2d: {
    layer: (g) => new Dropout2d({ generator: g }),
    shape: [30, 40, 2, 2],
    unit: [30, 40, 1, 1],
    p: 0.5,
  },
  Dropout3d: {
    layer: (g) => new Dropout3d({ p: 0.4, generator: g }),
    shape: [30, 40, 2, 1, 2],
    unit: [30, 40, 1, 1, 1],
    p: 0.4,
  },
  "StochasticDepth by samples": {
    layer: (g) => new StochasticDepth(0.3, "row", { generator: g }),
    shape: [1500, 3],
    unit: [1500, 1],
    p: 0.3,
  },
};

describe.each(Object.entries(cases))("%s", (_, { layer, shape, unit, p, scale = 1 / (1 - p) }) => {
  it("drops units with probability p, scales the others, and passes gradients where it kept", async () => {
    const x = new Generator(1).uniform(shape, { low: 1, high: 2 });
    const y = layer(new Generator(7))(x) as Tensor;
    const factor = y.div(x);
    const perUnit = { dim: unit.flatMap((size, axis) => (size === 1 ? [axis] : [])), keepdim: true };
    const whole = perUnit.dim.length > 0;
    const [factors, least, most, gradient] = await valuesOf([
      factor,
      whole ? factor.min(perUnit) : factor,
      whole ? factor.max(perUnit) : factor,
      ...gradientOf(layer(new Generator(7)), x),
    ]);
    expect(least).toEqual(most); // one draw for each unit
    const kept = least.filter((value) => value !== 0);
    for (const value of kept) expect(value).toBeCloseTo(scale, 6);
    // Five standard errors of a share.
    const n = least.length;
    expect(Math.abs(1 - kept.length / n - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / n));
    for (const [i, value] of gradient.entries()) expect(value).toBeCloseTo(factors[i], 6);
  });

  it("repeats with its seed, and differs from call to call", async () => {
    const [x, first] = [ones(shape), layer(new Generator(3))];
    const again = layer(new Generator(3));
    const [a, b, c] = await valuesOf([first(x), first(x), again(x)] as Tensor[]);
    expect(c).toEqual(a);
    expect(b).not.toEqual(a);
  });
});

function gradientOf(layer: nn.Module, x: Tensor): Tensor[] {
  const input = x.detach();
  return grad((layer(input) as Tensor).sum(), [input]) as Tensor[];
}

describe("dropout", () => {
  it("has the same expectation in training and in evaluation, however it scales", async () => {
    const x = new Generator(2).normal([8]);
    for (const scaling of ["training", "evaluation"] as const) {
      const layer = new Dropout({ p: 0.4, scaling, generator: new Generator(4) });
      const trained = (layer(x.expand([20000, 8])) as Tensor).mean({ dim: 0 });
      const [mean, evaluated] = await valuesOf([trained, layer.eval()(x) as Tensor]);
      // 20,000 draws of at most 4: five standard errors are below 0.1.
      for (const [i, value] of mean.entries()) expect(Math.abs(value - evaluated[i])).toBeLessThan(0.1);
    }
  });

  it("of probability 1 gives zeros and zero gradients, of 0 the input", async () => {
    const x = tensor([1, 2, 1e38]);
    for (const layer of [new Dropout({ p: 1 }), new nn.AlphaDropout({ p: 1 })]) {
      expect(await valuesOf([layer(x) as Tensor, ...gradientOf(layer, x)])).toEqual([
        [0, 0, 0],
        [0, 0, 0],
      ]);
    }
    expect(new Dropout({ p: 0 })(x)).toBe(x);
  });

  it("of channels refuses inputs of another rank by name", () => {
    expect(() => new Dropout2d()(ones([2, 3, 4]))).toThrow("[dropout2d] expected x [N, C, H, W], got x [2, 3, 4]");
    expect(() => nn.functional.stochasticDepth(ones([]), 0.1, "row", new Generator(1))).toThrow("got a scalar");
  });
});

describe("alpha dropout", () => {
  it("keeps mean 0 and variance 1, dropping to the limit of SELU", async () => {
    const x = new Generator(5).normal([40, 500]);
    const [y] = await valuesOf([nn.functional.alphaDropout(x, new Generator(6), { p: 0.2 })]);
    const n = y.length;
    const mean = y.reduce((sum, value) => sum + value, 0) / n;
    const variance = y.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(variance - 1)).toBeLessThan(0.06);
    const alpha = 1.7580993408473766;
    const a = 1 / Math.sqrt((1 + 0.2 * alpha * alpha) * 0.8);
    const limit = a * alpha * 0.2 - a * alpha;
    const share = y.filter((value) => Math.abs(value - limit) < 1e-6).length / n;
    expect(Math.abs(share - 0.2)).toBeLessThan(5 * Math.sqrt(0.16 / n));
  });

  it("of channels draws once for each channel of each sample", async () => {
    const x = ones([10, 20, 4]);
    const y = nn.functional.featureAlphaDropout(x, new Generator(6), { p: 0.5 });
    const [least, most] = await valuesOf([y.min({ dim: 2 }), y.max({ dim: 2 })]);
    expect(least).toEqual(most);
    expect(new Set(least.map((value) => value.toFixed(6))).size).toBe(2);
  });
});

describe("stochastic depth of a batch", () => {
  it("keeps or drops all samples together", async () => {
    const layer = new StochasticDepth(0.5, "batch", { generator: new Generator(1) });
    const results = await valuesOf(Array.from({ length: 40 }, () => layer(ones([3, 2])) as Tensor));
    const seen = new Set(results.map((values) => values.join()));
    expect([...seen].sort()).toEqual(["0,0,0,0,0,0", "2,2,2,2,2,2"]);
  });
});

describe("dropBlock2d", () => {
  it("drops whole blocks, about a share p of the pixels, and keeps the mean", async () => {
    const [N, C, H, W, b] = [16, 8, 12, 10, 3];
    const y = nn.functional.dropBlock2d(ones([N, C, H, W]), 0.1, b, new Generator(8));
    const [values] = await valuesOf([y]);
    const dropped = values.filter((value) => value === 0).length / values.length;
    expect(dropped).toBeGreaterThan(0.07); // overlaps make it less than p
    expect(dropped).toBeLessThan(0.105);
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(1, 6);
    // Every zero lies in a block of zeros.
    const zero = (plane: number, i: number, j: number) => values[(plane * H + i) * W + j] === 0;
    const whole = (plane: number, i: number, j: number) =>
      i >= 0 &&
      j >= 0 &&
      i + b <= H &&
      j + b <= W &&
      Array.from({ length: b * b }, (_, k) => zero(plane, i + Math.floor(k / b), j + (k % b))).every(Boolean);
    for (let at = 0; at < values.length; at++) {
      if (values[at] !== 0) continue;
      const [plane, i, j] = [Math.floor(at / (H * W)), Math.floor(at / W) % H, at % W];
      const starts = Array.from({ length: b * b }, (_, k) => whole(plane, i - Math.floor(k / b), j - (k % b)));
      expect(starts.includes(true), `pixel ${at}`).toBe(true);
    }
  });

  it("gives zeros, not NaN, where everything is dropped", async () => {
    const y = nn.functional.dropBlock2d(ones([1, 1, 3, 3]), 1, 5, new Generator(8));
    expect(await valuesOf([y])).toEqual([new Array(9).fill(0)]);
  });
});

describe("a compiled step", () => {
  it("draws other masks at every call, and the same ones from the same seed", async () => {
    await useDevice("native");
    const run = async () => {
      const layer = new nn.Sequential(
        new Dropout2d({ generator: new Generator(1) }),
        new nn.AlphaDropout({ generator: new Generator(2) }),
      );
      const step = compile((x: Tensor) => layer(x) as Tensor);
      return [await (await step(ones([4, 6, 2, 2]))).data(), await (await step(ones([4, 6, 2, 2]))).data()];
    };
    const [first, second] = await run();
    expect(second).not.toEqual(first);
    expect(await run()).toEqual([first, second]);
  });
});
