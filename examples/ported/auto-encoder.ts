/**
 * A convolutional auto-encoder of digits, ported line by line from PyTorch: transposed convolutions, binary
 * cross-entropy, Adam, and the latent space by class. `npx tsx examples/ported/auto-encoder.ts` runs it.
 */
import { fileURLToPath } from "node:url";
import { compile, noGrad, type Tensor, zeros } from "fovea";
import { DataLoader, loadMnist, stratifiedSplit } from "fovea/data";
import * as nn from "fovea/nn";
import { Adam } from "fovea/optim";

const CLASSES = 10;

class AutoEncoder extends nn.Module<[images: Tensor], [logits: Tensor, code: Tensor]> {
  readonly encoder: nn.Sequential;
  readonly decoder: nn.Sequential;

  constructor({ latent = 8 } = {}) {
    super();
    this.encoder = new nn.Sequential(
      ...[new nn.Conv2d(1, 16, 3, { stride: 2, padding: 1 }), new nn.ReLU()], // [N, 16, 14, 14]
      ...[new nn.Conv2d(16, 32, 3, { stride: 2, padding: 1 }), new nn.ReLU()], // [N, 32, 7, 7]
      ...[new nn.Flatten(), new nn.Linear(32 * 7 * 7, latent)],
    );
    this.decoder = new nn.Sequential(
      ...[new nn.Linear(latent, 32 * 7 * 7), new nn.ReLU(), new nn.Unflatten(1, [32, 7, 7])],
      new nn.ConvTranspose2d(32, 16, 3, { stride: 2, padding: 1, outputPadding: 1 }), // [N, 16, 14, 14]
      new nn.ReLU(),
      new nn.ConvTranspose2d(16, 1, 3, { stride: 2, padding: 1, outputPadding: 1 }), // [N, 1, 28, 28]
    );
  }

  override forward(images: Tensor): [Tensor, Tensor] {
    const code = this.encoder(images); // [N, latent]
    return [this.decoder(code), code];
  }
}

/** Trains on 80 % of the digits and tests with the others. */
export async function main({ digits = loadMnist(), epochs = 4, batchSize = 64, latent = 8 } = {}) {
  nn.manualSeed(0);
  const { train, heldOut } = stratifiedSplit(await digits, { ratio: 0.8, seed: 0 });
  const trainLoader = new DataLoader(train, { batchSize, shuffle: true, dropLast: true });
  const testLoader = new DataLoader(heldOut, { batchSize: 200 });

  const model = new AutoEncoder({ latent });
  const criterion = new nn.BCEWithLogitsLoss();
  const optimizer = new Adam(model.parameters(), { lr: 2e-3 });

  const step = compile((x: Tensor) => {
    optimizer.zeroGrad();
    const [logits] = model(x);
    const loss = criterion(logits, x);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses: number[] = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    let sum = 0;
    for await (const { x } of trainLoader) sum += await (await step(x)).item();
    losses.push(sum / trainLoader.length);
    console.log(`epoch ${epoch}  loss ${losses[epoch - 1].toFixed(4)}`);
  }

  model.eval();
  const test = compile((x: Tensor, y: Tensor) =>
    noGrad(() => {
      const [logits, code] = model(x);
      const squares = logits.sigmoid().sub(x).square().sum();
      return { squares, codes: zeros([CLASSES, latent]).indexAdd(0, y, code), counts: y.bincount(CLASSES) };
    }),
  );
  let [squares, codes, counts] = [zeros([]), zeros([CLASSES, latent]), zeros([CLASSES], { dtype: "i32" })];
  for await (const { x, y } of testLoader) {
    const found = await test(x, y);
    squares = squares.add(found.squares);
    codes = codes.add(found.codes);
    counts = counts.add(found.counts);
  }
  const mse = (await squares.item()) / (heldOut.length * 28 * 28);
  const means = codes.div(counts.unsqueeze(1)); // [10, latent]
  console.log(`mean square error of the test images ${mse.toFixed(4)}`);
  console.log(`mean code of each class ${await means.toText()}`);
  console.log(`distances between them ${await means.cdist(means).toText()}`);
  return { losses, mse };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
