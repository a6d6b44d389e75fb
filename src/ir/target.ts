/**
 * The properties of a device that the compiler uses: plain data, detected at run time.
 */
import type { DType } from "./dtype.js";

export interface Target {
  readonly name: string;
  /** 32-bit lanes of a vector register; 1 for scalar targets. */
  readonly lanes: number;
  /** Vector registers available to a kernel. */
  readonly registers: number;
  /**
   * True if the back end hoists all loads of a loop body above its multiply-adds (V8 does); operands then need
   * registers beside the accumulators, so tiles are smaller.
   */
  readonly hoistsLoads: boolean;
  /** Threads that run tasks; affects how results are divided into tasks, never the order of a sum. */
  readonly threads: number;
  readonly l1Bytes: number;
  readonly l2Bytes: number;
  /** True if matmul and convolution are compiled by templates; else by their decompositions. */
  readonly templates: boolean;
  /** True if convolutions may use Winograd's algorithm. */
  readonly winograd: boolean;
  /** True if elementary functions are replaced by their single-precision decompositions. */
  readonly decompose: boolean;
  readonly dtypes: readonly DType[];
  /** True if f32 values are held and computed in float64, as on the reference device. */
  readonly widensFloats: boolean;
  /** Bytes of an element in memory; on some devices small types take a word. */
  readonly bytes: Readonly<Record<DType, number>>;
  /** Alignment of buffers and temporaries in bytes. */
  readonly alignment: number;
  /** Limit of the buffers of a kernel. */
  readonly buffers: number;
}

/**
 * The memory properties of CPU devices: element sizes of the host, alignment to cache lines, practically unlimited
 * buffers.
 */
export const PROCESSOR_MEMORY: Pick<Target, "bytes" | "alignment" | "buffers"> = {
  bytes: { f32: 4, f64: 8, i32: 4, u8: 1, bool: 1 },
  alignment: 128,
  buffers: 1 << 16,
};
