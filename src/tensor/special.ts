/**
 * Element-wise functions that are compositions of scalar ops with the accuracy, the special values and the gradients of
 * PyTorch, on nodes.
 */
import { type DType, isFloat } from "../ir/dtype.js";
import type { Node } from "../ir/graph.js";
import type { ScalarName } from "../ir/scalar/index.js";
import { graph, helpers } from "../ops/index.js";
import { dtypeError, unify } from "./check.js";
import { asFloat, binary, remainder } from "./elementwise.js";

const op = (name: ScalarName, ...args: Node[]): Node => graph.op(name, ...args);
const constant = (value: number, like: Node): Node => graph.constant(value, like);

/** False everywhere, for integers and bools. */
const never = (x: Node): Node => graph.typed(0, "bool", x);

export const whereNaN = (x: Node): Node => (isFloat(x.dtype) ? op("ne", x, x) : never(x));
export const whereInfinite = (x: Node): Node =>
  isFloat(x.dtype) ? op("eq", op("abs", x), constant(Number.POSITIVE_INFINITY, x)) : never(x);
export const whereFinite = (x: Node): Node =>
  isFloat(x.dtype) ? op("lt", op("abs", x), constant(Number.POSITIVE_INFINITY, x)) : graph.typed(1, "bool", x);

/** Rounds towards zero; −0 and numbers in (−1, 0) give −0. */
export function trunc(x: Node): Node {
  if (!isFloat(x.dtype)) return x;
  const up = op("neg", op("floor", op("neg", x)));
  return op("select", op("lt", x, constant(0, x)), up, op("floor", x));
}

/** The remainder with the sign of the dividend. */
export function fmod(a: Node, b: Node, divisor: number | null): Node {
  const [x, y] = unify("fmod", a, b);
  if (isFloat(x.dtype)) return op("fmod", x, y);
  const rest = remainder("fmod", x, y, divisor);
  const [dividend, by] = [graph.cast(x, rest.dtype), graph.cast(y, rest.dtype)];
  const zero = constant(0, rest);
  const differs = op("ne", op("lt", rest, zero), op("lt", dividend, zero));
  return op("select", op("and", op("ne", rest, zero), differs), op("sub", rest, by), rest);
}

/** start + weight (end − start), from the nearer end, so that weights 0 and 1 give the ends. */
export function lerp(start: Node, end: Node, weight: Node): Node {
  const [a, b] = unify("lerp", asFloat(start), asFloat(end));
  const [x, w] = unify("lerp", a, weight);
  const y = helpers.broadcast(graph, graph.cast(b, x.dtype), x.shape);
  const isNear = op("lt", op("abs", w), constant(0.5, w));
  const share = op("select", isNear, w, op("sub", w, constant(1, w)));
  return op("add", op("select", isNear, x, y), op("mul", share, op("sub", y, x)));
}

const LARGEST = { f32: 2 ** 128 - 2 ** 104, f64: Number.MAX_VALUE };

/** NaN and infinities replaced by numbers. */
export function nanToNum(x: Node, nan: number, posinf: number | undefined, neginf: number | undefined): Node {
  if (x.dtype !== "f32" && x.dtype !== "f64") return x;
  const largest = LARGEST[x.dtype];
  const endless = constant(Number.POSITIVE_INFINITY, x);
  const above = op("select", op("eq", x, endless), constant(posinf ?? largest, x), x);
  const below = op("select", op("eq", x, op("neg", endless)), constant(neginf ?? -largest, x), above);
  return op("select", op("ne", x, x), constant(nan, x), below);
}

/** sin(πx) / (πx); the sine is that of the distance to the next integer, so it is exact at integers. */
export function sinc(node: Node): Node {
  const x = asFloat(node);
  const isZero = op("eq", x, constant(0, x));
  // Another value at 0, where the quotient is NaN and so would be its gradient.
  const safe = op("select", isZero, constant(1, x), x);
  const nearest = op("round", safe);
  const sine = op("sin", op("mul", op("sub", safe, nearest), constant(Math.PI, x)));
  const odd = op("ne", op("mod", nearest, constant(2, x)), constant(0, x));
  const signed = op("select", odd, op("neg", sine), sine);
  return op("select", isZero, constant(1, x), op("div", signed, op("mul", safe, constant(Math.PI, x))));
}

/** Operands of a bitwise op in their common integer dtype, computed as i32. */
function integers(name: string, a: Node, b: Node): { x: Node; y: Node; dtype: DType } {
  const [x, y] = unify(name, a, b);
  const { dtype } = x;
  if (isFloat(dtype)) throw dtypeError(name, `needs integers or bools, got ${dtype}`, 'Convert with .to("i32")');
  return { x: graph.cast(x, "i32"), y: graph.cast(y, "i32"), dtype };
}

export function bitwise(name: string, which: "bitAnd" | "bitOr" | "bitXor", a: Node, b: Node): Node {
  const { x, y, dtype } = integers(name, a, b);
  return graph.cast(op(which, x, y), dtype);
}

/** All bits inverted; of a bool, its negation. */
export function bitwiseNot(x: Node): Node {
  if (x.dtype === "bool") return op("not", x);
  return bitwise("bitwiseNot", "bitXor", x, graph.typed(x.dtype === "u8" ? 255 : -1, x.dtype, x));
}

/** x · 2^by or ⌊x / 2^by⌋ in the bits of the dtype; all bits leave it for counts below 0 and from 32 (u8: 8) on. */
export function shift(name: string, to: "left" | "right", a: Node, b: Node): Node {
  const { x, y, dtype } = integers(name, a, b);
  const zero = constant(0, x);
  const valid = op("and", op("le", zero, y), op("lt", y, constant(dtype === "i32" ? 32 : 8, y)));
  const count = op("select", valid, y, zero);
  if (to === "left") return graph.cast(op("select", valid, op("shiftLeft", x, count), zero), dtype);
  // The sign fills the bits: a negative number is shifted as its complement.
  const sign = op("select", op("lt", x, zero), constant(-1, x), zero);
  const shifted = op("bitXor", op("shiftRight", op("bitXor", x, sign), count), sign);
  return graph.cast(op("select", valid, shifted, sign), dtype);
}

export const logicalXor = (a: Node, b: Node): Node => binary("ne", graph.cast(a, "bool"), graph.cast(b, "bool"));
