/**
 * Resampling along one axis, as tensor code. Where output and input sizes have a small ratio p : q, element p·i + r of
 * the output is a fixed sum of elements near q·i: p strided slices, which the compiler fuses into one pass without
 * indices in memory. Otherwise it is a product with a constant matrix, or for single elements a selection.
 */
import { concat, stack, type Tensor, tensor } from "../../tensor/index.js";
import { floats } from "../../tensor/tensor.js";
import { applyAlong } from "../pool/adaptive.js";
import { type AxisPlan, type Taps, tapsAt, tapsOf } from "./taps.js";

/** Slices of one kernel; more would make it large. */
const MOST_PHASES = 8;

/** The axis of x resampled by the plan. */
export function resampleAxis(x: Tensor, axis: number, plan: AxisPlan): Tensor {
  const { input, output, scale, kernel } = plan;
  const single = kernel === "nearest" || kernel === "nearest-exact";
  const divisor = greatestDivisor(input, output);
  const [p, q] = [output / divisor, input / divisor];
  const periodic = !plan.alignCorners && !plan.antialias && Math.abs(scale * output - input) < 1e-9 * input;
  if (single && periodic && q === 1) return x.repeatInterleave(p, { dim: axis });
  if (periodic && p <= MOST_PHASES && (!single || exact(scale))) return phases(x, axis, plan, p, q);
  const clamp = (position: number) => Math.min(Math.max(position, 0), input - 1);
  const taps = tapsOf(plan);
  if (single) {
    const places = taps.map(({ positions }) => clamp(positions[0]));
    return x.take(tensor(Int32Array.from(places), { dtype: "i32" }), { dim: axis });
  }
  const matrix = taps.map(({ positions, weights }) => {
    const row = new Array<number>(input).fill(0);
    positions.forEach((position, i) => {
      row[clamp(position)] += weights[i];
    });
    return row;
  });
  return applyAlong(floats(x), axis, matrix);
}

/** Whether products with a number are the same in single precision. */
const exact = (scale: number): boolean => Number.isInteger(scale * 256);

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** Element p·i + r of the output from the taps of element r, moved by q·i. */
function phases(image: Tensor, axis: number, plan: AxisPlan, p: number, q: number): Tensor {
  const x = plan.kernel === "linear" || plan.kernel === "cubic" ? floats(image) : image;
  const phase = (r: number): Tensor => {
    const { positions, weights } = used(tapsAt(plan, r));
    const terms = positions.map((position, i) => {
      const term = moved(x, axis, position, q, plan.output / p);
      return weights[i] === 1 ? term : term.mul(weights[i]);
    });
    return terms.reduce((sum, term) => sum.add(term));
  };
  if (p === 1) return phase(0);
  const parted = stack(
    Array.from({ length: p }, (_, r) => phase(r)),
    { dim: axis + 1 },
  );
  return parted.flatten({ startDim: axis, endDim: axis + 1 });
}

/**
 * The elements at first, first + step, …, the nearest ones inside where these are outside. Not slices of one padded
 * tensor: its gradient would be a sum in memory, while the parts of a concatenation are read where they are used.
 */
function moved(x: Tensor, axis: number, first: number, step: number, count: number): Tensor {
  const length = x.shape[axis];
  const before = Math.min(count, Math.max(0, Math.ceil(-first / step)));
  const after = Math.max(0, count - Math.max(0, Math.floor((length - 1 - first) / step) + 1));
  const inside = count - before - after;
  const start = first + before * step;
  const edge = (at: number, size: number) => {
    return x.slice(axis, at, at + 1).expand(x.shape.map((n, i) => (i === axis ? size : n)));
  };
  const parts = [
    ...(before > 0 ? [edge(0, before)] : []),
    ...(inside > 0 ? [x.slice(axis, start, start + (inside - 1) * step + 1, { step })] : []),
    ...(after > 0 ? [edge(length - 1, after)] : []),
  ];
  return parts.length === 1 ? parts[0] : concat(parts, { dim: axis });
}

/** Without the taps of weight 0. */
function used({ positions, weights }: Taps): Taps {
  const kept = weights.flatMap((weight, i) => (weight === 0 ? [] : [i]));
  return { positions: kept.map((i) => positions[i]), weights: kept.map((i) => weights[i]) };
}
