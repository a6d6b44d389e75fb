/** Pooling by the p-norm of windows: functions, layers and entries. */
import { avgPool1d, avgPool2d, avgPool3d, type Tensor } from "../../tensor/index.js";
import {
  type Pair,
  type Rank,
  type Size1d,
  type Size2d,
  type Size3d,
  type Sizes,
  sizesOf,
} from "../../tensor/sizes.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, type Parameters, takes } from "../../util/arguments.js";
import { flag, nonZero, sizes } from "../../util/kinds.js";
import { checkSpace } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";

export interface LPPoolFunctionOptions<Size> {
  /** Step of the window. Default: the kernel size. */
  readonly stride?: Size;
  /** Whether a last window may reach beyond the input. Default false. */
  readonly ceilMode?: boolean;
}

export interface LPPoolOptions<Size> extends LPPoolFunctionOptions<Size> {}

const options = (rank: Rank) => ({ stride: sizes(rank), ceilMode: flag });

// @__NO_SIDE_EFFECTS__
function functionParameters(rank: Rank): Parameters {
  return takes<LPPoolFunctionOptions<Sizes>>(
    { x: tensorKind, normType: nonZero, kernelSize: sizes(rank) },
    options(rank),
  );
}

// @__NO_SIDE_EFFECTS__
function layerParameters(rank: Rank): Parameters {
  return takes<LPPoolOptions<Sizes>>({ normType: nonZero, kernelSize: sizes(rank) }, options(rank));
}

/** The mean of x^p by `pool`, times the size of the window, to the power of 1/p; its gradient is 0 where the sum is. */
function lpPool(rank: Rank, x: Tensor, normType: number, kernel: Sizes, pool: (powers: Tensor) => Tensor): Tensor {
  checkSpace(`lpPool${rank}d`, rank, x);
  const count = sizesOf(kernel, rank).reduce((product, n) => product * n, 1);
  const sum = pool(x.pow(normType)).mul(count);
  const none = sum.eq(0);
  return none.where(0, none.where(1, sum).pow(1 / normType));
}

/**
 * The p-norm of each window, without absolute values: `y = (Σ x^p)^(1/p)`, NaN for negative sums.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = ⌊(L − K)/s⌋ + 1`; with `ceilMode` ⌈ ⌉ in place of ⌊ ⌋, and the sum
 * over a window beyond the input scaled up to a whole one.
 *
 * @param normType p, not 0
 * @param kernelSize size of the window, ≥ 1: one number
 * @throws ConfigError if an option is out of range; ShapeError if x has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool1d.html
 * @example
 * const y = lpPool1d(ones([8, 16, 28]), 2, 2); // shape [8, 16, 14]
 */
export const lpPool1d = checked(
  "lpPool1d",
  functionParameters(1),
  (x: Tensor, normType: number, kernelSize: Size1d, options: LPPoolFunctionOptions<Size1d> = {}): Tensor =>
    lpPool(1, x, normType, kernelSize, (powers) => avgPool1d(powers, kernelSize, options)),
);

/**
 * The p-norm of each window, without absolute values: `y = (Σ x^p)^(1/p)`, NaN for negative sums.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = ⌊(H − K)/s⌋ + 1`, likewise Wo; with `ceilMode` ⌈ ⌉ in place of ⌊ ⌋,
 * and the sum
 * over a window beyond the input scaled up to a whole one.
 *
 * @param normType p, not 0
 * @param kernelSize size of the window, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if an option is out of range; ShapeError if x has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool2d.html
 * @example
 * const y = lpPool2d(ones([8, 16, 28, 28]), 2, 2); // shape [8, 16, 14, 14]
 */
export const lpPool2d = checked(
  "lpPool2d",
  functionParameters(2),
  (x: Tensor, normType: number, kernelSize: Size2d, options: LPPoolFunctionOptions<Size2d> = {}): Tensor =>
    lpPool(2, x, normType, kernelSize, (powers) => avgPool2d(powers, kernelSize, options)),
);

/**
 * The p-norm of each window, without absolute values: `y = (Σ x^p)^(1/p)`, NaN for negative sums.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `Do = ⌊(D − K)/s⌋ + 1`, likewise Ho and Wo; with `ceilMode` ⌈ ⌉ in
 * place of ⌊ ⌋, and the sum
 * over a window beyond the input scaled up to a whole one.
 *
 * @param normType p, not 0
 * @param kernelSize size of the window, ≥ 1: one number, or `[depth, height, width]`
 * @throws ConfigError if an option is out of range; ShapeError if x has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool3d.html
 * @example
 * const y = lpPool3d(ones([2, 4, 8, 28, 28]), 2, 2); // shape [2, 4, 4, 14, 14]
 */
