/**
 * Binary trees over classes, as the tables that hierarchical softmax looks up: each class is a leaf, and the inner nodes
 * from the root to it are its path. Built on the host; this file must not know tensors.
 */
import { configError } from "../../util/errors.js";

/** A tree of K classes, with K − 1 inner nodes. */
export interface ClassTree {
  readonly classes: number;
  /** Number of nodes of the longest path. */
  readonly depth: number;
  /** The inner nodes on the path of each class, from the root, in rows of `depth`; 0 behind the end. */
  readonly nodes: Int32Array;
  /** 1 where a path turns left, −1 where it turns right, 0 behind its end. */
  readonly turns: Int32Array;
}

/** The inner nodes of a tree in a list; a child is an inner node, or a class as `−1 − class`. The root comes first. */
type Children = readonly (readonly [left: number, right: number])[];

/** A tree whose paths have ⌊log₂ K⌋ or ⌈log₂ K⌉ nodes. */
export function balancedTree(classes: number): ClassTree {
  checkClassCount(classes);
  // A heap: node n has the children 2n + 1 and 2n + 2, and places from K − 1 on are leaves.
  const child = (place: number): number => (place < classes - 1 ? place : classes - 2 - place);
  return treeOf(
    classes,
    Array.from({ length: classes - 1 }, (_, node) => [child(2 * node + 1), child(2 * node + 2)]),
  );
}

/** Huffman's tree: the mean length of paths, weighted by the counts of classes, is as small as it can be. */
export function huffmanTree(counts: readonly number[]): ClassTree {
  const classes = counts.length;
  checkClassCount(classes);
  const wrong = counts.find((count) => !(count >= 0 && Number.isFinite(count)));
  if (wrong !== undefined) {
    throw configError("HierarchicalSoftmax", `got the count ${wrong}`, "Counts are finite and not negative");
  }
  // Leaves in order of their counts, and inner nodes in the order of their making, are two sorted queues.
  const leaves = Array.from(counts.keys()).sort((a, b) => counts[a] - counts[b] || a - b);
  const made: { readonly children: readonly [number, number]; readonly count: number }[] = [];
  let [nextLeaf, nextNode] = [0, 0];
  const takeSmallest = (): { readonly child: number; readonly count: number } => {
    const leaf = leaves[nextLeaf];
    const node = made[nextNode];
    if (leaf !== undefined && (node === undefined || counts[leaf] <= node.count)) {
      nextLeaf++;
      return { child: -1 - leaf, count: counts[leaf] };
    }
    nextNode++;
    return { child: classes - 1 - nextNode, count: node.count }; // numbered so that the last one, the root, is 0
  };
  while (made.length < classes - 1) {
    const [left, right] = [takeSmallest(), takeSmallest()];
    made.push({ children: [left.child, right.child], count: left.count + right.count });
  }
  return treeOf(classes, made.map(({ children }) => children).reverse());
}

/** Limit of the size of the tables. */
const MOST_CLASSES = 2 ** 22;

function checkClassCount(classes: number): void {
  if (classes >= 2 && classes <= MOST_CLASSES) return;
  throw configError("HierarchicalSoftmax", `got ${classes} classes`, `A tree has from 2 to ${MOST_CLASSES}`);
}

/** The tables of a tree; parents come before their children. */
function treeOf(classes: number, children: Children): ClassTree {
  const depths = new Int32Array(classes - 1);
  const parents = new Int32Array(classes - 1).fill(-1);
  const leafParents = new Int32Array(classes);
  let depth = 0;
  for (const [node, pair] of children.entries()) {
    depth = Math.max(depth, depths[node] + 1);
    for (const child of pair) {
      if (child < 0) leafParents[-1 - child] = node;
      else {
        parents[child] = node;
        depths[child] = depths[node] + 1;
      }
    }
  }
  const nodes = new Int32Array(classes * depth);
  const turns = new Int32Array(classes * depth);
  for (let label = 0; label < classes; label++) {
    let child = -1 - label;
    for (let node = leafParents[label]; node >= 0; node = parents[node]) {
      const place = label * depth + depths[node];
      nodes[place] = node;
      turns[place] = children[node][0] === child ? 1 : -1;
      child = node;
    }
  }
  return { classes, depth, nodes, turns };
}
