/**
 * Random graphs: element-wise ops, movements, reductions, products, convolutions and pooling over small shapes, fused,
 * against the naive float64 of the oracle, forward and gradient: most on emulated machines, some on the devices for use.
 * Fixed seeds; failures are shrunk by fast-check.
 */
import fc from "fast-check";
import { describe, it } from "vitest";
import { avgPool2d, concat, conv2d, grad, maxPool2d, type Tensor, tensor } from "../../src/index.js";
import { sizeOf } from "../support/arrays.js";
import { fastDevices } from "../support/devices.js";
import { compare, emulatedTargets } from "../support/emulator.js";
import { spreadValues } from "../support/numbers.js";
import { compareRounded } from "../support/terms.js";

/** One step: an operation and the earlier values that it takes, chosen modulo what there is. */
interface Step {
  readonly op: string;
  readonly a: number;
  readonly b: number;
  readonly k: number;
}
interface Graph {
  readonly shape: number;
  readonly steps: readonly Step[];
}

const SHAPES: readonly (readonly number[])[] = [[7], [3, 5], [5, 17], [2, 3, 6, 5], [1, 8, 4, 4], [33], [2, 1, 3]];
const MOST = 400;

type Operation = (x: Tensor, y: Tensor, k: number) => Tensor | null;

const axis = (x: Tensor, k: number) => k % Math.max(1, x.rank);
const when = (condition: boolean, build: () => Tensor): Tensor | null => (condition ? build() : null);
/** y cut or repeated to one size per axis of x, or 1: always broadcasts. */
function fitted(x: Tensor, y: Tensor): Tensor {
  let z = y.flatten().slice(0, 0, 1).reshape([]);
  if (y.rank === x.rank && y.shape.every((n, i) => n === x.shape[i] || n === 1)) z = y;
  return z;
}
/** Constants of a shape, the same on every device. */
const constants = (shape: readonly number[], seed: number) => tensor(spreadValues(sizeOf(shape), seed), { shape });

const operations: Readonly<Record<string, Operation>> = {
  add: (x, y) => x.add(fitted(x, y)),
  sub: (x, y) => fitted(x, y).sub(x),
  mul: (x, y) => x.mul(fitted(x, y)),
  div: (x, y) => x.div(fitted(x, y).abs().add(1)),
  maximum: (x, y, k) =>
    x.maximum(
      fitted(x, y)
        .mul(0.7)
        .add(0.31 * (k + 1)),
    ),
  where: (x, y) => x.gt(0.123).where(fitted(x, y), x.mul(0.5)),
  tanh: (x) => x.tanh(),
  sin: (x) => x.sin(),
  exp: (x) => x.tanh().exp(),
  log: (x) => x.square().add(1).log(),
  sqrt: (x) => x.square().add(0.5).sqrt(),
  relu: (x, _, k) => x.sub(0.0137 * (k + 1)).relu(),
  sigmoid: (x) => x.sigmoid(),
  transpose: (x, _, k) => when(x.rank >= 2, () => x.transpose(k % x.rank, (k + 1) % x.rank)),
  flatten: (x) => x.flatten(),
  reshape: (x) => when(x.size % 2 === 0, () => x.reshape([2, x.size / 2])),
  unsqueeze: (x, _, k) => when(x.rank < 4, () => x.unsqueeze(k % (x.rank + 1))),
  flip: (x, _, k) => when(x.rank > 0, () => x.flip(axis(x, k))),
  slice: (x, _, k) =>
    when(x.rank > 0 && x.shape[axis(x, k)] > 2, () =>
      x.slice(axis(x, k), 1, x.shape[axis(x, k)], { step: 1 + (k % 2) }),
    ),
  pad: (x, _, k) =>
    when(x.rank > 0 && x.size < MOST / 2, () =>
      x.pad(
        x.shape.map((__, i) => [(k + i) % 2, k % 3] as const),
        { value: 0.25 },
      ),
    ),
  concat: (x, y, k) =>
    when(x.rank > 0 && x.size < MOST / 2, () => concat([x, x.mul(fitted(x, y))], { dim: axis(x, k) })),
  sum: (x, _, k) => when(x.rank > 0, () => x.sum({ dim: axis(x, k) }).mul(0.3)),
  mean: (x, _, k) => when(x.rank > 0, () => x.sub(x.mean({ dim: axis(x, k), keepdim: true }))),
  sumAll: (x) => x.mean().add(x.mul(0.1)),
  max: (x, _, k) => when(x.rank > 0, () => x.max({ dim: axis(x, k), keepdim: true }).mul(0.5)),
  softmax: (x, _, k) => when(x.rank > 0, () => x.softmax(axis(x, k))),
  variance: (x, _, k) => when(x.rank > 0, () => x.variance({ dim: axis(x, k), keepdim: true, correction: 0 }).add(x)),
  matmul: (x, _, k) => when(x.rank >= 2, () => x.matmul(constants([x.shape[x.rank - 1], 1 + 4 * k], k)).mul(0.3)),
  outer: (x) => when(x.rank === 2 && x.shape[0] <= 17, () => x.matmul(x.transpose()).mul(0.2)),
  conv: (x, _, k) =>
    when(x.rank === 4 && x.shape[2] > 2 && x.shape[3] > 2, () =>
      conv2d(x, constants([1 + 3 * k, x.shape[1], 3, 3], k), { padding: k % 2, stride: 1 + (k > 1 ? 1 : 0) }).mul(0.2),
    ),
  grouped: (x, _, k) =>
    when(x.rank === 4 && x.shape[2] > 2 && x.shape[3] > 2, () => {
      const w = constants([x.shape[1] * (1 + (k % 2)), 1, 3, 3], k);
      return conv2d(x, w, { groups: x.shape[1], padding: 1, stride: 1 + (k >> 1) }).mul(0.3);
    }),
  maxPool: (x, _, k) =>
    when(x.rank === 4 && x.shape[2] > 2 && x.shape[3] > 2, () =>
      maxPool2d(x, 2 + (k % 2), { stride: 1 + (k % 2), padding: k % 2 }),
    ),
  avgPool: (x, _, k) =>
    when(x.rank === 4 && x.shape[2] > 2 && x.shape[3] > 2, () => avgPool2d(x, 2, { stride: 1 + (k % 2) })),
  take: (x, _, k) =>
    when(x.rank > 0, () => x.take(tensor([0, x.shape[axis(x, k)] - 1, 0], { dtype: "i32" }), { dim: axis(x, k) })),
};

