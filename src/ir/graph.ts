/**
 * The graph: immutable nodes. A node has an op, inputs, attributes, and the shape and dtype of its result. This file
 * defines the attributes of each structural op, but not their semantics, which are in the op records.
 */
import { ContextError } from "../util/errors.js";
import { currentOrigin, type Origin } from "../util/scope.js";
import type { DType } from "./dtype.js";
import type { ScalarName } from "./scalar/index.js";

export type Shape = readonly number[];
/** One number for the height and one for the width of an image. */
export type Pair = readonly [number, number];
export type ReduceKind = "sum" | "max" | "min" | "prod";
/** How a scatter combines elements; with "set" the last one stays. */
export type ScatterKind = ReduceKind | "set";
export type ScanKind = "sum" | "max" | "min" | "linear";

/** Side of a tile of results of Winograd's convolution. */
export type WinogradTile = 2 | 4;

export interface ConvAttrs {
  readonly stride: Pair;
  /** Zeros before the first and after the last row and column; negative values crop. */
  readonly before: Pair;
  readonly after: Pair;
  readonly dilation: Pair;
  readonly groups: number;
}

/** What an attention does beside its products; `attention` in ops/ gives the formulas. */
export interface AttentionAttrs {
  /** Factor on the products of queries and keys. */
  readonly scale: number;
  /** True if the query at position t sees the keys at positions up to t alone. */
  readonly causal: boolean;
  /** Whether there is an operand [B, T, S] that is added to the scores. */
  readonly bias: boolean;
  /** Whether there is an operand [B, T, S] that the probabilities are multiplied by. */
  readonly factor: boolean;
}

/** One sliding-window axis: output o and tap k read input position o · stride + k · dilation. */
export interface WindowAxis {
  readonly axis: number;
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
}

