/** Movement of elements between channels and space, and between groups of channels: functions, layers and entries. */
import { shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { count } from "../../util/kinds.js";
import { checkImages, shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";

/**
 * Moves groups of r² channels side by side, as r × r pixels.
 *
 * Shape: `[N, C·r², H, W] -> [N, C, H·r, W·r]`. Formula: `y[n, c, h·r + i, w·r + j] = x[n, c·r² + i·r + j, h, w]`.
 *
 * @param upscaleFactor r, ≥ 1
 * @throws ShapeError if x is no image batch, or if its channels are no multiple of r²
 * @see Shi et al. 2016, "Real-Time Single Image and Video Super-Resolution", arXiv:1609.05158
 * @example
 * const y = pixelShuffle(zeros([1, 12, 4, 5]), 2); // shape [1, 3, 8, 10]
 */
export const pixelShuffle = checked(
  "pixelShuffle",
  takes({ x: tensorKind, upscaleFactor: count() }),
  (x: Tensor, upscaleFactor: number): Tensor => {
    checkImages("pixelShuffle", x);
    const r = upscaleFactor;
    const [N, channels, H, W] = x.shape;
    if (channels % (r * r) !== 0) {
      const problem = `${channels} channels are no multiple of ${r}², got x ${shapeText(x.shape)}`;
      throw shapeError("pixelShuffle", problem, "Give the layer before it r² times the channels");
    }
    const C = channels / (r * r);
    const tiles = x.reshape([N, C, r, r, H, W]).permute([0, 1, 4, 2, 5, 3]); // [N, C, H, r, W, r]
    return tiles.reshape([N, C, H * r, W * r]);
  },
);

/**
 * Moves tiles of r × r pixels to r² channels: the inverse of `pixelShuffle`.
 *
 * Shape: `[N, C, H·r, W·r] -> [N, C·r², H, W]`. Formula: `y[n, c·r² + i·r + j, h, w] = x[n, c, h·r + i, w·r + j]`.
 *
 * @param downscaleFactor r, ≥ 1
 * @throws ShapeError if x is no image batch, or if its sizes are no multiples of r
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.pixel_unshuffle.html
 * @example
 * const y = pixelUnshuffle(zeros([1, 3, 8, 10]), 2); // shape [1, 12, 4, 5]
 */
export const pixelUnshuffle = checked(
  "pixelUnshuffle",
  takes({ x: tensorKind, downscaleFactor: count() }),
  (x: Tensor, downscaleFactor: number): Tensor => {
    checkImages("pixelUnshuffle", x);
    const r = downscaleFactor;
    const [N, C, H, W] = x.shape;
    if (H % r !== 0 || W % r !== 0) {
      const problem = `${H} × ${W} pixels are no multiples of ${r}, got x ${shapeText(x.shape)}`;
      throw shapeError("pixelUnshuffle", problem, "Pad or crop the images");
    }
    const tiles = x.reshape([N, C, H / r, r, W / r, r]).permute([0, 1, 3, 5, 2, 4]); // [N, C, r, r, H/r, W/r]
    return tiles.reshape([N, C * r * r, H / r, W / r]);
  },
);

/**
 * Deals channels of groups out in turn, so that grouped convolutions behind it read from all groups.
 *
 * Shape: `[N, C, ...]`, unchanged. Formula: `y[n, k·groups + g] = x[n, g·C/groups + k]`.
 *
 * @param groups number of groups, a divisor of C
 * @throws ShapeError if x has fewer than three axes, or if groups does not divide its channels
 * @see Zhang et al. 2018, "ShuffleNet", arXiv:1707.01083
 * @example
 * const y = channelShuffle(zeros([1, 6, 4, 4]), 3); // shape [1, 6, 4, 4]
 */
export const channelShuffle = checked(
  "channelShuffle",
  takes({ x: tensorKind, groups: count() }),
  (x: Tensor, groups: number): Tensor => {
    const [N, C, ...rest] = x.shape;
    if (x.rank < 3 || C % groups !== 0) {
      const problem = `needs x [N, C, ...] with C a multiple of groups ${groups}, got x ${shapeText(x.shape)}`;
      throw shapeError("channelShuffle", problem, "Choose a divisor of the number of channels");
    }
    return x
      .reshape([N, groups, C / groups, ...rest])
      .transpose(1, 2)
      .reshape(x.shape);
  },
);

const shuffleParameters = takes({ upscaleFactor: count() });
const checkShuffle = checkedConstructor("PixelShuffle", shuffleParameters);

/**
 * Moves groups of r² channels side by side, as r × r pixels.
 *
 * Shape: `[N, C·r², H, W] -> [N, C, H·r, W·r]`.
 * Formula: `y[n, c, h·r + i, w·r + j] = x[n, c·r² + i·r + j, h, w]`.
 *
 * @param upscaleFactor r, ≥ 1
 * @throws ConfigError if r is out of range; ShapeError from the call if the channels are no multiple of r²
 * @see https://pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html
 * @example
 * const y = new PixelShuffle(2)(zeros([1, 12, 4, 5])); // shape [1, 3, 8, 10]
 */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number, ...none: never[]) {
    checkShuffle([upscaleFactor, ...none]);
    super();
    this.upscaleFactor = upscaleFactor;
  }

  override forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.upscaleFactor);
  }
}

const unshuffleParameters = takes({ downscaleFactor: count() });
const checkUnshuffle = checkedConstructor("PixelUnshuffle", unshuffleParameters);

/**
 * Moves tiles of r × r pixels to r² channels: the inverse of `PixelShuffle`.
 *
 * Shape: `[N, C, H·r, W·r] -> [N, C·r², H, W]`.
 * Formula: `y[n, c·r² + i·r + j, h, w] = x[n, c, h·r + i, w·r + j]`.
 *
 * @param downscaleFactor r, ≥ 1
 * @throws ConfigError if r is out of range; ShapeError from the call if the sizes are no multiples of r
 * @see https://pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html
 * @example
 * const y = new PixelUnshuffle(2)(zeros([1, 3, 8, 10])); // shape [1, 12, 4, 5]
 */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number, ...none: never[]) {
    checkUnshuffle([downscaleFactor, ...none]);
    super();
    this.downscaleFactor = downscaleFactor;
  }

  override forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor);
  }
}

const channelParameters = takes({ groups: count() });
const checkChannel = checkedConstructor("ChannelShuffle", channelParameters);

/**
 * Deals channels of groups out in turn, so that grouped convolutions behind it read from all groups.
 *
 * Shape: `[N, C, ...]`, unchanged.
 * Formula: `y[n, k·groups + g] = x[n, g·C/groups + k]`.
 *
 * @param groups number of groups, a divisor of C
 * @throws ConfigError if groups is out of range; ShapeError from the call if it does not divide the channels
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html
 * @example
 * const y = new ChannelShuffle(3)(zeros([1, 6, 4, 4])); // shape [1, 6, 4, 4]
 */
export class ChannelShuffle extends Module {
  readonly groups: number;

  constructor(groups: number, ...none: never[]) {
    checkChannel([groups, ...none]);
    super();
    this.groups = groups;
  }

  override forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups);
  }
}

export const pixelShuffleEntry = layerEntry("PixelShuffle", shuffleParameters, PixelShuffle);
export const pixelUnshuffleEntry = layerEntry("PixelUnshuffle", unshuffleParameters, PixelUnshuffle);
export const channelShuffleEntry = layerEntry("ChannelShuffle", channelParameters, ChannelShuffle);
