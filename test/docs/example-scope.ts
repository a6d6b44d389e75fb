/**
 * What the examples of the docs may use beside the exports: small models, tiny data sets, and files in the working folder.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { PNG } from "pngjs";
import * as data from "../../src/data/index.js";
import * as main from "../../src/index.js";
import * as io from "../../src/io/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optim/index.js";
import * as train from "../../src/train/index.js";
import { openData } from "../../src/train/open-data.js";
import { describeError } from "../../src/util/errors.js";
import * as vision from "../../src/vision/index.js";
import { idxBytes, writeIdxFolder } from "../data/idx-bytes.js";

const SIZE = 28 * 28;
const CLASSES = 10;
const SAMPLES = 100;

const config: train.RunConfig = {
  format: 1,
  data: { name: "tiny", trainSamples: 80, testSamples: 20 },
  input: { shape: [1, 28, 28], classes: [..."0123456789"], scale: 1 / 255, mean: [0.5], std: [0.25] },
  model: "mlp",
  optimizer: "sgd",
  lr: 0.1,
  momentum: 0,
  weightDecay: 0,
  warmupEpochs: 0,
  augment: { rotation: 0, scale: 0, shift: 0 },
  epochs: 1,
  batch: 8,
  seed: 0,
  device: "interp",
};

/** Puts the files that examples name into a folder. */
export async function writeFixtures(folder: string): Promise<void> {
  const image = new PNG({ width: 28, height: 28 });
  image.data.fill(255);
  writeFileSync(join(folder, "seven.png"), PNG.sync.write(image));
  const images = idxBytes(8, [60000, 28, 28], new Uint8Array(60000 * SIZE));
  writeFileSync(join(folder, "train-images-idx3-ubyte.gz"), gzipSync(images, { level: 1 }));
  await writeIdxFolder(join(folder, "tiny"));
  for (const name of ["cat", "dog"]) {
    mkdirSync(join(folder, "animals", name), { recursive: true });
    for (const file of ["1.png", "2.png"]) writeFileSync(join(folder, "animals", name, file), PNG.sync.write(image));
  }
  mkdirSync(join(folder, "trained"));
  mkdirSync(join(folder, "run"));
  const run = await train.RunFolder.create(join(folder, "trained", "first"), config);
  await run.save(vision.createModel("mlp", { classes: CLASSES, inChannels: 1, size: 28 }), { epoch: 1, step: 1 });
}

/**
 * For examples of `nn` and `optim`: a model of 2 × 2 × 2 images. A name of both, such as `linear`, a layer's function and
 * a schedule, is that of the examples' own entry.
 */
export function layerScope(entry: "nn" | "optim"): Record<string, unknown> {
  const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(8, 2), new nn.BatchNorm1d(2));
  const images = new main.Generator(1, { stream: "examples" }).normal([3, 2, 2, 2]);
  const loss = model(images).sum();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const layers = { ...nn.functional, ...nn.init, ...nn };
  const both = entry === "nn" ? { ...optim, ...layers } : { ...layers, ...optim };
  return { ...main, ...both, model, images, loss, optimizer };
}

/**
 * For all other examples: a model of digits, and a small set of them. Stand-ins keep them quick: whole runs are one epoch
 * on tiny IDX files and the reference device, and reading a run reads one that is there.
 */
export function digitScope(): Record<string, unknown> {
  const digits = new data.ArrayDataset({
    images: Uint8Array.from({ length: SAMPLES * SIZE }, (_, i) => i % 251),
    labels: Array.from({ length: SAMPLES }, (_, i) => i % CLASSES),
    sampleShape: [1, 28, 28],
    role: "all",
  });
  const { train: trainSet, heldOut: test } = data.stratifiedSplit(digits, { seed: 0 });
  const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(SIZE, CLASSES));
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const batch = { x: main.zeros([2, 1, 28, 28]), y: main.zeros([2], { dtype: "i32" }) };
  const weight = new main.Parameter(main.ones([2]));
  const step = main.compile((x: main.Tensor) => model(x).sum());
  const quick = { data: "tiny", model: "mlp", epochs: 1, device: "interp", batch: 8 } as const;
  return {
    ...main,
    ...data,
    ...io,
    ...train,
    ...vision,
    ...nn.functional,
    ...{
      nn,
      optim,
      openData,
      describeError,
      digits,
      train: trainSet,
      test,
      model,
      optimizer,
      ...batch,
      weight,
      step,
      config,
    },
    console: { log: () => undefined, error: () => undefined },
    useDevice: () => undefined,
    loadImageFolder: (path: string, options: data.ImageFolderOptions) =>
      data.loadImageFolder(path, { ...options, cache: "pixels" }),
    loadRun: (path: string) => train.loadRun(path.replace("runs/", "trained/")),
    Predictor: { open: (path: string) => train.Predictor.open(path.replace("runs/", "trained/")) },
    prepareRun: (options: train.TrainOptions) => train.prepareRun({ ...options, ...quick }),
  };
}
