/**
 * The `wasm` device: kernels encoded as WebAssembly, run by a pool of threads on one shared memory, or on the calling
 * thread where there is none. The same in Node and in a page. Knows loop-language kernels and memory; no graph, no op.
 */
import { encodeWasm, LOW_BYTES, scratchBytes } from "../../codegen/index.js";
import { type DType, hostArray, type TypedArray } from "../../ir/dtype.js";
import type { Program } from "../../ir/program.js";
import { PROCESSOR_MEMORY, type Target } from "../../ir/target.js";
import {
  type Device,
  type DeviceBuffer,
  type DeviceDescription,
  type Executable,
  GarbageClock,
  type LoadOptions,
  reportSteps,
  Turns,
  threadCount,
} from "../../runtime/index.js";
import { DeviceError, describeError, UnavailableError } from "../../util/errors.js";
import { environment } from "../../util/host.js";
import { hasRelaxedSimd, hasSimd } from "./engine.js";
import type { Host } from "./host.js";
import { KernelStore } from "./kernels.js";
import { Local } from "./local.js";
import { BlockMemory } from "./memory.js";
import { Pool, TaskFailure } from "./pool.js";
import { BoundProgram, type Holdings } from "./program.js";

interface Memory extends DeviceBuffer {
  readonly address: number;
}

/** Operations and elements, about as many as a thread gets done in the time that it takes to wake another. */
const SMALL_WORK = 50_000;

function addressOf(buffer: DeviceBuffer): number {
  if ("address" in buffer && typeof buffer.address === "number") return buffer.address;
  throw new DeviceError("[wasm] was given a buffer of another device");
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
  private readonly local = new Local();
  private readonly garbage: GarbageClock;
  private readonly relaxed = hasRelaxedSimd();
  private readonly programs: FinalizationRegistry<Holdings>;
  private scratchBytes = 0;
  private scratches: number[] = [];
  private programCount = 0;
  private readonly turns = new Turns();

  constructor(host: Host, threads: number) {
    const shared = threads > 1;
    this.memory = new BlockMemory({ shared, lowBytes: LOW_BYTES });
    this.kernels = new KernelStore(this.memory.memory);
    this.pool = shared ? new Pool(host, this.memory.memory, threads) : null;
    this.garbage = new GarbageClock(() => host.collect());
    this.programs = new FinalizationRegistry((holdings) => this.giveBack(holdings));
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
      ...PROCESSOR_MEMORY,
    };
  }

  allocate(dtype: DType, elements: number): Memory {
    const sizeBytes = BlockMemory.sizeOf(elements * this.target.bytes[dtype]);
    this.garbage.take(sizeBytes);
    return { sizeBytes, address: this.memory.allocate(sizeBytes) };
  }

  release(buffer: DeviceBuffer): void {
    this.garbage.give(buffer.sizeBytes);
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
        this.turns.take(async () => {
          this.ensureScratch(scratch);
          bound.bind(leaves.map(addressOf), outputs.map(addressOf));
          await this.run(bound, pool, program);
          // Named here so that the program's memory cannot be given back while it runs.
          if (debug >= 1) reportSteps(program, executable.stepTimesMs());
        }),
      stepTimesMs: () => bound.timesMs,
    };
    this.programs.register(executable, bound.holdings);
    return executable;
  }

  private async run(bound: BoundProgram, pool: Pool | null, { steps, kernels }: Program): Promise<void> {
    try {
      await (pool ? pool.run(bound) : this.local.run(bound));
    } catch (error) {
      if (!(error instanceof TaskFailure)) throw error;
      const { label } = kernels[steps[error.step].kernel];
      throw new DeviceError(`[wasm] the kernel ${label} failed: ${error.message}`, { cause: error });
    }
  }

  finish(): Promise<void> {
    return this.turns.ended();
  }

  /** Every thread gets at least this much scratch memory; called between runs. */
  private ensureScratch(bytes: number): void {
    if (bytes <= this.scratchBytes) return;
    for (const address of this.scratches) this.memory.release(address);
    const threads = this.pool ? this.pool.count : 0;
    this.scratches = Array.from({ length: threads + 1 }, () => this.memory.allocate(bytes));
    this.scratchBytes = bytes;
    this.local.scratch = this.scratches[threads];
    this.pool?.setScratch(this.scratches.slice(0, threads));
  }

  private giveBack({ id, kernels, addresses }: Holdings): void {
    for (const address of addresses) this.memory.release(address);
    const unused = this.kernels.release(kernels);
    this.pool?.drop(
      unused.map((kernel) => kernel.id),
      id,
    );
  }
}

const noSimd = "this engine has no WebAssembly with vectors of 128 bits";
let told = false;

/**
 * Opens the WebAssembly device. In a page without shared memory, it runs on the calling thread and says so once.
 *
 * @throws UnavailableError if the engine has no WebAssembly SIMD
 * @throws DeviceError if no memory can be reserved
 */
export async function openWasm(host: Host): Promise<WasmDevice> {
  if (!hasSimd()) throw new UnavailableError(noSimd, { hint: "Use a newer engine" });
  if (host.alone && host.page && !told) {
    told = true;
    console.info(`[fovea] runs on one thread: ${host.alone}. ${ISOLATION}`);
  }
  return new WasmDevice(host, host.alone ? 1 : threadCount(host.cores));
}

const ISOLATION =
  "For all cores, serve the page with the headers Cross-Origin-Opener-Policy: same-origin and " +
  "Cross-Origin-Embedder-Policy: require-corp";

/** What was found: threads, shared memory, relaxed SIMD, how much memory there may be; or why something is missing. */
export function describe(host: Host): DeviceDescription {
  try {
    if (!hasSimd()) return { name: "wasm", available: false, reason: noSimd, details: {} };
    const threads = host.alone ? 1 : threadCount(host.cores);
    return {
      name: "wasm",
      available: true,
      details: {
        simd: `128 bits, 4 lanes, ${hasRelaxedSimd() ? "relaxed SIMD (fused multiply-add)" : "no relaxed SIMD"}`,
        threads: String(threads),
        memory: `${threads > 1 ? "shared" : "not shared"}, at most 4 GiB${host.alone ? ` (${host.alone})` : ""}`,
      },
    };
  } catch (error) {
    return { name: "wasm", available: false, reason: describeError(error), details: {} };
  }
}
