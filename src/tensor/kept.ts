/**
 * Values that a program needs and that depend on parameters alone: made once, and again when one of the parameters has
 * changed. It must not know what the values are.
 */
import type { KernelLabel, Program } from "../ir/program.js";
import { type Device, type Executable, Storage } from "../runtime/index.js";

export class Kept {
  private readonly reads: readonly number[];
  private values: Storage[] = [];
  /** Of what the values were made from; null while there are none. What depends on nothing at all has an empty text. */
  private stamps: string | null = null;

  constructor(
    private readonly device: Device,
    private readonly program: Program<KernelLabel>,
    private readonly executable: Executable,
  ) {
    const slots = program.steps.flatMap((step) => step.slots);
    this.reads = [...new Set(slots.flatMap((slot) => (slot.kind === "leaf" ? [slot.leaf] : [])))];
  }

  /** The values for these leaves. */
  async of(leaves: readonly Storage[]): Promise<readonly Storage[]> {
    const stamps = this.reads.map((leaf) => leaves[leaf].stamp).join();
    if (stamps === this.stamps) return this.values;
    if (this.values.length === 0) {
      this.values = this.program.outputs.map(({ dtype, elements }) => new Storage(dtype, elements));
    }
    // Until the run is over they are nobody's.
    this.stamps = null;
    const buffersOf = (storages: readonly Storage[]) => storages.map((storage) => storage.on(this.device));
    await this.executable.run(buffersOf(leaves), buffersOf(this.values));
    this.stamps = stamps;
    return this.values;
  }
}
