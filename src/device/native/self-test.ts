/**
 * Tests the compiler and the processor: micro-kernels, compiled like all kernels, must give the results of the
 * interpreter. The verdict is stored beside the kernels, so that a compiler is tested once per machine. Must not know
 * graphs or ops.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadJs, printC } from "../../codegen/index.js";
import { type DType, hostArray, type TypedArray } from "../../ir/dtype.js";
import type { KernelCache } from "./kernel-cache.js";
import { type MicroKernel, microKernels } from "./micro-kernels.js";
import type { Runtime } from "./runtime.js";

/** Bytes per buffer of a micro-kernel, with room for vectors that extend past its end. */
const BUFFER_BYTES = 4096;

const CYCLES: Readonly<Record<DType, readonly number[]>> = {
  f32: [0.5, -1, 2, 1, -0.5, -2, 4],
  f64: [0.5, -1, 2, 1, -0.5, -2, 4],
  i32: [1, -1, 2, 3, -2],
  u8: [3, 250, 17, 128, 0, 99, 201],
  bool: [1, 0, 1, 1, 0],
};

function inputOf(dtype: DType, elements: number): TypedArray {
  const values = hostArray(dtype, elements);
  const cycle = CYCLES[dtype];
  for (let i = 0; i < elements; i++) values[i] = cycle[(i * 3 + (i >> 3)) % cycle.length];
  return values;
}

/** True if a compiled kernel gives the results of the interpreter. */
async function passes({ kernel, meaning, tolerance }: MicroKernel, entry: number, runtime: Runtime): Promise<boolean> {
  const { buffers } = kernel;
  const memory = runtime.alloc(buffers.length * BUFFER_BYTES);
  try {
    const addressOf = (i: number) => memory + i * BUFFER_BYTES;
    const values = buffers.map(({ dtype, elements, access }, i) => {
      const array = access === "read" ? inputOf(dtype, elements) : hostArray(dtype, elements);
      runtime.write(addressOf(i), array, array.byteLength);
      return array;
    });
    const wanted = values.map((array) => Float64Array.from(array));
    loadJs(meaning)(wanted);
    const words = BigInt64Array.from([entry, 0, kernel.parts.length, 1].map(BigInt));
    await runtime.run(
      words,
      BigUint64Array.from(buffers, (_, i) => BigInt(addressOf(i))),
      1,
      null,
    );
    return buffers.every(({ access }, i) => {
      if (access === "read") return true;
      const found = values[i];
      runtime.read(found, addressOf(i), found.byteLength);
      return wanted[i].every((value, at) => Math.abs(found[at] - value) <= tolerance * Math.max(1, Math.abs(value)));
    });
  } finally {
    runtime.free(memory);
  }
}

/** Content of a valid verdict file. */
const VERDICT = /^(passed|wrong: .+)\n$/;

/**
 * Tests a compiler with its flags on this processor. Returns null, or the labels of the micro-kernels with wrong
 * results.
 *
 * @param version identity of the code that prints the kernels; a verdict holds for one version
 */
export async function selfTest(
  cache: KernelCache,
  runtime: Promise<Runtime>,
  lanes: number,
  version: string,
): Promise<string | null> {
  const name = createHash("sha256").update(cache.identity).update(version).digest("hex").slice(0, 40);
  const path = join(cache.folder, `${name}.tested`);
  const known = VERDICT.exec(await readFile(path, "utf8").catch(() => ""))?.[1];
  if (known) return known === "passed" ? null : known.slice("wrong: ".length);
  const kernels = microKernels(lanes);
  const compiled = await cache.kernels(kernels.map(({ kernel }) => printC(kernel, lanes)));
  const loadedRuntime = await runtime;
  const failed: string[] = [];
  for (const [i, one] of kernels.entries()) {
    const { library, symbol } = compiled[i];
    const entry = loadedRuntime.open(join(cache.folder, library), symbol);
    if (!(await passes(one, entry, loadedRuntime))) failed.push(one.kernel.label);
  }
  const wrong = failed.length > 0 ? failed.join(", ") : null;
  await storeVerdict(path, `${wrong ? `wrong: ${wrong}` : "passed"}\n`);
  return wrong;
}

/** Stores a verdict. Failure is harmless: the test is repeated in the next process. */
async function storeVerdict(path: string, verdict: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    await writeFile(temporary, verdict, { mode: 0o600 });
    await rename(temporary, path);
  } catch {
    await rm(temporary, { force: true });
  }
}
