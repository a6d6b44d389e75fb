/**
 * Decoding of PNG files and bytes. It needs Node: a browser decodes images itself. It must not know tensors or models.
 */
import { PNG } from "pngjs";
import { checked, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import { bytes, text } from "../util/kinds.js";
import { readFileBytes } from "./files.js";
import type { Image } from "./image.js";

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const headerEnd = 33; // signature, then the IHDR chunk
const maxPixels = 2 ** 26;

/**
 * Decodes a PNG of any colour type, depth or interlacing to 8-bit grey or RGB.
 *
 * @param name the name of the bytes in errors, usually the path.
 * @throws DataError if the bytes are not PNG, truncated, damaged, or larger than 2²⁶ pixels.
 */
export const decodePng = checked(
  "decodePng",
  takes({ bytes, name: text }),
  (bytes: Uint8Array, name: string): Image => {
    const hint = "Check the file in an image viewer, or save it again as PNG";
    if (!signature.every((byte, i) => bytes[i] === byte)) {
      throw new DataError(`[png] ${name} is not a PNG file`, { hint: "Convert the image to PNG" });
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
    const { data, color } = parsePng(
      bytes,
      (problem) => new DataError(`[png] ${name} is damaged: ${problem}`, { hint }),
    );
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
  },
);

/**
 * Reads a PNG file; see {@link decodePng}.
 *
 * @throws DataError if the file is missing, not PNG or damaged.
 */
export const readPng = checked("readPng", takes({ path: text }), async (path: string): Promise<Image> => {
  return decodePng(await readFileBytes(path), path);
});

/**
 * Decodes by pngjs to RGBA bytes, and whether the file has colours; pngjs' types omit the properties beside the pixels.
 */
function parsePng(bytes: Uint8Array, error: (problem: string) => DataError): { data: Uint8Array; color: boolean } {
  try {
    const parsed: PNG & { color?: boolean } = PNG.sync.read(Buffer.from(bytes));
    return { data: parsed.data, color: parsed.color === true };
  } catch (cause) {
    throw error(cause instanceof Error ? cause.message.trim() : String(cause));
  }
}
