/**
 * A classifier of digits, ported line by line from PyTorch: gradient clipping, learning rate with warm-up and cosine,
 * label smoothing, test-time augmentation, confusion matrix. `npx tsx examples/ported/cnn.ts` runs it.
 */
import { fileURLToPath } from "node:url";
import { compile, noGrad, stack, type Tensor, zeros } from "fovea";
import { DataLoader, loadMnist, stratifiedSplit } from "fovea/data";
import * as nn from "fovea/nn";
import { clipGradNorm, cosine, linear, SGD, sequence } from "fovea/optim";

const F = nn.functional;
const CLASSES = 10;

class Net extends nn.Module {
  readonly conv1 = new nn.Conv2d(1, 16, 3, { padding: 1 });
  readonly bn1 = new nn.BatchNorm2d(16);
  readonly conv2 = new nn.Conv2d(16, 32, 3, { padding: 1 });
  readonly bn2 = new nn.BatchNorm2d(32);
  readonly pool = new nn.MaxPool2d(2);
  readonly dropout = new nn.Dropout({ p: 0.25 });
  readonly fc1 = new nn.Linear(32 * 7 * 7, 64);
  readonly fc2 = new nn.Linear(64, CLASSES);

  override forward(images: Tensor): Tensor {
    let x = this.pool(F.relu(this.bn1(this.conv1(images)))); // [N, 16, 14, 14]
    x = this.pool(F.relu(this.bn2(this.conv2(x)))); // [N, 32, 7, 7]
    x = this.dropout(F.relu(this.fc1(x.flatten({ startDim: 1 })))); // [N, 64]
    return this.fc2(x); // [N, 10]
  }
}

/** The image itself and moved by one pixel each way; a mirrored digit would be another one. */
function views(x: Tensor): Tensor[] {
  return [x, x.roll(1, 2), x.roll(-1, 2), x.roll(1, 3), x.roll(-1, 3)];
}

/** Trains on 80 % of the digits and tests with the others. */
export async function main({ digits = loadMnist(), epochs = 3, batchSize = 64 } = {}) {
  nn.manualSeed(0);
  const { train, heldOut } = stratifiedSplit(await digits, { ratio: 0.8, seed: 0 });
  const trainLoader = new DataLoader(train, { batchSize, shuffle: true, dropLast: true });
  const testLoader = new DataLoader(heldOut, { batchSize: 200 });

  const model = new Net();
  const criterion = new nn.CrossEntropyLoss({ labelSmoothing: 0.1 });
  const steps = epochs * trainLoader.length;
  const warmup = Math.ceil(steps / 10);
  const lr = sequence([[linear(0.1, warmup, { startFactor: 0.1 }), warmup], [cosine(0.1, steps - warmup)]]);
  const optimizer = new SGD(model.parameters(), { lr, momentum: 0.9, nesterov: true, weightDecay: 5e-4 });

  const step = compile((x: Tensor, y: Tensor) => {
    optimizer.zeroGrad();
    const loss = criterion(model(x), y);
    loss.backward();
    clipGradNorm(model.parameters(), 1);
    optimizer.step(); // takes the learning rate of this step from its schedule
    return loss;
  });
  const losses: number[] = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    let sum = 0;
    for await (const { x, y } of trainLoader) sum += await (await step(x, y)).item();
    losses.push(sum / trainLoader.length);
    console.log(`epoch ${epoch}  loss ${losses[epoch - 1].toFixed(4)}`);
  }

  model.eval();
  const test = compile((x: Tensor, y: Tensor) =>
    noGrad(() => {
      const probabilities = stack(views(x).map((view) => model(view).softmax(1))).mean({ dim: 0 }); // [N, 10]
      const predicted = probabilities.argmax({ dim: 1 });
      return y
        .mul(CLASSES)
        .add(predicted)
        .bincount(CLASSES * CLASSES)
        .reshape([CLASSES, CLASSES]);
    }),
  );
  let confusion = zeros([CLASSES, CLASSES], { dtype: "i32" }); // rows: true classes, columns: predicted ones
  for await (const { x, y } of testLoader) confusion = confusion.add(await test(x, y));
  const right = confusion.diag();
  console.log(await confusion.toText());
  console.log(`of each class ${await right.div(confusion.sum({ dim: 1 })).toText()}`);
  const accuracy = await right.sum().div(confusion.sum()).item();
  console.log(`accuracy ${(100 * accuracy).toFixed(2)} %`);
  return { losses, accuracy };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
