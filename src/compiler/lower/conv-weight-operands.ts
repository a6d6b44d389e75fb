/**
 * The operands of a weight gradient: pixels and gradients of some images are read in place if their layout allows, else
 * they are packed into scratch memory.
 */
import type { Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, type Stmt, store } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { channelsContiguous, type Image, type ImageRequest, packImage } from "./image.js";
import { loadCost, nest } from "./nest.js";
import { transposed } from "./transpose.js";

export type Pixels = Pick<Image, "buffer" | "border" | "statements" | "at">;

interface Gradients {
  readonly buffer: string;
  readonly statements: Stmt[];
  readonly at: (i: ix.Index, block: ix.Index, y: ix.Index, q: ix.Index) => ix.Index;
}

/** Images, output blocks and rows of the gradients that one iteration reads. */
export interface GradientRequest {
  readonly together: number;
  readonly blocks: number;
  readonly rows: number;
}

/**
 * The position in memory of an element of x, or of a contiguous vector; null if the element is computed or may lie
 * outside the image.
 */
function placeOf(builder: KernelBuilder, x: Node, at: readonly ix.Index[], stride: 0 | 1) {
  const guard = ix.simplifyGuard(at.map((index, axis) => ({ index, extent: x.shape[axis] })));
  if (guard === null || guard.length > 0) return null;
  const value = builder.lowering.value(x, at);
  if (value.kind !== "load" || value.stride !== stride || value.indirect !== null || value.guard.length > 0)
    return null;
  return { buffer: value.buffer, index: value.index };
}

/**
 * Packs the pixels, unless each is read at one tap only and its channels are contiguous: then they are read in place.
 */
export function findPixels(
  builder: KernelBuilder,
  { inputs, shape }: Node<"convWeightGrad">,
  request: ImageRequest,
): Pixels {
  const [x] = inputs;
  const { images, channels, rows, columns, source } = request;
  const there = (...at: Parameters<Image["at"]>) => placeOf(builder, x, source(...at), 0);
  const [a0, a1, a2, a3] = [images, channels, rows, columns].map((extent, k) => ix.variable({ name: `o${k}`, extent }));
  const isSimple = shape[3] * shape[4] === 1 && channelsContiguous(builder, x);
  const place = isSimple ? there(a0, a1, a2, a3) : null;
  if (!place) return packImage(builder, x, request);
  return { buffer: place.buffer, border: [], statements: [], at: (...at) => there(...at)?.index ?? place.index };
}

/**
 * Packs dy of some images and output blocks into scratch memory, lanes over channels, unless it has that layout: then
 * it is read in place.
 */
export function packGradients(
  builder: KernelBuilder,
  g: Node,
  { together: images, blocks, rows }: GradientRequest,
  [firstImage, firstBlock, firstRow]: readonly ix.Index[],
): Gradients {
  const { lanes } = builder;
  const [, channels, , wo] = g.shape;
  const there = (i: ix.Index, block: ix.Index, y: ix.Index, q: ix.Index) => {
    const channel = ix.add(ix.scale(ix.add(firstBlock, block), lanes), builder.lane);
    return placeOf(builder, g, [ix.add(firstImage, i), channel, ix.add(firstRow, y), q], 1);
  };
  const [a0, a1, a2, a3] = [images, blocks, rows, wo].map((extent, k) => ix.variable({ name: `o${k}`, extent }));
  const place = lanes > 1 ? there(a0, a1, a2, a3) : null;
  if (place) {
    const at: Gradients["at"] = (i, block, y, q) => there(i, block, y, q)?.index ?? place.index;
    return { buffer: place.buffer, statements: [], at };
  }
  const shape = [images, blocks, rows, wo, lanes];
  const buffer = builder.scratch(
    "f32",
    shape.reduce((a, b) => a * b, 1),
  );
  const at: Gradients["at"] = (i, block, y, q) => ix.flatten([i, block, y, q, builder.lane], shape);
  const [i, b, y, q] = [images, blocks, rows, wo].map((extent) => builder.variable("g", extent));
  const element = (channel: ix.Index, row: ix.Index, column: ix.Index) => {
    const first = ix.scale(ix.add(firstBlock, ix.variable(b)), lanes);
    return builder.lowering.value(g, [
      ix.add(firstImage, ix.variable(i)),
      ix.add(first, channel),
      ix.add(firstRow, row),
      column,
    ]);
  };
  const put = (row: ix.Index, column: ix.Index, value: Expr) =>
    store(buffer, "f32", at(ix.variable(i), ix.variable(b), row, column), value, lanes);
  const value = element(builder.lane, ix.variable(y), ix.variable(q));
  // If pixels are contiguous and channels are not, squares of V channels × V pixels are transposed in registers.
  const run = builder.variable("g", Math.floor((rows * wo) / lanes));
  const pixel = (offset: ix.Index) => ix.unflatten(ix.add(ix.scale(ix.variable(run), lanes), offset), [rows, wo]);
  const channelRows = Array.from({ length: lanes }, (_, j) => {
    const [row, column] = pixel(builder.lane);
    return element(ix.constant(j), row, column);
  });
  const wholeSquares = lanes >= 4 && (rows * wo) % lanes === 0 && channels % lanes === 0;
  if (wholeSquares && loadCost([value], lanes) >= lanes && loadCost([channelRows[0]], lanes) < lanes) {
    const transposedRows = transposed(builder, channelRows);
    const stores = transposedRows.rows.map((vector, j) => {
      const [row, column] = pixel(ix.constant(j));
      return put(row, column, vector);
    });
    return { buffer, at, statements: nest([i, b, run], [...transposedRows.statements, ...stores]) };
  }
  return { buffer, at, statements: nest([i, b, y, q], [put(ix.variable(y), ix.variable(q), value)]) };
}
