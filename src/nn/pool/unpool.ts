/** The partial inverse of maximum pooling with indices: functions, layers and entries. */
import { shapeError } from "../../tensor/check.js";
import { type Tensor, zeros } from "../../tensor/index.js";
import { type Rank, type Size1d, type Size2d, type Size3d, type Sizes, sizesOf } from "../../tensor/sizes.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, type Parameters, takes } from "../../util/arguments.js";
import { list, sizes, whole } from "../../util/kinds.js";
import { checkSpace, shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";

export interface MaxUnpoolOptions<Size> {
  /** Step of the window. Default: the kernel size. */
  readonly stride?: Size;
  /** Padding of the pooling. Default 0. */
  readonly padding?: Size;
}

export interface MaxUnpoolFunctionOptions<Size> extends MaxUnpoolOptions<Size> {
  /** Sizes of the axes of space of the output. Default: the smallest that the pooling gives this shape from. */
  readonly outputSize?: readonly number[];
}

// @__NO_SIDE_EFFECTS__
function functionParameters(rank: Rank): Parameters {
  return takes<MaxUnpoolFunctionOptions<Sizes>>(
    { x: tensorKind, indices: tensorKind, kernelSize: sizes(rank) },
    { stride: sizes(rank), padding: sizes(rank, 0), outputSize: list(whole, "an array of sizes") },
  );
}

// @__NO_SIDE_EFFECTS__
function layerParameters(rank: Rank): Parameters {
  return takes<MaxUnpoolOptions<Sizes>>({ kernelSize: sizes(rank) }, { stride: sizes(rank), padding: sizes(rank, 0) });
}

function maxUnpool(
  rank: Rank,
  x: Tensor,
  indices: Tensor,
  kernelSize: Sizes,
  options: MaxUnpoolFunctionOptions<Sizes>,
): Tensor {
  const op = `maxUnpool${rank}d`;
  checkSpace(op, rank, x);
  if (x.shape.some((n, axis) => n !== indices.shape[axis]) || indices.rank !== x.rank) {
    const problem = `x ${shapeText(x.shape)} and indices ${shapeText(indices.shape)} differ`;
    throw shapeError(op, problem, "Take both from one pooling with returnIndices");
  }
  const kernel = sizesOf(kernelSize, rank);
  const stride = sizesOf(options.stride ?? kernelSize, rank);
  const padding = sizesOf(options.padding ?? 0, rank);
  const smallest = x.shape.slice(2).map((n, i) => (n - 1) * stride[i] - 2 * padding[i] + kernel[i]);
  const size = options.outputSize ?? smallest;
  // The sizes that the pooling maps to that of x.
  if (size.length !== rank || size.some((n, i) => Math.abs(n - smallest[i]) >= stride[i])) {
    const problem = `outputSize ${shapeText(size)} does not give x ${shapeText(x.shape)} when pooled`;
    throw shapeError(op, problem, `Give one less than the stride from ${shapeText(smallest)}`);
  }
  const [N, C] = x.shape;
  const elements = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
  const flat = [N, C, elements(x.shape.slice(2))];
  const plane = zeros([N, C, elements(size)], { dtype: x.dtype });
  return plane.scatter(2, indices.reshape(flat), x.reshape(flat)).reshape([N, C, ...size]);
}

/**
 * Puts each value at the position that it had before maximum pooling, among zeros.
 *
 * Shape: `[N, C, L], indices [N, C, L] -> [N, C, Lo]`, `Lo = (L − 1)s − 2p + K`, unless `outputSize` says otherwise. Of
 * several values for one position, which overlapping windows give, the last one stays.
 *
 * @param indices i32 positions within a channel, of `maxPool1dWithIndices`
 * @param kernelSize size of the window of the pooling, ≥ 1: one number
 * @throws ShapeError if the shapes differ, or if the pooling would not give that of x from `outputSize`
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool1d.html
 * @example
 * const { values, indices } = maxPool1dWithIndices(ones([8, 16, 28]), 2);
 * const y = maxUnpool1d(values, indices, 2); // shape [8, 16, 28]
 */
export const maxUnpool1d = checked(
  "maxUnpool1d",
  functionParameters(1),
  (x: Tensor, indices: Tensor, kernelSize: Size1d, options: MaxUnpoolFunctionOptions<Size1d> = {}): Tensor =>
    maxUnpool(1, x, indices, kernelSize, options),
);

/**
 * Puts each value at the position that it had before maximum pooling, among zeros.
 *
 * Shape: `[N, C, H, W], indices [N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = (H − 1)s − 2p + K`, likewise Wo, unless
 * `outputSize` says otherwise. Of
 * several values for one position, which overlapping windows give, the last one stays.
 *
 * @param indices i32 positions within a channel, of `maxPool2dWithIndices`
 * @param kernelSize size of the window of the pooling, ≥ 1: one number, or `[height, width]`
 * @throws ShapeError if the shapes differ, or if the pooling would not give that of x from `outputSize`
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool2d.html
 * @example
 * const { values, indices } = maxPool2dWithIndices(ones([8, 16, 28, 28]), 2);
 * const y = maxUnpool2d(values, indices, 2); // shape [8, 16, 28, 28]
 */
export const maxUnpool2d = checked(
  "maxUnpool2d",
  functionParameters(2),
  (x: Tensor, indices: Tensor, kernelSize: Size2d, options: MaxUnpoolFunctionOptions<Size2d> = {}): Tensor =>
    maxUnpool(2, x, indices, kernelSize, options),
);

/**
 * Puts each value at the position that it had before maximum pooling, among zeros.
 *
 * Shape: `[N, C, D, H, W], indices [N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `Do = (D − 1)s − 2p + K`, likewise Ho and
 * Wo, unless `outputSize` says otherwise. Of
 * several values for one position, which overlapping windows give, the last one stays.
 *
 * @param indices i32 positions within a channel, of `maxPool3dWithIndices`
 * @param kernelSize size of the window of the pooling, ≥ 1: one number, or `[depth, height, width]`
 * @throws ShapeError if the shapes differ, or if the pooling would not give that of x from `outputSize`
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool3d.html
 * @example
 * const { values, indices } = maxPool3dWithIndices(ones([2, 4, 8, 28, 28]), 2);
 * const y = maxUnpool3d(values, indices, 2); // shape [2, 4, 8, 28, 28]
 */
export const maxUnpool3d = checked(
  "maxUnpool3d",
  functionParameters(3),
  (x: Tensor, indices: Tensor, kernelSize: Size3d, options: MaxUnpoolFunctionOptions<Size3d> = {}): Tensor =>
    maxUnpool(3, x, indices, kernelSize, options),
);

/** What the layers share. */
abstract class MaxUnpool extends Module<[x: Tensor, indices: Tensor]> {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];

  constructor(rank: Rank, kernel: Sizes, options: MaxUnpoolOptions<Sizes>) {
    super();
    this.kernelSize = sizesOf(kernel, rank);
    this.stride = sizesOf(options.stride ?? kernel, rank);
    this.padding = sizesOf(options.padding ?? 0, rank);
  }

  override forward(x: Tensor, indices: Tensor): Tensor {
    const { kernelSize, stride, padding } = this;
    return maxUnpool(kernelSize.length as Rank, x, indices, kernelSize, { stride, padding });
  }
}

