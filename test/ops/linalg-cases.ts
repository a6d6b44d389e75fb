/**
 * Float64 loops for factorizations of matrices, each as a case of the structural sweep. Knows the public API, the graph
 * builder for what has no function of its own, and plain arrays.
 */
import { concat, eye, linalg, Tensor } from "../../src/index.js";
import type { StructuralName } from "../../src/ir/graph.js";
import { graph } from "../../src/ops/index.js";
import { type NdArray, sizeOf } from "../support/arrays.js";
import type { StructuralCase } from "./contraction-cases.js";

type Rows = number[][];

const square = (n: number, element: (i: number, j: number) => number): Rows => table(n, n, element);
const table = (m: number, n: number, element: (i: number, j: number) => number): Rows =>
  Array.from({ length: m }, (_, i) => Array.from({ length: n }, (_, j) => element(i, j)));
const sum = (n: number, term: (k: number) => number): number => {
  let total = 0;
  for (let k = 0; k < n; k++) total += term(k);
  return total;
};
const product = (a: Rows, b: Rows): Rows =>
  table(a.length, b[0].length, (i, j) => sum(b.length, (k) => a[i][k] * b[k][j]));
const across = (a: Rows): Rows => table(a[0].length, a.length, (i, j) => a[j][i]);

/** Applies a function to every matrix of the last two axes. */
function eachMatrix(x: NdArray, fn: (matrix: Rows, at: number) => Rows): NdArray {
  const [m, n] = x.shape.slice(-2);
  const count = sizeOf(x.shape.slice(0, -2));
  const results = Array.from({ length: m * n === 0 ? 0 : count }, (_, at) =>
    fn(
      table(m, n, (i, j) => x.values[(at * m + i) * n + j]),
      at,
    ),
  );
  const [first] = results;
  const size = first ? [first.length, first[0].length] : [m, n];
  return { shape: [...x.shape.slice(0, -2), ...size], values: results.flat(2) };
}

/** A matrix with eigenvalues from 1 on: X Xᵀ / n + 1. */
function positive(x: Tensor): Tensor {
  const n = x.shape[x.rank - 1];
  return x
    .matmul(x.transpose())
    .div(Math.max(1, n))
    .add(eye(n, { dtype: x.dtype }));
}

function choleskyOf(x: Rows): Rows {
  const n = x.length;
  const a = product(x, across(x)).map((row, i) => row.map((v, j) => v / n + (i === j ? 1 : 0)));
  const l = square(n, () => 0);
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      const rest = a[i][j] - sum(j, (k) => l[i][k] * l[j][k]);
      l[i][j] = i === j ? Math.sqrt(rest) : rest / l[j][j];
    }
  }
  return l;
}

function choleskyCase(shape: readonly number[]): StructuralCase {
  return {
    name: `of [${shape}]`,
    shapes: [shape],
    build: (x) => linalg.cholesky(positive(x)),
    meaning: (x) => eachMatrix(x, choleskyOf),
  };
}

function luOf(x: Rows): Rows {
  const n = x.length;
  const rows = x.map((row, i) => [...row, i]);
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = k + 1; i < n; i++) {
      rows[i][k] /= rows[k][k];
      for (let j = k + 1; j < n; j++) rows[i][j] -= rows[i][k] * rows[k][j];
    }
  }
  return rows;
}

function luCase(shape: readonly [number, number, number]): StructuralCase {
  return {
    name: `of [${shape}]`,
    shapes: [shape],
    build: (x) => new Tensor(graph.make("lu", [x.node], {})),
    meaning: (x) =>
      sizeOf(shape) === 0 ? { shape: [shape[0], shape[1], shape[1] + 1], values: [] } : eachMatrix(x, luOf),
    smooth: false,
  };
}

