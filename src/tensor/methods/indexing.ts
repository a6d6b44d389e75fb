/** Selection of elements by position. */
import { graph } from "../../ops/index.js";
import { takes } from "../../util/arguments.js";
import { number } from "../../util/kinds.js";
import { axisOf } from "../check.js";
import { dimKind } from "../kinds.js";
import type { DimOptions, SliceOptions } from "../options.js";
import * as shapes from "../shapes.js";
import type { Tensor } from "../tensor.js";
import { tensorKind } from "./core.js";
import { Movement } from "./movement.js";

export abstract class Indexing extends Movement {
  /** Every `step`-th of the elements start ≤ i < end along an axis; negative positions count from its end. */
  slice(dim: number, start: number, end: number, { step = 1 }: SliceOptions = {}): Tensor {
    return this.make(shapes.slice(this.node, dim, start, end, step));
  }
  /** Selects one position of an axis and removes the axis. */
  select(dim: number, index: number): Tensor {
    return this.make(shapes.select(this.node, dim, index));
  }
  /** Rows along an axis, in the order of i32 `indices` of any shape; an index out of range gives NaN. */
  take(indices: Tensor, { dim = 0 }: DimOptions = {}): Tensor {
    return this.make(shapes.take(this.node, indices.node, dim));
  }
  /** Elements along an axis at i32 positions of the same rank, as torch.gather. */
  gather(dim: number, index: Tensor): Tensor {
    return this.make(graph.make("gather", [this.node, index.node], { axis: axisOf("gather", dim, this.shape) }));
  }
}

export const indexingParameters = {
  slice: takes<SliceOptions>({ dim: dimKind, start: number, end: number }, { step: number }),
  select: takes({ dim: dimKind, index: number }),
  take: takes<DimOptions>({ indices: tensorKind }, { dim: dimKind }),
  gather: takes({ dim: dimKind, index: tensorKind }),
};
