/**
 * Runs the system's C compiler: text in, shared library out, as many at once as there are threads. Knows nothing of
 * kernels and where libraries are kept.
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
 * IEEE semantics throughout: no -ffast-math. Products and sums may fuse, as on every device. All vectors are those of the
 * printed text: the vectorisers of GCC 12 make scalar loops with several integer accumulators wrong on AVX-512, and gain
 * nothing where it matters, since loops worth vectors have them already.
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

/** A way to call the compiler. */
export interface FlagSet {
  readonly name: string;
  readonly flags: readonly string[];
}

/** Fastest first; the later ones have fewer of a compiler's passes, for compilers whose passes are not to be trusted. */
export const FLAG_SETS: readonly FlagSet[] = [
  { name: "-O2", flags: ["-O2", "-fno-tree-pre", "-fno-predictive-commoning"] },
  { name: "-O1", flags: ["-O1", "-fno-strict-aliasing"] },
];

export class CCompiler {
  /** Compiler, settings and processor: libraries of another are of no use. */
  readonly identity: string;
  private readonly flags: readonly string[];
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  /** Runs of the compiler in this process; tests assert that a warm cache needs none. */
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

  /** Makes the library at `path`, which appears as a whole or not at all. */
  async compile(source: string, path: string, libraries: readonly string[] = []): Promise<void> {
    const temporary = `${path.replace(/\.so$/, "")}.${process.pid}.${randomBytes(4).toString("hex")}`;
    await this.enter();
    try {
      await write(`${temporary}.c`, source);
      await this.execute(`${temporary}.c`, `${temporary}.so`, libraries);
      // Another process may have been faster: both results are the same, and rename replaces as a whole.
      await rename(`${temporary}.so`, path);
      this.compilations++;
    } finally {
      this.leave();
      // Where the folder itself is the trouble, so is cleaning up: the first error is the one to tell.
      await Promise.allSettled([rm(`${temporary}.c`, { force: true }), rm(`${temporary}.so`, { force: true })]);
    }
  }

  private execute(source: string, target: string, libraries: readonly string[]): Promise<void> {
    const { compiler } = this.machine;
    const keep = process.platform === "linux" ? ["-Wl,-z,nodelete"] : [];
    const args = [...this.flags, ...keep, "-o", target, source, ...libraries, "-lm"];
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

  /** As many compilers at once as there are threads. */
  private async enter(): Promise<void> {
    if (this.running >= this.machine.threads) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running++;
  }

  private leave(): void {
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
