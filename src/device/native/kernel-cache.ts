/**
 * Compiled kernels on disk, addressed by content: the key is a hash of the kernel's text, the compiler, its flags and
 * the processor. Missing kernels are compiled together, in few libraries but enough to occupy all cores, because one
 * start of a compiler costs as much as compiling ten small kernels. A file per key names the library. The folder is
 * private to the user; files are written atomically, so several processes may share the folder.
 */
import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cHeader, KERNEL_NAME } from "../../codegen/index.js";
import type { CCompiler } from "./c-compiler.js";
import type { Machine } from "./machine.js";

/** The location of a compiled kernel: library file in the folder, its length in bytes, and the name of the function. */
export interface CompiledKernel {
  readonly library: string;
  readonly libraryBytes: number;
  readonly symbol: string;
}

/**
 * Limit of the text of one library, about one second of compiling: larger libraries would leave cores idle at the end.
 */
const BATCH_CHARACTERS = 200_000;

/**
 * The length of a library file in bytes; null if it is missing or truncated (loading a truncated one crashes the
 * process). In an ELF file, the section table, which linkers write last, gives the expected length; of other formats
 * only the presence of a header is checked.
 */
async function completeLength(path: string): Promise<number | null> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch {
    return null;
  }
  try {
    const header = Buffer.alloc(64);
    const { bytesRead } = await file.read(header, 0, 64, 0);
    if (bytesRead < 64) return null;
    const { size } = await file.stat();
    if (process.platform !== "linux") return size;
    const end = Number(header.readBigUInt64LE(0x28)) + header.readUInt16LE(0x3a) * header.readUInt16LE(0x3c);
    return header.toString("latin1", 0, 4) === "\x7fELF" && size >= end ? size : null;
  } finally {
    await file.close();
  }
}

/** Distributes texts over batches of about equal length: the longest first, each to the shortest batch. */
function batches(texts: ReadonlyMap<string, string>, workers: number): string[][] {
  const keys = [...texts.keys()].sort((a, b) => lengthOf(b) - lengthOf(a));
  function lengthOf(key: string): number {
    return texts.get(key)?.length ?? 0;
  }
  const total = keys.reduce((sum, key) => sum + lengthOf(key), 0);
  const count = Math.min(keys.length, Math.max(workers, Math.ceil(total / BATCH_CHARACTERS)));
  const batchList = Array.from({ length: count }, () => ({ keys: [] as string[], length: 0 }));
  for (const key of keys) {
    const shortest = batchList.reduce((a, b) => (b.length < a.length ? b : a));
    shortest.keys.push(key);
    shortest.length += lengthOf(key);
  }
  return batchList.map((share) => share.keys.sort());
}

export class KernelCache {
  private readonly pending = new Map<string, Promise<CompiledKernel>>();
  readonly identity: string;

  constructor(
    private readonly machine: Machine,
    readonly compiler: CCompiler,
    readonly folder: string,
  ) {
    this.identity = compiler.identity;
  }

  private hash(...texts: readonly string[]): string {
    const hash = createHash("sha256").update(this.identity);
    for (const text of texts) hash.update("\0").update(text);
    return hash.digest("hex").slice(0, 40);
  }

  /** The path of the library compiled from `source`. */
  async library(source: string, libraries: readonly string[] = []): Promise<string> {
    const path = join(this.folder, `${this.hash(source, ...libraries)}.so`);
    if ((await completeLength(path)) === null) await this.compiler.compile(source, path, libraries);
    return path;
  }

  /** The compiled kernels of texts of {@link printC}, from the folder or newly compiled. */
  kernels(texts: readonly string[]): Promise<CompiledKernel[]> {
    const header = cHeader(this.machine.simd.lanes);
    const keys = texts.map((text) => this.hash(header, text));
    const unknown = new Map(keys.map((key, i) => [key, texts[i]] as const).filter(([key]) => !this.pending.has(key)));
    if (unknown.size > 0) {
      const found = this.findOrCompile(header, unknown);
      for (const key of unknown.keys()) {
        const one = found.then((all) => all.get(key) as CompiledKernel);
        this.pending.set(key, one);
        one.catch(() => this.pending.delete(key));
      }
    }
    return Promise.all(keys.map((key) => this.pending.get(key) as Promise<CompiledKernel>));
  }

  private async findOrCompile(
    header: string,
    texts: ReadonlyMap<string, string>,
  ): Promise<ReadonlyMap<string, CompiledKernel>> {
    const found = await this.find([...texts.keys()]);
    const missing = new Map([...texts].filter(([key]) => !found.has(key)));
    if (missing.size === 0) return found;
    const compiled = await Promise.all(
      batches(missing, this.machine.threads).map(async (keys) => {
        const functions = keys.map((key) => (missing.get(key) ?? "").replaceAll(KERNEL_NAME, symbolOf(key)));
        const library = `${this.hash(...keys)}.so`;
        const path = join(this.folder, library);
        await this.compiler.compile([header, ...functions].join("\n"), path);
        const libraryBytes = (await completeLength(path)) ?? 0;
        await Promise.all(keys.map((key) => this.writeEntry(key, library)));
        return keys.map((key) => [key, { library, libraryBytes, symbol: symbolOf(key) }] as const);
      }),
    );
    return new Map([...found, ...compiled.flat()]);
  }

  private entryPath(key: string): string {
    return join(this.folder, `${key}.kernel`);
  }

  /** The kernels that an earlier or concurrent process compiled, if their libraries are complete. */
  private async find(keys: readonly string[]): Promise<Map<string, CompiledKernel>> {
    const lengths = new Map<string, Promise<number | null>>();
    const found = new Map<string, CompiledKernel>();
    await Promise.all(
      keys.map(async (key) => {
        const library = await readFile(this.entryPath(key), "utf8").catch(() => "");
        if (!/^[0-9a-f]{40}\.so$/.test(library)) return;
        const length = lengths.get(library) ?? completeLength(join(this.folder, library));
        lengths.set(library, length);
        const libraryBytes = await length;
        if (libraryBytes !== null) found.set(key, { library, libraryBytes, symbol: symbolOf(key) });
      }),
    );
    return found;
  }

  /**
   * Writes the file that names a kernel's library. Failure is harmless: the kernel is compiled again in the next
   * process.
   */
  private async writeEntry(key: string, library: string): Promise<void> {
    const temporary = `${this.entryPath(key)}.${process.pid}.${randomBytes(4).toString("hex")}`;
    try {
      await writeFile(temporary, library, { mode: 0o600 });
      await rename(temporary, this.entryPath(key));
    } catch {
      await rm(temporary, { force: true });
    }
  }
}

const symbolOf = (key: string): string => `kernel_${key}`;
