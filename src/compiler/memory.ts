/**
 * Memory plan: which temporaries share which part of one arena. A temporary lives from the step that writes it to the
 * last step that reads it. The largest are placed first, each at the lowest offset that is free for its whole life.
 * Since that takes quadratic time, only the largest of many are placed so; the others follow at higher offsets, in the
 * order of their first step, each in a free block of exactly its size.
 */

export interface Lifetime {
  readonly sizeBytes: number;
  readonly first: number;
  readonly last: number;
}

/** Most temporaries that are placed by size. */
const MAX_BY_SIZE = 1024;

/**
 * An offset for each lifetime, and the size of the arena.
 *
 * @param alignment - offsets are multiples of it
 */
export function planMemory(given: readonly Lifetime[], alignment: number): { offsets: number[]; arenaBytes: number } {
  const lifetimes = given.map((one) => ({
    ...one,
    sizeBytes: Math.ceil(Math.max(1, one.sizeBytes) / alignment) * alignment,
  }));
  const offsets = new Array<number>(lifetimes.length).fill(0);
  const order = given.map((_, i) => i).sort((a, b) => given[b].sizeBytes - given[a].sizeBytes || a - b);
  const large = placeBySize(lifetimes, order.slice(0, MAX_BY_SIZE), offsets);
  const arenaBytes = placeByTime(lifetimes, order.slice(MAX_BY_SIZE), offsets, large);
  return { offsets, arenaBytes };
}

/** Places lifetimes in the given order, each at its lowest free offset; returns the end of the used memory. */
function placeBySize(lifetimes: readonly Lifetime[], order: readonly number[], offsets: number[]): number {
  const placed: { from: number; to: number; first: number; last: number }[] = [];
  let end = 0;
  for (const i of order) {
    const { sizeBytes: size, first, last } = lifetimes[i];
    const busy = placed.filter((p) => p.first <= last && first <= p.last).sort((a, b) => a.from - b.from);
    let offset = 0;
    for (const p of busy) {
      if (p.from - offset >= size) break;
      offset = Math.max(offset, p.to);
    }
    offsets[i] = offset;
    placed.push({ from: offset, to: offset + size, first, last });
    end = Math.max(end, offset + size);
  }
  return end;
}

/** Places lifetimes above `start` by their first step, in blocks that ended ones have freed; returns the end. */
function placeByTime(
  lifetimes: readonly Lifetime[],
  chosen: readonly number[],
  offsets: number[],
  start: number,
): number {
  const sizeOf = (i: number): number => lifetimes[i].sizeBytes;
  const beginning = [...chosen].sort((a, b) => lifetimes[a].first - lifetimes[b].first || a - b);
  const ending = [...chosen].sort((a, b) => lifetimes[a].last - lifetimes[b].last || a - b);
  // Sizes repeat in programs with many temporaries, so a free list per size suffices.
  const free = new Map<number, number[]>();
  let end = start;
  let ended = 0;
  for (const i of beginning) {
    for (; lifetimes[ending[ended]].last < lifetimes[i].first; ended++) {
      const size = sizeOf(ending[ended]);
      const gaps = free.get(size);
      if (gaps) gaps.push(offsets[ending[ended]]);
      else free.set(size, [offsets[ending[ended]]]);
    }
    const size = sizeOf(i);
    const reused = free.get(size)?.pop();
    offsets[i] = reused ?? end;
    if (reused === undefined) end += size;
  }
  return end;
}
