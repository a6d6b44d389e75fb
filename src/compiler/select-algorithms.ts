/**
 * Selects algorithms: templates that the target lacks are replaced by their decompositions, weights are given a packed
 * copy, and reductions that are long but have few results are split, as in split-K matrix products: partial sums in
 * parallel, then their sum. The number of splits follows from shapes, never from the number of threads, which must not
 * change results. Graph in, graph out.
 */
import { type ConvAttrs, isOp, type Node, type Pair, type Shape, sizeOfShape, type WinogradTile } from "../ir/graph.js";
import type { Target } from "../ir/target.js";
import { graph, helpers, isFactorization, isStructural, spreadConvolution, structuralRecord } from "../ops/index.js";
import { sumInBands } from "./bands.js";
import { divisorUpTo } from "./divisors.js";
import { isRowNode, type RowNode } from "./lower/rows.js";
import { isConvolution, isPointwise } from "./roots.js";
import { rewrite } from "./simplify.js";

/** Most partial sums that a reduction is split into. */
const MAX_SPLITS = 16;
/** Elements below which a reduction is not split: the second pass would cost more than it saves. */
const MIN_SPLIT_SIZE = 1 << 14;

/** Most phases (pairs of remainders by the strides) of an input gradient; the template has loops for each. */
const MAX_PHASES = 9;

/** Entries that a scatter selects by comparing every row of the result with theirs, which fuses with what follows. */
const FEW_ENTRIES = 4;

/** Whether the node has a template that computes it on the target. */
function hasTemplate(node: Node, target: Target): boolean {
  if (isOp(node, "scatter")) return sizeOfShape(node.shape) > 0 && node.inputs[1].shape[1] > FEW_ENTRIES;
  if (isOp(node, "argsort")) return sizeOfShape(node.shape) > 0 && node.shape[1] > 1;
  if (isOp(node, "scan")) return sizeOfShape(node.shape) > 0;
  if (isFactorization(node)) return true;
  if (!target.templates || node.dtype !== "f32") return false;
  if (isRowNode(node)) return fitsRows(node, target);
  if (node.op === "matmul") return sizeOfShape(node.shape) > 0 && node.inputs[0].shape[2] > 0;
  if (isOp(node, "conv2d") || isOp(node, "convWeightGrad")) {
    return sizeOfShape(node.shape) > 0 && node.inputs.every((x) => sizeOfShape(x.shape) > 0);
  }
  if (isOp(node, "convInputGrad")) {
    const { stride, groups } = node.attrs;
    const filled = [node, ...node.inputs].every((x) => sizeOfShape(x.shape) > 0);
    const wholeBlocks = groups === 1 || (node.shape[1] / groups) % target.lanes === 0;
    return filled && wholeBlocks && stride[0] * stride[1] <= MAX_PHASES;
  }
  if (isAttention(node)) return target.lanes > 1 && node.inputs.every((x) => sizeOfShape(x.shape) > 0);
  if (node.op === "winogradFilter") return node.shape[0] % target.lanes === 0;
  if (isOp(node, "winogradConv2d")) return fitsWinograd(node.inputs[0].shape, node.shape, target);
  if (isOp(node, "winogradWeightGrad")) return fitsWinograd(node.inputs[0].shape, node.inputs[1].shape, target);
  return false;
}

/** Vectors of a row from which its kernel pays; shorter rows are computed side by side in the lanes. */
const MIN_ROW = 2;
/** Elements of a row beyond which it does not stay in the cache. */
const MAX_ROW = 1 << 20;

/** Whether rows are long, stay in the cache, and do not lie in blocks of channels, as results of convolutions do. */
function fitsRows(node: RowNode, { lanes }: Target): boolean {
  const [rows, length] = node.shape;
  const long = lanes > 1 && rows > 0 && length >= MIN_ROW * lanes && length <= MAX_ROW;
  return long && !node.inputs.some(followsConvolution);
}

/** Whether a value is computed from the result of a convolution, element by element or by a movement of elements. */
function followsConvolution(x: Node): boolean {
  const seen = new Set([x]);
  for (const node of seen) {
    if (isConvolution(node)) return true;
    if (seen.size > MAX_SEARCHED) return true;
    const passes = isPointwise(node) || structuralRecord(node)?.kind === "movement";
    if (passes) for (const input of node.inputs) seen.add(input);
  }
  return false;
}

/** Nodes that are looked at; beyond, a value counts as one that follows a convolution. */
const MAX_SEARCHED = 256;

const isAttention = (node: Node): node is Node<"attention"> | Node<"attentionGrad"> =>
  isOp(node, "attention") || isOp(node, "attentionGrad");