/** Against rows of fours on the diagonal, so that systems are well conditioned. */
function triangularSolveCase(shape: readonly number[], columns: number, upper: boolean): StructuralCase {
  const n = shape[shape.length - 1];
  const right = [...shape.slice(0, -1), columns];
  return {
    name: `${upper ? "upper" : "lower"} [${shape}] for ${columns} columns`,
    shapes: [shape, right],
    build: (a, b) =>
      linalg.solveTriangular(a.div(n).add(eye(n, { dtype: a.dtype }).mul(4)), b, {
        upper,
        unitriangular: columns === 9,
      }),
    meaning: (a, b) =>
      eachMatrix(b, (y, at) => {
        const element = (i: number, j: number) => a.values[(at * n + i) * n + j] / n;
        const x = y.map((row) => [...row]);
        for (let step = 0; step < n; step++) {
          const i = upper ? n - 1 - step : step;
          for (let c = 0; c < columns; c++) {
            for (let j = 0; j < n; j++) if (upper ? j > i : j < i) x[i][c] -= element(i, j) * x[j][c];
            x[i][c] /= columns === 9 ? 1 : element(i, i) + 4;
          }
        }
        return x;
      }),
  };
}

/** Gram and Schmidt, twice, with positive diagonal elements. */
function qrOf(x: Rows): Rows {
  const [m, n] = [x.length, x[0].length];
  const q = table(m, n, (i, j) => x[i][j]);
  for (let j = 0; j < n; j++) {
    for (const _ of [1, 2]) {
      for (let k = 0; k < j; k++) {
        const share = sum(m, (i) => q[i][k] * q[i][j]);
        for (let i = 0; i < m; i++) q[i][j] -= share * q[i][k];
      }
    }
    const norm = Math.sqrt(sum(m, (i) => q[i][j] ** 2));
    for (let i = 0; i < m; i++) q[i][j] /= norm;
  }
  const r = product(across(q), x).map((row, i) => row.map((v, j) => (j < i ? 0 : v)));
  return [...q, ...r];
}

/** A little of X beside the identity: columns are far from dependent. */
const nearIdentity = (i: number, j: number, v: number): number => v / 8 + (i === j ? 1 : 0);

function qrCase(shape: readonly number[]): StructuralCase {
  const [m, n] = shape.slice(-2);
  return {
    name: `of [${shape}]`,
    shapes: [shape],
    build: (x) => {
      const one = eye(m, { dtype: x.dtype }).slice(1, 0, n);
      const { q, r } = linalg.qr(x.div(8).add(one));
      const signs = r.diagonal({ dim1: -2, dim2: -1 }).sign();
      return concat([q.mul(signs.unsqueeze(-2)), r.mul(signs.unsqueeze(-1))], { dim: -2 });
    },
    meaning: (x) => eachMatrix(x, (rows) => qrOf(rows.map((row, i) => row.map((v, j) => nearIdentity(i, j, v))))),
  };
}

/** Square roots of the eigenvalues of X Xᵀ, by Jacobi's rotations of both sides. */
function singularValuesOf(x: Rows): Rows {
  const a = x.length < x[0].length ? product(x, across(x)) : product(across(x), x);
  const n = a.length;
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (a[p][q] === 0) continue;
        const angle = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]);
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (const row of a) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
        for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
      }
    }
  }
  return [a.map((row, i) => Math.sqrt(Math.max(0, row[i]))).sort((one, other) => other - one)];
}

function singularValuesCase(shape: readonly number[]): StructuralCase {
  return {
    name: `singular values of [${shape}]`,
    shapes: [shape],
    build: (x) => linalg.svdvals(x).unsqueeze(-2),
    meaning: (x) => eachMatrix(x, singularValuesOf),
  };
}

export const factorizationCases = {
  cholesky: [choleskyCase([3, 1, 1]), choleskyCase([2, 5, 5]), choleskyCase([17, 17]), choleskyCase([2, 0, 0])],
  lu: [luCase([3, 1, 1]), luCase([2, 5, 5]), luCase([1, 19, 19]), luCase([0, 2, 2])],
  triangularSolve: [
    triangularSolveCase([3, 1, 1], 1, true),
    triangularSolveCase([2, 5, 5], 3, true),
    triangularSolveCase([4, 4], 9, false),
    triangularSolveCase([2, 2], 70, true),
    triangularSolveCase([19, 19], 1, false),
  ],
  qr: [qrCase([2, 3, 1]), qrCase([2, 5, 3]), qrCase([4, 4]), qrCase([19, 17])],
  jacobi: [
    singularValuesCase([2, 1, 1]),
    singularValuesCase([2, 5, 3]),
    singularValuesCase([3, 4]),
    singularValuesCase([19, 9]),
  ],
} satisfies Partial<Record<StructuralName, readonly StructuralCase[]>>;
