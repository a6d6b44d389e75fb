/**
 * Values that a program needs and that depend on parameters alone: computed once, and again when one of the parameters has
 * changed. It must not know what the values are.
 */
import type { KernelLabel, Program } from "../ir/program.js";
import { type Device, type Executable, Storage } from "../runtime/index.js";

export class Kept {
  private readonly reads: readonly number[];
  private values: Storage[] = [];
  /** Versions of the storages that `values` was computed from, as text; null before the first run. */
  private stamps: string | null = null;

  constructor(
    private readonly device: Device,
    private readonly program: Program<KernelLabel>,
    private readonly executable: Executable,
  ) {
    const slots = program.steps.flatMap((step) => step.slots);
    this.reads = [...new Set(slots.flatMap((slot) => (slot.kind === "leaf" ? [slot.leaf] : [])))];
  }

  /** The values for these leaves, which the device has. */
  async of(leaves: readonly Storage[]): Promise<readonly Storage[]> {
    const stamps = this.reads.map((leaf) => leaves[leaf].version).join();
    if (stamps === this.stamps) return this.values;
    const { device } = this;
    if (this.values.length === 0) {
      this.values = this.program.outputs.map(({ dtype, elements }) => new Storage(dtype, elements));
    }
    // If the run fails, the values belong to no version.
    this.stamps = null;
    const buffersOf = (storages: readonly Storage[]) => storages.map((storage) => storage.on(device));
    await this.executable.submit(buffersOf(leaves), buffersOf(this.values));
    for (const storage of this.values) storage.markWritten(device);
    this.stamps = stamps;
    return this.values;
  }
}
