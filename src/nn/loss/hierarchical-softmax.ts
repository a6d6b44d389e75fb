/** Hierarchical softmax: a classifier whose cost per sample grows like the logarithm of the number of classes. */

import { shapeError } from "../../tensor/check.js";
import { type Generator, Parameter, type Tensor, tensor, Variable, zeros } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { count, either, flag, list, nullable, number } from "../../util/kinds.js";
import { log1pExp } from "../activation/log1p-exp.js";
import { shapeText } from "../checks.js";
import { lossEntry } from "../entries.js";
import { kaimingUniform } from "../init/index.js";
import { generatorKind } from "../kinds.js";
import { Module } from "../module.js";
import { defaultGenerator } from "../random.js";
import { balancedTree, huffmanTree } from "./class-tree.js";
import {
  checkIndices,
  checkRank,
  checkShapeOf,
  type LossOptions,
  type Reduction,
  reduce,
  reductionKind,
} from "./reduction.js";

import { checkClasses, inClasses } from "./targets.js";

export interface HierarchicalSoftmaxLossOptions extends LossOptions {
  /** Bias of each node, `[K − 1]`. Default none. */
  readonly bias?: Tensor | null;
}

const lossParameters = takes<HierarchicalSoftmaxLossOptions>(
  { x: tensorKind, targets: tensorKind, weight: tensorKind, nodes: tensorKind, turns: tensorKind },
  { bias: nullable(tensorKind), reduction: reductionKind },
);

/**
 * Negative log-likelihood of class indices under a binary tree of decisions: only the nodes on the paths of the targets
 * are computed. `HierarchicalSoftmax` makes the tree and holds weights.
 *
 * Shape: `x [N, F], targets [N], weight [K − 1, F], nodes [K, D], turns [K, D] -> []`, or `[N]` with reduction `none`.
 * Formula: `loss_n = −Σ_d log σ(turns[t_n, d] · (weight[nodes[t_n, d]] · x_n + bias[nodes[t_n, d]]))`.
 * A target that is no class is an error where its value is known; in a compiled function its loss is NaN.
 *
 * @param weight of the nodes
 * @param nodes on the path of each class, i32
 * @param turns 1 where the path turns left, −1 where it turns right, 0 behind its end, i32
 * @throws ShapeError if the shapes do not fit together; DTypeError if targets, nodes or turns are not i32; DataError if a
 * target is no class
 * @see Morin & Bengio 2005, "Hierarchical Probabilistic Neural Network Language Model"
 * @example
 * const [nodes, turns] = [tensor([[0], [0]], { dtype: "i32" }), tensor([[1], [-1]], { dtype: "i32" })];
 * const loss = hierarchicalSoftmaxLoss(tensor([[2]]), tensor([0], { dtype: "i32" }), tensor([[1]]), nodes, turns); // 0.1269
 */
export const hierarchicalSoftmaxLoss = checked(
  "hierarchicalSoftmaxLoss",
  lossParameters,
  (
    x: Tensor,
    targets: Tensor,
    weight: Tensor,
    nodes: Tensor,
    turns: Tensor,
    options: HierarchicalSoftmaxLossOptions = {},
  ): Tensor => {
    const { bias, reduction = "mean" } = options;
    checkTree("hierarchicalSoftmaxLoss", { x, weight, nodes, turns }, bias);
    checkIndices("hierarchicalSoftmaxLoss", "targets", targets);
    checkShapeOf("hierarchicalSoftmaxLoss", "targets", targets, [x.shape[0]]);
    const K = nodes.shape[0];
    checkClasses("hierarchicalSoftmaxLoss", targets, K);
    const isClass = inClasses(targets, K);
    const label = isClass.where(targets, 0);
    const path = nodes.take(label); // [N, D]
    const turn = turns.take(label);
    const products = weight.take(path).mul(floats(x).unsqueeze(1)).sum({ dim: 2 }); // [N, D]
    const scores = bias ? products.add(bias.take(path)) : products;
    const terms = turn.ne(0).where(log1pExp(scores.mul(turn).neg()), 0);
    return reduce(isClass.where(terms.sum({ dim: 1 }), Number.NaN), reduction);
  },
);

