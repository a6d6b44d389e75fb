/**
 * Random numbers of the host as a function of seed, stream name and position, so that they depend neither on timing nor
 * on earlier draws. It must not know what they are used for.
 */
import { hashStream, philox2x32 } from "../util/philox.js";

/**
 * A named stream of random numbers, indexed by row (such as the epoch) and position in the row.
 *
 * Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox 2×32, 10 rounds).
 */
export class RandomStream {
  readonly #key: number;

  constructor(seed: number, name: string) {
    this.#key = hashStream(seed, name);
  }

  /** A number from 0 up to 1, in steps of 2⁻³². */
  uniform(row: number, position: number): number {
    return philox2x32(position, row, this.#key)[0] / 2 ** 32;
  }

  /** The numbers 0 … n − 1 in random order (Fisher-Yates shuffle). */
  permutation(n: number, row: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(this.uniform(row, i) * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
