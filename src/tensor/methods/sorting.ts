/** Order of elements along an axis, and running sums, products and extrema. */
import { isFloat } from "../../ir/dtype.js";
import { formatShape, type Node, type ScanKind, sizeOfShape } from "../../ir/graph.js";
import { graph, helpers } from "../../ops/index.js";
import { takes } from "../../util/arguments.js";
import { ConfigError } from "../../util/errors.js";
import { count, flag, number } from "../../util/kinds.js";
import { axisOf, located, shapeError } from "../check.js";
import { asFloat } from "../elementwise.js";
import { dimKind } from "../kinds.js";
import type {
  KeepdimOptions,
  PositionOptions,
  RankOptions,
  SearchOptions,
  SortOptions,
  TopKOptions,
} from "../options.js";
import type { Tensor } from "../tensor.js";
import { tensorKind } from "./core.js";
import { Reduction } from "./reduction.js";

/** Elements along an axis, and where they were. */
export interface ValuesAndIndices {
  readonly values: Tensor;
  /** Positions along the axis, i32. */
  readonly indices: Tensor;
}

export abstract class Sorting extends Reduction {
  /** Positions that sort an axis, by default the last, as i32; equal elements keep their order, NaN is largest. */
  argsort({ dim = -1, descending = false }: SortOptions = {}): Tensor {
    const axis = axisOf("argsort", dim, this.shape);
    const moved = helpers.swap(graph, this.node, axis, this.rank - 1);
    const length = this.shape[axis];
    const rows = helpers.reshape(graph, moved, [length === 0 ? 0 : this.size / length, length]);
    const order = helpers.reshape(graph, graph.make("argsort", [rows], { descending }), moved.shape);
    return this.wrap(helpers.swap(graph, order, axis, this.rank - 1));
  }
  /** The elements of an axis, by default the last, in order, and their positions; the sort is stable, NaN is largest. */
  sort({ dim = -1, descending = false }: SortOptions = {}): ValuesAndIndices {
    axisOf("sort", dim, this.shape);
    const indices = this.argsort({ dim, descending });
    return { values: this.gather(dim, indices), indices };
  }
  /** The k largest elements of an axis, by default the last, in descending order, and their positions. */
  topk(k: number, { dim = -1, largest = true }: TopKOptions = {}): ValuesAndIndices {
    const axis = axisOf("topk", dim, this.shape);
    if (k > this.shape[axis]) {
      throw shapeError("topk", `k is ${k}, but axis ${dim} of ${formatShape(this.shape)} has ${this.shape[axis]}`);
    }
    const indices = this.argsort({ dim, descending: largest }).slice(axis, 0, k);
    return { values: this.gather(dim, indices), indices };
  }
  /** The k-th smallest element of an axis, by default the last, counted from 1, and its position. */
  kthvalue(k: number, { dim = -1, keepdim = false }: RankOptions = {}): ValuesAndIndices {
    const axis = axisOf("kthvalue", dim, this.shape);
    if (k > this.shape[axis]) {
      throw shapeError("kthvalue", `k is ${k}, but axis ${dim} of ${formatShape(this.shape)} has ${this.shape[axis]}`);
    }
    return this.atRank(axis, this.argsort({ dim }).slice(axis, k - 1, k), keepdim);
  }
  /** The lower median of an axis, by default the last, and its position; NaN if the axis has one. */
  median({ dim = -1, keepdim = false }: RankOptions = {}): ValuesAndIndices {
    const axis = axisOf("median", dim, this.shape);
    const length = this.shape[axis];
    if (length === 0) throw shapeError("median", `of no elements: ${formatShape(this.shape)}`);
    const order = this.argsort({ dim });
    const middle = order.slice(axis, (length - 1) >> 1, ((length - 1) >> 1) + 1);
    if (!isFloat(this.dtype)) return this.atRank(axis, middle, keepdim);
    // NaN is last in the order, so the last element tells whether there is one; the first of them is the result.
    const missing = this.ne(this.self).to("i32");
    const first = missing.argmax({ dim: axis, keepdim: true });
    const some = missing.max({ dim: axis, keepdim: true }).ne(0);
    return this.atRank(axis, some.where(first, middle), keepdim);
  }
  private atRank(axis: number, indices: Tensor, keepdim: boolean): ValuesAndIndices {
    const values = this.gather(axis, indices);
    return keepdim
      ? { values, indices }
      : { values: values.squeeze({ dim: axis }), indices: indices.squeeze({ dim: axis }) };
  }
  /**
   * Quantiles of an axis, by default of all elements, with linear interpolation between neighbours; NaN if one is NaN.
   *
   * @throws ConfigError if q is outside 0 to 1
   */
  quantile(q: number, { dim, keepdim = false }: PositionOptions = {}): Tensor {
    if (!(q >= 0 && q <= 1)) throw new ConfigError(located("quantile", `q is ${q}`), { hint: "It lies from 0 to 1" });
    if (dim === undefined) return this.flatten().quantile(q, { dim: 0 });
    const axis = axisOf("quantile", dim, this.shape);
    const x = this.wrap(asFloat(this.node));
    const length = this.shape[axis];
    if (length === 0) throw shapeError("quantile", `of no elements: ${formatShape(this.shape)}`);
    const sorted = x.sort({ dim: axis }).values;
    const rank = q * (length - 1);
    const below = Math.floor(rank);
    const at = (i: number): Tensor => sorted.slice(axis, i, i + 1);
    const [low, high] = [at(below), at(Math.min(below + 1, length - 1))];
    const share = rank - below;
    const between = share === 0 ? low : low.add(high.sub(low).mul(share));
    // NaN is last in the order.
    const result = at(length - 1)
      .isnan()
      .where(Number.NaN, between);
    return keepdim ? result : result.squeeze({ dim: axis });
  }
  /** Positions of values in a sorted vector, i32: before equal elements, or with `right` behind them. */
  searchsorted(values: Tensor, { right = false }: SearchOptions = {}): Tensor {
    if (this.rank !== 1) throw shapeError("searchsorted", `needs a sorted vector, got ${formatShape(this.shape)}`);
    const wide = values.unsqueeze(-1);
    const before = right ? this.le(wide) : this.lt(wide);
    return before.to("i32").sum({ dim: -1 });
  }
  /** The largest elements along an axis and the positions of the first of each. */
  maxWithIndices(dim: number, { keepdim = false }: KeepdimOptions = {}): ValuesAndIndices {
    return this.atRank(axisOf("maxWithIndices", dim, this.shape), this.argmax({ dim, keepdim: true }), keepdim);
  }
  /** The smallest elements along an axis and the positions of the first of each. */
  minWithIndices(dim: number, { keepdim = false }: KeepdimOptions = {}): ValuesAndIndices {
    return this.atRank(axisOf("minWithIndices", dim, this.shape), this.argmin({ dim, keepdim: true }), keepdim);
  }

