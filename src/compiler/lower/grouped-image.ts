/**
 * Images in scratch memory as grouped convolutions read them: for a block of output channels, one plane for every input
 * channel of a group, in which each lane holds the channel that its own output reads. Products are then as many as the
 * group has, whatever its width; a block-diagonal filter would need up to V times as many. It must not know how sums
 * are computed.
 */
import type { Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import {
  constantOf,
  declare,
  type Expr,
  loop,
  register,
  type Stmt,
  shuffle,
  splat,
  store,
  when,
} from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { nest } from "./nest.js";

/** Channels of one group. */
export interface Group {
  readonly inputs: number;
  readonly outputs: number;
}

export interface GroupedImage {
  readonly buffer: string;
  readonly statements: Stmt[];
  /** The position of the vector of input channel i of each lane's group at row r, column q. */
  readonly at: (i: ix.Index, r: ix.Index, q: ix.Index) => ix.Index;
}

interface GroupedRequest {
  readonly group: Group;
  readonly rows: number;
  readonly columns: number;
  readonly image: ix.Index;
  /** Block of output channels. */
  readonly block: ix.Index;
  /** Source coordinates of the first row and column; pixels outside the source are zero. */
  readonly firstRow: ix.Index;
  readonly firstColumn: number;
}

/** Bytes of a row of all planes. */
export const rowBytes = (group: Group, columns: number, lanes: number): number => 4 * group.inputs * columns * lanes;

/** Whether the lanes of a block read that same block of input channels, in another order. */
const staysInBlock = ({ inputs, outputs }: Group, lanes: number): boolean => inputs === outputs && lanes % inputs === 0;

/** Packs the pixels: the statements, and the positions of the result. */
export function packGroups(builder: KernelBuilder, x: Node, request: GroupedRequest): GroupedImage {
  const { group, rows, columns, firstRow, firstColumn } = request;
  const { lanes } = builder;
  const [, , height, width] = x.shape;
  const shape = [group.inputs, rows, columns, lanes];
  const buffer = builder.scratch(
    "f32",
    shape.reduce((a, b) => a * b, 1),
  );
  const at: GroupedImage["at"] = (i, r, q) => ix.flatten([i, r, q, builder.lane], shape);
  const r = builder.variable("r", rows);
  const row = ix.variable(r);
  const blank = (from: number, to: number): Stmt[] => {
    if (to <= from) return [];
    const [i, q] = [builder.variable("c", group.inputs), builder.variable("q", to - from)];
    const zero = splat(constantOf(0, "f32"), lanes);
    return nest([i, q], [store(buffer, "f32", at(ix.variable(i), row, ix.plus(ix.variable(q), from)), zero, lanes)]);
  };
  // The columns of the copy that lie inside the source need no guard.
  const from = Math.min(columns, Math.max(0, -firstColumn));
  const to = Math.max(from, Math.min(columns, width - firstColumn));
  const sourceRow = ix.add(firstRow, row);
  const { index, within } = builder.exact(sourceRow, height);
  const copied = to > from ? copyRow(builder, x, request, { buffer, at }, row, index, [from, to]) : [];
  const missing = [
    { index: ix.minus(ix.constant(-1), sourceRow), extent: -sourceRow.low },
    { index: ix.plus(sourceRow, -height), extent: sourceRow.high - height + 1 },
  ].filter(({ extent }) => extent > 0);
  const present = sourceRow.high < 0 || sourceRow.low >= height ? [] : within(copied);
  const statements = loop(r, [
    ...blank(0, from),
    ...present,
    ...missing.map((outside) => when([outside], blank(from, to))),
    ...blank(to, columns),
  ]);
  return { buffer, at, statements: [statements] };
}

/** Copies the columns [from, to) of a row into all planes. */
function copyRow(
  builder: KernelBuilder,
  x: Node,
  { group, image, block, firstColumn }: GroupedRequest,
  { buffer, at }: Pick<GroupedImage, "buffer" | "at">,
  row: ix.Index,
  sourceRow: ix.Index,
  [from, to]: readonly [number, number],
): Stmt[] {
  const { lanes } = builder;
  const q = builder.variable("q", to - from);
  const column = ix.plus(ix.variable(q), from);
  const output = ix.add(ix.scale(block, lanes), builder.lane);
  const pixel = (channel: ix.Index): Expr =>
    splat(builder.lowering.value(x, [image, channel, sourceRow, ix.plus(column, firstColumn)]), lanes);
  const put = (i: ix.Index, value: Expr): Stmt => store(buffer, "f32", at(i, row, column), value, lanes);
  if (!staysInBlock(group, lanes)) {
    const i = builder.variable("c", group.inputs);
    const first = ix.scale(ix.div(output, group.outputs), group.inputs);
    return nest([i, q], [put(ix.variable(i), pixel(ix.add(first, ix.variable(i))))]);
  }
  const name = builder.fresh("v");
  const vector = register(name, "f32", lanes);
  const orders = Array.from({ length: group.inputs }, (_, i) =>
    Array.from({ length: lanes }, (__, lane) => lane - (lane % group.inputs) + i),
  );
  const puts = orders.map((order, i) =>
    put(ix.constant(i), group.inputs === 1 ? vector : shuffle(vector, vector, order)),
  );
  return nest([q], [declare(name, pixel(output)), ...puts]);
}
