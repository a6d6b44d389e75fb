/** Selection of elements by position, and replacement of elements at positions. */
import { isFloat } from "../../ir/dtype.js";
import { formatShape, type ScatterKind } from "../../ir/graph.js";
import { graph } from "../../ops/index.js";
import { takes } from "../../util/arguments.js";
import { flag, list, number, word } from "../../util/kinds.js";
import { axisOf, shapeError } from "../check.js";
import { dimKind } from "../kinds.js";
import type { DimOptions, IndexPutOptions, ScatterReduceOptions, ScatterReduction, SliceOptions } from "../options.js";
import * as scatters from "../scatters.js";
import * as shapes from "../shapes.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { tensorKind, tensorLikeKind } from "./core.js";
import { Movement } from "./movement.js";

const REDUCTIONS: Readonly<Record<ScatterReduction, ScatterKind>> = {
  sum: "sum",
  prod: "prod",
  mean: "sum",
  amax: "max",
  amin: "min",
};

export abstract class Indexing extends Movement {
  /**
   * Every `step`-th of the elements start ≤ i < end along an axis, with a negative step of start ≥ i > end; negative
   * positions count from its end. With a negative step, an end of −∞ includes the first element.
   */
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
  /** Rows along an axis, in the order of a vector of i32 indices; an index out of range gives NaN. */
  indexSelect(dim: number, index: Tensor): Tensor {
    scatters.checkVector("indexSelect", index.node);
    return this.take(index, { dim });
  }
  /** Elements along an axis at i32 positions of the same rank, as torch.gather; a position out of range gives NaN. */
  gather(dim: number, index: Tensor): Tensor {
    return this.make(graph.make("gather", [this.node, index.node], { axis: axisOf("gather", dim, this.shape) }));
  }
  /**
   * Elements at positions given by one i32 tensor for each of the first axes, which broadcast to one shape: as
   * `x[i, j]` in PyTorch. Negative positions count from the end; those out of range give NaN.
   */
  index(indices: readonly Tensor[]): Tensor {
    return this.make(
      scatters.indexed(
        this.node,
        indices.map(({ node }) => node),
      ),
    );
  }

  /** Puts `source` (or a number) at i32 positions along an axis; of several for one place, the last one stays. */
  scatter(dim: number, index: Tensor, source: TensorLike): Tensor {
    return this.make(scatters.scatter("scatter", "set", this.node, dim, index.node, nodeOf(source)));
  }
  /** Adds `source` at i32 positions along an axis, in the order of the entries. */
  scatterAdd(dim: number, index: Tensor, source: TensorLike): Tensor {
    return this.make(scatters.scatter("scatterAdd", "sum", this.node, dim, index.node, nodeOf(source)));
  }
  /** Combines `source` with the elements at i32 positions along an axis. Ties of extrema divide the gradient equally. */
  scatterReduce(
    dim: number,
    index: Tensor,
    source: Tensor,
    reduce: ScatterReduction,
    { includeSelf = true }: ScatterReduceOptions = {},
  ): Tensor {
    const combine = (base: Tensor, kind: ScatterKind, x: TensorLike): Tensor =>
      this.make(scatters.scatter("scatterReduce", kind, base.node, dim, index.node, nodeOf(x)));
    const zeros = this.wrap(graph.typed(0, "i32", this.node));
    const hits = combine(zeros, "sum", 1);
    const start = includeSelf
      ? this.self
      : hits.ne(0).where(this.wrap(scatters.identity(reduce, this.node)), this.self);
    const result = combine(start, REDUCTIONS[reduce], source);
    if (reduce !== "mean") return result;
    const count = (includeSelf ? hits.add(1) : hits.maximum(1)).to(this.dtype);
    return isFloat(this.dtype) ? result.div(count) : result.div(count).floor().to(this.dtype);
  }
  /** Adds the rows of `source` to those at a vector of i32 positions along an axis. */
  indexAdd(dim: number, index: Tensor, source: Tensor): Tensor {
    return this.make(scatters.scatterRows("indexAdd", "sum", this.node, dim, index.node, source.node));
  }
  /** Puts the rows of `source` at a vector of i32 positions along an axis. */
  indexCopy(dim: number, index: Tensor, source: Tensor): Tensor {
    return this.make(scatters.scatterRows("indexCopy", "set", this.node, dim, index.node, source.node));
  }
  /** Fills the rows at a vector of i32 positions along an axis with a number. */
  indexFill(dim: number, index: Tensor, value: number): Tensor {
    return this.make(scatters.scatterRows("indexFill", "set", this.node, dim, index.node, value));
  }
  /**
   * Puts values at positions given by one i32 tensor for each of the first axes, as `x[i, j] = values` in PyTorch; of
   * several for one place, the last one stays. Negative positions count from the end; those out of range are ignored.
   */
  indexPut(indices: readonly Tensor[], values: TensorLike, { accumulate = false }: IndexPutOptions = {}): Tensor {
    const nodes = indices.map(({ node }) => node);
    return this.make(scatters.indexPut(this.node, nodes, nodeOf(values), accumulate ? "sum" : "set"));
  }
  /** The elements, with a number where the mask, which broadcasts to this shape, is true. */
  maskedFill(mask: Tensor, value: number): Tensor {
    return this.make(scatters.maskedFill(this.node, mask.node, value));
  }