export interface HierarchicalLogProbabilitiesOptions {
  /** Bias of each node, `[K − 1]`. Default none. */
  readonly bias?: Tensor | null;
}

/**
 * Log-probabilities of all classes under a binary tree of decisions; this costs K products per sample.
 *
 * Shape: `x [N, F], weight [K − 1, F], nodes [K, D], turns [K, D] -> [N, K]`.
 * Formula: `log p(k) = Σ_d log σ(turns[k, d] · (weight[nodes[k, d]] · x + bias[nodes[k, d]]))`.
 *
 * @param weight of the nodes
 * @param nodes on the path of each class, i32
 * @param turns 1 where the path turns left, −1 where it turns right, 0 behind its end, i32
 * @throws ShapeError if the shapes do not fit together; DTypeError if nodes or turns are not i32
 * @example
 * const [nodes, turns] = [tensor([[0], [0]], { dtype: "i32" }), tensor([[1], [-1]], { dtype: "i32" })];
 * const p = hierarchicalLogProbabilities(tensor([[2]]), tensor([[1]]), nodes, turns).exp(); // [[0.8808, 0.1192]]
 */
export const hierarchicalLogProbabilities = checked(
  "hierarchicalLogProbabilities",
  takes<HierarchicalLogProbabilitiesOptions>(
    { x: tensorKind, weight: tensorKind, nodes: tensorKind, turns: tensorKind },
    { bias: nullable(tensorKind) },
  ),
  (
    x: Tensor,
    weight: Tensor,
    nodes: Tensor,
    turns: Tensor,
    { bias }: HierarchicalLogProbabilitiesOptions = {},
  ): Tensor => {
    checkTree("hierarchicalLogProbabilities", { x, weight, nodes, turns }, bias);
    const products = floats(x).matmul(weight.transpose()); // [N, K − 1]
    const scores = bias ? products.add(bias) : products;
    const left = log1pExp(scores.neg()).neg().take(nodes, { dim: 1 }); // [N, K, D]
    const right = log1pExp(scores).neg().take(nodes, { dim: 1 });
    return turns.eq(0).where(0, turns.gt(0).where(left, right)).sum({ dim: 2 });
  },
);

/** Tensors of a hierarchical softmax. */
interface TreeTensors {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly nodes: Tensor;
  readonly turns: Tensor;
}

function checkTree(op: string, { x, weight, nodes, turns }: TreeTensors, bias: Tensor | null | undefined): void {
  checkRank(op, "x", x, 2, "[N, F]");
  checkRank(op, "nodes", nodes, 2, "[K, D]");
  checkIndices(op, "nodes", nodes);
  checkIndices(op, "turns", turns);
  checkShapeOf(op, "turns", turns, nodes.shape);
  const inner = nodes.shape[0] - 1;
  if (inner < 1)
    throw shapeError(op, `expected at least two classes, got nodes ${shapeText(nodes.shape)}`, "Use a tree");
  checkShapeOf(op, "weight", weight, [inner, x.shape[1]]);
  if (bias) checkShapeOf(op, "bias", bias, [inner]);
}

/** Options of `HierarchicalSoftmax`. */
export interface HierarchicalSoftmaxOptions {
  /** Whether the nodes have a bias. Default true. */
  readonly bias?: boolean;
  /** Reduction of the losses. Default `mean`. */
  readonly reduction?: Reduction;
  /** Source of the initial weights. Default the stream of `manualSeed`. */
  readonly generator?: Generator;
}

const parameters = takes<HierarchicalSoftmaxOptions>(
  { inFeatures: count(), classes: either(count(2), list(number, "an array of counts")) },
  { bias: flag, reduction: reductionKind, generator: generatorKind },
);
const check = checkedConstructor("HierarchicalSoftmax", parameters);

