/**
 * Runs programs through the WebAssembly encoder in one thread on a plain memory: what tests of the encoder need, nothing
 * of what makes a device. Also knows how to ask the engine for relaxed SIMD.
 */
import { setFlagsFromString } from "node:v8";
import { encodeWasm, LOW_BYTES, scratchBytes, type WasmOptions } from "../../src/codegen/index.js";
import { type DType, hostArray, sizeOf, type TypedArray } from "../../src/ir/dtype.js";
import type { Kernel } from "../../src/ir/loops.js";
import type { Program, Slot } from "../../src/ir/program.js";
import { PROCESSOR_MEMORY, type Target } from "../../src/ir/target.js";
import type { Device, DeviceBuffer, Executable } from "../../src/runtime/index.js";
import { DeviceError } from "../../src/util/errors.js";

/** As much of the engine's interface as tests use; Node's types leave it out. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
type RunKernel = (table: number, first: number, last: number, scratch: number) => void;
interface Engine {
  readonly Memory: new (limits: { initial: number; maximum?: number; shared?: boolean }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { fovea: { memory: WasmMemory } },
  ) => { readonly exports: { readonly kernel: RunKernel } };
  validate(bytes: Uint8Array): boolean;
}
setFlagsFromString("--experimental-wasm-relaxed-simd");
export const engine = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;

export const wasmTarget: Target = {
  name: "wasm",
  lanes: 4,
  registers: 15,
  hoistsLoads: true,
  winograd: true,
  threads: 2,
  l1Bytes: 32 << 10,
  l2Bytes: 1 << 20,
  templates: true,
  decompose: true,
  dtypes: ["f32", "i32", "u8", "bool"],
  widensFloats: false,
  ...PROCESSOR_MEMORY,
};

interface Block extends DeviceBuffer {
  readonly address: number;
}
const PAGE = 65536;

/** A device as far as tests need one: memory is handed out and never taken back. */
export class PlainWasm implements Device {
  readonly target = wasmTarget;
  readonly memory = new engine.Memory({ initial: LOW_BYTES / PAGE + 1 });
  /** Kernels in the order in which they were encoded. */
  readonly kernels: Kernel[] = [];
  private top = LOW_BYTES;

  /** Programs are remembered by the name of their device. */
  constructor(
    readonly name: string,
    private readonly options: WasmOptions,
  ) {}

  block(sizeBytes: number): Block {
    const address = this.top;
    this.top += Math.ceil(Math.max(1, sizeBytes) / 64) * 64;
    const missing = this.top - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    // What is not written must not look like a value.
    new Uint8Array(this.memory.buffer, address, sizeBytes).fill(0xff);
    return { address, sizeBytes };
  }
  allocate(dtype: DType, elements: number): DeviceBuffer {
    return this.block(elements * sizeOf(dtype));
  }
  release(): void {
    // Tests are short.
  }
  write(buffer: DeviceBuffer, values: TypedArray): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    new Uint8Array(this.memory.buffer).set(bytes, addressOf(buffer));
  }
  async read(buffer: DeviceBuffer, dtype: DType, elements: number): Promise<TypedArray> {
    return this.values(buffer, dtype, elements);
  }
  async finish(): Promise<void> {
    // Runs end before they return.
  }

  /** The values of a buffer. */
  values(buffer: DeviceBuffer, dtype: DType, elements: number): TypedArray {
    const values = hostArray(dtype, elements);
    const bytes = new Uint8Array(this.memory.buffer, addressOf(buffer), values.byteLength);
    new Uint8Array(values.buffer).set(bytes);
    return values;
  }

  /** The function of a kernel. */
  compile(kernel: Kernel): RunKernel {
    this.kernels.push(kernel);
    const module = new engine.Module(encodeWasm(kernel, this.options));
    return new engine.Instance(module, { fovea: { memory: this.memory } }).exports.kernel;
  }

  async load(program: Program): Promise<Executable> {
    const functions = program.kernels.map((kernel) => this.compile(kernel));
    const arena = this.block(program.arenaBytes);
    const scratch = this.block(Math.max(0, ...program.kernels.map(scratchBytes)));
    const tables = program.steps.map(({ slots }) => this.block(4 * slots.length));
    return {
      submit: async (leaves, outputs) => {
        const place = (slot: Slot): number => {
          if (slot.kind === "arena") return arena.address + slot.offset;
          return addressOf(slot.kind === "leaf" ? leaves[slot.leaf] : outputs[slot.output]);
        };
        program.steps.forEach(({ kernel, slots }, i) => {
          this.write(tables[i], Int32Array.from(slots, place));
          const tasks = program.kernels[kernel].parts.reduce((sum, part) => sum + part.tasks, 0);
          // In two ranges, so that both ends of a range are tried.
          const half = Math.floor(tasks / 2);
          functions[kernel](tables[i].address, half, tasks, scratch.address);
          functions[kernel](tables[i].address, 0, half, scratch.address);
        });
      },
      stepTimesMs: () => [],
    };
  }
}

function addressOf(buffer: DeviceBuffer): number {
  if ("address" in buffer && typeof buffer.address === "number") return buffer.address;
  throw new DeviceError("[wasm] the buffer belongs to another device");
}
