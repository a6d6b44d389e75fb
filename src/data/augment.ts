/**
 * Augmentation of batches on the host. Every draw is a function of seed, epoch and sample, so that runs can be repeated
 * and resumed exactly. It must not know tensors.
 */
import { checked, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { number } from "../util/kinds.js";

/**
 * A uniform random number in [0, 1) for one sample of the batch.
 *
 * @param draw index of the number among those of the sample, from 0 to 15.
 */
export type Draw = (sample: number, draw: number) => number;

/** A function that changes the images `x`, [B, C, H, W], in place. */
export type Augmentation = (x: Float32Array, sampleShape: readonly [number, number, number], draw: Draw) => void;

/** The options of {@link randomAffine}. */
export interface AffineOptions {
  /** Largest rotation to either side, in degrees; default 0, from 0 to 180. */
  readonly rotation?: number;
  /** Largest change of scale: factors from 1 − scale to 1 + scale; default 0, range 0 ≤ scale < 1. */
  readonly scale?: number;
  /** Largest shift along each axis, in pixels; default 0, from 0. */
  readonly shift?: number;
}

/**
 * Rotates, scales and shifts every image at random about its centre, by bilinear interpolation; pixels from outside
 * repeat the border.
 *
 * Formula: `x'[p] = x[c + s · R(φ) · (p − c) + t]`, with φ, s, t uniform and c the centre.
 *
 * @throws ConfigError if an option is out of range.
 * @example
 * const augment = randomAffine({ rotation: 10, scale: 0.1, shift: 2 });
 * const loader = new DataLoader(train, { batchSize: 64, shuffle: true, augment });
 */
export const randomAffine = checked(
  "randomAffine",
  takes<AffineOptions>({}, { rotation: number, scale: number, shift: number }),
  ({ rotation = 0, scale = 0, shift = 0 }: AffineOptions = {}): Augmentation => {
    checkRange("rotation", rotation, 180);
    checkRange("scale", scale, 0.99);
    checkRange("shift", shift, Number.MAX_VALUE);
    return (x, [channels, height, width], draw) => {
      const plane = height * width;
      const original = new Float32Array(plane);
      for (let start = 0; start < x.length; start += plane) {
        const sample = Math.floor(start / (plane * channels));
        const either = (index: number) => 2 * draw(sample, index) - 1;
        const angle = (either(0) * rotation * Math.PI) / 180;
        const factor = 1 + either(1) * scale;
        const [dy, dx] = [either(2) * shift, either(3) * shift];
        const [along, across] = [factor * Math.cos(angle), factor * Math.sin(angle)];
        original.set(x.subarray(start, start + plane));
        for (let row = 0; row < height; row++) {
          const fromCentreY = row - (height - 1) / 2;
          let sourceY = (height - 1) / 2 + along * fromCentreY - (across * (width - 1)) / 2 + dy;
          let sourceX = (width - 1) / 2 - across * fromCentreY - (along * (width - 1)) / 2 + dx;
          for (let i = start + row * width; i < start + (row + 1) * width; i++) {
            x[i] = interpolate(original, height, width, sourceY, sourceX);
            sourceY += across;
            sourceX += along;
          }
        }
      }
    };
  },
);

/** Bilinear interpolation at a position; positions outside have the value of the border. */
function interpolate(pixels: Float32Array, height: number, width: number, y: number, x: number): number {
  const insideY = Math.max(0, Math.min(height - 1, y));
  const insideX = Math.max(0, Math.min(width - 1, x));
  const top = insideY | 0;
  const left = insideX | 0;
  const at = top * width + left;
  const right = left + 1 < width ? at + 1 : at;
  const below = top + 1 < height ? width : 0;
  const wx = insideX - left;
  const upper = pixels[at] + wx * (pixels[right] - pixels[at]);
  const lower = pixels[at + below] + wx * (pixels[right + below] - pixels[at + below]);
  return upper + (insideY - top) * (lower - upper);
}

function checkRange(name: string, value: number, max: number): void {
  if (value >= 0 && value <= max) return;
  const range = max === Number.MAX_VALUE ? "a number from 0" : `a number from 0 to ${max}`;
  throw new ConfigError(`[randomAffine] ${name} must be ${range}, got ${value}`);
}
