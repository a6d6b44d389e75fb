/**
 * What a device is to the rest of Fovea: memory, and a way to run programs. It knows kernels as loop-language data and
 * nothing of graphs, ops, layers or tensors.
 */
import type { DType, TypedArray } from "../ir/dtype.js";
import type { KernelLabel, Program } from "../ir/program.js";
import type { Target } from "../ir/target.js";

/** Memory on a device; only its own device looks inside. */
export interface DeviceBuffer {
  readonly sizeBytes: number;
}

/** A program loaded on a device. */
export interface Executable {
  /**
   * Enqueues a run of every step behind all that was submitted before; buffers are given for leaves and outputs in the
   * program's order. Resolves when the device is ready for the next: one with a queue of its own may do so before the run
   * has ended, since later runs and reads come behind it; the others when it has ended. Rejects if the run failed by then;
   * a failure that is found later rejects `finish` and the reads behind it.
   */
  submit(leaves: readonly DeviceBuffer[], outputs: readonly DeviceBuffer[]): Promise<void>;
  /** Time of each step of the last run that has ended, in milliseconds, if the program was loaded `timed`; else empty. */
  stepTimesMs(): readonly number[];
}

export interface LoadOptions {
  /** Whether every step is timed; default only where FOVEA_DEBUG prints the times. */
  readonly timed?: boolean;
}

/** A program that an earlier process compiled, without the loops of its kernels. */
export interface Recalled {
  readonly program: Program<KernelLabel>;
  readonly executable: Executable;
  /** What runs the program of its kept values, if it has one. */
  readonly kept: Executable | null;
}

export interface Device {
  readonly name: string;
  readonly target: Target;
  allocate(dtype: DType, elements: number): DeviceBuffer;
  /** Takes memory back; what was submitted before may still use it. */
  release(buffer: DeviceBuffer): void;
  write(buffer: DeviceBuffer, values: TypedArray): void;
  /** The values of a buffer as all runs that were submitted before leave them. */
  read(buffer: DeviceBuffer, dtype: DType, elements: number): Promise<TypedArray>;
  /** The values of a buffer that no submitted run writes, at once; absent where the host does not share the memory. */
  peek?(buffer: DeviceBuffer, dtype: DType, elements: number): TypedArray;
  load(program: Program, options?: LoadOptions): Promise<Executable>;
  /** Resolves when everything that was submitted has run. */
  finish(): Promise<void>;
  /** The program that was remembered under a key, on devices that outlive a process; null if there is none. */
  recall?(key: string): Promise<Recalled | null>;
  /** Keeps what it takes to run a loaded program again without compiling it. */
  remember?(key: string, program: Program): Promise<void>;
}

/** What `fovea devices` tells of a device. */
export interface DeviceDescription {
  readonly name: string;
  readonly available: boolean;
  /** Why it is not available, and what to do about it. */
  readonly reason?: string;
  readonly details: Readonly<Record<string, string>>;
}
