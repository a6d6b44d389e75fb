/**
 * Runs the system's C compiler: text in, shared library out, at most one process per thread. Must not know kernels or
 * the layout of the cache.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { makePrivateFolder, reasonOf } from "../../util/cache-folder.js";
import { DeviceError } from "../../util/errors.js";
import type { Machine } from "./machine.js";

/**
 * IEEE semantics: no -ffast-math; only a · b + c may be contracted, as on every device. Auto-vectorisation is off: the
 * vectorisers of GCC 12 miscompile scalar loops with several integer accumulators on AVX-512, and gain nothing, since
 * the printed text already uses vector types where vectors help.
 */
const COMMON = [
  "-std=gnu11",
  "-fPIC",
  "-shared",
  "-fwrapv",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-ffp-contract=fast",
  "-fno-tree-vectorize",
  "-w",
];

/** A set of compiler flags. */
export interface FlagSet {
  readonly name: string;
  readonly flags: readonly string[];
}

/** Fastest first; the later ones run fewer optimization passes, as fallbacks for compilers that fail the self-test. */
export const FLAG_SETS: readonly FlagSet[] = [
  { name: "-O2", flags: ["-O2", "-fno-tree-pre", "-fno-predictive-commoning"] },
  { name: "-O1", flags: ["-O1", "-fno-strict-aliasing"] },
];

export class CCompiler {
  /** Identifies compiler, flags and processor; libraries of another identity must not be used. */
  readonly identity: string;
  private readonly flags: readonly string[];
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  /** Number of compilations in this process; tests assert that a warm cache needs none. */
  compilations = 0;

  constructor(
    private readonly machine: Machine,
    flagSet: FlagSet,
  ) {
    const { compiler, compilerVersion, features, simd } = machine;
    this.flags = [...flagSet.flags, ...COMMON, ...simd.flags];
    const processor = [cpus()[0]?.model, process.arch, features];
    this.identity = [compiler, compilerVersion, ...this.flags, ...processor].join("\n");
  }

  /** Compiles `source` to the library at `path`, which is created atomically. */
  async compile(source: string, path: string, libraries: readonly string[] = []): Promise<void> {
    const temporary = `${path.replace(/\.so$/, "")}.${process.pid}.${randomBytes(4).toString("hex")}`;
    await this.acquireSlot();
    try {
      await write(`${temporary}.c`, source);
      await this.execute(`${temporary}.c`, `${temporary}.so`, libraries);
      // Another process may have written it already: both files are equal, and rename replaces atomically.
      await rename(`${temporary}.so`, path);
      this.compilations++;
    } finally {
      this.releaseSlot();
      // If the folder cannot be written, cleaning up fails too; the first error is the one to report.
      await Promise.allSettled([rm(`${temporary}.c`, { force: true }), rm(`${temporary}.so`, { force: true })]);
    }
  }

  private execute(source: string, target: string, libraries: readonly string[]): Promise<void> {
    const { compiler } = this.machine;
    const linkerFlags = process.platform === "linux" ? ["-Wl,-z,nodelete"] : [];
    const args = [...this.flags, ...linkerFlags, "-o", target, source, ...libraries, "-lm"];
    return new Promise((resolve, reject) => {
      execFile(compiler, args, { maxBuffer: 1 << 24 }, (error, _, stderr) => {
        if (!error) return resolve();
        const line = stderr.split("\n").find((text) => /error|No space/i.test(text)) ?? stderr.split("\n")[0] ?? "";
        const full = /No space left/i.test(stderr);
        reject(
          new DeviceError(`${compiler} failed on a kernel: ${line.trim() || error.message}`, {
            hint: full
              ? "Free some space, or point FOVEA_CACHE to another folder"
              : "Run with FOVEA_DEBUG=4 to see the kernel",
            cause: error,
          }),
        );
      });
    });
  }

  /** Waits until fewer compilers run than there are threads. */
  private async acquireSlot(): Promise<void> {
    if (this.running >= this.machine.threads) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running++;
  }

  private releaseSlot(): void {
    this.running--;
    this.waiting.shift()?.();
  }
}

async function write(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  try {
    makePrivateFolder(folder);
    await writeFile(path, text, { mode: 0o600 });
  } catch (cause) {
    throw new DeviceError(`the kernel cache ${folder} cannot be written (${reasonOf(cause)})`, {
      hint: "Point FOVEA_CACHE to a folder that can be written and has room",
      cause,
    });
  }
}
