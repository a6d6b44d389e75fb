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
  readonly statements: Stmt[];
  /** The position of image i, channel c, row r, column q. */
  readonly at: (i: ix.Index, c: ix.Index, r: ix.Index, q: ix.Index) => ix.Index;
  /**
   * Statements that copy one block of channels of a pixel and ask for another, for whoever copies what it needs as it
   * goes: both at image, block, row, column. Null where channels do not lie in blocks.
   */
  readonly inPassing: ((at: PixelBlock, soon: PixelBlock) => Stmt[]) | null;
}

export interface ImageRequest {
  readonly images: number;
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
  /** Coordinates in the source of image i, channel c, row r, column q of the copy; pixels outside it are zero. */
  readonly source: (i: ix.Index, c: ix.Index, r: ix.Index, q: ix.Index) => ix.Index[];
}

/** Zero where the coordinates are outside the node. */
export function zeroOutside(builder: KernelBuilder, x: Node, at: readonly ix.Index[]): Expr {
  const guard = ix.simplifyGuard(at.map((index, axis) => ({ index, extent: x.shape[axis] })));
  if (guard === null) return constantOf(0, "f32");
  const value = builder.lowering.value(x, at, guard);
  if (guard.length === 0 || (value.kind === "load" && value.pick === null)) return value;
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

/** Vectors between what is copied and what is asked for: about as many as are copied while memory answers. */
const AHEAD = 128;

/**
 * Asks for other pixels than those of a copy, where variables have other values: the rows of a band are short and far
 * apart in memory, which is more than the hardware foresees. What does not walk along with pixels is there already.
 */
function foresee(value: Expr, pixel: ix.LoopVar, there: ReadonlyMap<string, ix.Index>): Stmt[] {
  const walking = loadsOf([value]).filter(
    ({ index, stride, pick }) => stride === 1 && pick === null && ix.depends(index, pixel.name),
  );
  return walking.map(({ buffer, index }) => prefetch(buffer, ix.substitute(index, there)));
}

/** Statements that copy the pixels, and where they are then. */
export function packImage(builder: KernelBuilder, x: Node, request: ImageRequest): Image {
  const { images, channels, rows, columns, source } = request;
  const { lanes } = builder;
  const i = builder.variable("n", images);
  const r = builder.variable("r", rows);
  const [n, row] = [ix.variable(i), ix.variable(r)];
  if (channelsContiguous(builder, x) && channels % lanes === 0) {
    const shape = [images, channels / lanes, rows, columns, lanes];
    const buffer = builder.scratch(
      "f32",
      shape.reduce((a, b) => a * b, 1),
    );
    const at: Image["at"] = (image, c, y, q) => ix.flatten([image, ix.div(c, lanes), y, q, ix.mod(c, lanes)], shape);
    const block = builder.variable("c", channels / lanes);
    const q = builder.variable("q", columns);
    const channelsOf = (b: ix.Index) => ix.add(ix.scale(b, lanes), builder.lane);
    const copy = (...[image, b, y, column]: PixelBlock) => {
      const value = zeroOutside(builder, x, source(image, channelsOf(b), y, column));
      return { value, statement: store(buffer, "f32", at(image, channelsOf(b), y, column), value, lanes) };
    };
    const loops = [i, block, r, q];
    const { value, statement } = copy(n, ix.variable(block), row, ix.variable(q));
    const later = ix.plus(ix.variable(block), Math.ceil(AHEAD / (rows * columns)));
    const soon = foresee(value, q, new Map([[block.name, later]]));
    const inPassing: Image["inPassing"] = (here, there) => [
      copy(...here).statement,
      ...foresee(value, q, new Map(loops.map(({ name }, axis) => [name, there[axis]]))),
    ];
    return { buffer, at, statements: nest(loops, [statement, ...soon]), inPassing };
  }
  const pitch = Math.ceil(columns / lanes) * lanes;
  const shape = [images, channels, rows, pitch];
  const buffer = builder.scratch(
    "f32",
    shape.reduce((a, b) => a * b, 1),
  );
  const at: Image["at"] = (image, c, y, q) => ix.flatten([image, c, y, q], shape);
  const c = builder.variable("c", channels);
  const q = builder.variable("q", pitch / lanes);
  const column = ix.add(ix.scale(ix.variable(q), lanes), builder.lane);
  const value = zeroOutside(builder, x, source(n, ix.variable(c), row, column));
  const body = store(buffer, "f32", at(n, ix.variable(c), row, column), value, lanes);
  return { buffer, at, statements: nest([i, c, r, q], [body]), inPassing: null };
}
