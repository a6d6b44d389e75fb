/**
 * Float64 loops for scatters, orders of rows and scans, each as a case of the structural sweep. Knows the public API, the
 * graph builder for what has no method of its own, and plain arrays.
 */
import { full, grad, Tensor, tensor } from "../../src/index.js";
import type { ScanKind, ScatterKind } from "../../src/ir/graph.js";
import { graph } from "../../src/ops/index.js";
import { accumulate, coordinatesOf, fill, get, type NdArray, zerosOf } from "../support/arrays.js";
import type { StructuralCase } from "./contraction-cases.js";

type Triple = readonly [number, number, number];

const i32 = (values: readonly number[], shape: readonly number[]) => tensor(values, { dtype: "i32", shape });
const product = (x: readonly number[]): number => x.reduce((a, b) => a * b, 1);

/** The adjoint of a gather, through the gradient. */
export function gatherGradientCase(
  shape: readonly number[],
  dim: number,
  indices: readonly number[],
  as: readonly number[],
): StructuralCase {
  const index = { shape: as, values: [...indices] };
  return {
    name: `gradient of a gather: [${as}] into [${shape}] dim ${dim}`,
    shapes: [as],
    build: (gradOutput) => {
      const x = full(shape, 1, { dtype: gradOutput.dtype });
      return grad(x.gather(dim, i32(indices, as)), [x], { gradOutput })[0];
    },
    meaning: (gradOutput) => {
      const result = zerosOf(shape);
      for (const at of coordinatesOf(as)) {
        const target = at.map((i, axis) => (axis === dim ? get(index, at) : i));
        accumulate(result, target, get(gradOutput, at));
      }
      return result;
    },
  };
}

const JOIN: Readonly<Record<ScatterKind, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  prod: (a, b) => a * b,
  max: Math.max,
  min: Math.min,
  set: (_, b) => b,
};

/** Rows for [h, count, t] entries; with `shared`, the columns of an entry have the same row. Some lie outside. */
function rowsFor([h, r, t]: Triple, count: number, shared: boolean): number[] {
  return fill([h, count, t], ([i, c, k]) => ((i * 5 + c * 7 + (shared ? 0 : k * 3) + c * c) % (r + 2)) - 1).values;
}

export function scatterCase(kind: ScatterKind, base: Triple, count: number, shared: boolean): StructuralCase {
  const as = [base[0], count, base[2]] as const;
  const indices = rowsFor(base, count, shared);
  const index = { shape: as, values: indices };
  // Equal rows in all columns are recognised by how they are computed.
  const rows = () =>
    shared
      ? i32(fill([base[0], count, 1], (at) => get(index, at)).values, [base[0], count, 1]).expand(as)
      : i32(indices, as);
  return {
    name: `${kind} of ${count} entries into [${base}], ${shared ? "whole rows" : "elements"}`,
    shapes: [base, as],
    build: (x, y) => new Tensor(graph.make("scatter", [x.node, y.node, rows().node], { kind })),
    meaning: (x, y) => {
      const result = { shape: x.shape, values: [...x.values] };
      for (const at of coordinatesOf(as)) {
        const target = at.with(1, get(index, at));
        if (target[1] < 0 || target[1] >= base[1]) continue;
        const place = (target[0] * base[1] + target[1]) * base[2] + target[2];
        result.values[place] = JOIN[kind](result.values[place], get(y, at));
      }
      return result;
    },
  };
}

export function argsortCase(shape: readonly [number, number], descending: boolean, ties: number): StructuralCase {
  return {
    name: `[${shape}] ${descending ? "descending" : "ascending"}${ties > 0 ? ` with ties` : ""}`,
    shapes: [shape],
    // Rounded values have ties, whose order shows whether the sort is stable.
    build: (x) => {
      const keys = ties > 0 ? x.mul(ties).round() : x;
      return new Tensor(graph.make("argsort", [keys.node], { descending })).to(x.dtype);
    },
    meaning: (x) => {
      const [rows, length] = shape;
      const values = Array.from({ length: rows }, (_, row) => {
        const key = (i: number) =>
          ties > 0 ? Math.round(x.values[row * length + i] * ties) : x.values[row * length + i];
        const order = Array.from({ length }, (_, i) => i);
        return order.sort((a, b) => (descending ? key(b) - key(a) : key(a) - key(b)));
      });
      return { shape, values: values.flat() };
    },
    smooth: false,
  };
}

export function scanCase(kind: ScanKind, shape: Triple, reverse: boolean): StructuralCase {
  const steps = Array.from({ length: shape[1] }, (_, l) => (reverse ? shape[1] - 1 - l : l));
  const next = { sum: JOIN.sum, max: JOIN.max, min: JOIN.min };
  const meaning = (...inputs: NdArray[]): NdArray => {
    const result = zerosOf(shape);
    for (const h of Array(shape[0]).keys()) {
      for (const t of Array(shape[2]).keys()) {
        let state = 0;
        steps.forEach((l, step) => {
          const [x, b] = inputs.map((input) => get(input, [h, l, t]));
          if (kind === "linear") state = step === 0 ? b : x * state + b;
          else state = step === 0 ? x : next[kind](state, x);
          result.values[(h * shape[1] + l) * shape[2] + t] = state;
        });
      }
    }
    return result;
  };
  return {
    name: `${kind} over [${shape}]${reverse ? " from the end" : ""}`,
    shapes: kind === "linear" ? [shape, shape] : [shape],
    build: (...x) =>
      new Tensor(
        graph.make(
          "scan",
          x.map(({ node }) => node),
          { kind, reverse },
        ),
      ),
    meaning: product(shape) === 0 ? (x) => x : meaning,
  };
}
