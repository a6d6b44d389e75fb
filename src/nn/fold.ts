/**
 * Folding batch normalisation into the layer before it, for models used for prediction only. This file knows which
 * layers can absorb a scale and a shift; `Module.chains` tells which layers are neighbours. It must not know any model.
 */

import { shapeError } from "../tensor/check.js";
import { noGrad, Parameter, type Tensor } from "../tensor/index.js";
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
 * Folds every batch normalisation that follows a convolution or a linear layer into that layer's weight and bias, and
 * switches the model to evaluation: the same predictions with fewer passes over the activations.
 *
 * Formula: `w' = w · γ / √(σ² + eps)`, `b' = β + (b − μ) · γ / √(σ² + eps)`, per output channel, with the running μ and
 * σ².
 *
 * The model is changed in place and returned. An identity module replaces each folded normalisation, and the layer
 * before it gets a bias; so load weights first, and save the model before. `Module.chains` tells whether two layers are
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
        for (let i = 1; i < chain.length; i++) {
          const [layer, norm] = [chain[i - 1], chain[i]];
          if (!alone(layer) || !alone(norm) || folded.has(norm) || !fits(layer, norm)) continue;
          noGrad(() => fold(layer as Layer, norm as Norm));
          folded.set(norm, new FoldedNorm(norm as Norm));
        }
      }
    }
    return replaceModules(model, (module) => folded.get(module)).eval();
  },
);

/** Whether `norm` can be folded into `layer`. */
function fits(layer: AnyModule, norm: AnyModule): boolean {
  const pair =
    (layer instanceof Conv2d && norm instanceof BatchNorm2d) ||
    (layer instanceof Linear && norm instanceof BatchNorm1d);
  return pair && norm.runningMean !== null && norm.runningVar !== null && norm.numFeatures === layer.weight.shape[0];
}

function fold(layer: Open<Layer>, norm: Norm): void {
  const { runningMean, runningVar, weight: gamma, bias: beta, eps } = norm;
  if (!runningMean || !runningVar) return;
  const spread = runningVar.add(eps).rsqrt(); // [O]
  const scale = gamma ? spread.mul(gamma) : spread;
  const shift = layer.bias ? layer.bias.sub(runningMean).mul(scale) : runningMean.neg().mul(scale);
  const { weight } = layer;
  const perOutput = weight.shape.map((size, axis) => (axis === 0 ? size : 1)); // [O, 1, …]
  // New parameters, because other modules may share the old ones.
  layer.weight = renewed(weight.mul(scale.reshape(perOutput)), weight.name);
  layer.bias = renewed(beta ? shift.add(beta) : shift, weight.name.replace(/weight$/, "bias"));
  layer.weight.trainable = layer.bias.trainable = weight.trainable;
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
