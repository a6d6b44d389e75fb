/** Float64 loops for sums, extrema, means and variances, each as a case of the structural sweep. */
import { Tensor } from "../../src/index.js";
import { graph } from "../../src/ops/index.js";
import { fill, fold, get, type NdArray } from "../support/arrays.js";
import type { StructuralCase } from "./contraction-cases.js";

const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);
const product = (x: readonly number[]): number => x.reduce((a, b) => a * b, 1);

export function reduceCases(shape: readonly number[], dim: number | readonly number[] | undefined): StructuralCase[] {
  const listed = dim === undefined ? shape.map((_, axis) => axis) : typeof dim === "number" ? [dim] : dim;
  const axes = listed.map((axis) => (axis < 0 ? axis + shape.length : axis));
  const options = dim === undefined ? {} : { dim };
  const count = product(axes.map((axis) => shape[axis]));
  const one = (name: string, build: (x: Tensor) => Tensor, combine: (x: readonly number[]) => number) => ({
    name: `${name} of [${shape}] over ${JSON.stringify(dim ?? "all")}`,
    shapes: [shape],
    build,
    meaning: (x: NdArray) => fold(x, axes, combine),
  });
  const additive = [one("sum", (x) => x.sum(options), sum), one("prod", (x) => x.prod(options), product)];
  if (count === 0) return additive;
  return [
    ...additive,
    one(
      "max",
      (x) => x.max(options),
      (x) => Math.max(...x),
    ),
    one(
      "min",
      (x) => x.min(options),
      (x) => Math.min(...x),
    ),
    one(
      "mean",
      (x) => x.mean(options),
      (x) => sum(x) / x.length,
    ),
  ];
}

export function varianceCase(shape: readonly number[], axes: readonly number[], correction: number): StructuralCase {
  return {
    name: `[${shape}] over [${axes}], correction ${correction}`,
    shapes: [shape],
    build: (x) => x.variance({ dim: axes, correction }),
    meaning: (x) =>
      fold(x, axes, (values) => {
        const mean = sum(values) / values.length;
        return sum(values.map((value) => (value - mean) ** 2)) / (values.length - correction);
      }),
  };
}

export function argmaxCase(shape: readonly number[], dim: number): StructuralCase {
  return {
    name: `[${shape}] over ${dim}`,
    shapes: [shape],
    smooth: false,
    build: (x) => x.argmax({ dim }),
    meaning: (x) => fold(x, [dim], (elements) => elements.indexOf(Math.max(...elements))),
  };
}

/** Pixels of a channel in a band of rows: every value that falls into row `item` of the result. */
function bandOf(x: NdArray, rows: number, item: number, channel: number): number[] {
  const [, , h, w] = x.shape;
  const bands = Math.ceil(h / rows);
  const [image, first] = [Math.floor(item / bands), (item % bands) * rows];
  const own = Array.from({ length: Math.min(rows, h - first) }, (_, r) => first + r);
  return own.flatMap((r) => Array.from({ length: w }, (_, q) => get(x, [image, channel, r, q])));
}

function bandCase(
  op: "bandSum" | "bandMoments",
  shape: readonly number[],
  rows: number,
  meaning: (x: NdArray, items: number) => NdArray,
): StructuralCase {
  return {
    name: `[${shape}] in bands of ${rows} rows`,
    shapes: [shape],
    smooth: false, // no gradient: it only ever stands for sums that have one
    build: (x) => new Tensor(graph.make(op, [x.node], { rows })),
    meaning: (x) => meaning(x, shape[0] * Math.ceil(shape[2] / rows)),
  };
}

export const bandSumCase = (shape: readonly number[], rows: number): StructuralCase =>
  bandCase("bandSum", shape, rows, (x, items) =>
    fill([items, shape[1]], ([item, channel]) => sum(bandOf(x, rows, item, channel))),
  );

export const bandMomentsCase = (shape: readonly number[], rows: number): StructuralCase =>
  bandCase("bandMoments", shape, rows, (x, items) =>
    fill([2, items, shape[1]], ([part, item, channel]) => {
      const values = bandOf(x, rows, item, channel);
      const mean = sum(values) / values.length;
      return part === 0 ? mean : sum(values.map((value) => (value - mean) ** 2));
    }),
  );
