/**
 * A first layer that whitens patches of images: its filters are computed from training images and are not trained. It
 * must not know any network, nor where images come from.
 */
import type { TrainingSet } from "../data/index.js";
import { datasetKind } from "../data/kinds.js";
import * as nn from "../nn/index.js";
import {
  compile,
  concat,
  conv2d,
  Generator,
  Parameter,
  type Tensor,
  tensor,
  Variable,
  zeros,
} from "../tensor/index.js";
import { tensorKind } from "../tensor/tensor.js";
import { checked, checkedConstructor, checkMethods, takes } from "../util/arguments.js";
import { ConfigError, ShapeError } from "../util/errors.js";
import { count, instance, number } from "../util/kinds.js";
import { eigenSymmetric } from "./eigen.js";

export interface WhiteningOptions {
  /** ε, added to the variances, so that directions of little variance are not amplified. Default 5e-4, range > 0. */
  readonly eps?: number;
  /** Source of the initial values until the layer is fitted. Default: the one seeded by `nn.manualSeed`. */
  readonly generator?: Generator;
}

/** Number of images that filters are computed from: more would hardly change the second moments of their patches. */
const SAMPLES = 1024;

const check = checkedConstructor(
  "WhiteningConv2d",
  takes<WhiteningOptions>(
    { inChannels: count(), kernelSize: count() },
    { eps: number, generator: instance(Generator, "a Generator") },
  ),
);

/**
 * A convolution whose filters are the eigenvectors of the patches of training images, each divided by the root of its
 * eigenvalue, followed by their negatives: the outputs of the first half are uncorrelated and of one variance, which
 * speeds up training. The filters are a buffer; the bias is trained.
 *
 * Shape: `[N, C, H, W] -> [N, 2·C·K², H − K + 1, W − K + 1]`.
 * Formula: `w_i = ± v_i / √(λ_i + ε)`, with `Σ_p p·pᵀ / n = Σ_i λ_i · v_i·v_iᵀ` over all patches p `[C·K²]`.
 *
 * @param inChannels C, ≥ 1
 * @param kernelSize K in pixels, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv:2404.00498, section 3.2
 * @example
 * const whitening = new WhiteningConv2d(3, 2);
 * await whitening.fit(new Generator(0, { stream: "images" }).normal([8, 3, 6, 6]));
 * const y = whitening(zeros([2, 3, 6, 6])); // shape [2, 24, 5, 5]
 */
export class WhiteningConv2d extends nn.Module {
  /** `[2·C·K², C, K, K]`; not trained. */
  readonly weight: Variable;
  /** `[2·C·K²]`, starts at 0. */
  readonly bias: Parameter;
  readonly eps: number;

  constructor(inChannels: number, kernelSize: number, options: WhiteningOptions = {}) {
    check([inChannels, kernelSize, options]);
    super();
    const { eps = 5e-4, generator } = options;
    if (!(eps > 0)) throw new ConfigError(`[whiteningConv2d] eps must be above 0, got ${eps}`);
    this.eps = eps;
    const half = inChannels * kernelSize ** 2;
    const filters = nn.init.kaimingNormal([half, inChannels, kernelSize, kernelSize], { generator });
    this.weight = new Variable(concat([filters, filters.neg()]), { name: "whiteningConv2d.weight" });
    this.bias = new Parameter(zeros([2 * half]), { name: "whiteningConv2d.bias" });
  }

  /**
   * Computes the filters from images, standardised as the input of the network will be.
   *
   * @param images `[N, C, H, W]`, some hundred of them
   * @throws ShapeError if rank or channels differ, or the images are smaller than a patch
   * @example
   * await new WhiteningConv2d(1, 3).fit(new Generator(0, { stream: "images" }).normal([8, 1, 6, 6]));
   */
  async fit(images: Tensor): Promise<void> {
    const [outChannels, C, K] = this.weight.shape;
    const [, channels, H, W] = images.shape;
    if (images.rank !== 4 || channels !== C || H < K || W < K) {
      const got = `[${images.shape.join(", ")}]`;
      throw new ShapeError(`[whiteningConv2d] needs images [N, ${C}, H, W] of ${K} pixels or more, got ${got}`);
    }
    const D = outChannels / 2;
    const moments = await (await compile((x: Tensor) => secondMoments(x, K))(images)).data();
    const rows = Array.from({ length: D }, (_, i) => Array.from(moments.slice(i * D, (i + 1) * D)));
    const { values, vectors } = eigenSymmetric(rows);
    const filters = vectors.map((vector, i) => vector.map((v) => v / Math.sqrt(Math.max(values[i], 0) + this.eps)));
    this.weight.load([...filters, ...filters.map((filter) => filter.map((v) => -v))].flat());
  }

  override forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, { bias: this.bias });
  }
}

/** Mean of `p·pᵀ` over all patches p of K × K pixels. `[N, C, H, W] -> [C·K², C·K²]` */
function secondMoments(x: Tensor, K: number): Tensor {
  const [N, C, H, W] = x.shape;
  const [rows, columns] = [H - K + 1, W - K + 1];
  const count = N * rows * columns;
  const shifts = Array.from({ length: C * K * K }, (_, i) => {
    const [c, u, v] = [Math.floor(i / K ** 2), Math.floor(i / K) % K, i % K];
    const part = x
      .slice(1, c, c + 1)
      .slice(2, u, u + rows)
      .slice(3, v, v + columns); // [N, 1, rows, columns]
    return part.reshape([1, count]);
  });
  const patches = concat(shifts); // [C·K², count]
  return patches.matmul(patches.transpose()).mul(1 / count);
}

checkMethods(WhiteningConv2d, { fit: takes({ images: tensorKind }) });

/**
 * Fits every {@link WhiteningConv2d} of a model to images of its training split; other models stay unchanged.
 *
 * @param model whose whitening layers take the standardised images as input
 * @param train a standardised training split
 * @example
 * const net = createModel("speednet", { classes: 10, inChannels: 1, size: 28 });
 * await fitWhitening(net, train);
 */
export const fitWhitening = checked(
  "fitWhitening",
  takes({ model: instance(nn.Module, "a module"), train: datasetKind }),
  async (model: nn.AnyModule, train: TrainingSet): Promise<void> => {
    const layers = model.namedModules().flatMap(([, module]) => (module instanceof WhiteningConv2d ? [module] : []));
    if (layers.length === 0) return;
    const count = Math.min(SAMPLES, train.length);
    // spread over all classes, since splits are often sorted by class
    const spread = Int32Array.from({ length: count }, (_, i) => Math.floor((i * train.length) / count));
    const { x } = await train.batch(spread);
    const images = tensor(x, { shape: [count, ...train.sampleShape] });
    for (const layer of layers) await layer.fit(images);
  },
);
