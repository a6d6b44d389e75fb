/**
 * The toolchain of the native device: a compiler with flags that pass the self-test, a cache folder from which
 * libraries can be loaded, and the runtime library. Each has a fallback; using one is reported once.
 */
import { cacheFolder, otherCacheFolder } from "../../util/cache-folder.js";
import { DeviceError, UnavailableError } from "../../util/errors.js";
import { CCompiler, FLAG_SETS, type FlagSet } from "./c-compiler.js";
import { KernelCache } from "./kernel-cache.js";
import { discoverMachine, type Machine } from "./machine.js";
import { codeIdentity } from "./program-cache.js";
import { loadRuntime, type Runtime, UnloadableError } from "./runtime.js";
import { selfTest } from "./self-test.js";

export interface Toolchain {
  readonly machine: Machine;
  readonly cache: KernelCache;
  readonly runtime: Runtime;
  readonly flags: FlagSet;
}

let opened: Promise<Toolchain> | null = null;

/**
 * The toolchain of this process; a failed attempt is repeated at the next call.
 *
 * @throws UnavailableError if there is no working compiler, or its code gives wrong results on this machine
 * @throws DeviceError if the kernel cache cannot be used
 */
export function openToolchain(): Promise<Toolchain> {
  if (!opened) {
    opened = find();
    opened.catch(() => {
      opened = null;
    });
  }
  return opened;
}

async function find(): Promise<Toolchain> {
  const machine = await discoverMachine();
  for (;;) {
    const folder = cacheFolder();
    try {
      return await findFlags(machine, folder);
    } catch (error) {
      // A new library cannot be loaded: the folder's file system does not permit execution (noexec).
      if (!(error instanceof UnloadableError)) throw error;
      if (otherCacheFolder(error.reason) !== null) continue;
      throw new DeviceError(`libraries in the kernel cache ${folder} cannot be loaded (${error.reason})`, {
        hint: "Point FOVEA_CACHE to a folder on a file system that may hold programs (mounted without noexec)",
        cause: error,
      });
    }
  }
}

async function findFlags(machine: Machine, folder: string): Promise<Toolchain> {
  const { compiler, compilerVersion, simd } = machine;
  const named = `the C compiler ${compiler} (${compilerVersion})`;
  const problems: string[] = [];
  for (const flags of FLAG_SETS) {
    const cache = new KernelCache(machine, new CCompiler(machine, flags), folder);
    const runtime = loadRuntime(cache);
    const [tested, loaded] = await Promise.allSettled([
      selfTest(cache, runtime, simd.lanes, codeIdentity() ?? ""),
      runtime,
    ]);
    if (loaded.status === "rejected") throw loaded.reason;
    if (tested.status === "rejected") throw tested.reason;
    if (tested.value === null) {
      const slower = `using ${flags.name} instead, which is slower`;
      if (problems.length > 0) console.warn(`[fovea] ${named} gives wrong results: ${problems.join("; ")}: ${slower}`);
      loaded.value.start(machine.threads);
      return { machine, cache, runtime: loaded.value, flags };
    }
    problems.push(`${tested.value} with ${flags.name}`);
  }
  throw new UnavailableError(`${named} gives wrong results on this machine: ${problems.join("; ")}`, {
    hint: "Install another compiler, or name one by CC",
  });
}
