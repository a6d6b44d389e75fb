/**
 * A finished run as a function from images to classes. It must not know where images come from or predictions are
 * shown.
 */
import { decodeImage, readHeader } from "../data/index.js";
import { decodePng, type Image, readFileBytes, resize, toGrey, toRgb } from "../io/index.js";
import { compile, noGrad, type Tensor, tensor } from "../tensor/index.js";
import { ConfigError, DataError } from "../util/errors.js";
import type { RunConfig } from "./config.js";
import { loadRun } from "./run-folder.js";
import { evaluationLogits } from "./steps.js";

/** The prediction for one image. */
export interface Prediction {
  /** Name of the most probable class. */
  readonly class: string;
  /** Probability of each class, in the model's order; sums to 1. */
  readonly probabilities: readonly { readonly class: string; readonly probability: number }[];
  /** The conversions applied to the image, such as `resized from 280 x 280 to 28 x 28`. */
  readonly notes: readonly string[];
}

/**
 * The model of a run folder, ready to classify.
 *
 * @example
 * const predictor = await Predictor.open("runs/first");
 * const { class: name } = await predictor.predict(await readPng("seven.png"));
 */
export class Predictor {
  readonly config: RunConfig;
  readonly #probabilities: (x: Tensor) => Promise<Tensor>;

  private constructor(config: RunConfig, probabilities: (x: Tensor) => Promise<Tensor>) {
    this.config = config;
    this.#probabilities = probabilities;
  }

  /**
   * Reads a run folder.
   *
   * @throws DataError if it is no run or damaged; ConfigError if its images are neither grey nor RGB.
   */
  static async open(path: string): Promise<Predictor> {
    const { model, config } = await loadRun(path);
    const { testFlip, input } = config;
    const [channels] = input.shape;
    if (channels !== 1 && channels !== 3) {
      throw new ConfigError(`[predict] the model of ${path} takes images of ${channels} channels, files have 1 or 3`);
    }
    return new Predictor(
      config,
      compile((x: Tensor) => noGrad(() => evaluationLogits(model, x, { testFlip }).softmax(1))),
    );
  }

  /**
   * Classifies one image; colours and size are converted to the model's input, and the notes list the conversions.
   *
   * @param options - `invert`: whether to swap dark and light first; default false
   */
  async predict(image: Image, { invert = false }: { readonly invert?: boolean } = {}): Promise<Prediction> {
    const { image: fitted, notes } = fitImage(image, this.config.input.shape, invert);
    return this.#classify(fitted, notes);
  }

  /**
   * Classifies a JPEG, PNG or WebP file. If the run was trained on a folder of images, the file is decoded and resized
   * exactly as those were.
   *
   * @param options - `invert`: whether to swap dark and light first; default false
   * @throws DataError if the file is missing, damaged or no image.
   */
  async predictFile(path: string, options: { readonly invert?: boolean } = {}): Promise<Prediction> {
    const { data, input } = this.config;
    const { image, notes } = await readImage(path, data.folder && { ...data.folder, shape: input.shape });
    const { image: fitted, notes: more } = fitImage(image, input.shape, options.invert ?? false);
    return this.#classify(fitted, [...notes, ...more]);
  }

  async #classify(fitted: Image, notes: readonly string[]): Promise<Prediction> {
    const { input } = this.config;
    const probabilities = await (await this.#probabilities(toInput(fitted, input))).data();
    const all = input.classes.map((name, i) => ({ class: name, probability: probabilities[i] }));
    const best = all.reduce((a, b) => (b.probability > a.probability ? b : a));
    return { class: best.class, probabilities: all, notes };
  }
}

/** The part of a configuration that says how the training images were read. */
interface TrainedOn {
  readonly resize: boolean;
  /** Shape of one sample, [C, H, W]. */
  readonly shape: readonly [number, number, number];
}

/**
 * Reads a file as an image: by the rule of training for a run on a folder; else PNG by `readPng`, others at their own
 * size.
 */
async function readImage(path: string, trained?: TrainedOn): Promise<{ image: Image; notes: readonly string[] }> {
  const bytes = await readFileBytes(path);
  const header = readHeader(bytes);
  if (typeof header === "string") {
    throw new DataError(`[predict] ${path}: ${header}`, { hint: "Convert the image to JPEG, PNG or WebP" });
  }
  if (!trained && header.format === "png") return { image: decodePng(bytes, path), notes: [] };
  const own = [header.height, header.width] as const;
  const [, height, width] = trained?.shape ?? [1, ...own];
  const differs = header.height !== height || header.width !== width;
  const channels = header.grey ? 1 : 3;
  // The run was trained at one size without resizing, so no decoder was chosen for resizing then: any one may be used
  // here.
  const resize = trained !== undefined && (trained.resize || differs);
  const decoded = await decodeImage(bytes, { channels, size: [height, width], resize });
  if (!("pixels" in decoded)) {
    const reason = "reason" in decoded ? decoded.reason : "its size is not what its header says";
    throw new DataError(`[predict] ${path}: ${reason}`, { hint: "Check the file in an image viewer" });
  }
  const sizes = `${header.width} x ${header.height} to ${width} x ${height}`;
  const notes = resize && differs ? [`resized from ${sizes}, cut about the centre`] : [];
  return { image: { width, height, channels, data: decoded.pixels, transparent: false }, notes };
}

function fitImage(image: Image, shape: readonly number[], invert: boolean): { image: Image; notes: string[] } {
  const [channels, height, width] = shape;
  const notes: string[] = [];
  let fitted = image;
  if (image.transparent) notes.push("transparent pixels shown on white");
  if (channels === 1 && image.channels === 3) {
    fitted = toGrey(fitted);
    notes.push("colours turned to grey");
  } else if (channels === 3 && image.channels === 1) {
    fitted = toRgb(fitted);
    notes.push("grey used for red, green and blue");
  }
  if (image.width !== width || image.height !== height) {
    fitted = resize(fitted, width, height);
    notes.push(`resized from ${image.width} x ${image.height} to ${width} x ${height}`);
  }
  if (invert) {
    fitted = { ...fitted, data: fitted.data.map((value) => 255 - value) };
    notes.push("dark and light swapped");
  }
  return { image: fitted, notes };
}

/** The input batch of one image, standardised as in training. Shape: `[1, C, H, W]`. */
function toInput({ data, channels }: Image, { shape, scale, mean, std }: RunConfig["input"]): Tensor {
  const plane = shape[1] * shape[2];
  const x = new Float32Array(data.length);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < channels; c++) x[c * plane + i] = (data[i * channels + c] * scale - mean[c]) / std[c];
  }
  return tensor(x, { shape: [1, ...shape] });
}
