/**
 * The two models that the benchmarks train, written against the public API with weights and data from pattern.ts, and
 * timed as one compiled step. The API is handed in, so that the same text runs on the sources and on the built package.
 */
import type * as fovea from "../src/index.js";
import type * as nn from "../src/nn/index.js";
import type * as optim from "../src/optim/index.js";
import type { Tensor } from "../src/tensor/index.js";
import { meanMagnitude } from "./magnitude.js";
import { integers, uniform } from "./pattern.js";

/** Fovea's modules, however they were imported. */
export interface Api {
  readonly fovea: typeof fovea;
  readonly nn: typeof nn;
  readonly optim: typeof optim;
}

export type ModelName = "mlp" | "cnn";
export const BATCH = 128;

function build(model: ModelName, { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential }: typeof nn): nn.Sequential {
  if (model === "mlp") {
    return new Sequential(new Linear(784, 512), new ReLU(), new Linear(512, 256), new ReLU(), new Linear(256, 10));
  }
  return new Sequential(
    ...[new Conv2d(1, 32, 3, { padding: 1 }), new ReLU(), new MaxPool2d(2)],
    ...[new Conv2d(32, 64, 3, { padding: 1 }), new ReLU(), new MaxPool2d(2)],
    ...[new Flatten(), new Linear(3136, 128), new ReLU(), new Linear(128, 10)],
  );
}

/** Uniform within 1 / √fanIn; streams 10, 11, 12, … in the order weight, bias, weight, … */
function fill(net: nn.Sequential): void {
  let bound = 0;
  net.parameters().forEach((parameter, index) => {
    const { shape, size } = parameter;
    if (shape.length > 1) bound = 1 / Math.sqrt(size / shape[0]); // a bias shares the bound of its weight
    parameter.load(uniform(shape, 10 + index, -bound, bound));
  });
}

export interface TrainingStep {
  /** Forward, backward and SGD update as one compiled program. Gives the loss. */
  readonly step: () => Promise<Tensor>;
  /** Of the last step: the loss, and the mean magnitude of the first weight's momentum, which needs the whole way back. */
  readonly checks: () => Promise<number[]>;
}

/** A training step of `model`. */
export function trainingStep(model: ModelName, { fovea, nn, optim }: Api): TrainingStep {
  const net = build(model, nn);
  fill(net);
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.01, momentum: 0.9 });
  const inputShape = model === "mlp" ? [BATCH, 784] : [BATCH, 1, 28, 28];
  const images = fovea.tensor(uniform(inputShape, 1), { shape: inputShape });
  const labels = fovea.tensor(integers([BATCH], 2, 10), { shape: [BATCH] });
  const step = fovea.compile((x: Tensor, y: Tensor) => {
    optimizer.zeroGrad();
    const loss = nn.functional.crossEntropy(net.call(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  let loss: Tensor | undefined;
  return {
    step: async () => {
      loss = await step(images, labels);
      return loss;
    },
    checks: async () => {
      const momentum = await optimizer.stateDict()["state.0.momentum_buffer"].data();
      return [(await loss?.item()) ?? Number.NaN, meanMagnitude(momentum)];
    },
  };
}
