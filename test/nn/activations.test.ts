/**
 * What the layer cases, which are random, do not meet: activations where they bend, at values whose exponentials would
 * overflow, of NaN and of integers; and those that no layer has.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { grad, useDevice } from "../../src/index.js";
import { activations, functional, PReLU } from "../../src/nn/index.js";
import { Generator, type Tensor, tensor, zeros } from "../../src/tensor/index.js";
import { devices, valuesOf } from "../support/devices.js";
import { build, type LayerCase, readReference } from "./references.js";

interface Bends extends LayerCase {
  readonly points: readonly (number | null)[];
}
interface Reference {
  readonly name: string;
  readonly values: readonly (number | null)[];
  readonly gradients: readonly (number | null)[];
}

const cases = readReference<Bends[]>("bends.cases.json");
const references = readReference<Reference[]>("bends.reference.json");
const numbers = (values: readonly (number | null)[]) => values.map((value) => value ?? Number.NaN);

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  it("every activation bends as PyTorch's, without overflow, and NaN passes", async () => {
    const tensors = cases.flatMap((one) => {
      const x = tensor(numbers(one.points), { requiresGrad: true });
      const y = build(one)(x) as Tensor;
      return [y, ...grad(y.sum(), [x])];
    });
    const results = await valuesOf(tensors);
    for (const [i, { name, points }] of cases.entries()) {
      const expected = references[i];
      expect(expected.name).toBe(name);
      const rows = points.map((x, at) => [x, results[2 * i][at], results[2 * i + 1][at]]);
      for (const [at, [x, y, gradient]] of rows.entries()) {
        const what = `${name} at ${x}`;
        if (x === null) expect(y, what).toBeNaN();
        else {
          expectNear(y ?? 0, expected.values[at] ?? 0, what);
          expectNear(gradient ?? 0, expected.gradients[at] ?? 0, `gradient of ${what}`);
        }
      }
    }
  });
});

/** Within 2e-6 of the larger of 1 and the value: f32 has the products of constants to 1e-7 each. */
function expectNear(actual: number, expected: number, what: string): void {
  expect(Math.abs(actual - expected) / Math.max(1, Math.abs(expected)), what).toBeLessThan(2e-6);
}

describe("activations", () => {
  beforeAll(() => useDevice("interp"));

  it("take integers as f32", async () => {
    const given = { threshold: 1, value: 2, dim: 0, pieces: 1 };
    const known = (schema: object) =>
      Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(schema, name)));
    const whole = tensor([-2, 1, 3, 2], { dtype: "i32" });
    for (const { name, schema, make } of activations.entries) {
      const values = name === "maxout" ? { pieces: 2, dim: 0 } : name === "glu" ? { dim: 0 } : known(schema);
      const run = make(name === "softplus" || name === "hardtanh" ? {} : values);
      expect(await run(whole).data(), name).toEqual(await run(whole.to("f32")).to(run(whole).dtype).data());
    }
  });

  it("with a learned slope refuse another number of channels", () => {
    expect(() => new PReLU({ numParameters: 3 })(zeros([2, 4]))).toThrow("[prelu] expected weight [4] or [1]");
  });

  it("that divide an axis refuse a size that does not fit", () => {
    expect(() => functional.glu(zeros([2, 3]))).toThrow("[glu] expected an even size of axis -1");
    expect(() => functional.maxout(zeros([2, 3]), 2)).toThrow("[maxout] expected a multiple of 2");
  });

  it("with bounds in the wrong order are errors", () => {
    expect(() => functional.hardtanh(zeros([2]), { minVal: 2, maxVal: 1 })).toThrow("[hardtanh] minVal 2 exceeds");
  });
});

describe("gumbelSoftmax", () => {
  beforeAll(() => useDevice("interp"));
  const logits = tensor([0, 1, 2]).expand([6000, 3]);

  it("draws each class as often as its probability says, at every temperature", async () => {
    for (const tau of [0.3, 2]) {
      const draws = functional.gumbelSoftmax(logits, new Generator(5), { tau, hard: true });
      const shares = await draws.mean({ dim: 0 }).data();
      // Six standard errors of a share over 6,000 draws are below 0.04.
      for (const [i, p] of [0.09, 0.2447, 0.6652].entries()) expect(Math.abs(shares[i] - p)).toBeLessThan(0.04);
    }
  });

  it("gives rows of one, hard ones with the gradient of the soft ones", async () => {
    const x = tensor([[0.5, -1, 2]], { requiresGrad: true });
    const weights = tensor([[1, 2, 4]]);
    const run = (hard: boolean) => {
      const y = functional.gumbelSoftmax(x, new Generator(3), { hard, tau: 0.7 });
      return [y, ...grad(y.mul(weights).sum(), [x])];
    };
    const [[soft, softGradient], [hard, hardGradient]] = [run(false), run(true)];
    const [softValues, hardValues, a, b] = await valuesOf([soft, hard, softGradient, hardGradient]);
    expect(softValues.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
    expect([...hardValues].sort()).toEqual([0, 0, 1]);
    expect(hardValues.indexOf(1)).toBe(softValues.indexOf(Math.max(...softValues)));
    expect(b).toEqual(a);
    expect(a.some((value) => Math.abs(value) > 1e-3)).toBe(true);
  });

  it("repeats with its generator's seed and differs from call to call", async () => {
    const generator = new Generator(9);
    const [first, second] = [0, 1].map(() => functional.gumbelSoftmax(zeros([4, 3]), generator));
    const again = functional.gumbelSoftmax(zeros([4, 3]), new Generator(9));
    const [a, b, c] = await valuesOf([first, second, again]);
    expect(c).toEqual(a);
    expect(b).not.toEqual(a);
  });

  it("refuses a temperature of 0", () => {
    expect(() => functional.gumbelSoftmax(zeros([2, 3]), new Generator(1), { tau: 0 })).toThrow(
      "[gumbelSoftmax] tau must be a finite number > 0",
    );
  });
});
