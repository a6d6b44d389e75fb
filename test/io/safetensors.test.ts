/** safetensors: round trips, a file made by the reference implementation, and every kind of damage. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "../../src/io/safetensors.js";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors-file.js";
import { DataError, describeError } from "../../src/util/errors.js";

const hint = "The file is damaged or not safetensors";

/** A file of a header given as text (or object) and data bytes. */
function file(header: unknown, data: ArrayLike<number> = []): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

function lineOf(bytes: Uint8Array): string {
  try {
    decodeSafetensors(bytes, "m.safetensors");
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return describeError(error);
  }
  return "no error";
}

const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

describe("round trip", () => {
  const tensors = {
    "0.weight": { dtype: "f32", shape: [2, 2], data: Float32Array.of(1.5, -0, Number.NaN, Number.POSITIVE_INFINITY) },
    wide: { dtype: "f64", shape: [1], data: Float64Array.of(Math.PI) },
    count: { dtype: "i32", shape: [], data: Int32Array.of(-7) },
    mask: { dtype: "bool", shape: [3], data: Uint8Array.of(0, 1, 1) },
    bytes: { dtype: "u8", shape: [2], data: Uint8Array.of(0, 255) },
    empty: { dtype: "f32", shape: [0, 4], data: new Float32Array(0) },
  } as const;

  it("keeps every dtype, shape, value and the metadata", () => {
    const decoded = decodeSafetensors(encodeSafetensors(tensors, { metadata: { step: "12" } }), "x");
    expect({ ...decoded.tensors }).toEqual(tensors);
    expect(decoded.metadata).toEqual({ step: "12" });
  });

  it("gives the same bytes whatever the order of the keys", () => {
    const reversed = Object.fromEntries(Object.entries(tensors).reverse());
    expect(encodeSafetensors(reversed)).toEqual(encodeSafetensors(tensors));
  });

  it("aligns the numbers to 8 bytes", () => {
    const bytes = encodeSafetensors({ a: tensors.wide });
    expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
  });

  it("keeps names that are special in JavaScript", () => {
    const bytes = encodeSafetensors(Object.fromEntries([["__proto__", tensors.count]]));
    expect(Object.keys(decodeSafetensors(bytes, "x").tensors)).toEqual(["__proto__"]);
  });

  it("reads views that do not begin at the start of their buffer", () => {
    const bytes = encodeSafetensors(tensors);
    const moved = new Uint8Array(bytes.length + 3);
    moved.set(bytes, 3);
    expect({ ...decodeSafetensors(moved.subarray(3), "x").tensors }).toEqual(tensors);
  });

  it("goes through a file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "fovea-safetensors-"));
    const path = join(folder, "m.safetensors");
    await writeSafetensors(path, tensors);
    expect({ ...(await readSafetensors(path)).tensors }).toEqual(tensors);
    await expect(readSafetensors(join(folder, "none"))).rejects.toThrow("no such file or directory");
    await rm(folder, { recursive: true });
  });
});

describe("the reference implementation", () => {
  // Made by safetensors.torch.save({"0.weight": tensor([[1.5, -2]]), "h": tensor([.5]).half(), "b": tensor([3.]).bfloat16(),
  // "n": tensor(3), "m": tensor([True, False]), "d": tensor([.1], dtype=float64)}, metadata={"format": "pt"}), 0.7.
  const made = `
    eAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJuIjp7ImR0eXBlIjoiSTY0Iiwic2hhcGUiOltdLCJkYXRhX29mZnNldHMiOlsw
    LDhdfSwiZCI6eyJkdHlwZSI6IkY2NCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzgsMTZdfSwiMC53ZWlnaHQiOnsiZHR5cGUiOiJGMzIiLCJz
    aGFwZSI6WzEsMl0sImRhdGFfb2Zmc2V0cyI6WzE2LDI0XX0sImIiOnsiZHR5cGUiOiJCRjE2Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbMjQs
    MjZdfSwiaCI6eyJkdHlwZSI6IkYxNiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzI2LDI4XX0sIm0iOnsiZHR5cGUiOiJCT09MIiwic2hhcGUi
    OlsyXSwiZGF0YV9vZmZzZXRzIjpbMjgsMzBdfX0gICAgICAgAwAAAAAAAACamZmZmZm5PwAAwD8AAADAQEAAOAEA`;

  it("writes what we read", () => {
    const { tensors, metadata } = decodeSafetensors(Buffer.from(made, "base64"), "x");
    expect(metadata).toEqual({ format: "pt" });
    expect({ ...tensors }).toEqual({
      "0.weight": { dtype: "f32", shape: [1, 2], data: Float32Array.of(1.5, -2) },
      h: { dtype: "f32", shape: [1], data: Float32Array.of(0.5) },
      b: { dtype: "f32", shape: [1], data: Float32Array.of(3) },
      n: { dtype: "i32", shape: [], data: Int32Array.of(3) },
      m: { dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) },
      d: { dtype: "f64", shape: [1], data: Float64Array.of(0.1) },
    });
  });
});

