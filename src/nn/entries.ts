/**
 * The types of the entries of `fovea/nn`'s registries, which construct a layer, an activation, a loss or an initialiser
 * from plain values by name, as configurations need it. This file must not know any of them.
 */
import type { Tensor } from "../tensor/index.js";
import type { Parameters } from "../util/arguments.js";
import type { Entry } from "../util/registry.js";
import type { AnyModule, Module } from "./module.js";

/** A layer: `make({ inFeatures: 2, outFeatures: 3, bias: false })`. */
export interface LayerEntry extends Entry {
  make(values?: object): AnyModule;
}

/** A function of one tensor, and the layer that applies it. */
export interface ActivationEntry extends Entry {
  make(options?: object): (x: Tensor) => Tensor;
  readonly layer: LayerEntry;
}

/** A function of tensors, such as predictions and targets, and the layer that applies it, if there is one. */
export interface LossEntry extends Entry {
  /** Names of the tensors, in the order of the arguments. */
  readonly inputs: readonly string[];
  make(options?: object): (...inputs: Tensor[]) => Tensor;
  /** The class of the layer; null if there is none. */
  readonly layer: (new (options?: object) => Module<Tensor[]>) | null;
}

/** A function from the shape of a weight to its initial value. */
export interface InitialiserEntry extends Entry {
  make(options?: object): (shape: readonly number[]) => Tensor;
}

type Named<One, Name> = One & { readonly name: Name };

/** The entry of an activation; its name is a literal type. */
// @__NO_SIDE_EFFECTS__
export function activationEntry<const Name extends string>(entry: Named<ActivationEntry, Name>) {
  return entry;
}

/**
 * The entry of a loss.
 *
 * @param name of the function
 * @param parameters the kinds that the function checks its arguments by
 * @param layer the class that `lossLayer` made of the function
 */
// @__NO_SIDE_EFFECTS__
export function lossEntry<const Name extends string>(
  name: Name,
  { positional, options }: Parameters,
  fn: (...args: never[]) => Tensor,
  layer: (new (options?: never) => object) | null = null,
): Named<LossEntry, Name> {
  return {
    name,
    schema: options ?? {},
    inputs: Object.keys(positional),
    make:
      (given) =>
      (...inputs) =>
        fn(...([...inputs, given] as never[])),
    layer: layer as LossEntry["layer"],
  };
}

/** The entry of an initialiser; its name is a literal type. */
// @__NO_SIDE_EFFECTS__
export function initialiserEntry<const Name extends string>(entry: Named<InitialiserEntry, Name>) {
  return entry;
}

/**
 * The entry of a layer.
 *
 * @param name of the class
 * @param parameters the kinds that the constructor checks its arguments by
 */
// @__NO_SIDE_EFFECTS__
export function layerEntry<const Name extends string>(
  name: Name,
  { positional, options }: Parameters,
  type: new (...args: never[]) => AnyModule,
): Named<LayerEntry, Name> {
  const places = Object.keys(positional);
  const make = (values: object = {}): AnyModule => {
    const given = new Map<string, unknown>(Object.entries(values));
    const args = places.map((key) => given.get(key));
    for (const key of places) given.delete(key);
    return new type(...([...args, ...(given.size > 0 ? [Object.fromEntries(given)] : [])] as never[]));
  };
  return { name, schema: { ...positional, ...options }, make };
}