  /**
   * Positions of the elements that are not zero, [count, rank] i32, in row-major order. The shape depends on values, so
   * it is computed now, and no compiled function can contain it.
   */
  async nonzero(): Promise<Tensor> {
    return this.wrap(scatters.positionsOf(await this.ne(0).data(), this.shape));
  }
  /**
   * The elements where the mask, which broadcasts to this shape, is true, in row-major order: a vector. Its length
   * depends on values, so the mask is computed now, and no compiled function can contain it.
   */
  async maskedSelect(mask: Tensor): Promise<Tensor> {
    const wide = mask.expand(this.shape);
    const taken = scatters.flatPositions(await wide.ne(0).data());
    return this.flatten().take(this.wrap(taken));
  }
  /**
   * The values that occur, in ascending order: a vector, with NaN last. Its length depends on values, so it is computed
   * now, and no compiled function can contain it.
   */
  async unique(): Promise<Tensor> {
    if (this.size === 0) throw shapeError("unique", `of no elements: ${formatShape(this.shape)}`);
    return this.wrap(scatters.uniqueOf(await this.data(), this.dtype));
  }
}

const nodeOf = (x: TensorLike) => (typeof x === "number" ? x : x.node);

const tensors = list(tensorKind, "an array of tensors");
const along = takes({ dim: dimKind, index: tensorKind, source: tensorLikeKind });
const rows = takes({ dim: dimKind, index: tensorKind, source: tensorKind });

export const indexingParameters = {
  slice: takes<SliceOptions>({ dim: dimKind, start: number, end: number }, { step: number }),
  select: takes({ dim: dimKind, index: number }),
  take: takes<DimOptions>({ indices: tensorKind }, { dim: dimKind }),
  indexSelect: takes({ dim: dimKind, index: tensorKind }),
  gather: takes({ dim: dimKind, index: tensorKind }),
  index: takes({ indices: tensors }),
  scatter: along,
  scatterAdd: along,
  scatterReduce: takes<ScatterReduceOptions>(
    {
      dim: dimKind,
      index: tensorKind,
      source: tensorKind,
      reduce: word(Object.keys(REDUCTIONS), { max: "amax", min: "amin" }),
    },
    { includeSelf: flag },
  ),
  indexAdd: rows,
  indexCopy: rows,
  indexFill: takes({ dim: dimKind, index: tensorKind, value: number }),
  indexPut: takes<IndexPutOptions>({ indices: tensors, values: tensorLikeKind }, { accumulate: flag }),
  maskedFill: takes({ mask: tensorKind, value: number }),
  nonzero: takes(),
  maskedSelect: takes({ mask: tensorKind }),
  unique: takes(),
};
