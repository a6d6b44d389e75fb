/**
 * A small vision transformer that classifies digits, ported line by line from PyTorch: patches by a convolution, class
 * token, learned positions, encoder, AdamW with and without weight decay, learning rate with warm-up and cosine.
 * `npx tsx examples/ported/vit.ts` runs it.
 */
import { fileURLToPath } from "node:url";
import { compile, concat, noGrad, Parameter, type Tensor, zeros } from "fovea";
import { DataLoader, loadMnist, stratifiedSplit } from "fovea/data";
import * as nn from "fovea/nn";
import { AdamW, cosine, warmup } from "fovea/optim";

const F = nn.functional;

class VisionTransformer extends nn.Module {
  readonly patchEmbed: nn.Conv2d;
  readonly clsToken: Parameter;
  readonly posEmbed: Parameter;
  readonly encoder: nn.TransformerEncoder;
  readonly head: nn.Linear;

  constructor({ size = 28, patch = 7, dim = 64, depth = 3, heads = 4, classes = 10 } = {}) {
    super();
    const patches = (size / patch) ** 2;
    this.patchEmbed = new nn.Conv2d(1, dim, patch, { stride: patch });
    this.clsToken = new Parameter(zeros([1, 1, dim]));
    this.posEmbed = new Parameter(nn.init.truncNormal([1, patches + 1, dim], { std: 0.02 }));
    const options = { dimFeedforward: 2 * dim, activation: "gelu", batchFirst: true, normFirst: true } as const;
    const layer = new nn.TransformerEncoderLayer(dim, heads, options);
    this.encoder = new nn.TransformerEncoder(layer, depth, { norm: new nn.LayerNorm(dim) });
    this.head = new nn.Linear(dim, classes);
  }

  override forward(images: Tensor): Tensor {
    const patches = this.patchEmbed(images).flatten({ startDim: 2 }).transpose(1, 2); // [N, T, D]
    const token = this.clsToken.expand([images.shape[0], -1, -1]); // [N, 1, D]
    const x = this.encoder(concat([token, patches], { dim: 1 }).add(this.posEmbed)); // [N, T + 1, D]
    return this.head(x.select(1, 0)); // [N, K]
  }
}

/** Trains on 80 % of the digits and tests with the others. */
export async function main({ digits = loadMnist(), epochs = 4, batchSize = 64, depth = 3 } = {}) {
  nn.manualSeed(0);
  const { train, heldOut } = stratifiedSplit(await digits, { ratio: 0.8, seed: 0 });
  const trainLoader = new DataLoader(train, { batchSize, shuffle: true, dropLast: true });
  const testLoader = new DataLoader(heldOut, { batchSize: 200 });

  const model = new VisionTransformer({ depth });
  console.log(`${nn.countParameters(model)} parameters`);
  const steps = epochs * trainLoader.length;
  const warmupSteps = Math.ceil(steps / 10);
  const weights = model.parameters().filter(({ rank }) => rank === 2 || rank === 4);
  const others = model.parameters().filter((parameter) => !weights.includes(parameter));
  const optimizer = new AdamW(
    [
      { params: weights, weightDecay: 0.05 },
      { params: others, weightDecay: 0 },
    ],
    { lr: warmup(cosine(2e-3, steps - warmupSteps), warmupSteps) },
  );

  const step = compile((x: Tensor, y: Tensor) => {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(model(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const countRight = compile((x: Tensor, y: Tensor) => noGrad(() => model(x).argmax({ dim: 1 }).eq(y).sum()));

  const losses: number[] = [];
  let accuracy = 0;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    model.train();
    let sum = 0;
    for await (const { x, y } of trainLoader) sum += await (await step(x, y)).item();
    losses.push(sum / trainLoader.length);

    model.eval();
    let right = 0;
    for await (const { x, y } of testLoader) right += await (await countRight(x, y)).item();
    accuracy = right / heldOut.length;
    console.log(`epoch ${epoch}  loss ${losses[epoch - 1].toFixed(4)}  accuracy ${(100 * accuracy).toFixed(2)} %`);
  }
  return { losses, accuracy };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
