/** Layers that pad the axes behind N and C. The arithmetic is in pad.ts. */

import { shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { AXES, type Rank } from "../../tensor/sizes.js";
import { checkedConstructor, type Parameters, takes } from "../../util/arguments.js";
import { either, type Kind, list, number, whole } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { type PadMode, padBy } from "./pad.js";

/** Elements on both sides of a sequence, or [left, right]. */
export type Pads1d = number | readonly [number, number];
/** Elements on every side of an image, or [left, right, top, bottom]. */
export type Pads2d = number | readonly [number, number, number, number];
/** Elements on every side of a volume, or [left, right, top, bottom, front, back]. */
export type Pads3d = number | readonly [number, number, number, number, number, number];

/** A whole number, or one for each side. */
function padsKind(rank: Rank): Kind {
  const each = list(whole, `${2 * rank} of them`);
  return {
    ...either(whole, { ...each, accepts: (value) => each.accepts(value) && (value as unknown[]).length === 2 * rank }),
    name: `a whole number or an array of ${2 * rank}`,
  };
}

// @__NO_SIDE_EFFECTS__
function padding(rank: Rank): Parameters {
  return takes({ padding: padsKind(rank) });
}

// @__NO_SIDE_EFFECTS__
function constant(rank: Rank): Parameters {
  return takes({ padding: padsKind(rank), value: number });
}

/** What the padding layers share: the sizes, and the rank of the input. */
abstract class Pad extends Module {
  readonly padding: readonly number[];
  readonly #rank: Rank;
  readonly #mode: PadMode;

  constructor(rank: Rank, mode: PadMode, padding: number | readonly number[]) {
    super();
    this.#rank = rank;
    this.#mode = mode;
    this.padding = typeof padding === "number" ? new Array<number>(2 * rank).fill(padding) : padding;
  }

  /** The constant; 0 but for layers that choose it. */
  protected get constant(): number {
    return 0;
  }

  override forward(x: Tensor): Tensor {
    const { name } = this.constructor;
    if (x.rank !== this.#rank + 2) {
      const problem = `expected x [N, C, ${AXES[this.#rank]}], got x ${shapeText(x.shape)}`;
      throw shapeError(name, problem, "Add the batch axis with x.unsqueeze(0), or use the layer for this rank");
    }
    return padBy(name, x, this.padding, { mode: this.#mode, value: this.constant });
  }
}

const zeroPad1dParameters = padding(1);
const checkZeroPad1d = checkedConstructor("ZeroPad1d", zeroPad1dParameters);

/**
 * Pads sequences with zeros.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = L + left + right`.
 *
 * @param padding one size for all sides, or `[left, right]`. Negative sizes crop.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad1d.html
 * @example
 * const y = new ZeroPad1d([1, 2])(zeros([1, 1, 4])); // shape [1, 1, 7]
 */
export class ZeroPad1d extends Pad {
  constructor(padding: Pads1d, ...none: never[]) {
    checkZeroPad1d([padding, ...none]);
    super(1, "constant", padding);
  }
}

const zeroPad2dParameters = padding(2);
const checkZeroPad2d = checkedConstructor("ZeroPad2d", zeroPad2dParameters);

/**
 * Pads images with zeros.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = H + top + bottom, Wo = W + left + right`.
 *
 * @param padding one size for all sides, or `[left, right, top, bottom]`. Negative sizes crop.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html
 * @example
 * const y = new ZeroPad2d([1, 2, 0, 1])(zeros([1, 1, 4, 4])); // shape [1, 1, 5, 7]
 */
export class ZeroPad2d extends Pad {
  constructor(padding: Pads2d, ...none: never[]) {
    checkZeroPad2d([padding, ...none]);
    super(2, "constant", padding);
  }
}

const zeroPad3dParameters = padding(3);
const checkZeroPad3d = checkedConstructor("ZeroPad3d", zeroPad3dParameters);

/**
 * Pads volumes with zeros.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `Do = D + front + back, likewise Ho and Wo`.
 *
 * @param padding one size for all sides, or `[left, right, top, bottom, front, back]`. Negative sizes crop.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad3d.html
 * @example
 * const y = new ZeroPad3d([1, 2, 0, 1, 1, 1])(zeros([1, 1, 4, 4, 4])); // shape [1, 1, 6, 5, 7]
 */
export class ZeroPad3d extends Pad {
  constructor(padding: Pads3d, ...none: never[]) {
    checkZeroPad3d([padding, ...none]);
    super(3, "constant", padding);
  }
}

const constantPad1dParameters = constant(1);
const checkConstantPad1d = checkedConstructor("ConstantPad1d", constantPad1dParameters);

/**
 * Pads sequences with a constant.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = L + left + right`.
 *
 * @param padding one size for all sides, or `[left, right]`. Negative sizes crop.
 * @param value the constant
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad1d.html
 * @example
 * const y = new ConstantPad1d([1, 2], 0.5)(zeros([1, 1, 4])); // shape [1, 1, 7]
 */
export class ConstantPad1d extends Pad {
  readonly value: number;

  constructor(padding: Pads1d, value: number, ...none: never[]) {
    checkConstantPad1d([padding, value, ...none]);
    super(1, "constant", padding);
    this.value = value;
  }

  protected override get constant(): number {
    return this.value;
  }
}

const constantPad2dParameters = constant(2);
const checkConstantPad2d = checkedConstructor("ConstantPad2d", constantPad2dParameters);

/**
 * Pads images with a constant.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = H + top + bottom, Wo = W + left + right`.
 *
 * @param padding one size for all sides, or `[left, right, top, bottom]`. Negative sizes crop.
 * @param value the constant
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad2d.html
 * @example
 * const y = new ConstantPad2d([1, 2, 0, 1], 0.5)(zeros([1, 1, 4, 4])); // shape [1, 1, 5, 7]
 */
export class ConstantPad2d extends Pad {
  readonly value: number;

  constructor(padding: Pads2d, value: number, ...none: never[]) {
    checkConstantPad2d([padding, value, ...none]);
    super(2, "constant", padding);
    this.value = value;
  }

  protected override get constant(): number {
    return this.value;
  }
}

const constantPad3dParameters = constant(3);
const checkConstantPad3d = checkedConstructor("ConstantPad3d", constantPad3dParameters);

/**
 * Pads volumes with a constant.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `Do = D + front + back, likewise Ho and Wo`.
 *
 * @param padding one size for all sides, or `[left, right, top, bottom, front, back]`. Negative sizes crop.
 * @param value the constant
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad3d.html
 * @example
 * const y = new ConstantPad3d([1, 2, 0, 1, 1, 1], 0.5)(zeros([1, 1, 4, 4, 4])); // shape [1, 1, 6, 5, 7]
 */
export class ConstantPad3d extends Pad {
  readonly value: number;

  constructor(padding: Pads3d, value: number, ...none: never[]) {
    checkConstantPad3d([padding, value, ...none]);
    super(3, "constant", padding);
    this.value = value;
  }

  protected override get constant(): number {
    return this.value;
  }
}

const reflectionPad1dParameters = padding(1);
const checkReflectionPad1d = checkedConstructor("ReflectionPad1d", reflectionPad1dParameters);

/**
 * Pads sequences with its mirror image without the edge.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = L + left + right`.
 *
 * @param padding one size for all sides, or `[left, right]`. Sizes must not be negative. Sizes are less than those of
 * the axes.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad1d.html
 * @example
 * const y = new ReflectionPad1d([1, 2])(zeros([1, 1, 4])); // shape [1, 1, 7]
 */
export class ReflectionPad1d extends Pad {
  constructor(padding: Pads1d, ...none: never[]) {
    checkReflectionPad1d([padding, ...none]);
    super(1, "reflect", padding);
  }
}

const reflectionPad2dParameters = padding(2);
const checkReflectionPad2d = checkedConstructor("ReflectionPad2d", reflectionPad2dParameters);

/**
 * Pads images with its mirror image without the edge.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = H + top + bottom, Wo = W + left + right`.
 *
 * @param padding one size for all sides, or `[left, right, top, bottom]`. Sizes must not be negative. Sizes are less
 * than those of the axes.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html
 * @example
 * const y = new ReflectionPad2d([1, 2, 0, 1])(zeros([1, 1, 4, 4])); // shape [1, 1, 5, 7]
 */
export class ReflectionPad2d extends Pad {
  constructor(padding: Pads2d, ...none: never[]) {
    checkReflectionPad2d([padding, ...none]);
    super(2, "reflect", padding);
  }
}

const reflectionPad3dParameters = padding(3);
const checkReflectionPad3d = checkedConstructor("ReflectionPad3d", reflectionPad3dParameters);

/**
 * Pads volumes with its mirror image without the edge.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `Do = D + front + back, likewise Ho and Wo`.
 *
 * @param padding one size for all sides, or `[left, right, top, bottom, front, back]`. Sizes must not be negative.
 * Sizes are less than those of the axes.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad3d.html
 * @example
 * const y = new ReflectionPad3d([1, 2, 0, 1, 1, 1])(zeros([1, 1, 4, 4, 4])); // shape [1, 1, 6, 5, 7]
 */
export class ReflectionPad3d extends Pad {
  constructor(padding: Pads3d, ...none: never[]) {
    checkReflectionPad3d([padding, ...none]);
    super(3, "reflect", padding);
  }
}

const replicationPad1dParameters = padding(1);
const checkReplicationPad1d = checkedConstructor("ReplicationPad1d", replicationPad1dParameters);

/**
 * Pads sequences with copies of its edge.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = L + left + right`.
 *
 * @param padding one size for all sides, or `[left, right]`. Sizes must not be negative.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad1d.html
 * @example
 * const y = new ReplicationPad1d([1, 2])(zeros([1, 1, 4])); // shape [1, 1, 7]
 */
export class ReplicationPad1d extends Pad {
  constructor(padding: Pads1d, ...none: never[]) {
    checkReplicationPad1d([padding, ...none]);
    super(1, "replicate", padding);
  }
}

const replicationPad2dParameters = padding(2);
const checkReplicationPad2d = checkedConstructor("ReplicationPad2d", replicationPad2dParameters);

/**
 * Pads images with copies of its edge.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = H + top + bottom, Wo = W + left + right`.
 *
 * @param padding one size for all sides, or `[left, right, top, bottom]`. Sizes must not be negative.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad2d.html
 * @example
 * const y = new ReplicationPad2d([1, 2, 0, 1])(zeros([1, 1, 4, 4])); // shape [1, 1, 5, 7]
 */
export class ReplicationPad2d extends Pad {
  constructor(padding: Pads2d, ...none: never[]) {
    checkReplicationPad2d([padding, ...none]);
    super(2, "replicate", padding);
  }
}

const replicationPad3dParameters = padding(3);
const checkReplicationPad3d = checkedConstructor("ReplicationPad3d", replicationPad3dParameters);

/**
 * Pads volumes with copies of its edge.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `Do = D + front + back, likewise Ho and Wo`.
 *
 * @param padding one size for all sides, or `[left, right, top, bottom, front, back]`. Sizes must not be negative.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad3d.html
 * @example
 * const y = new ReplicationPad3d([1, 2, 0, 1, 1, 1])(zeros([1, 1, 4, 4, 4])); // shape [1, 1, 6, 5, 7]
 */
export class ReplicationPad3d extends Pad {
  constructor(padding: Pads3d, ...none: never[]) {
    checkReplicationPad3d([padding, ...none]);
    super(3, "replicate", padding);
  }
}

const circularPad1dParameters = padding(1);
const checkCircularPad1d = checkedConstructor("CircularPad1d", circularPad1dParameters);

/**
 * Pads sequences with its other end.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = L + left + right`.
 *
 * @param padding one size for all sides, or `[left, right]`. Sizes must not be negative. Sizes are at most those of the
 * axes.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.CircularPad1d.html
 * @example
 * const y = new CircularPad1d([1, 2])(zeros([1, 1, 4])); // shape [1, 1, 7]
 */
export class CircularPad1d extends Pad {
  constructor(padding: Pads1d, ...none: never[]) {
    checkCircularPad1d([padding, ...none]);
    super(1, "circular", padding);
  }
}

const circularPad2dParameters = padding(2);
const checkCircularPad2d = checkedConstructor("CircularPad2d", circularPad2dParameters);

/**
 * Pads images with its other end.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = H + top + bottom, Wo = W + left + right`.
 *
 * @param padding one size for all sides, or `[left, right, top, bottom]`. Sizes must not be negative. Sizes are at most
 * those of the axes.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.CircularPad2d.html
 * @example
 * const y = new CircularPad2d([1, 2, 0, 1])(zeros([1, 1, 4, 4])); // shape [1, 1, 5, 7]
 */
export class CircularPad2d extends Pad {
  constructor(padding: Pads2d, ...none: never[]) {
    checkCircularPad2d([padding, ...none]);
    super(2, "circular", padding);
  }
}

const circularPad3dParameters = padding(3);
const checkCircularPad3d = checkedConstructor("CircularPad3d", circularPad3dParameters);

/**
 * Pads volumes with its other end.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `Do = D + front + back, likewise Ho and Wo`.
 *
 * @param padding one size for all sides, or `[left, right, top, bottom, front, back]`. Sizes must not be negative.
 * Sizes are at most those of the axes.
 * @throws ConfigError if a size is not valid; ShapeError from the call if the input does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.CircularPad3d.html
 * @example
 * const y = new CircularPad3d([1, 2, 0, 1, 1, 1])(zeros([1, 1, 4, 4, 4])); // shape [1, 1, 6, 5, 7]
 */
export class CircularPad3d extends Pad {
  constructor(padding: Pads3d, ...none: never[]) {
    checkCircularPad3d([padding, ...none]);
    super(3, "circular", padding);
  }
}

export const zeroPad1dEntry = layerEntry("ZeroPad1d", zeroPad1dParameters, ZeroPad1d);
export const zeroPad2dEntry = layerEntry("ZeroPad2d", zeroPad2dParameters, ZeroPad2d);
export const zeroPad3dEntry = layerEntry("ZeroPad3d", zeroPad3dParameters, ZeroPad3d);
export const constantPad1dEntry = layerEntry("ConstantPad1d", constantPad1dParameters, ConstantPad1d);
export const constantPad2dEntry = layerEntry("ConstantPad2d", constantPad2dParameters, ConstantPad2d);
export const constantPad3dEntry = layerEntry("ConstantPad3d", constantPad3dParameters, ConstantPad3d);
export const reflectionPad1dEntry = layerEntry("ReflectionPad1d", reflectionPad1dParameters, ReflectionPad1d);
export const reflectionPad2dEntry = layerEntry("ReflectionPad2d", reflectionPad2dParameters, ReflectionPad2d);
export const reflectionPad3dEntry = layerEntry("ReflectionPad3d", reflectionPad3dParameters, ReflectionPad3d);
export const replicationPad1dEntry = layerEntry("ReplicationPad1d", replicationPad1dParameters, ReplicationPad1d);
export const replicationPad2dEntry = layerEntry("ReplicationPad2d", replicationPad2dParameters, ReplicationPad2d);
export const replicationPad3dEntry = layerEntry("ReplicationPad3d", replicationPad3dParameters, ReplicationPad3d);
export const circularPad1dEntry = layerEntry("CircularPad1d", circularPad1dParameters, CircularPad1d);
export const circularPad2dEntry = layerEntry("CircularPad2d", circularPad2dParameters, CircularPad2d);
export const circularPad3dEntry = layerEntry("CircularPad3d", circularPad3dParameters, CircularPad3d);
