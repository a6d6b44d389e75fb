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

/** A program made ready to run. */
export interface Executable {
  /** Runs every step; buffers are given for leaves and outputs in the program's order. */
  run(leaves: readonly DeviceBuffer[], outputs: readonly DeviceBuffer[]): Promise<void>;
  /** Time of each step of the last run in milliseconds, if the program was prepared with `timed`; else empty. */
  stepTimesMs(): readonly number[];
}

export interface PrepareOptions {
  /** Whether every step is timed; default only where FOVEA_DEBUG prints the times. */
  readonly timed?: boolean;
}

/** A program that was made ready in an earlier process, without the loops of its kernels. */
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
  release(buffer: DeviceBuffer): void;
  write(buffer: DeviceBuffer, values: TypedArray): void;
  read(buffer: DeviceBuffer, dtype: DType, elements: number): TypedArray;
  prepare(program: Program, options?: PrepareOptions): Promise<Executable>;
  /** The program that was remembered under a key, on devices that outlive a process; null if there is none. */
  recall?(key: string): Promise<Recalled | null>;
  /** Keeps what it takes to run a prepared program again without compiling it. */
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
