/**
 * Finds the outputs that may overwrite the leaf that they replace: no later step reads the old value, and the step that
 * writes the output reads the old value, if at all, at the position that it writes next.
 */
import { type Node, sameShape } from "../ir/graph.js";
import type { Kernel, Stmt } from "../ir/loops.js";
import { exprsOf, isBlock, loadsOf } from "../ir/visit.js";
import type { Lowered } from "./kernel-builder.js";

/**
 * Whether every load of `source` is at a position where the same part stores `target`, and is made before that store:
 * by an earlier statement, or by one of the same run, whose common loads are made first.
 */
function readsOnlyWhatItWrites({ parts }: Kernel, source: string, target: string): boolean {
  return parts.every(({ body }) => {
    if (!loadedBy(body).has(source)) return true;
    const stored = new Set<string>();
    const loaded = new Set<string>();
    let late = false;
    let held = new Set<string>();
    const readAt = (s: Stmt): void => {
      for (const load of loadsOf(exprsOf(s))) {
        if (load.buffer !== source) continue;
        const key = load.indirect ? "computed" : load.index.key;
        late ||= stored.has(key) && !held.has(key);
        held.add(key);
        loaded.add(key);
      }
    };
    const walk = (statements: readonly Stmt[]): void => {
      held = new Set();
      for (const s of statements) {
        if (isBlock(s)) {
          readAt(s);
          walk(s.body);
          held = new Set();
          continue;
        }
        readAt(s);
        if (s.kind === "store" && s.buffer === target) stored.add(s.index.key);
      }
    };
    walk(body);
    return !late && [...loaded].every((key) => stored.has(key));
  });
}

const loadedBuffers = new WeakMap<readonly Stmt[], ReadonlySet<string>>();

/** The buffers that a part loads from; memoised, since a kernel of many parts is queried for many outputs. */
function loadedBy(body: readonly Stmt[]): ReadonlySet<string> {
  const known = loadedBuffers.get(body);
  if (known) return known;
  const found = new Set<string>();
  const walk = (statements: readonly Stmt[]): void => {
    for (const s of statements) {
      for (const { buffer } of loadsOf(exprsOf(s))) found.add(buffer);
      if (isBlock(s)) walk(s.body);
    }
  };
  walk(body);
  loadedBuffers.set(body, found);
  return found;
}

/** For every output, the number of the leaf that it overwrites; null if it has storage of its own. */
export function inPlaceOutputs(
  steps: readonly Lowered[],
  outputs: readonly Node[],
  leaves: readonly Node[],
  replaces: readonly (number | null)[],
): (number | null)[] {
  /** The first write and the last access of each value: step, and buffer of its kernel. */
  const written = new Map<Node, { readonly step: number; readonly buffer: number }>();
  const used = new Map<Node, { readonly step: number; readonly buffer: number }>();
  steps.forEach(({ nodes, kernel }, step) => {
    nodes.forEach((node, buffer) => {
      if (kernel.buffers[buffer].access === "write" && !written.has(node)) written.set(node, { step, buffer });
      used.set(node, { step, buffer });
    });
  });
  return outputs.map((output, o) => {
    const at = replaces[o];
    const leaf = at === null ? undefined : leaves[at];
    if (at === null || !leaf || leaf.dtype !== output.dtype || !sameShape(leaf.shape, output.shape)) return null;
    const target = written.get(output);
    const source = used.get(leaf);
    if (!target || (source && source.step > target.step)) return null;
    if (source?.step !== target.step) return at;
    const { kernel } = steps[target.step];
    const [from, to] = [source, target].map(({ buffer }) => kernel.buffers[buffer].name);
    return readsOnlyWhatItWrites(kernel, from, to) ? at : null;
  });
}
