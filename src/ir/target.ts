/**
 * What the compiler may know about a device: plain data, discovered at run time, never assumed.
 */
import type { DType } from "./dtype.js";

export interface Target {
  readonly name: string;
  /** 32-bit lanes of a vector register; 1 for scalar targets. */
  readonly lanes: number;
  /** Vector registers that a kernel can keep values in. */
  readonly registers: number;
  /**
   * Whether the device's compiler reorders long runs of statements so that operands no longer fit into registers: a step
   * is then never written out several times. Default false.
   */
  readonly shortSteps?: boolean;
  /** Threads that share tasks: shapes how results are cut, never the order of a sum. */
  readonly threads: number;
  readonly l1Bytes: number;
  readonly l2Bytes: number;
  /** Whether matmul and convolution templates are used; otherwise their decompositions are compiled. */
  readonly templates: boolean;
  /** Whether elementary functions are printed through their single-precision decompositions. */
  readonly decompose: boolean;
  readonly dtypes: readonly DType[];
}
