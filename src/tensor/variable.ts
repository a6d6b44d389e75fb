/**
 * Variables: named cells that read as tensors. A Parameter is a Variable that requires gradients.
 */
import type { DType } from "../ir/dtype.js";
import { createLeaf, formatShape, type Node, sameShape } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";
import { Storage } from "../runtime/index.js";
import { checkedConstructor, checkMethods, takes } from "../util/arguments.js";
import { flag, instance, isPlain, type Kind, text } from "../util/kinds.js";
import { activeTrace, Cell, clearGradCell, HostValue, setGradCell } from "./cells.js";
import { shapeError } from "./check.js";
import { elementOf, elementsOf, type HostArray, isHostArray } from "./host.js";
import type { PendingValue } from "./pending.js";
import { leafOf, type QueuedRun } from "./realized.js";
import { Tensor, tensorKind, tensorLikeKind } from "./tensor.js";

/** Options of a variable. */
export interface VariableOptions {
  /** Name in messages and checkpoints. */
  readonly name?: string;
  /** True if `backward` accumulates a gradient in `.grad`; default false. */
  readonly requiresGrad?: boolean;
}

const checkVariable = checkedConstructor(
  "Variable",
  takes<VariableOptions>({ initial: tensorKind }, { name: text, requiresGrad: flag }),
);

/**
 * A named, mutable value: reads as its current value; `assign` replaces it, in place inside compiled programs.
 *
 * @example
 * const step = new Variable(zeros([]), { name: "step" });
 * step.assign(step.add(1));
 */
export class Variable extends Tensor {
  /** Name in messages; empty if none was given. */
  readonly name: string;
  /**
   * Key of the variable in the tree of modules that holds it, such as `layer1.0.conv1.weight`, as of the last traversal
   * of the tree (by a call of the model, `parameters` or `stateDict`); its name if no module holds it.
   */
  path: string;
  /** The cell with the current value. */
  readonly cell: Cell;
  private readonly wantsGrad: boolean;
  private eagerGrad: Tensor | null = null;
  /** The gradient among the values of its context that are not computed yet; null if there is none, or it is computed. */
  private pendingGrad: PendingValue | null = null;

  constructor(initial: Tensor, options: VariableOptions = {}) {
    checkVariable([initial, options]);
    super(createLeaf(initial.shape, initial.dtype));
    this.name = options.name ?? "";
    this.path = this.name;
    this.wantsGrad = options.requiresGrad ?? false;
    // A new node, so that gradients distinguish two variables made from one tensor.
    this.cell = new Cell(graph.make("detach", [initial.node], {}));
    this.cell.accumulate = (g) => {
      const sum = this.grad;
      this.grad = sum ? new Tensor(graph.op("add", sum.node, g)) : new Tensor(g);
    };
  }

  protected override get latest(): Node {
    return this.cell.currentNode();
  }
  /** Name of this variable in messages. */
  private get label(): string {
    return this.path || "a variable";
  }

  override get node(): Node {
    const node = this.cell.read();
    return this.requiresGrad ? setGradCell(node, this.cell) : node;
  }
  /**
   * The present value, and the queued run that computes it; null if none does.
   *
   * @internal
   */
  override version(): { readonly node: Node; readonly writer: QueuedRun | null } {
    return { node: this.cell.currentNode(), writer: this.cell.writer };
  }
  override get requiresGrad(): boolean {
    return this.wantsGrad;
  }
  /** The accumulated gradient. Within a compiled function it starts as null and is dropped at the end. */
  override get grad(): Tensor | null {
    const trace = activeTrace();
    if (!trace) return this.eagerGrad;
    const g = trace.gradients.get(this.cell);
    return g ? new Tensor(g) : null;
  }
  override set grad(value: Tensor | null) {
    const trace = activeTrace();
    if (trace) trace.gradients.set(this.cell, value ? value.node : null);
    else {
      this.eagerGrad = value;
      this.pendingGrad?.remove();
      this.pendingGrad = value && this.cell.context.pending.add(value.version().node);
    }
  }

