/**
 * Element-wise functions on nodes, composed of scalar ops.
 */
import { type DType, isFloat, promote } from "../ir/dtype.js";
import type { Node } from "../ir/graph.js";
import type { ScalarName } from "../ir/scalar/index.js";
import { graph, helpers } from "../ops/index.js";
import { ConfigError } from "../util/errors.js";
import { located, unify } from "./check.js";
import { holds } from "./host.js";

const constant = (value: number, like: Node): Node => graph.constant(value, like);
/** Converts integers and bools to f32, for functions that need floats. */
export const asFloat = (x: Node): Node => (isFloat(x.dtype) ? x : graph.cast(x, "f32"));
const asNumber = (x: Node): Node => (x.dtype === "bool" ? graph.cast(x, "i32") : x);

/**
 * A number as an operand of a tensor: of the tensor's dtype if it represents the number, else of the next dtype that
 * does, so that the result is exact: −1 beside u8 is i32, 0.5 beside i32 is f32, 2⁴⁰ beside i32 is f64.
 */
export function scalar(value: number, like: Node): Node {
  const { dtype } = like;
  if (isFloat(dtype)) return graph.typed(value, dtype, like);
  if (!Number.isInteger(value)) return graph.typed(value, "f32", like);
  if (dtype === "bool" && (value === 0 || value === 1)) return graph.typed(value, "bool", like);
  const whole = dtype === "u8" && holds("u8", value) ? "u8" : "i32";
  return graph.typed(value, holds(whole, value) ? whole : "f64", like);
}

/** Binary ops that convert integers to f32. */
const FLOATING: ReadonlySet<ScalarName> = new Set(["div", "pow", "atan2", "hypot", "logaddexp"]);

/** A binary op after broadcasting and promotion. */
export function binary(name: ScalarName, a: Node, b: Node): Node {
  const [x, y] = unify(name, a, b);
  if (FLOATING.has(name)) return graph.op(name, asFloat(x), asFloat(y));
  if (name === "and" || name === "or") return graph.op(name, graph.cast(x, "bool"), graph.cast(y, "bool"));
  const compares = name === "eq" || name === "ne";
  return compares ? graph.op(name, x, y) : graph.op(name, asNumber(x), asNumber(y));
}

/** Powers; small integer and half exponents become products and roots, which are exact and cheap. */
export function power(a: Node, b: Node, exponent: number | null): Node {
  const x = asFloat(a);
  if (exponent === 1) return x;
  if (exponent === 0.5) return graph.op("sqrt", x);
  if (exponent === -1) return graph.op("div", constant(1, x), x);
  if (exponent === 2) return graph.op("mul", x, x);
  if (exponent === 3) return graph.op("mul", graph.op("mul", x, x), x);
  return binary("pow", a, b);
}

/** 1 / (1 + e^−x), computed from e^−|x|, so that nothing overflows and small results stay accurate. */
export function sigmoid(node: Node): Node {
  const x = asFloat(node);
  const negative = graph.op("lt", x, constant(0, x));
  const decay = graph.op("exp", graph.op("select", negative, x, graph.op("neg", x)));
  const one = constant(1, x);
  return graph.op("div", graph.op("select", negative, decay, one), graph.op("add", one, decay));
}

export function select(condition: Node, a: Node, b: Node): Node {
  const [x, y] = unify("where", a, b);
  const [, like] = unify("where", x, graph.cast(condition, "bool"));
  const shape = like.shape;
  const test = helpers.broadcast(graph, graph.cast(condition, "bool"), shape);
  return graph.op("select", test, helpers.broadcast(graph, x, shape), helpers.broadcast(graph, y, shape));
}

/**
 * x limited to [min, max]. The gradient is 1 where x lies between the bounds or on one of them, as in PyTorch. Bounds
 * outside the range of an integer dtype have no effect; other bounds that the dtype cannot represent promote it.
 */
export function clamp(x: Node, min: number | undefined, max: number | undefined): Node {
  const [lowest, highest] = rangeOf(x.dtype);
  const lower = min === undefined || min <= lowest ? null : scalar(min, x);
  const reached = Math.max(highest, lower && min !== undefined ? min : highest);
  const upper = max === undefined || max >= reached ? null : scalar(max, x);
  if (!lower && !upper) return asNumber(x);
  const dtype = [lower, upper].reduce((widest, bound) => promote(widest, bound?.dtype ?? "bool"), asNumber(x).dtype);
  const [value, low, high] = [x, lower, upper].map((node) => node && graph.cast(node, dtype));
  if (!value) return x;
  const beyond = graph.make("detach", [value], {});
  const raised = low ? graph.op("max", beyond, low) : beyond;
  const limited = high ? graph.op("min", raised, high) : raised;
  const above = low && graph.op("le", low, value);
  const below = high && graph.op("le", value, high);
  const inside = above && below ? graph.op("and", above, below) : (above ?? below);
  return inside ? graph.op("select", inside, value, limited) : limited;
}

/** The range of a dtype; that of floats is ±∞, so that every bound applies, and a bound of NaN gives NaN. */
function rangeOf(dtype: DType): readonly [number, number] {
  if (isFloat(dtype)) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return dtype === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, dtype === "u8" ? 255 : 1];
}

/** The remainder; undefined for integers and the number 0. */
export function remainder(name: "mod" | "fmod", a: Node, b: Node, divisor: number | null): Node {
  if (divisor === 0 && !isFloat(a.dtype)) {
    throw new ConfigError(located(name, `there is no remainder of ${a.dtype} by 0`), {
      hint: 'Divide by another number, or convert with .to("f32"), where it is NaN',
    });
  }
  return binary("mod", a, b);
}
