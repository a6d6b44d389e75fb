/**
 * Freed blocks of memory, kept for reuse: fresh ones cost page faults. Counts bytes; how blocks are made and freed is the
 * device's business.
 */

/** Bytes that are kept in all: so many, or this share of what is in use. */
const KEPT_BYTES = 256 << 20;
const KEPT_SHARE = 0.5;

export interface Blocks {
  alloc(bytes: number): number;
  free(address: number): void;
}

export class BlockPool {
  /** Addresses by size; the size that was given or taken last is the last. */
  private readonly kept = new Map<number, number[]>();
  private keptBytes = 0;
  private usedBytes = 0;

  constructor(private readonly blocks: Blocks) {}

  /** A block of exactly so many bytes. */
  take(bytes: number): number {
    this.usedBytes += bytes;
    const address = this.recent(bytes).pop();
    if (address === undefined) return this.blocks.alloc(bytes);
    this.keptBytes -= bytes;
    return address;
  }

  /** Takes a block back; if too much is kept then, blocks of the size that was not asked for longest are freed. */
  give(address: number, bytes: number): void {
    this.usedBytes -= bytes;
    this.keptBytes += bytes;
    this.recent(bytes).push(address);
    const most = Math.max(KEPT_BYTES, this.usedBytes * KEPT_SHARE);
    for (const [size, addresses] of this.kept) {
      while (this.keptBytes > most && addresses.length > 0) {
        this.blocks.free(addresses.pop() as number);
        this.keptBytes -= size;
      }
      if (this.keptBytes <= most) return;
      this.kept.delete(size);
    }
  }

  private recent(bytes: number): number[] {
    const addresses = this.kept.get(bytes) ?? [];
    this.kept.delete(bytes);
    this.kept.set(bytes, addresses);
    return addresses;
  }
}
