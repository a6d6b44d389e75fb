/**
 * Recorded targets: what the compiler was told on a dozen machines, as plain data, so that its kernels can be examined
 * (or emulated) on any machine. The machines that run the tests are not asked anything.
 */
import { PROCESSOR_MEMORY, type Target } from "../../src/ir/target.js";

/** What differs between machines; the rest is as on `native`. */
type Recorded = Pick<Target, "name" | "lanes" | "registers" | "threads" | "l1Bytes" | "l2Bytes"> & Partial<Target>;

const recorded = (machine: Recorded): Target => ({
  hoistsLoads: false,
  templates: true,
  winograd: true,
  decompose: true,
  dtypes: ["f32", "f64", "i32", "u8", "bool"],
  widensFloats: false,
  ...PROCESSOR_MEMORY,
  ...machine,
});

const KIB = 1 << 10;
const MIB = 1 << 20;

const avx512 = { lanes: 16, registers: 32 };
const avx2 = { lanes: 8, registers: 16 };
const sse = { lanes: 4, registers: 16 };
const neon = { lanes: 4, registers: 32 };

/** Every recorded machine, each under a name of its own. */
export const recordedTargets: readonly Target[] = [
  // Skylake-SP, Cascade Lake.
  recorded({ name: "avx512, L1 32 KiB, L2 1 MiB", ...avx512, threads: 2, l1Bytes: 32 * KIB, l2Bytes: MIB }),
  // Sapphire Rapids.
  recorded({ name: "avx512, L1 48 KiB, L2 2 MiB", ...avx512, threads: 2, l1Bytes: 48 * KIB, l2Bytes: 2 * MIB }),
  // Ice Lake server.
  recorded({ name: "avx512, L1 48 KiB, L2 1.25 MiB", ...avx512, threads: 16, l1Bytes: 48 * KIB, l2Bytes: 1280 * KIB }),
  // Zen 4.
  recorded({ name: "avx512, one thread", ...avx512, threads: 1, l1Bytes: 32 * KIB, l2Bytes: MIB }),
  // Haswell to Comet Lake.
  recorded({ name: "avx2, L2 256 KiB", ...avx2, threads: 4, l1Bytes: 32 * KIB, l2Bytes: 256 * KIB }),
  // Zen 2 and 3.
  recorded({ name: "avx2, L2 512 KiB", ...avx2, threads: 2, l1Bytes: 32 * KIB, l2Bytes: 512 * KIB }),
  // Cascade Lake kept to AVX2.
  recorded({ name: "avx2, L2 1 MiB", ...avx2, threads: 2, l1Bytes: 32 * KIB, l2Bytes: MIB }),
  // Alder Lake, performance cores; direct convolutions only.
  recorded({ name: "avx2, no Winograd", ...avx2, threads: 6, l1Bytes: 48 * KIB, l2Bytes: 1280 * KIB, winograd: false }),
  // Nehalem, or any x86-64 kept to SSE.
  recorded({ name: "sse, L2 256 KiB", ...sse, threads: 2, l1Bytes: 32 * KIB, l2Bytes: 256 * KIB }),
  // Graviton 2 and 3.
  recorded({ name: "neon, L1 64 KiB, L2 1 MiB", ...neon, threads: 4, l1Bytes: 64 * KIB, l2Bytes: MIB }),
  // Apple M1, performance cores.
  recorded({ name: "neon, L1 128 KiB, L2 12 MiB", ...neon, threads: 8, l1Bytes: 128 * KIB, l2Bytes: 12 * MIB }),
  // V8, in Node or a page.
  recorded({ name: "wasm", ...sse, registers: 15, hoistsLoads: true, threads: 2, l1Bytes: 32 * KIB, l2Bytes: MIB }),
  // A small core: caches that are no powers of two, and an odd number of threads.
  recorded({ name: "small caches", ...sse, threads: 3, l1Bytes: 24 * KIB, l2Bytes: 192 * KIB }),
];

/**
 * A recorded target by name.
 *
 * @throws Error if there is none
 */
export function recordedTarget(name: string): Target {
  const found = recordedTargets.find((target) => target.name === name);
  if (!found) throw new Error(`no recorded target is called "${name}"`);
  return found;
}
