/**
 * Programs on disk, beside the libraries of their kernels: what an earlier process compiled is run again without the
 * compiler. One file a program, written atomically; what cannot be read, or whose libraries are gone, is compiled anew.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KernelLabel, Program } from "../../ir/program.js";
import type { CompiledKernel } from "./kernel-cache.js";

/** A kernel as it is kept: where it is, and what it takes to run it. */
export interface MadeKernel extends KernelLabel, CompiledKernel {
  readonly tasks: number;
  readonly scratchBytes: number;
}

export type MadeProgram = Program<MadeKernel>;

/** Where the code lies that decides what a program becomes. */
const LAYERS = ["util", "ir", "ops", "autograd", "compiler", "codegen", "runtime", "device/native", "tensor"];

/**
 * The package and the names, sizes and times of the files that make programs; null where they are not files of their
 * own (bundled). Installed files all have the same time: there it is the version that tells one package from another.
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

/** What tells this code from another version of it; read once. */
export function codeIdentity(): string | null {
  if (identity === undefined) identity = readIdentity();
  return identity;
}

export class ProgramCache {
  private readonly identity: string | null;

  constructor(
    private readonly folder: string,
    /** What else programs depend on: the machine and the settings of its compiler. */
    machine: string,
  ) {
    const code = codeIdentity();
    this.identity = code === null ? null : `${code}\n${machine}`;
  }

  private path(identity: string, key: string): string {
    return join(this.folder, `${createHash("sha256").update(identity).update(key).digest("hex").slice(0, 40)}.json`);
  }

  libraryPath({ library }: MadeKernel): string {
    return join(this.folder, library);
  }

  /** The program kept under a key, if every library of it is there and whole. */
  async load(key: string): Promise<MadeProgram | null> {
    if (this.identity === null) return null;
    try {
      const program = JSON.parse(await readFile(this.path(this.identity, key), "utf8")) as MadeProgram;
      const kernels = [...program.kernels, ...(program.kept?.kernels ?? [])];
      const libraries = new Map(kernels.map((kernel) => [this.libraryPath(kernel), kernel.libraryBytes]));
      const whole = [...libraries].every(([path, bytes]) => statSync(path).size === bytes);
      return whole ? program : null;
    } catch {
      return null;
    }
  }

  /** Keeps a program; one that cannot be kept is compiled again next time. */
  async store(key: string, program: MadeProgram): Promise<void> {
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
