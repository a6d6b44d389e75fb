/** Products of matrices, and distances of their rows. */
import { formatShape } from "../../ir/graph.js";
import { takes } from "../../util/arguments.js";
import { number } from "../../util/kinds.js";
import { shapeError } from "../check.js";
import { matmul } from "../contract.js";
import type { CdistOptions } from "../options.js";
import type { Tensor } from "../tensor.js";
import { tensorKind } from "./core.js";
import { Sorting } from "./sorting.js";

export abstract class LinearAlgebra extends Sorting {
  /** Matrix product [.., M, K] · [.., K, N] -> [.., M, N], broadcasting leading axes; of u8 and bool it is i32. */
  matmul(other: Tensor): Tensor {
    return this.make(matmul(this.node, other.node));
  }
  /**
   * Distances between the rows of two matrices, by the p-norm: [.., P, M] and [.., R, M] -> [.., P, R]. Computed from
   * differences, so that near rows lose no digits; the gradient is 0 where a distance is 0.
   */
  cdist(other: Tensor, { p = 2 }: CdistOptions = {}): Tensor {
    if (this.rank < 2 || other.rank < 2 || this.shape.at(-1) !== other.shape.at(-1)) {
      throw shapeError("cdist", `rows differ: ${formatShape(this.shape)}, ${formatShape(other.shape)}`);
    }
    return this.unsqueeze(-2).sub(other.unsqueeze(-3)).norm({ p, dim: -1 });
  }
}

export const linearAlgebraParameters = {
  matmul: takes({ other: tensorKind }),
  cdist: takes<CdistOptions>({ other: tensorKind }, { p: number }),
};
