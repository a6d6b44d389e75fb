/**
 * Storage: the memory behind a computed value. It is uploaded when a program first needs it, and released when nobody can
 * reach it any more (or at once by `using`). A value that a second device needs is copied there; once a program replaces
 * it, only the device of that program has it. Counts live bytes, so that tests can assert that none are lost.
 */
import { type DType, sizeOf, type TypedArray } from "../ir/dtype.js";
import { DeviceError } from "../util/errors.js";
import type { Device, DeviceBuffer } from "./device.js";

/** Buffers with the value, all of them equal: a Storage may be collected, its resource is freed then. */
interface Resource {
  device: Device | null;
  buffer: DeviceBuffer | null;
  /** Further devices that have the value; null where there are none, as almost always. */
  copies: Map<Device, DeviceBuffer> | null;
}

const stats = { liveBytes: 0, peakBytes: 0, buffers: 0 };

/** Bytes of device memory that tensors hold now, the most they ever held, and in how many buffers. */
export function memoryStats(): { liveBytes: number; peakBytes: number; buffers: number } {
  return { ...stats };
}

function allocate(device: Device, dtype: DType, elements: number): DeviceBuffer {
  const buffer = device.allocate(dtype, elements);
  stats.liveBytes += buffer.sizeBytes;
  stats.peakBytes = Math.max(stats.peakBytes, stats.liveBytes);
  stats.buffers++;
  return buffer;
}

function release(device: Device, buffer: DeviceBuffer): void {
  stats.liveBytes -= buffer.sizeBytes;
  stats.buffers--;
  device.release(buffer);
}

function free(resource: Resource): void {
  if (resource.device && resource.buffer) release(resource.device, resource.buffer);
  for (const [device, buffer] of resource.copies ?? []) release(device, buffer);
  resource.device = null;
  resource.buffer = null;
  resource.copies = null;
}

let stamps = 0;
const nextStamp = (): number => stamps++;

const registry = new FinalizationRegistry<Resource>(free);

export class Storage {
  private host: TypedArray | null = null;
  private current = nextStamp();
  private filled = false;
  /** Why there will never be values; null while there are or may be some. */
  private problem: { readonly error: unknown } | null = null;
  private readonly resource: Resource = { device: null, buffer: null, copies: null };

  constructor(
    readonly dtype: DType,
    readonly elements: number,
  ) {
    registry.register(this, this.resource, this);
  }

  /** Storage with the given values; the array is kept, not copied. */
  static from(dtype: DType, values: TypedArray): Storage {
    const storage = new Storage(dtype, values.length);
    storage.host = values;
    storage.filled = true;
    return storage;
  }

  /** Whether it has values, rather than only a place for those of a program that has not run yet. */
  get isFilled(): boolean {
    return this.filled && this.problem === null;
  }

  /** The buffer on a device, allocated when first asked for. Values that another device has must be brought before. */
  on(device: Device): DeviceBuffer {
    this.checkHeld();
    const { resource } = this;
    if (resource.device !== null && resource.device !== device) {
      const copy = resource.copies?.get(device);
      if (copy) return copy;
      throw new DeviceError(`a value of the ${resource.device.name} device was not brought to ${device.name}`);
    }
    resource.buffer ??= allocate(device, this.dtype, this.elements);
    resource.device = device;
    if (this.host) {
      device.write(resource.buffer, this.host);
      this.host = null;
    }
    return resource.buffer;
  }

  /** Copies the values to a device; null if that has them already, or can take them from the host. */
  bring(device: Device): Promise<void> | null {
    const { resource } = this;
    if (resource.device === null || resource.device === device || resource.copies?.has(device)) return null;
    return this.copyTo(device);
  }

  private async copyTo(device: Device): Promise<void> {
    const { resource } = this;
    const values = await this.read();
    if (resource.copies?.has(device)) return;
    const buffer = allocate(device, this.dtype, this.elements);
    device.write(buffer, values);
    resource.copies ??= new Map();
    resource.copies.set(device, buffer);
  }

  /** A number that no other values have had, in this storage or another. */
  get stamp(): number {
    return this.current;
  }

  /** Says that a program of a device has written the values there: nothing else has them. */
  wrote(device: Device): void {
    this.current = nextStamp();
    this.filled = true;
    const { resource } = this;
    if (resource.copies === null) return;
    const written = resource.copies.get(device);
    if (written && resource.device && resource.buffer) {
      release(resource.device, resource.buffer);
      resource.copies.delete(device);
      resource.device = device;
      resource.buffer = written;
    }
    for (const [other, buffer] of resource.copies) release(other, buffer);
    resource.copies = null;
  }

  /** Takes over the values of another storage, which is left without any. */
  take(other: Storage): void {
    const { resource } = this;
    free(resource);
    Object.assign(resource, other.resource);
    Object.assign(other.resource, { device: null, buffer: null, copies: null });
    this.host = other.host;
    this.filled = other.filled;
    this.current = nextStamp();
    other.host = null;
    other.filled = false;
  }

  /** Says that the program that was to give the values failed: who asks for them gets its error. */
  fail(error: unknown): void {
    this.problem = { error };
  }

  /** A copy of the values if they are there and the host can reach them at once. */
  peek(): TypedArray | null {
    const { device, buffer } = this.resource;
    if (!this.isFilled) return null;
    if (this.host) return this.host.slice();
    return (device && buffer && device.peek?.(buffer, this.dtype, this.elements)) ?? null;
  }

  /** A copy of the values. */
  async read(): Promise<TypedArray> {
    this.checkHeld();
    if (this.host) return this.host.slice();
    const { device, buffer } = this.resource;
    if (!device || !buffer || !this.filled) throw new DeviceError("a value was read before it was computed");
    return device.read(buffer, this.dtype, this.elements);
  }

  private checkHeld(): void {
    if (this.problem) throw this.problem.error;
  }

  /** Frees the memory now; whoever still shares it gets an error. */
  release(): void {
    this.fail(new DeviceError("a tensor was used after its memory was freed", { hint: "Leave out `using`" }));
    registry.unregister(this);
    this.host = null;
    free(this.resource);
  }

  get sizeBytes(): number {
    return this.elements * sizeOf(this.dtype);
  }
}
