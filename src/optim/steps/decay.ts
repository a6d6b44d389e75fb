/** Penalties on weights: one formula each, and two places in a chain that it belongs to. */
import { checked, takes } from "../../util/arguments.js";
import type { HyperValue } from "../hyper.js";
import { hyper, nonNegative } from "../kinds.js";
import { type ChainStep, step } from "../rule.js";

const addDecay = (name: string, weightDecay: HyperValue): ChainStep =>
  step({
    name,
    hypers: { weightDecay: { value: weightDecay, range: nonNegative } },
    update: ({ update, parameter, hypers }) => ({ update: update.add(parameter.mul(hypers.weightDecay)) }),
  });

/**
 * Adds the gradient of an L2 penalty, `λ/2·‖θ‖²`: the weight decay of SGD and Adam. It comes before the steps that
 * average and scale, so that these include the penalty.
 *
 * Formula: `u ← u + λ·θ`.
 *
 * @param weightDecay λ, the hyper-parameter of that name. Range ≥ 0
 * @example
 * new Optimizer(model.parameters(), chain(coupledDecay(5e-4), scaleByMomentum(0.9), scaleByRate(0.1))).step();
 */
export const coupledDecay = checked(
  "coupledDecay",
  takes({ weightDecay: hyper(nonNegative) }),
  (weightDecay: HyperValue): ChainStep => addDecay("coupledDecay", weightDecay),
);

/**
 * Shrinks parameters by a share of themselves in each step, independently of their gradients: the weight decay of
 * AdamW. It comes after the steps that average and scale, and before the learning rate.
 *
 * Formula: `u ← u + λ·θ`, so that `θ ← θ − η·u − η·λ·θ`.
 *
 * @param weightDecay λ, the hyper-parameter of that name. Range ≥ 0
 * @see Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101
 * @example
 * new Optimizer(model.parameters(), chain(scaleByAdam(), decoupledDecay(0.01), scaleByRate(1e-3))).step();
 */
export const decoupledDecay = checked(
  "decoupledDecay",
  takes({ weightDecay: hyper(nonNegative) }),
  (weightDecay: HyperValue): ChainStep => addDecay("decoupledDecay", weightDecay),
);

const addSigns = (name: string, weight: HyperValue): ChainStep =>
  step({
    name,
    hypers: { l1: { value: weight, range: nonNegative } },
    update: ({ update, parameter, hypers }) => ({ update: update.add(parameter.sign().mul(hypers.l1)) }),
  });

/**
 * Adds the gradient of an L1 penalty, `λ·Σ|θ|`. It comes before the steps that average and scale. Together with
 * {@link coupledDecay} it is the elastic net.
 *
 * Formula: `u ← u + λ·sign(θ)`, with `sign(0) = 0`.
 *
 * @param weight λ, the hyper-parameter `l1`. Range ≥ 0
 * @see Tibshirani 1996, "Regression Shrinkage and Selection via the Lasso"
 * @example
 * const elasticNet = chain(coupledL1(1e-5), coupledDecay(1e-4), scaleByMomentum(0.9), scaleByRate(0.1));
 * new Optimizer(model.parameters(), elasticNet).step();
 */
export const coupledL1 = checked(
  "coupledL1",
  takes({ weight: hyper(nonNegative) }),
  (weight: HyperValue): ChainStep => addSigns("coupledL1", weight),
);

/**
 * Moves parameters towards zero by a constant in each step, independently of their gradients. It comes after the steps
 * that average and scale, and before the learning rate. Together with {@link decoupledDecay} it is a decoupled elastic
 * net.
 *
 * Formula: `u ← u + λ·sign(θ)`, so that `θ ← θ − η·u − η·λ·sign(θ)`, with `sign(0) = 0`.
 *
 * @param weight λ, the hyper-parameter `l1`. Range ≥ 0
 * @example
 * const rule = chain(scaleByAdam(), decoupledL1(1e-4), decoupledDecay(0.01), scaleByRate(1e-3));
 * new Optimizer(model.parameters(), rule).step();
 */
export const decoupledL1 = checked(
  "decoupledL1",
  takes({ weight: hyper(nonNegative) }),
  (weight: HyperValue): ChainStep => addSigns("decoupledL1", weight),
);
