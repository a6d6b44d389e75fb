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

interface Shelf {
  readonly sizeBytes: number;
  readonly addresses: number[];
  /** When a block of that size was last given or taken. */
  used: number;
}

export class BlockPool {
  private readonly shelves = new Map<number, Shelf>();
  private keptBytes = 0;
  private usedBytes = 0;
  private now = 0;

  constructor(private readonly blocks: Blocks) {}

  /** A block of exactly so many bytes. */
  take(bytes: number): number {
    this.usedBytes += bytes;
    const address = this.shelf(bytes).addresses.pop();
    if (address === undefined) return this.blocks.alloc(bytes);
    this.keptBytes -= bytes;
    return address;
  }

  /** Takes a block back; if too much is kept then, blocks of the size that was not asked for longest are freed. */
  give(address: number, bytes: number): void {
    this.usedBytes -= bytes;
    this.keptBytes += bytes;
    this.shelf(bytes).addresses.push(address);
    const most = Math.max(KEPT_BYTES, this.usedBytes * KEPT_SHARE);
    if (this.keptBytes <= most) return;
    for (const { sizeBytes, addresses } of [...this.shelves.values()].sort((a, b) => a.used - b.used)) {
      while (this.keptBytes > most && addresses.length > 0) {
        this.blocks.free(addresses.pop() as number);
        this.keptBytes -= sizeBytes;
      }
      if (this.keptBytes <= most) return;
      this.shelves.delete(sizeBytes);
    }
  }

  private shelf(sizeBytes: number): Shelf {
    let shelf = this.shelves.get(sizeBytes);
    if (!shelf) {
      shelf = { sizeBytes, addresses: [], used: 0 };
      this.shelves.set(sizeBytes, shelf);
    }
    shelf.used = this.now++;
    return shelf;
  }
}
