/**
 * Bytes in WebAssembly's binary format: integers in LEB128, names, length-prefixed vectors. Must not know
 * instructions or sections.
 */
export class Bytes {
  private buffer = new Uint8Array(256);
  private used = 0;

  get length(): number {
    return this.used;
  }

  private reserve(count: number): void {
    if (this.used + count <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.used + count, 2 * this.buffer.length));
    larger.set(this.buffer.subarray(0, this.used));
    this.buffer = larger;
  }

  byte(...values: readonly number[]): this {
    this.reserve(values.length);
    for (const value of values) this.buffer[this.used++] = value;
    return this;
  }

  append(values: Uint8Array): this {
    this.reserve(values.length);
    this.buffer.set(values, this.used);
    this.used += values.length;
    return this;
  }

  /** An unsigned integer below 2³². */
  unsigned(value: number): this {
    let rest = value;
    while (rest >= 128) {
      this.byte((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    return this.byte(rest);
  }

  /** A signed integer of at most 53 bits; callers pass 32-bit constants as signed numbers. */
  signed(value: number): this {
    let rest = value;
    for (;;) {
      const low = ((rest % 128) + 128) % 128;
      rest = Math.floor(rest / 128);
      // Bit 6 of the last byte is the sign.
      if ((rest === 0 && low < 64) || (rest === -1 && low >= 64)) return this.byte(low);
      this.byte(low | 128);
    }
  }

  float32(value: number): this {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value, true);
    return this.append(new Uint8Array(view.buffer));
  }

  float64(value: number): this {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value, true);
    return this.append(new Uint8Array(view.buffer));
  }

  name(text: string): this {
    const encoded = new TextEncoder().encode(text);
    return this.unsigned(encoded.length).append(encoded);
  }

  /** The bytes of another writer, preceded by their length. */
  block(content: Bytes): this {
    return this.unsigned(content.length).append(content.finish());
  }

  finish(): Uint8Array {
    return this.buffer.slice(0, this.used);
  }
}
