/** The first operation of a graph whose result is not finite though its inputs are. It must not know modules. */
import { isFloat } from "../ir/dtype.js";
import { topological } from "../ir/graph.js";
import type { Role } from "../util/scope.js";
import { stack } from "./create.js";
import { Tensor } from "./tensor.js";

/** An operation that made the first value that is not finite. */
export interface NonFinite {
  /** Module path, such as `model.head`; empty outside of modules. */
  readonly path: string;
  /** The operation, such as `log`; `leaf` for an input, a variable, or a value that was computed before. */
  readonly op: string;
  /** What it computes: a value of the forward pass, or a gradient. */
  readonly role: Role;
  readonly shape: readonly number[];
  /** The first value that is not finite, and its position in row-major order. */
  readonly value: number;
  readonly index: number;
}

/**
 * The first operation, in the order in which values depend on each other, whose result has a NaN or an infinity; null if
 * all results are finite. Earlier outputs come first. Everything is evaluated once, as one program with one flag for each
 * operation, and once more for the values of the one that is found.
 */
export async function firstNonFinite(outputs: readonly Tensor[]): Promise<NonFinite | null> {
  const nodes = topological(outputs.map(({ node }) => node)).filter(
    ({ dtype, shape }) => isFloat(dtype) && shape.every((size) => size > 0),
  );
  if (nodes.length === 0) return null;
  const flags = await stack(nodes.map((node) => new Tensor(node).isfinite().to("i32").min())).data();
  const found = nodes.find((_, i) => Number(flags[i]) === 0);
  if (!found) return null;
  const values = Array.from(await new Tensor(found).data(), Number);
  const index = values.findIndex((value) => !Number.isFinite(value));
  const { origin, op, shape } = found;
  return { path: origin.path, op, role: origin.role, shape, value: values[index], index };
}
