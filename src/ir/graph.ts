/**
 * The graph: immutable nodes. A node names its op, its inputs and attributes, and its result's shape and dtype. This
 * file knows which attributes each structural op has, but not what any op means (that is in the op records).
 */
import { ContextError } from "../util/errors.js";
import { currentOrigin, type Origin } from "../util/scope.js";
import type { DType } from "./dtype.js";
import type { ScalarName } from "./scalar.js";

export type Shape = readonly number[];
/** One number for the height and one for the width of an image. */
export type Pair = readonly [number, number];
export type ReduceKind = "sum" | "max" | "min" | "prod";

/** Results along a side of the tiles of Winograd's convolution. */
export type WinogradTile = 2 | 4;

export interface ConvAttrs {
  readonly stride: Pair;
  /** Zeros before the first and after the last row and column; negative values crop. */
  readonly before: Pair;
  readonly after: Pair;
  readonly dilation: Pair;
  readonly groups: number;
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
  /** Storage that the program is given: an input, a realised value, a cell. */
  leaf: { readonly id: number };
  const: { readonly value: number };
  /** The position along an axis, as i32. */
  iota: { readonly axis: number };
  cast: Record<never, never>;
  /** The same values, without a gradient. */
  detach: Record<never, never>;
  /** The same values, stored: a fusion boundary. */
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
  /** With ties "first", the gradient of an extremum along one axis goes to the first of equals, else it is shared. */
  reduce: { readonly kind: ReduceKind; readonly axes: readonly number[]; readonly ties?: "first" };
  /** Σ (x − mean)² / divisor over axes, which stay with size 1. */
  variance: { readonly axes: readonly number[]; readonly divisor: number };
  argmax: { readonly axis: number };
  /** Sums over bands of rows: [N, C, H, W] -> [N · ⌈H / rows⌉, C]. */
  bandSum: { readonly rows: number };
  /** Mean, and Σ (x − mean)², over bands of rows: [N, C, H, W] -> [2, N · ⌈H / rows⌉, C]. */
  bandMoments: { readonly rows: number };
  /** [B, M, K] · [B, K, N] -> [B, M, N] */
  matmul: Record<never, never>;
  /** [N, C, H, W], [O, C/g, Kh, Kw] -> [N, O, Ho, Wo] */
  conv2d: ConvAttrs;
  /** dy [N, O, Ho, Wo], weights [C, O/g, Kh, Kw] -> dx [N, C, H, W] of a convolution with strides; `size` is H, W. */
  convInputGrad: ConvAttrs & { readonly size: Pair };
  /** x [N, C, H, W], dy [N, O, Ho, Wo] -> [P, O, C/g, Kh, Kw]: P partial sums over the images, cut in order. */
  convWeightGrad: ConvAttrs & { readonly kernel: Pair; readonly pieces: number };
  /** Filters [O, C, 3, 3] -> [O, C, T + 2, T + 2], as Winograd's convolution in tiles of T × T results needs them. */
  winogradFilter: { readonly tile: WinogradTile };
  /**
   * [N, C, H, W], filters [O, C, T + 2, T + 2] -> [N, O, Ho, Wo]: a 3 × 3 convolution of stride 1 in tiles of T × T
   * results.
   */
  winogradConv2d: ConvAttrs & { readonly tile: WinogradTile };
  /** convWeightGrad of a 3 × 3 convolution of stride 1, in the same tiles. */
  winogradWeightGrad: ConvAttrs & { readonly pieces: number; readonly tile: WinogradTile };
  /** Picks along an axis: x [.., K, ..], indices [.., J, ..] -> [.., J, ..] */
  gather: { readonly axis: number };
  /** Adjoint of gather. */
  scatterAdd: { readonly axis: number };
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
  /** Who asked for it, for profiles: no part of what it computes, and of no key or comparison. */
  readonly origin: Origin;
  /** Where the value of a leaf is kept, if it has one: the graph does not look inside. */
  readonly held: object | null;
  /** Where the values that it is computed from live; null if all of them are constants. */
  readonly home: Home | null;
}

/** Something that keeps values and computes with them: values of two homes cannot be combined. */
export interface Home {
  readonly name: string;
}

/** @throws ContextError if the inputs live in different homes */
function homeOf(op: OpName, inputs: readonly Node[]): Home | null {
  let home: Home | null = null;
  for (let i = 0; i < inputs.length; i++) {
    const other = inputs[i].home;
    if (other === home || other === null) continue;
    if (home !== null) throw twoHomes(op, home, other);
    home = other;
  }
  return home;
}

/** The error of combining values of two homes. */
export function twoHomes(what: string, one: Home, other: Home): ContextError {
  return new ContextError(`[${what}] combines values of the contexts "${one.name}" and "${other.name}"`, {
    hint: "Build each model within its own context, and pass values between contexts as data",
  });
}

let nextId = 1;

/** A node as it is; the checked way to build one is `graph` in `ops/`. */
export function createNode<K extends OpName>(
  op: K,
  inputs: readonly Node[],
  attrs: AttrsOf<K>,
  shape: Shape,
  dtype: DType,
  origin: Origin = currentOrigin(),
): Node<K> {
  return { id: nextId++, op, inputs, attrs, shape, dtype, origin, held: null, home: homeOf(op, inputs) };
}

const NO_INPUTS: readonly Node[] = [];

/** Storage from outside the graph. */
export function createLeaf(
  shape: Shape,
  dtype: DType,
  held: object | null = null,
  home: Home | null = null,
): Node<"leaf"> {
  const id = nextId++;
  return { id, op: "leaf", inputs: NO_INPUTS, attrs: { id }, shape, dtype, origin: currentOrigin(), held, home };
}

export const isOp = <K extends OpName>(node: Node, op: K): node is Node<K> => node.op === op;
export const sizeOfShape = (shape: Shape): number => shape.reduce((size, extent) => size * extent, 1);
export const sameShape = (a: Shape, b: Shape): boolean =>
  a === b || (a.length === b.length && a.every((x, i) => x === b[i]));
export const formatShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/**
 * Every node that the roots need, inputs before users, in the order of a depth-first search; nothing below a node for
 * which `stop` holds. Iterative, so that long chains do not exhaust the stack.
 */
export function topological(roots: readonly Node[], stop?: (node: Node) => boolean): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  /** The nodes on the way from a root, and which input of each comes next. */
  const way: Node[] = [];
  const next: number[] = [];
  const enter = (node: Node): void => {
    seen.add(node);
    way.push(node);
    next.push(stop?.(node) ? node.inputs.length : 0);
  };
  for (const root of roots) {
    if (seen.has(root)) continue;
    enter(root);
    while (way.length > 0) {
      const last = way.length - 1;
      const { inputs } = way[last];
      if (next[last] < inputs.length) {
        const input = inputs[next[last]++];
        if (!seen.has(input)) enter(input);
        continue;
      }
      order.push(way[last]);
      way.pop();
      next.pop();
    }
  }
  return order;
}
