/**
 * Memory plan: which temporaries share which part of one arena. A temporary lives from the step that writes it to the last
 * step that reads it; the largest are placed first, each at the lowest offset that is free for its whole life.
 */

export interface Lifetime {
  readonly sizeBytes: number;
  readonly first: number;
  readonly last: number;
}

/** Cache lines; also wide enough for every vector. */
const ALIGNMENT = 128;
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** An offset for each lifetime, and the size of the arena. */
export function planMemory(lifetimes: readonly Lifetime[]): { offsets: number[]; arenaBytes: number } {
  const offsets = new Array<number>(lifetimes.length).fill(0);
  const placed: { from: number; to: number; first: number; last: number }[] = [];
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b].sizeBytes - lifetimes[a].sizeBytes || a - b);
  let arenaBytes = 0;
  for (const i of order) {
    const { sizeBytes, first, last } = lifetimes[i];
    const size = aligned(Math.max(1, sizeBytes));
    const busy = placed.filter((p) => p.first <= last && first <= p.last).sort((a, b) => a.from - b.from);
    let offset = 0;
    for (const p of busy) {
      if (p.from - offset >= size) break;
      offset = Math.max(offset, p.to);
    }
    offsets[i] = offset;
    placed.push({ from: offset, to: offset + size, first, last });
    arenaBytes = Math.max(arenaBytes, offset + size);
  }
  return { offsets, arenaBytes };
}
