/**
 * When to collect garbage: engines do not see memory outside their heap, so unreachable tensors would pile up. Counts
 * bytes; how a collection is asked for is the device's business.
 */

/** Bytes that may be handed out between two collections: so many, or this share of what is in use. */
const COLLECT_BYTES = 64 << 20;
const COLLECT_SHARE = 0.5;

export class GarbageClock {
  private usedBytes = 0;
  private collectAtBytes = COLLECT_BYTES;

  constructor(private readonly collect: () => void) {}

  /** Memory is about to be handed out. */
  take(bytes: number): void {
    this.usedBytes += bytes;
    if (this.usedBytes <= this.collectAtBytes) return;
    this.collect();
    this.collectAtBytes = this.usedBytes + this.allowance();
  }

  /** Memory came back. */
  give(bytes: number): void {
    this.usedBytes -= bytes;
    this.collectAtBytes = Math.min(this.collectAtBytes, this.usedBytes + this.allowance());
  }

  private allowance(): number {
    return Math.max(COLLECT_BYTES, this.usedBytes * COLLECT_SHARE);
  }
}
