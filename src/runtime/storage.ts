/**
 * Storage: the memory behind a realised value. It is uploaded when a program first needs it, and released when nobody can
 * reach it any more (or at once by `using`). Counts live bytes, so that tests can assert that none are lost.
 */
import { type DType, hostArray, sizeOf, type TypedArray } from "../ir/dtype.js";
import { DeviceError } from "../util/errors.js";
import type { Device, DeviceBuffer } from "./device.js";

interface Resource {
  device: Device | null;
  buffer: DeviceBuffer | null;
}

const stats = { liveBytes: 0, peakBytes: 0, buffers: 0 };

/** Bytes of device memory that tensors hold now, the most they ever held, and in how many buffers. */
export function memoryStats(): { liveBytes: number; peakBytes: number; buffers: number } {
  return { ...stats };
}

function free(resource: Resource): void {
  if (!resource.buffer || !resource.device) return;
  stats.liveBytes -= resource.buffer.sizeBytes;
  stats.buffers--;
  resource.device.release(resource.buffer);
  resource.buffer = null;
}

let stamps = 0;
const nextStamp = (): number => stamps++;

const registry = new FinalizationRegistry<Resource>(free);

export class Storage {
  private host: TypedArray | null = null;
  private current = nextStamp();
  private released = false;
  private readonly resource: Resource = { device: null, buffer: null };

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
    return storage;
  }

  /** The buffer on a device, allocated and filled when first asked for; values move when the device changes. */
  on(device: Device): DeviceBuffer {
    this.checkHeld();
    if (this.resource.device && this.resource.device !== device && this.resource.buffer) {
      this.host = this.resource.device.read(this.resource.buffer, this.dtype, this.elements);
      free(this.resource);
    }
    if (!this.resource.buffer) {
      const buffer = device.allocate(this.dtype, this.elements);
      this.resource.device = device;
      this.resource.buffer = buffer;
      stats.liveBytes += buffer.sizeBytes;
      stats.peakBytes = Math.max(stats.peakBytes, stats.liveBytes);
      stats.buffers++;
    }
    if (this.host) {
      device.write(this.resource.buffer, this.host);
      this.host = null;
    }
    return this.resource.buffer;
  }

  /** A number that no other values have had, in this storage or another. */
  get stamp(): number {
    return this.current;
  }

  /** Says that a program has replaced the values. */
  touch(): void {
    this.current = nextStamp();
  }

  /** Replaces the values from the host; takes effect with the next program. */
  load(values: TypedArray): void {
    this.touch();
    this.host = values;
  }

  /** A copy of the values. */
  read(): TypedArray {
    this.checkHeld();
    if (this.host) return this.host.slice();
    const { device, buffer } = this.resource;
    if (device && buffer) return device.read(buffer, this.dtype, this.elements);
    return hostArray(this.dtype, this.elements);
  }

  private checkHeld(): void {
    if (this.released)
      throw new DeviceError("a tensor was used after its memory was freed", { hint: "Leave out `using`" });
  }

  /** Frees the memory now; whoever still shares it gets an error. */
  release(): void {
    this.released = true;
    registry.unregister(this);
    this.host = null;
    free(this.resource);
  }

  get sizeBytes(): number {
    return this.elements * sizeOf(this.dtype);
  }
}