/** Attributes of the structural ops, by name. Scalar ops have none. */
export interface StructuralAttrs {
  /** A value from outside the graph: an input, a computed value, a cell. */
  leaf: { readonly id: number };
  const: { readonly value: number };
  /** The position along an axis, as i32. */
  iota: { readonly axis: number };
  cast: Record<never, never>;
  /** The same values, without a gradient. */
  detach: Record<never, never>;
  /** Input 0, with a given gradient: of the other inputs, from that of the result. */
  custom: { readonly gradient: (g: Node, node: Node) => readonly (Node | null)[] };
  /** Input 0, once more: what is computed from it is not shared with what is computed from the input itself, and not
   * before input 1. */
  recompute: Record<never, never>;
  /** The same values, stored in memory: a fusion boundary. */
  contiguous: Record<never, never>;
  reshape: Record<never, never>;
  permute: { readonly order: readonly number[] };
  expand: Record<never, never>;
  slice: { readonly start: readonly number[]; readonly step: readonly number[] };
  pad: { readonly before: readonly number[]; readonly value: number };
  concat: { readonly axis: number };
  /** [..., L, ...] -> [..., O, ..., K...]: the taps are appended as last axes, in the order of `axes`. */
  window: { readonly axes: readonly WindowAxis[] };
  /** Adjoint of window: sums the taps back, in a fixed order. */
  fold: { readonly axes: readonly WindowAxis[] };
  /**
   * Gradient of a maximum or minimum with ties: with "first", it goes to the first of the equal elements; else it is
   * divided.
   */
  reduce: { readonly kind: ReduceKind; readonly axes: readonly number[]; readonly ties?: "first" };
  /** Σ (x − mean)² / divisor over axes, which are kept with size 1. */
  variance: { readonly axes: readonly number[]; readonly divisor: number };
  argmax: { readonly axis: number };
  /** Sums over bands of rows: [N, C, H, W] -> [N · ⌈H / rows⌉, C]. */
  bandSum: { readonly rows: number };
  /** Mean, and Σ (x − mean)², over bands of rows: [N, C, H, W] -> [2, N · ⌈H / rows⌉, C]. */
  bandMoments: { readonly rows: number };
  /** [B, M, K] · [B, K, N] -> [B, M, N] */
  matmul: Record<never, never>;
  /**
   * q [B, T, D], k [B, S, D], v [B, S, E], bias and factor [B, T, S] if there are any -> [B · T · (E + 1)]: the results
   * [B, T, E], and behind them the log-sum-exp of each row of scores [B, T].
   */
  attention: AttentionAttrs;
  /**
   * The operands of an attention, gradient [B, T, E] of its results, log-sum-exp [B, T], and Σ gradient · result per row
   * [B, T] -> [B · (T · D + S · D + S · E)]: the gradients of q, k and v, one behind the other.
   */
  attentionGrad: AttentionAttrs;
  /** [N, C, H, W], [O, C/g, Kh, Kw] -> [N, O, Ho, Wo] */
  conv2d: ConvAttrs;
  /** dy [N, O, Ho, Wo], weights [C, O/g, Kh, Kw] -> dx [N, C, H, W] of a convolution with strides; `size` is H, W. */
  convInputGrad: ConvAttrs & { readonly size: Pair };
  /** x [N, C, H, W], dy [N, O, Ho, Wo] -> [P, O, C/g, Kh, Kw]: P partial sums, each over consecutive images. */
  convWeightGrad: ConvAttrs & { readonly kernel: Pair; readonly splits: number };
  /** Filters [O, C, 3, 3] -> [O, C, T + 2, T + 2], transformed for Winograd's convolution in tiles of T × T results. */
  winogradFilter: { readonly tile: WinogradTile };
  /**
   * [N, C, H, W], filters [O, C, T + 2, T + 2] -> [N, O, Ho, Wo]: a 3 × 3 convolution of stride 1 in tiles of T × T
   * results.
   */
  winogradConv2d: ConvAttrs & { readonly tile: WinogradTile };
  /** convWeightGrad of a 3 × 3 convolution of stride 1 by Winograd's algorithm. */
  winogradWeightGrad: ConvAttrs & { readonly splits: number; readonly tile: WinogradTile };
  /** Selects along an axis: x [.., K, ..], indices [.., J, ..] -> [.., J, ..] */
  gather: { readonly axis: number };
  /** [N, L] -> [N, L]: e^x / Σ e^x of each row. */
  softmax: Record<never, never>;
  /** y and the gradient of y -> the gradient of x, where y is the softmax of x. */
  softmaxGrad: Record<never, never>;
  /** [N, L] -> [N, L]: (x − mean) / √(variance + eps) of each row, the variance divided by L. */
  standardise: { readonly eps: number };
  /** x and the gradient of its standardisation -> the gradient of x. */
  standardiseGrad: { readonly eps: number };
  /**
   * base [H, R, T], x [H, C, T], rows [H, C, T] -> [H, R, T]: combines x[h, c, t] into row rows[h, c, t] of the base, in
   * the order of c. Rows outside [0, R) are ignored.
   */
  scatter: { readonly kind: ScatterKind };
  /** [N, L] -> [N, L]: positions of the elements of each row in order; equal ones keep their order, NaN is largest. */
  argsort: { readonly descending: boolean };
  /**
   * x [H, L, T] -> [H, L, T]: sums (largest, smallest) of each element and those before it; with `reverse`, behind it.
   * "linear", of a and b: the recurrence h_l = a_l · h_(l − 1) + b_l, in which the first a has no meaning.
   */
  scan: { readonly kind: ScanKind; readonly reverse: boolean };
  /** A [B, N, N] -> L [B, N, N], lower triangular, with A = L Lᵀ; reads the lower triangle. NaN if there is none. */
  cholesky: Record<never, never>;
  /**
   * A [B, N, N] -> [B, N, N + 1]: the factors of P A = L U by partial pivoting, L without its unit diagonal below U; and
   * as last column the row of A that each row of P A is.
   */
  lu: Record<never, never>;
  /** A [B, N, N] triangular, Y [B, N, K] -> X [B, N, K] with A X = Y; with `unit`, the diagonal counts as ones. */
  triangularSolve: { readonly upper: boolean; readonly unit: boolean };
  /** Aᵀ [B, N, M], N ≤ M -> [B, N, M + N]: of A = Q R by Householder's reflections, Qᵀ and behind it Rᵀ. */
  qr: Record<never, never>;
  /**
   * X [B, N, K] -> [B, N, K]: rows rotated by each other until the first `length` elements of them are orthogonal, in
   * the order of falling norms of these.
   */
  jacobi: { readonly length: number };
}