/** Whether Winograd's template takes images of these shapes: channels fill whole vectors. */
const fitsWinograd = (x: Shape, y: Shape, { lanes }: Target): boolean =>
  lanes >= 4 && x[1] % lanes === 0 && y[1] % lanes === 0 && sizeOfShape(y) > 0;

/** Number of tiles of y with `tile` results along a side. */
const tilesOf = ([n, , ho, wo]: Shape, tile: WinogradTile): number => n * Math.ceil(ho / tile) * Math.ceil(wo / tile);

/** Whether Winograd's algorithm applies to a convolution from x to y. */
function allowsWinograd(attrs: ConvAttrs, kernel: Pair, x: Shape, y: Shape, target: Target): boolean {
  const { stride, dilation, groups, before } = attrs;
  const plain = [...stride, ...dilation, groups].every((size) => size === 1) && before.every((p) => p >= 0);
  return target.winograd && plain && kernel.every((size) => size === 3) && fitsWinograd(x, y, target);
}

/** Modelled cycles of a direct convolution. */
const directCycles = ([n, o, ho, wo]: Shape, c: number, lanes: number): number =>
  (9 * c * o * n * ho * wo) / (2 * lanes * 0.85);

/** Least number of tiles that pays for transforming the filters. */
const MIN_TILES = 8;

/**
 * By tile size: matrix products (points), modelled cycles to transform a vector of its pixels or results, and one of
 * filters or sums.
 */
const SCHEMES = [
  { tile: 4, points: 36, transform: 200, filter: 250 },
  { tile: 2, points: 16, transform: 70, filter: 120 },
] as const;

/**
 * The tile size with the fewest modelled cycles; null if the direct algorithm has fewer. Large tiles need the fewest
 * products unless most of their results lie outside the image, as on images of 2 × 2.
 */
function fastestTile(
  y: Shape,
  c: number,
  { lanes }: Target,
  cyclesOf: (scheme: (typeof SCHEMES)[number]) => { readonly perTile: number; readonly once: number },
): WinogradTile | null {
  let best: WinogradTile | null = null;
  let least = 0.9 * directCycles(y, c, lanes);
  for (const scheme of SCHEMES) {
    const tiles = tilesOf(y, scheme.tile);
    const { perTile, once } = cyclesOf(scheme);
    if (tiles < MIN_TILES || tiles * perTile + once >= least) continue;
    least = tiles * perTile + once;
    best = scheme.tile;
  }
  return best;
}

/** The tile size for a convolution: cycles of products and transformations, and once those of the filters. */
function winogradTile(node: Node<"conv2d">, target: Target): WinogradTile | null {
  const [x, w] = node.inputs;
  const [o, c, kh, kw] = w.shape;
  if (!allowsWinograd(node.attrs, [kh, kw], x.shape, node.shape, target)) return null;
  const { lanes } = target;
  return fastestTile(node.shape, c, target, ({ points, transform, filter }) => ({
    perTile: (points * c * o) / (2 * lanes * 0.85) + ((c + o) / lanes) * transform,
    once: ((c * o) / lanes) * filter,
  }));
}

/** The tile size for a weight gradient, whose sums are transformed once. */
function winogradWeightTile(node: Node<"convWeightGrad">, target: Target): WinogradTile | null {
  const [x, g] = node.inputs;
  const [c, o] = [x.shape[1], g.shape[1]];
  if (!allowsWinograd(node.attrs, node.attrs.kernel, x.shape, g.shape, target)) return null;
  const { lanes } = target;
  // A task computes about 64 channels and transforms all pixels that it reads, so transformations are repeated.
  const vectors = (c * Math.ceil(o / 64) + o * Math.ceil(c / 64)) / lanes;
  return fastestTile(g.shape, c, target, ({ points, transform, filter }) => ({
    perTile: (points * c * o) / (2 * lanes * 0.7) + vectors * transform,
    once: ((c * o) / lanes) * filter,
  }));
}

