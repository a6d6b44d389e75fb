/** Layers that compute nothing: the identity, and the splitting of an axis. */
import { axisOf, shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { list, whole } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";

/**
 * Returns its input; it takes the place of a layer that is removed.
 *
 * Shape: any, unchanged.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Identity.html
 * @example
 * const y = new Identity()(zeros([8, 3])); // shape [8, 3]
 */
export class Identity extends Module {
  override forward(x: Tensor): Tensor {
    return x;
  }
}

const parameters = takes({ dim: whole, unflattenedSize: list(whole, "an array of sizes") });
const check = checkedConstructor("Unflatten", parameters);

/**
 * Splits an axis into several.
 *
 * Shape: `[N, C·H·W] -> [N, C, H, W]`.
 *
 * @param dim axis to split; negative counts from the end
 * @param unflattenedSize sizes that take its place; one may be −1, for what is left
 * @throws ShapeError from the call if the sizes do not fill the axis
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Unflatten.html
 * @example
 * const y = new Unflatten(1, [3, 4, 4])(zeros([8, 48])); // shape [8, 3, 4, 4]
 */
export class Unflatten extends Module {
  readonly dim: number;
  readonly unflattenedSize: readonly number[];

  constructor(dim: number, unflattenedSize: readonly number[], ...none: never[]) {
    check([dim, unflattenedSize, ...none]);
    super();
    this.dim = dim;
    this.unflattenedSize = unflattenedSize;
  }

  override forward(x: Tensor): Tensor {
    const { dim, unflattenedSize: sizes } = this;
    const axis = axisOf("unflatten", dim, x.shape);
    const known = sizes.reduce((product, n) => (n === -1 ? product : product * n), 1);
    const unknown = sizes.filter((n) => n === -1).length;
    const fits = unknown === 0 ? known === x.shape[axis] : unknown === 1 && known > 0 && x.shape[axis] % known === 0;
    if (!fits) {
      const problem = `sizes ${shapeText(sizes)} do not fill axis ${dim} of x ${shapeText(x.shape)}`;
      throw shapeError("unflatten", problem, "Their product is the size of the axis");
    }
    const filled = sizes.map((n) => (n === -1 ? x.shape[axis] / known : n));
    return x.reshape([...x.shape.slice(0, axis), ...filled, ...x.shape.slice(axis + 1)]);
  }
}

export const identityLayerEntry = layerEntry("Identity", takes(), Identity);
export const unflattenEntry = layerEntry("Unflatten", parameters, Unflatten);
