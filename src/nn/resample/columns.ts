/** Windows of images as columns of a matrix (im2col) and their sum back: functions, layers and entries. */
import { shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { foldWindows, unfoldWindows, type WindowOptions } from "../../tensor/pooling-functions.js";
import { type Pair, pairOf, type Size2d } from "../../tensor/sizes.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { size2d } from "../../util/kinds.js";
import { checkImages, shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";

export interface UnfoldOptions {
  /** Distance between the pixels of a window. Default 1, range ≥ 1. */
  readonly dilation?: Size2d;
  /** Zeros on each side. Default 0, range ≥ 0. */
  readonly padding?: Size2d;
  /** Step of the window. Default 1, range ≥ 1. */
  readonly stride?: Size2d;
}

const kinds = () => ({ dilation: size2d(), padding: size2d(0), stride: size2d() });

function windowsOf(kernelSize: Size2d, { dilation = 1, padding = 0, stride = 1 }: UnfoldOptions): WindowOptions {
  return { kernel: pairOf(kernelSize), dilation: pairOf(dilation), padding: pairOf(padding), stride: pairOf(stride) };
}

/** Number of windows along each axis of images of a size. */
function countsOf(op: string, size: readonly number[], { kernel, dilation, padding, stride }: WindowOptions): Pair {
  const [rows, columns] = size.map(
    (n, i) => Math.floor((n + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i]) + 1,
  );
  if (rows >= 1 && columns >= 1) return [rows, columns];
  const problem = `window ${kernel.join("×")} is larger than the padded image ${size.join("×")}`;
  throw shapeError(op, problem, "Use a smaller window or more padding");
}

/**
 * The windows of images as columns.
 *
 * Shape: `[N, C, H, W] -> [N, C·Kh·Kw, L]`, L the number of windows, `⌊(H + 2p − d(K−1) − 1)/s⌋ + 1` times likewise for
 * W.
 * Formula: `y[n, (c, u, v), (i, j)] = x[n, c, s·i + d·u − p, s·j + d·v − p]`.
 *
 * @param kernelSize size of the window in pixels, ≥ 1: one number, or `[height, width]`
 * @throws ShapeError if x is no image batch, or smaller than a window
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.unfold.html
 * @example
 * const y = unfold(zeros([1, 3, 8, 8]), 3, { padding: 1 }); // shape [1, 27, 64]
 */
export const unfold = checked(
  "unfold",
  takes<UnfoldOptions>({ x: tensorKind, kernelSize: size2d() }, kinds()),
  (x: Tensor, kernelSize: Size2d, options: UnfoldOptions = {}): Tensor => {
    checkImages("unfold", x);
    const windows = windowsOf(kernelSize, options);
    const [rows, columns] = countsOf("unfold", x.shape.slice(2), windows);
    const [N, C] = x.shape;
    const taps = unfoldWindows(x, windows); // [N, C, rows, columns, Kh, Kw]
    const [kh, kw] = windows.kernel;
    return taps.permute([0, 1, 4, 5, 2, 3]).reshape([N, C * kh * kw, rows * columns]);
  },
);

/**
 * The sum of columns at the places of their windows: the adjoint of `unfold`.
 *
 * Shape: `[N, C·Kh·Kw, L] -> [N, C, H, W]`, with L the number of windows in images of the output size.
 * Formula: `y[n, c, h, w] = Σ x[n, (c, u, v), (i, j)]` over all windows (i, j) and taps (u, v) at the pixel.
 *
 * @param outputSize H and W in pixels, ≥ 1
 * @param kernelSize size of the window in pixels, ≥ 1: one number, or `[height, width]`
 * @throws ShapeError if the columns are not those of such windows
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.fold.html
 * @example
 * const y = fold(zeros([1, 27, 64]), 8, 3, { padding: 1 }); // shape [1, 3, 8, 8]
 */
export const fold = checked(
  "fold",
  takes<UnfoldOptions>({ x: tensorKind, outputSize: size2d(), kernelSize: size2d() }, kinds()),
  (x: Tensor, outputSize: Size2d, kernelSize: Size2d, options: UnfoldOptions = {}): Tensor => {
    const windows = windowsOf(kernelSize, options);
    const size = pairOf(outputSize);
    const [kh, kw] = windows.kernel;
    const [rows, columns] = countsOf("fold", size, windows);
    if (x.rank !== 3 || x.shape[1] % (kh * kw) !== 0 || x.shape[2] !== rows * columns) {
      const needs = `needs x [N, C·${kh * kw}, ${rows * columns}] for ${rows} × ${columns} windows`;
      throw shapeError("fold", `${needs}, got x ${shapeText(x.shape)}`, "Use the options that unfold had");
    }
    const C = x.shape[1] / (kh * kw);
    const taps = x.reshape([x.shape[0], C, kh, kw, rows, columns]).permute([0, 1, 4, 5, 2, 3]);
    return foldWindows(taps, size, windows);
  },
);

const unfoldParameters = takes<UnfoldOptions>({ kernelSize: size2d() }, kinds());
const checkUnfold = checkedConstructor("Unfold", unfoldParameters);

/**
 * The windows of images as columns.
 *
 * Shape: `[N, C, H, W] -> [N, C·Kh·Kw, L]`, L the number of windows.
 * Formula: `y[n, (c, u, v), (i, j)] = x[n, c, s·i + d·u − p, s·j + d·v − p]`.
 *
 * @param kernelSize size of the window in pixels, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input is smaller than a window
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Unfold.html
 * @example
 * const y = new Unfold(3, { padding: 1 })(zeros([1, 3, 8, 8])); // shape [1, 27, 64]
 */
export class Unfold extends Module {
  readonly kernelSize: Pair;
  readonly dilation: Pair;
  readonly padding: Pair;
  readonly stride: Pair;

  constructor(kernelSize: Size2d, options: UnfoldOptions = {}) {
    checkUnfold([kernelSize, options]);
    super();
    this.kernelSize = pairOf(kernelSize);
    this.dilation = pairOf(options.dilation ?? 1);
    this.padding = pairOf(options.padding ?? 0);
    this.stride = pairOf(options.stride ?? 1);
  }

  override forward(x: Tensor): Tensor {
    const { kernelSize, dilation, padding, stride } = this;
    return unfold(x, kernelSize, { dilation, padding, stride });
  }
}

const foldParameters = takes<UnfoldOptions>({ outputSize: size2d(), kernelSize: size2d() }, kinds());
const checkFold = checkedConstructor("Fold", foldParameters);

/**
 * The sum of columns at the places of their windows: the adjoint of `Unfold`.
 *
 * Shape: `[N, C·Kh·Kw, L] -> [N, C, H, W]`, with L the number of windows in images of the output size.
 * Formula: `y[n, c, h, w] = Σ x[n, (c, u, v), (i, j)]` over all windows (i, j) and taps (u, v) at the pixel.
 *
 * @param outputSize H and W in pixels, ≥ 1: one number, or `[height, width]`
 * @param kernelSize size of the window in pixels, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the columns do not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Fold.html
 * @example
 * const y = new Fold(8, 3, { padding: 1 })(zeros([1, 27, 64])); // shape [1, 3, 8, 8]
 */
export class Fold extends Module {
  readonly outputSize: Pair;
  readonly kernelSize: Pair;
  readonly dilation: Pair;
  readonly padding: Pair;
  readonly stride: Pair;

  constructor(outputSize: Size2d, kernelSize: Size2d, options: UnfoldOptions = {}) {
    checkFold([outputSize, kernelSize, options]);
    super();
    this.outputSize = pairOf(outputSize);
    this.kernelSize = pairOf(kernelSize);
    this.dilation = pairOf(options.dilation ?? 1);
    this.padding = pairOf(options.padding ?? 0);
    this.stride = pairOf(options.stride ?? 1);
  }

  override forward(x: Tensor): Tensor {
    const { outputSize, kernelSize, dilation, padding, stride } = this;
    return fold(x, outputSize, kernelSize, { dilation, padding, stride });
  }
}

export const unfoldEntry = layerEntry("Unfold", unfoldParameters, Unfold);
export const foldEntry = layerEntry("Fold", foldParameters, Fold);
