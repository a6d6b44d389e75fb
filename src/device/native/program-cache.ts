/**
 * Compiled programs on disk, beside the libraries of their kernels, so that a later process runs them without the
 * compiler. One file per program, written atomically; a program whose file cannot be read or whose libraries are
 * missing is compiled again.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KernelLabel, Program } from "../../ir/program.js";
import type { CompiledKernel } from "./kernel-cache.js";

/** The stored form of a kernel: its location, and the data needed to run it. */
export interface StoredKernel extends KernelLabel, CompiledKernel {
  readonly tasks: number;
  readonly scratchBytes: number;
}

export type StoredProgram = Program<StoredKernel>;

/** The source folders whose code determines a compiled program. */
const LAYERS = ["util", "ir", "ops", "autograd", "compiler", "codegen", "runtime", "device/native", "tensor"];

/**
 * A text that identifies this version of the code: package.json, and names, sizes and modification times of the source
 * files; null if the code is bundled. Installed files all have the same time; there the package version distinguishes.
 */
function readIdentity(): string | null {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  try {
    const description = readFileSync(join(root, "..", "package.json"), "utf8");
    const lines = LAYERS.flatMap((layer) =>
      readdirSync(join(root, layer), { recursive: true, encoding: "utf8" }).map((name) => {
        const { size, mtimeMs } = statSync(join(root, layer, name));
        return `${layer}/${name} ${size} ${mtimeMs}`;
      }),
    );
    return [description, ...lines.sort()].join("\n");
  } catch {
    return null;
  }
}

let identity: string | null | undefined;

/** The identity of this version of the code; read once. Null if the code is bundled. */
export function codeIdentity(): string | null {
  if (identity === undefined) identity = readIdentity();
  return identity;
}

export class ProgramCache {
  private readonly identity: string | null;

  constructor(
    private readonly folder: string,
    /** The identity of the machine and the compiler's flags, which programs depend on as well. */
    machine: string,
  ) {
    const code = codeIdentity();
    this.identity = code === null ? null : `${code}\n${machine}`;
  }

  private path(identity: string, key: string): string {
    return join(this.folder, `${createHash("sha256").update(identity).update(key).digest("hex").slice(0, 40)}.json`);
  }

  libraryPath({ library }: StoredKernel): string {
    return join(this.folder, library);
  }

  /** The program stored under a key, if all its libraries are complete; else null. */
  async load(key: string): Promise<StoredProgram | null> {
    if (this.identity === null) return null;
    try {
      const program = JSON.parse(await readFile(this.path(this.identity, key), "utf8")) as StoredProgram;
      const kernels = [...program.kernels, ...(program.derived?.kernels ?? [])];
      const libraries = new Map(kernels.map((kernel) => [this.libraryPath(kernel), kernel.libraryBytes]));
      const whole = [...libraries].every(([path, bytes]) => statSync(path).size === bytes);
      return whole ? program : null;
    } catch {
      return null;
    }
  }

  /** Stores a program. Failure is harmless: the program is compiled again in the next process. */
  async store(key: string, program: StoredProgram): Promise<void> {
    if (this.identity === null) return;
    const path = this.path(this.identity, key);
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
    try {
      await writeFile(temporary, JSON.stringify(program), { mode: 0o600 });
      await rename(temporary, path);
    } catch {
      await rm(temporary, { force: true });
    }
  }
}
