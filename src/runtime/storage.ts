/**
 * Storage: the memory of a computed value. It is uploaded when a program first needs it, and released when the Storage
 * is garbage-collected, or immediately by `using`. A value that a second device needs is copied there; when a program
 * overwrites it, only the device of that program has the value. Counts live bytes, so that tests can assert that none
 * leak.
 */
import { type DType, sizeOf, type TypedArray } from "../ir/dtype.js";
import { DeviceError } from "../util/errors.js";
import type { Device, DeviceBuffer } from "./device.js";

/** The buffers with the value, all equal. Separate from the Storage, so that a finalizer can free them. */
interface Resource {
  device: Device | null;
  buffer: DeviceBuffer | null;
  /** Buffers on further devices; null if there are none, which is the usual case. */
  copies: Map<Device, DeviceBuffer> | null;
}

const stats = { liveBytes: 0, peakBytes: 0, buffers: 0 };

/** Bytes of device memory that tensors use now, their maximum so far, and the number of buffers. */
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

let versions = 0;
const nextVersion = (): number => versions++;

const registry = new FinalizationRegistry<Resource>(free);

export class Storage {
  private host: TypedArray | null = null;
  private currentVersion = nextVersion();
  private filled = false;
  /** The error that `read` throws, if the value could not be computed or was released; else null. */
  private failure: { readonly error: unknown } | null = null;
  private readonly resource: Resource = { device: null, buffer: null, copies: null };

  constructor(
    readonly dtype: DType,
    readonly elements: number,
  ) {
    registry.register(this, this.resource, this);
  }

  /** Storage with the given values; the array is referenced, not copied. */
  static from(dtype: DType, values: TypedArray): Storage {
    const storage = new Storage(dtype, values.length);
    storage.host = values;
    storage.filled = true;
    return storage;
  }

  /** True if it has values; false if they are yet to be computed, or never will be. */
  get isFilled(): boolean {
    return this.filled && this.failure === null;
  }

  /**
   * The buffer on a device, allocated at the first call. A value on another device must be copied before
   * (`copyToDevice`).
   */
  on(device: Device): DeviceBuffer {
    this.assertUsable();
    const { resource } = this;
    if (resource.device !== null && resource.device !== device) {
      const copy = resource.copies?.get(device);
      if (copy) return copy;
      throw new DeviceError(`a value of the ${resource.device.name} device was not copied to ${device.name}`);
    }
    resource.buffer ??= allocate(device, this.dtype, this.elements);
    resource.device = device;
    if (this.host) {
      device.write(resource.buffer, this.host);
      this.host = null;
    }
    return resource.buffer;
  }

  /** Copies the values to a device; null if the device already has them, or can upload them from the host. */
  copyToDevice(device: Device): Promise<void> | null {
    const { resource } = this;
    if (resource.device === null || resource.device === device || resource.copies?.has(device)) return null;
    return this.copy(device);
  }

  private async copy(device: Device): Promise<void> {
    const { resource } = this;
    const values = await this.read();
    if (resource.copies?.has(device)) return;
    const buffer = allocate(device, this.dtype, this.elements);
    device.write(buffer, values);
    resource.copies ??= new Map();
    resource.copies.set(device, buffer);
  }

  /** The version of the values: a number that no other values, of this or another Storage, ever have. */
  get version(): number {
    return this.currentVersion;
  }

  /** Must be called when a program wrote the values on a device; copies elsewhere are stale and released. */
  markWritten(device: Device): void {
    this.currentVersion = nextVersion();
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

  /** Moves the values of another Storage here; the other one has none afterwards. */
  moveFrom(other: Storage): void {
    const { resource } = this;
    free(resource);
    Object.assign(resource, other.resource);
    Object.assign(other.resource, { device: null, buffer: null, copies: null });
    this.host = other.host;
    this.filled = other.filled;
    this.currentVersion = nextVersion();
    other.host = null;
    other.filled = false;
  }

  /** Records that the program that computes the values failed; `read` then throws its error. */
  fail(error: unknown): void {
    this.failure = { error };
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
    this.assertUsable();
    if (this.host) return this.host.slice();
    const { device, buffer } = this.resource;
    if (!device || !buffer || !this.filled) throw new DeviceError("a value was read before it was computed");
    return device.read(buffer, this.dtype, this.elements);
  }

  private assertUsable(): void {
    if (this.failure) throw this.failure.error;
  }

  /** Frees the memory now; later uses throw. */
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
