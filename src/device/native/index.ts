/**
 * The `native` device: kernels are printed as C, compiled by the system's compiler, and run on all cores outside the
 * event loop. Knows kernels of the loop language and memory; must not know graphs or ops.
 */
import { printC, scratchBytes } from "../../codegen/index.js";
import { type DType, hostArray, type TypedArray } from "../../ir/dtype.js";
import type { Program, Slot } from "../../ir/program.js";
import { PROCESSOR_MEMORY, type Target } from "../../ir/target.js";
import {
  CollectionTrigger,
  type Device,
  type DeviceBuffer,
  type DeviceDescription,
  type Executable,
  type LoadOptions,
  type Recalled,
  reportSteps,
  SerialQueue,
} from "../../runtime/index.js";
import { cacheFolder } from "../../util/cache-folder.js";
import { DeviceError, describeError } from "../../util/errors.js";
import { BlockPool } from "./block-pool.js";
import { collectGarbage } from "./garbage.js";
import type { KernelCache } from "./kernel-cache.js";
import { findCompiler, type Machine } from "./machine.js";
import { ProgramCache, type StoredKernel, type StoredProgram } from "./program-cache.js";
import type { Runtime } from "./runtime.js";
import { openToolchain } from "./toolchain.js";

interface Memory extends DeviceBuffer {
  readonly address: number;
}

const GRANULE = 256;
/** Words that describe a step to the runtime: kernel, first table entry, tasks, waits. */
const STEP_WORDS = 4;

function addressOf(buffer: DeviceBuffer): number {
  if ("address" in buffer && typeof buffer.address === "number") return buffer.address;
  throw new DeviceError("[native] the buffer belongs to another device");
}

export class NativeDevice implements Device {
  readonly target: Target;
  private readonly pool: BlockPool;
  private readonly garbage = new CollectionTrigger(collectGarbage);
  private readonly arenas: FinalizationRegistry<number>;
  private readonly programs: ProgramCache;
  private readonly queue = new SerialQueue();
  private scratchBytes = 0;
  /** The serialisable form of each loaded program, for `remember`. */
  private readonly stored = new WeakMap<Program, StoredProgram>();

  constructor(
    private readonly machine: Machine,
    private readonly runtime: Runtime,
    readonly cache: KernelCache,
    readonly name = "native",
  ) {
    const { simd, threads, l1Bytes, l2Bytes } = machine;
    this.target = {
      name: "native",
      lanes: simd.lanes,
      registers: simd.registers,
      hoistsLoads: false,
      threads,
      l1Bytes,
      l2Bytes,
      templates: true,
      winograd: process.env.FOVEA_CONV !== "direct",
      decompose: true,
      dtypes: ["f32", "f64", "i32", "u8", "bool"],
      widensFloats: false,
      ...PROCESSOR_MEMORY,
    };
    this.pool = new BlockPool(runtime);
    this.arenas = new FinalizationRegistry((address) => runtime.free(address));
    this.programs = new ProgramCache(cache.folder, [cache.identity, JSON.stringify(this.target)].join("\n"));
  }

  allocate(dtype: DType, elements: number): Memory {
    const bytes = Math.max(GRANULE, Math.ceil((elements * this.target.bytes[dtype]) / GRANULE) * GRANULE);
    this.garbage.allocated(bytes);
    return { sizeBytes: bytes, address: this.pool.allocate(bytes) };
  }

  release(buffer: DeviceBuffer): void {
    this.garbage.released(buffer.sizeBytes);
    this.pool.release(addressOf(buffer), buffer.sizeBytes);
  }

  write(buffer: DeviceBuffer, values: TypedArray): void {
    if (values.byteLength > 0) this.runtime.write(addressOf(buffer), values, values.byteLength);
  }

  async read(buffer: DeviceBuffer, dtype: DType, elements: number): Promise<TypedArray> {
    return this.peek(buffer, dtype, elements);
  }

  peek(buffer: DeviceBuffer, dtype: DType, elements: number): TypedArray {
    const values = hostArray(dtype, elements);
    if (elements > 0) this.runtime.read(values, addressOf(buffer), values.byteLength);
    return values;
  }

  async load(program: Program, options: LoadOptions = {}): Promise<Executable> {
    const debug = Number(process.env.FOVEA_DEBUG ?? 0);
    const texts = program.kernels.map((kernel) => printC(kernel, this.machine.simd.lanes));
    if (debug >= 4) process.stderr.write(texts.map((text, i) => `// ${program.kernels[i].label}\n${text}\n`).join(""));
    const compiled = await this.cache.kernels(texts);
    const kernels = program.kernels.map((kernel, i): StoredKernel => {
      const { label, flops, parts } = kernel;
      const tasks = parts.reduce((sum, part) => sum + part.tasks, 0);
      return { label, flops, ...compiled[i], tasks, scratchBytes: scratchBytes(kernel) };
    });
    const stored = { ...program, kernels, derived: undefined };
    this.stored.set(program, stored);
    return this.open(stored, options);
  }

