/**
 * Variables: named cells that read as tensors. A Parameter is a Variable that wants gradients.
 */
import { hostArray, type TypedArray } from "../ir/dtype.js";
import { createLeaf, formatShape, type Node, sameShape } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";
import { Storage } from "../runtime/index.js";
import { activeTrace, Cell, own } from "./cells.js";
import { shapeError } from "./check.js";
import { leafOf } from "./session.js";
import { Tensor } from "./tensor.js";

/** Name and role of a variable. */
export interface VariableOptions {
  /** For messages and checkpoints. */
  readonly name?: string;
  /** Whether `backward` leaves a gradient here; default false. */
  readonly requiresGrad?: boolean;
}

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
  /** What points to the current value. */
  readonly cell: Cell;
  private readonly wantsGrad: boolean;
  private eagerGrad: Tensor | null = null;

  constructor(initial: Tensor, options: VariableOptions = {}) {
    super(createLeaf(initial.shape, initial.dtype));
    this.name = options.name ?? "";
    this.wantsGrad = options.requiresGrad ?? false;
    // A node of its own: two variables made from one tensor are two values.
    this.cell = new Cell(graph.make("detach", [initial.node], {}));
    this.cell.accumulate = (g) => {
      const sum = this.grad;
      this.grad = sum ? new Tensor(graph.op("add", sum.node, g)) : new Tensor(g);
    };
  }

  override get node(): Node {
    const node = this.cell.read();
    return this.wantsGrad ? own(node, this.cell) : node;
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
   * @throws ShapeError if the value does not broadcast to the shape
   */
  assign(value: Tensor | number): void {
    const like = this.cell.read();
    const node = typeof value === "number" ? graph.constant(value, like) : graph.cast(value.node, like.dtype);
    const shape = helpers.broadcastShapes(node.shape, like.shape);
    if (!shape || !sameShape(shape, like.shape)) {
      throw shapeError(
        "assign",
        `${this.name || "a variable"} is ${formatShape(like.shape)}, the value ${formatShape(node.shape)}`,
      );
    }
    this.cell.write(graph.make("detach", [helpers.broadcast(graph, node, like.shape)], {}));
  }

  /**
   * Replaces the value from the host, row by row.
   *
   * @throws ShapeError if the number of values differs
   */
  load(values: TypedArray | readonly number[]): void {
    if (values.length !== this.size) {
      throw shapeError("load", `${this.name || "a variable"} has ${this.size} elements, got ${values.length}`);
    }
    const copy = hostArray(this.dtype, this.size);
    copy.set(values);
    this.cell.write(leafOf(Storage.from(this.dtype, copy), this.shape));
  }
}

/**
 * A trained value: a Variable with gradients.
 *
 * @example
 * const weight = new Parameter(zeros([10, 784]), { name: "weight" });
 * weight.square().sum().backward();
 * weight.grad; // shape [10, 784]
 */
export class Parameter extends Variable {
  constructor(initial: Tensor, options: { readonly name?: string } = {}) {
    super(initial, { ...options, requiresGrad: true });
  }
}
