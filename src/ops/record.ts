/**
 * What a structural op's record holds. Scalar ops have theirs in `ir/scalar/`. Gradients and decompositions build
 * graph through the `Builder` they are handed, so that records know neither the table nor the compiler.
 */
import type { Algebra } from "../ir/algebra.js";
import type { DType } from "../ir/dtype.js";
import type { Node, Shape, StructuralAttrs, StructuralName } from "../ir/graph.js";
import type { Guard, Index } from "../ir/index-math.js";

export interface Typed {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Builds checked nodes; the only way that records make graph. */
export interface Builder extends Algebra<Node> {
  make<K extends StructuralName>(
    op: K,
    inputs: readonly Node[],
    attrs: StructuralAttrs[K],
    wanted?: Partial<Typed>,
  ): Node;
}

/** Where an element of a movement's result comes from: an element of an input, valid under the guard. */
interface Source {
  readonly input: number;
  readonly coordinates: readonly Index[];
  readonly guard: Guard;
}

/** How the compiler treats an op. */
type Kind =
  /** Has no operands: leaf, const, iota. */
  | "source"
  /** One input element per output element, same coordinates. */
  | "elementwise"
  /** Maps coordinates of the result to coordinates of operands; computes nothing. */
  | "movement"
  /** Reduces axes. */
  | "reduction"
  /** Reads an operand at an index that another operand holds. */
  | "gather"
  /** Has a template, or else its decomposition is compiled. */
  | "template";

export interface StructuralRecord<K extends StructuralName> {
  readonly kind: Kind;
  /**
   * The type rule; throws if the inputs do not fit. `wanted` is the part of the type that inputs and attributes do not
   * determine.
   */
  readonly type: (inputs: readonly Node[], attrs: StructuralAttrs[K], wanted: Partial<Typed>) => Typed;
  /**
   * Gradients of the inputs from that of the output; null where there is none. "decomposed": those of the
   * decomposition, for ops whose gradient is seldom needed.
   */
  readonly gradient: ((e: Builder, g: Node, node: Node<K>) => (Node | null)[]) | "decomposed" | null;
  /** Movements: the sources of the element at `coordinates`; the first whose guard holds, or the sum of all. */
  readonly sources?: (node: Node<K>, coordinates: readonly Index[]) => Source[];
  readonly combine?: "first" | "sum";
  /** Contractions: number of multiply-adds. */
  readonly multiplyAdds?: (node: Node<K>) => number;
  /** The same value in simpler ops. */
  readonly decompose?: (e: Builder, node: Node<K>) => Node;
}
