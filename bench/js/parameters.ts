/**
 * Weights and data of the two models for peers that do not speak Fovea: the same numbers as models.ts, which knows what
 * they mean, as plain arrays. It knows no library.
 */
import { integers, uniform } from "../pattern.js";
import type { Work } from "../work.js";

/** The models that have been written for those peers. */
type Model = "mlp" | "cnn";
export type SmallStep = Work & { readonly kind: "step"; readonly model: Model };

/** Whether peers can run `work`. */
export function isSmallStep(work: Work): work is SmallStep {
  return work.kind === "step" && (work.model === "mlp" || work.model === "cnn");
}

/** What to say of work that nobody has written for a peer. */
export function unwritten(work: Work, peer: string): Error {
  return new Error(`no ${work.kind === "step" ? work.model : work.kind} has been written for ${peer}`);
}

export interface Array32 {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

const SHAPES: Readonly<Record<Model, readonly (readonly number[])[]>> = {
  mlp: [[512, 784], [512], [256, 512], [256], [10, 256], [10]],
  cnn: [[32, 1, 3, 3], [32], [64, 32, 3, 3], [64], [128, 3136], [128], [10, 128], [10]],
};

/** Weight, bias, weight, …: uniform within 1 / √fanIn, streams from 10. */
export function weightsOf(model: Model): Array32[] {
  let bound = 0;
  return SHAPES[model].map((shape, index) => {
    if (shape.length > 1) bound = 1 / Math.sqrt(sizeOf(shape.slice(1)));
    return { shape, values: uniform(shape, 10 + index, -bound, bound) };
  });
}

export function imagesOf(model: Model, batch: number): Array32 {
  const shape = model === "mlp" ? [batch, 784] : [batch, 1, 28, 28];
  return { shape, values: uniform(shape, 1) };
}

export const labelsOf = (batch: number): Int32Array => integers([batch], 2, 10);

/** Axis `i` of the result is axis `order[i]` of the input, as with `transpose` of numpy. */
export function permuted({ shape, values }: Array32, order: readonly number[]): Array32 {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const target = order.map((axis) => shape[axis]);
  const result = new Float32Array(values.length);
  for (let i = 0; i < result.length; i++) {
    let from = 0;
    let rest = i;
    for (let axis = target.length - 1; axis >= 0; axis--) {
      from += (rest % target[axis]) * strides[order[axis]];
      rest = Math.floor(rest / target[axis]);
    }
    result[i] = values[from];
  }
  return { shape: target, values: result };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
