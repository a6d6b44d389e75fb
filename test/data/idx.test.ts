/** The IDX reader: every type, plain and gzipped, and every kind of damage. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseIdx } from "../../src/data/idx.js";
import { readIdx } from "../../src/data/idx-file.js";
import { DataError, describeError } from "../../src/util/errors.js";
import { idxBytes } from "./idx-bytes.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-idx-"));
});
afterAll(() => rm(folder, { recursive: true }));

const put = async (name: string, bytes: Uint8Array) => {
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
};

async function lineOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return describeError(error);
  }
  return "no error";
}

describe("types", () => {
  it.each([
    ["u8", 0x08, Uint8Array.of(0, 128, 255)],
    ["i8", 0x09, Int8Array.of(-128, 0, 127)],
    ["i16", 0x0b, Int16Array.of(-32768, 1, 258)],
    ["i32", 0x0c, Int32Array.of(-2147483648, 1, 16909060)],
    ["f32", 0x0d, Float32Array.of(1.5, -0, Number.NaN)],
    ["f64", 0x0e, Float64Array.of(Math.PI, Number.NEGATIVE_INFINITY, 1)],
  ])("%s", async (name, type, data) => {
    const bytes = idxBytes(type, [3, 1], data);
    expect(parseIdx(bytes, "x")).toEqual({ shape: [3, 1], data });
    expect(await readIdx(await put(name, bytes))).toEqual({ shape: [3, 1], data });
    expect(await readIdx(await put(`${name}.gz`, gzipSync(bytes)))).toEqual({ shape: [3, 1], data });
  });

  it("goes by the content, not by the name", async () => {
    const bytes = idxBytes(8, [2], [1, 2]);
    expect((await readIdx(await put("plain.gz", bytes))).data).toEqual(Uint8Array.of(1, 2));
    expect((await readIdx(await put("packed", gzipSync(bytes)))).data).toEqual(Uint8Array.of(1, 2));
  });

  it("reads an array of no samples", () =>
    expect(parseIdx(idxBytes(8, [0, 28, 28], []), "x").shape).toEqual([0, 28, 28]));
});

describe("bad files", () => {
  const good = idxBytes(8, [2, 3], [1, 2, 3, 4, 5, 6]);
  const notIdx = "An IDX file begins with 00 00, a type from 08 to 0e, and the number of axes";
  it.each([
    ["empty", new Uint8Array(0), `is not an IDX file: it is empty. ${notIdx}`],
    ["PNG", Uint8Array.of(0x89, 0x50, 0x4e, 0x47), `is not an IDX file: it begins with 89 50 4e 47. ${notIdx}`],
    ["type", Uint8Array.of(0, 0, 10, 1), `is not an IDX file: it begins with 00 00 0a 01. ${notIdx}`],
    ["rank", Uint8Array.of(0, 0, 8, 0), `is not an IDX file: it begins with 00 00 08 00. ${notIdx}`],
    ["short", Uint8Array.of(0, 0, 8), `is not an IDX file: it begins with 00 00 08. ${notIdx}`],
    [
      "cut header",
      good.subarray(0, 8),
      "is truncated: 8 bytes, the header alone takes 12. Download or copy the file again",
    ],
    ["cut", good.subarray(0, 17), "is truncated: 17 bytes of 18. Download or copy the file again"],
    ["long", Uint8Array.of(...good, 0), "is too long: 19 bytes, but [2, 3] takes 18. Download or copy the file again"],
  ])("%s", async (name, bytes, problem) => {
    expect(await lineOf(() => parseIdx(bytes, "f"))).toBe(`[idx] f ${problem}`);
    const path = await put(`${name}.gz`, gzipSync(bytes));
    expect(await lineOf(() => readIdx(path))).toBe(`[idx] ${path} ${problem}`);
  });

  it("cut or changed gzip", async () => {
    const packed = gzipSync(good);
    const cut = await put("cut.gz", packed.subarray(0, 20));
    expect(await lineOf(() => readIdx(cut))).toBe(
      `[idx] ${cut} cannot be unpacked: unexpected end of file. Download or copy the file again`,
    );
    packed[packed.length - 6] ^= 255;
    const changed = await put("changed.gz", packed);
    expect(await lineOf(() => readIdx(changed))).toBe(
      `[idx] ${changed} cannot be unpacked: incorrect data check. Download or copy the file again`,
    );
  });

  it("missing file, folder", async () => {
    const path = join(folder, "none");
    expect(await lineOf(() => readIdx(path))).toBe(`[idx] cannot read ${path}: no such file or directory`);
    expect(await lineOf(() => readIdx(folder))).toBe(`[idx] cannot read ${folder}: illegal operation on a directory`);
  });
});
