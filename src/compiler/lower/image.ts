/**
 * Images in scratch memory: a convolution copies the pixels that a task reads, with their border of zeros, into the
 * thread's own memory, computing in place whatever feeds it. Channels lie in blocks of the vector width where the
 * source does, else one after the other.
 */
import type { Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { constantOf, type Expr, prefetch, type Stmt, store } from "../../ir/loops.js";
import { loadsOf } from "../../ir/visit.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { loadCost, nest } from "./nest.js";

type PixelBlock = readonly [i: ix.Index, block: ix.Index, r: ix.Index, q: ix.Index];

export interface Image {
  readonly buffer: string;
  /** Statements that write the border of zeros, once before the first of several copies to the same memory. */
  readonly border: Stmt[];
  readonly statements: Stmt[];
  /** The position of image i, channel c, row r, column q. */
  readonly at: (i: ix.Index, c: ix.Index, r: ix.Index, q: ix.Index) => ix.Index;
  /**
   * Statements that pack one channel block of a pixel and prefetch another, for a tile that packs its pixels on the
   * fly; both are given by image, block, row and column. Null if the layout of channels is not blocked.
   */
  readonly onTheFly: ((at: PixelBlock, soon: PixelBlock) => Stmt[]) | null;
}

export interface ImageRequest {
  readonly images: number;
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
  /** Number of times that a task packs the image. */
  readonly copies: number;
  /** Coordinates in the source of image i, channel c, row r, column q of the copy; pixels outside it are zero. */
  readonly source: (i: ix.Index, c: ix.Index, r: ix.Index, q: ix.Index) => ix.Index[];
}

/** Zero where the coordinates are outside the node. */
export function zeroOutside(builder: KernelBuilder, x: Node, at: readonly ix.Index[]): Expr {
  const guard = ix.simplifyGuard(at.map((index, axis) => ({ index, extent: x.shape[axis] })));
  if (guard === null) return constantOf(0, "f32");
  const value = builder.lowering.value(x, at, guard);
  if (guard.length === 0 || (value.kind === "load" && value.indirect === null)) return value;
  return builder.lowering.algebra.op("select", builder.test(guard), value, constantOf(0, "f32"));
}

/** Whether vectors of channels are contiguous in the memory behind x. */
export function channelsContiguous(builder: KernelBuilder, x: Node): boolean {
  const { lanes } = builder;
  const [, channels] = x.shape;
  if (channels < lanes || lanes === 1) return false;
  const at = x.shape.map((extent, i) => ix.variable({ name: `o${i}`, extent }));
  const block = ix.variable({ name: "v", extent: Math.floor(channels / lanes) });
  at[1] = ix.add(ix.scale(block, lanes), builder.lane);
  return loadCost([builder.lowering.value(x, at)], lanes) < lanes;
}

/**
 * Vectors between the one that is copied and the one that is prefetched: about as many as are copied within a latency
 * of memory.
 */
const AHEAD = 128;

/**
 * Prefetches the pixels that a copy reads where variables have other values: the rows of a band are short and far apart
 * in memory, which is more than the hardware prefetcher foresees. Operands whose address does not depend on the pixel,
 * such as per-channel scales, are cached already.
 */
function prefetchElement(value: Expr, pixel: ix.LoopVar, there: ReadonlyMap<string, ix.Index>): Stmt[] {
  const walking = loadsOf([value]).filter(
    ({ index, stride, indirect }) => stride === 1 && indirect === null && ix.depends(index, pixel.name),
  );
  return walking.map(({ buffer, index }) => prefetch(buffer, ix.substitute(index, there)));
}

/** A part of the rows or columns of a copy. */
interface Span {
  readonly first: number;
  readonly count: number;
}

/** The positions of a copy that lie inside the source, if these are the same for every copy; else null. */
function insideOf(position: ix.Index, along: ix.LoopVar, extent: number): Span | null {
  if (position.terms.length !== 1 || ix.strideOf(position, along.name) !== 1) return null;
  const first = Math.max(0, -position.offset);
  return { first, count: Math.min(along.extent, extent - position.offset) - first };
}

/**
 * The rows and columns that every copy writes, surrounded by a border that is zero in all of them; null if copies
 * differ or there is no border.
 */
function insideOfAll(x: Node, { rows, columns, source }: ImageRequest): readonly [Span, Span] | null {
  const [r, q] = [
    { name: "r", extent: rows },
    { name: "q", extent: columns },
  ];
  const [, , row, column] = source(ix.zero, ix.zero, ix.variable(r), ix.variable(q));
  const [down, across] = [insideOf(row, r, x.shape[2]), insideOf(column, q, x.shape[3])];
  return down && across && down.count * across.count < rows * columns ? [down, across] : null;
}

/** Packs the pixels: the statements, and the positions of the result. */
export function packImage(builder: KernelBuilder, x: Node, request: ImageRequest): Image {
  const { images, channels, rows, columns, source } = request;
  const { lanes } = builder;
  const i = builder.variable("n", images);
  const n = ix.variable(i);
  if (channelsContiguous(builder, x) && channels % lanes === 0) {
    const shape = [images, channels / lanes, rows, columns, lanes];
    const elements = shape.reduce((a, b) => a * b, 1);
    const buffer = builder.scratch("f32", elements);
    const at: Image["at"] = (image, c, y, q) => ix.flatten([image, ix.div(c, lanes), y, q, ix.mod(c, lanes)], shape);
    const channelsOf = (b: ix.Index) => ix.add(ix.scale(b, lanes), builder.lane);
    const copy = (...[image, b, y, column]: PixelBlock) => {
      const value = zeroOutside(builder, x, source(image, channelsOf(b), y, column));
      return { value, statement: store(buffer, "f32", at(image, channelsOf(b), y, column), value, lanes) };
    };
    const inside = request.copies > 1 ? insideOfAll(x, request) : null;
    const [down, across] = inside ?? [rows, columns].map((count) => ({ first: 0, count }));
    const block = builder.variable("c", channels / lanes);
    const [r, q] = [builder.variable("r", down.count), builder.variable("q", across.count)];
    const [y, column] = [ix.plus(ix.variable(r), down.first), ix.plus(ix.variable(q), across.first)];
    const { value, statement } = copy(n, ix.variable(block), y, column);
    const later = ix.plus(ix.variable(block), Math.ceil(AHEAD / (down.count * across.count)));
    const statements = nest(
      [i, block, r, q],
      [statement, ...prefetchElement(value, q, new Map([[block.name, later]]))],
    );
    const onTheFly: Image["onTheFly"] = (here, [image, soon, row, pixel]) => {
      const there = [image, soon, ix.plus(row, -down.first), ix.plus(pixel, -across.first)];
      const names = [i, block, r, q].map(({ name }, axis) => [name, there[axis]] as const);
      return [copy(...here).statement, ...prefetchElement(value, q, new Map(names))];
    };
    if (!inside) return { buffer, at, border: [], statements, onTheFly };
    const vector = builder.variable("z", elements / lanes);
    const position = ix.add(ix.scale(ix.variable(vector), lanes), builder.lane);
    const border = nest([vector], [store(buffer, "f32", position, constantOf(0, "f32"), lanes)]);
    return { buffer, at, border, statements, onTheFly };
  }
  const pitch = Math.ceil(columns / lanes) * lanes;
  const shape = [images, channels, rows, pitch];
  const buffer = builder.scratch(
    "f32",
    shape.reduce((a, b) => a * b, 1),
  );
  const at: Image["at"] = (image, c, y, q) => ix.flatten([image, c, y, q], shape);
  const c = builder.variable("c", channels);
  const r = builder.variable("r", rows);
  const q = builder.variable("q", pitch / lanes);
  const row = ix.variable(r);
  const column = ix.add(ix.scale(ix.variable(q), lanes), builder.lane);
  const value = zeroOutside(builder, x, source(n, ix.variable(c), row, column));
  const body = store(buffer, "f32", at(n, ix.variable(c), row, column), value, lanes);
  return { buffer, at, border: [], statements: nest([i, c, r, q], [body]), onTheFly: null };
}
