/**
 * Resampling along one axis, as tensor code. Where output and input sizes have a small ratio p : q, element p·i + r of
 * the output is a fixed sum of elements near q·i: p strided slices, which the compiler fuses into one pass without
 * indices in memory. Otherwise it is a product with a constant matrix, or for single elements a selection.
 */
import { stack, type Tensor, tensor } from "../../tensor/index.js";
import { floats } from "../../tensor/tensor.js";
import { padBy } from "../padding/pad.js";
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
  const { input, output, kernel } = plan;
  const single = kernel === "nearest" || kernel === "nearest-exact";
  const x = single ? image : floats(image);
  const count = output / p;
  const taps = Array.from({ length: p }, (_, r) => used(tapsAt(plan, r)));
  const all = taps.flatMap(({ positions }) => positions);
  const before = Math.max(0, -Math.min(...all));
  const after = Math.max(0, Math.max(...all) + q * (count - 1) - (input - 1));
  const pads = [...new Array<number>(2 * (x.rank - 1 - axis)).fill(0), before, after];
  const padded = padBy("interpolate", x, pads, { mode: "replicate" });
  const phase = ({ positions, weights }: Taps): Tensor => {
    const terms = positions.map((position, i) => {
      const start = position + before;
      const term = padded.slice(axis, start, start + q * (count - 1) + 1, { step: q });
      return weights[i] === 1 ? term : term.mul(weights[i]);
    });
    return terms.reduce((sum, term) => sum.add(term));
  };
  if (p === 1) return phase(taps[0]);
  const parted = stack(taps.map(phase), { dim: axis + 1 });
  return parted.flatten({ startDim: axis, endDim: axis + 1 });
}

/** Without the taps of weight 0. */
function used({ positions, weights }: Taps): Taps {
  const kept = weights.flatMap((weight, i) => (weight === 0 ? [] : [i]));
  return { positions: kept.map((i) => positions[i]), weights: kept.map((i) => weights[i]) };
}
