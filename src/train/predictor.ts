/**
 * A finished run as a function from pictures to classes. It must not know where pictures or answers are shown.
 */
import { type Image, resize, toGrey, toRgb } from "../io/index.js";
import { compile, noGrad, type Tensor, tensor } from "../tensor/index.js";
import { ConfigError } from "../util/errors.js";
import type { RunConfig } from "./config.js";
import { loadRun } from "./run-folder.js";

/** What a model makes of a picture. */
export interface Prediction {
  /** Name of the most probable class. */
  readonly class: string;
  /** Of every class, in the model's order; they sum to 1. */
  readonly probabilities: readonly { readonly class: string; readonly probability: number }[];
  /** What had to be done to the picture, such as `resized from 280 x 280 to 28 x 28`. */
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
   * @throws DataError when it is no run or damaged; ConfigError when its pictures are neither grey nor RGB.
   */
  static async open(path: string): Promise<Predictor> {
    const { model, config } = await loadRun(path);
    const [channels] = config.input.shape;
    if (channels !== 1 && channels !== 3) {
      throw new ConfigError(`[predict] the model of ${path} takes pictures of ${channels} channels, PNG has 1 or 3`);
    }
    return new Predictor(
      config,
      compile((x: Tensor) => noGrad(() => model.call(x).softmax({ dim: 1 }))),
    );
  }

  /**
   * Classifies one picture; colours and size are changed to what the model takes, and the notes say so.
   *
   * @param options - `invert`: whether to swap dark and light first; default false
   */
  async predict(image: Image, { invert = false }: { readonly invert?: boolean } = {}): Promise<Prediction> {
    const { input } = this.config;
    const { image: fitted, notes } = fitImage(image, input.shape, invert);
    const probabilities = await (await this.#probabilities(toInput(fitted, input))).data();
    const all = input.classes.map((name, i) => ({ class: name, probability: probabilities[i] }));
    const best = all.reduce((a, b) => (b.probability > a.probability ? b : a));
    return { class: best.class, probabilities: all, notes };
  }
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

/** Shape: `[1, C, H, W]`, standardised as in training. */
function toInput({ data, channels }: Image, { shape, scale, mean, std }: RunConfig["input"]): Tensor {
  const plane = shape[1] * shape[2];
  const x = new Float32Array(data.length);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < channels; c++) x[c * plane + i] = (data[i * channels + c] * scale - mean[c]) / std[c];
  }
  return tensor(x, { shape: [1, ...shape] });
}
