/**
 * A device that computes nothing and keeps the programs it is given: what the compiler makes of a training step can be
 * looked at without a C compiler, for a target that is the same on every machine.
 */

import { type DType, hostArray, sizeOf, type TypedArray } from "../../src/ir/dtype.js";
import type { Program } from "../../src/ir/program.js";
import { PROCESSOR_MEMORY, type Target } from "../../src/ir/target.js";
import type { Device, DeviceBuffer, Executable } from "../../src/runtime/index.js";

/** A machine with AVX2, as plain data. */
export const target: Target = {
  name: "recorder",
  lanes: 8,
  registers: 16,
  hoistsLoads: false,
  threads: 2,
  l1Bytes: 32 << 10,
  l2Bytes: 512 << 10,
  templates: true,
  winograd: false,
  decompose: true,
  dtypes: ["f32", "i32", "u8", "bool"],
  widensFloats: false,
  ...PROCESSOR_MEMORY,
};

export class RecordingDevice implements Device {
  readonly name: string;
  readonly programs: Program[] = [];

  readonly target: Target;

  constructor(machine: Target = target) {
    this.name = machine.name;
    this.target = machine;
  }

  /** The program made last. */
  get last(): Program {
    return this.programs[this.programs.length - 1];
  }
  get labels(): string[] {
    return this.last.kernels.map(({ label }) => label);
  }

  allocate(dtype: DType, elements: number): DeviceBuffer {
    return { sizeBytes: elements * sizeOf(dtype) };
  }
  release(): void {
    // There is nothing behind a buffer.
  }
  write(): void {
    // Nor is there anything to fill.
  }
  async read(_: DeviceBuffer, dtype: DType, elements: number): Promise<TypedArray> {
    return hostArray(dtype, elements);
  }
  async finish(): Promise<void> {
    // Nothing is ever under way.
  }
  async load(program: Program): Promise<Executable> {
    this.programs.push(program);
    return { submit: async () => undefined, stepTimesMs: () => program.steps.map((_, i) => i + 1) };
  }
}
