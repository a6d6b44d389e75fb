/** Image files of every kind for tests, made by sharp from pixels that are known. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import sharp from "sharp";

/** RGB bytes of an image whose pixels all differ: x in red, y in green, a constant blue. */
export function gradient(width: number, height: number, blue = 128): Uint8Array {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      pixels.set([Math.round((255 * x) / width), Math.round((255 * y) / height), blue], (y * width + x) * 3);
    }
  }
  return pixels;
}

/** A sharp pipeline over RGB or RGBA bytes. */
export const sharpFrom = (pixels: Uint8Array, width: number, height: number) =>
  sharp(pixels, { raw: { width, height, channels: (pixels.length / (width * height)) as 3 | 4 } });

/** One colour, as PNG. */
export const plain = (width: number, height: number, [r, g, b]: readonly [number, number, number]) =>
  sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    .png()
    .toBuffer();

/** Grey noise-free PNG of one level, one channel. */
export const grey = (size: number, level: number) =>
  sharp(new Uint8Array(size * size).fill(level), { raw: { width: size, height: size, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();

/** Writes files under a folder, making folders as needed. */
export async function writeFiles(root: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
}
