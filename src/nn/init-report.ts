/**
 * `initReport`: how activations and gradients spread from layer to layer, before training. It observes calls; this file
 * must not know any layer.
 */

import { Generator, grad, Parameter, realize, stack, Tensor, Variable } from "../tensor/index.js";
import { tensorKind } from "../tensor/tensor.js";
import { checked, takes } from "../util/arguments.js";
import { alignColumns } from "../util/columns.js";
import { configError } from "../util/errors.js";
import { inspectKey } from "../util/inspect.js";
import { moduleKind } from "./kinds.js";
import { observed } from "./module/calls.js";
import { membersOf } from "./module/members.js";
import { isMember, isModule, type Module } from "./module.js";

/** One layer of an {@link InitReport}; a layer that is called several times has its last call. */
export interface InitReportRow {
  readonly path: string;
  /** Name of the class. */
  readonly kind: string;
  /** Mean of the output. */
  readonly mean: number;
  /** Standard deviation of the output. */
  readonly std: number;
  /** Share of units (positions of axis 1) whose output is 0 for the whole batch. */
  readonly dead: number;
  /** Standard deviation of the gradient with respect to the output, for a standard normal gradient of the model's. */
  readonly gradientStd: number;
}

/** Spread of activations and gradients of each layer; converted to a string it is a table. */
export interface InitReport {
  readonly rows: readonly InitReportRow[];
  toString(): string;
}

/**
 * Reports the mean and deviation of the output of each layer without children, the share of dead units, and the
 * deviation of the gradient, for one batch in training mode. Initial values are sound where deviations neither vanish
 * nor grow from layer to layer. Running statistics and random streams stay as they are.
 *
 * @param model a model that returns a tensor
 * @param batch its input, `[N, ...]`
 * @throws ConfigError if the model returns anything but a tensor
 * @see Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks"
 * @example
 * const report = await initReport(new Sequential(new Linear(64, 64), new ReLU()), ones([16, 64]));
 * report.rows.map(({ path }) => path); // ["0", "1"]
 */
export const initReport = checked(
  "initReport",
  takes({ model: moduleKind, batch: tensorKind }),
  async (model: Module, batch: Tensor): Promise<InitReport> => {
    const layers = new Map<object, { readonly path: string; readonly kind: string }>();
    for (const [path, module] of model.namedModules()) {
      if (membersOf(module, isModule).length === 0) layers.set(module, { path, kind: module.constructor.name });
    }
    const outputs = new Map<object, Tensor>();
    const observe = (module: object, output: unknown) => {
      if (layers.has(module) && output instanceof Tensor) outputs.set(module, output);
    };
    const cells = changedByCalls(model).map((cell) => [cell, cell.detach()] as const);
    const statistics = model.inMode("train", () => {
      const result: unknown = observed(observe, () => model(batch));
      if (!(result instanceof Tensor)) throw configError("initReport", "the model returns no tensor");
      const noise = new Generator(0, { stream: "initReport" }).normal(result.shape);
      const values = [...outputs.values()];
      const gradients = grad(result.mul(noise).sum(), values);
      return values.map((y, i) => stack([y.mean(), deviation(y), deadShare(y), deviation(gradients[i])]));
    });
    for (const [cell, before] of cells) cell.assign(before);
    await realize(...statistics);
    const rows = await Promise.all(
      [...outputs.keys()].map(async (module, i): Promise<InitReportRow> => {
        const [mean, std, dead, gradientStd] = await statistics[i].data();
        return { ...(layers.get(module) as { path: string; kind: string }), mean, std, dead, gradientStd };
      }),
    );
    const show = { value: () => reportText(rows) };
    return Object.defineProperties({ rows }, { toString: show, [inspectKey]: show });
  },
);

/** Buffers and the counters of random streams: what a call in training assigns. */
function changedByCalls(model: Module): Variable[] {
  return model.namedModules().flatMap(([, module]) =>
    membersOf(module, isMember).flatMap(({ value }) => {
      if (value instanceof Generator) return [value.counter];
      return value instanceof Variable && !(value instanceof Parameter) ? [value] : [];
    }),
  );
}

const deviation = (x: Tensor): Tensor => x.variance({ correction: 0 }).sqrt();

/** The share of positions of axis 1 (of the last axis of vectors) at which all values are 0. */
function deadShare(y: Tensor): Tensor {
  const axis = y.rank > 1 ? 1 : 0;
  const others = y.shape.map((_, i) => i).filter((i) => i !== axis);
  const largest = others.length > 0 ? y.abs().max({ dim: others }) : y.abs();
  return largest.eq(0).to("f32").mean();
}

function reportText(rows: readonly InitReportRow[]): string {
  const number = (value: number) =>
    value === 0 ? "0" : Math.abs(value) < 1e-3 ? value.toExponential(1) : value.toPrecision(3);
  const lines = rows.map(({ path, kind, mean, std, dead, gradientStd }) => [
    `${path}: ${kind}`,
    ...[mean, std].map(number),
    `${(100 * dead).toFixed(0)} %`,
    number(gradientStd),
  ]);
  return alignColumns([["layer", "mean", "std", "dead units", "gradient std"], ...lines], 1).join("\n");
}
