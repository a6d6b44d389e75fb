/**
 * What steps of general use compute, against plain float64 loops: constraints, clipping, penalties, slow weights, both
 * forms of momentum. Optimizers as a whole are compared in optimizers.test.ts.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import * as optim from "../../src/optim/index.js";
import { compile, Parameter, type Tensor, tensor } from "../../src/tensor/index.js";

const { chain, Optimizer, scaleByMomentum, scaleByRate } = optim;
const values = (numbers: readonly number[], shape: readonly number[]) =>
  tensor(Float64Array.from(numbers), { shape, dtype: "f64" });
const weights = [3, 4, 0, 0.3, -0.4, 0, 0, 0, 0];
const gradients = [1, -2, 2, 0.001, 0, 0, 6, 8, 0];

beforeAll(() => useDevice("interp"));

/** The parameter after steps with given gradients, as rows. */
async function take(rule: optim.Rule, steps: readonly (readonly number[])[], shape: readonly number[] = [3, 3]) {
  const parameter = new Parameter(values(weights, shape));
  const optimizer = new Optimizer([parameter], rule);
  for (const gradient of steps) {
    parameter.grad = values(gradient, shape);
    optimizer.step();
  }
  return Array.from(await parameter.data());
}

function expectNear(found: readonly number[], expected: readonly number[], tolerance = 1e-12): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(Math.abs(found[i] - value), `value ${i}`).toBeLessThan(tolerance);
}

const rows = (list: readonly number[]) => [0, 1, 2].map((r) => list.slice(3 * r, 3 * r + 3));
const norm = (list: readonly number[]) => Math.hypot(...list);

describe("limitNorms", () => {
  it("scales rows above the limit after the update, and no others", async () => {
    const updated = weights.map((w, i) => w - 0.1 * gradients[i]);
    const expected = rows(updated).flatMap((row) => row.map((w) => w * Math.min(1, 0.9 / norm(row))));
    expectNear(await take(chain(scaleByRate(0.1), optim.limitNorms(0.9)), [gradients]), expected);
    expect(rows(expected).map((row) => norm(row) < 0.89)).toEqual([false, true, false]);
  });

  it("leaves vectors alone", async () => {
    const updated = weights.map((w, i) => w - 0.1 * gradients[i]);
    expectNear(await take(chain(scaleByRate(0.1), optim.limitNorms(0.9)), [gradients], [9]), updated);
  });
});

describe("clipByUnitNorm", () => {
  it("limits the gradient of each row to a share of the row's norm, of at least eps", async () => {
    const clipped = rows(gradients).flatMap((row, r) => {
      const limit = 0.1 * Math.max(norm(rows(weights)[r]), 0.01);
      return row.map((g) => g * Math.min(1, limit / norm(row)));
    });
    const expected = weights.map((w, i) => w - clipped[i]);
    expectNear(await take(chain(optim.clipByUnitNorm(0.1, { eps: 0.01 }), scaleByRate(1)), [gradients]), expected);
    expect(clipped[3]).toBe(gradients[3]); // below its limit
  });
});

describe("clipByPercentile", () => {
  it("clips by the percentile of the last norms, interpolated", async () => {
    const scales = [4, 1, 3, 2, 5, 0.5, 2.5];
    const size = norm(gradients);
    const parameter = new Parameter(values(weights, [3, 3]));
    const optimizer = new Optimizer([parameter], chain(optim.clipByPercentile(40, { history: 4 }), scaleByRate(1)));
    const step = compile((gradient: Tensor) => {
      parameter.grad = gradient;
      optimizer.step();
    });
    let before = weights;
    for (const [t, scale] of scales.entries()) {
      await step(
        values(
          gradients.map((g) => g * scale),
          [3, 3],
        ),
      );
      const known = scales
        .slice(Math.max(0, t - 3), t + 1)
        .map((s) => s * size)
        .sort((a, b) => a - b);
      const place = 0.4 * (known.length - 1);
      const low = Math.floor(place);
      const limit = known[low] + (place - low) * ((known[low + 1] ?? known[low]) - known[low]);
      const factor = scale * Math.min(1, limit / (scale * size + 1e-6));
      const after = Array.from(await parameter.data());
      expectNear(
        after,
        before.map((w, i) => w - factor * gradients[i]),
        2e-5,
      );
      before = after;
    }
  });

  it("makes every update NaN if a gradient is", async () => {
    const found = await take(chain(optim.clipByPercentile(50), scaleByRate(1)), [[Number.NaN, ...gradients.slice(1)]]);
    expect(found.every(Number.isNaN)).toBe(true);
  });
});

