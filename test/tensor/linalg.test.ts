/**
 * Linear algebra: what defines each factorization, on matrices that are ill conditioned, rank deficient, or have repeated
 * values, on every device; singular input, shapes without elements, and refused arguments.
 */
import { describe, expect, it } from "vitest";
import {
  type DType,
  eye,
  grad,
  gradgradcheck,
  linalg,
  type Tensor,
  tensor,
  useDevice,
  zeros,
} from "../../src/index.js";
import { devices, valuesOf } from "../support/devices.js";
import { spreadValues } from "../support/numbers.js";

const { cholesky, det, eigh, eigvalsh, inv, qr, slogdet, solve, solveTriangular, svd } = linalg;

const places = [
  ...devices.map((device) => ({ device, dtype: (device === "interp" ? "f64" : "f32") as DType })),
  { device: "native", dtype: "f64" as DType },
];
const ROUNDING = { f32: 2 ** -24, f64: 2 ** -53 };

const random = (shape: readonly number[], seed: number, dtype: DType): Tensor =>
  tensor(
    spreadValues(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    { shape },
  ).to(dtype);
const frobenius = (x: Tensor): Tensor => x.norm({ dim: [-2, -1] });
/** |x| in units of n ε, relative to |to|; of all matrices of a batch. */
const error = (x: Tensor, to: Tensor, n: number): Tensor => {
  const largest = to.abs().max();
  return frobenius(x.div(largest))
    .div(frobenius(to.div(largest)).mul(n * ROUNDING[x.dtype === "f64" ? "f64" : "f32"]))
    .max();
};
const isOrthonormal = (q: Tensor): Tensor => {
  const n = q.shape[q.rank - 1];
  const one = eye(n, { dtype: q.dtype });
  return error(q.transpose().matmul(q).sub(one), one, n);
};

/** Square matrices that are hard to factorize. */
function hardMatrices(n: number, dtype: DType): Tensor[] {
  const q = qr(random([n, n], 5, dtype)).q;
  const p = qr(random([n, n], 6, dtype)).q;
  const withValues = (values: readonly number[]) => q.mul(tensor(values).to(dtype)).matmul(p.transpose());
  const each = (f: (i: number) => number) => Array.from({ length: n }, (_, i) => f(i));
  return [
    random([n, n], 7, dtype),
    withValues(each((i) => 10 ** (-i / 2))),
    withValues(each((i) => (i < n / 2 ? 1 : 0))),
    withValues(each((i) => 1 + (i % 2))),
    eye(n, { dtype }),
    zeros([n, n], { dtype }).add(1),
    random([n, n], 8, dtype).mul(1e25),
    random([n, n], 9, dtype).mul(1e-25),
  ];
}

describe.each(places)("linear algebra on $device, $dtype", ({ device, dtype }) => {
  it("factorizes hard matrices", async () => {
    await useDevice(device);
    const n = 11;
    const bounds: [string, Tensor, number][] = [];
    hardMatrices(n, dtype).forEach((x, i) => {
      const { q, r } = qr(x);
      bounds.push([`qr of matrix ${i}`, error(q.matmul(r).sub(x), x, n), 4], [`q of matrix ${i}`, isOrthonormal(q), 4]);
      const { u, s, vh } = svd(x);
      bounds.push([`svd of matrix ${i}`, error(u.mul(s).matmul(vh).sub(x), x, n), 4]);
      bounds.push([`u of matrix ${i}`, isOrthonormal(u), 4], [`v of matrix ${i}`, isOrthonormal(vh), 4]);
      const symmetric = x.add(x.transpose());
      const { eigenvalues, eigenvectors } = eigh(symmetric);
      const residual = symmetric.matmul(eigenvectors).sub(eigenvectors.mul(eigenvalues));
      bounds.push([`eigh of matrix ${i}`, error(residual, symmetric, n), 4]);
      bounds.push([`eigenvectors of matrix ${i}`, isOrthonormal(eigenvectors), 4]);
    });
    const x = random([3, n, n], 1, dtype);
    const positive = x.matmul(x.transpose()).add(eye(n, { dtype }).mul(0.01));
    const l = cholesky(positive);
    bounds.push(["cholesky", error(l.matmul(l.transpose()).sub(positive), positive, n), 4]);
    const y = random([3, n, 5], 2, dtype);
    const solution = solve(x, y);
    const size = frobenius(x).mul(frobenius(solution)).unsqueeze(-1).unsqueeze(-1);
    bounds.push(["solve", error(x.matmul(solution).sub(y), size, n), 4]);
    const errors = await valuesOf(bounds.map(([, value]) => value));
    const report = bounds.map(([name], i) => `${name}: ${errors[i][0]}`).join("\n");
    bounds.forEach(([name, , limit], i) => {
      expect(errors[i][0], `${name}\n${report}`).toBeLessThan(limit);
    });
  });
});

describe("matrices without a factorization, and without elements", () => {
  it("gives NaN for the matrix concerned alone", async () => {
    await useDevice("interp");
    const pair = (one: readonly number[][]) =>
      tensor(
        [
          one,
          [
            [4, 2],
            [2, 5],
          ],
        ].flat(2),
        { shape: [2, 2, 2] },
      );
    const singular = pair([
      [1, 2],
      [2, 4],
    ]);
    const results = [
      cholesky(
        pair([
          [1, 2],
          [2, 1],
        ]),
      ),
      cholesky(
        pair([
          [4, 2],
          [2, 1],
        ]),
      ),
      solve(singular, tensor([[1], [1]])),
      inv(singular),
      eigh(
        pair([
          [Number.NaN, 0],
          [0, 1],
        ]),
      ).eigenvectors,
      svd(
        pair([
          [1, Number.POSITIVE_INFINITY],
          [0, 1],
        ]),
      ).u,
    ];
    for (const values of await valuesOf(results)) {
      const half = values.length / 2;
      expect(values.slice(0, half).every(Number.isNaN), String(values)).toBe(true);
      expect(values.slice(half).every(Number.isFinite), String(values)).toBe(true);
    }
    const { sign, logabsdet } = slogdet(singular);
    expect(await valuesOf([det(singular).abs(), sign.abs(), logabsdet])).toEqual([
      [0, 16],
      [0, 1],
      [Number.NEGATIVE_INFINITY, expect.closeTo(Math.log(16))],
    ]);
  });

  it("gives the adjugate as gradient of a determinant that is 0", async () => {
    await useDevice("interp");
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]).to("f64");
    const [dx] = await valuesOf(grad(det(x), [x]));
    [-3, 6, -3, 6, -12, 6, -3, 6, -3].forEach((value, i) => {
      expect(dx[i]).toBeCloseTo(value, 8);
    });
  });

  it("takes shapes without elements", async () => {
    await useDevice("interp");
    const none = zeros([2, 0, 0]);
    expect(await valuesOf([det(none), slogdet(none).logabsdet])).toEqual([
      [1, 1],
      [0, 0],
    ]);
    expect([cholesky(none), inv(none), eigh(none).eigenvectors, svd(none).u].map(({ shape }) => shape)).toEqual(
      Array.from({ length: 4 }, () => [2, 0, 0]),
    );
    expect(qr(zeros([0, 3, 2])).q.shape).toEqual([0, 3, 2]);
    const { u, s, vh } = svd(zeros([3, 0]));
    expect([u, s, vh].map(({ shape }) => shape)).toEqual([[3, 3], [0], [0, 0]]);
    expect(solve(zeros([2, 2]), zeros([2, 0])).shape).toEqual([2, 0]);
  });
});

