/**
 * Folding batch normalisation into the layer before it, for models that only predict. This file knows which layers can
 * take a scale and a shift; which layers follow each other it hears from the modules themselves, and it must not know
 * any model.
 */
import { noGrad, Parameter, type Tensor } from "../tensor/index.js";
import { Conv2d } from "./conv.js";
import { Linear } from "./linear.js";
import type { AnyModule } from "./module.js";
import { BatchNorm1d, BatchNorm2d } from "./norm.js";

/** A class with its fields open to change: the one place that may. */
type Open<T> = { -readonly [Key in keyof T]: T[Key] };

type Layer = Conv2d | Linear;
type Norm = BatchNorm1d | BatchNorm2d;

/**
 * Folds every batch normalisation right behind a convolution or a linear layer into that layer's weight and bias, and
 * switches the model to evaluation: the same predictions without the passes over the images in between.
 *
 * Formula: `w' = w · γ / √(σ² + eps)`, `b' = β + (b − μ) · γ / √(σ² + eps)`, per output channel, with the running μ and σ².
 *
 * The model is changed and given back. A folded normalisation passes its input on and has no parameters or buffers any
 * more, and the layer before it has a bias; so load weights first, and save the model before. Whether two layers follow
 * each other is told by `Module.chains`. What cannot be folded stays as it is: a normalisation without running
 * statistics, and layers that are used in more than one place.
 *
 * @param model any module; a compiled function that was traced before still knows it unfolded
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_eval.html
 * @example
 * const net = foldBatchNorm(new Sequential(new Conv2d(3, 8, 3, { bias: false }), new BatchNorm2d(8), new ReLU()));
 * Object.keys(net.stateDict()); // ["0.weight", "0.bias"]
 */
export function foldBatchNorm<M extends AnyModule>(model: M): M {
  const places = countPlaces(model);
  const alone = (module: AnyModule) => places.get(module) === 1;
  for (const [, module] of model.namedModules()) {
    for (const chain of module.chains()) {
      for (let i = 1; i < chain.length; i++) {
        const [layer, norm] = [chain[i - 1], chain[i]];
        if (alone(layer) && alone(norm) && fits(layer, norm)) noGrad(() => fold(layer as Layer, norm as Norm));
      }
    }
  }
  model.eval();
  return model;
}

/** Whether `norm` is a normalisation that `layer` can take over; one that is folded has no statistics left. */
function fits(layer: AnyModule, norm: AnyModule): boolean {
  const pair =
    (layer instanceof Conv2d && norm instanceof BatchNorm2d) ||
    (layer instanceof Linear && norm instanceof BatchNorm1d);
  return pair && norm.runningMean !== null && norm.runningVar !== null && norm.numFeatures === layer.weight.shape[0];
}

function fold(layer: Open<Layer>, norm: Open<Norm>): void {
  const { runningMean, runningVar, weight: gamma, bias: beta, eps } = norm;
  if (!runningMean || !runningVar) return;
  const spread = runningVar.add(eps).rsqrt(); // [O]
  const scale = gamma ? spread.mul(gamma) : spread;
  const shift = layer.bias ? layer.bias.sub(runningMean).mul(scale) : runningMean.neg().mul(scale);
  const { weight } = layer;
  const perOutput = weight.shape.map((size, axis) => (axis === 0 ? size : 1)); // [O, 1, …]
  // New parameters, so that others that share the old ones keep them.
  layer.weight = renewed(weight.mul(scale.reshape(perOutput)), weight.name);
  layer.bias = renewed(beta ? shift.add(beta) : shift, weight.name.replace(/weight$/, "bias"));
  norm.folded = true;
  norm.weight = norm.bias = norm.runningMean = norm.runningVar = norm.numBatchesTracked = null;
}

function renewed(value: Tensor, name: string): Parameter {
  return new Parameter(value.detach(), { name });
}

/** In how many places of the tree each module is held: a parent that is itself used twice counts once. */
function countPlaces(model: AnyModule): Map<AnyModule, number> {
  const modules = model.namedModules();
  const byPath = new Map(modules);
  const numbers = new Map([...new Set(byPath.values())].map((module, i) => [module, i]));
  const places = new Map<AnyModule, Set<string>>();
  for (const [path, module] of modules) {
    // The parent is the longest path in front that is a module: fields may hold arrays (blocks.0).
    let end = path.lastIndexOf(".");
    while (end > 0 && !byPath.has(path.slice(0, end))) end = path.lastIndexOf(".", end - 1);
    const parent = byPath.get(path.slice(0, Math.max(0, end))) as AnyModule;
    const place = `${numbers.get(parent)}.${path.slice(end + 1)}`;
    places.set(module, (places.get(module) ?? new Set()).add(place));
  }
  return new Map([...places].map(([module, held]) => [module, held.size]));
}
