/**
 * Residual networks as rows of data: the variants of He et al. for CIFAR and for ImageNet, with the keys of
 * torchvision. This file knows layers only; it must not know data sets, training, or the other models.
 */
import * as nn from "../nn/index.js";
import { Generator, type Tensor } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { count, flag, instance, needed, word } from "../util/kinds.js";
import { convolution } from "./convolution.js";

/** One variant: the numbers that a network is built from. */
interface Row {
  readonly block: "basic" | "bottleneck";
  /** Number of blocks per stage; every stage but the first halves the image. */
  readonly blocks: readonly number[];
  /** Number of channels per stage; the output of a bottleneck has four times as many. */
  readonly widths: readonly number[];
  /** The shortcut of a block whose output differs in shape from its input: a 1×1 convolution, or padding by zeros. */
  readonly shortcut: "project" | "pad";
  /** The stem of the variant, if there is no choice. */
  readonly stem?: Stem;
}

/**
 * The first layers: `cifar` is one 3×3 convolution at full size, `imagenet` a strided 7×7 convolution and a max pool,
 * which divide the size by 4.
 */
export type Stem = "cifar" | "imagenet";

const cifar = (n: number) =>
  ({ block: "basic", blocks: [n, n, n], widths: [16, 32, 64], shortcut: "pad", stem: "cifar" }) as const;
const widths = [64, 128, 256, 512];

/** CIFAR: depth 6n + 2 (section 4.2); ImageNet: table 1. */
export const resnetRows = {
  resnet20: cifar(3),
  resnet32: cifar(5),
  resnet44: cifar(7),
  resnet56: cifar(9),
  resnet110: cifar(18),
  resnet18: { block: "basic", blocks: [2, 2, 2, 2], widths, shortcut: "project" },
  resnet34: { block: "basic", blocks: [3, 4, 6, 3], widths, shortcut: "project" },
  resnet50: { block: "bottleneck", blocks: [3, 4, 6, 3], widths, shortcut: "project" },
} as const satisfies Record<string, Row>;

/** The name of a residual network. */
export type ResNetName = keyof typeof resnetRows;

export interface ResNetOptions {
  /** Number of classes, ≥ 1. */
  readonly classes: number;
  /** Channels of the images. Default 3, range ≥ 1. */
  readonly inChannels?: number;
  /** First layers of resnet18, resnet34 and resnet50; the others have the stem `cifar`. Default `imagenet`. */
  readonly stem?: Stem;
  /**
   * Whether the last normalisation of each block starts at 0, so that the block starts as the identity. Default false.
   */
  readonly zeroInitResidual?: boolean;
  /** Source of the initial values. Default: the one seeded by `nn.manualSeed`. */
  readonly generator?: Generator;
}

const check = checkedConstructor(
  "ResNet",
  takes<ResNetOptions>(
    { name: word(Object.keys(resnetRows)) },
    {
      classes: needed(count()),
      inChannels: count(),
      stem: word(["imagenet", "cifar"]),
      zeroInitResidual: flag,
      generator: instance(Generator, "a Generator"),
    },
  ),
);

/**
 * A residual network.
 *
 * Shape: `[N, Cin, H, W] -> [N, classes]`. Formula of a block: `y = relu(F(x) + shortcut(x))`.
 *
 * Keys and initial values are torchvision's: convolutions from He's normal distribution by fan-out, normalisations 1
 * and 0, the last layer uniform. The variants for CIFAR use the paper's shortcut A: every other pixel, and zeros for
 * the additional channels. Bottlenecks have their stride in the 3×3 convolution, as in torchvision.
 *
 * @param name the variant
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see He et al. 2016, "Deep Residual Learning for Image Recognition", arXiv:1512.03385
 * @example
 * const logits = new ResNet("resnet20", { classes: 10 }).eval()(zeros([2, 3, 32, 32])); // shape [2, 10]
 */
export class ResNet extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly maxpool: nn.MaxPool2d | null;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  /** The fourth stage; null in networks for CIFAR. */
  readonly layer4: nn.Sequential | null;
  readonly fc: nn.Linear;

  constructor(name: ResNetName, options: ResNetOptions) {
    check([name, options]);
    super();
    const row: Row = resnetRows[name];
    const { classes, inChannels = 3, generator, zeroInitResidual = false } = options;
    const stem = row.stem ?? options.stem ?? "imagenet";
    const first = row.widths[0];
    this.conv1 =
      stem === "cifar"
        ? convolution(inChannels, first, 3, { generator })
        : convolution(inChannels, first, 7, { stride: 2, generator });
    this.bn1 = new nn.BatchNorm2d(first);
    this.maxpool = stem === "cifar" ? null : new nn.MaxPool2d(3, { stride: 2, padding: 1 });
    const Block = row.block === "basic" ? BasicBlock : Bottleneck;
    let channels = first;
    const [layer1, layer2, layer3, layer4] = row.widths.map((width, stage) => {
      const blocks = Array.from({ length: row.blocks[stage] }, (_, i) => {
        const stride = stage > 0 && i === 0 ? 2 : 1;
        const block = new Block(channels, width, { stride, generator, shortcut: row.shortcut });
        channels = width * Block.expansion;
        if (zeroInitResidual && block.last.weight) block.last.weight.load(new Float32Array(channels));
        return block;
      });
      return new nn.Sequential(...blocks);
    });
    this.layer1 = layer1;
    this.layer2 = layer2;
    this.layer3 = layer3;
    this.layer4 = layer4 ?? null;
    this.fc = new nn.Linear(channels, classes, { generator });
  }

  override chains() {
    return [[this.conv1, this.bn1]];
  }

  override forward(x: Tensor): Tensor {
    let y = this.bn1(this.conv1(x)).relu();
    if (this.maxpool) y = this.maxpool(y);
    y = this.layer3(this.layer2(this.layer1(y)));
    if (this.layer4) y = this.layer4(y);
    return this.fc(y.mean({ dim: [2, 3] }));
  }
}

