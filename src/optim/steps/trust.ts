/** Steps that scale each layer's update by the ratio of the norms of its parameter and its update. */
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import type { HyperValue } from "../hyper.js";
import { hyper, nonNegative } from "../kinds.js";
import { type ChainStep, step } from "../rule.js";

/** The options of {@link scaleByLars}. */
export interface LarsScaling {
  /** κ, trust coefficient: the norm of an update as a share of that of its parameter. Default 0.001, range ≥ 0. */
  readonly trustCoefficient?: HyperValue;
  /** λ, weight decay. Default 0, range ≥ 0. */
  readonly weightDecay?: HyperValue;
  /** ε, added to the denominator. Default 1e-8, range ≥ 0. */
  readonly eps?: HyperValue;
}

/** The kinds of the options of {@link scaleByLars}. */
export const larsScaling = {
  trustCoefficient: hyper(nonNegative),
  weightDecay: hyper(nonNegative),
  eps: hyper(nonNegative),
};

const norm = (x: Tensor): Tensor => x.square().sum().sqrt();

/**
 * Adds weight decay, and scales the update of each parameter to a share of the parameter's own norm, so that all layers
 * change at the same relative rate.
 *
 * Formula: `u ← (u + λ·θ) · κ·‖θ‖ / (‖u‖ + λ·‖θ‖ + ε)`; without the factor where ‖θ‖ or ‖u‖ is 0.
 *
 * @param options the hyper-parameters `trustCoefficient`, `weightDecay` and `eps`
 * @throws ConfigError if an option is unknown or out of range
 * @see You et al. 2017, "Large Batch Training of Convolutional Networks", arXiv:1708.03888
 * @example
 * new Optimizer(model.parameters(), chain(scaleByLars(), scaleByRate(1), scaleByMomentum(0.9))).step();
 */
export const scaleByLars = checked(
  "scaleByLars",
  takes<LarsScaling>({}, larsScaling),
  ({ trustCoefficient = 0.001, weightDecay = 0, eps = 1e-8 }: LarsScaling = {}): ChainStep =>
    step({
      name: "scaleByLars",
      hypers: {
        trustCoefficient: { value: trustCoefficient, range: nonNegative },
        weightDecay: { value: weightDecay, range: nonNegative },
        eps: { value: eps, range: nonNegative },
      },
      update({ update, parameter, hypers }) {
        const [size, change] = [norm(parameter), norm(update)];
        const ratio = size.mul(hypers.trustCoefficient).div(size.mul(hypers.weightDecay).add(change).add(hypers.eps));
        const factor = size.mul(change).gt(0).where(ratio, 1);
        return { update: update.add(parameter.mul(hypers.weightDecay)).mul(factor) };
      },
    }),
);

/**
 * Scales the update of each parameter to the parameter's own norm.
 *
 * Formula: `u ← u · ‖θ‖ / ‖u‖`; unchanged where ‖θ‖ or ‖u‖ is 0.
 *
 * @see You et al. 2020, "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", arXiv:1904.00962
 * @example
 * const rule = chain(scaleByAdam(), decoupledDecay(0.01), scaleByTrustRatio(), scaleByRate(1e-3));
 * new Optimizer(model.parameters(), rule).step();
 */
export const scaleByTrustRatio = checked("scaleByTrustRatio", takes(), (): ChainStep => {
  return step({
    name: "scaleByTrustRatio",
    update({ update, parameter }) {
      const [size, change] = [norm(parameter), norm(update)];
      return { update: update.mul(size.mul(change).gt(0).where(size.div(change), 1)) };
    },
  });
});
