/**
 * Pictures as bytes in host memory: reading PNG, turning grey, resizing. It must not know tensors or models.
 */
import { PNG } from "pngjs";
import { DataError } from "../util/errors.js";
import { readFileBytes } from "./files.js";

/** Pixels row by row, channels together: `data[(y * width + x) * channels + c]`, 0 is black. */
export interface Image {
  readonly width: number;
  readonly height: number;
  /** 1: grey; 3: red, green, blue. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
  /** Whether the file had transparent pixels; they are shown on white, as a page would. */
  readonly transparent: boolean;
}

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const headerEnd = 33; // signature, then the IHDR chunk
const maxPixels = 2 ** 26;

/**
 * Decodes a PNG of any colour type, depth or interlacing to 8-bit grey or RGB.
 *
 * @param name what errors call the bytes, usually the path.
 * @throws DataError when the bytes are not PNG, truncated, damaged, or larger than 2²⁶ pixels.
 */
export function decodePng(bytes: Uint8Array, name: string): Image {
  const hint = "Check the file in an image viewer, or save it again as PNG";
  if (!signature.every((byte, i) => bytes[i] === byte)) {
    throw new DataError(`[png] ${name} is not a PNG file`, { hint: "Convert the picture to PNG" });
  }
  if (bytes.length < headerEnd)
    throw new DataError(`[png] ${name} is truncated: it has only ${bytes.length} bytes`, { hint });
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [width, height] = [header.getUint32(16), header.getUint32(20)];
  if (width === 0 || height === 0 || width * height > maxPixels) {
    throw new DataError(`[png] ${name} claims ${width} x ${height} pixels; from 1 to ${maxPixels} are accepted`, {
      hint,
    });
  }
  const { data, color } = parsePng(bytes, (problem) => new DataError(`[png] ${name} is damaged: ${problem}`, { hint }));
  const channels = color ? 3 : 1;
  const pixels = new Uint8Array(width * height * channels);
  let transparent = false;
  for (let pixel = 0; pixel < width * height; pixel++) {
    const alpha = data[pixel * 4 + 3];
    transparent ||= alpha < 255;
    for (let c = 0; c < channels; c++) {
      pixels[pixel * channels + c] = Math.round((data[pixel * 4 + c] * alpha + 255 * (255 - alpha)) / 255);
    }
  }
  return { width, height, channels, data: pixels, transparent };
}

/**
 * Reads a PNG file; see {@link decodePng}.
 *
 * @throws DataError when the file is missing, not PNG or damaged.
 */
export async function readPng(path: string): Promise<Image> {
  return decodePng(await readFileBytes(path), path);
}

/** pngjs: RGBA bytes, and whether the file has colours; its types leave out what it returns beside the pixels. */
function parsePng(bytes: Uint8Array, error: (problem: string) => DataError): { data: Uint8Array; color: boolean } {
  try {
    const parsed: PNG & { color?: boolean } = PNG.sync.read(Buffer.from(bytes));
    return { data: parsed.data, color: parsed.color === true };
  } catch (cause) {
    throw error(cause instanceof Error ? cause.message.trim() : String(cause));
  }
}

/**
 * A picture in grey, by the luma weights of ITU-R BT.601: L = 0.299 R + 0.587 G + 0.114 B. A grey picture is returned as it is.
 */
export function toGrey(image: Image): Image {
  if (image.channels === 1) return image;
  const data = new Uint8Array(image.width * image.height);
  for (let i = 0; i < data.length; i++) {
    const [red, green, blue] = image.data.subarray(i * 3, i * 3 + 3);
    data[i] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16; // weights in 1/65536, as Pillow has them
  }
  return { ...image, channels: 1, data };
}

/** A grey picture with its one channel three times; an RGB picture is returned as it is. */
export function toRgb(image: Image): Image {
  if (image.channels === 3) return image;
  const data = new Uint8Array(image.width * image.height * 3);
  for (let i = 0; i < data.length; i++) data[i] = image.data[Math.floor(i / 3)];
  return { ...image, channels: 3, data };
}

/**
 * Resizes by a triangle filter that widens when it shrinks the picture, so that every pixel counts (Pillow's BILINEAR).
 *
 * @param width new width in pixels, from 1.
 * @param height new height in pixels, from 1.
 */
export function resize(image: Image, width: number, height: number): Image {
  const { channels } = image;
  const columns = triangleFilter(image.width, width);
  const rows = triangleFilter(image.height, height);
  const wide = new Float64Array(image.height * width * channels);
  for (let y = 0; y < image.height; y++) {
    for (const [x, { first, weights }] of columns.entries()) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (const [k, weight] of weights.entries())
          sum += weight * image.data[(y * image.width + first + k) * channels + c];
        wide[(y * width + x) * channels + c] = sum;
      }
    }
  }
  const data = new Uint8Array(height * width * channels);
  for (const [y, { first, weights }] of rows.entries()) {
    for (let i = 0; i < width * channels; i++) {
      let sum = 0;
      for (const [k, weight] of weights.entries()) sum += weight * wide[(first + k) * width * channels + i];
      data[y * width * channels + i] = Math.round(sum);
    }
  }
  return { ...image, width, height, data };
}

/** For each of `to` output pixels: the first input pixel it reads and the weights from there on, with sum 1. */
function triangleFilter(from: number, to: number): readonly { first: number; weights: readonly number[] }[] {
  const scale = from / to;
  const radius = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - radius + 0.5));
    const last = Math.min(from, Math.floor(centre + radius + 0.5));
    const weights: number[] = [];
    for (let k = first; k < last; k++) weights.push(Math.max(0, 1 - Math.abs((k + 0.5 - centre) / radius)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => weight / total) };
  });
}
