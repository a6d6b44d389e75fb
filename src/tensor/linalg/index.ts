/** Linear algebra of batches of matrices: the last two axes are those of a matrix. Names are those of `torch.linalg`. */
export { type CholeskyOptions, cholesky } from "./cholesky.js";
export { type EighResult, eigh, eigvalsh } from "./eigh.js";
export { type LstsqOptions, type LstsqResult, lstsq, matrixRank, pinv, type RankOptions } from "./least-squares.js";
export { type CondOptions, cond, type MatrixNorm, type MatrixNormOptions, matrixNorm } from "./norms.js";
export { matrixPower, multiDot } from "./products.js";
export { type QrResult, qr } from "./qr.js";
export { det, inv, slogdet, solve } from "./solve.js";
export { type SvdOptions, type SvdResult, svd, svdvals } from "./svd.js";
export { type SolveTriangularOptions, solveTriangular } from "./triangular.js";