const parameters1d = /* @__PURE__ */ layerParameters(1);
const check1d = /* @__PURE__ */ checkedConstructor("MaxUnpool1d", parameters1d);

/**
 * Puts each value at the position that it had before maximum pooling, among zeros.
 *
 * Shape: `[N, C, L], indices [N, C, L] -> [N, C, Lo]`, `Lo = (L − 1)s − 2p + K`. For another size within the stride use
 * the
 * function `maxUnpool1d` with `outputSize`.
 *
 * @param kernelSize size of the window of the pooling, ≥ 1: one number
 * @throws ConfigError if an option is out of range; ShapeError from the call if the shapes differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool1d.html
 * @example
 * const { values, indices } = new MaxPool1d(2, { returnIndices: true })(ones([8, 16, 28]));
 * const y = new MaxUnpool1d(2)(values, indices); // shape [8, 16, 28]
 */
export class MaxUnpool1d extends MaxUnpool {
  constructor(kernelSize: Size1d, options: MaxUnpoolOptions<Size1d> = {}) {
    check1d([kernelSize, options]);
    super(1, kernelSize, options);
  }
}

const parameters2d = /* @__PURE__ */ layerParameters(2);
const check2d = /* @__PURE__ */ checkedConstructor("MaxUnpool2d", parameters2d);

/**
 * Puts each value at the position that it had before maximum pooling, among zeros.
 *
 * Shape: `[N, C, H, W], indices [N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = (H − 1)s − 2p + K`, likewise Wo. For another
 * size within the stride use the
 * function `maxUnpool2d` with `outputSize`.
 *
 * @param kernelSize size of the window of the pooling, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the shapes differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool2d.html
 * @example
 * const { values, indices } = new MaxPool2d(2, { returnIndices: true })(ones([8, 16, 28, 28]));
 * const y = new MaxUnpool2d(2)(values, indices); // shape [8, 16, 28, 28]
 */
export class MaxUnpool2d extends MaxUnpool {
  constructor(kernelSize: Size2d, options: MaxUnpoolOptions<Size2d> = {}) {
    check2d([kernelSize, options]);
    super(2, kernelSize, options);
  }
}

const parameters3d = /* @__PURE__ */ layerParameters(3);
const check3d = /* @__PURE__ */ checkedConstructor("MaxUnpool3d", parameters3d);

/**
 * Puts each value at the position that it had before maximum pooling, among zeros.
 *
 * Shape: `[N, C, D, H, W], indices [N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `Do = (D − 1)s − 2p + K`, likewise Ho and
 * Wo. For another size within the stride use the
 * function `maxUnpool3d` with `outputSize`.
 *
 * @param kernelSize size of the window of the pooling, ≥ 1: one number, or `[depth, height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the shapes differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool3d.html
 * @example
 * const { values, indices } = new MaxPool3d(2, { returnIndices: true })(ones([2, 4, 8, 28, 28]));
 * const y = new MaxUnpool3d(2)(values, indices); // shape [2, 4, 8, 28, 28]
 */
export class MaxUnpool3d extends MaxUnpool {
  constructor(kernelSize: Size3d, options: MaxUnpoolOptions<Size3d> = {}) {
    check3d([kernelSize, options]);
    super(3, kernelSize, options);
  }
}

export const maxUnpool1dEntry = layerEntry("MaxUnpool1d", parameters1d, MaxUnpool1d);
export const maxUnpool2dEntry = layerEntry("MaxUnpool2d", parameters2d, MaxUnpool2d);
export const maxUnpool3dEntry = layerEntry("MaxUnpool3d", parameters3d, MaxUnpool3d);
