/** Functions that create tensors: from host values, filled, counted, joined. */
import { type DType, isFloat, promote } from "../ir/dtype.js";
import { createNode, formatShape, type Shape, sameShape, sizeOfShape } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";
import { Storage } from "../runtime/index.js";
import { checked, takes } from "../util/arguments.js";
import { count, either, flag, type Kind, list, number, shape } from "../util/kinds.js";
import { checkShape, dtypeError, shapeError } from "./check.js";
import {
  dtypeOfArray,
  elementOf,
  elementsOf,
  flattenNested,
  type HostArray,
  isHostArray,
  type NestedValues,
} from "./host.js";
import { dimKind, dtypeKind } from "./kinds.js";
import type { ArangeOptions, DimOptions, DTypeOptions } from "./options.js";
import { leafOf } from "./realized.js";
import * as shapes from "./shapes.js";
import { Tensor, type TensorLike, tensorKind, tensorLikeKind } from "./tensor.js";
import { Variable } from "./variable.js";

/** Options of `tensor`. */
export interface TensorOptions {
  /** Shape of a flat array; default: that of the nested arrays, or [length]. */
  readonly shape?: Shape;
  /** Element type; default f32 for numbers, bool for booleans, that of a typed array. */
  readonly dtype?: DType;
  /** True if `backward` accumulates a gradient in `.grad`; default false. */
  readonly requiresGrad?: boolean;
}

const dataKind: Kind = {
  name: "a number, true or false, nested arrays of them, or a typed array",
  accepts: (value) => /^(number|boolean)$/.test(typeof value) || Array.isArray(value) || isHostArray(value),
};
const dtype = { dtype: dtypeKind };
const joins = takes<DimOptions>({ tensors: list(tensorKind, "an array of tensors") }, { dim: dimKind });

/** The default dtype of values: that of a typed array; bool if all are booleans; else f32. */
function dtypeOf(values: HostArray | readonly (number | boolean)[]): DType {
  if (isHostArray(values)) return dtypeOfArray(values);
  return values.length > 0 && values.every((value) => typeof value === "boolean") ? "bool" : "f32";
}

/**
 * A tensor with a copy of the given values. Typed arrays of integers become i32, of bytes u8; numbers are rounded to
 * f32.
 *
 * @throws ShapeError if nested arrays are ragged or the values do not fill `shape`
 * @throws DTypeError if a value is not a number, or out of the range of the dtype: NaN or 2³¹ as i32, 300 as u8, 1e39
 *   as f32
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 */
export const tensor = checked(
  "tensor",
  takes<TensorOptions>({ data: dataKind }, { shape, dtype: dtypeKind, requiresGrad: flag }),
  (data: NestedValues | HostArray, options: TensorOptions = {}): Tensor => {
    const { flat, shape: nested } = isHostArray(data)
      ? { flat: data, shape: [data.length] }
      : flattenNested("tensor", data);
    const shape = options.shape ?? nested;
    checkShape("tensor", shape);
    const { length } = flat;
    if (sizeOfShape(shape) !== length) {
      throw shapeError("tensor", `${length} values do not fill ${formatShape(shape)}`);
    }
    const dtype = options.dtype ?? dtypeOf(flat);
    const made = new Tensor(leafOf(Storage.from(dtype, elementsOf("tensor", flat, dtype, shape)), shape, null));
    if (!options.requiresGrad) return made;
    if (!isFloat(dtype)) throw dtypeError("tensor", `${dtype} has no gradient`, `Use dtype "f32"`);
    return new Variable(made, { requiresGrad: true });
  },
);

/**
 * A tensor filled with one value; default f32, or bool for a boolean.
 *
 * @throws ShapeError if a size is negative or not whole; DTypeError if the dtype does not hold the value
 * @example
 * const x = full([2, 2], 7); // [[7, 7], [7, 7]]
 */
export const full = checked(
  "full",
  takes<DTypeOptions>({ shape, value: either(number, flag) }, dtype),
  (shape: Shape, value: number | boolean, options: DTypeOptions = {}): Tensor =>
    filled("full", shape, value, options.dtype ?? (typeof value === "boolean" ? "bool" : "f32")),
);

function filled(op: string, shape: Shape, value: number | boolean, dtype: DType = "f32"): Tensor {
  checkShape(op, shape);
  const element = elementOf(op, "the value", value, dtype);
  return new Tensor(createNode("const", [], { value: element }, [...shape], dtype));
}
/**
 * A tensor of zeros; default f32.
 *
 * @example
 * const x = zeros([2, 3]); // shape [2, 3]
 */
export const zeros = checked(
  "zeros",
  takes<DTypeOptions>({ shape }, dtype),
  (shape: Shape, options: DTypeOptions = {}): Tensor => filled("zeros", shape, 0, options.dtype),
);
/**
 * A tensor of ones; default f32.
 *
 * @example
 * const x = ones([2], { dtype: "i32" }); // [1, 1]
 */
export const ones = checked(
  "ones",
  takes<DTypeOptions>({ shape }, dtype),
  (shape: Shape, options: DTypeOptions = {}): Tensor => filled("ones", shape, 1, options.dtype),
);
/**
 * Zeros in the shape and dtype of another tensor.
 *
 * @example
 * const x = zerosLike(ones([2])); // [0, 0]
 */
