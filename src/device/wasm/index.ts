/**
 * The `wasm` device: kernels are encoded as WebAssembly and run by a pool of threads on one shared memory, or on the
 * calling thread if memory cannot be shared. The same in Node and in a page. Knows kernels of the loop language and
 * memory; must not know graphs or ops.
 */
import { encodeWasm, LOW_BYTES, scratchBytes } from "../../codegen/index.js";
import { type DType, hostArray, type TypedArray } from "../../ir/dtype.js";
import type { Program } from "../../ir/program.js";
import { PROCESSOR_MEMORY, type Target } from "../../ir/target.js";
import {
  CollectionTrigger,
  type Device,
  type DeviceBuffer,
  type DeviceDescription,
  type Executable,
  type LoadOptions,
  reportSteps,
  SerialQueue,
  threadCount,
} from "../../runtime/index.js";
import { DeviceError, describeError, UnavailableError } from "../../util/errors.js";
import { environment } from "../../util/host.js";
import { hasRelaxedSimd, hasSimd } from "./engine.js";
import type { Host } from "./host.js";
import { KernelStore } from "./kernels.js";
import { LocalRunner } from "./local-runner.js";
import { BlockMemory } from "./memory.js";
import { Pool, TaskFailure } from "./pool.js";
import { BoundProgram, type ProgramResources } from "./program.js";

interface Memory extends DeviceBuffer {
  readonly address: number;
}

/** Operations plus elements of a program below which waking threads takes longer than running on the calling one. */
const SMALL_WORK = 50_000;

function addressOf(buffer: DeviceBuffer): number {
  if ("address" in buffer && typeof buffer.address === "number") return buffer.address;
  throw new DeviceError("[wasm] the buffer belongs to another device");
}

function workOf({ steps, kernels }: Program): number {
  let work = 0;
  for (const { kernel } of steps) {
    const { flops, buffers } = kernels[kernel];
    work += flops + buffers.reduce((sum, { elements }) => sum + elements, 0);
  }
  return work;
}

export class WasmDevice implements Device {
  readonly name = "wasm";
  readonly target: Target;
  readonly memory: BlockMemory;
  readonly kernels: KernelStore;
  private readonly pool: Pool | null;
  private readonly localRunner = new LocalRunner();
  private readonly garbage: CollectionTrigger;
  private readonly relaxed = hasRelaxedSimd();
  private readonly programs: FinalizationRegistry<ProgramResources>;
  private scratchBytes = 0;
  private scratches: number[] = [];
  private programCount = 0;
  private readonly queue = new SerialQueue();

  constructor(host: Host, threads: number) {
    const shared = threads > 1;
    this.memory = new BlockMemory({ shared, lowBytes: LOW_BYTES });
    this.kernels = new KernelStore(this.memory.memory);
    this.pool = shared ? new Pool(host, this.memory.memory, threads) : null;
    this.garbage = new CollectionTrigger(() => host.collect());
    this.programs = new FinalizationRegistry((resources) => this.releaseResources(resources));
    this.target = {
      name: "wasm",
      lanes: 4,
      registers: 15,
      hoistsLoads: true,
      threads,
      l1Bytes: 32 << 10,
      l2Bytes: 1 << 20,
      templates: true,
      winograd: environment.FOVEA_CONV !== "direct",
      decompose: true,
      dtypes: ["f32", "i32", "u8", "bool"],
      widensFloats: false,
      ...PROCESSOR_MEMORY,
    };
  }

  allocate(dtype: DType, elements: number): Memory {
    const sizeBytes = BlockMemory.sizeOf(elements * this.target.bytes[dtype]);
    this.garbage.allocated(sizeBytes);
    return { sizeBytes, address: this.memory.allocate(sizeBytes) };
  }

  release(buffer: DeviceBuffer): void {
    this.garbage.released(buffer.sizeBytes);
    this.memory.release(addressOf(buffer));
  }

