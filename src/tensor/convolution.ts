/**
 * Convolution over one, two or three axes and its transpose, on nodes: argument checks, and the conversion to the
 * primitive ops, which are two-dimensional. A sequence is an image of height 1. In a volume, the taps along the depth
 * are channels of an image: one product over all taps, at the price of Kd copies of the input.
 */
import { formatShape, type Node, type Pair, sizeOfShape } from "../ir/graph.js";
import { graph, helpers, inputGradient } from "../ops/index.js";
import { ConfigError } from "../util/errors.js";
import { dtypeError, located, shapeError } from "./check.js";
import { sameDType } from "./contract.js";
import { AXES, KERNEL, type Padding, type Rank, type Side, type Sizes, sidesOf, sizesOf } from "./sizes.js";

/** Options of a convolution. */
export interface ConvOptions {
  readonly stride?: Sizes;
  readonly padding?: Padding;
  readonly dilation?: Sizes;
  readonly groups?: number;
}

/** Options of a transposed convolution. */
export interface TransposedOptions {
  readonly stride?: Sizes;
  readonly padding?: Sizes;
  readonly outputPadding?: Sizes;
  readonly dilation?: Sizes;
  readonly groups?: number;
}

/** The attributes of a convolution over any number of axes. */
interface Attrs {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly sides: readonly Side[];
  readonly groups: number;
}

const pair = ([a, b]: readonly number[]): Pair => [a, b];

/** The attributes of the primitive ops, for the last two axes. */
function planeAttrs({ stride, dilation, sides, groups }: Attrs) {
  return {
    stride: pair(stride.slice(-2)),
    before: pair(sides.slice(-2).map(([before]) => before)),
    after: pair(sides.slice(-2).map(([, after]) => after)),
    dilation: pair(dilation.slice(-2)),
    groups,
  };
}

/** A sequence as an image of height 1, and the attributes of the convolution over it. */
const asImage = (x: Node): Node => helpers.reshape(graph, x, [x.shape[0], x.shape[1], 1, x.shape[2]]);
const withHeight = ({ stride, dilation, sides, groups }: Attrs): Attrs => ({
  stride: [1, ...stride],
  dilation: [1, ...dilation],
  sides: [[0, 0], ...sides],
  groups,
});

function checkOperands(op: string, rank: Rank, x: Node, weight: Node, channels: string): void {
  if (x.shape.length !== rank + 2 || weight.shape.length !== rank + 2) {
    const needs = `needs x [N, C, ${AXES[rank]}] and weight [${channels}, ${KERNEL[rank]}]`;
    throw shapeError(op, `${needs}, got ${formatShape(x.shape)} and ${formatShape(weight.shape)}`);
  }
  sameDType(op, { x, weight });
  if (x.dtype === "u8" || x.dtype === "bool") {
    throw dtypeError(op, `does not take ${x.dtype}, which sums of products would overflow`, 'Use x.to("f32")');
  }
}

/** Elements that the taps of a kernel span. */
const reachOf = (size: number, dilation: number): number => dilation * (size - 1) + 1;

export function convolution(rank: Rank, x: Node, weight: Node, options: ConvOptions): Node {
  const op = `conv${rank}d`;
  const groups = options.groups ?? 1;
  checkOperands(op, rank, x, weight, "Cout, Cin / groups");
  const channels = x.shape[1];
  const [out, perGroup, ...kernel] = weight.shape;
  if (channels !== perGroup * groups || out % groups !== 0) {
    const expected = `weight ${formatShape(weight.shape)} with groups ${groups} expects ${perGroup * groups}`;
    throw shapeError(op, `x ${formatShape(x.shape)} has ${channels} channels, ${expected}`);
  }
  const stride = sizesOf(options.stride ?? 1, rank);
  const dilation = sizesOf(options.dilation ?? 1, rank);
  const padding = options.padding ?? 0;
  if (padding === "same") checkSame(op, stride);
  const sides = sidesOf(padding, kernel, dilation);
  const space = x.shape.slice(2);
  if (space.some((n, axis) => n + sides[axis][0] + sides[axis][1] < reachOf(kernel[axis], dilation[axis]))) {
    const what = { 1: "sequence", 2: "image", 3: "volume" }[rank];
    throw shapeError(
      op,
      `kernel ${kernel.join("×")} is larger than the padded ${what} ${formatShape(x.shape)}`,
      "Use a smaller kernel or more padding",
    );
  }
  const attrs = { stride, dilation, sides, groups };
  if (rank === 2) return graph.make("conv2d", [x, weight], planeAttrs(attrs));
  if (rank === 3) return overVolume(x, weight, attrs);
  const y = graph.make("conv2d", [asImage(x), asImage(weight)], planeAttrs(withHeight(attrs)));
  return helpers.reshape(graph, y, [y.shape[0], out, y.shape[3]]);
}

