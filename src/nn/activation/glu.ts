/** Activations that halve or divide an axis, gated linear units and maxout: functions, layers, and entries. */
import { axisOf, shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { dimKind } from "../../tensor/kinds.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { count } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";

export interface GLUOptions {
  /** The axis that is halved; negative counts from the end. Default −1. */
  readonly dim?: number;
}

const gluOptions = { dim: dimKind };

/**
 * Gated linear unit: the first half of an axis times the logistic function of the second.
 *
 * Shape: `[..., 2·C, ...] -> [..., C, ...]`. Formula: `y = a · σ(b)`, with a and b the halves of x along dim.
 *
 * @throws ShapeError if x has no such axis, or if its size is odd
 * @see Dauphin et al. 2016, "Language Modeling with Gated Convolutional Networks", arXiv:1612.08083
 * @example
 * const y = glu(tensor([[2, 4, 0, 0]])); // [[1, 2]]
 */
export const glu = checked(
  "glu",
  takes<GLUOptions>({ x: tensorKind }, gluOptions),
  (x: Tensor, { dim = -1 }: GLUOptions = {}): Tensor => {
    const size = x.shape[axisOf("glu", dim, x.shape)];
    if (size % 2 !== 0) {
      const problem = `expected an even size of axis ${dim}, got x ${shapeText(x.shape)}`;
      throw shapeError("glu", problem, "Give the layer before it twice as many outputs");
    }
    const value = floats(x);
    return value.slice(dim, 0, size / 2).mul(value.slice(dim, size / 2, size).sigmoid());
  },
);

const gluParameters = takes<GLUOptions>({}, gluOptions);
const gluCheck = checkedConstructor("GLU", gluParameters);

/**
 * Gated linear unit: the first half of an axis times the logistic function of the second.
 *
 * Shape: `[..., 2·C, ...] -> [..., C, ...]`. Formula: `y = a · σ(b)`, with a and b the halves of x along dim.
 *
 * @throws ShapeError from the call if the axis has an odd size
 * @see https://pytorch.org/docs/stable/generated/torch.nn.GLU.html
 * @example
 * const y = new GLU({ dim: 1 })(zeros([8, 64, 7, 7])); // shape [8, 32, 7, 7]
 */
export class GLU extends Module {
  readonly dim: number;

  constructor(options: GLUOptions = {}) {
    gluCheck([options]);
    super();
    this.dim = options.dim ?? -1;
  }

  override forward(x: Tensor): Tensor {
    return glu(x, { dim: this.dim });
  }
}

export const gluEntry = activationEntry({
  name: "glu",
  schema: gluOptions,
  make: (options: GLUOptions) => (x) => glu(x, options),
  layer: layerEntry("GLU", gluParameters, GLU),
});

export interface MaxoutOptions {
  /** The axis that is divided; negative counts from the end. Default 1, the channels. */
  readonly dim?: number;
}

const maxoutArguments = { pieces: count() };
const maxoutOptions = { dim: dimKind };

/**
 * Largest of each run of neighbouring channels: linear maps and maxout are a piecewise linear function of that many
 * pieces. The gradient goes to the first of equals.
 *
 * Shape: `[..., pieces·C, ...] -> [..., C, ...]`. Formula: `y_c = max_j x_(c · pieces + j)`, j from 0 to pieces − 1.
 *
 * @param pieces number of channels in a run, a divisor of their number
 * @throws ShapeError if x has no such axis, or if its size is no multiple of pieces
 * @see Goodfellow et al. 2013, "Maxout Networks", arXiv:1302.4389
 * @example
 * const y = maxout(tensor([[1, 5, 3, 2]]), 2); // [[5, 3]]
 */
export const maxout = checked(
  "maxout",
  takes<MaxoutOptions>({ x: tensorKind, ...maxoutArguments }, maxoutOptions),
  (x: Tensor, pieces: number, { dim = 1 }: MaxoutOptions = {}): Tensor => {
    const axis = axisOf("maxout", dim, x.shape);
    const { shape } = x;
    if (shape[axis] % pieces !== 0) {
      const problem = `expected a multiple of ${pieces} as the size of axis ${dim}, got x ${shapeText(shape)}`;
      throw shapeError("maxout", problem, `Give the layer before it ${pieces} outputs for each of these`);
    }
    const runs = [...shape.slice(0, axis), shape[axis] / pieces, pieces, ...shape.slice(axis + 1)];
    return x.reshape(runs).max({ dim: axis + 1 });
  },
);

const maxoutParameters = takes<MaxoutOptions>(maxoutArguments, maxoutOptions);
const maxoutCheck = checkedConstructor("Maxout", maxoutParameters);

/**
 * Largest of each run of neighbouring channels; the linear layer before it has `pieces` outputs for each unit.
 *
 * Shape: `[..., pieces·C, ...] -> [..., C, ...]`. Formula: `y_c = max_j x_(c · pieces + j)`, j from 0 to pieces − 1.
 *
 * @param pieces number of channels in a run, a divisor of their number
 * @throws ConfigError if pieces is no whole number ≥ 1; ShapeError from the call if the axis is no multiple of it
 * @see Goodfellow et al. 2013, "Maxout Networks", arXiv:1302.4389
 * @example
 * const y = new Maxout(2)(zeros([8, 64])); // shape [8, 32]
 */
export class Maxout extends Module {
  readonly pieces: number;
  readonly dim: number;

  constructor(pieces: number, options: MaxoutOptions = {}) {
    maxoutCheck([pieces, options]);
    super();
    this.pieces = pieces;
    this.dim = options.dim ?? 1;
  }

  override forward(x: Tensor): Tensor {
    return maxout(x, this.pieces, { dim: this.dim });
  }
}

export const maxoutEntry = activationEntry({
  name: "maxout",
  schema: { ...maxoutArguments, ...maxoutOptions },
  make: ({ pieces, ...options }: { readonly pieces: number } & MaxoutOptions) => {
    return (x) => maxout(x, pieces, options);
  },
  layer: layerEntry("Maxout", maxoutParameters, Maxout),
});
