/**
 * Linear algebra: what defines each factorization, on matrices that are ill conditioned, rank deficient, or have repeated
 * values, on every device; singular input, shapes without elements, and refused arguments.
 */
import { describe, expect, it } from "vitest";
import { type DType, eye, linalg, type Tensor, tensor, useDevice, zeros } from "../../src/index.js";
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
      bounds.push([`qr of matrix ${i}`, error(q.matmul(r).sub(x), x, n), 8], [`q of matrix ${i}`, isOrthonormal(q), 8]);
      const { u, s, vh } = svd(x);
      bounds.push([`svd of matrix ${i}`, error(u.mul(s).matmul(vh).sub(x), x, n), 16]);
      bounds.push([`u of matrix ${i}`, isOrthonormal(u), 16], [`v of matrix ${i}`, isOrthonormal(vh), 16]);
      const symmetric = x.add(x.transpose());
      const { eigenvalues, eigenvectors } = eigh(symmetric);
      const residual = symmetric.matmul(eigenvectors).sub(eigenvectors.mul(eigenvalues));
      bounds.push([`eigh of matrix ${i}`, error(residual, symmetric, n), 16]);
      bounds.push([`eigenvectors of matrix ${i}`, isOrthonormal(eigenvectors), 16]);
    });
    const x = random([3, n, n], 1, dtype);
    const positive = x.matmul(x.transpose()).add(eye(n, { dtype }).mul(0.01));
    const l = cholesky(positive);
    bounds.push(["cholesky", error(l.matmul(l.transpose()).sub(positive), positive, n), 4]);
    const y = random([3, n, 5], 2, dtype);
    const solution = solve(x, y);
    const size = frobenius(x).mul(frobenius(solution)).unsqueeze(-1).unsqueeze(-1);
    bounds.push(["solve", error(x.matmul(solution).sub(y), size, n), 8]);
    const errors = await valuesOf(bounds.map(([, value]) => value));
    const report = bounds.map(([name], i) => `${name}: ${errors[i][0]}`).join("\n");
    bounds.forEach(([name, , limit], i) => {
      expect(errors[i][0], `${name}\n${report}`).toBeLessThan(limit);
    });
  });
});
