/**
 * Finds the outputs that may be written over the leaf they replace: no later step reads the old value, and the step that
 * writes reads it, if at all, only at the very position that it is about to write.
 */
import { type Node, sameShape } from "../ir/graph.js";
import type { Kernel } from "../ir/loops.js";
import { eachPartStmt, exprsOf, loadsOf } from "../ir/visit.js";

interface Lowered {
  readonly kernel: Kernel;
  readonly nodes: readonly Node[];
}

/** Whether every load of `source` is at a position where `target` is stored. */
function readsOnlyWhatItWrites(kernel: Kernel, source: string, target: string): boolean {
  const stored = new Set<string>();
  const loaded = new Set<string>();
  eachPartStmt(kernel.parts, (s) => {
    if (s.kind === "store" && s.buffer === target) stored.add(s.index.key);
    for (const load of loadsOf(exprsOf(s))) {
      if (load.buffer === source) loaded.add(load.pick ? "computed" : load.index.key);
    }
  });
  return [...loaded].every((key) => stored.has(key));
}

export function inPlaceOutputs(
  steps: readonly Lowered[],
  outputs: readonly Node[],
  leaves: readonly Node[],
  replaces: readonly (number | null)[],
): (number | null)[] {
  return outputs.map((output, o) => {
    const at = replaces[o];
    const leaf = at === null ? undefined : leaves[at];
    if (at === null || !leaf || leaf.dtype !== output.dtype || !sameShape(leaf.shape, output.shape)) return null;
    const write = steps.findIndex(({ nodes, kernel }) =>
      nodes.some((node, i) => node === output && kernel.buffers[i].access === "write"),
    );
    if (write < 0) return null;
    if (steps.slice(write + 1).some(({ nodes }) => nodes.includes(leaf))) return null;
    const { kernel, nodes } = steps[write];
    const source = nodes.indexOf(leaf);
    if (source < 0) return at;
    const target = nodes.indexOf(output);
    return readsOnlyWhatItWrites(kernel, kernel.buffers[source].name, kernel.buffers[target].name) ? at : null;
  });
}
