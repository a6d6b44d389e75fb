/**
 * Emulated machines: the kernels that the compiler makes for a recorded target, templates and all, run in float64 by
 * `interp`. Structure is compared here (what is read, summed and stored where), not rounding: results may differ from the
 * oracle's by the order of float64 sums, by Winograd's constants, which are f32, and by f32 results that are read.
 */
import { expect } from "vitest";
import { InterpDevice } from "../../src/device/interp/index.js";
import { realize, registerDevice, type Tensor, useDevice } from "../../src/index.js";
import type { Target } from "../../src/ir/target.js";
import { valuesOf } from "./devices.js";
import { expectAgreement, type Tolerance } from "./numbers.js";
import { recordedTarget, recordedTargets } from "./targets.js";

const KIB = 1 << 10;

/** Caches so small that small shapes are cut into the bands, panels and depths of large ones. */
const tiny = (like: string, l1Bytes: number, l2Bytes: number): Target => ({
  ...recordedTarget(like),
  name: `${like}, tiny caches of ${l1Bytes} and ${l2Bytes} bytes`,
  l1Bytes,
  l2Bytes,
});

/** Every recorded machine, and some with tiny caches between them: neighbours in the list are unlike. */
export const emulatedTargets: readonly Target[] = [
  ...recordedTargets.slice(0, 3),
  tiny("avx512, L1 32 KiB, L2 1 MiB", 2 * KIB, 16 * KIB),
  ...recordedTargets.slice(3, 6),
  tiny("avx2, L2 512 KiB", 2 * KIB, 8 * KIB),
  ...recordedTargets.slice(6, 9),
  tiny("neon, L1 64 KiB, L2 1 MiB", KIB, 8 * KIB),
  ...recordedTargets.slice(9, 11),
  tiny("avx2, no Winograd", KIB, 4 * KIB),
  ...recordedTargets.slice(11),
  tiny("wasm", KIB, 4 * KIB),
].map((target) => ({
  ...target,
  name: `emulated ${target.name}`,
  decompose: false,
  widensFloats: true,
}));

for (const target of emulatedTargets) registerDevice(target.name, async () => new InterpDevice(target));

/** A case, and the name of the emulated machine that it runs on. */
interface Dealt<Case> {
  readonly entry: Case;
  readonly device: string;
}

/**
 * Deals cases out to the emulated machines, `each` of them to a case. Every machine has its share of the cases, and every
 * case machines that are unlike.
 */
export function dealt<Case>(cases: readonly Case[], each: number): Dealt<Case>[] {
  const count = emulatedTargets.length;
  return cases.flatMap((entry, i) =>
    Array.from({ length: each }, (_, k) => ({
      entry,
      device: emulatedTargets[(i * 5 + Math.floor((k * count) / each)) % count].name,
    })),
  );
}

const known = new Map<string, number[][]>();

/** What the oracle computes. With a key, it does so once for all machines. */
async function oracle(work: () => readonly Tensor[], key?: string): Promise<number[][]> {
  const found = key === undefined ? undefined : known.get(key);
  if (found) return found;
  await useDevice("interp");
  const values = await valuesOf(work());
  if (key !== undefined) known.set(key, values);
  return values;
}

/**
 * Compares all tensors of `work` on a device with the oracle's. The tolerance is relative to each value, and absolute in
 * units of the largest of its tensor (1 if that is less).
 */
export async function compare(
  device: string,
  work: () => readonly Tensor[],
  { relative, absolute }: Tolerance,
  key?: string,
): Promise<void> {
  const wanted = await oracle(work, key);
  await useDevice(device);
  const tensors = work();
  await realize(...tensors);
  const found = await valuesOf(tensors);
  expect(found).toHaveLength(wanted.length);
  found.forEach((values, i) => {
    const largest = wanted[i].reduce((most, value) => Math.max(most, Math.abs(value) || 0), 1);
    expectAgreement(values, wanted[i], { relative, absolute: absolute * largest }, `tensor ${i} on ${device}`);
  });
}