/** Throws if a convolution of padding "same" has a stride: then no padding keeps the size. */
export function checkSame(op: string, stride: readonly number[]): void {
  if (stride.every((s) => s === 1)) return;
  throw new ConfigError(located(op, `padding "same" needs stride 1, got ${formatShape(stride)}`), {
    hint: "Give the padding as numbers",
  });
}

function overVolume(x: Node, weight: Node, attrs: Attrs): Node {
  const [n, channels, depth, height, width] = x.shape;
  const [out, perGroup, taps, ...plane] = weight.shape;
  const [before, after] = attrs.sides[0];
  const padded = graph.make(
    "pad",
    [x],
    { before: [0, 0, before, 0, 0], value: 0 },
    { shape: [n, channels, depth + before + after, height, width] },
  );
  const axes = [{ axis: 2, size: taps, stride: attrs.stride[0], dilation: attrs.dilation[0] }];
  const windows = graph.make("window", [padded], { axes }); // [N, C, Do, H, W, Kd]
  const slices = windows.shape[2];
  const images = helpers.reshape(graph, helpers.permute(graph, windows, [0, 2, 1, 5, 3, 4]), [
    n * slices,
    channels * taps,
    height,
    width,
  ]);
  const filters = helpers.reshape(graph, weight, [out, perGroup * taps, ...plane]);
  const y = graph.make("conv2d", [images, filters], planeAttrs(attrs)); // [N·Do, O, Ho, Wo]
  const parted = helpers.reshape(graph, y, [n, slices, ...y.shape.slice(1)]);
  return helpers.permute(graph, parted, [0, 2, 1, 3, 4]);
}

export function transposedConvolution(rank: Rank, x: Node, weight: Node, options: TransposedOptions): Node {
  const op = `convTranspose${rank}d`;
  const groups = options.groups ?? 1;
  checkOperands(op, rank, x, weight, "Cin, Cout / groups");
  const [channels, , ...kernel] = weight.shape;
  if (x.shape[1] !== channels || channels % groups !== 0) {
    const expected = `weight ${formatShape(weight.shape)} expects ${channels} in ${groups} groups`;
    throw shapeError(op, `x ${formatShape(x.shape)} has ${x.shape[1]} channels, ${expected}`);
  }
  const stride = sizesOf(options.stride ?? 1, rank);
  const dilation = sizesOf(options.dilation ?? 1, rank);
  const padding = sizesOf(options.padding ?? 0, rank);
  const extra = sizesOf(options.outputPadding ?? 0, rank);
  checkOutputPadding(op, extra, stride, dilation);
  const size = x.shape
    .slice(2)
    .map((n, i) => (n - 1) * stride[i] - 2 * padding[i] + reachOf(kernel[i], dilation[i]) + extra[i]);
  if (size.some((n) => n < 1)) {
    throw shapeError(
      op,
      `padding ${formatShape(padding)} leaves nothing of the output ${formatShape(size)}`,
      "Use less padding",
    );
  }
  // The convolution whose input gradient this is reads `size` elements and gives the size of x. From a stride of output
  // padding on, it would give more, so that its padding is smaller.
  const sides = padding.map((p, i): Side => [p, extra[i] < stride[i] ? p : p - extra[i]]);
  const attrs = { stride, dilation, sides, groups };
  if (rank === 2) return transposedPlane(x, weight, size, attrs);
  if (rank === 3) return transposedVolume(x, weight, size, attrs);
  const y = transposedPlane(asImage(x), asImage(weight), [1, ...size], withHeight(attrs));
  return helpers.reshape(graph, y, [y.shape[0], y.shape[1], y.shape[3]]);
}

/** Throws unless the output padding is smaller than the stride or the dilation. */
export function checkOutputPadding(
  op: string,
  extra: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): void {
  if (extra.every((n, i) => n < Math.max(stride[i], dilation[i]))) return;
  const bounds = `stride ${formatShape(stride)} or dilation ${formatShape(dilation)}`;
  throw new ConfigError(located(op, `outputPadding ${formatShape(extra)} is not smaller than ${bounds}`), {
    hint: "It chooses among the sizes that the stride rounds to one",
  });
}