export const zerosLike = checked(
  "zerosLike",
  takes({ x: tensorKind }),
  (x: Tensor): Tensor => filled("zerosLike", x.shape, 0, x.dtype),
);
/**
 * Ones in the shape and dtype of another tensor.
 *
 * @example
 * const x = onesLike(zeros([2])); // [1, 1]
 */
export const onesLike = checked(
  "onesLike",
  takes({ x: tensorKind }),
  (x: Tensor): Tensor => filled("onesLike", x.shape, 1, x.dtype),
);

/**
 * Evenly spaced values start, start + step, … below end: `[⌈(end − start) / step⌉]`; i32 if start and step are whole.
 *
 * @param end - upper bound, excluded
 * @param options - `start`, default 0; `step`, default 1; `dtype`
 * @throws ShapeError if the range is infinite
 * @example
 * const i = arange(5); // [0, 1, 2, 3, 4]
 */
export const arange = checked(
  "arange",
  takes<ArangeOptions>({ end: number }, { start: number, step: number, dtype: dtypeKind }),
  (end: number, { start = 0, step = 1, dtype }: ArangeOptions = {}): Tensor => {
    const count = Math.max(0, Math.ceil((end - start) / step));
    if (!Number.isFinite(count)) throw shapeError("arange", `from ${start} to ${end} by ${step} does not end`);
    const whole = Number.isInteger(start) && Number.isInteger(step);
    const steps = new Tensor(graph.make("iota", [], { axis: 0 }, { shape: [count] }));
    const values = whole ? steps.mul(step).add(start) : steps.to("f32").mul(step).add(start);
    return values.to(dtype ?? (whole ? "i32" : "f32"));
  },
);

/**
 * The identity matrix, `[n, n]`.
 *
 * @example
 * const x = eye(2); // [[1, 0], [0, 1]]
 */
export const eye = checked(
  "eye",
  takes<DTypeOptions>({ n: number }, dtype),
  (n: number, { dtype = "f32" }: DTypeOptions = {}): Tensor => {
    checkShape("eye", [n, n]);
    const rows = graph.make("iota", [], { axis: 0 }, { shape: [n, n] });
    const columns = graph.make("iota", [], { axis: 1 }, { shape: [n, n] });
    return new Tensor(graph.op("eq", rows, columns)).to(dtype);
  },
);

/**
 * Tensors joined along an axis: `[.., L1, ..], [.., L2, ..] -> [.., L1 + L2, ..]`.
 *
 * @throws ShapeError if the other axes differ, or there is nothing to join
 * @example
 * const x = concat([zeros([1]), ones([2])]); // [0, 1, 1]
 */
export const concat = checked("concat", joins, (tensors: readonly Tensor[], { dim = 0 }: DimOptions = {}): Tensor => {
  const dtype = tensors.map((x) => x.dtype).reduce(promote, "bool");
  return new Tensor(
    shapes.concat(
      tensors.map((x) => graph.cast(x.node, dtype)),
      dim,
    ),
  );
});

/**
 * Tensors of one shape joined along a new axis: n times `[..] -> [.., n, ..]`.
 *
 * @throws ShapeError if the shapes differ
 * @example
 * const x = stack([zeros([2]), ones([2])]); // [[0, 0], [1, 1]]
 */
export const stack = checked("stack", joins, (tensors: readonly Tensor[], { dim = 0 }: DimOptions = {}): Tensor => {
  const [first] = tensors;
  if (!first) throw shapeError("stack", "needs at least one tensor");
  const other = tensors.find((x) => !sameShape(x.shape, first.shape));
  if (other) throw shapeError("stack", `${formatShape(first.shape)} and ${formatShape(other.shape)} differ`);
  return concat(
    tensors.map((x) => x.unsqueeze(dim)),
    { dim },
  );
});

/**
 * 1 at the index, 0 elsewhere: i32 `[..] -> [.., classes]`, f32.
 *
 * @example
 * const x = oneHot(arange(2), 3); // [[1, 0, 0], [0, 1, 0]]
 */
export const oneHot = checked(
  "oneHot",
  takes({ indices: tensorKind, classes: count() }),
  (indices: Tensor, classes: number): Tensor => {
    const shape = [...indices.shape, classes];
    const position = graph.make("iota", [], { axis: shape.length - 1 }, { shape });
    const wide = helpers.broadcast(graph, indices.to("i32").unsqueeze(-1).node, shape);
    return new Tensor(graph.op("eq", position, wide)).to("f32");
  },
);

/**
 * Selects `a` where `condition` is true, else `b`; all broadcast.
 *
 * @throws ShapeError if the shapes do not broadcast
 * @example
 * const x = where(tensor([true, false]), 1, 2); // [1, 2]
 */
export const where = checked(
  "where",
  takes({ condition: tensorKind, a: tensorLikeKind, b: tensorLikeKind }),
  (condition: Tensor, a: TensorLike, b: TensorLike): Tensor => condition.where(a, b),
);
