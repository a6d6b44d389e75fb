/**
 * Orders kernels: after what they read, and, where a result replaces a leaf's value, after everything else that still
 * reads the old value. Otherwise the order of the graph is kept.
 */
import type { Node } from "../ir/graph.js";
import type { Lowered } from "./kernel-builder.js";

/** Reads and writes of a lowered kernel, as nodes. */
function accesses({ kernel, nodes }: Lowered): { reads: Node[]; writes: Node[] } {
  const reads = nodes.filter((_, i) => kernel.buffers[i].access === "read");
  return { reads, writes: nodes.filter((node) => !reads.includes(node)) };
}

/** Positions of the kernels in the order in which they run. */
export function order(
  lowered: readonly Lowered[],
  outputs: readonly Node[],
  leaves: readonly Node[],
  replaces: readonly (number | null)[],
): number[] {
  const uses = lowered.map(accesses);
  const writer = new Map<Node, number>();
  uses.forEach(({ writes }, i) => {
    for (const node of writes) writer.set(node, i);
  });
  const after: Set<number>[] = uses.map(({ reads }) => new Set(reads.flatMap((node) => writer.get(node) ?? [])));
  const reaches = (from: number, to: number): boolean => {
    const stack = [from];
    const seen = new Set<number>();
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      if (i === to) return true;
      if (seen.has(i)) continue;
      seen.add(i);
      stack.push(...after[i]);
    }
    return false;
  };
  outputs.forEach((output, o) => {
    const leaf = replaces[o] === null ? undefined : leaves[replaces[o]];
    const at = writer.get(output);
    if (!leaf || at === undefined) return;
    uses.forEach(({ reads }, reader) => {
      if (reader !== at && reads.includes(leaf) && !reaches(reader, at)) after[at].add(reader);
    });
  });
  const done: number[] = [];
  const placed = new Set<number>();
  const place = (i: number): void => {
    if (placed.has(i)) return;
    placed.add(i);
    for (const before of [...after[i]].sort((a, b) => a - b)) place(before);
    done.push(i);
  };
  lowered.forEach((_, i) => {
    place(i);
  });
  return done;
}
