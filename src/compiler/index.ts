/**
 * The compiler: from a graph to a program for a target. Passes are verbs from graph to graph, then a plan, then
 * kernels.
 */

import { type Node, topological } from "../ir/graph.js";
import type { Program } from "../ir/program.js";
import type { Target } from "../ir/target.js";
import { graph, structuralRecord } from "../ops/index.js";
import { DTypeError } from "../util/errors.js";
import { withOrigin } from "../util/scope.js";
import { assemble } from "./assemble.js";
import { describeKernel } from "./describe.js";
import { lowerPlan } from "./lower-plan.js";
import { type Plan, plan } from "./plan.js";
import { order } from "./schedule.js";
import { selectAlgorithms } from "./select-algorithms.js";
import { simplify } from "./simplify.js";
import { verifyGraph, verifyKernel } from "./verify.js";

export interface CompileRequest {
  readonly outputs: readonly Node[];
  readonly leaves: readonly Node[];
  /** For every output, the leaf that it replaces, or null. */
  readonly replaces: readonly (number | null)[];
  /** Leaves that no run assigns, such as parameters in inference; default none. */
  readonly invariant?: readonly Node[];
  readonly target: Target;
  /** Called with a readable image after each stage, for FOVEA_DEBUG. */
  readonly trace?: (stage: string, outputs: readonly Node[], plan?: Plan) => void;
  /** Whether the verifier runs after every pass; default false. */
  readonly verify?: boolean;
  /** Whether the program says what each of its kernels does; default false. */
  readonly describe?: boolean;
}

/** Refuses dtypes that the device lacks; names the first operation on such a value rather than the value itself. */
function checkTypes(outputs: readonly Node[], target: Target): void {
  const lacking = topological(outputs).filter(({ dtype }) => !target.dtypes.includes(dtype));
  if (lacking.length === 0) return;
  const operation = lacking.find((node) => structuralRecord(node)?.kind !== "source" && node.op !== "contiguous");
  throw new DTypeError(`[${operation?.op ?? "data"}] the ${target.name} device has no ${lacking[0].dtype}`, {
    hint: 'Use .to("f32"), or useDevice("native") or useDevice("interp")',
  });
}

/** Outputs get nodes of their own, so that each has storage of its own. */
function separate(outputs: readonly Node[]): Node[] {
  const seen = new Set<Node>();
  return outputs.map((node) => {
    const direct = node.op === "leaf" || node.op === "const" || seen.has(node);
    seen.add(node);
    return direct ? withOrigin(node.origin, () => graph.make("contiguous", [node], {})) : node;
  });
}

/** Compiles the graph of `outputs`. */
export function compileGraph(request: CompileRequest): Program {
  const { outputs, leaves, replaces, invariant = [], target, trace, verify, describe } = request;
  const checked = (stage: string, graph: Node[]): Node[] => {
    if (verify) verifyGraph(stage, graph);
    return graph;
  };
  checked("trace", [...outputs]);
  const simplified = checked("simplify", simplify(outputs));
  trace?.("simplify", simplified);
  const prepared = checked(
    "separate",
    separate(simplify(checked("select algorithms", selectAlgorithms(simplified, target)))),
  );
  checkTypes(prepared, target);
  const planned = plan(prepared, target);
  trace?.("plan", prepared, planned);
  const lowered = lowerPlan(planned, target);
  if (verify) for (const kernel of new Set(lowered.map((one) => one.kernel))) verifyKernel("lower", kernel);
  const sequence = order(lowered, prepared, leaves, replaces);
  const steps = sequence.map((i) => lowered[i]);
  const work = describe
    ? new Map(lowered.map((one, i) => [one, describeKernel(planned.kernels[i], planned, one)]))
    : null;
  return assemble({ steps, work, outputs: prepared, leaves, replaces, layouts: planned.layouts, invariant, target });
}