/** Selects the template of a weight gradient, and into how many partial sums over images it is split. */
function selectWeightGradient(node: Node<"convWeightGrad">, target: Target): Node {
  const [x, g] = node.inputs;
  const [n, o, ho, wo] = g.shape;
  if (node.attrs.splits !== 1) return node;
  // Many results give enough tasks, so images need no split.
  const { kernel, ...conv } = node.attrs;
  const results = o * x.shape[1] * kernel[0] * kernel[1];
  const blocks = Math.max(1, conv.groups > 1 ? o / 64 : results / (9 * 1024));
  const splits = divisorUpTo(
    n,
    Math.max(1, Math.min(MAX_SPLITS, Math.floor(MAX_SPLITS / blocks), Math.floor((n * ho * wo) / 256))),
  );
  const tile = winogradWeightTile(node, target);
  const partial = tile
    ? graph.make("winogradWeightGrad", [x, g], { ...conv, splits, tile })
    : graph.make("convWeightGrad", [x, g], { ...node.attrs, splits });
  if (splits === 1) return partial;
  return helpers.reshape(graph, helpers.reduceSum(graph, partial, [0]), node.shape);
}

function splitReduction(node: Node<"reduce">): Node {
  const [x] = node.inputs;
  const { kind, axes } = node.attrs;
  const total = sizeOfShape(x.shape);
  const results = sizeOfShape(node.shape);
  if (total < MIN_SPLIT_SIZE || results * MAX_SPLITS > total || results >= 4096) return node;
  const axis = axes.find((candidate) => divisorUpTo(x.shape[candidate], MAX_SPLITS) > 1);
  if (axis === undefined) return node;
  const splits = divisorUpTo(x.shape[axis], MAX_SPLITS);
  if (splits === x.shape[axis] && axes.length === 1) return node;
  // [.., L, ..] -> [P, .., L / P, ..] -> reduce all but P -> reduce P
  const split = [...x.shape.slice(0, axis), splits, x.shape[axis] / splits, ...x.shape.slice(axis + 1)];
  const order = [axis, ...split.map((_, i) => i).filter((i) => i !== axis)];
  const moved = helpers.permute(graph, helpers.reshape(graph, x, split), order);
  const first = graph.make("reduce", [moved], { kind, axes: axes.map((a) => a + 1) });
  return graph.make("reduce", [first], { kind, axes: [0] });
}

/** Gives a convolution a packed copy of its weights, and selects direct or Winograd's algorithm. */
function selectConv(node: Node<"conv2d">, target: Target): Node {
  const packed = graph.make("contiguous", [node.inputs[1]], {});
  const tile = winogradTile(node, target);
  if (!tile) return graph.make("conv2d", [node.inputs[0], packed], node.attrs);
  const filters = graph.make("winogradFilter", [packed], { tile });
  return graph.make("winogradConv2d", [node.inputs[0], filters], { ...node.attrs, tile });
}

/** Most operands of a concatenation in one kernel. */
const MAX_PARTS = 32;

/** Rewrites a longer concatenation as a tree of them, so that kernels stay bounded. */
function treeOfConcats(node: Node<"concat">, { buffers }: Target): Node {
  // Half of the buffers are left to the result and the operands of the epilogue.
  const most = Math.max(2, Math.min(MAX_PARTS, buffers >> 1));
  let parts = node.inputs;
  while (parts.length > most) {
    parts = Array.from({ length: Math.ceil(parts.length / most) }, (_, k) =>
      graph.make("concat", parts.slice(k * most, (k + 1) * most), node.attrs),
    );
  }
  return parts === node.inputs ? node : graph.make("concat", parts, node.attrs);
}

export function selectAlgorithms(outputs: readonly Node[], target: Target): Node[] {
  // First, since its result contains matrix products, for which templates are selected next.
  const products = rewrite(outputs, (node) =>
    isAttention(node) && !hasTemplate(node, target) ? (structuralRecord(node)?.decompose?.(graph, node) ?? node) : node,
  );
  const decomposed = rewrite(products, (node) => {
    if (isOp(node, "concat")) return treeOfConcats(node, target);
    const record = structuralRecord(node);
    if (!record?.decompose || isOp(node, "variance")) return node;
    if (hasTemplate(node, target)) {
      if (isOp(node, "conv2d")) return selectConv(node, target);
      if (isOp(node, "convInputGrad")) {
        return graph.make(
          "convInputGrad",
          [node.inputs[0], graph.make("contiguous", [node.inputs[1]], {})],
          node.attrs,
        );
      }
      return isOp(node, "convWeightGrad") ? selectWeightGradient(node, target) : node;
    }
    if (isOp(node, "convInputGrad")) {
      const conv = spreadConvolution(graph, node.inputs[0], node.inputs[1], node.attrs);
      if (isOp(conv, "conv2d") && hasTemplate(conv, target)) return selectConv(conv, target);
    }
    return isStructural(node) ? record.decompose(graph, node) : node;
  });
  const summed = sumInBands(decomposed, target);
  if (!target.templates) return summed;
  return rewrite(summed, (node) => (isOp(node, "reduce") ? splitReduction(node) : node));
}
