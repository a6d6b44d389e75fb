/**
 * The arithmetic peak of the machine in GFLOP/s, which the benchmarks compare with: as a C program reaches it (peak.c,
 * compiled with the system's C compiler into a temporary folder) or as WebAssembly does (wasm-peak.ts). It knows nothing
 * of Fovea's own use of either.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../tools/setup.mjs";
import type { DeviceName } from "./api.js";
import { WasmPeak } from "./wasm-peak.js";

export interface Peak {
  /** What is measured, for readers. */
  readonly name: string;
  /** Measures once, on as many threads as the benchmark uses. */
  measure(): Promise<number>;
  close(): void;
}

/** The peak that belongs to a device. */
export async function openPeak(device: DeviceName): Promise<Peak> {
  return device === "wasm" ? WasmPeak.open(Number(process.env.FOVEA_THREADS ?? "1")) : new NativePeak();
}

/** Floats per vector of the widths that FOVEA_SIMD can force; otherwise peak.c takes the widest. */
const FLOATS: Readonly<Record<string, number>> = { sse: 4, avx2: 8, avx512: 16 };
const MEASURE_MS = 60;

class NativePeak implements Peak {
  readonly name = "C, fused multiply-add";
  readonly #folder = mkdtempSync(join(tmpdir(), "fovea-peak-"));
  readonly #program = join(this.#folder, "peak");

  /** Compiles the program; throws if there is no C compiler. */
  constructor() {
    const width = FLOATS[process.env.FOVEA_SIMD ?? ""];
    const flags = ["-O2", process.arch === "arm64" ? "-mcpu=native" : "-march=native", "-pthread"];
    if (width) flags.push(`-DVL=${width}`);
    execFileSync(process.env.CC ?? "cc", [...flags, join(root, "bench", "peak.c"), "-o", this.#program]);
  }

  async measure(): Promise<number> {
    const { stdout, status } = spawnSync(this.#program, [process.env.FOVEA_THREADS ?? "1", String(MEASURE_MS)]);
    if (status !== 0) throw new Error("the peak program failed");
    return Number.parseFloat(String(stdout));
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
