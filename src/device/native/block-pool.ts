/**
 * Freed blocks of memory, retained for reuse, because new blocks cost page faults. Counts bytes; the device allocates
 * and frees the blocks.
 */

/** Limit of the retained bytes: the larger of a constant and a share of the bytes in use. */
const MAX_FREE_BYTES = 256 << 20;
const MAX_FREE_SHARE = 0.5;

export interface Blocks {
  alloc(bytes: number): number;
  free(address: number): void;
}

interface SizeClass {
  readonly sizeBytes: number;
  readonly addresses: number[];
  /** Clock value of the last allocation or release of a block of this size. */
  lastUse: number;
}

export class BlockPool {
  private readonly sizeClasses = new Map<number, SizeClass>();
  private freeBytes = 0;
  private usedBytes = 0;
  private clock = 0;

  constructor(private readonly blocks: Blocks) {}

  /** The address of a block of exactly `bytes` bytes. */
  allocate(bytes: number): number {
    this.usedBytes += bytes;
    const address = this.sizeClass(bytes).addresses.pop();
    if (address === undefined) return this.blocks.alloc(bytes);
    this.freeBytes -= bytes;
    return address;
  }

  /** Retains a block for reuse; above the limit, frees blocks of the least recently used sizes. */
  release(address: number, bytes: number): void {
    this.usedBytes -= bytes;
    this.freeBytes += bytes;
    this.sizeClass(bytes).addresses.push(address);
    const limit = Math.max(MAX_FREE_BYTES, this.usedBytes * MAX_FREE_SHARE);
    if (this.freeBytes <= limit) return;
    for (const { sizeBytes, addresses } of [...this.sizeClasses.values()].sort((a, b) => a.lastUse - b.lastUse)) {
      while (this.freeBytes > limit && addresses.length > 0) {
        this.blocks.free(addresses.pop() as number);
        this.freeBytes -= sizeBytes;
      }
      if (this.freeBytes <= limit) return;
      this.sizeClasses.delete(sizeBytes);
    }
  }

  private sizeClass(sizeBytes: number): SizeClass {
    let sizeClass = this.sizeClasses.get(sizeBytes);
    if (!sizeClass) {
      sizeClass = { sizeBytes, addresses: [], lastUse: 0 };
      this.sizeClasses.set(sizeBytes, sizeClass);
    }
    sizeClass.lastUse = this.clock++;
    return sizeClass;
  }
}
