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
  /** Bytes of an element in memory: on some machines the small types take a word. */
  readonly bytes: Readonly<Record<DType, number>>;
  /** Every buffer and every temporary begins at a multiple of so many bytes. */
  readonly alignment: number;
  /** The most buffers of a kernel. */
  readonly buffers: number;
}

/** Memory as processors have it: elements as on the host, cache lines, and as many buffers as a table in memory names. */
export const PROCESSOR_MEMORY: Pick<Target, "bytes" | "alignment" | "buffers"> = {
  bytes: { f32: 4, f64: 8, i32: 4, u8: 1, bool: 1 },
  alignment: 128,
  buffers: 1 << 16,
};
