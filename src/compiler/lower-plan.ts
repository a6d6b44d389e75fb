/**
 * Lowers all kernels of a plan, those of the same structure once: deep networks repeat their blocks, and eager steps
 * repeat whole programs. The loops of a kernel follow from its structure (the nodes between its roots and the stored
 * values, numbered within the kernel), which is therefore the key. It must not know how kernels are lowered.
 */
import { isOp, type Node, topological } from "../ir/graph.js";
import type { Target } from "../ir/target.js";
import { KernelBuilder, type Lowered } from "./kernel-builder.js";
import { lowerKernel } from "./lower/index.js";
import type { KernelPlan, Plan } from "./plan.js";
import { structureOf } from "./structure-key.js";

/** The structure of a kernel as text, and the nodes that its numbers stand for. */
interface Structure {
  readonly key: string;
  readonly nodes: readonly Node[];
  readonly numbers: ReadonlyMap<Node, number>;
}

function structureOfKernel({ nests, sharedPass }: KernelPlan, { layouts }: Plan): Structure {
  const roots = new Set(nests.flatMap((nest) => nest.roots));
  const isRead = (node: Node): boolean => layouts.has(node) && !roots.has(node);
  const nodes = topological([...roots], isRead);
  const numbers = new Map(nodes.map((node, i) => [node, i]));
  const lines = nodes.map((node) => {
    const layout = layouts.get(node);
    const place = layout ? JSON.stringify(layout) : "";
    return isRead(node) ? `${node.dtype}|${node.shape.join("x")}|${place}` : `${structureOf(node, numbers)}|${place}`;
  });
  const parts = nests.map(({ anchor, roots }) => [anchor, ...roots].map((node) => node && numbers.get(node)).join());
  return { key: [...lines, ...parts, sharedPass === true].join("\n"), nodes, numbers };
}

/** The kernels of a plan in its order. */
export function lowerPlan(planned: Plan, target: Target): Lowered[] {
  const known = new Map<string, { readonly lowered: Lowered; readonly numbers: readonly number[] }>();
  return planned.kernels.map((kernelPlan) => {
    const { key, nodes, numbers } = structureOfKernel(kernelPlan, planned);
    const same = known.get(key);
    if (same) return { kernel: same.lowered.kernel, nodes: same.numbers.map((number) => nodes[number]) };
    const lowered = lower(kernelPlan, planned, target);
    known.set(key, { lowered, numbers: lowered.nodes.map((node) => numbers.get(node) ?? 0) });
    return lowered;
  });
}

function lower(kernelPlan: KernelPlan, planned: Plan, target: Target): Lowered {
  const builder = new KernelBuilder(target, planned.layouts, new Set(kernelPlan.nests.flatMap(({ roots }) => roots)));
  const flops = lowerKernel(builder, kernelPlan);
  return builder.finish(labelOf(kernelPlan), flops);
}

function labelOf({ nests }: KernelPlan): string {
  const [{ anchor, roots }] = nests;
  const [root] = roots;
  const work = anchor ? (isOp(anchor, "reduce") ? anchor.attrs.kind : anchor.op) : "map";
  const tail = anchor && anchor !== root ? `+${root.op}` : anchor ? "" : `_${root.op}`;
  const outputs = roots.length > 1 ? `_x${roots.length}` : "";
  const others = nests.length > 1 ? `_and_${nests.length - 1}_more` : "";
  return `${work}${tail}_${(anchor ?? root).shape.join("x") || "scalar"}${outputs}${others}`;
}