describe("penalties", () => {
  it("of L1 add the sign of the weight, before or after what scales", async () => {
    const signs = rows(weights).flat().map(Math.sign);
    const coupled = weights.map((w, i) => w - Math.sign(gradients[i] + 0.5 * signs[i]));
    const sign: optim.ChainStep = { name: "signs", update: ({ update }) => ({ update: update.sign() }) };
    expectNear(await take(chain(optim.coupledL1(0.5), sign), [gradients]), coupled);
    const decoupled = weights.map((w, i) => w - 0.1 * (Math.sign(gradients[i]) + 0.5 * signs[i]));
    expectNear(await take(chain(sign, optim.decoupledL1(0.5), scaleByRate(0.1)), [gradients]), decoupled);
  });

  it("of L1 and L2 together are the elastic net", async () => {
    const rule = chain(optim.coupledL1(0.5), optim.coupledDecay(0.2), scaleByRate(0.1));
    const expected = weights.map((w, i) => w - 0.1 * (gradients[i] + 0.5 * Math.sign(w) + 0.2 * w));
    expectNear(await take(rule, [gradients]), expected);
  });
});

describe("lookahead", () => {
  it("moves slow weights a share of the way every k steps, and the parameters to them", async () => {
    let [fast, slow] = [weights, weights];
    for (let t = 1; t <= 7; t++) {
      fast = fast.map((w, i) => w - 0.1 * gradients[i]);
      if (t % 3 !== 0) continue;
      slow = slow.map((w, i) => w + 0.25 * (fast[i] - w));
      fast = slow;
    }
    const rule = chain(optim.SGD.chain({ lr: 0.1 }), optim.lookahead({ k: 3, alpha: 0.25 }));
    expectNear(await take(rule, new Array(7).fill(gradients)), fast);
  });

  it("begins at the weights before the first step, also if they were loaded after it was made", async () => {
    const parameter = new Parameter(values([5], [1]));
    const optimizer = new Optimizer([parameter], chain(scaleByRate(1), optim.lookahead({ k: 1, alpha: 0.5 })));
    parameter.load([2]);
    parameter.grad = values([1], [1]);
    optimizer.step();
    expect(await parameter.item()).toBe(1.5);
  });
});

describe("both forms of momentum", () => {
  /** PyTorch's form scales the sum of gradients by the rate of today; the velocity has the rates of the past in it. */
  const forms = (lr: optim.HyperValue) => [
    chain(scaleByMomentum(0.9), scaleByRate(lr)),
    chain(scaleByRate(lr), scaleByMomentum(0.9)),
  ];
  const steps = [1, -2, 0.5, 3, 1].map((scale) => gradients.map((g) => g * scale));

  it("take the same steps at a constant rate", async () => {
    const [sum, velocity] = await Promise.all(forms(0.1).map((rule) => take(rule, steps)));
    expectNear(velocity, sum);
  });

  it("are those of the textbook at a rate that changes", async () => {
    const lr = (step: number) => 0.1 / (step + 1);
    const [sum, velocity] = await Promise.all(forms(lr).map((rule) => take(rule, steps)));
    let [a, v, b, p] = [weights, weights.map(() => 0), weights.map(() => 0), weights];
    for (const [t, g] of steps.entries()) {
      v = v.map((x, i) => 0.9 * x - lr(t) * g[i]);
      a = a.map((x, i) => x + v[i]);
      b = b.map((x, i) => 0.9 * x + g[i]);
      p = p.map((x, i) => x - lr(t) * b[i]);
    }
    expectNear(velocity, a);
    expectNear(sum, p);
    expect(Math.abs(a[0] - p[0])).toBeGreaterThan(0.01);
  });
});

