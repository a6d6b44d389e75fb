/**
 * Parses the first bytes of a JPEG, PNG or WebP file: format, displayed size, grey or not, and whether a simple decoder
 * handles all of it. Pure functions of bytes; they must not know decoders or files.
 *
 * Sources: ITU-T T.81 annex B (JPEG), PNG (third edition), RFC 9649 (WebP), Exif 2.3 section 4.6.
 */
import { checked, takes } from "../util/arguments.js";
import { bytes } from "../util/kinds.js";

/** The properties of an image that its header states. */
export interface ImageHeader {
  readonly format: "jpeg" | "png" | "webp";
  /** Width as displayed: after the rotation that Exif requests. */
  readonly width: number;
  readonly height: number;
  /** Whether the file has no colours. */
  readonly grey: boolean;
  /** Whether it is 8-bit, upright, of one frame, complete and in grey, RGB or YCbCr; a simple decoder then suffices. */
  readonly plain: boolean;
}

/** Exif orientations from this one on swap width and height. */
const firstSideways = 5;
/** Least size of an image file; signatures within it can be read without checking the length. */
const leastBytes = 16;
const notAImage = "not a JPEG, PNG or WebP file";

/** The header of an image, or a description of the bytes if they are none. */
export const readHeader = checked("readHeader", takes({ bytes }), (bytes: Uint8Array): ImageHeader | string => {
  if (bytes.length === 0) return "the file is empty";
  if (bytes.length < leastBytes) return notAImage;
  return readUpToTheEnd(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
});

function readUpToTheEnd(view: DataView): ImageHeader | string {
  try {
    if (view.getUint16(0) === 0xffd8) return readJpeg(view);
    if (text(view, 1, 3) === "PNG") return readPng(view);
    if (text(view, 0, 4) === "RIFF" && text(view, 8, 4) === "WEBP") return readWebp(view);
    if (text(view, 0, 3) === "GIF") return "a GIF file; JPEG, PNG and WebP are read";
    return notAImage;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return "truncated in its header"; // a read beyond the end threw
  }
}

function readJpeg(view: DataView): ImageHeader | string {
  let orientation = 1;
  let adobeRgb = false;
  for (let at = 2; ; ) {
    if (view.getUint8(at) !== 0xff) return "damaged: no JPEG marker where one must be";
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++; // fill bytes
      continue;
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    if (marker === 0xd9 || marker === 0xda) return "damaged: a JPEG without a frame";
    const length = view.getUint16(at + 2);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      const [precision, height, width] = [view.getUint8(at + 4), view.getUint16(at + 5), view.getUint16(at + 7)];
      const components = view.getUint8(at + 9);
      const common = marker <= 0xc2 && precision === 8 && (components === 1 || (components === 3 && !adobeRgb));
      const plain = common && orientation === 1 && endsAsJpeg(view);
      return sized({ format: "jpeg", width, height, grey: components === 1, plain }, orientation);
    }
    if (marker === 0xe1 && text(view, at + 4, 6) === "Exif\0\0") orientation = exifOrientation(view, at + 10);
    if (marker === 0xee && text(view, at + 4, 5) === "Adobe") adobeRgb = view.getUint8(at + 15) === 0;
    at += 2 + length;
  }
}

/**
 * Whether a JPEG has an end marker: small decoders fill the missing part of a truncated image with grey, without an
 * error.
 */
function endsAsJpeg(view: DataView): boolean {
  for (let at = view.byteLength - 2; at >= Math.max(2, view.byteLength - 4096); at--) {
    if (view.getUint16(at) === 0xffd9) return true;
  }
  return false;
}

function readPng(view: DataView): ImageHeader | string {
  if (text(view, 12, 4) !== "IHDR") return "damaged: a PNG without a header";
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, colours] = [view.getUint8(24), view.getUint8(25)];
  let orientation = 1;
  let at = 8;
  while (at + 8 <= view.byteLength) {
    const kind = text(view, at + 4, 4);
    if (kind === "eXIf") orientation = exifOrientation(view, at + 8);
    if (kind === "IEND") break;
    at += 12 + view.getUint32(at);
  }
  const grey = colours === 0 || colours === 4;
  const plain = orientation === 1 && (depth === 8 || colours === 3);
  return sized({ format: "png", width, height, grey, plain }, orientation);
}

function readWebp(view: DataView): ImageHeader | string {
  const kind = text(view, 12, 4);
  const header = { format: "webp", grey: false } as const;
  if (kind === "VP8 ") {
    const [width, height] = [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
    return sized({ ...header, width, height, plain: true }, 1);
  }
  if (kind === "VP8L") {
    const bits = view.getUint32(21, true);
    return sized({ ...header, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, plain: true }, 1);
  }
  if (kind !== "VP8X") return "damaged: a WebP without an image";
  const flags = view.getUint8(20);
  const [hasExif, animated] = [(flags & 0x08) !== 0, (flags & 0x02) !== 0];
  const size = (at: number) => 1 + view.getUint8(at) + (view.getUint16(at + 1, true) << 8);
  const orientation = hasExif ? webpOrientation(view) : 1;
  return sized({ ...header, width: size(24), height: size(27), plain: orientation === 1 && !animated }, orientation);
}

function webpOrientation(view: DataView): number {
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    if (text(view, at, 4) === "EXIF") {
      const start = text(view, at + 8, 6) === "Exif\0\0" ? at + 14 : at + 8;
      return exifOrientation(view, start);
    }
    at += 8 + size + (size % 2);
  }
  return 1;
}

/** The orientation, 1 to 8, in the TIFF structure at `start`; 1 if there is none. */
function exifOrientation(view: DataView, start: number): number {
  const order = text(view, start, 2);
  if (order !== "II" && order !== "MM") return 1;
  const little = order === "II";
  const directory = start + view.getUint32(start + 4, little);
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + i * 12;
    if (view.getUint16(entry, little) !== 0x0112) continue;
    const orientation = view.getUint16(entry + 8, little);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
  }
  return 1;
}

function sized(header: ImageHeader, orientation: number): ImageHeader | string {
  const { width, height } = header;
  if (width === 0 || height === 0) return "damaged: an image without pixels";
  return orientation < firstSideways ? header : { ...header, width: height, height: width };
}

function text(view: DataView, at: number, length: number): string {
  let word = "";
  for (let i = at; i < at + length; i++) word += String.fromCharCode(view.getUint8(i));
  return word;
}
