/** Eigenvalues of small symmetric matrices on the host, in float64. It must not know what they are used for. */

/** Limit on the number of sweeps; about ten make a matrix of the sizes used here diagonal to the last bit. */
const SWEEPS = 30;

/** The decomposition of a symmetric matrix: `A = Σ_i values[i] · vectors[i] · vectors[i]ᵀ`. */
export interface Eigen {
  /** Eigenvalues, ascending. */
  readonly values: readonly number[];
  /** Orthonormal eigenvectors; the component of largest magnitude is positive. */
  readonly vectors: readonly (readonly number[])[];
}

/**
 * Eigenvalues and eigenvectors by Jacobi rotations: each makes one element zero, until all off-diagonal elements are.
 *
 * @param matrix rows of a symmetric matrix
 * @see Golub & Van Loan 2013, "Matrix Computations", section 8.5
 */
export function eigenSymmetric(matrix: readonly (readonly number[])[]): Eigen {
  const n = matrix.length;
  const A = matrix.map((row) => [...row]);
  const V = A.map((_, i) => A.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let beside = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) beside += A[p][q] ** 2;
    if (beside === 0) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(A, V, p, q);
  }
  const order = A.map((_, i) => i).sort((a, b) => A[a][a] - A[b][b]);
  const columns = order.map((i) => V.map((row) => row[i]));
  const signOf = (v: readonly number[]) => Math.sign(v.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0));
  return { values: order.map((i) => A[i][i]), vectors: columns.map((v) => v.map((x) => x * signOf(v))) };
}

/** Applies the rotation in the plane of p and q that makes A[p][q] zero. */
function rotate(A: number[][], V: number[][], p: number, q: number): void {
  if (A[p][q] === 0) return;
  const theta = (A[q][q] - A[p][p]) / (2 * A[p][q]);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (const row of A) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
  [A[p], A[q]] = [A[p].map((x, j) => c * x - s * A[q][j]), A[q].map((x, j) => s * A[p][j] + c * x)];
  [A[p][q], A[q][p]] = [0, 0];
  for (const row of V) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
}
