/**
 * A program made ready for WebAssembly: its kernels, its arena, and the tables in which kernels find the addresses of
 * their buffers. Knows where things lie, not which thread runs them.
 */
import type { Program, Slot } from "../../ir/program.js";
import type { CompiledKernel } from "./kernels.js";
import type { LocalProgram } from "./local.js";
import type { BlockMemory } from "./memory.js";

/** Memory and kernels of a program, given back when nobody can run it any more. */
export interface Holdings {
  readonly id: number;
  readonly kernels: readonly CompiledKernel[];
  readonly addresses: readonly number[];
}

export class BoundProgram implements LocalProgram {
  readonly words: Int32Array;
  readonly times: Float64Array | null;
  readonly holdings: Holdings;
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
    this.holdings = { id, kernels, addresses: arena > 0 ? [this.table, arena] : [this.table] };
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

  /** Puts the addresses of this run's leaves and outputs where kernels look for them. */
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
