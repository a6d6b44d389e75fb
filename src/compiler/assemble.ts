/**
 * The last pass: assembles kernels in their order into a program, with a slot for every value. Steps that depend on
 * invariant leaves alone (which pack and transform filters in inference) become a program of derived values, which runs
 * again only when one of those leaves has changed.
 */
import { type Node, sizeOfShape } from "../ir/graph.js";
import type { KernelWork, Program, Slot } from "../ir/program.js";
import type { Target } from "../ir/target.js";
import { inPlaceOutputs } from "./in-place.js";
import type { Lowered } from "./kernel-builder.js";
import { type Layout, physicalSize } from "./layout.js";
import { planMemory } from "./memory.js";
import { type Access, waitingSteps } from "./phases.js";

export interface AssembleRequest {
  /** Kernels in the order in which they run. */
  readonly steps: readonly Lowered[];
  readonly outputs: readonly Node[];
  readonly leaves: readonly Node[];
  /** For every output, the leaf that it replaces, or null. */
  readonly replaces: readonly (number | null)[];
  /** Layout of every stored node. */
  readonly layouts: ReadonlyMap<Node, Layout>;
  /** Leaves that no run assigns. */
  readonly invariant: readonly Node[];
  readonly target: Target;
  /** The description of each kernel for profiles; null if none is wanted. */
  readonly work: ReadonlyMap<Lowered, KernelWork> | null;
}

/** Elements of derived values below which caching them saves less than a separate program costs. */
const MIN_DERIVED = 1 << 12;

const writesOf = ({ kernel, nodes }: Lowered): Node[] => nodes.filter((_, i) => kernel.buffers[i].access === "write");

/** The steps that read only invariant leaves and results of such steps, and write no output. */
function invariantSteps({ steps, outputs, invariant }: AssembleRequest): ReadonlySet<Lowered> {
  const known = new Set(invariant);
  const results = new Set(outputs);
  const found = new Set<Lowered>();
  for (const step of steps) {
    const writes = writesOf(step);
    const reads = step.nodes.filter((_, i) => step.kernel.buffers[i].access === "read");
    if (!reads.every((node) => known.has(node)) || writes.some((node) => results.has(node))) continue;
    found.add(step);
    for (const node of writes) known.add(node);
  }
  return found;
}

/** The program, with the program of its derived values inside if there are enough to be worth caching. */
export function assemble(request: AssembleRequest): Program {
  const { steps, outputs, leaves, replaces, layouts, work, target } = request;
  const whole = { outputs, leaves, replaces, layouts, work, target };
  const invariant = invariantSteps(request);
  const rest = steps.filter((step) => !invariant.has(step));
  const wanted = new Set(rest.flatMap(({ nodes }) => nodes));
  const values = [...new Set([...invariant].flatMap(writesOf))].filter((node) => wanted.has(node));
  if (values.reduce((sum, node) => sum + sizeOfShape(node.shape), 0) < MIN_DERIVED) return place(steps, whole);
  const none = values.map(() => null);
  return {
    ...place(rest, { ...whole, leaves: [...leaves, ...values] }),
    derived: place([...invariant], { outputs: values, leaves, replaces: none, layouts, work, target }),
  };
}

function place(
  steps: readonly Lowered[],
  { outputs, leaves, replaces, layouts, work, target }: Omit<AssembleRequest, "steps" | "invariant">,
): Program {
  const leafAt = new Map(leaves.map((leaf, i) => [leaf, i]));
  const outputAt = new Map(outputs.map((node, i) => [node, i]));
  const elementsOf = (node: Node): number => {
    const layout = layouts.get(node);
    return layout ? physicalSize(node.shape, layout) : sizeOfShape(node.shape);
  };
  const bytesOf = (node: Node): number => elementsOf(node) * target.bytes[node.dtype];
  const lives = new Map<Node, { first: number; last: number }>();
  steps.forEach(({ nodes }, step) => {
    for (const node of nodes) {
      if (leafAt.has(node) || outputAt.has(node)) continue;
      const life = lives.get(node);
      lives.set(node, { first: life?.first ?? step, last: step });
    }
  });
  const temporaries = [...lives.keys()];
  const { offsets, arenaBytes } = planMemory(
    temporaries.map((node) => ({
      sizeBytes: bytesOf(node),
      ...(lives.get(node) ?? { first: 0, last: 0 }),
    })),
    target.alignment,
  );
  const offsetOf = new Map(temporaries.map((node, i) => [node, offsets[i]]));
  const slotOf = (node: Node): Slot => {
    const leaf = leafAt.get(node);
    if (leaf !== undefined) return { kind: "leaf", leaf };
    const output = outputAt.get(node);
    return output === undefined ? { kind: "arena", offset: offsetOf.get(node) ?? 0 } : { kind: "output", output };
  };
  const inPlace = inPlaceOutputs(steps, outputs, leaves, replaces);
  const accessOf = (node: Node, writes: boolean): Access => {
    const slot = slotOf(node);
    if (slot.kind === "arena") {
      return { space: "arena", from: slot.offset, to: slot.offset + bytesOf(node), writes };
    }
    const leaf = slot.kind === "leaf" ? slot.leaf : inPlace[slot.output];
    return { space: leaf === null ? `output ${outputAt.get(node)}` : `leaf ${leaf}`, from: 0, to: 1, writes };
  };
  const waits = waitingSteps(
    steps.map(({ nodes, kernel }) => nodes.map((node, i) => accessOf(node, kernel.buffers[i].access === "write"))),
  );
  // A profile attributes each step to its modules, so there every step has a kernel of its own.
  const kernels = work ? steps.map(({ kernel }) => kernel) : [...new Set(steps.map(({ kernel }) => kernel))];
  const kernelAt = new Map(kernels.map((kernel, i) => [kernel, i]));
  return {
    kernels,
    steps: steps.map(({ kernel, nodes }, i) => ({
      kernel: work ? i : (kernelAt.get(kernel) ?? 0),
      slots: nodes.map(slotOf),
      waits: waits[i],
    })),
    arenaBytes,
    outputs: outputs.map((node) => ({ dtype: node.dtype, elements: elementsOf(node) })),
    inPlace,
    ...(work && { work: steps.flatMap((step) => work.get(step) ?? []) }),
  };
}
