/** Functions of single elements. */
import { isFloat } from "../../ir/dtype.js";
import type { ScalarName } from "../../ir/scalar/index.js";
import { graph } from "../../ops/index.js";
import { takes } from "../../util/arguments.js";
import * as elementwise from "../elementwise.js";
import type { Tensor } from "../tensor.js";
import { Arithmetic } from "./arithmetic.js";

export abstract class ElementFunctions extends Arithmetic {
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
  /** Natural logarithm. */
  log(): Tensor {
    return this.floating("log");
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
  /** Hyperbolic tangent. */
  tanh(): Tensor {
    return this.floating("tanh");
  }
  /** The error function. */
  erf(): Tensor {
    return this.floating("erf");
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
}

const nothing = takes();

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
};
