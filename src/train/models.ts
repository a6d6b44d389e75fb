/** The model that the configuration of a run describes. It must not know data sets. */
import type { Module } from "../nn/index.js";
import { createModel } from "../vision/index.js";
import type { RunConfig } from "./config.js";

/**
 * Builds the model of a run with fresh parameters, seeded by `nn.manualSeed`.
 *
 * @throws ConfigError when the images are too small for the model.
 */
export function modelOf({ model, input }: Pick<RunConfig, "model" | "input">): Module {
  const [inChannels, height, width] = input.shape;
  return createModel(model, { classes: input.classes.length, inChannels, size: [height, width] });
}
