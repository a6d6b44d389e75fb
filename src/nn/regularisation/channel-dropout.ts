/** Dropout of whole channels: functions, layers that own the random streams of their masks, and entries. */
import { shapeError } from "../../tensor/check.js";
import type { Generator, Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { nextDropoutGenerator } from "../random.js";
import {
  checkFloats,
  type DropFunctionOptions,
  type DropOptions,
  dropFunctionKinds,
  dropKinds,
  dropped,
  requiredGenerator,
} from "./checks.js";

const AXES = { 1: "N, C, L", 2: "N, C, H, W", 3: "N, C, D, H, W" } as const;
const signature = takes<DropFunctionOptions>({ x: tensorKind, generator: requiredGenerator }, dropFunctionKinds);

/** Drops channels of inputs with `spatial` axes behind them. */
function dropChannels(spatial: 1 | 2 | 3, x: Tensor, generator: Generator, options: DropFunctionOptions): Tensor {
  const { p = 0.5, training = true } = options;
  const op = `dropout${spatial}d`;
  checkFloats(op, x);
  if (x.rank !== spatial + 2) {
    const problem = `expected x [${AXES[spatial]}], got x ${shapeText(x.shape)}`;
    throw shapeError(op, problem, "Add the batch axis with x.unsqueeze(0), or use the function for this rank");
  }
  if (!training || p === 0) return x;
  return dropped(
    x,
    generator,
    p,
    x.shape.map((size, axis) => (axis < 2 ? size : 1)),
  );
}

/**
 * Zeroes each channel of each sample with probability p and scales the others by 1/(1−p).
 *
 * Shape: `[N, C, L]`, unchanged. Formula: `y = x · m / (1 − p)`, `m ~ Bernoulli(1 − p)`, one m per sample and channel.
 *
 * @param generator source of the mask; its counter advances at every call in training
 * @throws ShapeError if x has another rank; DTypeError if x is no float tensor
 * @see Tompson et al. 2014, "Efficient Object Localization Using Convolutional Networks", arXiv:1411.4280
 * @example
 * const y = dropout1d(ones([8, 16, 50]), new Generator(1), { p: 0.2 }); // channels of 1.25 or of 0
 */
export const dropout1d = checked(
  "dropout1d",
  signature,
  (x: Tensor, generator: Generator, options: DropFunctionOptions = {}) => dropChannels(1, x, generator, options),
);

/**
 * Zeroes each channel of each sample with probability p and scales the others by 1/(1−p).
 *
 * Shape: `[N, C, H, W]`, unchanged. Formula: `y = x · m / (1 − p)`, `m ~ Bernoulli(1 − p)`, one m per sample and channel.
 *
 * @param generator source of the mask; its counter advances at every call in training
 * @throws ShapeError if x has another rank; DTypeError if x is no float tensor
 * @see Tompson et al. 2014, "Efficient Object Localization Using Convolutional Networks", arXiv:1411.4280
 * @example
 * const y = dropout2d(ones([8, 16, 7, 7]), new Generator(1), { p: 0.2 }); // channels of 1.25 or of 0
 */
export const dropout2d = checked(
  "dropout2d",
  signature,
  (x: Tensor, generator: Generator, options: DropFunctionOptions = {}) => dropChannels(2, x, generator, options),
);

/**
 * Zeroes each channel of each sample with probability p and scales the others by 1/(1−p).
 *
 * Shape: `[N, C, D, H, W]`, unchanged. Formula: `y = x · m / (1 − p)`, `m ~ Bernoulli(1 − p)`, one m per sample and channel.
 *
 * @param generator source of the mask; its counter advances at every call in training
 * @throws ShapeError if x has another rank; DTypeError if x is no float tensor
 * @see Tompson et al. 2014, "Efficient Object Localization Using Convolutional Networks", arXiv:1411.4280
 * @example
 * const y = dropout3d(ones([8, 16, 5, 7, 7]), new Generator(1), { p: 0.2 }); // channels of 1.25 or of 0
 */
export const dropout3d = checked(
  "dropout3d",
  signature,
  (x: Tensor, generator: Generator, options: DropFunctionOptions = {}) => dropChannels(3, x, generator, options),
);

const parameters = takes<DropOptions>({}, dropKinds);
const check1d = checkedConstructor("Dropout1d", parameters);
const check2d = checkedConstructor("Dropout2d", parameters);
const check3d = checkedConstructor("Dropout3d", parameters);

abstract class ChannelDropout extends Module {
  readonly p: number;
  /** The random stream of the masks; its counter advances at every call in training. */
  readonly generator: Generator;

  constructor({ p = 0.5, generator = nextDropoutGenerator() }: DropOptions) {
    super();
    this.p = p;
    this.generator = generator;
  }
}

/**
 * Dropout of channels of sequences: in training each channel of each sample is zeroed with probability p and the others
 * are scaled by 1/(1−p); in evaluation the input is returned.
 *
 * Shape: `[N, C, L]`, unchanged. Formula: `y = x · m / (1 − p)`, `m ~ Bernoulli(1 − p)`, one m per sample and channel.
 *
 * @throws ConfigError if p is out of range; ShapeError from the call if the rank differs
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Dropout1d.html
 * @example
 * const y = new Dropout1d({ p: 0.2 })(ones([8, 16, 50])); // channels of 1.25 or of 0
 */
export class Dropout1d extends ChannelDropout {
  constructor(options: DropOptions = {}) {
    check1d([options]);
    super(options);
  }

  override forward(x: Tensor): Tensor {
    return dropout1d(x, this.generator, { p: this.p, training: this.training });
  }
}

/**
 * Dropout of channels of images: in training each channel of each sample is zeroed with probability p and the others
 * are scaled by 1/(1−p); in evaluation the input is returned.
 *
 * Shape: `[N, C, H, W]`, unchanged. Formula: `y = x · m / (1 − p)`, `m ~ Bernoulli(1 − p)`, one m per sample and channel.
 *
 * @throws ConfigError if p is out of range; ShapeError from the call if the rank differs
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html
 * @example
 * const y = new Dropout2d({ p: 0.2 })(ones([8, 16, 7, 7])); // channels of 1.25 or of 0
 */
export class Dropout2d extends ChannelDropout {
  constructor(options: DropOptions = {}) {
    check2d([options]);
    super(options);
  }

  override forward(x: Tensor): Tensor {
    return dropout2d(x, this.generator, { p: this.p, training: this.training });
  }
}

/**
 * Dropout of channels of volumes or videos: in training each channel of each sample is zeroed with probability p and the others
 * are scaled by 1/(1−p); in evaluation the input is returned.
 *
 * Shape: `[N, C, D, H, W]`, unchanged. Formula: `y = x · m / (1 − p)`, `m ~ Bernoulli(1 − p)`, one m per sample and channel.
 *
 * @throws ConfigError if p is out of range; ShapeError from the call if the rank differs
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Dropout3d.html
 * @example
 * const y = new Dropout3d({ p: 0.2 })(ones([8, 16, 5, 7, 7])); // channels of 1.25 or of 0
 */
export class Dropout3d extends ChannelDropout {
  constructor(options: DropOptions = {}) {
    check3d([options]);
    super(options);
  }

  override forward(x: Tensor): Tensor {
    return dropout3d(x, this.generator, { p: this.p, training: this.training });
  }
}

export const dropout1dEntry = layerEntry("Dropout1d", parameters, Dropout1d);
export const dropout2dEntry = layerEntry("Dropout2d", parameters, Dropout2d);
export const dropout3dEntry = layerEntry("Dropout3d", parameters, Dropout3d);