export const lpPool3d = checked(
  "lpPool3d",
  functionParameters(3),
  (x: Tensor, normType: number, kernelSize: Size3d, options: LPPoolFunctionOptions<Size3d> = {}): Tensor =>
    lpPool(3, x, normType, kernelSize, (powers) => avgPool3d(powers, kernelSize, options)),
);

/** What the layers share. */
abstract class LPPool extends Module {
  readonly normType: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly ceilMode: boolean;

  constructor(rank: Rank, normType: number, kernel: Sizes, { stride, ceilMode = false }: LPPoolOptions<Sizes>) {
    super();
    this.normType = normType;
    this.kernelSize = sizesOf(kernel, rank);
    this.stride = sizesOf(stride ?? kernel, rank);
    this.ceilMode = ceilMode;
  }
}

const parameters1d = /* @__PURE__ */ layerParameters(1);
const check1d = /* @__PURE__ */ checkedConstructor("LPPool1d", parameters1d);

/**
 * The p-norm of each window, without absolute values.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = ⌊(L − K)/s⌋ + 1`; with `ceilMode` ⌈ ⌉ in place of ⌊ ⌋.
 * Formula: `y = (Σ x^p)^(1/p)`, NaN for negative sums; the gradient is 0 where the sum is.
 *
 * @param normType p, not 0
 * @param kernelSize size of the window, ≥ 1: one number
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LPPool1d.html
 * @example
 * const y = new LPPool1d(2, 2)(ones([8, 16, 28])); // shape [8, 16, 14]
 */
export class LPPool1d extends LPPool {
  constructor(normType: number, kernelSize: Size1d, options: LPPoolOptions<Size1d> = {}) {
    check1d([normType, kernelSize, options]);
    super(1, normType, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    const { normType, kernelSize, stride, ceilMode } = this;
    return lpPool1d(x, normType, kernelSize as readonly [number], { stride: stride as Size1d, ceilMode });
  }
}

const parameters2d = /* @__PURE__ */ layerParameters(2);
const check2d = /* @__PURE__ */ checkedConstructor("LPPool2d", parameters2d);

/**
 * The p-norm of each window, without absolute values.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = ⌊(H − K)/s⌋ + 1`, likewise Wo; with `ceilMode` ⌈ ⌉ in place of ⌊ ⌋.
 * Formula: `y = (Σ x^p)^(1/p)`, NaN for negative sums; the gradient is 0 where the sum is.
 *
 * @param normType p, not 0
 * @param kernelSize size of the window, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LPPool2d.html
 * @example
 * const y = new LPPool2d(2, 2)(ones([8, 16, 28, 28])); // shape [8, 16, 14, 14]
 */
export class LPPool2d extends LPPool {
  constructor(normType: number, kernelSize: Size2d, options: LPPoolOptions<Size2d> = {}) {
    check2d([normType, kernelSize, options]);
    super(2, normType, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    const { normType, kernelSize, stride, ceilMode } = this;
    return lpPool2d(x, normType, kernelSize as Pair, { stride: stride as Size2d, ceilMode });
  }
}

const parameters3d = /* @__PURE__ */ layerParameters(3);
const check3d = /* @__PURE__ */ checkedConstructor("LPPool3d", parameters3d);

/**
 * The p-norm of each window, without absolute values.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `Do = ⌊(D − K)/s⌋ + 1`, likewise Ho and Wo; with `ceilMode` ⌈ ⌉ in
 * place of ⌊ ⌋.
 * Formula: `y = (Σ x^p)^(1/p)`, NaN for negative sums; the gradient is 0 where the sum is.
 *
 * @param normType p, not 0
 * @param kernelSize size of the window, ≥ 1: one number, or `[depth, height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LPPool3d.html
 * @example
 * const y = new LPPool3d(2, 2)(ones([2, 4, 8, 28, 28])); // shape [2, 4, 4, 14, 14]
 */
export class LPPool3d extends LPPool {
  constructor(normType: number, kernelSize: Size3d, options: LPPoolOptions<Size3d> = {}) {
    check3d([normType, kernelSize, options]);
    super(3, normType, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    const { normType, kernelSize, stride, ceilMode } = this;
    return lpPool3d(x, normType, kernelSize as readonly [number, number, number], {
      stride: stride as Size3d,
      ceilMode,
    });
  }
}

export const lpPool1dEntry = layerEntry("LPPool1d", parameters1d, LPPool1d);
export const lpPool2dEntry = layerEntry("LPPool2d", parameters2d, LPPool2d);
export const lpPool3dEntry = layerEntry("LPPool3d", parameters3d, LPPool3d);
