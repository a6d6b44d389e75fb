/**
 * The device interface: memory, and a way to run programs. Knows kernels as data of the loop language; must not know
 * graphs, ops, layers or tensors.
 */
import type { DType, TypedArray } from "../ir/dtype.js";
import type { KernelLabel, Program } from "../ir/program.js";
import type { Target } from "../ir/target.js";

/** Memory on a device, opaque to all but that device. */
export interface DeviceBuffer {
  readonly sizeBytes: number;
}

/** A program loaded on a device. */
export interface Executable {
  /**
   * Enqueues a run of all steps after everything submitted before. `leaves` and `outputs` are buffers in the order of
   * the program. Resolves when the device accepts the next submission: a device with its own queue may resolve before
   * the run has ended, because later runs and reads follow it in the queue; other devices resolve when the run has
   * ended. Rejects if the run has failed by then; a later failure rejects `finish` and the reads after it.
   */
  submit(leaves: readonly DeviceBuffer[], outputs: readonly DeviceBuffer[]): Promise<void>;
  /** Milliseconds of each step of the last completed run, if the program was loaded with `timed`; else empty. */
  stepTimesMs(): readonly number[];
}

export interface LoadOptions {
  /** Measure the time of every step. Default: only if FOVEA_DEBUG prints the times. */
  readonly timed?: boolean;
}

/** A program that an earlier process compiled; its kernels have no loop-language code. */
export interface Recalled {
  readonly program: Program<KernelLabel>;
  readonly executable: Executable;
  /** The executable of `program.derived`; null if it has none. */
  readonly derived: Executable | null;
}

export interface Device {
  readonly name: string;
  readonly target: Target;
  allocate(dtype: DType, elements: number): DeviceBuffer;
  /** Releases memory; runs submitted before may still use it. */
  release(buffer: DeviceBuffer): void;
  write(buffer: DeviceBuffer, values: TypedArray): void;
  /** The values of a buffer after all runs submitted before. */
  read(buffer: DeviceBuffer, dtype: DType, elements: number): Promise<TypedArray>;
  /** The values of a buffer that no submitted run writes, at once; absent where the host does not share the memory. */
  peek?(buffer: DeviceBuffer, dtype: DType, elements: number): TypedArray;
  load(program: Program, options?: LoadOptions): Promise<Executable>;
  /** Resolves when all submitted runs have ended. */
  finish(): Promise<void>;
  /** The program stored under a key by `remember`, on devices with a cache on disk; null if there is none. */
  recall?(key: string): Promise<Recalled | null>;
  /** Stores a loaded program on disk, so that `recall` can load it in a later process without compiling. */
  remember?(key: string, program: Program): Promise<void>;
}

/** The description that `fovea devices` prints. */
export interface DeviceDescription {
  readonly name: string;
  readonly available: boolean;
  /** Why the device is unavailable, and how to fix that. */
  readonly reason?: string;
  readonly details: Readonly<Record<string, string>>;
}
