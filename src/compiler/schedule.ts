/**
 * Schedules kernels: each after the kernels that it reads from, and one that overwrites a leaf after all readers of the
 * old value. Kernels without such a dependence stay in the order of the graph.
 */
import type { Node } from "../ir/graph.js";
import type { Lowered } from "./kernel-builder.js";
import { Ordering } from "./ordering.js";

/** Reads and writes of a lowered kernel, as nodes. */
function accesses({ kernel, nodes }: Lowered): { reads: Node[]; writes: Node[] } {
  const reads = nodes.filter((_, i) => kernel.buffers[i].access === "read");
  return { reads, writes: nodes.filter((_, i) => kernel.buffers[i].access === "write") };
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
  const readers = new Map<Node, number[]>();
  uses.forEach(({ reads }, i) => {
    for (const node of reads) {
      const known = readers.get(node);
      if (known) known.push(i);
      else readers.set(node, [i]);
    }
  });
  const ordering = new Ordering(uses.map(({ reads }) => reads.flatMap((node) => writer.get(node) ?? [])));
  outputs.forEach((output, o) => {
    const leaf = replaces[o] === null ? undefined : leaves[replaces[o]];
    const at = writer.get(output);
    if (!leaf || at === undefined) return;
    for (const reader of readers.get(leaf) ?? []) if (reader !== at) ordering.addEdge(reader, at);
  });
  return depthFirst(ordering, lowered.length);
}

/** A depth-first topological order; predecessors in the order of their numbers. */
function depthFirst(ordering: Ordering, count: number): number[] {
  const done: number[] = [];
  const seen = new Set<number>();
  const stack: { readonly i: number; readonly before: readonly number[]; next: number }[] = [];
  const enter = (i: number): void => {
    if (seen.has(i)) return;
    seen.add(i);
    stack.push({ i, before: ordering.before(i).sort((a, b) => a - b), next: 0 });
  };
  for (let start = 0; start < count; start++) {
    enter(start);
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next < top.before.length) {
        enter(top.before[top.next++]);
      } else {
        done.push(top.i);
        stack.pop();
      }
    }
  }
  return done;
}
