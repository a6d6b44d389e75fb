/** One file to pixels: every kind of JPEG, PNG and WebP that people have, and everything that is broken. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decoderVersion } from "../../src/data/image.js";
import { type DecodeSettings, decodeImage, readHeader } from "../../src/data/index.js";
import { type Image, resize } from "../../src/io/index.js";
import { philox2x32 } from "../../src/util/philox.js";
import { root } from "../../tools/setup.mjs";
import { gradient, sharpFrom } from "./image-files.js";

const [width, height] = [24, 16];
const rgb = gradient(width, height);
const base = () => sharpFrom(rgb, width, height);
const as = (settings: Partial<DecodeSettings> = {}): DecodeSettings => ({
  channels: 3,
  size: [height, width],
  resize: false,
  ...settings,
});

async function pixelsOf(bytes: Uint8Array, settings: Partial<DecodeSettings> = {}): Promise<Uint8Array> {
  const decoded = await decodeImage(bytes, as(settings));
  if (!("pixels" in decoded)) throw new Error(JSON.stringify(decoded));
  return decoded.pixels;
}

const distance = (a: Uint8Array, b: Uint8Array) => {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
};

const half = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i % 4 < 3 ? rgb[(i >> 2) * 3 + (i % 4)] : 128));
const onWhite = Uint8Array.from(rgb, (value) => Math.round((value * 128 + 255 * 127) / 255));
const luma = await base().greyscale().toColourspace("b-w").raw().toBuffer();
const muted = Uint8Array.from(rgb, (value) => 100 + Math.round(value / 5));
const greyRgb = Uint8Array.from({ length: rgb.length }, (_, i) => luma[Math.floor(i / 3)]);
const frames = new Uint8Array([...rgb, ...new Uint8Array(rgb.length).fill(255)]);
const film = () => sharp(frames, { raw: { width, height: height * 2, channels: 3, pageHeight: height } });

/** Files, the pixels that they hold, and how far from them a decoder may be. */
const kinds: readonly (readonly [
  name: string,
  file: () => Promise<Buffer>,
  expected: Uint8Array,
  tolerance: number,
])[] = [
  ["JPEG", () => base().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(), rgb, 4],
  [
    "progressive JPEG",
    () => base().jpeg({ quality: 100, progressive: true, chromaSubsampling: "4:4:4" }).toBuffer(),
    rgb,
    4,
  ],
  ["subsampled JPEG", () => base().jpeg({ quality: 95 }).toBuffer(), rgb, 20],
  ["grey JPEG", () => base().greyscale().jpeg({ quality: 100 }).toBuffer(), greyRgb, 3],
  // There and back through profiles, in colours that ink has.
  [
    "CMYK JPEG",
    () => sharpFrom(muted, width, height).toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer(),
    muted,
    20,
  ],
  ["PNG", () => base().png().toBuffer(), rgb, 0],
  ["interlaced PNG", () => base().png({ progressive: true }).toBuffer(), rgb, 0],
  ["16-bit PNG", () => base().toColourspace("rgb16").png().toBuffer(), rgb, 0],
  ["grey PNG", () => base().greyscale().toColourspace("b-w").png().toBuffer(), greyRgb, 0],
  ["grey 16-bit PNG", () => base().greyscale().toColourspace("grey16").png().toBuffer(), greyRgb, 1],
  ["palette PNG", () => base().png({ palette: true, colours: 256, dither: 0 }).toBuffer(), rgb, 12],
  ["PNG with alpha", () => sharpFrom(half, width, height).png().toBuffer(), onWhite, 1],
  ["WebP", () => base().webp({ quality: 100 }).toBuffer(), rgb, 20],
  ["lossless WebP", () => base().webp({ lossless: true }).toBuffer(), rgb, 0],
  ["WebP with alpha", () => sharpFrom(half, width, height).webp({ lossless: true }).toBuffer(), onWhite, 1],
  [
    "animated WebP: its first frame",
    () =>
      film()
        .webp({ lossless: true, delay: [90, 90] })
        .toBuffer(),
    rgb,
    0,
  ],
];

