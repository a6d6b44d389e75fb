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
   * True if the back end hoists all loads of a loop body above its multiply-adds (V8 does); operands then need registers
   * beside the accumulators, so tiles are smaller.
   */
  readonly hoistsLoads: boolean;
  /** Threads that share tasks: shapes how results are cut, never the order of a sum. */
  readonly threads: number;
  readonly l1Bytes: number;
  readonly l2Bytes: number;
  /** Whether matmul and convolution templates are used; otherwise their decompositions are compiled. */
  readonly templates: boolean;
  /** Whether convolutions may use Winograd's algorithm. */
  readonly winograd: boolean;
  /** Whether elementary functions are printed through their single-precision decompositions. */
  readonly decompose: boolean;
  readonly dtypes: readonly DType[];
}
