/**
 * Training steps beside PyTorch's, by a compiled step: the loss of every step, and the parameters and running statistics
 * at the end.
 */
import { expect } from "vitest";
import { z } from "zod";
import { integers, uniform } from "../../bench/pattern.js";
import { BatchNorm2d, Conv2d, Flatten, functional, Linear, MaxPool2d, ReLU, Sequential } from "../../src/nn/index.js";
import { Adam, AdamW, SGD } from "../../src/optim/index.js";
import { compile, type Tensor, tensor } from "../../src/tensor/index.js";
import { decode, readReferences } from "./reference.js";

const model = z.object({
  batch: z.number(),
  side: z.number(),
  channels: z.array(z.number()),
  hidden: z.number(),
  batchNorm: z.boolean(),
});
const trajectory = z.object({
  name: z.string(),
  model,
  optimizer: z.enum(["SGD", "Adam", "AdamW"]),
  options: z.looseObject({ lr: z.number() }),
  data: z.number(),
  losses: z.array(z.number()),
  /** Allowed relative error of a loss. */
  relative: z.number(),
  parameters: z.record(z.string(), z.object({ size: z.number(), sample: z.string(), absolute: z.number() })),
});
type Model = z.infer<typeof model>;
export type Trajectory = z.infer<typeof trajectory>;

export const { cases } = z.object({ cases: z.array(trajectory) }).parse(readReferences("trajectories"));

/** The network of trajectories.py, with the same weights. */
function build({ channels, hidden, side, batchNorm }: Model): Sequential {
  const blocks = channels.flatMap((outer, index) => [
    new Conv2d(index === 0 ? 1 : channels[index - 1], outer, 3, { padding: 1, bias: !batchNorm }),
    ...(batchNorm ? [new BatchNorm2d(outer)] : []),
    ...[new ReLU(), new MaxPool2d(2)],
  ]);
  const features = channels[channels.length - 1] * Math.floor(side / 4) ** 2;
  const head = [new Flatten(), new Linear(features, hidden), new ReLU(), new Linear(hidden, 10)];
  const net = new Sequential(...blocks, ...head);
  let bound = 0;
  net.namedParameters().forEach(([name, parameter], index) => {
    const { shape, size } = parameter;
    if (shape.length > 1) bound = 1 / Math.sqrt(size / shape[0]);
    const ofBatchNorm = net[Number(name.split(".")[0])] instanceof BatchNorm2d;
    const shift = ofBatchNorm && name.endsWith("weight") ? 1 : 0;
    const reach = ofBatchNorm ? 0.5 : bound;
    parameter.load(uniform(shape, 10 + index, shift - reach, shift + reach));
  });
  return net;
}

const OPTIMIZERS = { SGD, Adam, AdamW };

/**
 * Follows PyTorch.
 *
 * @param lossesWithin if given, losses may differ by so much, relatively, and what the parameters end as is not compared
 */
export async function follow(
  { model, optimizer: kind, options, data, losses, relative, parameters }: Trajectory,
  lossesWithin?: number,
): Promise<void> {
  const net = build(model);
  const optimizer = new OPTIMIZERS[kind](net.parameters(), options);
  const step = compile((x: Tensor, y: Tensor) => {
    optimizer.zeroGrad();
    const loss = functional.crossEntropy(net(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const shape = [model.batch, 1, model.side, model.side];
  for (const [index, expected] of losses.entries()) {
    const x = tensor(uniform(shape, data + (index % 2), 0, 1), { shape });
    const y = tensor(integers([model.batch], data + 2 + (index % 2), 10), { shape: [model.batch] });
    const loss = await (await step(x, y)).item();
    const error = Math.abs(loss - expected) / Math.abs(expected);
    expect(error, `loss ${loss} of step ${index}, PyTorch has ${expected}`).toBeLessThanOrEqual(
      lossesWithin ?? relative,
    );
  }
  if (lossesWithin !== undefined) return;
  const state = net.stateDict();
  for (const [name, { size, sample, absolute }] of Object.entries(parameters)) {
    const values = await state[name].data();
    expect(values.length, name).toBe(size);
    const wanted = decode(sample, "f32");
    wanted.forEach((value, index) => {
      const actual = values[Math.floor((index * size) / wanted.length)];
      const what = `sample ${index} of ${name} is ${actual}, PyTorch has ${value}`;
      expect(Math.abs(actual - value), what).toBeLessThanOrEqual(absolute);
    });
  }
}
