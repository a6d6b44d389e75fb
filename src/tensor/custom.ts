/** Functions whose gradient is given, and functions whose values are computed again for the gradient. */
import { differentiate } from "../autograd/index.js";
import { type Node, sameShape, topological } from "../ir/graph.js";
import { graph, rebuild } from "../ops/index.js";
import { checked, takes } from "../util/arguments.js";
import { callback, list, needed } from "../util/kinds.js";
import { gradCellOf, isGradEnabled, noGrad } from "./cells.js";
import { resultOf, shapeError } from "./check.js";
import { Tensor, tensorKind } from "./tensor.js";

/** The two halves of a function with a gradient of its own. */
export interface CustomGradientOptions {
  /** The function. Gradients do not flow through what it computes. */
  readonly forward: (...inputs: Tensor[]) => Tensor;
  /** The gradients of the inputs, null for none, from that of the output. It may be differentiated again. */
  readonly backward: (
    gradOutput: Tensor,
    values: { readonly inputs: readonly Tensor[]; readonly output: Tensor },
  ) => readonly (Tensor | null)[];
}

/**
 * A function of tensors with a gradient of its own, as `torch.autograd.Function`: straight-through estimators, gradients
 * in a stable form, gradients that are reversed or clipped.
 *
 * Gradients reach the inputs alone; a parameter that `forward` reads by other ways gets none, so pass it as an input.
 *
 * @param options.forward - the function
 * @param options.backward - gradients of the inputs, each of the input's shape, or null
 * @throws ShapeError at the gradient, if it returns another number of gradients or other shapes
 * @example
 * const roundThrough = customGradient({ forward: (x) => x.round(), backward: (g) => [g] });
 * const [dx] = grad(roundThrough(tensor([0.4, 1.6])).sum(), [tensor([0.4, 1.6])]);
 */
export const customGradient = checked(
  "customGradient",
  takes<CustomGradientOptions>({}, { forward: needed(callback), backward: needed(callback) }),
  (options: CustomGradientOptions): ((...inputs: Tensor[]) => Tensor) => {
    const { forward, backward } = options;
    return (...inputs) => {
      const value = noGrad(() => resultOf("customGradient", forward, inputs));
      const gradient = (g: Node, node: Node): (Node | null)[] => {
        const [, ...operands] = node.inputs;
        const values = { inputs: operands.map((x) => new Tensor(x)), output: new Tensor(node) };
        const found = backward(new Tensor(g), values);
        if (found.length !== operands.length) {
          throw shapeError("customGradient", `backward gives ${found.length} gradients for ${operands.length} inputs`);
        }
        return found.map((each, i) => each && checkedGradient(each, operands[i], i));
      };
      if (!isGradEnabled()) return value;
      return new Tensor(graph.make("custom", [value.node, ...inputs.map(({ node }) => node)], { gradient }));
    };
  },
);

function checkedGradient(gradient: Tensor, input: Node, place: number): Node {
  if (!sameShape(gradient.shape, input.shape)) {
    const shapes = `[${gradient.shape.join(", ")}] for input ${place}, [${input.shape.join(", ")}]`;
    throw shapeError("customGradient", `backward gives a gradient ${shapes}`);
  }
  return graph.cast(gradient.node, input.dtype);
}

/**
 * The value of a function, whose intermediate values are not kept for the gradient but computed again from the inputs:
 * less memory for a second forward computation. Random numbers and running statistics are those of the first one.
 *
 * Formula: memory of n equal blocks is that of √n blocks if every √n of them are one call.
 *
 * @param fn - a function of tensors; it is called once
 * @param inputs - tensors that it is called with
 * @see Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174
 * @example
 * const y = checkpoint((x) => x.exp().sin(), [tensor([1, 2])]);
 */
export const checkpoint = checked(
  "checkpoint",
  takes({ fn: callback, inputs: list(tensorKind, "an array of tensors") }),
  (fn: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): Tensor => {
    const output = resultOf("checkpoint", fn, inputs);
    if (!isGradEnabled()) return output;
    const sources = inputs.map(({ node }) => node);
    const isSource = (node: Node) => sources.includes(node) || gradCellOf(node) !== undefined;
    const order = topological([output.node], isSource);
    // Parameters that the function reads get their gradients too.
    const parameters = order.filter((node) => gradCellOf(node) !== undefined && !sources.includes(node));
    const operands = [...sources, ...parameters];
    const gradient = (g: Node): (Node | null)[] => {
      const again = new Map<Node, Node>(sources.map((x) => [x, graph.make("recompute", [x, g], {})]));
      for (const node of order) {
        if (again.has(node) || isSource(node)) continue;
        const rebuilt = rebuild(
          node,
          node.inputs.map((x) => again.get(x) ?? x),
        );
        if (rebuilt !== node) again.set(node, rebuilt);
      }
      const targets = operands.map((x) => again.get(x) ?? x);
      const last = again.get(output.node) ?? output.node;
      return differentiate(last, g, targets, (node) => targets.includes(node));
    };
    return new Tensor(graph.make("custom", [output.node, ...operands], { gradient }));
  },
);
