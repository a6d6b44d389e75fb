/** Methods that move elements and compute none: other shapes, other orders, padding. */
import { formatShape, type Shape } from "../../ir/graph.js";
import { graph, helpers } from "../../ops/index.js";
import { takes } from "../../util/arguments.js";
import { ConfigError } from "../../util/errors.js";
import { count, either, list, number, optional, shape, whole } from "../../util/kinds.js";
import { axesOf, axisOf, located, shapeError } from "../check.js";
import { dimKind, dimsKind } from "../kinds.js";
import type {
  DiagonalOptions,
  DiagonalPlaneOptions,
  DimOptions,
  FlattenOptions,
  PadOptions,
  Rot90Options,
} from "../options.js";
import * as shapes from "../shapes.js";
import type { Tensor } from "../tensor.js";
import { ElementFunctions } from "./math.js";

export abstract class Movement extends ElementFunctions {
  /** The same elements in another shape; one size may be −1. */
  reshape(shape: Shape): Tensor {
    return this.make(shapes.reshape(this.node, shape));
  }
  /** Merges axes `startDim` to `endDim` into one; by default all. */
  flatten({ startDim = 0, endDim = -1 }: FlattenOptions = {}): Tensor {
    return this.make(shapes.flatten(this.node, startDim, endDim));
  }
  /** Swaps two axes; without arguments the last two. */
  transpose(): Tensor;
  transpose(dim0: number, dim1: number): Tensor;
  transpose(dim0?: number, dim1?: number): Tensor {
    if ((dim0 === undefined) !== (dim1 === undefined)) {
      throw new ConfigError(located("transpose", "got one axis"), { hint: "Give both: transpose(dim0, dim1)" });
    }
    if (this.rank < 2) throw shapeError("transpose", `needs two axes, got ${formatShape(this.shape)}`);
    const [a, b] = [axisOf("transpose", dim0 ?? -2, this.shape), axisOf("transpose", dim1 ?? -1, this.shape)];
    return this.make(helpers.swap(graph, this.node, a, b));
  }
  /** Reorders the axes. */
  permute(dims: readonly number[]): Tensor {
    return this.make(shapes.permute(this.node, dims));
  }
  /** Inserts an axis of size 1. */
  unsqueeze(dim: number): Tensor {
    return this.make(shapes.unsqueeze(this.node, dim));
  }
  /** Removes an axis of size 1; by default all of them. */
  squeeze({ dim }: DimOptions = {}): Tensor {
    return this.make(shapes.squeeze(this.node, dim));
  }
  /** Repeats axes of size 1 to fill `shape`; −1 keeps a size. */
  expand(shape: Shape): Tensor {
    return this.make(shapes.expand(this.node, shape));
  }
  /** Pads with a value, by default 0: one [before, after] pair per axis. */
  pad(pads: readonly (readonly [number, number])[], { value = 0 }: PadOptions = {}): Tensor {
    return this.make(shapes.pad(this.node, pads, value));
  }
  /** Reverses one axis, or several. */
  flip(dims: number | readonly number[]): Tensor {
    const axes = axesOf("flip", dims, this.shape);
    return this.make(axes.reduce(shapes.flip, this.node));
  }
  /** Moves elements along an axis by some places (or several axes); what leaves at its end comes in at its begin. */
  roll(shifts: number | readonly number[], dims: number | readonly number[]): Tensor {
    const [by, axes] = [[shifts].flat(), axesOf("roll", dims, this.shape)];
    if (by.length !== axes.length) throw shapeError("roll", `got ${by.length} shifts for ${axes.length} axes`);
    return this.make(axes.reduce((x, axis, i) => shapes.roll(x, axis, by[i]), this.node));
  }
  /** Turns the plane of two axes, by default the first two, by quarter turns from the first towards the second. */
  rot90({ k = 1, dims = [0, 1] }: Rot90Options = {}): Tensor {
    const [a, b] = axesOf("rot90", dims, this.shape);
    const turns = ((k % 4) + 4) % 4;
    if (turns === 0) return this.self;
    if (turns === 2) return this.flip([a, b]);
    return turns === 1 ? this.flip(b).transpose(a, b) : this.transpose(a, b).flip(b);
  }
  /** Parts of a size along an axis, the last of which may be shorter; or parts of the given sizes. */
  split(size: number | readonly number[], { dim = 0 }: DimOptions = {}): Tensor[] {
    return shapes.split(this.node, size, dim).map((node) => this.make(node));
  }
  /** At most so many parts along an axis, of equal size but for the last one. */
  chunk(chunks: number, { dim = 0 }: DimOptions = {}): Tensor[] {
    const length = this.shape[axisOf("chunk", dim, this.shape)];
    return this.split(Math.max(1, Math.ceil(length / chunks)), { dim });
  }
  /** The slices at all positions of an axis, without the axis. */
  unbind({ dim = 0 }: DimOptions = {}): Tensor[] {
    const axis = axisOf("unbind", dim, this.shape);
    return Array.from({ length: this.shape[axis] }, (_, i) => this.make(shapes.select(this.node, axis, i)));
  }
  /** Repeats the whole tensor so many times along each axis; missing leading axes are added, as torch.repeat. */
  repeat(counts: readonly number[]): Tensor {
    if (counts.length < this.rank) {
      throw shapeError(
        "repeat",
        `got ${counts.length} counts for ${formatShape(this.shape)}`,
        "Give one for each axis",
      );
    }
    return this.make(shapes.repeat("repeat", this.node, counts));
  }
  /** As {@link repeat}, where missing leading counts are 1. */
  tile(counts: readonly number[]): Tensor {
    const missing = Math.max(0, this.rank - counts.length);
    return this.make(shapes.repeat("tile", this.node, [...new Array<number>(missing).fill(1), ...counts]));
  }
  /** Repeats each position of an axis so many times in a row. */
  repeatInterleave(repeats: number, { dim }: DimOptions = {}): Tensor {
    if (dim === undefined) return this.flatten().repeatInterleave(repeats, { dim: 0 });
    const axis = axisOf("repeatInterleave", dim, this.shape);
    const wide = [...this.shape.slice(0, axis + 1), repeats, ...this.shape.slice(axis + 1)];
    return this.unsqueeze(axis + 1)
      .expand(wide)
      .flatten({ startDim: axis, endDim: axis + 1 });
  }
  /** The elements on and below a diagonal of the last two axes, with zeros above it. */
  tril({ diagonal = 0 }: DiagonalOptions = {}): Tensor {
    return this.make(shapes.triangle("tril", this.node, diagonal));
  }
  /** The elements on and above a diagonal of the last two axes, with zeros below it. */
  triu({ diagonal = 0 }: DiagonalOptions = {}): Tensor {
    return this.make(shapes.triangle("triu", this.node, diagonal));
  }
  /** The matrix with this vector on a diagonal, or the diagonal of this matrix. */
  diag({ diagonal = 0 }: DiagonalOptions = {}): Tensor {
    return this.make(shapes.diag(this.node, diagonal));
  }
  /** The diagonals of the planes of two axes, by default the first two, as a last axis. */
  diagonal({ offset = 0, dim1 = 0, dim2 = 1 }: DiagonalPlaneOptions = {}): Tensor {
    return this.make(shapes.diagonal(this.node, offset, dim1, dim2));
  }
  /** Sliding windows along an axis: [.., L, ..] -> [.., ⌊(L − size) / step⌋ + 1, .., size]. */
  unfold(dim: number, size: number, step: number): Tensor {
    return this.make(shapes.windows(this.node, dim, size, step));
  }
  /** Moves an axis to another place. */
  movedim(source: number, destination: number): Tensor {
    const [from, to] = [axisOf("movedim", source, this.shape), axisOf("movedim", destination, this.shape)];
    const order = this.shape.map((_, axis) => axis).filter((axis) => axis !== from);
    return this.permute([...order.slice(0, to), from, ...order.slice(to)]);
  }
}

