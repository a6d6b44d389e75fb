/** Norms of the gradients that reach each time step of a recurrent layer. This file must not know the rule of any step. */
import { grad, stack, type Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { callback, instance } from "../../util/kinds.js";
import { RecurrentLayer } from "./layer.js";
import { byState, type StateName } from "./rule.js";
import { type Steps, withStepObserver } from "./step-observer.js";

/** The result of {@link recordSteps}. */
export interface StepRecording<T, S extends StateName> {
  /** The return value of the function. */
  readonly result: T;
  /**
   * Norms of the gradients of a scalar with respect to the states behind each step, over batch and features, for each
   * call of the layer: `[numLayers · directions, T]` by the name of the state. Columns are ordered by time also in the
   * reverse direction; steps behind the end of a sequence have no share.
   */
  gradientNorms(output: Tensor): { readonly [Name in S | "hidden"]: Tensor }[];
}

const layerKind = instance(RecurrentLayer, "an RNN, LSTM or GRU");

/**
 * Runs a function and records the states of a recurrent layer that is called in it, so that the gradient that arrives
 * at each time step can be read: it shows vanishing and exploding gradients. The layer stays unchanged.
 *
 * Formula: `n_t = ‖∂L/∂h_t‖₂`, with all paths from h_t to L: the output of step t and the steps behind it.
 *
 * Inside a compiled function the norms are part of the program, and may be returned.
 *
 * @param layer whose states are recorded
 * @param fn calls the layer, or a model that contains it
 * @throws ConfigError if the layer is not called; ShapeError from `gradientNorms` if the output is no scalar
 * @see Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", arXiv:1211.5063
 * @example
 * const rnn = new RNN(3, 5);
 * const { result, gradientNorms } = recordSteps(rnn, () => rnn(ones([7, 2, 3])).output.select(0, 6).sum());
 * gradientNorms(result)[0].hidden; // shape [1, 7]
 */
export const recordSteps = checked(
  "recordSteps",
  takes({ layer: layerKind, fn: callback }),
  <T, S extends StateName>(layer: RecurrentLayer<S>, fn: () => T): StepRecording<T, S> => {
    const calls: Steps<S>[] = [];
    const result = withStepObserver((called, steps) => {
      if (called === layer) calls.push(steps as Steps<S>);
    }, fn);
    if (calls.length === 0) {
      throw configError("recordSteps", "the layer was not called", "Call it, or the model that contains it, in fn");
    }
    const gradientNorms = (output: Tensor): Record<S | "hidden", Tensor>[] => {
      const states = [...new Set(calls.flat(2).flatMap((state) => Object.values<Tensor>(state)))];
      // One call for the states of all steps, because their gradients share most of their graph.
      const gradients = grad(output, states);
      const norms = new Map(states.map((state, i) => [state, gradients[i].square().sum().sqrt()]));
      return calls.map((steps) => {
        const names = Object.keys(steps[0][0]) as S[];
        const normOf = (state: Tensor): Tensor => norms.get(state) as Tensor;
        return byState(names, (name) => stack(steps.map((times) => stack(times.map((state) => normOf(state[name]))))));
      });
    };
    return { result, gradientNorms };
  },
);
