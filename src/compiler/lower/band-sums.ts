/**
 * Sums over bands of rows in the kernel of a convolution: accumulated tile by tile from registers into scratch memory
 * of the task, and stored at the end of the band. One thread computes each of them, in a fixed order.
 */
import { isOp, type Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import {
  constantOf,
  declare,
  type Expr,
  load,
  nameOf,
  register,
  type Stmt,
  set,
  splat,
  store,
  when,
} from "../../ir/loops.js";
import type { Target } from "../../ir/target.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { type BandNode, isBandNode } from "../roots.js";
import { choosePlan } from "./conv-plan.js";
import { traversalOf } from "./conv-traversal.js";
import { groupedBand, spansGroups } from "./grouped-plan.js";
import type { FinishedPixel } from "./pixels.js";
import { chooseShare, rowsOf } from "./winograd-share.js";

/** Rows of results that one task of the convolution computes of an image; null if its kernel accumulates no sums. */
export function bandRows(conv: Node, target: Target): number | null {
  if (isOp(conv, "winogradConv2d")) return rowsOf(chooseShare(target, conv), conv);
  if (isOp(conv, "convInputGrad")) {
    return Math.min(conv.shape[2], conv.attrs.stride[0] * choosePlan(target, conv, traversalOf(conv), 1).band);
  }
  if (!isOp(conv, "conv2d")) return null;
  if (spansGroups(conv.attrs.groups, conv.shape[1], target.lanes)) return groupedBand(conv, target, 1);
  return choosePlan(target, conv, traversalOf(conv), 1).band;
}

/** Independent accumulators of a sum, which hide the latency of an addition. */
const CHAINS = 2;

/**
 * Vectors of scratch memory per block of channels: the sum; for moments the origin, and the sums of deviations from it.
 */
const slotsOf = (node: BandNode): number => (isOp(node, "bandMoments") ? 3 : 1);

export class BandSums {
  private readonly nodes: readonly { readonly node: BandNode; readonly memory: string }[];

  /** @param blocks - channel blocks of a task, whose sums are accumulated at the same time */
  constructor(
    private readonly builder: KernelBuilder,
    private readonly anchor: Node,
    roots: readonly Node[],
    blocks: number,
  ) {
    this.nodes = roots
      .filter(isBandNode)
      .map((node) => ({ node, memory: builder.scratch("f32", blocks * slotsOf(node) * builder.lanes) }));
  }

  /**
   * Adds finished values to the sums; `taskBlock` is the number, within the task, of their first block of channels.
   *
   * @param number of the tile in the band; the first one initialises the sums
   */
  add(finished: readonly FinishedPixel[], taskBlock: ix.Index, number: ix.Index): Stmt[] {
    const blocks = [...new Set(finished.map(({ block }) => block))];
    const sums = this.nodes.flatMap(({ node, memory }) =>
      blocks.map((b) => {
        const slot = (k: number) => this.slot(node, memory, ix.plus(taskBlock, b), k);
        const values = finished.filter(({ block }) => block === b).map((pixel) => this.valueAt(node, pixel));
        return isOp(node, "bandMoments") ? this.addMoments(values, slot) : this.addSum(values, slot);
      }),
    );
    const starts = sums.flatMap(({ start }) => start);
    return [...startWith(number, starts), ...sums.flatMap(({ add }) => add)];
  }

  /**
   * Stores the sums of a band of an image for one block of channels: `taskBlock` within the task, `block` in the image.
   */
  finish(taskBlock: ix.Index, block: ix.Index, image: ix.Index, band: ix.Index): Stmt[] {
    const { builder } = this;
    const e = builder.lowering.algebra;
    const output = ix.add(ix.scale(block, builder.lanes), builder.lane);
    return this.nodes.flatMap(({ node, memory }) => {
      const [n, , h, w] = node.inputs[0].shape;
      const { rows } = node.attrs;
      const bands = Math.ceil(h / rows);
      const item = ix.flatten([image, band], [n, bands]);
      const kept = Array.from({ length: slotsOf(node) }, (_, k) => this.slot(node, memory, taskBlock, k).read());
      if (isOp(node, "bandSum")) return [this.storeAs(node, kept[0], [item, output])];
      const typed = (value: number) => e.typed(value, "f32", kept[0]);
      const last = builder.test([{ index: ix.plus(band, 1 - bands), extent: 1 }]);
      const whole = typed(1 / (rows * w));
      const rest = h - rows * (bands - 1);
      const share = splat(rest === rows ? whole : e.op("select", last, typed(1 / (rest * w)), whole), builder.lanes);
      const [origin, sum, squares] = kept;
      const mean = e.op("mul", sum, share);
      return [
        this.storeAs(node, e.op("add", origin, mean), [ix.zero, item, output]),
        this.storeAs(node, e.op("sub", squares, e.op("mul", sum, mean)), [ix.constant(1), item, output]),
      ];
    });
  }

  private storeAs(node: BandNode, value: Expr, at: readonly ix.Index[]): Stmt {
    const { builder } = this;
    return builder.lowering.withBound(
      node,
      () => value,
      () => builder.storeRoot(node, at),
    );
  }

  /** Vector `k` of scratch memory of a node, for a block of the task. */
  private slot(node: BandNode, memory: string, taskBlock: ix.Index, k: number) {
    const { lanes, lane } = this.builder;
    const index = ix.add(ix.scale(ix.plus(ix.scale(taskBlock, slotsOf(node)), k), lanes), lane);
    return {
      read: (): Expr => load(memory, "f32", index, [], lanes),
      write: (value: Expr): Stmt => store(memory, "f32", index, value, lanes),
    };
  }

  /** The summand of a pixel; its `within` guards statements for pixels outside the image. */
  private valueAt(node: BandNode, { value, at, within }: FinishedPixel): Value {
    const { lowering, lanes } = this.builder;
    const summed = lowering.withBound(
      this.anchor,
      () => value,
      () => splat(lowering.value(node.inputs[0], at), lanes),
    );
    return { value: summed, within };
  }

  private addSum(values: readonly Value[], slot: SlotOf): Addition {
    const e = this.builder.lowering.algebra;
    const sums = this.chains();
    return {
      start: [slot(0).write(this.zero)],
      add: [
        ...sums.map((sum, i) => declare(nameOf(sum), i === 0 ? slot(0).read() : this.zero)),
        ...values.flatMap(({ value, within }, p) => {
          const sum = sums[p % CHAINS];
          return within([set(nameOf(sum), e.op("add", sum, value))]);
        }),
        slot(0).write(sums.reduce((a, b) => e.op("add", a, b))),
      ],
    };
  }

  /** Sums deviations from the first value of the band, so that squares of numbers far from zero lose no digits. */
  private addMoments(values: readonly Value[], slot: SlotOf): Addition {
    const { builder, zero } = this;
    const e = builder.lowering.algebra;
    const [sums, squares] = [this.chains(), this.chains()];
    const origin = register(builder.fresh("o"), "f32", builder.lanes);
    const [first] = values;
    return {
      start: [...first.within([slot(0).write(first.value)]), slot(1).write(zero), slot(2).write(zero)],
      add: [
        declare(nameOf(origin), slot(0).read()),
        ...[sums, squares].flatMap((chain, k) =>
          chain.map((sum, i) => declare(nameOf(sum), i === 0 ? slot(k + 1).read() : zero)),
        ),
        ...values.flatMap(({ value, within }, p) => {
          const difference = register(builder.fresh("d"), "f32", builder.lanes);
          const [sum, square] = [sums[p % CHAINS], squares[p % CHAINS]];
          return within([
            declare(nameOf(difference), e.op("sub", value, origin)),
            set(nameOf(sum), e.op("add", sum, difference)),
            set(nameOf(square), e.op("add", square, e.op("mul", difference, difference))),
          ]);
        }),
        ...[sums, squares].map((chain, k) => slot(k + 1).write(chain.reduce((a, b) => e.op("add", a, b)))),
      ],
    };
  }

  private get zero(): Expr {
    return splat(constantOf(0, "f32"), this.builder.lanes);
  }

  private chains(): Expr[] {
    return Array.from({ length: CHAINS }, () => register(this.builder.fresh("s"), "f32", this.builder.lanes));
  }
}

/** A summand. */
interface Value {
  readonly value: Expr;
  readonly within: FinishedPixel["within"];
}

/** Statements that initialise the sums at the first tile, and those that add a tile. */
interface Addition {
  readonly start: readonly Stmt[];
  readonly add: readonly Stmt[];
}

type SlotOf = (k: number) => ReturnType<BandSums["slot"]>;

/** Statements that run in the first of several iterations only. */
function startWith(number: ix.Index, first: readonly Stmt[]): Stmt[] {
  if (first.length === 0 || number.low > 0) return [];
  return number.high > 0 ? [when([{ index: number, extent: 1 }], first)] : [...first];
}
