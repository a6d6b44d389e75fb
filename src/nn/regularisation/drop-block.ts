/** DropBlock: as a function, as a layer that owns the random stream of its masks, and as an entry. */
import { type Generator, maxPool2d, type Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { count, flag, range } from "../../util/kinds.js";
import { checkImages } from "../checks.js";
import { layerEntry } from "../entries.js";
import { generatorKind } from "../kinds.js";
import { Module } from "../module.js";
import { nextDropoutGenerator } from "../random.js";
import { checkFloats, requiredGenerator } from "./checks.js";

export interface DropBlock2dFunctionOptions {
  /** Whether to drop; false returns x. Default true. */
  readonly training?: boolean;
}

const positional = { p: range(0, 1), blockSize: count() };

/**
 * Zeroes square blocks of each channel, so that about a share p of the pixels is dropped, and scales the others by the
 * share that is kept.
 *
 * Shape: `[N, C, H, W]`, unchanged. Formula: `y = x · m / mean(m)`, where m is 0 on `blockSize × blockSize` blocks that
 * start at each of the `(H − b + 1) (W − b + 1)` positions with probability `p · H · W / (b² (H − b + 1) (W − b + 1))`.
 *
 * @param p share of pixels to drop, 0 to 1; overlapping blocks drop less
 * @param blockSize b, side of a block in pixels, ≥ 1; at most that of the image is used
 * @param generator source of the mask; its counter advances at every call in training
 * @throws ShapeError if x is no image batch; DTypeError if x is no float tensor
 * @see Ghiasi, Lin & Le 2018, "DropBlock: A regularization method for convolutional networks", arXiv:1810.12890
 * @example
 * const y = dropBlock2d(ones([8, 16, 14, 14]), 0.1, 5, new Generator(1)); // zeros in blocks of 5 × 5
 */
export const dropBlock2d = checked(
  "dropBlock2d",
  takes<DropBlock2dFunctionOptions>({ x: tensorKind, ...positional, generator: requiredGenerator }, { training: flag }),
  (
    x: Tensor,
    p: number,
    blockSize: number,
    generator: Generator,
    { training = true }: DropBlock2dFunctionOptions = {},
  ): Tensor => {
    checkFloats("dropBlock2d", x);
    checkImages("dropBlock2d", x);
    if (!training || p === 0) return x;
    const [N, C, H, W] = x.shape;
    const b = Math.min(blockSize, H, W);
    const [rows, columns] = [H - b + 1, W - b + 1];
    const probability = Math.min(1, (p * H * W) / (b * b * rows * columns));
    const starts = generator.bernoulli([N, C, rows, columns], probability).to(x.dtype);
    const border = [b - 1, b - 1] as const;
    // A pixel is dropped if a block starts at it, or up to b − 1 rows and columns before it.
    const covered = maxPool2d(starts.pad([[0, 0], [0, 0], border, border]), b, { stride: 1 });
    const kept = covered.neg().add(1);
    // All pixels may be dropped; the sum is then replaced by 1, and 0 stays 0.
    return x.mul(kept).mul(kept.sum().maximum(1).reciprocal().mul(x.size));
  },
);

export interface DropBlock2dOptions {
  /** Source of the masks. Default: a stream of its own under the seed of `manualSeed`. */
  readonly generator?: Generator;
}

const parameters = takes<DropBlock2dOptions>(positional, { generator: generatorKind });
const check = checkedConstructor("DropBlock2d", parameters);

/**
 * DropBlock: in training square blocks of each channel are zeroed, so that about a share p of the pixels is dropped, and
 * the others are scaled by the share that is kept; in evaluation the input is returned.
 *
 * Shape: `[N, C, H, W]`, unchanged. Formula: `y = x · m / mean(m)`, where m is 0 on `blockSize × blockSize` blocks that
 * start at each of the `(H − b + 1) (W − b + 1)` positions with probability `p · H · W / (b² (H − b + 1) (W − b + 1))`.
 *
 * @param p share of pixels to drop, 0 to 1; overlapping blocks drop less
 * @param blockSize b, side of a block in pixels, ≥ 1; at most that of the image is used
 * @throws ConfigError if p or the size is out of range; ShapeError from the call if the input is no image batch
 * @see https://pytorch.org/vision/stable/generated/torchvision.ops.drop_block2d.html
 * @example
 * const y = new DropBlock2d(0.1, 5)(ones([8, 16, 14, 14])); // zeros in blocks of 5 × 5
 */
export class DropBlock2d extends Module {
  readonly p: number;
  readonly blockSize: number;
  /** The random stream of the masks; its counter advances at every call in training. */
  readonly generator: Generator;

  constructor(p: number, blockSize: number, options: DropBlock2dOptions = {}) {
    check([p, blockSize, options]);
    super();
    this.p = p;
    this.blockSize = blockSize;
    this.generator = options.generator ?? nextDropoutGenerator();
  }

  override forward(x: Tensor): Tensor {
    return dropBlock2d(x, this.p, this.blockSize, this.generator, { training: this.training });
  }
}

export const dropBlock2dEntry = layerEntry("DropBlock2d", parameters, DropBlock2d);
