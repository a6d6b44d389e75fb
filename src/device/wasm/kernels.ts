/**
 * Compiled kernels: modules by content, compiled once and retained while a program uses them (reference counting). Must
 * not know the loop language or threads.
 */
import { DeviceError } from "../../util/errors.js";
import { engine, type WasmMemory, type WasmModule } from "./engine.js";

/** `kernel(table, first, last, scratch)` of an instance. */
export type KernelFunction = (table: number, first: number, last: number, scratch: number) => void;

/** A kernel that at least one program uses. */
export class CompiledKernel {
  users = 0;
  private instance: KernelFunction | null = null;

  constructor(
    readonly id: number,
    readonly content: string,
    readonly module: WasmModule,
    private readonly memory: WasmMemory,
  ) {}

  /** The kernel's function on the calling thread, instantiated at the first use. */
  get callable(): KernelFunction {
    if (!this.instance) {
      const { kernel } = new (engine().Instance)(this.module, { fovea: { memory: this.memory } }).exports;
      this.instance = kernel as KernelFunction;
    }
    return this.instance;
  }
}

const decoder = new TextDecoder("latin1");

export class KernelStore {
  private readonly kernels = new Map<string, Promise<CompiledKernel>>();
  private ids = 0;

  constructor(private readonly memory: WasmMemory) {}

  /** Number of retained modules. */
  get size(): number {
    return this.kernels.size;
  }

  /** The kernel of a module's bytes; its user count is incremented. */
  async get(bytes: Uint8Array, label: string): Promise<CompiledKernel> {
    // Latin-1 has one character per byte, so equal keys mean equal modules.
    const content = decoder.decode(bytes);
    let known = this.kernels.get(content);
    if (!known) {
      known = this.compile(bytes, content, label);
      this.kernels.set(content, known);
      known.catch(() => this.kernels.delete(content));
    }
    const kernel = await known;
    // Its last user may have released it while this one waited.
    this.kernels.set(content, known);
    kernel.users++;
    return kernel;
  }

  /** Decrements user counts; returns the kernels without users. */
  release(kernels: readonly CompiledKernel[]): CompiledKernel[] {
    const unused: CompiledKernel[] = [];
    for (const kernel of kernels) {
      if (--kernel.users > 0) continue;
      this.kernels.delete(kernel.content);
      unused.push(kernel);
    }
    return unused;
  }

  private async compile(bytes: Uint8Array, content: string, label: string): Promise<CompiledKernel> {
    try {
      return new CompiledKernel(this.ids++, content, await engine().compile(bytes), this.memory);
    } catch (cause) {
      throw new DeviceError(`[wasm] the kernel ${label} is not a valid module: ${String(cause)}`, { cause });
    }
  }
}
