/** Running statistics measured again, for weights that were averaged. */
import { compile, noGrad, type Tensor } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import type { Kind } from "../util/kinds.js";
import { moduleKind } from "./kinds.js";
import type { AnyModule, Module } from "./module.js";
import { RunningNorm } from "./norm/running.js";

const batchesKind: Kind = {
  name: "batches of inputs",
  accepts: (value) =>
    typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value),
};

/**
 * Measures the running statistics of all normalisations of a model again: resets them and averages those of the given
 * batches equally. Batch normalisation needs this after weights were averaged (`Swa`, `Ema`), since the statistics of
 * the average are no average of statistics. Modes of modules stay as they were.
 *
 * @param model whose running statistics are replaced
 * @param batches inputs of the model, such as those of one epoch; at least one
 * @throws ConfigError if there are no batches
 * @see Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization", arXiv:1803.05407
 * @see https://pytorch.org/docs/stable/generated/torch.optim.swa_utils.update_bn.html
 * @example
 * await updateBatchNorm(model, [images, images]);
 */
export const updateBatchNorm = checked(
  "updateBatchNorm",
  takes({ model: moduleKind, batches: batchesKind }),
  async (model: AnyModule, batches: Iterable<Tensor> | AsyncIterable<Tensor>): Promise<void> => {
    const modules = model.namedModules().map(([, module]) => module);
    const modes = modules.map((module) => [module, module.training] as const);
    model.train();
    // Frozen ones stay in evaluation, and keep their statistics.
    const norms = modules.filter((module): module is RunningNorm => module instanceof RunningNorm && module.training);
    const before = norms.map(({ momentum }) => momentum);
    const setMomentum = (norm: RunningNorm, momentum: number | null) => Object.assign(norm, { momentum });
    let count = 0;
    try {
      for (const norm of norms) {
        setMomentum(norm, null);
        noGrad(() => norm.resetRunningStats());
      }
      const pass = compile((x: Tensor) => noGrad(() => void (model as Module)(x)));
      for await (const x of batches) {
        await pass(x);
        count++;
      }
    } finally {
      for (const [i, norm] of norms.entries()) setMomentum(norm, before[i]);
      for (const [module, training] of modes) module.train(training);
    }
    if (count === 0) throw configError("updateBatchNorm", "got no batches", "An iterator can be read only once");
  },
);