describe("other dtypes", () => {
  const decode = (type: string, array: ArrayBufferView, count: number) => {
    const data = bytesOf(array);
    const header = { a: { dtype: type, shape: [count], data_offsets: [0, data.length] } };
    return decodeSafetensors(file(header, data), "x").tensors.a;
  };

  it("reads F16 and BF16 as f32", () => {
    const half = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00, 0xfc00, 0x3555, 0x8000);
    expect(decode("F16", half, 7)).toEqual({
      dtype: "f32",
      shape: [7],
      data: Float32Array.of(1, -2, 2 ** -24, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.333251953125, -0),
    });
    expect(decode("F16", Uint16Array.of(0x7e00), 1).data[0]).toBeNaN();
    expect(decode("BF16", Uint16Array.of(0x3f80, 0xc040, 0x7f80), 3).data).toEqual(
      Float32Array.of(1, -3, Number.POSITIVE_INFINITY),
    );
  });

  it("reads other integers as i32 when they fit", () => {
    expect(decode("I64", BigInt64Array.of(-5n, 2147483647n), 2).data).toEqual(Int32Array.of(-5, 2147483647));
    expect(decode("U64", BigUint64Array.of(5n), 1).data).toEqual(Int32Array.of(5));
    expect(decode("U32", Uint32Array.of(7), 1).data).toEqual(Int32Array.of(7));
    expect(decode("I16", Int16Array.of(-3), 1).data).toEqual(Int32Array.of(-3));
    expect(decode("U16", Uint16Array.of(65535), 1).data).toEqual(Int32Array.of(65535));
    expect(decode("I8", Int8Array.of(-128), 1).data).toEqual(Int32Array.of(-128));
  });

  it.each([
    ["I64", BigInt64Array.of(2147483648n), "the value 2147483648, which does not fit into i32"],
    ["U32", Uint32Array.of(4294967295), "the value 4294967295, which does not fit into i32"],
    ["BOOL", Uint8Array.of(2), "the byte 2, which is no truth value"],
  ])("refuses %s values that do not fit", (type, array, problem) => {
    expect(() => decode(type, array, 1)).toThrow(`[safetensors] x holds in tensor "a" ${problem}`);
  });
});

describe("damage", () => {
  const a = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  it.each([
    ["empty", new Uint8Array(0), "is truncated: 0 bytes, a header length alone takes 8"],
    ["short length", new Uint8Array(7), "is truncated: 7 bytes, a header length alone takes 8"],
    ["cut header", file({ a }).subarray(0, 20), "is truncated: the header ends at byte 62, the file has 20"],
    [
      "huge header",
      new Uint8Array(8).fill(255),
      "announces a header of 18446744073709552000 bytes, more than 100000000",
    ],
    ["no JSON", file("{nope"), "has a header that is not a JSON object"],
    ["no UTF-8", file("{}").fill(0xff, 8), "has a header that is not a JSON object"],
    ["a list", file("[]"), "has a header that is not a JSON object"],
    ["metadata", file({ __metadata__: { a: 1 } }), "has metadata that is not text by name"],
    ["entry", file({ a: 3 }), 'describes tensor "a" without a valid dtype, shape and data_offsets'],
    ["shape", file({ a: { ...a, shape: [-2] } }), 'describes tensor "a" without a valid dtype, shape and data_offsets'],
    [
      "offsets",
      file({ a: { ...a, data_offsets: [0] } }),
      'describes tensor "a" without a valid dtype, shape and data_offsets',
    ],
    ["dtype", file({ a: { ...a, dtype: "F8_E5M2" } }), 'has tensor "a" of unsupported dtype F8_E5M2'],
    ["inherited", file({ a: { ...a, dtype: "toString" } }), 'has tensor "a" of unsupported dtype toString'],
    ["order", file({ a: { ...a, data_offsets: [8, 0] } }), 'has tensor "a" ending at 0 before it begins at 8'],
    ["cut data", file({ a }, [0, 0, 0]), 'is truncated: tensor "a" ends at data byte 8, the file has 3'],
    ["size", file({ a: { ...a, shape: [3] } }, Array(8).fill(0)), 'gives tensor "a" 8 bytes, but F32 [3] takes 12'],
    ["rest", file({ a }, Array(9).fill(0)), "has 1 bytes that belong to no tensor"],
    [
      "hole",
      file({ a: { ...a, data_offsets: [4, 12] } }, Array(12).fill(0)),
      'has a hole of 4 bytes before tensor "a"',
    ],
    [
      "overlap",
      file({ a, b: { ...a, data_offsets: [4, 12] } }, Array(12).fill(0)),
      'has tensors that overlap: "a" and "b"',
    ],
  ])("%s", (_, bytes, problem) => {
    expect(lineOf(bytes)).toBe(`[safetensors] m.safetensors ${problem}. ${hint}`);
  });

  it("never crashes or hangs: any cut, any flipped byte gives tensors or a DataError", () => {
    const good = encodeSafetensors(
      { w: { dtype: "f32", shape: [2, 3], data: new Float32Array(6).fill(1) } },
      { metadata: { a: "b" } },
    );
    for (let length = 0; length < good.length; length++) expect(lineOf(good.subarray(0, length))).toContain(hint);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bad = good.slice();
        bad[at] ^= change;
        lineOf(bad);
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});
