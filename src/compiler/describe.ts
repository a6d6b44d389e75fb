/**
 * The description of a kernel for profiles: the modules that it computes for, its arithmetic by the records of its ops,
 * and the bytes that it reads and writes. Uses the plan, not the loops; must not know any op.
 */
import { sizeOf } from "../ir/dtype.js";
import { type Node, sizeOfShape } from "../ir/graph.js";
import type { KernelWork } from "../ir/program.js";
import { isScalar } from "../ir/scalar/index.js";
import { multiplyAddsOf, structuralRecord } from "../ops/index.js";
import type { Origin } from "../util/scope.js";
import type { Lowered } from "./kernel-builder.js";
import type { KernelPlan, NestPlan, Plan } from "./plan.js";

const keyOf = ({ role, path }: Origin): string => `${role} ${path}`;

/** Arithmetic of a node by itself, by the definition of its op. */
function flopOf(node: Node): number {
  if (isScalar(node.op)) return sizeOfShape(node.shape);
  if (structuralRecord(node)?.kind === "reduction") return sizeOfShape(node.inputs[0].shape);
  return 2 * multiplyAddsOf(node);
}

/** The nodes that a nest computes: its roots, and the operands of these that are not stored. */
function computedBy({ roots }: NestPlan, { layouts }: Plan): Set<Node> {
  const found = new Set<Node>();
  const stack = [...roots];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (found.has(node)) continue;
    found.add(node);
    // Other roots are stored too, and are on the stack already.
    stack.push(...node.inputs.filter((x) => !layouts.has(x)));
  }
  return found;
}

/**
 * Arithmetic by origin, at most `most` per node. Movements have no arithmetic, so they give no origin a share.
 */
function shares(nodes: Iterable<Node>, most = Number.POSITIVE_INFINITY) {
  const byKey = new Map<string, { readonly origin: Origin; readonly flop: number }>();
  for (const node of nodes) {
    const flop = Math.min(flopOf(node), most);
    const key = keyOf(node.origin);
    if (flop > 0) byKey.set(key, { origin: node.origin, flop: flop + (byKey.get(key)?.flop ?? 0) });
  }
  return byKey;
}

/** The origin of a nest: that of its anchor, else of the largest part of its arithmetic, else of its first root. */
function originOf({ anchor, roots }: NestPlan, nodes: ReadonlySet<Node>): Origin {
  if (anchor) return anchor.origin;
  // A node is not computed where no root needs it, such as between the pixels that a stride selects.
  const size = Math.max(...roots.map((root) => sizeOfShape(root.shape)));
  const [largest] = [...shares(nodes, size).values()].sort((a, b) => b.flop - a.flop);
  return largest?.origin ?? roots[0].origin;
}

/** Describes the kernel of a plan. */
export function describeKernel({ nests }: KernelPlan, planned: Plan, { kernel }: Lowered): KernelWork {
  const anchors = new Map<string, Origin>();
  const all = new Set<Node>();
  for (const nest of nests) {
    const nodes = computedBy(nest, planned);
    const anchor = originOf(nest, nodes);
    anchors.set(keyOf(anchor), anchor);
    for (const node of nodes) all.add(node);
  }
  const fused = [...shares(all)].filter(([key]) => !anchors.has(key)).map(([, { origin }]) => origin);
  const bytesOf = (access: "read" | "write"): number =>
    kernel.buffers.reduce(
      (sum, buffer) => sum + (buffer.access === access ? buffer.elements * sizeOf(buffer.dtype) : 0),
      0,
    );
  const nodes = [...all];
  return {
    anchors: [...anchors.values()],
    fused,
    multiplyAdds: nodes.reduce((sum, node) => sum + multiplyAddsOf(node), 0),
    flop: nodes.reduce((sum, node) => sum + flopOf(node), 0),
    readBytes: bytesOf("read"),
    writtenBytes: bytesOf("write"),
  };
}
