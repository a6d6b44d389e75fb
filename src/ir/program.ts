/**
 * What the compiler hands to a device: kernels, the steps that run them, and where each buffer lies. Plain data.
 */
import type { Origin } from "../util/scope.js";
import type { DType } from "./dtype.js";
import type { Kernel } from "./loops.js";

/** A buffer of a program: given from outside, or a part of the arena. */
export type Slot =
  | { readonly kind: "leaf"; readonly leaf: number }
  | { readonly kind: "output"; readonly output: number }
  | { readonly kind: "arena"; readonly offset: number };

interface Step {
  /** Position in `kernels`. */
  readonly kernel: number;
  /** A slot for each of the kernel's buffers. */
  readonly slots: readonly Slot[];
  /** Whether all steps before it must have ended: otherwise it may run beside those since the last that waits. */
  readonly waits: boolean;
}

/** What a kernel does, for profiles. */
export interface KernelWork {
  /** Origins (module path and role) of the reduction or contraction that each loop nest is built around, each once. */
  readonly anchors: readonly Origin[];
  /** Origins of what is fused into it beside the anchors, each once. */
  readonly fused: readonly Origin[];
  /** Products that convolutions and products of matrices add up, however the kernel computes them. */
  readonly multiplyAdds: number;
  /** All arithmetic, each value once: two for a multiply-add, one for an element of anything else. */
  readonly flop: number;
  /** Bytes of the buffers that it reads, and of those that it writes. */
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** What is known of a kernel without its loops. */
export type KernelLabel = Pick<Kernel, "label" | "flops">;

export interface Program<K extends KernelLabel = Kernel> {
  readonly kernels: readonly K[];
  readonly steps: readonly Step[];
  readonly arenaBytes: number;
  readonly outputs: readonly { readonly dtype: DType; readonly elements: number }[];
  /**
   * For every output, the leaf whose storage it may take over: all readers of the old value have run, or read each
   * element before it is replaced. Null if it needs storage of its own.
   */
  readonly inPlace: readonly (number | null)[];
  /**
   * The program that makes this one's last leaves from its other leaves. It need only run again when one of those that
   * it reads has changed.
   */
  readonly kept?: Program<K>;
  /** What each kernel does, if the compiler was asked for it. */
  readonly work?: readonly KernelWork[];
}
