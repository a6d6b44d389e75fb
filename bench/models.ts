/**
 * The models that the benchmarks train or predict with, written against the public API with weights and data from
 * pattern.ts, and timed as one compiled call. The API is handed in, so that the same text runs on the sources and on the
 * built package.
 */
import type * as fovea from "../src/index.js";
import type * as nn from "../src/nn/index.js";
import type * as optim from "../src/optim/index.js";
import type { Tensor, Variable } from "../src/tensor/index.js";
import type * as vision from "../src/vision/index.js";
import { meanMagnitude } from "./magnitude.js";
import { integers, uniform } from "./pattern.js";
import { visionTransformer } from "./vision-transformer.js";
import type { Work } from "./work.js";

/** Fovea's modules, however they were imported. */
export interface Api {
  readonly fovea: typeof fovea;
  readonly nn: typeof nn;
  readonly optim: typeof optim;
  readonly vision: typeof vision;
}

/** What one model is trained on; networks.py says the same. */
interface Row {
  readonly batch: number;
  /** Shape of one input. */
  readonly input: readonly number[];
  readonly classes: number;
  /** SGD has a momentum of 0.9 and a rate of 0.01, AdamW PyTorch's defaults. */
  readonly optimizer: "sgd" | "adamw";
  readonly weightDecay: number;
}

const plain = { optimizer: "sgd", weightDecay: 0 } as const;
const decayed = { optimizer: "sgd", weightDecay: 1e-4 } as const;

/** The models that are trained. */
export const trained = {
  mlp: { batch: 128, input: [784], classes: 10, ...plain },
  cnn: { batch: 128, input: [1, 28, 28], classes: 10, ...plain },
  resnet18: { batch: 64, input: [3, 32, 32], classes: 10, ...decayed },
  resnet20: { batch: 128, input: [3, 32, 32], classes: 10, ...decayed },
  resnet50: { batch: 8, input: [3, 224, 224], classes: 1000, ...decayed },
  depthwise: { batch: 64, input: [32, 32, 32], classes: 32, ...decayed },
  vit: { batch: 64, input: [3, 64, 64], classes: 200, optimizer: "adamw", weightDecay: 0.05 },
} as const satisfies Readonly<Record<string, Row>>;

export type ModelName = keyof typeof trained;

export function isModel(name: string): name is ModelName {
  return Object.hasOwn(trained, name);
}

/** A training step of `model`, as peers receive it. */
export function stepWork(model: ModelName): Work & { readonly kind: "step" } {
  return { kind: "step", model, batch: trained[model].batch };
}

function build(model: ModelName, api: Api): nn.Module {
  const { nn, vision } = api;
  const { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } = nn;
  switch (model) {
    case "mlp":
      return new Sequential(new Linear(784, 512), new ReLU(), new Linear(512, 256), new ReLU(), new Linear(256, 10));
    case "cnn":
      return new Sequential(
        ...[new Conv2d(1, 32, 3, { padding: 1 }), new ReLU(), new MaxPool2d(2)],
        ...[new Conv2d(32, 64, 3, { padding: 1 }), new ReLU(), new MaxPool2d(2)],
        ...[new Flatten(), new Linear(3136, 128), new ReLU(), new Linear(128, 10)],
      );
    case "depthwise":
      return new Sequential(
        new vision.InvertedResidual(32, 32, { expandRatio: 6 }),
        ...[new nn.AdaptiveAvgPool2d(1), new Flatten()], // as many classes as channels
      );
    case "vit":
      return visionTransformer(api, trained.vit.input[1], trained.vit.classes);
    default: {
      const { classes, input } = trained[model];
      return vision.createModel(model, { classes, size: input[1] });
    }
  }
}

/** `mlp` and `cnn`: uniform within 1 / √fanIn; streams 10, 11, 12, … in the order weight, bias, weight, … */
function fillPlain(net: nn.Module): void {
  let bound = 0;
  net.parameters().forEach((parameter, index) => {
    const { shape, size } = parameter;
    if (shape.length > 1) bound = 1 / Math.sqrt(size / shape[0]); // a bias shares the bound of its weight
    parameter.load(uniform(shape, 10 + index, -bound, bound));
  });
}