  /** Does nothing: a variable may be shared, so its value is not freed at the end of a `using` scope. */
  override [Symbol.dispose](): void {}

  override get dtype(): DType {
    return this.cell.dtype;
  }

  /**
   * Replaces the value by itself in another dtype, which is that of the variable from then on.
   *
   * @internal
   */
  convert(dtype: DType): void {
    if (dtype !== this.dtype) this.cell.write(graph.make("detach", [graph.cast(this.cell.read(), dtype)], {}));
  }

  /**
   * Replaces the value by one of the same shape, or one that broadcasts to it; converts it to the variable's dtype.
   *
   * @throws ShapeError if the value does not broadcast to the shape; DTypeError if the dtype does not hold the number
   */
  assign(value: Tensor | number): void {
    const like = this.cell.read();
    const node =
      typeof value === "number"
        ? graph.constant(elementOf("assign", `the value for ${this.label}`, value, like.dtype), like)
        : graph.cast(value.node, like.dtype);
    const shape = helpers.broadcastShapes(node.shape, like.shape);
    if (!shape || !sameShape(shape, like.shape)) {
      throw shapeError("assign", `${this.label} is ${formatShape(like.shape)}, the value ${formatShape(node.shape)}`);
    }
    this.cell.write(graph.make("detach", [helpers.broadcast(graph, node, like.shape)], {}));
  }

  /**
   * Replaces the value by host values in row-major order.
   *
   * @throws ShapeError if the number of values differs; DTypeError if the dtype does not hold one of them
   */
  load(values: HostArray | readonly number[]): void {
    if (values.length !== this.size) {
      throw shapeError("load", `${this.label} has ${this.size} elements, got ${values.length}`);
    }
    const copy = elementsOf("load", values, this.dtype, this.shape);
    this.cell.write(leafOf(Storage.from(this.dtype, copy), this.shape, this.cell.context));
  }
}

export const variableKind: Kind = instance(Variable, "a variable");

/** Variables by name, such as a state dict. */
export const variablesKind: Kind = {
  name: "an object of variables",
  accepts: (value) => isPlain(value) && Object.values(value).every((cell) => variableKind.accepts(cell)),
};

const valuesKind: Kind = {
  name: "an array of numbers",
  accepts: (value) => isHostArray(value) || Array.isArray(value),
};

checkMethods(Variable, { assign: takes({ value: tensorLikeKind }), load: takes({ values: valuesKind }) });

/** Options of a parameter. */
export interface ParameterOptions {
  /** Name in messages and checkpoints. */
  readonly name?: string;
}

const checkParameter = checkedConstructor(
  "Parameter",
  takes<ParameterOptions>({ initial: tensorKind }, { name: text }),
);

/**
 * A trained variable: it requires gradients unless it is frozen.
 *
 * @example
 * const weight = new Parameter(zeros([10, 784]), { name: "weight" });
 * weight.square().sum().backward();
 * weight.grad; // shape [10, 784]
 */
export class Parameter extends Variable {
  readonly #trainable = new HostValue(true);

  constructor(initial: Tensor, options: ParameterOptions = {}) {
    checkParameter([initial, options]);
    super(initial, { ...options, requiresGrad: true });
  }

  override get requiresGrad(): boolean {
    return this.trainable;
  }

  /**
   * Whether `backward` computes a gradient for the parameter; optimizers do not change a parameter without a gradient.
   * Default true. Setting it to false drops the gradient. Compiled functions are traced again after a change.
   *
   * @example
   * const weight = new Parameter(ones([2]));
   * weight.trainable = false;
   * weight.requiresGrad; // false
   */
  get trainable(): boolean {
    return this.#trainable.value;
  }
  set trainable(trainable: boolean) {
    this.#trainable.value = trainable;
    if (trainable) return;
    this.grad = null;
    clearGradCell(this.node);
  }
}
