/** The logarithm behind softplus and its relatives. This file must not know any activation. */
import type { Tensor } from "../../tensor/index.js";
import { floats } from "../../tensor/tensor.js";

/** ln(1 + e^x), computed from e^−|x|, so that nothing overflows. At 0 it has the gradient of x ≥ 0, which is ½. */
export function log1pExp(x: Tensor): Tensor {
  const value = floats(x);
  const negative = value.lt(0);
  const decay = negative.where(value, value.neg()).exp();
  return negative.where(0, value).add(decay.log1p());
}
