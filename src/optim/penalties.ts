/** Penalties on parameters as terms of a loss; as steps of a chain they are in `steps/decay.ts`. */
import { Tensor, zeros } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { instance, list } from "../util/kinds.js";

const parametersKind = list(instance(Tensor, "a tensor"), "an array of parameters");
const total = (terms: readonly Tensor[]): Tensor =>
  terms.length === 0 ? zeros([]) : terms.reduce((sum, term) => sum.add(term));

/**
 * The L1 norm of all parameters, a term of the loss: `loss.add(l1Penalty(parameters).mul(λ))` has the gradients that
 * `coupledL1(λ)` adds.
 *
 * Shape: `any shapes -> []`. Formula: `Σ |θ|`.
 *
 * @param parameters tensors of one float type
 * @see Tibshirani 1996, "Regression Shrinkage and Selection via the Lasso"
 * @example
 * const penalty = l1Penalty([tensor([3, -4])]); // 7
 */
export const l1Penalty = checked(
  "l1Penalty",
  takes({ parameters: parametersKind }),
  (parameters: readonly Tensor[]): Tensor => total(parameters.map((p) => p.abs().sum())),
);

/**
 * Half the square of the L2 norm of all parameters, a term of the loss: `loss.add(l2Penalty(parameters).mul(λ))` has the
 * gradients that `coupledDecay(λ)` adds. With {@link l1Penalty} it is the elastic net.
 *
 * Shape: `any shapes -> []`. Formula: `Σ θ² / 2`.
 *
 * @param parameters tensors of one float type
 * @see Zou & Hastie 2005, "Regularization and Variable Selection via the Elastic Net"
 * @example
 * const penalty = l2Penalty([tensor([3, -4])]); // 12.5
 */
export const l2Penalty = checked(
  "l2Penalty",
  takes({ parameters: parametersKind }),
  (parameters: readonly Tensor[]): Tensor => total(parameters.map((p) => p.square().sum())).mul(0.5),
);
