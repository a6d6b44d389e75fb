/** Chooses the builder of a kernel from the op at its heart. */
import { isOp } from "../../ir/graph.js";
import type { KernelBuilder } from "../kernel-builder.js";
import type { KernelPlan } from "../plan.js";
import { lowerMap } from "./map.js";
import { lowerReduce } from "./reduce.js";

/** Adds the kernel's parts to the builder; returns its arithmetic work. */
export function lowerKernel(builder: KernelBuilder, { anchor, roots }: KernelPlan): number {
  if (!anchor) return lowerMap(builder, roots);
  return lowerReduce(builder, anchor, roots);
}
