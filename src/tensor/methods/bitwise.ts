/** Tests of elements, logic and bit operations beyond those of arithmetic. */
import { takes } from "../../util/arguments.js";
import * as special from "../special.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { Arithmetic } from "./arithmetic.js";
import { tensorLikeKind } from "./core.js";

export abstract class Bitwise extends Arithmetic {
  /** True where the element is NaN. */
  isnan(): Tensor {
    return this.make(special.whereNaN(this.node));
  }
  /** True where the element is ∞ or −∞. */
  isinf(): Tensor {
    return this.make(special.whereInfinite(this.node));
  }
  /** True where the element is neither NaN nor infinite. */
  isfinite(): Tensor {
    return this.make(special.whereFinite(this.node));
  }
  /** True where exactly one is true (not zero), broadcasting. */
  logicalXor(other: TensorLike): Tensor {
    return this.make(special.logicalXor(this.node, this.operand(other)));
  }
  /**
   * Bits that both integers have, broadcasting; of bools, true where both are.
   *
   * @throws DTypeError for floats
   */
  bitwiseAnd(other: TensorLike): Tensor {
    return this.make(special.bitwise("bitwiseAnd", "bitAnd", this.node, this.operand(other)));
  }
  /**
   * Bits that either integer has, broadcasting; of bools, true where either is.
   *
   * @throws DTypeError for floats
   */
  bitwiseOr(other: TensorLike): Tensor {
    return this.make(special.bitwise("bitwiseOr", "bitOr", this.node, this.operand(other)));
  }
  /**
   * Bits that exactly one integer has, broadcasting; of bools, true where they differ.
   *
   * @throws DTypeError for floats
   */
  bitwiseXor(other: TensorLike): Tensor {
    return this.make(special.bitwise("bitwiseXor", "bitXor", this.node, this.operand(other)));
  }
  /**
   * All bits inverted: −1 − x for i32, 255 − x for u8, the negation of bools.
   *
   * @throws DTypeError for floats
   */
  bitwiseNot(): Tensor {
    return this.make(special.bitwiseNot(this.node));
  }
  /**
   * x · 2^other modulo the range of the dtype, broadcasting; 0 for counts below 0 and from the number of bits on.
   *
   * @throws DTypeError for floats
   */
  bitwiseLeftShift(other: TensorLike): Tensor {
    return this.make(special.shift("bitwiseLeftShift", "left", this.node, this.operand(other)));
  }
  /**
   * ⌊x / 2^other⌋, broadcasting; for counts below 0 and from the number of bits on it is −1 for negative x, else 0.
   *
   * @throws DTypeError for floats
   */
  bitwiseRightShift(other: TensorLike): Tensor {
    return this.make(special.shift("bitwiseRightShift", "right", this.node, this.operand(other)));
  }
}

const nothing = takes();
const other = takes({ other: tensorLikeKind });

export const bitwiseParameters = {
  isnan: nothing,
  isinf: nothing,
  isfinite: nothing,
  logicalXor: other,
  bitwiseAnd: other,
  bitwiseOr: other,
  bitwiseXor: other,
  bitwiseNot: nothing,
  bitwiseLeftShift: other,
  bitwiseRightShift: other,
};
