/**
 * A compiled program, the output of the compiler: kernels, the steps that run them, and the location of each buffer.
 * Plain data.
 */
import type { Origin } from "../util/scope.js";
import type { DType } from "./dtype.js";
import type { Kernel } from "./loops.js";

/** The location of a buffer: a leaf (input) or an output, passed at each run, or an offset in the arena. */
export type Slot =
  | { readonly kind: "leaf"; readonly leaf: number }
  | { readonly kind: "output"; readonly output: number }
  | { readonly kind: "arena"; readonly offset: number };

interface Step {
  /** Position in `kernels`. */
  readonly kernel: number;
  /** A slot for each of the kernel's buffers. */
  readonly slots: readonly Slot[];
  /**
   * True if all earlier steps must end first; else it may run concurrently with the steps since the last one that
   * waits.
   */
  readonly waits: boolean;
}

/** The work of a kernel, for profiles. */
export interface KernelWork {
  /** Origins (module path and role) of the reduction or contraction that each loop nest is built around, each once. */
  readonly anchors: readonly Origin[];
  /** Origins of the operations fused with the anchors, each once. */
  readonly fused: readonly Origin[];
  /** Multiply-adds of convolutions and matrix products by definition, whatever algorithm the kernel uses. */
  readonly multiplyAdds: number;
  /** Arithmetic operations: two per multiply-add, one per element of any other op. */
  readonly flop: number;
  /** Bytes of the buffers read and of the buffers written. */
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** The part of a kernel that is known without its loops. */
export type KernelLabel = Pick<Kernel, "label" | "flops">;

export interface Program<K extends KernelLabel = Kernel> {
  readonly kernels: readonly K[];
  readonly steps: readonly Step[];
  readonly arenaBytes: number;
  readonly outputs: readonly { readonly dtype: DType; readonly elements: number }[];
  /**
   * For every output, the leaf whose storage it may reuse, because all readers of the old value have run before, or
   * read each element before it is overwritten. Null if it needs new storage.
   */
  readonly inPlace: readonly (number | null)[];
  /**
   * The program that computes values that depend on variables alone, such as packed or transformed weights. Its outputs
   * are the last leaves of this program; it is rerun only when a leaf that it reads has changed.
   */
  readonly derived?: Program<K>;
  /** The work of each kernel, if the compiler was called with that option. */
  readonly work?: readonly KernelWork[];
}