/** By the kind and the place of each tensor; statistics and scales differ from 1 and 0, so that each one matters. */
function fillNormalised(net: nn.Module): void {
  for (const [index, [key, variable]] of Object.entries(net.stateDict()).entries()) {
    if (key.endsWith("num_batches_tracked")) continue;
    variable.load(uniform(variable.shape, 10 + index, ...rangeOf(key, variable)));
  }
}

function rangeOf(key: string, { shape, size }: Variable): [low: number, high: number] {
  if (shape.length > 1) {
    const bound = Math.sqrt((shape.length === 4 ? 6 : 1) / (size / shape[0]));
    return [-bound, bound];
  }
  return key.endsWith("bias") || key.endsWith("mean") ? [-0.1, 0.1] : [0.5, 1.5];
}

/** Keys of the running mean of gradients in the state of SGD and of AdamW. */
const MOMENTUM = /\.(momentum_buffer|exp_avg)$/;

/** A compiled call, and what it computes. */
export interface Job {
  readonly call: () => Promise<Tensor>;
  /** Of the last call: the numbers that the sides compare. */
  readonly checks: () => Promise<number[]>;
  /** Multiplications and additions of one call, as direct sums would need them. */
  readonly flop: () => number;
}

/**
 * A training step of `model`: forward, backward and update as one compiled program, which gives the loss. Its checks
 * are the loss and the mean magnitude of the first weight's momentum, which needs the whole way back.
 */
export function trainingStep(model: ModelName, api: Api): Job {
  const { fovea, nn, optim } = api;
  const { batch, input, classes, optimizer: method, weightDecay } = trained[model];
  const net = build(model, api);
  (model === "mlp" || model === "cnn" ? fillPlain : fillNormalised)(net);
  const optimizer =
    method === "adamw"
      ? new optim.AdamW(net.parameters(), { weightDecay })
      : new optim.SGD(net.parameters(), { lr: 0.01, momentum: 0.9, weightDecay });
  const shape = [batch, ...input];
  const images = fovea.tensor(uniform(shape, 1), { shape });
  const labels = fovea.tensor(integers([batch], 2, classes), { shape: [batch] });
  const step = fovea.compile((x: Tensor, y: Tensor) => {
    optimizer.zeroGrad();
    const loss = nn.functional.crossEntropy(net(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  let loss: Tensor | undefined;
  return {
    call: async () => {
      loss = await step(images, labels);
      return loss;
    },
    checks: async () => {
      const [, momentum] = Object.entries(optimizer.stateDict()).find(([key]) => MOMENTUM.test(key))!;
      return [(await loss?.item()) ?? Number.NaN, meanMagnitude(await momentum.data())];
    },
    // A product, and as much again for each of its two gradients.
    flop: () => 2 * 3 * nn.countFlops(net, shape),
  };
}

/**
 * One pass in evaluation over images, with batch normalisation folded. Its checks are the mean magnitude of the logits
 * and their mean product with a pattern, which a swapped class would change.
 */
export function prediction(work: Work & { readonly kind: "infer" }, { fovea, nn, vision }: Api): Job {
  const { model, batch, size, classes } = work;
  const net = vision.createModel(model, { classes, size });
  fillNormalised(net);
  nn.foldBatchNorm(net);
  const shape = [batch, 3, size, size];
  const images = fovea.tensor(uniform(shape, 1), { shape });
  const predict = fovea.compile((x: Tensor) => net(x));
  let logits: Tensor | undefined;
  return {
    call: async () => {
      logits = await predict(images);
      return logits;
    },
    checks: async () => {
      const values = (await logits?.data()) ?? [];
      const probe = uniform([batch, classes], 3);
      const sum = probe.reduce((total, factor, i) => total + factor * values[i], 0);
      return [meanMagnitude(values), sum / probe.length];
    },
    flop: () => 2 * nn.countFlops(net, shape),
  };
}
