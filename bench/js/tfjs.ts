/**
 * TensorFlow.js on its wasm backend, whose calls compute before they come back. Its own layouts: images [N, H, W, C],
 * weights [in, out] and [kh, kw, in, out]. It knows nothing of Fovea.
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as threading from "node:worker_threads";
import { meanMagnitude } from "../magnitude.js";
import { uniform } from "../pattern.js";
import type { Work } from "../work.js";
import { load, versionOf } from "./packages.js";
import {
  type Array32,
  imagesOf,
  isSmallStep,
  labelsOf,
  permuted,
  type SmallStep,
  unwritten,
  weightsOf,
} from "./parameters.js";
import type { Call, Side, SideOptions } from "./side.js";

/** What is used of the library. */
interface TfTensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface Tf {
  env(): { set(flag: string, value: boolean): void };
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array | Int32Array, shape: readonly number[], dtype?: string): TfTensor;
  variable(initial: TfTensor): TfTensor;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
  add(a: TfTensor, b: TfTensor): TfTensor;
  relu(x: TfTensor): TfTensor;
  reshape(x: TfTensor, shape: readonly number[]): TfTensor;
  conv2d(x: TfTensor, filter: TfTensor, strides: number, padding: string): TfTensor;
  maxPool(x: TfTensor, size: number, strides: number, padding: string): TfTensor;
  oneHot(labels: TfTensor, classes: number): TfTensor;
  cast(x: TfTensor, dtype: string): TfTensor;
  readonly losses: { softmaxCrossEntropy(labels: TfTensor, logits: TfTensor): TfTensor };
  readonly train: { momentum(rate: number, momentum: number): Optimizer };
}

interface Optimizer {
  minimize(loss: () => TfTensor, returnCost: true): TfTensor;
  /** The number of steps, then the momenta in the order of the weights. */
  getWeights(): Promise<{ readonly name: string; readonly tensor: TfTensor }[]>;
}

const CORE = "@tensorflow/tfjs-core";
const BACKEND = "@tensorflow/tfjs-backend-wasm";

/** Opens the wasm backend. */
export async function open({ bench, threads }: SideOptions): Promise<Side> {
  const version = versionOf(bench, BACKEND);
  const tf = load<Tf>(bench, CORE);
  load(bench, `${CORE}/dist/register_all_gradients`);
  if (threads > 1) startThreads(bench); // before the backend is loaded, which takes Node's Worker for itself
  const backend = load<{ setThreadsCount(count: number): void }>(bench, BACKEND);
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", threads > 1);
  backend.setThreadsCount(threads);
  if (!(await tf.setBackend("wasm"))) throw new Error("the wasm backend does not start");
  return {
    version,
    setup: async (work) => {
      if (work.kind === "matmul") return product(tf, work);
      if (isSmallStep(work)) return step(tf, work);
      throw unwritten(work, "TensorFlow.js");
    },
  };
}

/**
 * Makes the backend's threads start under Node, where it requests a worker at a blob's address: they get the same text,
 * and the library's file in place of the second blob.
 */
function startThreads(bench: string): void {
  const require = createRequire(join(bench, "package.json"));
  const folder = join(dirname(require.resolve(`${BACKEND}/package.json`)), "wasm-out");
  const main = join(folder, "tfjs-backend-wasm-threaded-simd");
  const { wasmWorkerContents } = require(`${main}.worker.js`) as { readonly wasmWorkerContents: string };
  const source = wasmWorkerContents.replace(/\n/g, "\\n"); // as the backend itself does
  const patched: { Worker: unknown } = require("node:worker_threads");
  patched.Worker = class extends threading.Worker {
    constructor() {
      super(source, { eval: true, execArgv: [] });
    }

    override postMessage(message: { readonly cmd?: string }): void {
      super.postMessage(message.cmd === "load" ? { ...message, urlOrBlob: `${main}.js` } : message);
    }
  };
}

function product(tf: Tf, { m, k, n }: Work & { kind: "matmul" }): Call {
  const [a, b] = [tf.tensor(uniform([m, k], 1), [m, k]), tf.tensor(uniform([k, n], 2), [k, n])];
  let result: TfTensor | undefined;
  return {
    run: async () => {
      result?.dispose();
      result = tf.matMul(a, b);
    },
    checks: async () => [meanMagnitude((await result?.data()) ?? [])],
  };
}

function step(tf: Tf, { model, batch }: SmallStep): Call {
  const tensorOf = ({ values, shape }: Array32) => tf.tensor(values, shape);
  const weights = weightsOf(model).map((weight) => tf.variable(tensorOf(ownLayout(weight))));
  const given = imagesOf(model, batch);
  const images = tensorOf(model === "cnn" ? permuted(given, [0, 2, 3, 1]) : given);
  const labels = tf.cast(tf.oneHot(tf.tensor(labelsOf(batch), [batch], "int32"), 10), "float32");
  const predict = model === "mlp" ? mlp(tf, weights) : cnn(tf, weights, batch);
  const optimizer = tf.train.momentum(0.01, 0.9);
  let loss: TfTensor | undefined;
  return {
    run: async () => {
      loss?.dispose();
      loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(labels, predict(images)), true);
    },
    checks: async () => {
      const [, momentum] = await optimizer.getWeights();
      return [meanMagnitude((await loss?.data()) ?? []), meanMagnitude(await momentum.tensor.data())];
    },
  };
}

/** From [out, in] and [out, in, kh, kw]; rows that read a flattened [64, 7, 7] image read [7, 7, 64] instead. */
function ownLayout(weight: Array32): Array32 {
  const { shape, values } = weight;
  if (shape.length === 4) return permuted(weight, [2, 3, 1, 0]);
  if (shape[1] === 3136) {
    const turned = permuted({ shape: [shape[0], 64, 7, 7], values }, [2, 3, 1, 0]);
    return { shape: [3136, shape[0]], values: turned.values };
  }
  return shape.length === 2 ? permuted(weight, [1, 0]) : weight;
}

type Predict = (x: TfTensor) => TfTensor;

const linear = (tf: Tf, x: TfTensor, weight: TfTensor, bias: TfTensor) => tf.add(tf.matMul(x, weight), bias);

function mlp(tf: Tf, [w0, b0, w1, b1, w2, b2]: readonly TfTensor[]): Predict {
  return (x) => linear(tf, tf.relu(linear(tf, tf.relu(linear(tf, x, w0, b0)), w1, b1)), w2, b2);
}

function cnn(tf: Tf, [w0, b0, w1, b1, w2, b2, w3, b3]: readonly TfTensor[], batch: number): Predict {
  const block = (x: TfTensor, weight: TfTensor, bias: TfTensor) =>
    tf.maxPool(tf.relu(tf.add(tf.conv2d(x, weight, 1, "same"), bias)), 2, 2, "valid");
  return (x) => {
    const features = tf.reshape(block(block(x, w0, b0), w1, b1), [batch, 3136]);
    return linear(tf, tf.relu(linear(tf, features, w2, b2)), w3, b3);
  };
}
