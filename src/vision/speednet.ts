/**
 * A wide, shallow network for small images that trains in few epochs. This file knows layers only; it must not know
 * data sets, training, or the other models.
 */
import * as nn from "../nn/index.js";
import { Generator, type Tensor, tensor } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { count, instance, needed, size2d, word } from "../util/kinds.js";
import { WhiteningConv2d } from "./whitening.js";

/** The variants: channels of each group; each group halves the image. */
export const speednetRows = {
  speednet: { widths: [64, 256, 256] },
} as const satisfies Record<string, { readonly widths: readonly number[] }>;

/** The name of a variant. */
export type SpeedNetName = keyof typeof speednetRows;

export interface SpeedNetOptions {
  /** Number of classes, ≥ 1. */
  readonly classes: number;
  /** Channels of the images. Default 3, range ≥ 1. */
  readonly inChannels?: number;
  /** Size of the images in pixels. */
  readonly size: readonly [height: number, width: number];
  /** Source of the initial values. Default: the one seeded by `nn.manualSeed`. */
  readonly generator?: Generator;
}

/** Side of the patches that are whitened. */
const PATCH = 2;
/**
 * Factor on the logits: the inputs of the last layer are maxima, and its initial predictions would be too confident.
 */
const LOGITS = 1 / 9;

const check = checkedConstructor(
  "SpeedNet",
  takes<SpeedNetOptions>(
    { name: word(Object.keys(speednetRows)) },
    {
      classes: needed(count()),
      inChannels: count(),
      size: needed(size2d()),
      generator: instance(Generator, "a Generator"),
    },
  ),
);

/**
 * The network of airbench: a whitening convolution; three groups of two convolutions, with a max pool after the first
 * of each group; global max pooling; one linear layer.
 *
 * Shape: `[N, Cin, H, W] -> [N, classes]`. In each convolution filter o starts as the identity of channel o (Dirac),
 * for as many filters as there are input channels; {@link fitWhitening} sets the first layer.
 *
 * @param name the variant
 * @throws ConfigError if the images are too small; ShapeError from the call if rank or channels differ
 * @see Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv:2404.00498
 * @example
 * const net = new SpeedNet("speednet", { classes: 10, size: [9, 9] });
 * const logits = net.eval()(zeros([1, 3, 9, 9])); // shape [1, 10]
 */
export class SpeedNet extends nn.Module {
  readonly whiten: WhiteningConv2d;
  readonly layers: nn.Sequential;
  readonly head: nn.Linear;

  constructor(name: SpeedNetName, options: SpeedNetOptions) {
    check([name, options]);
    const { classes, inChannels = 3, size, generator } = options;
    super();
    const { widths } = speednetRows[name];
    const smallest = 2 ** widths.length + PATCH - 1;
    if (Math.min(...size) < smallest) {
      const sample = [inChannels, ...size].join(", ");
      throw new ConfigError(`[model] images of [${sample}] are too small for ${name}`, {
        hint: `Use images of ${smallest} pixels or more, or another model`,
      });
    }
    this.whiten = new WhiteningConv2d(inChannels, PATCH, { generator });
    let channels = this.whiten.bias.size;
    const groups = widths.map((width) => {
      const group = new Group(channels, width, generator);
      channels = width;
      return group;
    });
    this.layers = new nn.Sequential(...groups);
    this.head = new nn.Linear(channels, classes, { bias: false, generator });
  }

  override forward(x: Tensor): Tensor {
    const y = this.layers(gelu(this.whiten(x)));
    return this.head(y.max({ dim: [2, 3] })).mul(LOGITS);
  }
}

/** Two convolutions, with a max pool after the first. `[N, C, H, W] -> [N, width, ⌊H/2⌋, ⌊W/2⌋]` */
class Group extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly norm1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly norm2: nn.BatchNorm2d;
  readonly pool = new nn.MaxPool2d(2);

  constructor(channels: number, width: number, generator?: Generator) {
    super();
    const convolution = (inner: number) =>
      new nn.Conv2d(inner, width, 3, { padding: 1, bias: false, generator, init: diracInit });
    this.conv1 = convolution(channels);
    this.norm1 = new nn.BatchNorm2d(width, { momentum: 0.2 });
    this.conv2 = convolution(width);
    this.norm2 = new nn.BatchNorm2d(width, { momentum: 0.2 });
  }

  override forward(x: Tensor): Tensor {
    const y = gelu(this.norm1(this.pool(this.conv1(x))));
    return gelu(this.norm2(this.conv2(y)));
  }
}

/** Filter o copies channel o, if there is one; the other filters start as PyTorch's. `[O, C, Kh, Kw]` */
const diracInit: NonNullable<nn.Conv2dOptions["init"]> = (shape, { generator }) => {
  const [O, C, Kh, Kw] = shape;
  const random = nn.init.kaimingUniform(shape, { a: Math.sqrt(5), generator });
  const dirac = new Float32Array(O * C * Kh * Kw);
  const isDirac = new Float32Array(O).fill(1, 0, Math.min(O, C));
  const centre = Math.floor(Kh / 2) * Kw + Math.floor(Kw / 2);
  for (let o = 0; o < Math.min(O, C); o++) dirac[(o * C + o) * Kh * Kw + centre] = 1;
  const passes = tensor(isDirac, { shape: [O, 1, 1, 1] }).gt(0);
  return passes.where(tensor(dirac, { shape }), random);
};

/** GELU: x · Φ(x), Φ the cumulative normal distribution. */
function gelu(x: Tensor): Tensor {
  return x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1));
}