const oneDim = takes({ dim: dimKind });
const diagonals = takes<DiagonalOptions>({}, { diagonal: whole });

export const movementParameters = {
  reshape: takes({ shape }),
  flatten: takes<FlattenOptions>({}, { startDim: dimKind, endDim: dimKind }),
  transpose: takes({ dim0: optional(dimKind), dim1: optional(dimKind) }),
  permute: takes({ dims: list(number, "an array of axes") }),
  unsqueeze: oneDim,
  squeeze: takes<DimOptions>({}, { dim: dimKind }),
  expand: takes({ shape }),
  pad: takes<PadOptions>(
    { pads: list(list(number, "a pair"), "an array of [before, after] pairs") },
    { value: number },
  ),
  flip: takes({ dims: dimsKind }),
  roll: takes({ shifts: dimsKind, dims: dimsKind }),
  rot90: takes<Rot90Options>({}, { k: whole, dims: list(dimKind, "a pair of axes") }),
  split: takes<DimOptions>({ size: either(count(), list(count(0), "an array of sizes")) }, { dim: dimKind }),
  chunk: takes<DimOptions>({ chunks: count() }, { dim: dimKind }),
  unbind: takes<DimOptions>({}, { dim: dimKind }),
  repeat: takes({ counts: list(count(0), "an array of counts") }),
  tile: takes({ counts: list(count(0), "an array of counts") }),
  repeatInterleave: takes<DimOptions>({ repeats: count(0) }, { dim: dimKind }),
  tril: diagonals,
  triu: diagonals,
  diag: diagonals,
  diagonal: takes<DiagonalPlaneOptions>({}, { offset: whole, dim1: dimKind, dim2: dimKind }),
  unfold: takes({ dim: dimKind, size: count(), step: count() }),
  movedim: takes({ source: dimKind, destination: dimKind }),
};