/**
 * Hierarchical softmax: the last layer of a classifier of very many classes, and its loss. Each class is a leaf of a binary
 * tree, and its probability the product of the decisions on its path, so a loss costs ⌈log₂ K⌉ products per sample, not K.
 *
 * Shape: `x [N, inFeatures], targets [N] -> []`. Formula: `p(k) = Π_d σ(± (w_node · x + b_node))` over the path of k.
 *
 * @param inFeatures features of a sample
 * @param classes number of classes, for a balanced tree; or how often each class occurs, for Huffman's tree, in which
 * frequent classes have short paths
 * @throws ConfigError if there are fewer than two classes
 * @see Morin & Bengio 2005, "Hierarchical Probabilistic Neural Network Language Model"
 * @see Mikolov et al. 2013, "Distributed Representations of Words and Phrases" (Huffman's tree), arXiv:1310.4546
 * @example
 * const head = new HierarchicalSoftmax(8, 1000);
 * const loss = head(ones([2, 8]), tensor([3, 999], { dtype: "i32" }));
 * head.logProbabilities(ones([2, 8])); // shape [2, 1000]
 */
export class HierarchicalSoftmax extends Module<[x: Tensor, targets: Tensor]> {
  readonly inFeatures: number;
  readonly classes: number;
  readonly reduction: Reduction;
  /** Weight of each inner node, `[K − 1, inFeatures]`. */
  readonly weight: Parameter;
  /** Bias of each inner node, `[K − 1]`, starts at 0; null without. */
  readonly bias: Parameter | null;
  /** Inner nodes on the path of each class, `[K, D]`, i32. */
  readonly nodes: Variable;
  /** 1 where a path turns left, −1 where it turns right, 0 behind its end, `[K, D]`, i32. */
  readonly turns: Variable;

  constructor(inFeatures: number, classes: number | readonly number[], options: HierarchicalSoftmaxOptions = {}) {
    check([inFeatures, classes, options]);
    super();
    const tree = typeof classes === "number" ? balancedTree(classes) : huffmanTree(classes);
    const shape = [tree.classes, tree.depth];
    const { generator = defaultGenerator() } = options;
    this.inFeatures = inFeatures;
    this.classes = tree.classes;
    this.reduction = options.reduction ?? "mean";
    this.weight = new Parameter(kaimingUniform([tree.classes - 1, inFeatures], { a: Math.sqrt(5), generator }), {
      name: "hierarchicalSoftmax.weight",
    });
    this.bias =
      options.bias === false ? null : new Parameter(zeros([tree.classes - 1]), { name: "hierarchicalSoftmax.bias" });
    this.nodes = new Variable(tensor(tree.nodes, { shape }), { name: "hierarchicalSoftmax.nodes" });
    this.turns = new Variable(tensor(tree.turns, { shape }), { name: "hierarchicalSoftmax.turns" });
  }

  override forward(x: Tensor, targets: Tensor): Tensor {
    const { weight, nodes, turns, bias, reduction } = this;
    return hierarchicalSoftmaxLoss(x, targets, weight, nodes, turns, { bias, reduction });
  }

  /**
   * Log-probabilities of all classes; this costs K products per sample.
   *
   * Shape: `x [N, inFeatures] -> [N, K]`.
   *
   * @throws ShapeError if x has another number of features
   * @example
   * const sums = new HierarchicalSoftmax(4, 3).logProbabilities(ones([2, 4])).exp().sum({ dim: 1 }); // [1, 1]
   */
  logProbabilities(x: Tensor): Tensor {
    const { weight, nodes, turns, bias } = this;
    return hierarchicalLogProbabilities(x, weight, nodes, turns, { bias });
  }

  /**
   * The most probable class of each sample.
   *
   * Shape: `x [N, inFeatures] -> [N]`, i32.
   *
   * @throws ShapeError if x has another number of features
   * @example
   * const classes = new HierarchicalSoftmax(4, 3).predict(ones([2, 4])); // shape [2]
   */
  predict(x: Tensor): Tensor {
    return this.logProbabilities(x).argmax({ dim: 1 });
  }
}

export const hierarchicalSoftmaxLossEntry = lossEntry(
  "hierarchicalSoftmaxLoss",
  lossParameters,
  hierarchicalSoftmaxLoss,
);
