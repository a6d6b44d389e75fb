/** The configuration of a small run, of which a test says what matters to it. */
import type { RunConfig } from "../../src/train/index.js";

type Told = Pick<RunConfig, "data" | "input"> & Partial<RunConfig>;

/** SGD on an mlp for three epochs, but for what is told. */
export const runConfig = (told: Told): RunConfig => ({
  format: 1,
  model: "mlp",
  optimizer: "sgd",
  lr: 0.5,
  momentum: 0,
  weightDecay: 0,
  warmupEpochs: 0,
  augment: { rotation: 0, scale: 0, shift: 0 },
  epochs: 3,
  batch: 8,
  seed: 0,
  device: "interp",
  ...told,
});
