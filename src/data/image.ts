/**
 * Decodes one image file to bytes of a given size and number of channels, by one rule that training and prediction
 * share. It must not know folders, caches or workers.
 *
 * The rule: without resizing, files whose header is plain are decoded by `@napi-rs/image`, ten times as fast for small
 * images; the others (Exif rotation, CMYK, 16 bits, truncated files), which that decoder gets wrong, by `sharp`. With
 * resizing, all files are decoded by `sharp`. Decoders differ by up to 3 of 255 levels, so the choice depends on
 * nothing but the file and the settings of its data set.
 */
import { checked, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import { bytes, flag, list, number, shaped } from "../util/kinds.js";
import { readHeader } from "./image-header.js";

/** The settings of {@link decodeImage}; the same settings and file give the same bytes. */
export interface DecodeSettings {
  /** Number of channels, 1: grey; 3: red, green, blue. */
  readonly channels: 1 | 3;
  /** [H, W] of the result. */
  readonly size: readonly [number, number];
  /** Whether to resize; otherwise the file must have `size`. */
  readonly resize: boolean;
}

/** Pixels `[H, W, C]`, or the reason why there are none. */
export type Decoded =
  | { readonly pixels: Uint8Array }
  | { readonly reason: string }
  /** The size of the file, [H, W], if it differs from `size` and is not to be resized. */
  | { readonly size: readonly [number, number] }
  /** The file has colours, but grey was requested. */
  | { readonly colours: true };

/** Names the decoders and their rule; part of every cache key. */
export const decoderVersion = "rule 1, @napi-rs/image 1.15.0, sharp 0.35.5";

const settingsKind = shaped("{ channels, size, resize }", {
  channels: number,
  size: list(number, "[H, W]"),
  resize: flag,
});

/** Larger images are refused before anything is allocated; libvips has the same limit. */
const maxPixels = 2 ** 28;

/**
 * Decodes a JPEG, PNG or WebP file of any kind: its first frame, rotated as Exif requests, 8 bits, transparent pixels
 * on white, CMYK converted by its profile. Resizing is torchvision's `Resize` and `CenterCrop`: the image is scaled by
 * a triangle filter until it covers the size, then cropped around its centre.
 *
 * @throws DataError if the decoder is not installed; a file that cannot be decoded gives a result, not an error.
 */
export const decodeImage = checked(
  "decodeImage",
  takes({ bytes, settings: settingsKind }),
  async (bytes: Uint8Array, settings: DecodeSettings): Promise<Decoded> => {
    const header = readHeader(bytes);
    if (typeof header === "string") return { reason: header };
    if (header.width * header.height > maxPixels) {
      return { reason: `${header.width} x ${header.height} pixels; up to ${maxPixels} are read` };
    }
    const { channels, size, resize } = settings;
    if (channels === 1 && !header.grey) return { colours: true };
    if (!resize && (header.height !== size[0] || header.width !== size[1])) {
      return { size: [header.height, header.width] };
    }
    try {
      const raw =
        !resize && header.plain ? await decodeSmall(bytes) : await decodeAny(bytes, resize ? size : undefined);
      const [height, width] = [raw.height ?? header.height, raw.width ?? header.width];
      const pixels = toChannels(raw.data, height * width, channels);
      return height === size[0] && width === size[1] ? { pixels } : { size: [height, width] };
    } catch (error) {
      if (error instanceof DataError) throw error;
      return { reason: `damaged ${formatNames[header.format]}: ${reasonOf(error)}` };
    }
  },
);

interface Raw {
  readonly data: Uint8Array;
  /** Width of the raw pixels; absent: as in the header. */
  readonly width?: number;
  readonly height?: number;
}

async function decodeSmall(bytes: Uint8Array): Promise<Raw> {
  const { Transformer } = await load("@napi-rs/image@1.15.0", () => import("@napi-rs/image"));
  return { data: new Transformer(bytes).rawPixelsSync() };
}

async function decodeAny(bytes: Uint8Array, size: readonly [number, number] | undefined): Promise<Raw> {
  const { default: sharp } = await load("sharp@0.35.5", () => import("sharp"));
  let image = sharp(bytes, { failOn: "error", limitInputPixels: maxPixels }).autoOrient();
  if (size) image = image.resize({ height: size[0], width: size[1], fit: "cover", kernel: "linear" });
  const { data, info } = await image.toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

async function load<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    throw new DataError(`[data] images need the package ${name}, which cannot be loaded: ${firstLine(cause)}`, {
      hint: `Run: npm install --include=optional ${name}`,
      cause,
    });
  }
}

/** Converts grey, grey with alpha, RGB or RGBA to grey or RGB; transparent pixels are shown on white. */
function toChannels(data: Uint8Array, count: number, channels: 1 | 3): Uint8Array {
  const from = data.length / count;
  if (from === channels) return data;
  if (!(from === 1 || from === 2 || from === 3 || from === 4)) throw new Error(`${from} channels`);
  const alphaAt = from % 2 === 0 ? from - 1 : -1;
  const colours = from > 2;
  const out = new Uint8Array(count * channels);
  for (let pixel = 0, i = 0; pixel < count; pixel++, i += from) {
    const alpha = alphaAt < 0 ? 255 : data[i + alphaAt];
    const shown = (c: number) =>
      alpha === 255 ? data[i + c] : Math.round((data[i + c] * alpha + 255 * (255 - alpha)) / 255);
    if (channels === 1)
      out[pixel] = shown(0); // the file has no colours, so red equals grey
    else for (let c = 0; c < 3; c++) out[pixel * 3 + c] = shown(colours ? c : 0);
  }
  return out;
}

const formatNames = { jpeg: "JPEG", png: "PNG", webp: "WebP" } as const;

/** The reason of a decoder's error, without the prefixes that name its components. */
function reasonOf(error: unknown): string {
  return firstLine(error).replace(/^(Input buffer has corrupt header: |Decode image failed |vips\w+: )+/i, "");
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0].trim();
}