  async recall(key: string): Promise<Recalled | null> {
    const program = await this.programs.load(key);
    if (!program) return null;
    const derived = program.derived ? this.open(program.derived) : null;
    return { program, executable: this.open(program), derived };
  }

  async remember(key: string, program: Program): Promise<void> {
    const [stored, derived] = [program, program.derived].map((one) => one && this.stored.get(one));
    if (stored) await this.programs.store(key, derived ? { ...stored, derived } : stored);
  }

  private open(program: StoredProgram, { timed = false }: LoadOptions = {}): Executable {
    const debug = Number(process.env.FOVEA_DEBUG ?? 0);
    const entries = program.kernels.map((kernel) =>
      this.runtime.open(this.programs.libraryPath(kernel), kernel.symbol),
    );
    return this.executable(program, entries, timed || debug >= 1, debug >= 1);
  }

  /** Enlarges the scratch memory of every thread to at least `bytes`; must be called between runs. */
  private ensureScratch(bytes: number): void {
    if (bytes <= this.scratchBytes) return;
    this.runtime.scratch(bytes);
    this.scratchBytes = bytes;
  }

  finish(): Promise<void> {
    return this.queue.idle();
  }

  private executable(program: StoredProgram, entries: readonly number[], timed: boolean, printed: boolean): Executable {
    const { steps, kernels } = program;
    const arena = this.runtime.alloc(Math.max(64, program.arenaBytes));
    const words = new BigInt64Array(steps.length * STEP_WORDS);
    const slots: Slot[] = steps.flatMap((step) => [...step.slots]);
    const table = new BigUint64Array(slots.length);
    let first = 0;
    steps.forEach(({ kernel, slots: stepSlots, waits }, i) => {
      const step = [entries[kernel], first, kernels[kernel].tasks, Number(waits)];
      words.set(step.map(BigInt), i * STEP_WORDS);
      first += stepSlots.length;
    });
    slots.forEach((slot, i) => {
      if (slot.kind === "arena") table[i] = BigInt(arena + slot.offset);
    });
    const times = timed ? new Float64Array(steps.length) : null;
    const scratch = Math.max(64, ...kernels.map((kernel) => kernel.scratchBytes));
    const executable: Executable = {
      submit: (leaves, outputs) =>
        this.queue.run(async () => {
          this.ensureScratch(scratch);
          slots.forEach((slot, i) => {
            if (slot.kind === "leaf") table[i] = BigInt(addressOf(leaves[slot.leaf]));
            else if (slot.kind === "output") table[i] = BigInt(addressOf(outputs[slot.output]));
          });
          await this.runtime.run(words, table, steps.length, times);
          // This reference after the run keeps `executable` reachable, so that its arena is not freed while it runs.
          if (printed) reportSteps(program, executable.stepTimesMs());
        }),
      stepTimesMs: () => (times ? [...times] : []),
    };
    this.arenas.register(executable, arena);
    return executable;
  }
}

/**
 * Opens the native device.
 *
 * @throws UnavailableError if there is no working C compiler
 * @throws DeviceError if the kernel cache cannot be written, or its libraries cannot be loaded
 */
export async function openNative(): Promise<NativeDevice> {
  const { machine, runtime, cache } = await openToolchain();
  return new NativeDevice(machine, runtime, cache);
}

/** Describes the device: compiler, vector width, cores, cache folder; or the reason why it is unavailable. */
export async function describe(): Promise<DeviceDescription> {
  try {
    const { machine, cache, flags } = await openToolchain();
    return {
      name: "native",
      available: true,
      details: {
        compiler: `${machine.compiler} (${machine.compilerVersion}) ${flags.name}`,
        simd: `${machine.simd.name}, ${machine.simd.lanes} lanes (this machine has ${machine.widths.join(", ")})`,
        threads: String(machine.threads),
        caches: `L1 ${machine.l1Bytes >> 10} KiB, L2 ${machine.l2Bytes >> 10} KiB`,
        cache: cache.folder,
      },
    };
  } catch (error) {
    let compiler = "none";
    try {
      compiler = findCompiler();
    } catch {
      // `reason` reports the missing compiler.
    }
    return {
      name: "native",
      available: false,
      reason: describeError(error),
      details: { compiler, cache: cacheFolder() },
    };
  }
}
