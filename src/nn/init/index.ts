/**
 * Initial values of weights. Each initialiser is a function of a shape that returns a tensor; a weight is
 * `[out, in, ...kernel]`, as in PyTorch. `initialise` gives the parameters of a model other values.
 */
export { type InitialiseRule, initialise } from "./apply.js";
export { calculateGain, fans, type GainOptions, type Nonlinearity } from "./fans.js";
export {
  constant,
  type InitNormalOptions,
  type InitUniformOptions,
  normal,
  type TruncNormalOptions,
  truncNormal,
  uniform,
} from "./plain.js";
export {
  type KaimingOptions,
  kaimingNormal,
  kaimingUniform,
  type LecunOptions,
  lecunNormal,
  lecunUniform,
  type XavierOptions,
  xavierNormal,
  xavierUniform,
} from "./scaled.js";
export {
  type DiracOptions,
  dirac,
  identity,
  type OrthogonalOptions,
  orthogonal,
  type SparseOptions,
  sparse,
} from "./structured.js";
