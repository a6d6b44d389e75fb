/** Jacobians, Hessians, products with vectors, gradients that are given, and values that are computed again. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  checkpoint,
  compile,
  customGradient,
  grad,
  hessian,
  jacobian,
  jvp,
  ones,
  Parameter,
  profile,
  type Tensor,
  tensor,
  useDevice,
  vjp,
} from "../../src/index.js";

beforeAll(() => useDevice("interp"));

const f64 = (data: readonly number[], shape?: readonly number[]): Tensor =>
  tensor(data, { dtype: "f64", ...(shape ? { shape } : {}) });

describe("whole derivatives", () => {
  const fn = (x: Tensor, y: Tensor) => x.mul(y).sin().sum({ dim: 1 });
  const x = f64([1, 2, 3, 4, 5, 6], [2, 3]);
  const y = f64([0.5, -1, 2]);

  it("have the elements of ∂y / ∂x", async () => {
    const [jx, jy] = jacobian(fn, [x, y]);
    expect([jx.shape, jy.shape]).toEqual([
      [2, 2, 3],
      [2, 3],
    ]);
    const [a, b, values] = [await x.data(), await y.data(), await jx.data()];
    for (let i = 0; i < 2; i++) {
      for (let k = 0; k < 6; k++) {
        const expected = Math.floor(k / 3) === i ? b[k % 3] * Math.cos(a[k] * b[k % 3]) : 0;
        expect(values[i * 6 + k]).toBeCloseTo(expected, 12);
      }
    }
  });

  it("agree with products of the Jacobian and vectors from both sides", async () => {
    const [tx, ty] = [f64([1, -1, 2, 0, 3, 1], [2, 3]), f64([1, 0, -2])];
    const { output, tangent } = jvp(fn, [x, y], [tx, ty]);
    expect(await output.toArray()).toEqual(await fn(x, y).toArray());
    const [jx, jy] = jacobian(fn, [x, y]);
    const wanted = jx
      .mul(tx)
      .sum({ dim: [1, 2] })
      .add(jy.mul(ty).sum({ dim: 1 }));
    const close = await tangent.sub(wanted).abs().max().item();
    expect(close).toBeLessThan(1e-12);
    const v = f64([2, -3]);
    const { gradients } = vjp(fn, [x, y], v);
    const pulled = jx.mul(v.reshape([2, 1, 1])).sum({ dim: 0 });
    expect(await gradients[0].sub(pulled).abs().max().item()).toBeLessThan(1e-12);
  });

  it("of second order are symmetric, with mixed derivatives", async () => {
    const scalar = (a: Tensor, b: Tensor) => a.pow(3).mul(b).sum();
    const [p, q] = [f64([1, 2]), f64([3, 4])];
    const h = hessian(scalar, [p, q]);
    expect(await h[0][0].toArray()).toEqual([
      [18, 0],
      [0, 48],
    ]);
    expect(await h[0][1].toArray()).toEqual([
      [3, 0],
      [0, 12],
    ]);
    expect(await h[1][0].toArray()).toEqual(await h[0][1].toArray());
    expect(await h[1][1].toArray()).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it("name what does not fit", () => {
    expect(() => hessian((a) => a.square(), [f64([1, 2])])).toThrow("[hessian] needs a scalar, got [2]");
    expect(() => jvp((a) => a, [f64([1])], [f64([1, 2])])).toThrow(
      "[jvp] tangent 0 does not have the shape of its input",
    );
  });
});

describe("a gradient that is given", () => {
  const clipped = customGradient({
    forward: (x) => x.round(),
    backward: (g, { inputs: [x] }) => [g.mul(x.abs().lt(2).to("f64"))],
  });

  it("replaces that of the value, also in compiled functions", async () => {
    const x = f64([0.4, 1.6, -3.2]);
    const y = clipped(x).mul(3);
    const [dx] = grad(y.sum(), [x]);
    expect(await dx.toArray()).toEqual([3, 3, 0]);
    expect(await y.toArray()).toEqual([0, 6, -9]);
    const step = compile((z: Tensor) => grad(clipped(z).square().sum(), [z])[0]);
    expect(await (await step(x)).toArray()).toEqual([0, 4, -0]);
  });

  it("can be differentiated again", async () => {
    const cube = customGradient({
      forward: (x) => x.pow(3),
      backward: (g, { inputs: [x] }) => [g.mul(x.square()).mul(3)],
    });
    expect(await hessian((x) => cube(x).sum(), [f64([2])])[0][0].toArray()).toEqual([[12]]);
  });

  it("must fit the inputs", () => {
    const x = f64([1, 2]);
    const wrong = customGradient({ forward: (a) => a, backward: () => [f64([1])] });
    expect(() => grad(wrong(x).sum(), [x])).toThrow("backward gives a gradient [1] for input 0, [2]");
    const few = customGradient({ forward: (a) => a, backward: () => [] });
    expect(() => grad(few(x).sum(), [x])).toThrow("backward gives 0 gradients for 1 inputs");
  });
});

describe("values that are computed again", () => {
  const weights = Array.from({ length: 12 }, (_, i) => new Parameter(f64([0.9 + i / 50, 0.1, -0.2, 1.1], [2, 2])));
  const block = (start: number, count: number) => (x: Tensor) =>
    weights.slice(start, start + count).reduce((h, w) => h.matmul(w).tanh(), x);
  const x = () => f64([0.3, -0.5, 0.8, 0.1], [2, 2]);
  const plain = (input: Tensor) => block(0, 12)(input);
  const saving = (input: Tensor) => [0, 4, 8].reduce((h, start) => checkpoint(block(start, 4), [h]), input);

  it("give the same gradients, for inputs and for parameters", async () => {
    const [a, b] = [x(), x()];
    const expected = grad(plain(a).square().sum(), [a, ...weights]);
    const actual = grad(saving(b).square().sum(), [b, ...weights]);
    for (const [i, g] of expected.entries()) {
      expect(await actual[i].sub(g).abs().max().item(), `gradient ${i}`).toBeLessThan(1e-14);
    }
  });
});

it("a chain of checkpoints keeps less memory than the plain chain", async () => {
  const weights = Array.from({ length: 32 }, () => new Parameter(ones([16, 16]).mul(0.05)));
  const block = (start: number, count: number) => (x: Tensor) =>
    weights.slice(start, start + count).reduce((h, w) => h.matmul(w).tanh(), x);
  const saving = (x: Tensor) => [0, 8, 16, 24].reduce((h, start) => checkpoint(block(start, 8), [h]), x);
  const arena = async (fn: (x: Tensor) => Tensor) => {
    const step = (x: Tensor) => grad(fn(x).square().sum(), weights);
    return (await profile(step, [ones([64, 16])], { steps: 1, warmup: 0 })).arenaBytes;
  };
  expect(await arena(saving)).toBeLessThan(0.55 * (await arena(block(0, 32))));
});
