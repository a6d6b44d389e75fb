/**
 * jax-js on its wasm device: a training step as one `jit`, products as eager calls that are awaited together. It knows
 * nothing of Fovea; every array that is used again is counted by hand (`.ref`), as the library asks.
 */
import { meanMagnitude } from "../magnitude.js";
import { uniform } from "../pattern.js";
import type { Work } from "../work.js";
import { load, versionOf } from "./packages.js";
import { type Array32, imagesOf, isSmallStep, labelsOf, type SmallStep, unwritten, weightsOf } from "./parameters.js";
import type { Call, Side, SideOptions } from "./side.js";
import { becomePage } from "./web-worker.js";

/** What is used of the library. */
interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: readonly number[];
  add(other: JaxArray): JaxArray;
  sub(other: JaxArray): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Loss = (weights: readonly JaxArray[], images: JaxArray, labels: JaxArray) => JaxArray;
type State = readonly [loss: JaxArray, weights: readonly JaxArray[], momenta: readonly JaxArray[]];
type Step = (
  weights: readonly JaxArray[],
  momenta: readonly JaxArray[],
  images: JaxArray,
  labels: JaxArray,
) => [JaxArray, JaxArray[], JaxArray[]];

interface Jax {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): string;
  blockUntilReady(arrays: unknown): Promise<unknown>;
  jit(step: Step): Step;
  valueAndGrad(loss: Loss): (...args: Parameters<Loss>) => [JaxArray, JaxArray[]];
  readonly numpy: {
    array(values: Float32Array | Int32Array, options: { shape: readonly number[] }): JaxArray;
    zeros(shape: readonly number[]): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    transpose(a: JaxArray): JaxArray;
    max(a: JaxArray): JaxArray;
    mean(a: JaxArray): JaxArray;
    sum(a: JaxArray, axis: number): JaxArray;
  };
  readonly lax: {
    conv(x: JaxArray, w: JaxArray, strides: number[], padding: string): JaxArray;
    reduceWindow(x: JaxArray, by: (window: JaxArray) => JaxArray, window: number[], strides: number[]): JaxArray;
  };
  readonly nn: {
    relu(x: JaxArray): JaxArray;
    logSoftmax(x: JaxArray, axis: number): JaxArray;
    oneHot(labels: JaxArray, classes: number): JaxArray;
  };
}

const PACKAGE = "@jax-js/jax";
/** Small products share one wait for the threads, as the operations of a step would: as many as make up this work. */
const SHARED_FLOP = 2 ** 30;
const MAX_PRODUCTS = 8;

/** Opens the wasm device. */
export async function open({ bench, threads }: SideOptions): Promise<Side> {
  const version = versionOf(bench, PACKAGE);
  if (threads > 1) becomePage(threads); // before the import, which looks for workers
  const jax = load<Jax>(bench, PACKAGE);
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  return {
    version,
    setup: async (work) => {
      if (work.kind === "matmul") return product(jax, work);
      if (isSmallStep(work)) return step(jax, work);
      throw unwritten(work, "jax-js");
    },
  };
}

function product({ numpy: np, blockUntilReady }: Jax, { m, k, n }: Work & { kind: "matmul" }): Call {
  const a = np.array(uniform([m, k], 1), { shape: [m, k] });
  const b = np.array(uniform([k, n], 2), { shape: [k, n] });
  const products = Math.max(1, Math.min(MAX_PRODUCTS, Math.round(SHARED_FLOP / (2 * m * k * n))));
  let results: JaxArray[] = [];
  return {
    repeats: products,
    run: async () => {
      for (const result of results) result.dispose();
      results = Array.from({ length: products }, () => np.matmul(a.ref, b.ref));
      await blockUntilReady(results);
    },
    checks: async () => [meanMagnitude(await results[0].ref.data())],
  };
}

function step(jax: Jax, { model, batch }: SmallStep): Call {
  const { numpy: np, nn } = jax;
  const arrayOf = ({ values, shape }: Array32) => np.array(values, { shape });
  const images = arrayOf(imagesOf(model, batch));
  const labels = nn.oneHot(np.array(labelsOf(batch), { shape: [batch] }), 10);
  const predict = model === "mlp" ? mlp(jax) : cnn(jax, batch);
  const valueAndGrad = jax.valueAndGrad((weights, x, y) =>
    np.mean(np.sum(nn.logSoftmax(predict(x, weights), 1).mul(y), 1)).mul(-1),
  );
  const update = jax.jit((weights, momenta, x, y) => {
    const [loss, gradients] = valueAndGrad(
      weights.map((weight) => weight.ref),
      x,
      y,
    );
    const nextMomenta = gradients.map((gradient, i) => momenta[i].mul(0.9).add(gradient));
    const nextWeights = nextMomenta.map((momentum, i) => weights[i].sub(momentum.ref.mul(0.01)));
    return [loss, nextWeights, nextMomenta];
  });
  const weights = weightsOf(model).map(arrayOf);
  let state: State = [np.zeros([]), weights, weights.map(({ shape }) => np.zeros(shape))];
  return {
    run: async () => {
      const [loss, before, momenta] = state;
      loss.dispose();
      state = update(before, momenta, images.ref, labels.ref);
      await jax.blockUntilReady(state);
    },
    checks: async () => [meanMagnitude(await state[0].ref.data()), meanMagnitude(await state[2][0].ref.data())],
  };
}

type Predict = (x: JaxArray, weights: readonly JaxArray[]) => JaxArray;

const linear = ({ numpy: np }: Jax, x: JaxArray, weight: JaxArray, bias: JaxArray) =>
  np.matmul(x, np.transpose(weight)).add(bias);

function mlp(jax: Jax): Predict {
  return (x, [w0, b0, w1, b1, w2, b2]) => {
    const hidden = jax.nn.relu(linear(jax, jax.nn.relu(linear(jax, x, w0, b0)), w1, b1));
    return linear(jax, hidden, w2, b2);
  };
}

function cnn(jax: Jax, batch: number): Predict {
  const { lax, nn, numpy: np } = jax;
  const block = (x: JaxArray, weight: JaxArray, bias: JaxArray) => {
    const y = lax.conv(x, weight, [1, 1], "SAME").add(bias.reshape([1, -1, 1, 1]));
    return lax.reduceWindow(nn.relu(y), np.max, [2, 2], [2, 2]);
  };
  return (x, [w0, b0, w1, b1, w2, b2, w3, b3]) => {
    const features = block(block(x, w0, b0), w1, b1).reshape([batch, 3136]);
    return linear(jax, nn.relu(linear(jax, features, w2, b2)), w3, b3);
  };
}