  write(buffer: DeviceBuffer, values: TypedArray): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.memory.bytes(addressOf(buffer), bytes.length).set(bytes);
  }

  async read(buffer: DeviceBuffer, dtype: DType, elements: number): Promise<TypedArray> {
    return this.peek(buffer, dtype, elements);
  }

  peek(buffer: DeviceBuffer, dtype: DType, elements: number): TypedArray {
    const values = hostArray(dtype, elements);
    const bytes = new Uint8Array(values.buffer);
    bytes.set(this.memory.bytes(addressOf(buffer), bytes.length));
    return values;
  }

  async load(program: Program, { timed = false }: LoadOptions = {}): Promise<Executable> {
    const shared = this.pool !== null;
    const kernels = await Promise.all(
      program.kernels.map((kernel) =>
        this.kernels.get(encodeWasm(kernel, { relaxed: this.relaxed, shared }), kernel.label),
      ),
    );
    const debug = Number(environment.FOVEA_DEBUG ?? 0);
    const bound = new BoundProgram(this.programCount++, program, kernels, this.memory, timed || debug >= 1);
    const scratch = Math.max(64, ...program.kernels.map(scratchBytes));
    const pool = workOf(program) > SMALL_WORK ? this.pool : null;
    const executable: Executable = {
      submit: (leaves, outputs) =>
        this.queue.run(async () => {
          this.ensureScratch(scratch);
          bound.bind(leaves.map(addressOf), outputs.map(addressOf));
          await this.run(bound, pool, program);
          // This reference after the run keeps `executable` reachable, so that its memory is not released while it
          // runs.
          if (debug >= 1) reportSteps(program, executable.stepTimesMs());
        }),
      stepTimesMs: () => bound.timesMs,
    };
    this.programs.register(executable, bound.resources);
    return executable;
  }

  private async run(bound: BoundProgram, pool: Pool | null, { steps, kernels }: Program): Promise<void> {
    try {
      await (pool ? pool.run(bound) : this.localRunner.run(bound));
    } catch (error) {
      if (!(error instanceof TaskFailure)) throw error;
      const { label } = kernels[steps[error.step].kernel];
      throw new DeviceError(`[wasm] the kernel ${label} failed: ${error.message}`, { cause: error });
    }
  }

  finish(): Promise<void> {
    return this.queue.idle();
  }

  /** Enlarges the scratch memory of every thread to at least `bytes`; must be called between runs. */
  private ensureScratch(bytes: number): void {
    if (bytes <= this.scratchBytes) return;
    for (const address of this.scratches) this.memory.release(address);
    const threads = this.pool ? this.pool.count : 0;
    this.scratches = Array.from({ length: threads + 1 }, () => this.memory.allocate(bytes));
    this.scratchBytes = bytes;
    this.localRunner.scratch = this.scratches[threads];
    this.pool?.setScratch(this.scratches.slice(0, threads));
  }

  private releaseResources({ id, kernels, addresses }: ProgramResources): void {
    for (const address of addresses) this.memory.release(address);
    const unused = this.kernels.release(kernels);
    this.pool?.drop(
      unused.map((kernel) => kernel.id),
      id,
    );
  }
}

const NO_SIMD = "this engine has no WebAssembly SIMD";
let warned = false;

/**
 * Opens the WebAssembly device. In a page without shared memory, it runs on the calling thread and reports that once.
 *
 * @throws UnavailableError if the engine has no WebAssembly SIMD
 * @throws DeviceError if no memory can be reserved
 */
export async function openWasm(host: Host): Promise<WasmDevice> {
  if (!hasSimd()) throw new UnavailableError(NO_SIMD, { hint: "Use a newer engine" });
  if (host.singleThreadReason && host.page && !warned) {
    warned = true;
    console.info(`[fovea] runs on one thread: ${host.singleThreadReason}. ${ISOLATION}`);
  }
  return new WasmDevice(host, host.singleThreadReason ? 1 : threadCount(host.cores));
}

const ISOLATION =
  "For all cores, serve the page with the headers Cross-Origin-Opener-Policy: same-origin and " +
  "Cross-Origin-Embedder-Policy: require-corp";

/** Describes the device: threads, shared memory, relaxed SIMD, memory limit; or the reason why it is unavailable. */
export function describe(host: Host): DeviceDescription {
  try {
    if (!hasSimd()) return { name: "wasm", available: false, reason: NO_SIMD, details: {} };
    const { singleThreadReason } = host;
    const threads = singleThreadReason ? 1 : threadCount(host.cores);
    const sharing = threads > 1 ? "shared" : "not shared";
    return {
      name: "wasm",
      available: true,
      details: {
        simd: `128 bits, 4 lanes, ${hasRelaxedSimd() ? "relaxed SIMD (fused multiply-add)" : "no relaxed SIMD"}`,
        threads: String(threads),
        memory: `${sharing}, at most 4 GiB${singleThreadReason ? ` (${singleThreadReason})` : ""}`,
      },
    };
  } catch (error) {
    return { name: "wasm", available: false, reason: describeError(error), details: {} };
  }
}
