/**
 * The algebra of scalar operations, as an interface. Gradients and decompositions in the op records are written once
 * against it; the graph (for autograd) and the loop language (for lowering) implement it.
 */
import type { DType } from "./dtype.js";
import type { ScalarName } from "./scalar/index.js";

export interface Algebra<T> {
  /** A constant of the same dtype (and shape) as `like`. */
  constant(value: number, like: T): T;
  /** A constant of the given dtype with the shape of `like`. */
  typed(value: number, dtype: DType, like: T): T;
  op(name: ScalarName, ...args: T[]): T;
  cast(value: T, dtype: DType): T;
  /**
   * `rare` where `test` holds, else `usual`: a select whose `rare` side may be expensive, because loops evaluate it
   * only for vectors with a lane in which the test holds.
   */
  unlikely(test: T, rare: T, usual: T): T;
}
