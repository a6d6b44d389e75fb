/**
 * The input transform: standardisation and random augmentation of a batch, traced into the training step in front of
 * the model. It must not know models, data sets or files.
 */
import { cutout, randomCrop, randomFlip, type Standardisation, standardise } from "../data/browser.js";
import { standardisationKind } from "../data/kinds.js";
import { Module } from "../nn/index.js";
import { Generator, type Tensor } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { number, whole, word } from "../util/kinds.js";

/** The options of an {@link InputTransform}. */
export interface InputTransformOptions {
  /**
   * Applied to u8 batches: `(x · scale − mean) / std`, with `scale` 1/255 by default. Float batches pass through; they
   * must be standardised already.
   */
  readonly standardisation?: Standardisation & { readonly scale?: number };
  /** Largest shift to each side in pixels, and the padding mode, applied in training only. Default 0 and `zero`. */
  readonly crop?: number;
  readonly cropMode?: "zero" | "reflect";
  /** Probability of a flip, applied in training only. Default 0, range 0 to 1. */
  readonly flip?: number;
  /** Side of the erased square in pixels, applied in training only. Default 0. */
  readonly cutout?: number;
  /** Seed of the random streams. Default 0. */
  readonly seed?: number;
}

const check = checkedConstructor(
  "InputTransform",
  takes<InputTransformOptions>(
    {},
    {
      standardisation: standardisationKind,
      crop: number,
      cropMode: word(["zero", "reflect"]),
      flip: number,
      cutout: number,
      seed: whole,
    },
  ),
);

/**
 * Standardises bytes and, in training mode, crops, flips and cuts out at random. It is a module because it has a mode,
 * and because `namedGenerators` then finds its random streams, which a checkpoint must hold.
 *
 * Shape: `[N, C, H, W] -> [N, C, H, W]`, f32. Zeros that come in from outside are the mean of the training images.
 *
 * @throws ConfigError from the call if an option is out of range, or bytes come without statistics; ShapeError if x is
 * no batch of images
 * @example
 * const input = new InputTransform({ standardisation: { mean: [0.5], std: [0.25] }, crop: 4, flip: 0.5 });
 * const y = input(zeros([2, 1, 28, 28], { dtype: "u8" })); // shape [2, 1, 28, 28]
 */
export class InputTransform extends Module {
  readonly options: InputTransformOptions;
  readonly cropGenerator: Generator;
  readonly flipGenerator: Generator;
  readonly cutoutGenerator: Generator;

  constructor(options: InputTransformOptions = {}) {
    check([options]);
    super();
    const { seed = 0 } = options;
    this.options = options;
    this.cropGenerator = new Generator(seed, { stream: "augment.crop" });
    this.flipGenerator = new Generator(seed, { stream: "augment.flip" });
    this.cutoutGenerator = new Generator(seed, { stream: "augment.cutout" });
  }

  override forward(x: Tensor): Tensor {
    const { crop = 0, cropMode = "zero", flip = 0, cutout: square = 0 } = this.options;
    let y = this.#standardised(x);
    if (!this.training) return y;
    if (crop !== 0) y = randomCrop(y, crop, this.cropGenerator, { mode: cropMode });
    if (flip !== 0) y = randomFlip(y, this.flipGenerator, { p: flip });
    return square === 0 ? y : cutout(y, square, this.cutoutGenerator);
  }

  #standardised(x: Tensor): Tensor {
    const { standardisation } = this.options;
    if (x.dtype !== "u8") return x;
    if (standardisation) return standardise(x, standardisation, { scale: standardisation.scale });
    throw new ConfigError("[inputTransform] bytes came without statistics", { hint: "Pass standardisation" });
  }
}
