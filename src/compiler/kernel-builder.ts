/**
 * Collects the parts of a kernel while its body is lowered: buffers in the order of first use, scratch memory, fresh
 * names.
 */
import type { DType } from "../ir/dtype.js";
import type { Node } from "../ir/graph.js";
import * as ix from "../ir/index-math.js";
import {
  type BufferSpec,
  bind,
  declare,
  declareWithBarrier,
  type Expr,
  type Kernel,
  LANE,
  type Part,
  register,
  type ScratchSpec,
  type Stmt,
  store,
  testOf,
  when,
} from "../ir/loops.js";
import type { Target } from "../ir/target.js";
import { reshapeCoordinates } from "../ops/index.js";
import { type Layout, memoryBounds, physicalSize, positionOf } from "./layout.js";
import { Lowering, type Stored } from "./value.js";

/** A kernel, and the graph node that each of its buffers holds. */
export interface Lowered {
  readonly kernel: Kernel;
  readonly nodes: readonly Node[];
}

export class KernelBuilder {
  readonly lowering: Lowering;
  private readonly buffers = new Map<Node, BufferSpec & { node: Node; layout: Layout }>();
  private readonly scratches: ScratchSpec[] = [];
  private readonly parts: Part[] = [];
  /** Registers that results of loops were moved to. */
  private readonly resultRegisters = new Set<string>();
  private names = 0;

  constructor(
    readonly target: Target,
    private readonly layouts: ReadonlyMap<Node, Layout>,
    private readonly roots: ReadonlySet<Node>,
  ) {
    this.lowering = new Lowering(target, (node) => this.locate(node));
  }

  get lanes(): number {
    return this.target.lanes;
  }

  /** The index of the lane within a vector. */
  get lane(): ix.Index {
    return ix.variable({ name: LANE, extent: this.lanes });
  }

  fresh(prefix: string): string {
    return `${prefix}${this.names++}`;
  }

  variable(prefix: string, extent: number): ix.LoopVar {
    return { name: this.fresh(prefix), extent };
  }

  private locate(node: Node): Stored | null {
    const layout = this.layouts.get(node);
    if (!layout || this.roots.has(node)) return null;
    return { buffer: this.buffer(node, "read"), layout };
  }

  /** The name of the buffer of a stored node. */
  buffer(node: Node, access: "read" | "write"): string {
    const known = this.buffers.get(node);
    if (known) return known.name;
    const layout = this.layoutOf(node);
    const name = `B${this.buffers.size}`;
    const elements = physicalSize(node.shape, layout);
    this.buffers.set(node, { name, dtype: node.dtype, elements, access, node, layout });
    return name;
  }

  layoutOf(node: Node): Layout {
    const layout = this.layouts.get(node);
    if (!layout) throw new Error(`node ${node.op} is not stored`);
    return layout;
  }

  /** Stores the root's value at logical coordinates. */
  storeRoot(root: Node, at: readonly ix.Index[]): Stmt {
    const value = this.lowering.value(root, at);
    const layout = this.layoutOf(root);
    const guard = ix.simplifyGuard(memoryBounds(at, root.shape, layout)) ?? [];
    const position = positionOf(at, root.shape, layout);
    return store(this.buffer(root, "write"), root.dtype, position, value, this.lanes, guard);
  }

  /** Moves a value to an immutable register, unless it is in one: the register, and the statements that declare it. */
  toRegister(result: Expr): { readonly value: Expr; readonly statements: readonly Stmt[] } {
    if (result.kind === "register" && this.resultRegisters.has(result.name)) return { value: result, statements: [] };
    const name = this.fresh("f");
    return { value: register(name, result.type, result.lanes), statements: [declare(name, result)] };
  }

  /**
   * Moves the results of a loop to registers behind scheduling barriers, so that nothing after the loop takes registers
   * from it.
   */
  toRegisters(results: readonly (readonly Expr[])[]): { readonly values: Expr[][]; readonly statements: Stmt[] } {
    const statements: Stmt[] = [];
    const move = (result: Expr): Expr => {
      const name = this.fresh("f");
      this.resultRegisters.add(name);
      statements.push(declareWithBarrier(name, result));
      return register(name, result.type, result.lanes);
    };
    return { values: results.map((line) => line.map(move)), statements };
  }

  /** Stores the roots of an anchor's epilogue, computed from `result`, the anchor's value at `at`. */
  storeEpilogue(anchor: Node, result: Expr, roots: readonly Node[], at: readonly ix.Index[]): Stmt[] {
    const { value, statements } = this.toRegister(result);
    return [...statements, ...this.storeFromRegister(anchor, value, roots, at)];
  }

  /** As {@link storeEpilogue}, where the anchor's value is in a register already. */
  storeFromRegister(anchor: Node, value: Expr, roots: readonly Node[], at: readonly ix.Index[]): Stmt[] {
    return this.lowering.withBound(
      anchor,
      () => value,
      () => roots.map((root) => this.storeRoot(root, reshapeCoordinates(at, anchor.shape, root.shape))),
    );
  }

  /**
   * Stores the roots at their own coordinates `at`, where each reads a window of the anchor, as a fused pooling does.
   */
  storeWindows(
    anchor: Node,
    registerAt: (at: readonly ix.Index[]) => Expr,
    roots: readonly Node[],
    at: readonly ix.Index[],
  ): Stmt[] {
    return this.lowering.withBound(anchor, registerAt, () => roots.map((root) => this.storeRoot(root, at)));
  }

  /** A guard as an expression. */
  test(guard: ix.Guard): Expr {
    return testOf(guard, this.lanes);
  }

  /**
   * An index that is below `extent` (a multiple of `step`) within the statements that `within` guards; if its range
   * shows that already, it is returned as it is, without a guard.
   */
  exact(index: ix.Index, extent: number, step = 1): { index: ix.Index; within: (body: readonly Stmt[]) => Stmt[] } {
    if (index.low >= 0 && index.high + step <= extent) return { index, within: (body) => [...body] };
    const known = this.variable("e", Math.ceil(extent / step));
    const inside = [{ index: ix.plus(index, step - 1), extent }];
    return {
      index: ix.scale(ix.variable(known), step),
      within: (body) => [when(inside, [bind(known, ix.div(index, step), body)])],
    };
  }

  /** Whether a name is scratch memory: private to a task, so it stays in the cache. */
  isScratch(name: string): boolean {
    return this.scratches.some((scratch) => scratch.name === name);
  }

  /** Declares scratch memory and returns its name. */
  scratch(dtype: DType, elements: number): string {
    const name = `S${this.scratches.length}`;
    this.scratches.push({ name, dtype, elements });
    return name;
  }

  part(tasks: number, body: readonly Stmt[]): void {
    this.parts.push({ tasks, body });
  }

  /** The kernel, and the nodes that its buffers hold, in order. */
  finish(label: string, flops: number): Lowered {
    const specs = [...this.buffers.values()];
    const buffers = specs.map(({ name, dtype, elements, access }) => ({ name, dtype, elements, access }));
    return {
      kernel: { label, buffers, scratch: this.scratches, parts: this.parts, flops },
      nodes: specs.map(({ node }) => node),
    };
  }
}