describe.each(kinds)("%s", (_, file, expected, tolerance) => {
  it("keeps its pixels", async () => {
    expect(distance(await pixelsOf(await file()), expected)).toBeLessThanOrEqual(tolerance);
  });

  it("keeps them through the decoder that resizes", async () => {
    expect(distance(await pixelsOf(await file(), { resize: true }), expected)).toBeLessThanOrEqual(tolerance);
  });
});

it("CMYK is not left to the decoder that takes its inks for colours", async () => {
  const file = await sharpFrom(muted, width, height).toColourspace("cmyk").jpeg().toBuffer();
  expect(readHeader(file)).toMatchObject({ format: "jpeg", plain: false, grey: false });
});

it("a grey image with alpha stays grey, on white", async () => {
  const file = await base().greyscale().ensureAlpha(0.5).toColourspace("b-w").png().toBuffer();
  expect(readHeader(file)).toMatchObject({ grey: true });
  const expected = Uint8Array.from(luma, (value) => Math.round((value * 127 + 255 * 128) / 255));
  expect(distance(await pixelsOf(file, { channels: 1 }), expected)).toBeLessThanOrEqual(1);
});

describe("Exif", () => {
  /** Where pixel (x, y) of what is shown lies in the file, by the table of Exif 2.3. */
  const sources: readonly ((x: number, y: number) => readonly [number, number])[] = [
    (x, y) => [x, y],
    (x, y) => [width - 1 - x, y],
    (x, y) => [width - 1 - x, height - 1 - y],
    (x, y) => [x, height - 1 - y],
    (x, y) => [y, x],
    (x, y) => [y, height - 1 - x],
    (x, y) => [width - 1 - y, height - 1 - x],
    (x, y) => [width - 1 - y, x],
  ];
  const formats = ["jpeg", "png", "webp"] as const;
  const cases = formats.flatMap((format) => sources.map((source, i) => [format, i + 1, source] as const));

  it.each(cases)("%s, orientation %d", async (format, orientation, source) => {
    const options = { jpeg: { quality: 100, chromaSubsampling: "4:4:4" }, png: {}, webp: { lossless: true } }[format];
    const file = await base().withMetadata({ orientation }).toFormat(format, options).toBuffer();
    const [shownWidth, shownHeight] = orientation < 5 ? [width, height] : [height, width];
    expect(readHeader(file)).toMatchObject({
      format,
      width: shownWidth,
      height: shownHeight,
      plain: orientation === 1,
    });
    const expected = new Uint8Array(rgb.length);
    for (let y = 0; y < shownHeight; y++) {
      for (let x = 0; x < shownWidth; x++) {
        const [fromX, fromY] = source(x, y);
        const from = (fromY * width + fromX) * 3;
        expected.set(rgb.subarray(from, from + 3), (y * shownWidth + x) * 3);
      }
    }
    const size = [shownHeight, shownWidth] as const;
    expect(distance(await pixelsOf(file, { size }), expected)).toBeLessThanOrEqual(format === "jpeg" ? 4 : 0);
    expect(distance(await pixelsOf(file, { size, resize: true }), expected)).toBeLessThanOrEqual(
      format === "jpeg" ? 4 : 0,
    );
  });
});

describe("resizing", () => {
  /** Resize(short side) and CenterCrop by the filter that is checked against Pillow. */
  function reference(image: Image, size: readonly [number, number]): Uint8Array {
    const scale = Math.max(size[0] / image.height, size[1] / image.width);
    const [wide, high] = [Math.round(image.width * scale), Math.round(image.height * scale)];
    const whole = resize(image, wide, high);
    const [left, top] = [Math.floor((wide - size[1]) / 2), Math.floor((high - size[0]) / 2)];
    const out: number[] = [];
    for (let y = 0; y < size[0]; y++) {
      const from = ((top + y) * wide + left) * 3;
      out.push(...whole.data.subarray(from, from + size[1] * 3));
    }
    return Uint8Array.from(out);
  }

  it.each([
    [60, 40, [20, 20]],
    [40, 60, [20, 20]],
    [40, 40, [10, 20]],
    [30, 30, [60, 60]],
  ] as const)("%d x %d to %j covers and cuts about the centre", async (wide, high, size) => {
    const data = gradient(wide, high);
    const file = await sharpFrom(data, wide, high).png().toBuffer();
    const image: Image = { width: wide, height: high, channels: 3, data, transparent: false };
    expect(distance(await pixelsOf(file, { size, resize: true }), reference(image, size))).toBeLessThanOrEqual(3);
  });

  it("is not done unless it is requested", async () => {
    const file = await base().png().toBuffer();
    expect(await decodeImage(file, as({ size: [8, 8] }))).toEqual({ size: [height, width] });
  });
});