export type StructuralName = keyof StructuralAttrs;
export type OpName = StructuralName | ScalarName;
export type AttrsOf<K extends OpName> = K extends StructuralName ? StructuralAttrs[K] : Record<never, never>;

export interface Node<K extends OpName = OpName> {
  readonly id: number;
  readonly op: K;
  readonly inputs: readonly Node[];
  readonly attrs: AttrsOf<K>;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Module path and role that created the node, for profiles; not part of keys or comparisons. */
  readonly origin: Origin;
  /** The storage of a leaf's value, opaque to the graph; null if it has none. */
  readonly storage: object | null;
  /** The owner of the values that it is computed from; null if all of them are constants. */
  readonly owner: Owner | null;
}

/** The owner of values (a context); values of two owners cannot be combined. */
export interface Owner {
  readonly name: string;
}

/** The common owner of the inputs. @throws ContextError if there are two */
function ownerOf(op: OpName, inputs: readonly Node[]): Owner | null {
  let owner: Owner | null = null;
  for (let i = 0; i < inputs.length; i++) {
    const other = inputs[i].owner;
    if (other === owner || other === null) continue;
    if (owner !== null) throw mixedOwners(op, owner, other);
    owner = other;
  }
  return owner;
}

/** The error for an op that combines values of two owners. */
export function mixedOwners(what: string, one: Owner, other: Owner): ContextError {
  return new ContextError(`[${what}] combines values of the contexts "${one.name}" and "${other.name}"`, {
    hint: "Build each model within its own context, and pass values between contexts as data",
  });
}

let nextId = 1;

/** Creates a node without checks; `graph` in `ops/` builds checked nodes. */
export function createNode<K extends OpName>(
  op: K,
  inputs: readonly Node[],
  attrs: AttrsOf<K>,
  shape: Shape,
  dtype: DType,
  origin: Origin = currentOrigin(),
): Node<K> {
  return { id: nextId++, op, inputs, attrs, shape, dtype, origin, storage: null, owner: ownerOf(op, inputs) };
}

const NO_INPUTS: readonly Node[] = [];

/** Creates a leaf: a value from outside the graph. */
export function createLeaf(
  shape: Shape,
  dtype: DType,
  storage: object | null = null,
  owner: Owner | null = null,
): Node<"leaf"> {
  const id = nextId++;
  return { id, op: "leaf", inputs: NO_INPUTS, attrs: { id }, shape, dtype, origin: currentOrigin(), storage, owner };
}

export const isOp = <K extends OpName>(node: Node, op: K): node is Node<K> => node.op === op;
export const sizeOfShape = (shape: Shape): number => shape.reduce((size, extent) => size * extent, 1);
export const sameShape = (a: Shape, b: Shape): boolean =>
  a === b || (a.length === b.length && a.every((x, i) => x === b[i]));
export const formatShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/**
 * All nodes that the roots depend on, inputs before users (depth-first post-order). The inputs of a node for which
 * `stop` holds are not followed. Iterative, so that long chains do not overflow the stack.
 */
export function topological(roots: readonly Node[], stop?: (node: Node) => boolean): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  /** The current path from a root, and the next input of each node on it. */
  const path: Node[] = [];
  const next: number[] = [];
  const enter = (node: Node): void => {
    seen.add(node);
    path.push(node);
    next.push(stop?.(node) ? node.inputs.length : 0);
  };
  for (const root of roots) {
    if (seen.has(root)) continue;
    enter(root);
    while (path.length > 0) {
      const last = path.length - 1;
      const { inputs } = path[last];
      if (next[last] < inputs.length) {
        const input = inputs[next[last]++];
        if (!seen.has(input)) enter(input);
        continue;
      }
      order.push(path[last]);
      path.pop();
      next.pop();
    }
  }
  return order;
}
