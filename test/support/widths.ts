/** The native device at every vector width that this machine has, side by side in one process. */
import { CCompiler, FLAG_SETS } from "../../src/device/native/c-compiler.js";
import { NativeDevice } from "../../src/device/native/index.js";
import { KernelCache } from "../../src/device/native/kernel-cache.js";
import { discoverMachine, type Machine, SIMD } from "../../src/device/native/machine.js";
import { loadRuntime } from "../../src/device/native/runtime.js";
import { registerDevice } from "../../src/index.js";
import { cacheFolder } from "../../src/util/cache-folder.js";

const machine = await discoverMachine();
const sets = SIMD.filter(({ name }) => machine.widths.includes(name));
let runtime: ReturnType<typeof loadRuntime> | null = null;

const cacheOf = (of: Machine) => new KernelCache(of, new CCompiler(of, FLAG_SETS[0]), cacheFolder());

/** One pool of threads for all of them: it takes libraries of any width. */
async function openShared(): ReturnType<typeof loadRuntime> {
  const loaded = await loadRuntime(cacheOf(machine));
  loaded.start(machine.threads);
  return loaded;
}

/** Names of devices: each is the native device with vectors of one width. */
export const nativeWidths = sets.map((simd) => {
  const name = `native ${simd.name}`;
  registerDevice(name, async () => {
    runtime ??= openShared();
    const narrowed = { ...machine, simd };
    return new NativeDevice(narrowed, await runtime, cacheOf(narrowed), name);
  });
  return name;
});
