/**
 * Where a direct convolution reads and writes, axis by axis. Forward, every result reads taps a stride apart. The input
 * gradient of a strided convolution falls into phases, one for each remainder of the position by the stride: within
 * one, results a stride apart read neighbours of dy by the few taps that meet them, and nothing is multiplied by zero.
 * Pure index arithmetic; knows no loops.
 */
import { type ConvAttrs, isOp, type Node, type Pair } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";

/** One axis of the results of a phase: result p is at scale · p + offset. */
interface AxisTraversal {
  readonly taps: number;
  /**
   * The row of the copy that result p of the band reads at tap t of the phase, and the number of that tap in the
   * kernel.
   */
  readonly read: (p: ix.Index, t: ix.Index) => ix.Index;
  readonly weight: (t: ix.Index) => ix.Index;
  readonly scale: number;
  readonly offset: number;
}

interface Axis {
  /** Results of a traversal. */
  readonly size: number;
  readonly traversals: readonly AxisTraversal[];
  /** Rows of the image that `count` results read, and the first of them. */
  readonly extent: (count: number) => number;
  readonly source: (first: ix.Index) => ix.Index;
}

export interface Traversal {
  readonly axes: readonly [Axis, Axis];
  /** All pairs of a traversal of rows and one of columns. */
  readonly phases: readonly (readonly [AxisTraversal, AxisTraversal])[];
}

/** Input rows (or columns) that `count` outputs read. */
export const extentOf = (count: number, kernel: number, axis: 0 | 1, { stride, dilation }: ConvAttrs): number =>
  (count - 1) * stride[axis] + dilation[axis] * (kernel - 1) + 1;

function forward(size: number, kernel: number, axis: 0 | 1, attrs: ConvAttrs): Axis {
  const [stride, dilation, before] = [attrs.stride[axis], attrs.dilation[axis], attrs.before[axis]];
  const traversal: AxisTraversal = {
    taps: kernel,
    read: (p, t) => ix.add(ix.scale(p, stride), ix.scale(t, dilation)),
    weight: (t) => t,
    scale: 1,
    offset: 0,
  };
  return {
    size,
    traversals: [traversal],
    extent: (count) => extentOf(count, kernel, axis, attrs),
    source: (first) => ix.plus(ix.scale(first, stride), -before),
  };
}

/** Position y = s · p + a of dx reads dy at p + (a + before − d · t) / s, for the taps t that leave no remainder. */
function backward(length: number, kernel: number, axis: 0 | 1, attrs: ConvAttrs): Axis {
  const [stride, dilation, before] = [attrs.stride[axis], attrs.dilation[axis], attrs.before[axis]];
  const phases = Array.from({ length: Math.min(stride, length) }, (_, offset) => {
    const reached = (t: number) => (offset + before - dilation * t) / stride;
    const taps = Array.from({ length: kernel }, (__, t) => t).filter((t) => Number.isInteger(reached(t)));
    return { offset, taps, reads: taps.map(reached) };
  });
  const reads = phases.flatMap((phase) => phase.reads);
  const [low, high] = reads.length > 0 ? [Math.min(...reads), Math.max(...reads)] : [0, 0];
  const traversals = phases.map(({ offset, taps, reads: rows }): AxisTraversal => {
    const [first = 0, second = first] = taps;
    const [start = low, next = start] = rows;
    return {
      taps: taps.length,
      read: (p, t) => ix.add(ix.plus(p, start - low), ix.scale(t, next - start)),
      weight: (t) => ix.plus(ix.scale(t, second - first), first),
      scale: stride,
      offset,
    };
  });
  return {
    size: Math.ceil(length / stride),
    traversals,
    extent: (count) => count + high - low,
    source: (first) => ix.plus(first, low),
  };
}

/** The traversal of rows and columns of a convolution, or of the input gradient of one. */
export function traversalOf(node: Node<"conv2d"> | Node<"convInputGrad">): Traversal {
  const kernel: Pair = [node.inputs[1].shape[2], node.inputs[1].shape[3]];
  const make = isOp(node, "conv2d") ? forward : backward;
  const axes = [make(node.shape[2], kernel[0], 0, node.attrs), make(node.shape[3], kernel[1], 1, node.attrs)] as const;
  return {
    axes,
    phases: axes[0].traversals.flatMap((row) => axes[1].traversals.map((column) => [row, column] as const)),
  };
}