interface BlockOptions {
  readonly stride: number;
  readonly shortcut: Row["shortcut"];
  readonly generator?: Generator;
}

/** Two 3×3 convolutions. `[N, C, H, W] -> [N, width, ⌈H/stride⌉, ⌈W/stride⌉]` */
class BasicBlock extends nn.Module {
  static readonly expansion = 1;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly downsample: nn.Module | null;

  constructor(channels: number, width: number, options: BlockOptions) {
    super();
    const { stride, generator } = options;
    this.conv1 = convolution(channels, width, 3, { stride, generator });
    this.bn1 = new nn.BatchNorm2d(width);
    this.conv2 = convolution(width, width, 3, { generator });
    this.bn2 = new nn.BatchNorm2d(width);
    this.downsample = shortcut(channels, width, options);
  }

  /** The normalisation whose output is added to the shortcut. */
  get last(): nn.BatchNorm2d {
    return this.bn2;
  }

  override chains() {
    return [
      [this.conv1, this.bn1],
      [this.conv2, this.bn2],
    ];
  }

  override forward(x: Tensor): Tensor {
    const inner = this.bn1(this.conv1(x)).relu();
    const residual = this.bn2(this.conv2(inner));
    return residual.add(this.downsample ? this.downsample(x) : x).relu();
  }
}

/** Convolutions 1×1, 3×3, 1×1. `[N, C, H, W] -> [N, 4·width, ⌈H/stride⌉, ⌈W/stride⌉]` */
class Bottleneck extends nn.Module {
  static readonly expansion = 4;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly conv3: nn.Conv2d;
  readonly bn3: nn.BatchNorm2d;
  readonly downsample: nn.Module | null;

  constructor(channels: number, width: number, options: BlockOptions) {
    super();
    const { stride, generator } = options;
    const outer = width * Bottleneck.expansion;
    this.conv1 = convolution(channels, width, 1, { generator });
    this.bn1 = new nn.BatchNorm2d(width);
    this.conv2 = convolution(width, width, 3, { stride, generator });
    this.bn2 = new nn.BatchNorm2d(width);
    this.conv3 = convolution(width, outer, 1, { generator });
    this.bn3 = new nn.BatchNorm2d(outer);
    this.downsample = shortcut(channels, outer, options);
  }

  /** The normalisation whose output is added to the shortcut. */
  get last(): nn.BatchNorm2d {
    return this.bn3;
  }

  override chains() {
    return [
      [this.conv1, this.bn1],
      [this.conv2, this.bn2],
      [this.conv3, this.bn3],
    ];
  }

  override forward(x: Tensor): Tensor {
    const narrow = this.bn1(this.conv1(x)).relu();
    const inner = this.bn2(this.conv2(narrow)).relu();
    const residual = this.bn3(this.conv3(inner));
    return residual.add(this.downsample ? this.downsample(x) : x).relu();
  }
}

/** The shortcut of a block; null if the input is added unchanged. */
function shortcut(channels: number, outer: number, { stride, shortcut, generator }: BlockOptions): nn.Module | null {
  if (stride === 1 && channels === outer) return null;
  if (shortcut === "pad") return new PadShortcut(outer - channels, stride);
  return new nn.Sequential(convolution(channels, outer, 1, { stride, generator }), new nn.BatchNorm2d(outer));
}

/**
 * Shortcut A: every `stride`-th pixel, and additional channels of zeros. They come last, as in the authors' own code
 * for Torch, so that channels keep their positions in the blocked layout of the compiler.
 */
class PadShortcut extends nn.Module {
  readonly more: number;
  readonly stride: number;

  constructor(more: number, stride: number) {
    super();
    this.more = more;
    this.stride = stride;
  }

  override forward(x: Tensor): Tensor {
    const [, , H, W] = x.shape;
    const fewer = x.slice(2, 0, H, { step: this.stride }).slice(3, 0, W, { step: this.stride }); // [N, C, ⌈H/s⌉, ⌈W/s⌉]
    return fewer.pad([
      [0, 0],
      [0, this.more],
      [0, 0],
      [0, 0],
    ]); // [N, C + more, ⌈H/s⌉, ⌈W/s⌉]
  }
}
