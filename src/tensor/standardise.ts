/** Standardisation of slices, as normalisation layers need it. */
import { isGradEnabled } from "./cells.js";
import { byRows } from "./rows.js";
import { Tensor } from "./tensor.js";

/** (x − mean) / √(variance + eps) over the axes from one on, as one op. The variance is divided by their size. */
export function standardised(x: Tensor, from: number, eps: number): Tensor {
  const result = new Tensor(byRows(x.node, from, "standardise", { eps }));
  return isGradEnabled() ? result : result.detach();
}
