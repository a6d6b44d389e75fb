/**
 * Weights that are computed from other parameters: weight normalisation and spectral normalisation of a layer's weight,
 * with PyTorch's keys. The field of the weight becomes an accessor; what it is computed from is in `parametrizations`,
 * which is part of the tree. This file must not know any layer.
 */
import { axisOf } from "../tensor/check.js";
import { type Generator, noGrad, Parameter, type Tensor, Variable } from "../tensor/index.js";
import { dimKind } from "../tensor/kinds.js";
import { checked, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { count, nullable, range, text } from "../util/kinds.js";
import { spell } from "../util/spelling.js";
import { generatorKind, moduleKind } from "./kinds.js";
import { type AnyModule, Module } from "./module.js";
import { defaultGenerator } from "./random.js";

/** Members of a parametrisation by their keys, in PyTorch's order. */
type Parts = Map<string, Parameter | AnyModule>;
/** What is behind the weights of a module, by the names of their fields. */
type Parametrized = { parametrizations?: Record<string, Parts> };

/** Replaces the field `name` by `value()`, which is computed from `parts` at each access. */
function parametrize(op: string, module: AnyModule, name: string, make: (weight: Parameter) => [Parts, () => Tensor]) {
  const weight: unknown = Object.getOwnPropertyDescriptor(module, name)?.value;
  if (!(weight instanceof Parameter)) {
    const own = (module as Parametrized).parametrizations?.[name];
    const problem = own ? `${name} has a parametrisation already` : `${spell(name)} is no parameter of the module`;
    const hint = own ? "Call removeParametrizations first" : "Pass the name of a field that holds a Parameter";
    throw configError(op, problem, hint);
  }
  const [parts, value] = make(weight);
  const open = module as Parametrized;
  open.parametrizations = { ...open.parametrizations, [name]: parts };
  Object.defineProperty(module, name, { get: value, configurable: true, enumerable: false });
}

export interface WeightNormOptions {
  /** Name of the field. Default `weight`. */
  readonly name?: string;
  /** The axis whose slices have a norm each; null for one norm of the whole weight. Default 0. */
  readonly dim?: number | null;
}

/**
 * Weight normalisation: splits a weight into its norm and its direction, which are trained instead of it.
 *
 * Formula: `w = g · v / ‖v‖`, with a norm for each slice along dim. At first w is as it was: `g = ‖w‖`, `v = w`. The
 * keys are `parametrizations.weight.original0` for g and `original1` for v.
 *
 * @param module a layer; it is changed in place and returned
 * @throws ConfigError if the module has no such parameter, or one that is parametrised already
 * @see Salimans & Kingma 2016, "Weight Normalization", arXiv:1602.07868
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.weight_norm.html
 * @example
 * const layer = weightNorm(new Linear(20, 40));
 * Object.keys(layer.stateDict()); // ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]
 */
export const weightNorm = checked(
  "weightNorm",
  takes<WeightNormOptions>({ module: moduleKind }, { name: text, dim: nullable(dimKind) }),
  <M extends AnyModule>(module: M, { name = "weight", dim = 0 }: WeightNormOptions = {}): M => {
    parametrize("weightNorm", module, name, (weight) => {
      const kept = dim === null ? -1 : axisOf("weightNorm", dim, weight.shape);
      const axes = weight.shape.map((_, axis) => axis).filter((axis) => axis !== kept);
      const norm = (v: Tensor) =>
        v
          .square()
          .sum({ dim: axes, keepdim: dim !== null })
          .sqrt();
      const [g, v] = [norm(weight), weight].map((initial, i) => {
        return new Parameter(initial.detach(), { name: `${weight.name}.original${i}` });
      });
      g.trainable = v.trainable = weight.trainable;
      const parts: Parts = new Map([g, v].map((part, i) => [`original${i}`, part]));
      return [parts, () => v.mul(g.div(norm(v)))];
    });
    return module;
  },
);

export interface SpectralNormOptions {
  /** Name of the field. Default `weight`. */
  readonly name?: string;
  /** Power iterations at each call in training. Default 1, range ≥ 1. */
  readonly nPowerIterations?: number;
  /** Least norm that vectors are divided by. Default 1e-12, range ≥ 0. */
  readonly eps?: number;
  /** The axis of outputs; the others are joined. Default 0; 1 for transposed convolutions. */
  readonly dim?: number;
  /** Source of the first vectors. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

const normalised = (x: Tensor, eps: number): Tensor => x.div(x.square().sum().sqrt().maximum(eps));
/** Iterations before the first use, as in PyTorch. */
const FIRST_ITERATIONS = 15;

/** Division of a weight by its largest singular value, which power iteration follows in training. */
class SpectralNorm extends Module {
  readonly dim: number;
  readonly nPowerIterations: number;
  readonly eps: number;
  /** The left and the right singular vector of the largest singular value. */
  readonly _u: Variable;
  readonly _v: Variable;

  constructor(weight: Tensor, options: SpectralNormOptions) {
    super();
    const { nPowerIterations = 1, eps = 1e-12, dim = 0, generator = defaultGenerator() } = options;
    this.dim = axisOf("spectralNorm", dim, weight.shape);
    this.nPowerIterations = nPowerIterations;
    this.eps = eps;
    const matrix = this.#matrixOf(weight.detach());
    const [u, v] = matrix.shape.map((size) => normalised(generator.normal([size]), eps));
    const [first, second] = this.#iterate(matrix, [u, v], FIRST_ITERATIONS);
    this._u = new Variable(first, { name: "spectralNorm.u" });
    this._v = new Variable(second, { name: "spectralNorm.v" });
  }

  /** `[outputs, the rest]` */
  #matrixOf(weight: Tensor): Tensor {
    const others = weight.shape.map((_, axis) => axis).filter((axis) => axis !== this.dim);
    return weight.permute([this.dim, ...others]).flatten({ startDim: 1 });
  }

  #iterate(matrix: Tensor, [, first]: readonly Tensor[], count: number): [u: Tensor, v: Tensor] {
    const times = (a: Tensor, x: Tensor) => normalised(a.matmul(x.unsqueeze(1)).squeeze({ dim: 1 }), this.eps);
    let u = times(matrix, first);
    let v = times(matrix.transpose(), u);
    for (let i = 1; i < count; i++) {
      u = times(matrix, v);
      v = times(matrix.transpose(), u);
    }
    return [u, v];
  }

  override forward(weight: Tensor): Tensor {
    const matrix = this.#matrixOf(weight);
    let [u, v]: Tensor[] = [this._u, this._v];
    if (this.training) {
      noGrad(() => {
        [u, v] = this.#iterate(matrix.detach(), [u, v], this.nPowerIterations);
        this._u.assign(u);
        this._v.assign(v);
      });
    }
    const sigma = matrix.mul(u.detach().unsqueeze(1)).mul(v.detach()).sum();
    return weight.div(sigma);
  }
}

