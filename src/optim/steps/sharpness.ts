/** Gradients at the nearby point of the largest loss. */
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { flag } from "../../util/kinds.js";
import type { HyperValue } from "../hyper.js";
import { hyper, nonNegative } from "../kinds.js";
import { type ChainStep, step } from "../rule.js";
import { globalNorm } from "./clip.js";

/** The options of {@link sharpnessAware}. */
export interface SharpnessOptions {
  /** ρ, distance at which gradients are computed, the hyper-parameter of that name. Default 0.05, range ≥ 0. */
  readonly rho?: HyperValue;
  /** Whether distances are relative to the size of each element (ASAM). Default false. */
  readonly adaptive?: boolean;
}

/** The kinds of the options of {@link sharpnessAware}. */
export const sharpness = { rho: hyper(nonNegative), adaptive: flag };

/**
 * Computes the gradients of the step at a point at distance ρ, uphill along the gradient, where the loss is about the
 * largest nearby. `optimizer.step` then needs a closure, which it calls twice, inside compiled functions too. All
 * parameters of the step share one norm; the steps of the chain see the second gradients only. Each call of the model
 * in training also updates running statistics.
 *
 * Formula: `e = ρ·g/‖g‖`, or with adaptive `e = ρ·θ²·g/‖|θ|·g‖`; `u` is the gradient at `θ + e`, and θ is what is
 * updated.
 *
 * @param options the hyper-parameter `rho`, and `adaptive`
 * @throws ConfigError if an option is unknown or out of range; from `step` without a closure
 * @see Foret et al. 2021, "Sharpness-Aware Minimization for Efficiently Improving Generalization", arXiv:2010.01412
 * @see Kwon et al. 2021, "ASAM: Adaptive Sharpness-Aware Minimization", arXiv:2102.11600
 * @example
 * const flat = new Optimizer(model.parameters(), chain(sharpnessAware({ rho: 0.1 }), AdamW.chain({ lr: 1e-3 })));
 * flat.step(() => {
 *   const loss = model(images).square().mean();
 *   loss.backward();
 *   return loss;
 * });
 */
export const sharpnessAware = checked(
  "sharpnessAware",
  takes<SharpnessOptions>({}, sharpness),
  ({ rho = 0.05, adaptive = false }: SharpnessOptions = {}): ChainStep =>
    step({
      name: "sharpnessAware",
      hypers: { rho: { value: rho, range: nonNegative } },
      displace({ gradients, parameters, hypers }) {
        const weighted = (x: Tensor, i: number) => (adaptive ? x.mul(parameters[i].abs()) : x);
        const directions = gradients.map(weighted);
        const scale = hypers.rho.div(globalNorm(directions).add(1e-12));
        return directions.map((x, i) => weighted(x, i).mul(scale));
      },
      update: () => ({}),
    }),
);
