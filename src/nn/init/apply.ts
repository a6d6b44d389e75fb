/** Giving parameters of a model that exists other initial values. This file must not know any distribution. */
import { noGrad, type Parameter, type Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { callback } from "../../util/kinds.js";
import { moduleKind } from "../kinds.js";
import type { AnyModule } from "../module.js";

/** Returns the initial value of a parameter, or undefined to leave it as it is. */
export type InitialiseRule = (parameter: Parameter, path: string) => Tensor | undefined;

/**
 * Replaces the values of parameters by those that a rule returns; the model is changed in place and returned.
 *
 * @param model any module
 * @param rule is called with each parameter and its path, such as `layer1.0.conv1.weight`
 * @throws ShapeError if a value has another shape than its parameter
 * @example
 * const net = new Sequential(new Linear(64, 64), new ReLU());
 * initialise(net, ({ shape }) => (shape.length > 1 ? init.kaimingNormal(shape) : init.constant(shape, 0)));
 */
export const initialise = checked(
  "initialise",
  takes({ model: moduleKind, rule: callback }),
  <M extends AnyModule>(model: M, rule: InitialiseRule): M => {
    noGrad(() => {
      for (const [path, parameter] of model.namedParameters()) {
        const value = rule(parameter, path);
        if (value) parameter.assign(value);
      }
    });
    return model;
  },
);
