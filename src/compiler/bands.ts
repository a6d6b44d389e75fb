/**
 * Batch normalisation after a convolution: splits its sums over a batch into partial sums over bands of rows, which the
 * kernel of the convolution accumulates from the values in its registers, and small sums of these. Graph in, graph out.
 */
import { isOp, type Node, sizeOfShape } from "../ir/graph.js";
import type { Target } from "../ir/target.js";
import { bandSizes, graph, helpers, structuralRecord } from "../ops/index.js";
import { bandRows } from "./lower/band-sums.js";
import { findRoots, fusedSourceOf, type Roots } from "./roots.js";
import { rewrite } from "./simplify.js";

/** Whether a reduction of x gives one value per channel: over batch, height and width. */
const perChannel = (x: Node, axes: readonly number[]): boolean => x.shape.length === 4 && axes.join() === "0,2,3";

/** The partial sums of a value. */
interface Summed {
  readonly rows: number;
  /** Whether means and squared deviations are accumulated, not sums alone. */
  readonly moments: boolean;
}

/** Finds the values that the kernel of a convolution can sum per channel: those that it stores or could fuse. */
function findSummed(roots: Roots, target: Target): Map<Node, Summed> {
  const found = new Map<Node, Summed>();
  for (const node of roots.order) {
    const moments = isOp(node, "variance");
    if (!moments && !(isOp(node, "reduce") && node.attrs.kind === "sum")) continue;
    const [x] = node.inputs;
    if (node.dtype !== "f32" || found.get(x)?.moments || !perChannel(x, node.attrs.axes)) continue;
    const source = fusedSourceOf(x, roots);
    const rows = source && (!moments || source.root === x) ? bandRows(source.anchor, target) : null;
    if (rows) found.set(x, { rows, moments });
  }
  return found;
}

/** Numbers of elements, means and sums of squared deviations of all bands, each [bands, C]. */
function momentsOf(x: Node, rows: number): { sizes: Node; means: Node; squares: Node } {
  const moments = graph.make("bandMoments", [x], { rows });
  const [, items, c] = moments.shape;
  const [means, squares] = [0, 1].map((k) => {
    const part = graph.make("slice", [moments], { start: [k, 0, 0], step: [1, 1, 1] }, { shape: [1, items, c] });
    return helpers.reshape(graph, part, [items, c]);
  });
  const [n, , h, w] = x.shape;
  const perImage = bandSizes(graph, [n, c, items / n], [rows, h, w]);
  const sizes = helpers.reshape(graph, helpers.permute(graph, perImage, [0, 2, 1]), [items, c]);
  return { sizes: graph.cast(sizes, x.dtype), means, squares };
}

/** Σ x per channel, [C]. */
function sumOf(x: Node, rows: number): Node {
  const { sizes, means } = momentsOf(x, rows);
  return helpers.reduceSum(graph, graph.op("mul", sizes, means), [0]);
}

/** Σ (x − mean)² per channel, [1, C, 1, 1]: the sums within bands plus those of the bands' means (Chan et al. 1979). */
function deviationOf(x: Node, rows: number): Node {
  const { sizes, means, squares } = momentsOf(x, rows);
  const c = x.shape[1];
  // Built exactly as the mean of the batch norm is, so that common-subexpression elimination merges the two.
  const sum = helpers.reshape(graph, sumOf(x, rows), [1, c, 1, 1]);
  const mean = graph.op("div", sum, graph.constant(sizeOfShape(x.shape) / c, sum));
  const spread = graph.make("expand", [helpers.reshape(graph, mean, [1, c])], {}, { shape: means.shape });
  const apart = graph.op("sub", means, spread);
  const between = graph.op("mul", sizes, graph.op("mul", apart, apart));
  return helpers.reshape(graph, helpers.reduceSum(graph, graph.op("add", squares, between), [0]), [1, c, 1, 1]);
}

/** Replaces sums that a convolution's kernel can accumulate by sums over bands, and decomposes all other variances. */
export function sumInBands(outputs: readonly Node[], target: Target): Node[] {
  const summed = target.templates ? findSummed(findRoots(outputs), target) : new Map<Node, Summed>();
  return rewrite(outputs, (node, original) => {
    if (!isOp(node, "variance") && !isOp(node, "reduce")) return node;
    const [x] = node.inputs;
    const bands = perChannel(x, node.attrs.axes) ? summed.get(original.inputs[0]) : undefined;
    if (isOp(node, "variance")) {
      if (!bands?.moments) return structuralRecord(node)?.decompose?.(graph, node) ?? node;
      const sum = deviationOf(x, bands.rows);
      const { divisor } = node.attrs;
      return graph.op("div", sum, graph.constant(divisor, sum));
    }
    if (!bands || !isOp(node, "reduce") || node.attrs.kind !== "sum") return node;
    if (bands.moments) return sumOf(x, bands.rows);
    return helpers.reduceSum(graph, graph.make("bandSum", [x], { rows: bands.rows }), [0]);
  });
}
