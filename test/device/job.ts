/**
 * What child processes of the device tests do: `job.ts <name>` runs one job on the device that FOVEA_DEVICE names and
 * prints its result as one line of JSON, or one line of error and exit code 1.
 */
import { createHash } from "node:crypto";
import { NativeDevice } from "../../src/device/native/index.js";
import { WasmDevice } from "../../src/device/wasm/index.js";
import { useDevice } from "../../src/index.js";
import {
  BatchNorm2d,
  Conv2d,
  Flatten,
  functional,
  Linear,
  MaxPool2d,
  manualSeed,
  ReLU,
  Sequential,
} from "../../src/nn/index.js";
import { SGD } from "../../src/optim/index.js";
import {
  compile,
  conv2d,
  currentDevice,
  Generator,
  grad,
  memoryStats,
  ones,
  realize,
  type Tensor,
  tensor,
} from "../../src/tensor/index.js";
import { describeError } from "../../src/util/errors.js";

/** Collects garbage in a turn of its own, in which nothing is kept for weak references; only with --expose-gc. */
async function collect(): Promise<void> {
  if (!globalThis.gc) return;
  await new Promise((resolve) => setTimeout(resolve, 1));
  globalThis.gc();
}

/** A few steps of a small CNN; channels and sides are no multiples of any vector width. */
async function train(): Promise<unknown> {
  manualSeed(7);
  const model = new Sequential(
    ...[new Conv2d(3, 12, 3, { padding: 1, bias: false }), new BatchNorm2d(12), new ReLU(), new MaxPool2d(2)],
    ...[new Conv2d(12, 20, 3, { padding: 1 }), new ReLU(), new MaxPool2d(2)],
    ...[new Flatten(), new Linear(20 * 3 * 3, 10)],
  );
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const step = compile((x: Tensor, y: Tensor) => {
    optimizer.zeroGrad();
    const loss = functional.crossEntropy(model(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses: number[] = [];
  for (let i = 0; i < 6; i++) {
    const x = new Generator(i % 2, { stream: "images" }).normal([10, 3, 13, 13]);
    const y = tensor(Int32Array.from({ length: 10 }, (_, n) => (n * 3 + (i % 2)) % 10));
    await collect();
    losses.push(await (await step(x, y)).item());
  }
  const hash = createHash("sha256");
  for (const [name, value] of Object.entries(model.stateDict())) {
    const data = await value.data();
    hash.update(name).update(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  return { losses, checkpoint: hash.digest("hex") };
}

/**
 * Products of one program: deep ones, whose sums are cut into parts, small ones beside them, and one that needs two others.
 */
async function products(): Promise<unknown> {
  const sizes = [
    [100, 3000, 320],
    [29, 4608, 64],
    [64, 9000, 48],
    [48, 20, 64],
    [300, 1500, 100],
  ];
  const operands = sizes.map(([m, k, n], i) => [
    new Generator(i, { stream: "left" }).normal([m, k]),
    new Generator(i, { stream: "right" }).normal([k, n]),
  ]);
  const multiply = compile((pairs: Tensor[][]) => {
    const all = pairs.map(([a, b]) => a.matmul(b));
    return [...all, all[2].matmul(all[3])];
  });
  const hashes: string[] = [];
  for (let turn = 0; turn < 20; turn++) {
    const hash = createHash("sha256");
    for (const product of await multiply(operands)) hash.update(new Uint8Array((await product.data()).buffer));
    hashes.push(hash.digest("hex"));
  }
  return [...new Set(hashes)];
}

/** The largest error of odd shapes against float64, relative to the largest value. */
async function shapes(): Promise<unknown> {
  const normal = (shape: number[], stream: string) => new Generator(3, { stream }).normal(shape);
  const product = (m: number, k: number, n: number) => () => normal([m, k], "a").matmul(normal([k, n], "b"));
  const convolution = (x: number[], w: number[], options: Parameters<typeof conv2d>[2]) => () =>
    conv2d(normal(x, "x"), normal(w, "w"), options);
  const cases: Record<string, () => Tensor> = {
    "1×1 · 1×1": product(1, 1, 1),
    "7×13 · 13×19": product(7, 13, 19),
    "33×5 · 5×31": product(33, 5, 31),
    "17×300 · 300×65": product(17, 300, 65),
    "a · bᵀ": () => normal([9, 37], "a").matmul(normal([21, 37], "b").transpose()),
    "20×1100 · 1100×64": product(20, 1100, 64),
    "weight gradient, 32 → 32 channels": () => {
      const weight = normal([32, 32, 3, 3], "w");
      const y = conv2d(normal([4, 32, 4, 4], "x"), weight, { padding: 1 });
      return grad(y, [weight], { gradOutput: normal([4, 32, 4, 4], "g") })[0];
    },
    "conv 3×3": convolution([2, 3, 7, 5], [5, 3, 3, 3], { padding: 1 }),
    "conv 5×3, stride 2": convolution([2, 9, 11, 13], [17, 9, 5, 3], { stride: 2, padding: [2, 1] }),
    "conv dilated": convolution([1, 16, 12, 9], [33, 16, 3, 3], { dilation: 2 }),
    "conv in groups": convolution([2, 6, 8, 8], [9, 2, 3, 3], { groups: 3, padding: 1 }),
    "conv 1×1": convolution([3, 20, 5, 3], [11, 20, 1, 1], {}),
  };
  const errors: Record<string, number> = {};
  for (const [name, make] of Object.entries(cases)) {
    await useDevice(process.env.FOVEA_DEVICE ?? "native");
    const found = Array.from(await make().data());
    await useDevice("interp");
    const wanted = Array.from(await make().data());
    const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    errors[name] = found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i])), 0) / scale;
  }
  return errors;
}

/** One kernel, and how many were compiled for it. */
async function one(): Promise<unknown> {
  const value = await ones([100]).mul(3).sum().item();
  const device = await currentDevice();
  return { value, compilations: device instanceof NativeDevice ? device.cache.compiler.compilations : 0 };
}

/** A training and a prediction with filters that are packed once; and how many programs the compiler made for them. */
async function again(): Promise<unknown> {
  const { load } = NativeDevice.prototype;
  let loaded = 0;
  NativeDevice.prototype.load = function (...request) {
    loaded++;
    return load.apply(this, request);
  };
  const trained = await train();
  manualSeed(3);
  const model = new Sequential(new Conv2d(16, 32, 3, { padding: 1 }), new ReLU()).eval();
  const predict = compile((x: Tensor) => model(x).sum());
  const images = [1, 2].map((seed) => new Generator(seed, { stream: "images" }).normal([2, 16, 12, 12]));
  await collect();
  const sums: number[] = [];
  for (const x of images) sums.push(await (await predict(x)).item());
  model.parameters()[0].assign(model.parameters()[0].mul(2));
  sums.push(await (await predict(images[0])).item());
  return { trained, sums, prepared: loaded };
}

/** Live bytes before and after many steps and dropped tensors. */
async function memory(): Promise<unknown> {
  const layer = new Linear(64, 64);
  const step = compile((x: Tensor) => layer(x).relu());
  const x = ones([64, 64]);
  await realize(x);
  const settle = async (): Promise<number> => {
    for (let i = 0; i < 5; i++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return memoryStats().liveBytes;
  };
  const steps = async (count: number): Promise<number> => {
    for (let i = 0; i < count; i++) await step(x);
    return settle();
  };
  const before = await steps(10);
  const after = await steps(500);
  return { before, after, peak: memoryStats().peakBytes };
}

/** Memory of the wasm device early and late in a long training, read from the host's side too. */
async function longTraining(): Promise<unknown> {
  manualSeed(1);
  const model = new Sequential(new Conv2d(1, 8, 3, { padding: 1 }), new ReLU(), new Flatten(), new Linear(8 * 64, 10));
  const optimizer = new SGD(model.parameters(), { lr: 0.02, momentum: 0.9 });
  const step = compile((x: Tensor, y: Tensor) => {
    optimizer.zeroGrad();
    const loss = functional.crossEntropy(model(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const device = await currentDevice();
  if (!(device instanceof WasmDevice)) throw new Error("this job is for wasm");
  const samples: unknown[] = [];
  const losses: number[] = [];
  for (let i = 1; i <= 1000; i++) {
    const pixels = Float32Array.from({ length: 64 * 64 }, (_, k) => Math.sin(k * (1 + (i % 7))));
    const labels = Int32Array.from({ length: 64 }, (_, k) => (k + (i % 7)) % 10);
    losses.push(await (await step(tensor(pixels, { shape: [64, 1, 8, 8] }), tensor(labels))).item());
    if (i % 250 !== 0) continue;
    // Finalizers run some time after a collection: collect until nothing is released for five turns.
    for (let turn = 0, still = 0, used = 0; still < 5 && turn < 60; turn++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 5));
      still = device.memory.usedBytes === used ? still + 1 : 0;
      used = device.memory.usedBytes;
    }
    const { usedBytes, grownBytes } = device.memory;
    samples.push({ usedBytes, grownBytes, kernels: device.kernels.size });
  }
  return { first: losses[0], last: losses[999], samples };
}

/** What is computed on when nothing was chosen. */
async function chosen(): Promise<unknown> {
  const value = await ones([100]).mul(3).sum().item();
  return { device: (await currentDevice()).name, value };
}

const jobs: Readonly<Record<string, () => Promise<unknown>>> = {
  train,
  products,
  shapes,
  one,
  again,
  memory,
  chosen,
  longTraining,
};

try {
  if (process.argv[2] !== "chosen") await useDevice(process.env.FOVEA_DEVICE ?? "native");
  process.stdout.write(`${JSON.stringify(await jobs[process.argv[2]]())}\n`);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
