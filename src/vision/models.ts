/**
 * The registry of models: every name that a run, a benchmark or a user may name, and how each is built for given
 * images. It must not know data sets or training.
 */
import type { Module } from "../nn/index.js";
import { Generator, type Size2d } from "../tensor/index.js";
import { pairOf } from "../tensor/sizes.js";
import { checked, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { count, flag, instance, needed, size2d, text, word } from "../util/kinds.js";
import { nearest } from "../util/spelling.js";
import { ResNet, type ResNetName, resnetRows, type Stem } from "./resnet.js";
import { buildSmall, type SmallName, smallRows } from "./small.js";
import { SpeedNet, type SpeedNetName, speednetRows } from "./speednet.js";

/** Least size of images for which the default stem is ImageNet's: it would leave too few pixels of smaller ones. */
const LARGE = 64;

/** The options of {@link createModel}. */
export interface ModelOptions {
  /** Number of classes, ≥ 1. */
  readonly classes: number;
  /** Channels of the images. Default 3, range ≥ 1. */
  readonly inChannels?: number;
  /** Size of the images in pixels, ≥ 1: one number, or `[height, width]`. */
  readonly size: Size2d;
  /**
   * First layers of resnet18, resnet34 and resnet50. Default: `imagenet` for images from 64 pixels up, else `cifar`.
   */
  readonly stem?: Stem;
  /** Whether the blocks of residual networks start as the identity. Default false. */
  readonly zeroInitResidual?: boolean;
  /** Source of the initial values. Default: the one seeded by `nn.manualSeed`. */
  readonly generator?: Generator;
}

/** The name of a model. */
export type ModelName = SmallName | ResNetName | SpeedNetName;

type Build = (options: ModelOptions) => Module;

function rowsOf<Name extends string>(rows: Readonly<Record<Name, unknown>>, build: (name: Name) => Build) {
  const names = Object.keys(rows) as Name[];
  return Object.fromEntries(names.map((name) => [name, build(name)])) as Record<Name, Build>;
}

const models: Readonly<Record<ModelName, Build>> = {
  ...rowsOf(smallRows, (name) => ({ classes, inChannels = 3, size, generator }) => {
    return buildSmall(name, [inChannels, ...pairOf(size)], classes, generator);
  }),
  ...rowsOf(resnetRows, (name) => ({ size, ...options }) => {
    const stem = options.stem ?? (Math.min(...pairOf(size)) >= LARGE ? "imagenet" : "cifar");
    return new ResNet(name, { ...options, stem });
  }),
  ...rowsOf(speednetRows, (name) => ({ classes, inChannels, size, generator }) => {
    return new SpeedNet(name, { classes, inChannels, size: pairOf(size), generator });
  }),
};

/** The names of all models. */
export const modelNames = Object.keys(models) as [ModelName, ...ModelName[]];

/**
 * Builds a model with fresh parameters.
 *
 * Shape: `[N, inChannels, H, W] -> [N, classes]`.
 *
 * @throws ConfigError if there is no model of this name, an option is out of range, or the images are too small
 * @example
 * const model = createModel("resnet20", { classes: 10, size: 32 });
 * const logits = model.eval()(zeros([1, 3, 32, 32])); // shape [1, 10]
 */
export const createModel = checked(
  "createModel",
  takes<ModelOptions>(
    { name: text },
    {
      classes: needed(count()),
      inChannels: count(),
      size: needed(size2d()),
      stem: word(["imagenet", "cifar"]),
      zeroInitResidual: flag,
      generator: instance(Generator, "a Generator"),
    },
  ),
  (name: ModelName, options: ModelOptions): Module => {
    if (!Object.hasOwn(models, name)) {
      const meant = nearest(name, modelNames);
      const hint = meant ? `Did you mean ${meant}?` : `Choose one of ${modelNames.join(", ")}`;
      throw new ConfigError(`[model] there is no model "${name}"`, { hint });
    }
    return models[name](options);
  },
);