describe("gradients of linear algebra", () => {
  it.each<[string, (x: Tensor) => Tensor]>([
    ["cholesky", (x) => cholesky(x.matmul(x.transpose()).add(eye(3, { dtype: "f64" })))],
    ["inv", (x) => inv(x)],
    ["det", (x) => det(x)],
    ["slogdet", (x) => slogdet(x).logabsdet],
    ["solveTriangular", (x) => solveTriangular(x, x, { upper: true })],
    ["qr", (x) => qr(x).q.add(qr(x).r)],
    ["eigh", (x) => eigh(x.add(x.transpose())).eigenvectors],
    ["eigvalsh", (x) => eigvalsh(x.add(x.transpose()))],
    ["svd", (x) => svd(x).u.add(svd(x).vh).add(svd(x).s)],
    ["svd of a wide matrix", (x) => svd(x.slice(0, 0, 2), { fullMatrices: false }).vh],
  ])("%s twice", async (_, fn) => {
    await useDevice("interp");
    const x = tensor([
      [2, 0.3, -0.5],
      [0.7, -1.4, 0.2],
      [-0.1, 0.6, 0.9],
    ]).to("f64");
    expect((await gradgradcheck(fn, [x])).ok).toBe(true);
  });

  it("does not mix the vectors of equal eigenvalues", async () => {
    await useDevice("interp");
    const x = eye(3, { dtype: "f64" });
    const { eigenvalues, eigenvectors } = eigh(x);
    // V diag(λ²) Vᵀ = X²
    const squared = eigenvectors.mul(eigenvalues.square()).matmul(eigenvectors.transpose());
    const [dx] = await valuesOf(grad(squared.diagonal().sum(), [x]));
    expect(dx).toEqual([2, 0, 0, 0, 2, 0, 0, 0, 2]);
  });
});

it("refuses what is no matrix, in one line", () => {
  const cases: [() => unknown, RegExp][] = [
    [() => cholesky(zeros([3])), /^\[cholesky\] needs matrices, got \[3\]/],
    [() => inv(zeros([2, 3])), /^\[inv\] needs square matrices, got \[2, 3\]/],
    [() => det(zeros([2, 2], { dtype: "i32" })), /^\[det\] needs f32 or f64, got i32/],
    [() => solve(eye(3), zeros([2])), /^\[solve\] B \[2\] does not fit A \[3, 3\]/],
    [() => solve(eye(2), zeros([2], { dtype: "f64" })), /^\[solve\] matrices are f32, right-hand sides f64/],
    [() => solve(zeros([2, 2, 2]), zeros([3, 2, 1])), /^\[solve\] leading axes do not broadcast/],
    [() => solveTriangular(eye(3), zeros([3, 2]), { upper: true, left: false }), /^\[solveTriangular\] B \[3, 2\]/],
  ];
  for (const [call, message] of cases) expect(call).toThrow(message);
});
