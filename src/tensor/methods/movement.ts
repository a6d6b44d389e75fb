/** Methods that move elements and compute none: other shapes, other orders, padding. */
import { formatShape, type Shape } from "../../ir/graph.js";
import { graph, helpers } from "../../ops/index.js";
import { takes } from "../../util/arguments.js";
import { ConfigError } from "../../util/errors.js";
import { list, number, optional, shape } from "../../util/kinds.js";
import { axisOf, located, shapeError } from "../check.js";
import { dimKind } from "../kinds.js";
import type { DimOptions, FlattenOptions, PadOptions } from "../options.js";
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
  /** Reverses an axis. */
  flip(dim: number): Tensor {
    return this.make(shapes.flip(this.node, dim));
  }
}

const oneDim = takes({ dim: dimKind });

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
  flip: oneDim,
};
