/**
 * Small models, each a row of layers; sizes follow from the input. It must not know data sets, nor the other models.
 */
import * as nn from "../nn/index.js";
import type { Generator } from "../tensor/index.js";
import { ConfigError } from "../util/errors.js";

/** One layer of a row. `dense` with `classes` is the last one: it has one output per class. */
type Layer =
  | { readonly conv: number; readonly kernel: number; readonly padding: number }
  | { readonly dense: number | "classes" }
  | { readonly pool: number }
  | "relu"
  | "flatten";

export const smallRows = {
  mlp: ["flatten", { dense: 512 }, "relu", { dense: 256 }, "relu", { dense: "classes" }],
  /** LeCun et al. 1998, "Gradient-based learning applied to document recognition", with ReLU and max pooling. */
  lenet: [
    { conv: 6, kernel: 5, padding: 2 },
    "relu",
    { pool: 2 },
    { conv: 16, kernel: 5, padding: 0 },
    "relu",
    { pool: 2 },
    "flatten",
    { dense: 120 },
    "relu",
    { dense: 84 },
    "relu",
    { dense: "classes" },
  ],
  cnn: [
    { conv: 32, kernel: 3, padding: 1 },
    "relu",
    { pool: 2 },
    { conv: 64, kernel: 3, padding: 1 },
    "relu",
    { pool: 2 },
    "flatten",
    { dense: 128 },
    "relu",
    { dense: "classes" },
  ],
} as const satisfies Record<string, readonly Layer[]>;

/** The name of a small model. */
export type SmallName = keyof typeof smallRows;

/**
 * Builds a row of layers.
 *
 * @param sampleShape shape of one sample, [C, H, W].
 * @throws ConfigError if the images are too small for the model.
 */
export function buildSmall(
  name: SmallName,
  sampleShape: readonly number[],
  classes: number,
  generator?: Generator,
): nn.Sequential {
  let shape = sampleShape;
  const layers = (smallRows[name] as readonly Layer[]).map((layer) => {
    const made = makeLayer(layer, shape, classes, generator);
    shape = made.shape;
    if (shape.some((size) => size < 1)) {
      throw new ConfigError(`[model] images of [${sampleShape.join(", ")}] are too small for ${name}`, {
        hint: "Use larger images, or the model mlp",
      });
    }
    return made.module;
  });
  return new nn.Sequential(...layers);
}

interface Made {
  readonly module: nn.Module;
  /** Shape of the layer's output, without the batch axis. */
  readonly shape: readonly number[];
}

function makeLayer(layer: Layer, shape: readonly number[], classes: number, generator?: Generator): Made {
  const [channels, height, width] = shape;
  if (layer === "relu") return { module: new nn.ReLU(), shape };
  if (layer === "flatten") return { module: new nn.Flatten(), shape: [shape.reduce((a, b) => a * b, 1)] };
  if ("pool" in layer) {
    const { pool } = layer;
    return { module: new nn.MaxPool2d(pool), shape: [channels, Math.floor(height / pool), Math.floor(width / pool)] };
  }
  if ("dense" in layer) {
    const features = layer.dense === "classes" ? classes : layer.dense;
    return { module: new nn.Linear(shape[0], features, { generator }), shape: [features] };
  }
  const { conv, kernel, padding } = layer;
  const grown = 2 * padding - kernel + 1;
  return {
    module: new nn.Conv2d(channels, conv, kernel, { padding, generator }),
    shape: [conv, height + grown, width + grown],
  };
}
