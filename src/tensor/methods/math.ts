/** Functions of single elements. */
import { isFloat } from "../../ir/dtype.js";
import type { ScalarName } from "../../ir/scalar/index.js";
import { graph } from "../../ops/index.js";
import { takes } from "../../util/arguments.js";
import { number } from "../../util/kinds.js";
import * as elementwise from "../elementwise.js";
import type { NanToNumOptions } from "../options.js";
import * as special from "../special.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { Bitwise } from "./bitwise.js";
import { tensorLikeKind } from "./core.js";

export abstract class ElementFunctions extends Bitwise {
  private unary(name: ScalarName): Tensor {
    return this.make(graph.op(name, this.node));
  }
  private floating(name: ScalarName): Tensor {
    return this.make(graph.op(name, elementwise.asFloat(this.node)));
  }
  /** −x */
  neg(): Tensor {
    return this.unary("neg");
  }
  /** |x|, with gradient 0 at 0. */
  abs(): Tensor {
    return this.unary("abs");
  }
  /** −1, 0 or 1. */
  sign(): Tensor {
    return this.unary("sign");
  }
  /** e^x; integers become f32. */
  exp(): Tensor {
    return this.floating("exp");
  }
  /** 2^x; integers become f32. */
  exp2(): Tensor {
    return this.floating("exp2");
  }
  /** e^x − 1, accurate near 0; integers become f32. */
  expm1(): Tensor {
    return this.floating("expm1");
  }
  /** Natural logarithm. */
  log(): Tensor {
    return this.floating("log");
  }
  /** log(1 + x), accurate near 0; NaN below −1. */
  log1p(): Tensor {
    return this.floating("log1p");
  }
  /** Logarithm to base 2; exact at powers of 2. */
  log2(): Tensor {
    return this.floating("log2");
  }
  /** Logarithm to base 10. */
  log10(): Tensor {
    return this.floating("log10");
  }
  /** log(e^x + e^other) without overflow, broadcasting; integers become f32. */
  logaddexp(other: TensorLike): Tensor {
    return this.binary("logaddexp", other);
  }
  /** √x; NaN below 0. */
  sqrt(): Tensor {
    return this.floating("sqrt");
  }
  /** 1 / √x */
  rsqrt(): Tensor {
    return this.sqrt().reciprocal();
  }
  /** x² */
  square(): Tensor {
    return this.mul(this.self);
  }
  /** 1 / x */
  reciprocal(): Tensor {
    const x = elementwise.asFloat(this.node);
    return this.make(graph.op("div", graph.constant(1, x), x));
  }
  /** Sine, of radians. */
  sin(): Tensor {
    return this.floating("sin");
  }
  /** Cosine, of radians. */
  cos(): Tensor {
    return this.floating("cos");
  }
  /** Tangent, of radians. */
  tan(): Tensor {
    return this.floating("tan");
  }
  /** Arc sine, in [−π/2, π/2]; NaN outside [−1, 1], with infinite gradient at ±1. */
  asin(): Tensor {
    return this.floating("asin");
  }
  /** Arc cosine, in [0, π]; NaN outside [−1, 1], with infinite gradient at ±1. */
  acos(): Tensor {
    return this.floating("acos");
  }
  /** Arc tangent, in [−π/2, π/2]. */
  atan(): Tensor {
    return this.floating("atan");
  }
  /** The angle of the point (other, this) in [−π, π], broadcasting; the gradient at the origin is 0. */
  atan2(other: TensorLike): Tensor {
    return this.binary("atan2", other);
  }
  /** √(x² + other²) without overflow, broadcasting; the gradient at the origin is NaN, as in PyTorch. */
  hypot(other: TensorLike): Tensor {
    return this.binary("hypot", other);
  }
  /** Hyperbolic sine, accurate near 0. */
  sinh(): Tensor {
    return this.floating("sinh");
  }
  /** Hyperbolic cosine. */
  cosh(): Tensor {
    return this.floating("cosh");
  }
  /** Hyperbolic tangent. */
  tanh(): Tensor {
    return this.floating("tanh");
  }
  /** Inverse hyperbolic sine, accurate near 0. */
  asinh(): Tensor {
    return this.floating("asinh");
  }
  /** Inverse hyperbolic cosine; NaN below 1. */
  acosh(): Tensor {
    return this.floating("acosh");
  }
  /** Inverse hyperbolic tangent, accurate near 0; ±∞ at ±1, NaN beyond. */
  atanh(): Tensor {
    return this.floating("atanh");
  }
  /** The error function. */
  erf(): Tensor {
    return this.floating("erf");
  }
  /** Inverse of the error function; ±∞ at ±1, NaN beyond. */
  erfinv(): Tensor {
    return this.floating("erfinv");
  }
  /** sin(πx) / (πx), and 1 at 0; integers become f32. */
  sinc(): Tensor {
    return this.make(special.sinc(this.node));
  }
  /** 1 / (1 + e^−x) */
  sigmoid(): Tensor {
    return this.make(elementwise.sigmoid(this.node));
  }
  /** max(x, 0), with gradient 0 at 0. */
  relu(): Tensor {
    return this.unary("relu");
  }
  /** Largest integer ≤ x. */
  floor(): Tensor {
    return isFloat(this.dtype) ? this.unary("floor") : this.self;
  }
  /** Smallest integer ≥ x. */
  ceil(): Tensor {
    return isFloat(this.dtype) ? this.neg().floor().neg() : this.self;
  }
  /** Nearest integer; ties round to even. */
  round(): Tensor {
    return isFloat(this.dtype) ? this.unary("round") : this.self;
  }
  /** Rounds towards zero; the gradient is 0. */
  trunc(): Tensor {
    return this.make(special.trunc(this.node));
  }
  /** x − trunc(x), with the sign of x; the gradient is 1. Integers become f32. */
  frac(): Tensor {
    const x = elementwise.asFloat(this.node);
    return this.make(graph.op("sub", x, special.trunc(x)));
  }
  /** NaN replaced by 0, infinities by the largest numbers of the dtype; the gradient there is 0. */
  nanToNum({ nan = 0, posinf, neginf }: NanToNumOptions = {}): Tensor {
    return this.make(special.nanToNum(this.node, nan, posinf, neginf));
  }
}

const nothing = takes();
const other = takes({ other: tensorLikeKind });

export const mathParameters = {
  neg: nothing,
  abs: nothing,
  sign: nothing,
  exp: nothing,
  log: nothing,
  sqrt: nothing,
  rsqrt: nothing,
  square: nothing,
  reciprocal: nothing,
  sin: nothing,
  cos: nothing,
  tanh: nothing,
  erf: nothing,
  sigmoid: nothing,
  relu: nothing,
  floor: nothing,
  ceil: nothing,
  round: nothing,
  exp2: nothing,
  expm1: nothing,
  log1p: nothing,
  log2: nothing,
  log10: nothing,
  tan: nothing,
  asin: nothing,
  acos: nothing,
  atan: nothing,
  sinh: nothing,
  cosh: nothing,
  asinh: nothing,
  acosh: nothing,
  atanh: nothing,
  erfinv: nothing,
  sinc: nothing,
  trunc: nothing,
  frac: nothing,
  logaddexp: other,
  atan2: other,
  hypot: other,
  nanToNum: takes<NanToNumOptions>({}, { nan: number, posinf: number, neginf: number }),
};
