/**
 * Records of the movements: ops that rename coordinates and compute nothing. Each says where an output element comes
 * from; fusion, layouts and printing all rest on that one function.
 */
import {
  formatShape,
  type Node,
  type Shape,
  type StructuralName,
  sameShape,
  sizeOfShape,
  type WindowAxis,
} from "../ir/graph.js";
import * as ix from "../ir/index-math.js";
import { ShapeError } from "../util/errors.js";
import { checkSameSize, permute, reduceSum, reshape } from "./helpers.js";
import type { Builder, StructuralRecord, Typed } from "./record.js";

function wantedShape(op: string, wanted: Partial<Typed>): Shape {
  if (!wanted.shape) throw new ShapeError(`[${op}] needs the resulting shape`);
  return wanted.shape;
}

/** Output positions of a window along an axis of the given length. */
const windowCount = (length: number, { size, stride, dilation }: WindowAxis): number =>
  Math.floor((length - dilation * (size - 1) - 1) / stride) + 1;

const reshapeRecord: StructuralRecord<"reshape"> = {
  kind: "movement",
  type: ([x], _, wanted) => {
    const shape = wantedShape("reshape", wanted);
    checkSameSize("reshape", x.shape, shape);
    return { shape, dtype: x.dtype };
  },
  gradient: (e, g, node) => [reshape(e, g, node.inputs[0].shape)],
  sources: (node, at) => {
    const inner = node.inputs[0].shape;
    return [{ input: 0, coordinates: reshapeCoordinates(at, node.shape, inner), guard: [] }];
  },
};

/**
 * The coordinates in the operand of a reshape. Groups of axes with equal products are converted separately, so that the
 * coordinates of axes that the reshape keeps are unchanged.
 */
export function reshapeCoordinates(at: readonly ix.Index[], outer: Shape, inner: Shape): ix.Index[] {
  // An empty tensor has no elements to read, and its axes cannot be grouped by products.
  if (inner.includes(0)) return inner.map(() => ix.zero);
  const result: ix.Index[] = [];
  let i = 0;
  let j = 0;
  while (i < outer.length || j < inner.length) {
    const startI = i;
    const startJ = j;
    let a = i < outer.length ? outer[i++] : 1;
    let b = j < inner.length ? inner[j++] : 1;
    while (a !== b) {
      if (a < b && i < outer.length) a *= outer[i++];
      else if (j < inner.length) b *= inner[j++];
      else a *= outer[i++];
    }
    const innerGroup = inner.slice(startJ, j);
    const outerGroup = outer.slice(startI, i);
    if (innerGroup.length === 1 && outerGroup.length === 1) result.push(at[startI]);
    else result.push(...ix.unflatten(ix.flatten(at.slice(startI, i), outerGroup), innerGroup));
  }
  return result;
}

const permuteRecord: StructuralRecord<"permute"> = {
  kind: "movement",
  type: ([x], { order }) => ({ shape: order.map((axis) => x.shape[axis]), dtype: x.dtype }),
  gradient: (e, g, node) => [permute(e, g, inverse(node.attrs.order))],
  sources: (node, at) => [{ input: 0, coordinates: inverse(node.attrs.order).map((axis) => at[axis]), guard: [] }],
};

const inverse = (order: readonly number[]): number[] => order.map((_, axis) => order.indexOf(axis));

const expandRecord: StructuralRecord<"expand"> = {
  kind: "movement",
  type: ([x], _, wanted) => {
    const shape = wantedShape("expand", wanted);
    if (x.shape.length !== shape.length || x.shape.some((n, axis) => n !== shape[axis] && n !== 1)) {
      throw new ShapeError(`[expand] ${formatShape(x.shape)} does not expand to ${formatShape(shape)}`);
    }
    return { shape, dtype: x.dtype };
  },
  gradient: (e, g, node) => {
    const inner = node.inputs[0].shape;
    const axes = inner.flatMap((extent, axis) => (extent === node.shape[axis] ? [] : [axis]));
    return [reshape(e, reduceSum(e, g, axes), inner)];
  },
  sources: (node, at) => [
    { input: 0, coordinates: node.inputs[0].shape.map((n, axis) => (n === 1 ? ix.zero : at[axis])), guard: [] },
  ],
};