/** The inputs, the last values and the gradients of their weighted sum. */
function build({ shape, steps }: Graph, seed: number): Tensor[] {
  const inputs = [constants(SHAPES[shape], seed), constants(SHAPES[shape], seed + 1)];
  const values = [...inputs];
  for (const { op, a, b, k } of steps) {
    const made = operations[op](
      values[values.length - 1 - (a % Math.min(3, values.length))],
      values[b % values.length],
      k,
    );
    if (made && made.size <= MOST && made.size > 0) values.push(made);
  }
  const output = values[values.length - 1];
  const gradOutput = constants(output.shape, 99);
  return [output, ...grad(output, inputs, { gradOutput })];
}

const graphs = fc.record({
  shape: fc.nat(SHAPES.length - 1),
  steps: fc.array(
    fc.record({ op: fc.constantFrom(...Object.keys(operations)), a: fc.nat(2), b: fc.nat(9), k: fc.nat(2) }),
    { minLength: 1, maxLength: 9 },
  ),
});

/** Graphs that share one program: their small kernels are compiled together. */
const TOGETHER = 6;

/** Tries random graphs, each time on two other machines. */
async function tryOut(
  seed: number,
  runs: number,
  devices: readonly string[],
  check: (device: string, work: () => Tensor[], key: string) => Promise<void>,
): Promise<void> {
  let turn = 2 * seed * runs;
  await fc.assert(
    fc.asyncProperty(fc.array(graphs, { minLength: 1, maxLength: TOGETHER, size: "max" }), async (some) => {
      const work = () => some.flatMap((graph, i) => build(graph, 10 * i + 1));
      const key = JSON.stringify(some);
      for (let i = 0; i < 2; i++) await check(devices[turn++ % devices.length], work, key);
    }),
    { seed, numRuns: runs, endOnFailure: false },
  );
}

const emulated = emulatedTargets.map(({ name }) => name);

describe("random graphs agree with the oracle", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("on emulated machines, seed %i", async (seed) => {
    await tryOut(seed, 9, emulated, (device, work, key) =>
      compare(device, work, { relative: 1e-5, absolute: 1e-6 }, key),
    );
  });

  it("on the devices for use", async () => {
    await tryOut(9, 6, fastDevices, compareRounded);
  });
});
