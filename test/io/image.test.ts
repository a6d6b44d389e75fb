/** PNG decoding and resizing against Pillow 12, and every kind of damaged file. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Image, resize, toGrey, toRgb } from "../../src/io/image.js";
import { decodePng, readPng } from "../../src/io/png.js";
import { DataError, describeError } from "../../src/util/errors.js";

// All made by Pillow from numpy.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=uint8).
const rgb = hex(
  "5f82c2d9cfeb0fa321d7d982f8bd1045b8e8cd4ea93d7d0a1df04213b6273b043b51de2c787a32d04e1c40a67959aae97fb2ed80717b4c9b459a82f85f49c0babf7fdca1e7012b8bedbf568f07e860ef4c3700474dc7dbd0b090beab6878b300f0f5e664bfd87edb1f",
);
const grey = hex("7fd568cebb9b7e5d9d751ba0716f8299a9777a975db6bb29c149b219a5b6a98df2a7aa"); // convert("L")
const files = {
  rgb: "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAIAAAAG+GGPAAAAeUlEQVR4nAFuAJH/AF+CwtnP6w+jIdfZgvi9EEW46M1OqQTe+0hEITgE5wZkK7kW2hwznEoDAOoEAylvPLpwJggEAW2OzL3KIgizj/vIALq/f9yh5wEri+2/Vo8H6GDvTDcARwFNx9uD6bXu+9i6CJh4QuZ0yvIaHEcruDSR205QQwAAAABJRU5ErkJggg==",
  grey: "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAAAAACs8akEAAAAM0lEQVR4nAEoANf/AX9Wk2bt4OMC3sgNTeXW8QQl/DQC2ibGALa7KcFJshkBpRHz5GW1A5oAE2kPbGPNAAAAAElFTkSuQmCC",
  palette:
    "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFAgMAAAD09B5LAAAADFBMVEXHxoZKzXBjk4RwMn/2Y8P8AAAAF0lEQVR4nGNo0WESdmC6zMDAc4ehUQUAGGgDaPbTALIAAAAASUVORK5CYII=", // quantize(4)
  sixteen:
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACEAAAAADoj+WFAAAAFklEQVR4nGNkYDA2NjZmmDnzzJn//wEW0gWWM1Vt+wAAAABJRU5ErkJggg==", // [[0, 1, 2], [3, 4, 5]] * 13107, 16 bits
  one: "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABAQAAAAAzmykZAAAACklEQVR4nGNYAAAAogCh3I2xzAAAAABJRU5ErkJggg==", // 1 0 1, one bit
  greyAlpha: "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABCAQAAACx6dw/AAAAD0lEQVR4nGNg+M/AkNIAAAZKAeRU0Y2CAAAAAElFTkSuQmCC", // (0, 255), (0, 0), (100, 128)
};
const palette = hex(
  "639384c7c6864acd70c7c686c7c68663938470327f6393844acd704acd7070327f4acd7063938470327f4acd706393846393846393844acd7063938470327fc7c686c7c68670327fc7c68670327f4acd7070327f639384c7c686c7c6864acd70c7c6866393844acd70",
);
const resized = {
  // resize((3, 4), BILINEAR)
  "3 x 4": hex("6bae8f8cb053998e853bb36851805d847b67839cb6877e91656d8e9eaea5a4ad6e7fba8e"),
  // resize((9, 6), BILINEAR)
  "9 x 6": hex(
    "5f82c2b0b5dd7fbb913baf37d7d982f1c32995ba887295d3cd4ea9467e384ac55b33cf4d24962e62394d75b32e73ab458c7655cf4e3f3f954b40b78648bfa0569b8e634460539e437097768c6d978e4b7c73b07c86aac47193d8607fb1ad926c786983768b9e7083a44e2b8e9fc196c6aebd8e7dae536474d0bc41b05ec3809ca459a95e49373d4dc7dba4b8a9c8ae7eaead5178b300d5e6b3a2d7de6dc89a7edb1f",
  ),
};

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
const bytesOf = (name: keyof typeof files) => new Uint8Array(Buffer.from(files[name], "base64"));
const imageOf = (width: number, height: number, channels: 1 | 3, data: Uint8Array): Image => ({
  width,
  height,
  channels,
  data,
  transparent: false,
});

describe("decodePng", () => {
  it("reads RGB, grey, palette, 16-bit and 1-bit files", () => {
    expect(decodePng(bytesOf("rgb"), "x")).toEqual(imageOf(7, 5, 3, rgb));
    expect(decodePng(bytesOf("grey"), "x")).toEqual(imageOf(7, 5, 1, grey));
    expect(decodePng(bytesOf("palette"), "x")).toEqual(imageOf(7, 5, 3, palette));
    expect(decodePng(bytesOf("sixteen"), "x")).toEqual(imageOf(3, 2, 1, Uint8Array.of(0, 51, 102, 153, 204, 255)));
    expect(decodePng(bytesOf("one"), "x")).toEqual(imageOf(3, 1, 1, Uint8Array.of(255, 0, 255)));
  });

  it("shows transparent pixels on white and says so", () => {
    // 100 · 128/255 + 255 · 127/255 = 177.2
    expect(decodePng(bytesOf("greyAlpha"), "x")).toEqual({
      ...imageOf(3, 1, 1, Uint8Array.of(0, 255, 177)),
      transparent: true,
    });
  });
});

describe("toGrey, toRgb", () => {
  it("weighs colours as Pillow does", () => expect(toGrey(imageOf(7, 5, 3, rgb)).data).toEqual(grey));
  it("leaves what is already so", () => {
    const image = imageOf(7, 5, 1, grey);
    expect(toGrey(image)).toBe(image);
    expect(toRgb(toRgb(image))).toEqual(toRgb(image));
    expect(toGrey(toRgb(image)).data).toEqual(grey);
  });
});

describe("resize", () => {
  // Pillow rounds to bytes between the two passes and we do not, hence one level.
  it.each(Object.entries(resized))("to %s within one level of Pillow", (size, expected) => {
    const [width, height] = size.split(" x ").map(Number);
    const image = resize(imageOf(7, 5, 3, rgb), width, height);
    expect(image).toMatchObject({ width, height, channels: 3 });
    const largest = Math.max(...image.data.map((value, i) => Math.abs(value - expected[i])));
    expect(largest).toBeLessThanOrEqual(1);
  });
  it("keeps an image of the same size", () => expect(resize(imageOf(7, 5, 3, rgb), 7, 5).data).toEqual(rgb));
});

describe("bad files", () => {
  const hint = "Check the file in an image viewer, or save it again as PNG";
  const lineOf = (bytes: Uint8Array) => {
    try {
      decodePng(bytes, "p.png");
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      return describeError(error);
    }
    return "no error";
  };
  const sized = (width: number, height: number) => {
    const bytes = bytesOf("rgb");
    new DataView(bytes.buffer).setUint32(16, width);
    new DataView(bytes.buffer).setUint32(20, height);
    return bytes;
  };

  it.each([
    ["empty", new Uint8Array(0), "is not a PNG file. Convert the image to PNG"],
    ["JPEG", Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), "is not a PNG file. Convert the image to PNG"],
    ["cut header", bytesOf("rgb").subarray(0, 20), `is truncated: it has only 20 bytes. ${hint}`],
    ["no width", sized(0, 5), `claims 0 x 5 pixels; from 1 to 67108864 are accepted. ${hint}`],
    ["bomb", sized(2 ** 20, 2 ** 20), `claims 1048576 x 1048576 pixels; from 1 to 67108864 are accepted. ${hint}`],
  ])("%s", (_, bytes, problem) => {
    expect(lineOf(bytes)).toBe(`[png] p.png ${problem}`);
  });

  it("names damage: any cut before the end marker, any changed byte of the chunks", () => {
    const good = bytesOf("rgb");
    for (let length = 33; length < good.length - 12; length++) {
      expect(lineOf(good.subarray(0, length))).toMatch(/^\[png\] p\.png is damaged: .+/);
    }
    for (let at = 8; at < good.length; at++) {
      const bad = good.slice();
      bad[at] ^= 0x15;
      expect(lineOf(bad)).toMatch(/^(\[png\] p\.png (is damaged|claims)|no error$)/);
    }
  });

  it("names a missing file, and reads one that is there", async () => {
    const folder = await mkdtemp(join(tmpdir(), "fovea-png-"));
    await expect(readPng(join(folder, "none.png"))).rejects.toThrow("no such file or directory");
    await writeFile(join(folder, "a.png"), bytesOf("grey"));
    expect((await readPng(join(folder, "a.png"))).width).toBe(7);
    await rm(folder, { recursive: true });
  });
});
