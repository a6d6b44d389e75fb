/**
 * Folding batch normalisation into the layer before or behind it, for models used for prediction only. This file knows which
 * layers can absorb a scale and a shift; `Module.chains` tells which layers are neighbours. It must not know any model.
 */

import { shapeError } from "../tensor/check.js";
import { noGrad, Parameter, type Tensor } from "../tensor/index.js";
import { sidesOf } from "../tensor/sizes.js";
import { checked, takes } from "../util/arguments.js";
import { shapeText } from "./checks.js";
import { Conv2d } from "./conv.js";
import { moduleKind } from "./kinds.js";
import { Linear } from "./linear.js";
import { membersOf } from "./module/members.js";
import { type AnyModule, isModule, Module } from "./module.js";
import { BatchNorm1d, BatchNorm2d } from "./norm/batch.js";
import { replaceModules } from "./replace.js";

/** A class with writable fields: the one place that assigns them. */
type Open<T> = { -readonly [Key in keyof T]: T[Key] };

type Layer = Conv2d | Linear;
type Norm = BatchNorm1d | BatchNorm2d;

/** The replacement of a folded normalisation: it returns its input. */
class FoldedNorm extends Module {
  /** Rank of the input, 2 for vectors and 4 for images. */
  readonly rank: number;

  constructor(norm: Norm) {
    super();
    this.rank = norm instanceof BatchNorm2d ? 4 : 2;
  }

  override forward(x: Tensor): Tensor {
    if (x.rank !== this.rank) {
      const problem = `folded into a layer whose outputs are in axis 1, got x ${shapeText(x.shape)}`;
      throw shapeError("batchNorm", problem, "Sequences are normalised along another axis: leave it unfolded");
    }
    return x;
  }
}

/**
 * Folds every batch normalisation that follows a convolution or a linear layer, or that one without padding follows, into
 * that layer's weight and bias, and switches the model to evaluation: the same predictions with fewer passes over the
 * activations.
 *
 * Formula: with `s = γ / √(σ² + eps)` and `t = β − μ · s` of the running μ and σ², `w' = w · s`, `b' = b · s + t` per
 * output channel; into a layer behind, `w' = w · s`, `b' = b + Σ w · t` per input channel.
 *
 * The model is changed in place and returned. An identity module replaces each folded normalisation, and the layer
 * gets a bias; so load weights first, and save the model before. `Module.chains` tells whether two layers are
 * neighbours. Normalisations without running statistics and layers used in more than one place are not folded.
 *
 * @param model any module; compiled functions traced before still run it unfolded
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_eval.html
 * @example
 * const net = foldBatchNorm(new Sequential(new Conv2d(3, 8, 3, { bias: false }), new BatchNorm2d(8), new ReLU()));
 * Object.keys(net.stateDict()); // ["0.weight", "0.bias"]
 */
export const foldBatchNorm = checked(
  "foldBatchNorm",
  takes({ model: moduleKind }),
  <M extends AnyModule>(model: M): M => {
    const places = countPlaces(model);
    const alone = (module: AnyModule) => places.get(module) === 1;
    const folded = new Map<AnyModule, FoldedNorm>();
    for (const [, module] of model.namedModules()) {
      for (const chain of module.chains()) {
        const foldPairs = (into: "before" | "behind") => {
          for (let i = 1; i < chain.length; i++) {
            const [layer, norm] = into === "before" ? [chain[i - 1], chain[i]] : [chain[i], chain[i - 1]];
            if (!alone(layer) || !alone(norm) || folded.has(norm) || !fits(layer, norm, into)) continue;
            noGrad(() => (into === "before" ? foldBefore : foldBehind)(layer as Layer, norm as Norm));
            folded.set(norm, new FoldedNorm(norm as Norm));
          }
        };
        foldPairs("before");
        foldPairs("behind");
      }
    }
    return replaceModules(model, (module) => folded.get(module)).eval();
  },
);

