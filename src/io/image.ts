/**
 * Images as bytes in host memory: conversion to grey and RGB, resizing. It must not know file formats, tensors or
 * models.
 */
import { checked, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { count, isPlain, type Kind } from "../util/kinds.js";

/** Pixels row by row, channels interleaved: `data[(y * width + x) * channels + c]`, 0 is black. */
export interface Image {
  readonly width: number;
  readonly height: number;
  /** Number of channels, 1: grey; 3: red, green, blue. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
  /** Whether the file had transparent pixels; they are shown on white. */
  readonly transparent: boolean;
}

/** Largest number of pixels that an image may be resized to. */
const MOST_PIXELS = 2 ** 28;
const imageKind: Kind = {
  name: "an image { width, height, channels, data } with a byte for every pixel and channel",
  accepts: (value) => {
    const { width, height, channels, data }: Partial<Image> = isPlain(value) ? value : {};
    return (
      count().accepts(width) &&
      count().accepts(height) &&
      (channels === 1 || channels === 3) &&
      data instanceof Uint8Array &&
      data.length === Number(width) * Number(height) * channels
    );
  },
};

/**
 * An image in grey, by the luma weights of ITU-R BT.601: L = 0.299 R + 0.587 G + 0.114 B. A grey image is returned
 * unchanged.
 */
export const toGrey = checked("toGrey", takes({ image: imageKind }), (image: Image): Image => {
  if (image.channels === 1) return image;
  const data = new Uint8Array(image.width * image.height);
  for (let i = 0; i < data.length; i++) {
    const [red, green, blue] = image.data.subarray(i * 3, i * 3 + 3);
    data[i] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16; // weights in 1/65536, as Pillow has them
  }
  return { ...image, channels: 1, data };
});

/** A grey image with its channel repeated three times; an RGB image is returned unchanged. */
export const toRgb = checked("toRgb", takes({ image: imageKind }), (image: Image): Image => {
  if (image.channels === 3) return image;
  const data = new Uint8Array(image.width * image.height * 3);
  for (let i = 0; i < data.length; i++) data[i] = image.data[Math.floor(i / 3)];
  return { ...image, channels: 3, data };
});

/**
 * Resizes by a triangle filter that widens for downscaling, so that every pixel counts (Pillow's BILINEAR).
 *
 * @param width new width in pixels, from 1.
 * @param height new height in pixels, from 1.
 * @throws ConfigError if a size is out of range
 */
export const resize = checked(
  "resize",
  takes({ image: imageKind, width: count(), height: count() }),
  (image: Image, width: number, height: number): Image => {
    const { channels } = image;
    if (width * height > MOST_PIXELS) {
      throw new ConfigError(`[resize] ${width} x ${height} pixels; up to ${MOST_PIXELS} are made`);
    }
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
  },
);

/** The filter along one axis: for each of `to` output pixels the first input pixel, and weights that sum to 1. */
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
