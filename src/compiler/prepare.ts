/**
 * Preparation: templates that the target lacks are replaced by their decompositions, weights are given a packed copy, and
 * reductions that are long but have few results are cut into a fixed number of pieces (never one per thread), so that they
 * run in parallel and sum in blocks. Graph in, graph out.
 */
import { isOp, type Node, sizeOfShape } from "../ir/graph.js";
import type { Target } from "../ir/target.js";
import { graph, helpers, spreadConvolution, structuralRecord, WINOGRAD_OUT } from "../ops/index.js";
import { rewrite } from "./simplify.js";

/** Most partial sums that a reduction is cut into. */
const PIECES = 16;
/** Elements below which a reduction is not worth cutting. */
const LONG = 1 << 14;

/** Remainders of strides up to which the input gradient of a convolution has loops for each. */
const MOST_PHASES = 9;

/** Whether the convolution templates take this node. */
function hasTemplate(node: Node, target: Target): boolean {
  if (!target.templates || node.dtype !== "f32") return false;
  if (node.op === "matmul") return sizeOfShape(node.shape) > 0 && node.inputs[0].shape[2] > 0;
  if (isOp(node, "conv2d") || isOp(node, "convWeightGrad")) {
    return sizeOfShape(node.shape) > 0 && node.inputs.every((x) => sizeOfShape(x.shape) > 0);
  }
  if (isOp(node, "convInputGrad")) {
    const { stride, groups } = node.attrs;
    const filled = [node, ...node.inputs].every((x) => sizeOfShape(x.shape) > 0);
    const wholeBlocks = groups === 1 || (node.shape[1] / groups) % target.lanes === 0;
    return filled && wholeBlocks && stride[0] * stride[1] <= MOST_PHASES;
  }
  if (node.op === "winogradFilter") return node.shape[0] % target.lanes === 0;
  if (node.op === "winogradConv2d") return fitsWinograd(node, target);
  return false;
}

/** Whether channels are whole vectors. */
const fitsWinograd = (node: Node, { lanes }: Target): boolean =>
  lanes >= 4 && node.inputs[0].shape[1] % lanes === 0 && node.shape[1] % lanes === 0 && sizeOfShape(node.shape) > 0;

/** Results below which transforming the filters is not worth it. */
const FEW_TILES = 8;

/** Whether 36 products a tile and its transformations take less time than 144 products. */
function winogradPays(node: Node<"conv2d">, target: Target): boolean {
  const { stride, dilation, groups, before } = node.attrs;
  const [, c, kh, kw] = node.inputs[1].shape;
  const [n, o, ho, wo] = node.shape;
  const plain = [...stride, ...dilation, groups].every((size) => size === 1) && before.every((p) => p >= 0);
  if (!target.winograd || !plain || kh !== 3 || kw !== 3 || !fitsWinograd(node, target)) return false;
  const tiles = n * Math.ceil(ho / WINOGRAD_OUT) * Math.ceil(wo / WINOGRAD_OUT);
  if (tiles < FEW_TILES) return false;
  // Cycles: direct for the results that count, against products, transformations and, once, those of the filters.
  const { lanes } = target;
  const direct = (9 * c * o * n * ho * wo) / (2 * lanes * 0.85);
  const products = (36 * c * o) / (2 * lanes * 0.85);
  const transforms = ((c + o) / lanes) * 200;
  const filters = ((c * o) / lanes) * 250;
  return tiles * (products + transforms) + filters < 0.9 * direct;
}

/** The largest divisor of n that is at most `limit`. */
export function divisorUpTo(n: number, limit: number): number {
  for (let d = Math.min(n, limit); d > 1; d--) if (n % d === 0) return d;
  return 1;
}

function cutWeightGradient(node: Node<"convWeightGrad">): Node {
  const [x, g] = node.inputs;
  const [n, o, , ho, wo] = [g.shape[0], g.shape[1], 0, g.shape[2], g.shape[3]];
  if (node.attrs.pieces !== 1) return node;
  // Many output channels give enough tasks without cutting the images.
  const blocks = Math.max(1, node.attrs.groups > 1 ? o / 64 : (o * x.shape[1]) / 1024);
  const pieces = divisorUpTo(
    n,
    Math.max(1, Math.min(PIECES, Math.floor(PIECES / blocks), Math.floor((n * ho * wo) / 256))),
  );
  if (pieces === 1) return node;
  const partial = graph.make("convWeightGrad", [x, g], { ...node.attrs, pieces });
  return helpers.reshape(graph, helpers.reduceSum(graph, partial, [0]), node.shape);
}

function cutReduction(node: Node<"reduce">): Node {
  const [x] = node.inputs;
  const { kind, axes } = node.attrs;
  const total = sizeOfShape(x.shape);
  const results = sizeOfShape(node.shape);
  if (total < LONG || results * PIECES > total || results >= 4096) return node;
  const axis = axes.find((candidate) => divisorUpTo(x.shape[candidate], PIECES) > 1);
  if (axis === undefined) return node;
  const pieces = divisorUpTo(x.shape[axis], PIECES);
  if (pieces === x.shape[axis] && axes.length === 1) return node;
  // [.., L, ..] -> [P, .., L / P, ..] -> reduce all but P -> reduce P
  const cut = [...x.shape.slice(0, axis), pieces, x.shape[axis] / pieces, ...x.shape.slice(axis + 1)];
  const order = [axis, ...cut.map((_, i) => i).filter((i) => i !== axis)];
  const moved = helpers.permute(graph, helpers.reshape(graph, x, cut), order);
  const first = graph.make("reduce", [moved], { kind, axes: axes.map((a) => a + 1) });
  return graph.make("reduce", [first], { kind, axes: [0] });
}

/** Packs the weights and chooses the algorithm. */
function prepareConv(node: Node<"conv2d">, target: Target): Node {
  const packed = graph.make("contiguous", [node.inputs[1]], {});
  if (!winogradPays(node, target)) return graph.make("conv2d", [node.inputs[0], packed], node.attrs);
  return graph.make("winogradConv2d", [node.inputs[0], graph.make("winogradFilter", [packed], {})], node.attrs);
}

export function prepare(outputs: readonly Node[], target: Target): Node[] {
  const decomposed = rewrite(outputs, (node) => {
    const record = structuralRecord(node);
    if (record?.kind !== "template") return node;
    if (hasTemplate(node, target)) {
      if (isOp(node, "conv2d")) return prepareConv(node, target);
      if (isOp(node, "convInputGrad")) {
        return graph.make(
          "convInputGrad",
          [node.inputs[0], graph.make("contiguous", [node.inputs[1]], {})],
          node.attrs,
        );
      }
      return isOp(node, "convWeightGrad") ? cutWeightGradient(node) : node;
    }
    if (isOp(node, "convInputGrad")) {
      const conv = spreadConvolution(graph, node.inputs[0], node.inputs[1], node.attrs);
      if (isOp(conv, "conv2d") && hasTemplate(conv, target)) return prepareConv(conv, target);
    }
    return record.decompose ? record.decompose(graph, node as never) : node;
  });
  if (!target.templates) return decomposed;
  return rewrite(decomposed, (node) => (isOp(node, "reduce") ? cutReduction(node) : node));
}
