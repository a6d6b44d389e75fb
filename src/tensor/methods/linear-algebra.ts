/** Products of matrices, and distances of their rows. */
import { formatShape } from "../../ir/graph.js";
import { takes } from "../../util/arguments.js";
import { count, flag, number } from "../../util/kinds.js";
import { axisOf, shapeError } from "../check.js";
import { matmul } from "../contract.js";
import { dimKind } from "../kinds.js";
import type { CdistOptions, CloseOptions, DiffOptions, DimOptions } from "../options.js";
import type { Tensor } from "../tensor.js";
import { tensorKind } from "./core.js";
import { Sorting } from "./sorting.js";

export abstract class LinearAlgebra extends Sorting {
  /** Matrix product [.., M, K] · [.., K, N] -> [.., M, N], broadcasting leading axes; of u8 and bool it is i32. */
  matmul(other: Tensor): Tensor {
    return this.make(matmul(this.node, other.node));
  }
  /** Scalar product of two vectors. */
  dot(other: Tensor): Tensor {
    if (this.rank !== 1 || other.rank !== 1 || this.size !== other.size) {
      throw shapeError("dot", `needs vectors of one length: ${formatShape(this.shape)}, ${formatShape(other.shape)}`);
    }
    return this.mul(other).sum();
  }
  /** Products of the elements of two vectors: [N] and [M] -> [N, M]. */
  outer(other: Tensor): Tensor {
    if (this.rank !== 1 || other.rank !== 1) {
      throw shapeError("outer", `needs vectors: ${formatShape(this.shape)}, ${formatShape(other.shape)}`);
    }
    return this.unsqueeze(1).mul(other);
  }
  /** Vector product along an axis of size 3, by default the last. */
  cross(other: Tensor, { dim = -1 }: DimOptions = {}): Tensor {
    const axis = axisOf("cross", dim, this.shape);
    if (this.shape[axis] !== 3 || other.shape[axisOf("cross", dim, other.shape)] !== 3) {
      throw shapeError("cross", `axis ${dim} must be 3: ${formatShape(this.shape)}, ${formatShape(other.shape)}`);
    }
    const turned = (x: Tensor, by: number) => x.roll(by, dim);
    return turned(this.self, -1)
      .mul(turned(other, 1))
      .sub(turned(this.self, 1).mul(turned(other, -1)));
  }
  /** Sum of the main diagonal of a matrix. */
  trace(): Tensor {
    if (this.rank !== 2) throw shapeError("trace", `needs a matrix, got ${formatShape(this.shape)}`);
    return this.diagonal().sum();
  }
  /** Differences of neighbours along an axis, by default the last. */
  diff({ dim = -1, n = 1 }: DiffOptions = {}): Tensor {
    const axis = axisOf("diff", dim, this.shape);
    let x = this.dtype === "bool" || this.dtype === "u8" ? this.to("i32") : this.self;
    for (let length = this.shape[axis], k = 0; k < n && length > 0; k++, length--) {
      x = x.slice(axis, 1, length).sub(x.slice(axis, 0, length - 1));
    }
    return x;
  }
  /** Whether |a − b| ≤ atol + rtol · |b|; equal infinities are close. */
  isclose(other: Tensor, { rtol = 1e-5, atol = 1e-8, equalNan = false }: CloseOptions = {}): Tensor {
    const near = this.sub(other).abs().le(other.abs().mul(rtol).add(atol)).logicalAnd(other.isfinite());
    const close = near.logicalOr(this.eq(other));
    return equalNan ? close.logicalOr(this.isnan().logicalAnd(other.isnan())) : close;
  }
  /** Whether all elements are close, see {@link isclose}. It computes both tensors. */
  async allclose(other: Tensor, options: CloseOptions = {}): Promise<boolean> {
    return (await this.isclose(other, options).all().item()) !== 0;
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

const pair = takes({ other: tensorKind });
const close = takes<CloseOptions>({ other: tensorKind }, { rtol: number, atol: number, equalNan: flag });

export const linearAlgebraParameters = {
  matmul: takes({ other: tensorKind }),
  dot: pair,
  outer: pair,
  cross: takes<DimOptions>({ other: tensorKind }, { dim: dimKind }),
  trace: takes(),
  diff: takes<DiffOptions>({}, { dim: dimKind, n: count(0) }),
  isclose: close,
  allclose: close,
  cdist: takes<CdistOptions>({ other: tensorKind }, { p: number }),
};