/** Whether `norm` can be folded into `layer`, which lies before it or behind it. */
function fits(layer: AnyModule, norm: AnyModule, place: "before" | "behind"): boolean {
  const pair =
    (layer instanceof Conv2d && norm instanceof BatchNorm2d) ||
    (layer instanceof Linear && norm instanceof BatchNorm1d);
  if (!pair || norm.runningMean === null || norm.runningVar === null) return false;
  // The weight of a parametrised layer is computed, and cannot be replaced.
  if (!(Object.getOwnPropertyDescriptor(layer, "weight")?.value instanceof Parameter)) return false;
  if (place === "before") return norm.numFeatures === layer.weight.shape[0];
  // The shift of a normalisation behind which zeros are added does not reach the border, so no bias replaces it.
  if (layer instanceof Conv2d) {
    return norm.numFeatures === layer.inChannels && addsNoZeros(layer);
  }
  return norm.numFeatures === layer.inFeatures;
}

/** Whether a convolution reads no zeros around its input, which a shift before it would not reach. */
const addsNoZeros = ({ padding, kernelSize, dilation, paddingMode }: Conv2d): boolean =>
  paddingMode !== "zeros" || sidesOf(padding, kernelSize, dilation).every(([before, after]) => before + after === 0);

/** The factor and the summand of a normalisation by its running statistics, `[C]` each: `y = x · scale + shift`. */
function affineOf({ runningMean, runningVar, weight, bias, eps }: Norm): { scale: Tensor; shift: Tensor } | null {
  if (!runningMean || !runningVar) return null;
  const spread = runningVar.add(eps).rsqrt();
  const scale = weight ? spread.mul(weight) : spread;
  const shift = runningMean.neg().mul(scale);
  return { scale, shift: bias ? shift.add(bias) : shift };
}

function foldBefore(layer: Open<Layer>, norm: Norm): void {
  const affine = affineOf(norm);
  if (!affine) return;
  const { scale, shift } = affine;
  const perOutput = layer.weight.shape.map((size, axis) => (axis === 0 ? size : 1)); // [O, 1, …]
  const bias = layer.bias ? layer.bias.mul(scale).add(shift) : shift;
  renew(layer, layer.weight.mul(scale.reshape(perOutput)), bias);
}

function foldBehind(layer: Open<Layer>, norm: Norm): void {
  const affine = affineOf(norm);
  if (!affine) return;
  const { weight } = layer;
  const [O, I] = weight.shape; // I: input channels of a group
  const groups = layer instanceof Conv2d ? layer.groups : 1;
  /** One value per input channel, as the weight's axes of outputs and inputs have them: `[O, I, 1, …]`. */
  const perInput = (values: Tensor) =>
    values
      .reshape([groups, 1, I])
      .expand([groups, O / groups, I])
      .reshape(weight.shape.map((size, axis) => (axis < 2 ? size : 1)));
  const inner = weight.shape.map((_, axis) => axis).slice(1);
  const shift = weight.mul(perInput(affine.shift)).sum({ dim: inner });
  renew(layer, weight.mul(perInput(affine.scale)), layer.bias ? layer.bias.add(shift) : shift);
}

/** Gives a layer new parameters, because other modules may share the old ones. */
function renew(layer: Open<Layer>, weight: Tensor, bias: Tensor): void {
  const { name, trainable } = layer.weight;
  layer.weight = renewed(weight, name);
  layer.bias = renewed(bias, name.replace(/weight$/, "bias"));
  layer.weight.trainable = layer.bias.trainable = trainable;
}

function renewed(value: Tensor, name: string): Parameter {
  return new Parameter(value.detach(), { name });
}

/** Number of places in the tree that hold each module; the places of a parent used twice count once. */
function countPlaces(model: AnyModule): Map<AnyModule, number> {
  const modules = new Set(model.namedModules().map(([, module]) => module));
  const places = new Map<AnyModule, number>([[model, 1]]);
  for (const parent of modules) {
    for (const { value } of membersOf(parent, isModule)) places.set(value, (places.get(value) ?? 0) + 1);
  }
  return places;
}
