/**
 * The arithmetic peak of the machine in GFLOP/s, measured by peak.c, which is compiled with the system's C compiler into
 * a temporary folder. It knows nothing of Fovea's own use of a compiler.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../tools/prepare.mjs";

/** Floats per vector of the widths that FOVEA_SIMD can force; otherwise peak.c takes the widest. */
const FLOATS: Readonly<Record<string, number>> = { sse: 4, avx2: 8, avx512: 16 };
const MEASURE_MS = 150;

export class Peak {
  readonly #folder = mkdtempSync(join(tmpdir(), "fovea-peak-"));
  readonly #program = join(this.#folder, "peak");

  /** Compiles the program; throws if there is no C compiler. */
  constructor() {
    const width = FLOATS[process.env.FOVEA_SIMD ?? ""];
    const flags = ["-O2", process.arch === "arm64" ? "-mcpu=native" : "-march=native", "-pthread"];
    if (width) flags.push(`-DVL=${width}`);
    execFileSync(process.env.CC ?? "cc", [...flags, join(root, "bench", "peak.c"), "-o", this.#program]);
  }

  /** Measures once, on as many threads as the benchmark uses. */
  measure(): number {
    const { stdout, status } = spawnSync(this.#program, [process.env.FOVEA_THREADS ?? "1", String(MEASURE_MS)]);
    if (status !== 0) throw new Error("the peak program failed");
    return Number.parseFloat(String(stdout));
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
