/**
 * Values that a program needs and that depend on parameters alone, such as packed weights: computed at the first run,
 * and again when one of the parameters has changed. Must not know what the values are.
 */
import type { KernelLabel, Program } from "../ir/program.js";
import { type Device, type Executable, Storage } from "../runtime/index.js";

export class DerivedValues {
  private readonly inputs: readonly number[];
  private values: Storage[] = [];
  /** Versions of the storages that `values` was computed from, as text; null before the first run. */
  private inputVersions: string | null = null;

  constructor(
    private readonly device: Device,
    private readonly program: Program<KernelLabel>,
    private readonly executable: Executable,
  ) {
    const slots = program.steps.flatMap((step) => step.slots);
    this.inputs = [...new Set(slots.flatMap((slot) => (slot.kind === "leaf" ? [slot.leaf] : [])))];
  }

  /** The values for the given leaves, which must be on the device. */
  async valuesFor(leaves: readonly Storage[]): Promise<readonly Storage[]> {
    const versions = this.inputs.map((leaf) => leaves[leaf].version).join();
    if (versions === this.inputVersions) return this.values;
    const { device } = this;
    if (this.values.length === 0) {
      this.values = this.program.outputs.map(({ dtype, elements }) => new Storage(dtype, elements));
    }
    // If the run fails, the values belong to no version and are computed again.
    this.inputVersions = null;
    const buffersOf = (storages: readonly Storage[]) => storages.map((storage) => storage.on(device));
    await this.executable.submit(buffersOf(leaves), buffersOf(this.values));
    for (const storage of this.values) storage.markWritten(device);
    this.inputVersions = versions;
    return this.values;
  }
}
