/**
 * What one more operation adds to a compiled program: a shorter and a longer program are called in turn, and the peak of
 * the machine is measured right before and behind each turn, so that a slow moment falls on all of them. It knows nothing
 * of what the operations are.
 */
import type { Peak } from "./peak.js";
import { median } from "./report.js";
import type { Contestant } from "./rounds.js";

export class Marginal implements Contestant {
  readonly side = "ours";
  /** The differences of each turn, and the peaks around them. */
  private readonly turnsMs: number[][] = [];
  private readonly peaks: number[] = [];

  /** The longer program has `more` further operations. */
  constructor(
    readonly name: string,
    private readonly shorter: Contestant,
    private readonly longer: Contestant,
    private readonly more: number,
    private readonly peak: Peak,
  ) {}

  /** Before a turn that counts. */
  async begin(): Promise<void> {
    this.peaks.push(await this.peak.measure());
    this.turnsMs.push([]);
  }

  /** Behind it. */
  async end(): Promise<void> {
    this.peaks.push(await this.peak.measure());
  }

  readonly run = async (steps: number): Promise<number[]> => {
    const wholeMs: number[] = [];
    for (let i = 0; i < steps; i++) {
      const [[shortMs], [longMs]] = [await this.shorter.run(1), await this.longer.run(1)];
      wholeMs.push(shortMs + longMs);
      // The first of several warms up.
      if (i > 0 || steps === 1) this.turnsMs.at(-1)?.push((longMs - shortMs) / this.more);
    }
    return wholeMs;
  };

  /** Milliseconds of one operation: the median of all turns' medians. */
  get ms(): number {
    return median(this.turnsMs.map(median));
  }

  /** The median of the peaks around all turns, in GFLOP/s. */
  get peakGflops(): number {
    return median(this.peaks);
  }
}
