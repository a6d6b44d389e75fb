/** Which devices tests run on, and how they read many tensors with one program. */
import { realize, type Tensor } from "../../src/index.js";

export const devices = ["interp", "native", "wasm"] as const;

/** The values of many tensors, computed together so that small kernels are shared. */
export async function valuesOf(tensors: readonly Tensor[]): Promise<number[][]> {
  await realize(...tensors);
  const values: number[][] = [];
  for (const x of tensors) values.push(Array.from(await x.data()));
  return values;
}
