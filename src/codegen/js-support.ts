/**
 * The functions that kernels printed as JavaScript call: checked memory accesses, vector helpers, and the meaning of
 * every scalar op.
 */
import { convert } from "../ir/dtype.js";
import type { ReduceKind } from "../ir/graph.js";
import { type ScalarName, scalarNames, scalarOps } from "../ir/scalar/index.js";
import { DeviceError } from "../util/errors.js";

type Meanings = Partial<Record<ScalarName, (...x: number[]) => number>>;
/** A lane function: computes all lanes of its first argument from the others. */
type OnLanes = (...operands: (Float64Array | number)[]) => void;

const meaning: Meanings = {};
const integer: Meanings = {};
for (const name of scalarNames) {
  meaning[name] = scalarOps[name].meaning;
  const wrapping = scalarOps[name].integerMeaning;
  if (wrapping) integer[name] = wrapping;
}

/** Throws for an access outside a buffer. */
function fault(buffer: string): never {
  throw new DeviceError(`[interp] an access outside ${buffer}`);
}

function inside(buffer: Float64Array, position: number, count: number): void {
  if (!(position >= 0 && position + count <= buffer.length)) fault("a buffer");
}

/** Stores a scalar. */
function write(buffer: Float64Array, position: number, value: number): void {
  inside(buffer, position, 1);
  buffer[position] = value;
}

/** Stores a vector into contiguous elements. */
function writeAll(buffer: Float64Array, position: number, values: Float64Array): void {
  inside(buffer, position, values.length);
  for (let i = 0; i < values.length; i++) buffer[position + i] = values[i];
}

function shuffle(to: Float64Array, a: Float64Array, b: Float64Array, mask: readonly number[]): void {
  for (let i = 0; i < to.length; i++) to[i] = mask[i] < to.length ? a[mask[i]] : b[mask[i] - to.length];
}

function folded(combine: (a: number, b: number) => number): (lanes: Float64Array) => number {
  return (lanes) => {
    let [result] = lanes;
    for (let i = 1; i < lanes.length; i++) result = combine(result, lanes[i]);
    return result;
  };
}
const fold: Readonly<Record<ReduceKind, (lanes: Float64Array) => number>> = {
  sum: folded((a, b) => a + b),
  prod: folded((a, b) => a * b),
  max: folded(scalarOps.max.meaning),
  min: folded(scalarOps.min.meaning),
};

/** Casts a float to i32. */
const truncate = (value: number): number => convert(value, "i32");

const known = new Map<string, OnLanes>();

/** The lane function with the given text. All kernels share it, so that V8 soon optimizes it. */
function onLanes(text: string): OnLanes {
  const names = ["inside", "meaning", "integer", "truncate"];
  const made = known.get(text) ?? new Function(...names, `return ${text}`)(inside, meaning, integer, truncate);
  known.set(text, made);
  return made;
}

export const support = { fault, write, writeAll, shuffle, fold, meaning, integer, truncate, onLanes };
