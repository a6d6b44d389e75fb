/** Which devices tests run on, and how they read many tensors with one program. */
import { realize, type Tensor } from "../../src/index.js";

/** Devices for use, in single precision: what the reference is compared with. */
export const fastDevices = ["native", "wasm"] as const;
/** All devices; the first is the reference, in float64. */
export const devices = ["interp", ...fastDevices] as const;

/** The values of many tensors, computed together so that small kernels are shared. */
export async function valuesOf(tensors: readonly Tensor[]): Promise<number[][]> {
  await realize(...tensors);
  const values: number[][] = [];
  for (const x of tensors) values.push(Array.from(await x.data()));
  return values;
}