describe("closures", () => {
  it("give step the loss, and clear gradients of before", async () => {
    const parameter = new Parameter(values([2], [1]));
    const optimizer = new optim.SGD([parameter], { lr: 0.1 });
    parameter.grad = values([100], [1]);
    const loss = optimizer.step(() => {
      const square = parameter.square().sum();
      square.backward();
      return square;
    });
    expect(await loss.item()).toBe(4);
    expect(await parameter.item()).toBeCloseTo(1.6, 12);
  });

  it("work in compiled functions, in which SAM computes the gradient twice", async () => {
    const parameter = new Parameter(values([2], [1]));
    const optimizer = new optim.SAM([parameter], { lr: 0.1, rho: 0.5 });
    const step = compile(() =>
      optimizer.step(() => {
        const loss = parameter.square().sum();
        loss.backward();
        return loss;
      }),
    );
    expect(await (await step()).item()).toBe(4);
    expect(await parameter.item()).toBeCloseTo(2 - 0.1 * 5, 12); // the gradient at 2.5
  });
});

describe("values for evaluation", () => {
  const trained = async (optimizer: optim.Optimizer, parameter: Parameter, steps = 5) => {
    for (let i = 0; i < steps; i++) {
      parameter.grad = parameter.mul(2).add(1).detach();
      optimizer.step();
    }
    parameter.grad = null;
    await parameter.data();
  };

  it("are the average of all iterates without a schedule, and training goes on from where it was", async () => {
    const run = async (looks: boolean) => {
      const parameter = new Parameter(values([2], [1]));
      const optimizer = new optim.ScheduleFreeSGD([parameter], { lr: 0.2, momentum: 0.75 });
      await trained(optimizer, parameter);
      optimizer.eval();
      const average = await parameter.item();
      optimizer.eval();
      optimizer.train();
      optimizer.train();
      if (looks) await trained(optimizer, parameter, 0);
      await trained(optimizer, parameter);
      return [average, await parameter.item()];
    };
    let [y, z, x] = [2, 2, 2];
    for (let t = 1; t <= 5; t++) {
      z -= 0.2 * (2 * y + 1);
      x += (z - x) / t;
      y = 0.25 * z + 0.75 * x;
    }
    const [average, last] = await run(false);
    expect(average).toBeCloseTo(x, 12);
    expect(await run(true)).toEqual([average, last]);
  });

  it("are the average from t0 on of ASGD", async () => {
    const parameter = new Parameter(values([2], [1]));
    const optimizer = new optim.ASGD([parameter], { lr: 0.1, lambd: 0, t0: 2 });
    const seen: number[] = [];
    for (let i = 0; i < 6; i++) {
      await trained(optimizer, parameter, 1);
      seen.push(await parameter.item());
    }
    optimizer.eval();
    // The average begins with the parameters of step t0 + 1, and has each later one with the weight that PyTorch gives it.
    let average = seen[2];
    for (let t = 4; t <= 6; t++) average += (seen[t - 1] - average) / Math.max(1, t - 1 - 2);
    expect(await parameter.item()).toBeCloseTo(average, 12);
  });

  it("are the parameters themselves for all other optimizers, and before the first step", async () => {
    const parameter = new Parameter(values([2], [1]));
    for (const optimizer of [new optim.SGD([parameter]), new optim.ScheduleFreeSGD([parameter])]) {
      optimizer.eval();
      expect(await parameter.item()).toBe(2);
      optimizer.train();
    }
  });
});
