/** Arithmetic, comparison and logic of elements, and conversion of dtypes. */
import type { DType } from "../../ir/dtype.js";
import type { Node } from "../../ir/graph.js";
import type { ScalarName } from "../../ir/scalar/index.js";
import { graph } from "../../ops/index.js";
import { takes } from "../../util/arguments.js";
import { number } from "../../util/kinds.js";
import * as elementwise from "../elementwise.js";
import { dtypeKind } from "../kinds.js";
import type { AddcOptions, ClampOptions } from "../options.js";
import * as special from "../special.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { TensorCore, tensorKind, tensorLikeKind } from "./core.js";

export abstract class Arithmetic extends TensorCore {
  protected operand(other: TensorLike): Node {
    if (typeof other !== "number") return other.node;
    return elementwise.scalar(other, this.node);
  }
  protected binary(name: ScalarName, other: TensorLike): Tensor {
    return this.make(elementwise.binary(name, this.node, this.operand(other)));
  }
  /** Sum of elements, broadcasting. */
  add(other: TensorLike): Tensor {
    return this.binary("add", other);
  }
  /** Difference of elements, broadcasting. */
  sub(other: TensorLike): Tensor {
    return this.binary("sub", other);
  }
  /** Product of elements, broadcasting. */
  mul(other: TensorLike): Tensor {
    return this.binary("mul", other);
  }
  /** Quotient of elements, broadcasting; integers become f32. */
  div(other: TensorLike): Tensor {
    return this.binary("div", other);
  }
  /** Elements raised to a power, broadcasting; integers become f32. */
  pow(exponent: TensorLike): Tensor {
    const fixed = typeof exponent === "number" ? exponent : null;
    return this.make(elementwise.power(this.node, this.operand(exponent), fixed));
  }
  /** Larger of two elements; NaN wins; ties divide the gradient equally. */
  maximum(other: TensorLike): Tensor {
    return this.binary("max", other);
  }
  /** Smaller of two elements; NaN wins; ties divide the gradient equally. */
  minimum(other: TensorLike): Tensor {
    return this.binary("min", other);
  }
  /**
   * a − b ⌊a / b⌋: the exact remainder with the sign of the divisor, broadcasting. For a divisor 0 it is NaN for
   * floats, and 0 for integer tensors.
   *
   * @throws ConfigError for integers and a divisor that is the number 0
   */
  mod(other: TensorLike): Tensor {
    const divisor = typeof other === "number" ? other : null;
    return this.make(elementwise.remainder("mod", this.node, this.operand(other), divisor));
  }
  /**
   * a − b trunc(a / b): the exact remainder with the sign of the dividend, broadcasting. For a divisor 0 it is NaN for
   * floats, and 0 for integer tensors.
   *
   * @throws ConfigError for integers and a divisor that is the number 0
   */
  fmod(other: TensorLike): Tensor {
    const divisor = typeof other === "number" ? other : null;
    return this.make(special.fmod(this.node, this.operand(other), divisor));
  }
  /** this + value · a · b, broadcasting. */
  addcmul(a: Tensor, b: Tensor, { value = 1 }: AddcOptions = {}): Tensor {
    return this.add(scaledBy(a.mul(b), value));
  }
  /** this + value · a / b, broadcasting; integers become f32. */
  addcdiv(a: Tensor, b: Tensor, { value = 1 }: AddcOptions = {}): Tensor {
    return this.add(scaledBy(a, value).div(b));
  }
  /** this + weight · (end − this), broadcasting: weight 0 gives this, 1 gives `end`; integers become f32. */
  lerp(end: Tensor, weight: TensorLike): Tensor {
    const w = typeof weight === "number" ? elementwise.scalar(weight, elementwise.asFloat(this.node)) : weight.node;
    return this.make(special.lerp(this.node, end.node, w));
  }
  /** True where a = b, broadcasting. */
  eq(other: TensorLike): Tensor {
    return this.binary("eq", other);
  }
  /** True where a ≠ b, broadcasting; NaN differs from everything. */
  ne(other: TensorLike): Tensor {
    return this.binary("ne", other);
  }
  /** True where a < b, broadcasting. */
  lt(other: TensorLike): Tensor {
    return this.binary("lt", other);
  }
  /** True where a ≤ b, broadcasting. */
  le(other: TensorLike): Tensor {
    return this.binary("le", other);
  }
  /** True where a > b, broadcasting. */
  gt(other: TensorLike): Tensor {
    return this.make(elementwise.binary("lt", this.operand(other), this.node));
  }
  /** True where a ≥ b, broadcasting. */
  ge(other: TensorLike): Tensor {
    return this.make(elementwise.binary("le", this.operand(other), this.node));
  }
  /** True where both are true (not zero), broadcasting. */
  logicalAnd(other: TensorLike): Tensor {
    return this.binary("and", other);
  }
  /** True where either is true (not zero), broadcasting. */
  logicalOr(other: TensorLike): Tensor {
    return this.binary("or", other);
  }
  /** True where the element is false (zero). */
  logicalNot(): Tensor {
    return this.make(graph.op("not", graph.cast(this.node, "bool")));
  }
  /** Elements limited to [min, max]. */
  clamp({ min, max }: ClampOptions = {}): Tensor {
    return this.make(elementwise.clamp(this.node, min, max));
  }
  /**
   * Converts to another dtype. Floats become i32 by truncation with saturation, NaN becomes 0; u8 is the low byte of
   * that. Integers keep their low bits; bool is true unless the value is 0.
   */
  to(dtype: DType): Tensor {
    return this.make(graph.cast(this.node, dtype));
  }
  /** Selects `a` where this condition is true, else `b`. */
  where(a: TensorLike, b: TensorLike): Tensor {
    const like = typeof a !== "number" ? a.node : typeof b !== "number" ? b.node : graph.typed(0, "f32", this.node);
    const pick = (x: TensorLike) => (typeof x === "number" ? elementwise.scalar(x, like) : x.node);
    return this.make(elementwise.select(this.node, pick(a), pick(b)));
  }
}

const scaledBy = (x: Tensor, value: number): Tensor => (value === 1 ? x : x.mul(value));

const nothing = takes();
const other = takes({ other: tensorLikeKind });
const addc = takes<AddcOptions>({ a: tensorKind, b: tensorKind }, { value: number });

export const arithmeticParameters = {
  add: other,
  sub: other,
  mul: other,
  div: other,
  pow: takes({ exponent: tensorLikeKind }),
  maximum: other,
  minimum: other,
  mod: other,
  fmod: other,
  addcmul: addc,
  addcdiv: addc,
  lerp: takes({ end: tensorKind, weight: tensorLikeKind }),
  eq: other,
  ne: other,
  lt: other,
  le: other,
  gt: other,
  ge: other,
  logicalAnd: other,
  logicalOr: other,
  logicalNot: nothing,
  clamp: takes<ClampOptions>({}, { min: number, max: number }),
  to: takes({ dtype: dtypeKind }),
  where: takes({ a: tensorLikeKind, b: tensorLikeKind }),
};
