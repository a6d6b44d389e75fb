/**
 * Decides when to collect garbage: engines do not count memory outside their heap, so unreachable tensors would
 * accumulate. Counts bytes; the device runs the collection.
 */

/** Bytes that may be allocated between two collections: the larger of a constant and a share of the bytes in use. */
const COLLECT_BYTES = 64 << 20;
const COLLECT_SHARE = 0.5;

export class CollectionTrigger {
  private usedBytes = 0;
  private collectAtBytes = COLLECT_BYTES;

  constructor(private readonly collect: () => void) {}

  /** Must be called before an allocation; collects garbage if the limit is reached. */
  allocated(bytes: number): void {
    this.usedBytes += bytes;
    if (this.usedBytes <= this.collectAtBytes) return;
    this.collect();
    this.collectAtBytes = this.usedBytes + this.allowance();
  }

  /** Must be called after a release. */
  released(bytes: number): void {
    this.usedBytes -= bytes;
    this.collectAtBytes = Math.min(this.collectAtBytes, this.usedBytes + this.allowance());
  }

  private allowance(): number {
    return Math.max(COLLECT_BYTES, this.usedBytes * COLLECT_SHARE);
  }
}