const sliceRecord: StructuralRecord<"slice"> = {
  kind: "movement",
  type: ([x], { start, step }, wanted) => {
    const shape = wantedShape("slice", wanted);
    const bad = shape.findIndex((n, axis) => {
      const last = start[axis] + (n - 1) * step[axis];
      return n > 0 && (start[axis] < 0 || start[axis] >= x.shape[axis] || last < 0 || last >= x.shape[axis]);
    });
    if (bad >= 0) throw new ShapeError(`[slice] leaves axis ${bad} of ${formatShape(x.shape)}`);
    return { shape, dtype: x.dtype };
  },
  gradient: (e, g, node) => {
    const inner = node.inputs[0].shape;
    const { start, step } = node.attrs;
    // The adjoint in three steps: reverse axes of negative step, insert the zeros of larger steps, pad.
    let y = g;
    const reversed = step.map((s) => s < 0);
    if (reversed.some(Boolean)) {
      const flip = { start: y.shape.map((n, i) => (reversed[i] ? n - 1 : 0)), step: reversed.map((r) => (r ? -1 : 1)) };
      y = e.make("slice", [y], flip, { shape: y.shape });
    }
    const first = start.map((s, i) => (reversed[i] ? s + (node.shape[i] - 1) * step[i] : s));
    y = spread(e, y, step.map(Math.abs));
    return [e.make("pad", [y], { before: first, value: 0 }, { shape: inner })];
  },
  sources: (node, at) => {
    const { start, step } = node.attrs;
    const coordinates = at.map((c, axis) => ix.plus(ix.scale(c, step[axis]), start[axis]));
    return [{ input: 0, coordinates, guard: [] }];
  },
};

/** Inserts step − 1 zeros between neighbours: [L] -> [(L − 1) step + 1]. */
export function spread(e: Builder, x: Node, step: readonly number[]): Node {
  let y = x;
  step.forEach((s, axis) => {
    if (s === 1 || y.shape[axis] <= 1) return;
    const length = y.shape[axis];
    const head = y.shape.slice(0, axis);
    const tail = y.shape.slice(axis + 1);
    const column = reshape(e, y, [...head, length, 1, ...tail]);
    const before = new Array<number>(column.shape.length).fill(0);
    const padded = e.make("pad", [column], { before, value: 0 }, { shape: [...head, length, s, ...tail] });
    const joined = reshape(e, padded, [...head, length * s, ...tail]);
    const none = joined.shape.map(() => 0);
    const ones = joined.shape.map(() => 1);
    y = e.make("slice", [joined], { start: none, step: ones }, { shape: [...head, (length - 1) * s + 1, ...tail] });
  });
  return y;
}

/** Number of elements of a node without the zeros that {@link spread} or a pad has inserted. */
export function spreadSize(node: Node): number {
  let size = sizeOfShape(node.shape);
  for (let x = node; x.op === "pad" || x.op === "reshape" || x.op === "slice"; x = x.inputs[0]) {
    size = Math.min(size, sizeOfShape(x.inputs[0].shape));
  }
  return size;
}

const padRecord: StructuralRecord<"pad"> = {
  kind: "movement",
  type: ([x], { before }, wanted) => {
    const shape = wantedShape("pad", wanted);
    if (shape.some((n, axis) => before[axis] < 0 || before[axis] + x.shape[axis] > n)) {
      throw new ShapeError(
        `[pad] ${formatShape(x.shape)} with ${formatShape(before)} before exceeds ${formatShape(shape)}`,
      );
    }
    return { shape, dtype: x.dtype };
  },
  gradient: (e, g, node) => {
    const { before } = node.attrs;
    return [e.make("slice", [g], { start: before, step: before.map(() => 1) }, { shape: node.inputs[0].shape })];
  },
  combine: "first",
  sources: (node, at) => {
    const inner = node.inputs[0].shape;
    const coordinates = at.map((c, axis) => ix.plus(c, -node.attrs.before[axis]));
    return [{ input: 0, coordinates, guard: coordinates.map((index, axis) => ({ index, extent: inner[axis] })) }];
  },
};

