/** Which freed blocks of memory are kept, and which are freed to make room. */
import { describe, expect, it } from "vitest";
import { BlockPool } from "../../src/device/native/block-pool.js";

const MIB = 1 << 20;

/** A pool over made-up addresses, with the list of those that were freed. */
function openPool() {
  const freed: number[] = [];
  let next = 0;
  const pool = new BlockPool({ alloc: () => ++next, free: (address) => freed.push(address) });
  return { pool, freed };
}

describe("a pool of blocks", () => {
  it("gives a freed block to the next who wants that size, and to nobody else", () => {
    const { pool, freed } = openPool();
    const first = pool.allocate(MIB);
    pool.release(first, MIB);
    expect(pool.allocate(2 * MIB)).not.toBe(first);
    expect(pool.allocate(MIB)).toBe(first);
    expect(pool.allocate(MIB)).not.toBe(first);
    expect(freed).toEqual([]);
  });

  it("keeps 256 MiB, and gives up the size that was not requested longest", () => {
    const { pool, freed } = openPool();
    const old = [pool.allocate(100 * MIB), pool.allocate(100 * MIB)];
    for (const address of old) pool.release(address, 100 * MIB);
    const recent = [pool.allocate(56 * MIB), pool.allocate(56 * MIB)];
    pool.release(recent[0], 56 * MIB);
    expect(freed).toEqual([]);
    pool.release(recent[1], 56 * MIB);
    expect(freed).toEqual([old[1]]);
    expect([pool.allocate(56 * MIB), pool.allocate(56 * MIB)].sort()).toEqual(recent);
  });

  it("keeps half of what is in use if that is more", () => {
    const { pool, freed } = openPool();
    pool.allocate(1000 * MIB);
    const blocks = Array.from({ length: 6 }, () => pool.allocate(100 * MIB));
    for (const address of blocks) pool.release(address, 100 * MIB);
    expect(freed).toHaveLength(1);
  });
});
