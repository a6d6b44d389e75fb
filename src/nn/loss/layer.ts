/**
 * Layers of losses: the class that applies a function of tensors with fixed options, generated from the parameters by
 * which the function checks its arguments. This file must not know any loss.
 */
import { Tensor, Variable } from "../../tensor/index.js";
import { checkedConstructor, type Parameters as Declared } from "../../util/arguments.js";
import { Module } from "../module.js";

type TensorFunction = (...args: never[]) => Tensor;
/** The positional parameters of a function whose last parameter is its options. */
type InputsOf<F extends TensorFunction> = Required<Parameters<F>> extends [...infer Inputs, unknown] ? Inputs : never;
type OptionsOf<F extends TensorFunction> =
  Required<Parameters<F>> extends [...unknown[], infer Options] ? Options : never;

/** The class of a layer of `lossLayer`: its options are its fields. */
export type LossLayer<F extends TensorFunction> = new (
  options?: OptionsOf<F>,
) => Module<InputsOf<F>> & Readonly<OptionsOf<F>>;

/**
 * The layer of a function. Its options become fields of the layer; tensors among them become buffers, as PyTorch's
 * class weights are.
 *
 * @param name of the class
 * @param fn the function, whose last parameter is its options
 * @param parameters by which the function checks its arguments
 */
// @__NO_SIDE_EFFECTS__
export function lossLayer<F extends TensorFunction>(
  name: string,
  fn: F,
  { positional, options }: Declared,
): LossLayer<F> {
  const check = checkedConstructor(name, { positional: {}, options });
  const apply = fn as unknown as (...args: unknown[]) => Tensor;
  const inputCount = Object.keys(positional).length;
  const layer = class extends Module<unknown[]> {
    /** The options that were given: the function knows the defaults of the others. */
    readonly #given: readonly string[];

    constructor(given: object = {}) {
      check([given]);
      super();
      const fields = Object.entries(given).filter(([, value]) => value !== undefined);
      this.#given = fields.map(([key]) => key);
      for (const [key, value] of fields) {
        const held = value instanceof Tensor && !(value instanceof Variable) ? new Variable(value) : value;
        Object.defineProperty(this, key, { value: held, enumerable: true });
      }
    }

    override forward(...inputs: unknown[]): Tensor {
      if (inputs.length !== inputCount) return apply(...inputs); // refuses them
      const held = this as Readonly<Record<string, unknown>>;
      return apply(...inputs, Object.fromEntries(this.#given.map((key) => [key, held[key]])));
    }
  };
  Object.defineProperty(layer, "name", { value: name });
  return layer as unknown as LossLayer<F>;
}
