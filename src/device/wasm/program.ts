/**
 * A program loaded for WebAssembly: its kernels, its arena, and the tables from which kernels read the addresses of
 * their buffers. Must not know threads.
 */
import type { Program, Slot } from "../../ir/program.js";
import type { CompiledKernel } from "./kernels.js";
import type { LocalProgram } from "./local-runner.js";
import type { BlockMemory } from "./memory.js";

/** The memory and kernels of a program, released when its executable is garbage-collected. */
export interface ProgramResources {
  readonly id: number;
  readonly kernels: readonly CompiledKernel[];
  readonly addresses: readonly number[];
}

export class BoundProgram implements LocalProgram {
  readonly words: Int32Array;
  readonly times: Float64Array | null;
  readonly resources: ProgramResources;
  private readonly slots: readonly Slot[];
  private readonly table: number;

  constructor(
    readonly id: number,
    program: Program,
    readonly kernels: readonly CompiledKernel[],
    private readonly memory: BlockMemory,
    timed: boolean,
  ) {
    const { steps } = program;
    this.slots = steps.flatMap((step) => [...step.slots]);
    this.table = memory.allocate(this.slots.length * 4);
    const arena = program.arenaBytes > 0 ? memory.allocate(program.arenaBytes) : 0;
    this.resources = { id, kernels, addresses: arena > 0 ? [this.table, arena] : [this.table] };
    this.words = new Int32Array(steps.length * 3);
    let first = 0;
    steps.forEach(({ kernel, slots }, i) => {
      const tasks = program.kernels[kernel].parts.reduce((sum, part) => sum + part.tasks, 0);
      this.words.set([kernels[kernel].id, (this.table + first * 4) | 0, tasks], i * 3);
      first += slots.length;
    });
    const table = memory.words(this.table, this.slots.length);
    this.slots.forEach((slot, i) => {
      if (slot.kind === "arena") table[i] = (arena + slot.offset) | 0;
    });
    const Buffer = typeof SharedArrayBuffer === "function" ? SharedArrayBuffer : ArrayBuffer;
    this.times = timed ? new Float64Array(new Buffer(steps.length * 16)) : null;
  }

  /** Writes the addresses of a run's leaves and outputs into the tables. */
  bind(leaves: readonly number[], outputs: readonly number[]): void {
    const table = this.memory.words(this.table, this.slots.length);
    this.slots.forEach((slot, i) => {
      if (slot.kind === "leaf") table[i] = leaves[slot.leaf] | 0;
      else if (slot.kind === "output") table[i] = outputs[slot.output] | 0;
    });
  }

  /** Milliseconds of each step of the last run. */
  get timesMs(): number[] {
    const { times } = this;
    return times ? Array.from({ length: times.length / 2 }, (_, i) => times[i * 2 + 1] - times[i * 2]) : [];
  }
}
