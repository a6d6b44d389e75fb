/**
 * What every tensor has: the node that it is a handle to, its shape and context, gradients, and reading. The methods
 * that compute are in the files beside this one, a family each; `tensor.ts` joins them. Must not know devices.
 */
import { differentiate } from "../../autograd/index.js";
import { type DType, isFloat, type TypedArray } from "../../ir/dtype.js";
import { formatShape, type Node, type Shape, sizeOfShape, topological } from "../../ir/graph.js";
import { graph } from "../../ops/index.js";
import { takes } from "../../util/arguments.js";
import { inspectKey } from "../../util/inspect.js";
import { either, instance, type Kind, number } from "../../util/kinds.js";
import { spell } from "../../util/spelling.js";
import { gradCellOf, isGradEnabled, refuseWhileTracing } from "../cells.js";
import { shapeError, unconnectedError } from "../check.js";
import { type Context, contextOf } from "../context.js";
import { readValue } from "../evaluate.js";
import { formatKnown, formatValues, type Nested, nest } from "../format.js";
import { carriesGradient, recordForgotten } from "../history.js";
import { availableValues, copyOfLeaf, type QueuedRun, realizedLeaf, storageOf, valueStorage } from "../realized.js";
import type { Tensor } from "../tensor.js";

export abstract class TensorCore {
  private current: Node;
  private gradient: Tensor | null = null;
  /** Wraps a graph node; users create tensors with `tensor`, `zeros`, `Generator` and similar functions. */
  constructor(node: Node) {
    this.current = node;
  }
  /** The graph node behind this tensor. */
  get node(): Node {
    this.releaseGraph();
    return this.current;
  }
  /** Releases the graph of a computed value through which no gradient flows. */
  private releaseGraph(): void {
    const { current } = this;
    const leaf = realizedLeaf(current);
    if (!leaf || leaf === current || carriesGradient(current)) return;
    recordForgotten(current, leaf);
    this.current = leaf;
  }
  /** Sizes of the axes; [] for a scalar. */
  get shape(): Shape {
    return this.current.shape;
  }
  /** Type of the elements. */
  get dtype(): DType {
    return this.current.dtype;
  }
  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }
  /** Number of elements. */
  get size(): number {
    return sizeOfShape(this.shape);
  }
  /** The context that computes the value: that of the variables that it depends on, else the current one. */
  get context(): Context {
    return contextOf(this.version().node);
  }
  /** True if `backward` accumulates a gradient in `.grad`. */
  get requiresGrad(): boolean {
    return false;
  }
  /** The gradient that `backward` has accumulated; null if none. */
  get grad(): Tensor | null {
    return this.gradient;
  }
  set grad(value: Tensor | null) {
    this.gradient = value;
  }

  /** A tensor of the node. */
  protected abstract wrap(node: Node): Tensor;
  /** This tensor, with the methods of all families. */
  protected abstract readonly self: Tensor;
  /** The result of a method: a tensor of the node, constant to `backward` within `noGrad`. */
  protected make(node: Node): Tensor {
    return this.wrap(isGradEnabled() ? node : graph.make("detach", [node], {}));
  }

  /** The same value, constant to `backward`. */
  detach(): Tensor {
    const { node } = this;
    const leaf = realizedLeaf(node);
    const storage = leaf && storageOf(leaf);
    return this.wrap(leaf && storage ? copyOfLeaf(leaf, storage) : graph.make("detach", [node], {}));
  }
  /**
   * Adds the gradient of this scalar to `.grad` of every parameter that it was computed from.
   *
   * @throws ShapeError if this is not a scalar
   * @throws FoveaError if it depends on no tensor that requires a gradient
   */
  backward(): void {
    if (this.size !== 1)
      throw shapeError("backward", `needs a scalar, got ${formatShape(this.shape)}`, "Take .mean() or .sum() first");
    const isParameter = (node: Node) => gradCellOf(node) !== undefined;
    const found = topological([this.node], isParameter).filter(isParameter);
    const gradients = differentiate(this.node, graph.constant(1, this.node), found, isParameter);
    if (gradients.every((g) => !g)) throw unconnectedError("backward");
    found.forEach((node, i) => {
      const g = gradients[i];
      if (g) gradCellOf(node)?.accumulate(g);
    });
  }
  /** The elements in row-major order. */
  data(): Promise<TypedArray> {
    refuseWhileTracing("data");
    const { node, writer } = this.version();
    return readValue(node, writer).finally(() => this.releaseGraph());
  }
  /**
   * The present value, and the queued run that computes it; null if none does.
   *
   * @internal
   */
  version(): { readonly node: Node; readonly writer: QueuedRun | null } {
    return { node: this.node, writer: null };
  }
  /** The only element, as a number. */
  item(): Promise<number> {
    refuseWhileTracing("item");
    if (this.size === 1) return this.data().then(([value]) => value);
    return Promise.reject(shapeError("item", `needs one element, got ${formatShape(this.shape)}`));
  }
  /** The elements as nested arrays (a number for a scalar). */
  toArray(): Promise<Nested> {
    refuseWhileTracing("toArray");
    return this.data().then((values) => nest(values, this.shape, this.dtype));
  }
  /** The shape, dtype and values as text. */
  toText(): Promise<string> {
    refuseWhileTracing("toText");
    return this.data().then((values) => formatValues(values, this.shape, this.dtype));
  }
  /** Frees the memory of a computed tensor now, not when it is garbage-collected: `using y = await step(x)`. */
  [Symbol.dispose](): void {
    const leaf = realizedLeaf(this.current);
    if (leaf) valueStorage(leaf).release();
  }
  /** Dtype and shape, and the values if they are computed; computes nothing. */
  toString(): string {
    return formatKnown(availableValues(this.latest), this.shape, this.dtype);
  }
  /** The text that `console.log` shows in Node. */
  [inspectKey](): string {
    return this.toString();
  }
  /** @internal The node of the value, without marking it as read. */
  protected get latest(): Node {
    return this.current;
  }
}

/** A tensor of floats: integers and bools become f32. */
export const floats = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : x.to("f32"));

export const tensorKind: Kind = {
  ...instance(TensorCore, "a tensor"),
  meant: (value) => (typeof value === "number" || Array.isArray(value) ? `tensor(${spell(value)})` : undefined),
};
export const tensorLikeKind: Kind = {
  ...either(tensorKind, number),
  accepts: (value) => typeof value === "number" || value instanceof TensorCore,
};

const nothing = takes();

export const coreParameters = {
  detach: nothing,
  backward: nothing,
  data: nothing,
  item: nothing,
  toArray: nothing,
  toText: nothing,
};
