/** Vectors scaled to length one: a function without parameters or statistics. */
import { axisOf } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { number, range } from "../../util/kinds.js";
import { exponent } from "../loss/distance.js";

export interface NormalizeFunctionOptions {
  /** Exponent of the norm. Default 2, range > 0; Infinity takes the largest magnitude. */
  readonly p?: number;
  /** Axis of the vectors. Default 1. */
  readonly dim?: number;
  /** Least divisor. Default 1e-12, range ≥ 0. */
  readonly eps?: number;
}

/**
 * Divides vectors by their p-norm.
 *
 * Shape: `[N, D, ...] -> [N, D, ...]`. Formula: `y = x / max(‖x‖_p, eps)` along `dim`; where the norm is below eps, it is
 * constant to `backward`.
 *
 * @throws ShapeError if there is no axis `dim`; ConfigError if an option is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html
 * @example
 * const y = normalize(tensor([[3, 4]])); // [[0.6, 0.8]]
 */
export const normalize = checked(
  "normalize",
  takes<NormalizeFunctionOptions>({ x: tensorKind }, { p: exponent, dim: number, eps: range(0, Number.MAX_VALUE) }),
  (x: Tensor, { p = 2, dim = 1, eps = 1e-12 }: NormalizeFunctionOptions = {}): Tensor => {
    const values = floats(x);
    const axis = axisOf("normalize", dim, x.shape);
    return values.div(values.norm({ p, dim: axis, keepdim: true }).maximum(eps));
  },
);
