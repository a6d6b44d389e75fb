/**
 * Orders of rows, by a bitonic sorting network (Batcher 1968) of pairs of key and position. Equal keys are ordered by
 * position, so no two pairs are equal and the order is that of a stable sort. Vectors hold one element of several rows,
 * so that every comparison is one of vectors; each task keeps its rows in scratch memory.
 */
import { isFloat } from "../../ir/dtype.js";
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { constantOf, type Expr, indexValue, load, loop, type Stmt, splat, store } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { addColumns, nest } from "./nest.js";

export function lowerArgsort(builder: KernelBuilder, anchor: Node<"argsort">, roots: readonly Node[]): number {
  const [rows, length] = anchor.shape;
  const padded = 2 ** Math.ceil(Math.log2(length));
  const levels = Math.log2(padded);
  const work = 5 * padded * levels * (levels + 1);
  addColumns(builder, [rows], work, ([row], width) => {
    const network = new Network(builder, anchor, padded, width);
    const variable = builder.variable("r", length);
    const position = ix.variable(variable);
    const order = splat(constantOf(padded - 1, "i32"), width);
    // Positions have the low bits; what is added to them for NaN and padding is a multiple of the padded length.
    const result = builder.lowering.algebra.op("bitAnd", network.position(position), order);
    return [
      ...network.fill(row),
      ...network.stages(),
      loop(variable, builder.storeEpilogue(anchor, result, roots, [row, position])),
    ];
  });
  return (sizeOfShape(anchor.shape) * levels * (levels + 1)) / 2;
}

/** Pairs of key and position of a row, or of a vector of rows, in scratch memory. */
class Network {
  private readonly keys: string;
  private readonly positions: string;
  /** dtype of the keys: bytes and bools are compared as integers. */
  private readonly dtype: "f32" | "f64" | "i32";
  private readonly lane: ix.Index;

  constructor(
    private readonly builder: KernelBuilder,
    private readonly anchor: Node<"argsort">,
    private readonly padded: number,
    private readonly width: number,
  ) {
    const { dtype } = anchor.inputs[0];
    this.dtype = dtype === "f32" || dtype === "f64" ? dtype : "i32";
    this.keys = builder.scratch(this.dtype, padded * width);
    this.positions = builder.scratch("i32", padded * width);
    this.lane = width === 1 ? ix.zero : builder.lane;
  }

  private slot(at: ix.Index): ix.Index {
    return ix.add(ix.scale(at, this.width), this.lane);
  }
  private key(at: ix.Index): Expr {
    return load(this.keys, this.dtype, this.slot(at), [], this.width);
  }
  position(at: ix.Index): Expr {
    return load(this.positions, "i32", this.slot(at), [], this.width);
  }
  private write(at: ix.Index, key: Expr, position: Expr): Stmt[] {
    const { width } = this;
    return [
      store(this.keys, this.dtype, this.slot(at), splat(key, width), width),
      store(this.positions, "i32", this.slot(at), splat(position, width), width),
    ];
  }

  /**
   * Statements that fill the memory from a row. Keys ascend in the requested order. NaN has the key of infinity, and a
   * position beyond those of infinities, or before them in descending order; padding has one beyond all others.
   */
  fill(row: ix.Index): Stmt[] {
    const { builder, anchor, padded } = this;
    const [x] = anchor.inputs;
    const { descending } = anchor.attrs;
    const [, length] = x.shape;
    const e = builder.lowering.algebra;
    const element = builder.variable("i", length);
    const at = ix.variable(element);
    const value = e.cast(builder.lowering.value(x, [row, at]), this.dtype);
    const index = indexValue(at, builder.lanes);
    const constant = (number: number, type = this.dtype): Expr => constantOf(number, type);
    if (!isFloat(this.dtype)) {
      const key = descending ? e.op("sub", constant(-1), value) : value;
      return [loop(element, this.write(at, key, index)), this.pad(constant(2 ** 31 - 1), length)];
    }
    const key = descending ? e.op("neg", value) : value;
    const missing = e.op("ne", value, value);
    const extreme = constant(descending ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
    const beyond = e.op("add", index, constant(descending ? -padded : padded, "i32"));
    return [
      loop(element, this.write(at, e.op("select", missing, extreme, key), e.op("select", missing, beyond, index))),
      this.pad(constant(Number.POSITIVE_INFINITY), length),
    ];
  }

  private pad(key: Expr, length: number): Stmt {
    const extra = this.builder.variable("i", this.padded - length);
    const at = ix.plus(ix.variable(extra), length);
    const position = indexValue(ix.plus(at, 2 * this.padded), this.builder.lanes);
    return loop(extra, this.write(at, key, position));
  }

  /**
   * Merges of bitonic sequences of 2, 4, … elements, each in halving distances, alternately ascending and descending.
   */
  stages(): Stmt[] {
    const { padded } = this;
    const stages: Stmt[] = [];
    for (let size = 2; size <= padded; size *= 2) {
      for (let distance = size / 2; distance >= 1; distance /= 2) stages.push(...this.stage(size, distance));
    }
    return stages;
  }

  private stage(size: number, distance: number): Stmt[] {
    const { builder, padded } = this;
    const e = builder.lowering.algebra;
    const last = size === padded;
    const pair = builder.variable("p", Math.max(1, padded / (2 * size)));
    const half = builder.variable("h", last ? 1 : 2);
    const block = builder.variable("b", size / (2 * distance));
    const within = builder.variable("t", distance);
    const first = ix.flatten(
      [ix.variable(pair), ix.variable(half), ix.variable(block), ix.zero, ix.variable(within)],
      [pair.extent, half.extent, block.extent, 2, distance],
    );
    const second = ix.plus(first, distance);
    const a = this.read(first);
    const b = this.read(second);
    const equal = e.op("and", e.op("eq", a.key, b.key), e.op("lt", b.position, a.position));
    const wrong = e.op("or", e.op("lt", b.key, a.key), equal);
    const descends = builder.test([{ index: ix.plus(ix.variable(half), -1), extent: 1 }]);
    const swap = last ? wrong : e.op("ne", wrong, descends);
    const choose = (x: Expr, y: Expr) => e.op("select", swap, y, x);
    return nest(
      [pair, half, block, within],
      [
        ...a.statements,
        ...b.statements,
        ...this.write(first, choose(a.key, b.key), choose(a.position, b.position)),
        ...this.write(second, choose(b.key, a.key), choose(b.position, a.position)),
      ],
    );
  }

  /** A pair in registers, and the statements that load it. */
  private read(at: ix.Index): { readonly key: Expr; readonly position: Expr; readonly statements: readonly Stmt[] } {
    const key = this.builder.toRegister(this.key(at));
    const position = this.builder.toRegister(this.position(at));
    return {
      key: key.value,
      position: position.value,
      statements: [...key.statements, ...position.statements],
    };
  }
}
