/**
 * Emulated machines: the kernels that the compiler makes for a recorded target, templates and all, run in float64 by
 * `interp`. Results may differ from the oracle's by the order of sums and by what Winograd's transforms lose, far less
 * than one wrong element; elementary functions are those of JavaScript on both sides.
 */
import { InterpDevice } from "../../src/device/interp/index.js";
import { registerDevice, useDevice } from "../../src/index.js";
import type { Target } from "../../src/ir/target.js";
import { recordedTargets } from "./targets.js";

const KIB = 1 << 10;

/** Caches so small that small shapes are cut into the bands, panels and depths of large ones. */
const tiny = (like: string, l1Bytes: number, l2Bytes: number): Target => {
  const target = recordedTargets.find(({ name }) => name.startsWith(like));
  if (!target) throw new Error(`no recorded target is called "${like}…"`);
  return { ...target, name: `${like}, tiny caches`, l1Bytes, l2Bytes };
};

/** Every recorded machine, and some with tiny caches. */
export const emulatedTargets: readonly Target[] = [
  ...recordedTargets,
  tiny("avx512", 2 * KIB, 16 * KIB),
  tiny("avx2", 2 * KIB, 8 * KIB),
  tiny("neon", KIB, 8 * KIB),
  tiny("wasm", KIB, 4 * KIB),
].map((target) => ({
  ...target,
  name: `emulated ${target.name}`,
  decompose: false,
  dtypes: ["f32", "f64", "i32", "u8", "bool"],
}));

for (const target of emulatedTargets) registerDevice(target.name, async () => new InterpDevice(target));

/** Chooses an emulated machine; values and gradients from now on are its. */
export const emulate = (target: Target): Promise<void> => useDevice(target.name);
