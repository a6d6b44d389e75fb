/**
 * From a drawing to a digit as MNIST has them: cropped, scaled into a box of 20 × 20, and placed in 28 × 28 so that its
 * centre of mass lies in the middle. It must not know canvases or models.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", where the preparation of the images is described.
 */
import { resize } from "fovea/io";

/** Side of the images that the network takes. */
export const SIDE = 28;
const BOX = 20;
/** Less ink than this is the soft edge of a stroke. */
const INK = 32;

/** Ink of every pixel, 0 for none to 255, row by row. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly ink: Uint8Array;
}

/** The digit, [28 · 28] bytes; undefined when nothing is drawn. */
export function toDigit(drawing: Drawing): Uint8Array | undefined {
  const box = inkBox(drawing);
  if (!box) return undefined;
  const scale = BOX / Math.max(box.width, box.height);
  const width = Math.max(1, Math.round(box.width * scale));
  const height = Math.max(1, Math.round(box.height * scale));
  const cropped = { ...crop(drawing, box), channels: 1, transparent: false } as const;
  return centre(resize(cropped, width, height).data, width, height);
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function inkBox({ width, height, ink }: Drawing): Box | undefined {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x] < INK) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

function crop({ width, ink }: Drawing, box: Box): { width: number; height: number; data: Uint8Array } {
  const data = new Uint8Array(box.width * box.height);
  for (let y = 0; y < box.height; y++) {
    const from = (box.top + y) * width + box.left;
    data.set(ink.subarray(from, from + box.width), y * box.width);
  }
  return { width: box.width, height: box.height, data };
}

/** Puts an image into the field with its centre of mass in the middle, as far as it fits. */
function centre(pixels: Uint8Array, width: number, height: number): Uint8Array {
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const ink = pixels[y * width + x];
      mass += ink;
      sumX += ink * (x + 0.5);
      sumY += ink * (y + 0.5);
    }
  }
  const place = (middle: number, size: number) => Math.min(SIDE - size, Math.max(0, Math.round(SIDE / 2 - middle)));
  const left = place(sumX / mass, width);
  const top = place(sumY / mass, height);
  const field = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < height; y++) {
    field.set(pixels.subarray(y * width, (y + 1) * width), (top + y) * SIDE + left);
  }
  return field;
}