/**
 * Spectral normalisation: divides a weight by its largest singular value, so that the layer's Lipschitz constant is 1.
 *
 * Formula: `w = v / σ`, `σ = uᵀ V q`, with V the parameter as a matrix and u, q its first singular vectors, followed by
 * power iteration at each call in training; they are buffers and constant to gradients. A vector is divided by its norm.
 * The keys are `parametrizations.weight.original`, `parametrizations.weight.0._u` and `….0._v`.
 *
 * @param module a layer; it is changed in place and returned
 * @throws ConfigError if the module has no such parameter, or one that is parametrised already
 * @see Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", arXiv:1802.05957
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.spectral_norm.html
 * @example
 * const layer = spectralNorm(new Conv2d(3, 8, 3));
 * const y = layer(zeros([1, 3, 8, 8])); // shape [1, 8, 6, 6]
 */
export const spectralNorm = checked(
  "spectralNorm",
  takes<SpectralNormOptions>(
    { module: moduleKind },
    {
      name: text,
      nPowerIterations: count(),
      eps: range(0, Number.POSITIVE_INFINITY),
      dim: dimKind,
      generator: generatorKind,
    },
  ),
  <M extends AnyModule>(module: M, options: SpectralNormOptions = {}): M => {
    const { name = "weight", eps = 1e-12 } = options;
    parametrize("spectralNorm", module, name, (weight) => {
      const original = new Parameter(weight.detach(), { name: `${weight.name}.original` });
      original.trainable = weight.trainable;
      const parts: Parts = new Map([["original", original]]);
      if (weight.rank < 2) return [parts, () => normalised(original, eps)];
      const norm = new SpectralNorm(weight, options);
      if (!module.training) norm.eval();
      parts.set("0", norm);
      return [parts, () => norm(original)];
    });
    return module;
  },
);

export interface RemoveParametrizationsOptions {
  /** Name of the field. Default `weight`. */
  readonly name?: string;
}

/**
 * Makes a parametrised weight a parameter again, with the value that it has in evaluation.
 *
 * @param module a layer; it is changed in place and returned
 * @throws ConfigError if the weight has no parametrisation
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.remove_parametrizations.html
 * @example
 * const layer = removeParametrizations(weightNorm(new Linear(20, 40)));
 * Object.keys(layer.stateDict()); // ["weight", "bias"]
 */
export const removeParametrizations = checked(
  "removeParametrizations",
  takes<RemoveParametrizationsOptions>({ module: moduleKind }, { name: text }),
  <M extends AnyModule>(module: M, { name = "weight" }: RemoveParametrizationsOptions = {}): M => {
    const open = module as Parametrized;
    const parts = open.parametrizations?.[name];
    if (!parts) {
      const hint = "weightNorm and spectralNorm make parametrisations";
      throw configError("removeParametrizations", `${spell(name)} has no parametrisation`, hint);
    }
    const value = module.inMode("eval", () => Reflect.get(module, name) as Tensor);
    const weight = new Parameter(value.detach(), { name });
    weight.trainable = [...parts.values()].every((part) => !(part instanceof Parameter) || part.trainable);
    Object.defineProperty(module, name, { value: weight, writable: true, configurable: true, enumerable: true });
    const { [name]: _, ...others } = open.parametrizations ?? {};
    if (Object.keys(others).length > 0) open.parametrizations = others;
    else delete open.parametrizations;
    return module;
  },
);