describe("what cannot be decoded", () => {
  const reasonOf = async (bytes: Uint8Array, settings: Partial<DecodeSettings> = {}) => {
    const decoded = await decodeImage(bytes, as(settings));
    return "reason" in decoded ? decoded.reason : JSON.stringify(Object.keys(decoded));
  };

  it.each([
    ["nothing", async () => Buffer.alloc(0), "the file is empty"],
    ["text", async () => Buffer.from("this is no image at all"), "not a JPEG, PNG or WebP file"],
    ["three letters", async () => Buffer.from("GIF"), "not a JPEG, PNG or WebP file"],
    ["a GIF", () => base().gif().toBuffer(), "a GIF file; JPEG, PNG and WebP are read"],
    ["the start of a JPEG", async () => (await base().jpeg().toBuffer()).subarray(0, 30), "truncated in its header"],
  ])("%s", async (_, file, reason) => {
    const bytes = await file();
    expect(await reasonOf(bytes)).toBe(reason);
    expect(await reasonOf(bytes, { resize: true })).toBe(reason);
  });

  it("files that are cut anywhere give a reason, never pixels", async () => {
    const files = [base().jpeg(), base().jpeg({ progressive: true }), base().png(), base().webp({ lossless: true })];
    for (const file of files) {
      const bytes = await file.toBuffer();
      for (const share of [0.02, 0.3, 0.5, 0.7, 0.9, 0.97]) {
        const cut = bytes.subarray(0, Math.floor(bytes.length * share));
        expect(await reasonOf(cut), `${share}`).toMatch(/^(damaged|truncated|not a|the file is)/);
        expect(await reasonOf(cut, { resize: true }), `${share}`).toMatch(/^(damaged|truncated|not a|the file is)/);
      }
    }
  });

  it("a header that claims too much is refused before memory is requested", async () => {
    const bytes = await base().png().toBuffer();
    bytes.writeUInt32BE(60_000, 16);
    bytes.writeUInt32BE(60_000, 20);
    expect(await reasonOf(bytes)).toBe("60000 x 60000 pixels; up to 268435456 are read");
  });

  it("damage anywhere is an answer, never an error", async () => {
    const files = await Promise.all([
      base().jpeg().toBuffer(),
      base().png().toBuffer(),
      base().webp().toBuffer(),
      base().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    ]);
    let damaged = 0;
    for (const [k, file] of files.entries()) {
      for (let trial = 0; trial < 60; trial++) {
        const bytes = Uint8Array.from(file);
        for (let i = 0; i < 3; i++) {
          const [at, value] = philox2x32(trial * 3 + i, k, 7);
          bytes[at % bytes.length] = value % 256;
        }
        const decoded = await decodeImage(bytes, as());
        if ("reason" in decoded) damaged++;
        else if ("pixels" in decoded) expect(decoded.pixels.length).toBe(rgb.length);
      }
    }
    expect(damaged).toBeGreaterThan(20);
  });
});

it("colours are told apart from grey", async () => {
  expect(await decodeImage(await base().png().toBuffer(), as({ channels: 1 }))).toEqual({ colours: true });
});

it("the cache is keyed by the decoders that are installed", () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const name of ["sharp", "@napi-rs/image"]) expect(decoderVersion).toContain(`${name} ${dependencies[name]}`);
});
