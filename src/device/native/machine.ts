/**
 * The properties of the machine: C compiler, vector instruction set, caches, cores. They are detected, never assumed.
 * Must not know kernels.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { threadCount } from "../../runtime/index.js";
import { ConfigError, DeviceError, UnavailableError } from "../../util/errors.js";

const exec = promisify(execFile);

/** A vector instruction set: its lanes and registers, and the compiler flags that select it. */
interface Simd {
  readonly name: string;
  readonly lanes: number;
  readonly registers: number;
  /** A macro that the compiler predefines if the processor has the set. */
  readonly macro: string;
  readonly flags: readonly string[];
}

/** The supported instruction sets, widest first. */
export const SIMD: readonly Simd[] = [
  {
    name: "avx512",
    lanes: 16,
    registers: 32,
    macro: "__AVX512DQ__",
    flags: ["-march=native", "-mprefer-vector-width=512"],
  },
  { name: "avx2", lanes: 8, registers: 16, macro: "__FMA__", flags: ["-march=x86-64-v3"] },
  { name: "sse", lanes: 4, registers: 16, macro: "__SSE2__", flags: ["-march=x86-64-v2"] },
  { name: "neon", lanes: 4, registers: 32, macro: "__ARM_NEON", flags: ["-march=native"] },
];

export interface Machine {
  readonly compiler: string;
  readonly compilerVersion: string;
  /**
   * A hash of the compiler's predefined macros, since the model names of virtual machines do not identify the
   * processor.
   */
  readonly features: string;
  readonly simd: Simd;
  /** Names of all instruction sets of this machine, widest first. */
  readonly widths: readonly string[];
  readonly threads: number;
  readonly l1Bytes: number;
  readonly l2Bytes: number;
}

function findOnPath(name: string): string | null {
  if (name.includes("/")) return existsSync(name) ? name : null;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (folder && existsSync(join(folder, name))) return join(folder, name);
  }
  return null;
}

/** The C compiler: $CC, cc, gcc or clang. */
export function findCompiler(): string {
  const wanted = process.env.CC;
  if (wanted) {
    const found = findOnPath(wanted);
    if (found) return found;
    throw new UnavailableError(`the compiler named by CC, "${wanted}", does not exist`, {
      hint: "Unset CC or name an installed compiler",
    });
  }
  for (const name of ["cc", "gcc", "clang"]) {
    const found = findOnPath(name);
    if (found) return found;
  }
  throw new UnavailableError("no C compiler was found (tried $CC, cc, gcc, clang)", {
    hint: "Install one (Debian and Ubuntu: apt install gcc; macOS: xcode-select --install), or choose the wasm device",
  });
}

/** Bytes of a data cache of the first core; if unknown, `fallback`, a size that every recent processor has. */
function cacheBytes(level: number, fallback: number): number {
  for (let i = 0; i < 6; i++) {
    const folder = `/sys/devices/system/cpu/cpu0/cache/index${i}`;
    try {
      if (Number(readFileSync(join(folder, "level"), "utf8")) !== level) continue;
      if (readFileSync(join(folder, "type"), "utf8").startsWith("Instruction")) continue;
      const size = readFileSync(join(folder, "size"), "utf8").trim();
      return Number.parseInt(size, 10) * (size.endsWith("M") ? 1 << 20 : 1 << 10);
    } catch {
      return fallback;
    }
  }
  return fallback;
}

async function macrosOf(compiler: string): Promise<ReadonlySet<string>> {
  const { stdout } = await exec(compiler, ["-march=native", "-dM", "-E", "-x", "c", "/dev/null"], {
    maxBuffer: 1 << 24,
  });
  return new Set(stdout.split("\n").map((line) => line.split(" ")[1]));
}

function chooseSimd(found: readonly Simd[]): Simd {
  const forced = process.env.FOVEA_SIMD;
  if (!forced) return found[0];
  const simd = SIMD.find(({ name }) => name === forced);
  if (!simd)
    throw new ConfigError(`FOVEA_SIMD must be one of ${SIMD.map(({ name }) => name).join(", ")}, got "${forced}"`);
  if (!found.includes(simd)) {
    throw new DeviceError(`this machine has no ${forced}`, {
      hint: `It has ${found.map(({ name }) => name).join(", ")}`,
    });
  }
  return simd;
}

let detected: Promise<Machine> | null = null;

/** The machine, detected once per process. */
export function discoverMachine(): Promise<Machine> {
  detected ??= detect();
  return detected;
}

async function detect(): Promise<Machine> {
  if (process.platform === "win32") {
    throw new UnavailableError("the native device does not run on Windows", { hint: "Choose the wasm device" });
  }
  const compiler = findCompiler();
  const threads = threadCount(availableParallelism());
  let macros: ReadonlySet<string>;
  let compilerVersion: string;
  try {
    const [found, version] = await Promise.all([macrosOf(compiler), exec(compiler, ["--version"])]);
    macros = found;
    compilerVersion = version.stdout.split("\n")[0];
  } catch (cause) {
    throw new UnavailableError(`the C compiler ${compiler} does not work: ${String(cause).split("\n")[0]}`, { cause });
  }
  const found = SIMD.filter(({ macro }) => macros.has(macro));
  if (found.length === 0) {
    throw new UnavailableError(`no known vector instructions on this machine (${cpus()[0]?.model ?? "unknown"})`);
  }
  return {
    compiler,
    compilerVersion,
    features: createHash("sha256")
      .update([...macros].sort().join(" "))
      .digest("hex")
      .slice(0, 16),
    simd: chooseSimd(found),
    widths: found.map(({ name }) => name),
    threads,
    l1Bytes: cacheBytes(1, 32 << 10),
    l2Bytes: cacheBytes(2, 512 << 10),
  };
}
