/**
 * Compiles C to shared libraries, once per distinct text and machine: a content-addressed folder, private to the user,
 * written atomically, safe with several processes at once. Knows nothing of kernels.
 */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { DeviceError } from "../../util/errors.js";
import type { Machine } from "./machine.js";

/**
 * IEEE semantics throughout: no -ffast-math. Products and sums may fuse, as on every device. All vectors are those of the
 * printed text: the vectorisers of GCC 12 make scalar loops with several integer accumulators wrong on AVX-512, and gain
 * nothing where it matters, since loops worth vectors have them already.
 */
const FLAGS = [
  "-O2",
  "-std=gnu11",
  "-fPIC",
  "-shared",
  "-fwrapv",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-ffp-contract=fast",
  "-fno-tree-vectorize",
  "-fno-tree-pre",
  "-fno-predictive-commoning",
  "-w",
];

/**
 * Whether a library is there and not cut off, which would crash the process that loads it. The section table of an ELF
 * file, which linkers write last, says how long the file must be; of other formats only the first bytes are looked at.
 */
async function isWhole(path: string): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch {
    return false;
  }
  try {
    const header = Buffer.alloc(64);
    const { bytesRead } = await file.read(header, 0, 64, 0);
    if (bytesRead < 64) return false;
    if (process.platform !== "linux") return true;
    const { size } = await file.stat();
    const end = Number(header.readBigUInt64LE(0x28)) + header.readUInt16LE(0x3a) * header.readUInt16LE(0x3c);
    return header.toString("latin1", 0, 4) === "\x7fELF" && size >= end;
  } finally {
    await file.close();
  }
}

export class KernelCache {
  private readonly pending = new Map<string, Promise<string>>();
  /** Compiler, settings and processor: libraries of another are of no use. */
  readonly identity: string;
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  /** Compilations done by this process; tests assert that a warm cache needs none. */
  compilations = 0;

  constructor(private readonly machine: Machine) {
    const { compilerVersion, simd } = machine;
    this.identity = [compilerVersion, ...simd.flags, ...FLAGS, cpus()[0]?.model, process.arch].join("\n");
  }

  /** The path of the library compiled from `source`. */
  library(source: string, extra: readonly string[] = []): Promise<string> {
    const key = createHash("sha256")
      .update(this.identity)
      .update(extra.join(" "))
      .update(source)
      .digest("hex")
      .slice(0, 40);
    const known = this.pending.get(key);
    if (known) return known;
    const made = this.make(key, source, extra);
    this.pending.set(key, made);
    made.catch(() => this.pending.delete(key));
    return made;
  }

  private async make(key: string, source: string, extra: readonly string[]): Promise<string> {
    const folder = this.machine.cacheFolder;
    const path = join(folder, `${key}.so`);
    if (await isWhole(path)) return path;
    const temporary = join(folder, `${key}.${process.pid}.${randomBytes(4).toString("hex")}`);
    await this.enter();
    try {
      await this.write(folder, `${temporary}.c`, source);
      await this.compile(`${temporary}.c`, `${temporary}.so`, extra);
      // Another process may have been faster: both results are the same, and rename replaces as a whole.
      await rename(`${temporary}.so`, path);
      this.compilations++;
      return path;
    } finally {
      this.leave();
      // Where the folder itself is the trouble, so is cleaning up: the first error is the one to tell.
      await Promise.allSettled([rm(`${temporary}.c`, { force: true }), rm(`${temporary}.so`, { force: true })]);
    }
  }

  private async write(folder: string, path: string, text: string): Promise<void> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(path, text, { mode: 0o600 });
    } catch (cause) {
      const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
      throw new DeviceError(`the kernel cache ${folder} cannot be written (${reason})`, {
        hint: "Free some space there, or point FOVEA_CACHE to another folder",
        cause,
      });
    }
  }

  private compile(source: string, target: string, extra: readonly string[]): Promise<void> {
    const { compiler, simd } = this.machine;
    const keep = process.platform === "linux" ? ["-Wl,-z,nodelete"] : [];
    const args = [...FLAGS, ...simd.flags, ...keep, "-o", target, source, ...extra, "-lm"];
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
    if (this.running >= Math.max(1, this.machine.threads))
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running++;
  }

  private leave(): void {
    this.running--;
    this.waiting.shift()?.();
  }
}
