/**
 * Variables: named cells that read as tensors. A Parameter is a Variable that wants gradients.
 */
import { createLeaf, formatShape, type Node, sameShape } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";
import { Storage } from "../runtime/index.js";
import { checkedConstructor, checkMethods, takes } from "../util/arguments.js";
import { flag, instance, isPlain, type Kind, text } from "../util/kinds.js";
import { activeTrace, Cell, disown, HostValue, own } from "./cells.js";
import { shapeError } from "./check.js";
import { elementOf, elementsOf, type HostArray, isHostArray } from "./host.js";
import { leafOf, type Run } from "./realized.js";
import { Tensor, tensorKind, tensorLikeKind } from "./tensor.js";

/** Name and role of a variable. */
export interface VariableOptions {
  /** For messages and checkpoints. */
  readonly name?: string;
  /** Whether `backward` leaves a gradient here; default false. */
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
  /** For messages; empty if none was given. */
  readonly name: string;
  /**
   * Key of the variable in the tree of modules that holds it, such as `layer1.0.conv1.weight`, as of the last walk of the
   * tree (a call of the model, `parameters`, `stateDict`); outside of trees its name.
   */
  path: string;
  /** What points to the current value. */
  readonly cell: Cell;
  private readonly wantsGrad: boolean;
  private eagerGrad: Tensor | null = null;

  constructor(initial: Tensor, options: VariableOptions = {}) {
    checkVariable([initial, options]);
    super(createLeaf(initial.shape, initial.dtype));
    this.name = options.name ?? "";
    this.path = this.name;
    this.wantsGrad = options.requiresGrad ?? false;
    // A node of its own: two variables made from one tensor are two values.
    this.cell = new Cell(graph.make("detach", [initial.node], {}));
    this.cell.accumulate = (g) => {
      const sum = this.grad;
      this.grad = sum ? new Tensor(graph.op("add", sum.node, g)) : new Tensor(g);
    };
  }

  protected override get latest(): Node {
    return this.cell.settled();
  }
  /** How messages call this variable. */
  private get label(): string {
    return this.path || "a variable";
  }

  override get node(): Node {
    const node = this.cell.read();
    return this.requiresGrad ? own(node, this.cell) : node;
  }
  /**
   * The value as of now, and the queued run that it comes from, if there is one.
   *
   * @internal
   */
  override version(): { readonly node: Node; readonly writer: Run | null } {
    return { node: this.cell.settled(), writer: this.cell.writer };
  }
  override get requiresGrad(): boolean {
    return this.wantsGrad;
  }
  /** The accumulated gradient. Inside a compiled function it starts as null and ends with the function. */
  override get grad(): Tensor | null {
    const trace = activeTrace();
    if (!trace) return this.eagerGrad;
    const g = trace.gradients.get(this.cell);
    return g ? new Tensor(g) : null;
  }
  override set grad(value: Tensor | null) {
    const trace = activeTrace();
    if (trace) trace.gradients.set(this.cell, value ? value.node : null);
    else this.eagerGrad = value;
  }

  /** A variable keeps its value for as long as it can be reached: freeing it would leave whoever shares it with nothing. */
  override [Symbol.dispose](): void {}

  /**
   * Replaces the value by another of the same shape (or one that broadcasts to it); the dtype stays.
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
   * Replaces the value from the host, row by row.
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

/** Name of a parameter. */
export interface ParameterOptions {
  /** For messages and checkpoints. */
  readonly name?: string;
}

const checkParameter = checkedConstructor(
  "Parameter",
  takes<ParameterOptions>({ initial: tensorKind }, { name: text }),
);

/**
 * A trained value: a Variable with gradients, unless it is frozen.
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
   * Whether `backward` computes a gradient for the parameter; optimizers leave one without a gradient as it is. Default
   * true. Setting it to false forgets the gradient. Compiled functions are traced again after a change.
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
    disown(this.node);
  }
}