function transposedPlane(x: Node, weight: Node, size: readonly number[], attrs: Attrs): Node {
  if (sideBySide(x, weight, size, attrs)) return transposedTiles(x, weight, size, attrs);
  const shape = [x.shape[0], weight.shape[1] * attrs.groups, ...size];
  return inputGradient(graph, x, weight, shape, planeAttrs(attrs));
}

/** Whether each output element has a contribution of one input pixel alone: the kernel is as large as the stride. */
function sideBySide(x: Node, weight: Node, size: readonly number[], { stride, dilation }: Attrs): boolean {
  return size.every((n, i) => {
    const kernel = weight.shape[i + 2];
    return kernel === stride.at(i - 2) && (kernel === 1 || dilation.at(i - 2) === 1) && n === x.shape[i + 2] * kernel;
  });
}

/**
 * A transposed convolution without overlaps: a product per pixel gives the tile of each, as Kh · Kw channels that are
 * then moved side by side. On a processor it is faster than the general form, whose sums run over one tap each.
 */
function transposedTiles(x: Node, weight: Node, size: readonly number[], { groups }: Attrs): Node {
  const [n, channels, height, width] = x.shape;
  const [, perGroup, kh, kw] = weight.shape;
  const tile = perGroup * kh * kw;
  const grouped = helpers.reshape(graph, weight, [groups, channels / groups, tile]);
  const filters = helpers.reshape(graph, helpers.swap(graph, grouped, 1, 2), [groups * tile, channels / groups, 1, 1]);
  const none = { stride: pair([1, 1]), before: pair([0, 0]), after: pair([0, 0]), dilation: pair([1, 1]), groups };
  const y = graph.make("conv2d", [x, filters], none); // [N, O·Kh·Kw, H, W]
  const tiles = helpers.reshape(graph, y, [n, groups * perGroup, kh, kw, height, width]);
  const rows = helpers.permute(graph, tiles, [0, 1, 4, 2, 5, 3]);
  return helpers.reshape(graph, rows, [n, groups * perGroup, ...size]);
}

/** The adjoint of {@link overVolume}: the channels of depth taps are added up along the depth. */
function transposedVolume(x: Node, weight: Node, size: readonly number[], attrs: Attrs): Node {
  const [n, channels, depth, ...plane] = x.shape;
  const [, perGroup, taps, ...planeKernel] = weight.shape;
  const out = perGroup * attrs.groups;
  const images = helpers.reshape(graph, helpers.permute(graph, x, [0, 2, 1, 3, 4]), [n * depth, channels, ...plane]);
  const filters = helpers.reshape(graph, weight, [channels, perGroup * taps, ...planeKernel]);
  const y = transposedPlane(images, filters, size.slice(1), attrs); // [N·D, O·Kd, Ho, Wo]
  const parted = helpers.reshape(graph, y, [n, depth, out, taps, size[1], size[2]]);
  const [stride, dilation] = [attrs.stride[0], attrs.dilation[0]];
  const full = (depth - 1) * stride + reachOf(taps, dilation);
  const axes = [{ axis: 2, size: taps, stride, dilation }];
  const shape = [n, out, full, size[1], size[2]];
  const sum = graph.make("fold", [helpers.permute(graph, parted, [0, 2, 1, 4, 5, 3])], { axes }, { shape });
  const [start] = attrs.sides[0];
  const kept = Math.min(size[0], full - start);
  const cropped = graph.make(
    "slice",
    [sum],
    { start: [0, 0, start, 0, 0], step: [1, 1, 1, 1, 1] },
    { shape: [n, out, kept, size[1], size[2]] },
  );
  return graph.make("pad", [cropped], { before: [0, 0, 0, 0, 0], value: 0 }, { shape: [n, out, ...size] });
}

/** Adds a value for each channel; `bias` is [C] for y [N, C, ...]. */
export function addBias(op: string, y: Node, bias: Node): Node {
  const channels = y.shape[1];
  if (sizeOfShape(bias.shape) !== channels) {
    throw shapeError(op, `bias has ${sizeOfShape(bias.shape)} elements for ${channels} channels`);
  }
  sameDType(op, { x: y, bias });
  const column = helpers.reshape(
    graph,
    bias,
    y.shape.map((_, axis) => (axis === 1 ? channels : 1)),
  );
  return graph.op("add", y, helpers.broadcast(graph, column, y.shape));
}