const concatRecord: StructuralRecord<"concat"> = {
  kind: "movement",
  type: (inputs, { axis }) => {
    const [first] = inputs;
    for (const x of inputs) {
      if (x.shape.length !== first.shape.length || x.shape.some((n, i) => i !== axis && n !== first.shape[i])) {
        throw new ShapeError(
          `[concat] ${formatShape(first.shape)} and ${formatShape(x.shape)} differ beside axis ${axis}`,
        );
      }
    }
    const total = inputs.reduce((sum, x) => sum + x.shape[axis], 0);
    return { shape: first.shape.map((n, i) => (i === axis ? total : n)), dtype: first.dtype };
  },
  gradient: (e, g, node) => {
    const { axis } = node.attrs;
    let at = 0;
    return node.inputs.map((x) => {
      const start = x.shape.map((_, i) => (i === axis ? at : 0));
      at += x.shape[axis];
      return e.make("slice", [g], { start, step: start.map(() => 1) }, { shape: x.shape });
    });
  },
  combine: "first",
  sources: (node, at) => {
    const { axis } = node.attrs;
    let start = 0;
    return node.inputs.map((x, input) => {
      const coordinates = at.map((c, i) => (i === axis ? ix.plus(c, -start) : c));
      start += x.shape[axis];
      return { input, coordinates, guard: [{ index: coordinates[axis], extent: x.shape[axis] }] };
    });
  },
};

const windowRecord: StructuralRecord<"window"> = {
  kind: "movement",
  type: ([x], { axes }) => {
    const shape = [...x.shape];
    for (const window of axes) shape[window.axis] = windowCount(x.shape[window.axis], window);
    if (shape.some((n) => n < 1) && x.shape.every((n) => n > 0)) {
      throw new ShapeError(`[window] does not fit into ${formatShape(x.shape)}`);
    }
    return { shape: [...shape, ...axes.map(({ size }) => size)], dtype: x.dtype };
  },
  gradient: (e, g, node) => [e.make("fold", [g], node.attrs, { shape: node.inputs[0].shape })],
  sources: (node, at) => {
    const rank = node.inputs[0].shape.length;
    const coordinates = at.slice(0, rank);
    node.attrs.axes.forEach(({ axis, stride, dilation }, i) => {
      coordinates[axis] = ix.add(ix.scale(at[axis], stride), ix.scale(at[rank + i], dilation));
    });
    return [{ input: 0, coordinates, guard: [] }];
  },
};

/** The (output, tap) pairs of a window that may read position p, each with its guard. */
function readers(p: ix.Index, { size, stride, dilation }: WindowAxis, count: number) {
  if (dilation === 1) {
    return Array.from({ length: Math.ceil(size / stride) }, (_, j) => {
      const output = ix.plus(ix.div(p, stride), -j);
      const tap = ix.plus(ix.mod(p, stride), j * stride);
      return {
        output,
        tap,
        guard: [
          { index: output, extent: count },
          { index: tap, extent: size },
        ],
      };
    });
  }
  return Array.from({ length: size }, (_, k) => {
    const start = ix.plus(p, -k * dilation);
    const guard: ix.Bound[] = [
      { index: start, extent: (count - 1) * stride + 1 },
      { index: ix.mod(start, stride), extent: 1 },
    ];
    return { output: ix.div(start, stride), tap: ix.constant(k), guard };
  });
}

const foldRecord: StructuralRecord<"fold"> = {
  kind: "movement",
  type: ([x], { axes }, wanted) => {
    const shape = wantedShape("fold", wanted);
    const window = windowRecord.type([{ ...x, shape }], { axes }, {});
    if (!sameShape(window.shape, x.shape))
      throw new ShapeError(`[fold] ${formatShape(x.shape)} does not fold to ${formatShape(shape)}`);
    return { shape, dtype: x.dtype };
  },
  gradient: (e, g, node) => [e.make("window", [g], node.attrs)],
  combine: "sum",
  sources: (node, at) => {
    const rank = node.shape.length;
    const inner = node.inputs[0].shape;
    let found = [{ coordinates: [...at, ...node.attrs.axes.map(() => ix.zero)], guard: [] as ix.Bound[] }];
    node.attrs.axes.forEach((window, i) => {
      found = found.flatMap(({ coordinates, guard }) =>
        readers(at[window.axis], window, inner[window.axis]).map((reader) => {
          const next = [...coordinates];
          next[window.axis] = reader.output;
          next[rank + i] = reader.tap;
          return { coordinates: next, guard: [...guard, ...reader.guard] };
        }),
      );
    });
    return found.map((source) => ({ input: 0, ...source }));
  },
};

export const movementRecords = {
  reshape: reshapeRecord,
  permute: permuteRecord,
  expand: expandRecord,
  slice: sliceRecord,
  pad: padRecord,
  concat: concatRecord,
  window: windowRecord,
  fold: foldRecord,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