  private scan(op: string, kind: ScanKind, dim: number, inputs: readonly Node[]): Tensor {
    const axis = axisOf(op, dim, this.shape);
    const { shape } = this;
    const columns = [sizeOfShape(shape.slice(0, axis)), shape[axis], sizeOfShape(shape.slice(axis + 1))];
    const rows = inputs.map((x) => helpers.reshape(graph, x, columns));
    return this.make(helpers.reshape(graph, graph.make("scan", rows, { kind, reverse: false }), shape));
  }
  /** This tensor, with dtypes whose sums would overflow as i32. */
  private summable(): Node {
    return this.dtype === "bool" || this.dtype === "u8" ? graph.cast(this.node, "i32") : this.node;
  }
  /** Running sum along an axis: y_l = x_0 + … + x_l, with the rounding errors of floats compensated. */
  cumsum(dim: number): Tensor {
    return this.scan("cumsum", "sum", dim, [this.summable()]);
  }
  /** Running product along an axis: y_l = x_0 · … · x_l; its gradient is right where elements are zero. */
  cumprod(dim: number): Tensor {
    const x = this.summable();
    // y_l = x_l · y_(l − 1) + 0, which begins with x_0.
    const axis = axisOf("cumprod", dim, this.shape);
    const position = graph.make("iota", [], { axis }, { shape: x.shape });
    const first = graph.op("eq", position, graph.constant(0, position));
    return this.scan("cumprod", "linear", dim, [x, graph.op("select", first, x, graph.constant(0, x))]);
  }
  /** Running maximum along an axis; NaN stays. Its gradient goes to the last of equal elements. */
  cummax(dim: number): Tensor {
    return this.scan("cummax", "max", dim, [this.dtype === "bool" ? graph.cast(this.node, "i32") : this.node]);
  }
  /** Running minimum along an axis; NaN stays. Its gradient goes to the last of equal elements. */
  cummin(dim: number): Tensor {
    return this.scan("cummin", "min", dim, [this.dtype === "bool" ? graph.cast(this.node, "i32") : this.node]);
  }
  /** log Σ e^x of each element and those before it along an axis, without overflow; integers become f32. */
  logcumsumexp(dim: number): Tensor {
    const axis = axisOf("logcumsumexp", dim, this.shape);
    const x = this.wrap(asFloat(this.node));
    if (x.size === 0) return x;
    // Sums of e^(x − m), m the running maximum: each step rescales the sum by the change of m.
    const peak = x.cummax(dim).detach();
    const shift = peak.abs().eq(Number.POSITIVE_INFINITY).where(0, peak);
    const pads = x.shape.map((_, i): [number, number] => [i === axis ? 1 : 0, 0]);
    const before = shift.slice(dim, 0, x.shape[axis] - 1).pad(pads);
    const factors = before.sub(shift).exp();
    const sums = x.scan("logcumsumexp", "linear", dim, [factors.node, x.sub(shift).exp().node]);
    return sums.log().add(shift);
  }
}

const sorts = takes<SortOptions>({}, { dim: dimKind, descending: flag });
const ranks = takes<RankOptions>({ k: count() }, { dim: dimKind, keepdim: flag });
const extremes = takes<KeepdimOptions>({ dim: dimKind }, { keepdim: flag });
const oneDim = takes({ dim: dimKind });

export const sortingParameters = {
  argsort: sorts,
  sort: sorts,
  topk: takes<TopKOptions>({ k: count(0) }, { dim: dimKind, largest: flag }),
  kthvalue: ranks,
  median: takes<RankOptions>({}, { dim: dimKind, keepdim: flag }),
  quantile: takes<PositionOptions>({ q: number }, { dim: dimKind, keepdim: flag }),
  searchsorted: takes<SearchOptions>({ values: tensorKind }, { right: flag }),
  maxWithIndices: extremes,
  minWithIndices: extremes,
  cumsum: oneDim,
  cumprod: oneDim,
  cummax: oneDim,
  cummin: oneDim,
  logcumsumexp: oneDim,
};
