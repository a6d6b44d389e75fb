/**
 * Every reduction over every dtype, many lengths and each kind of axis, against plain loops. The values are chosen so
 * that every order of a sum or product gives the same number in single precision: results must be equal, not close.
 */
import { compile, type DType, type Tensor, tensor } from "../../src/index.js";

type Kind = "sum" | "prod" | "max" | "min" | "mean" | "argmax" | "argmin" | "variance";
type Source = "f32" | "f64" | "i32" | "u8" | "bool";

const KINDS: readonly Kind[] = ["sum", "prod", "max", "min", "mean", "argmax", "argmin", "variance"];
const SOURCES: readonly Source[] = ["f32", "i32", "u8", "bool", "f64"];
/** Every remainder of every vector width and of the four accumulators, then lengths that are cut into blocks or parts. */
const LENGTHS = [...Array.from({ length: 81 }, (_, n) => n), 257, 512, 1000, 4096, 60000];
/** Reductions of one program: a C compiler takes much longer for kernels of many buffers, and fewer start more compilers. */
const PER_PROGRAM = 32;

interface Case {
  readonly kind: Kind;
  readonly source: Source;
  readonly shape: readonly number[];
  readonly dim: number | undefined;
}

/**
 * Shapes whose reduced axis is the whole tensor, the last (lanes over elements), the first (lanes over results) or
 * between. Long ones are whole.
 */
const PLACES: readonly ((length: number) => Pick<Case, "shape" | "dim">)[] = [
  (length) => ({ shape: [length], dim: undefined }),
  (length) => ({ shape: [3, length], dim: 1 }),
  (length) => ({ shape: [length, 17], dim: 0 }),
  (length) => ({ shape: [2, length, 3], dim: 1 }),
];

/** Maximum and minimum have the same loops, as have the positions of both: each takes half of the lengths. */
const ALTERNATE: Partial<Record<Kind, number>> = { max: 0, min: 1, argmax: 2, argmin: 3 };

function takes(kind: Kind, source: Source, length: number): boolean {
  if (source === "f64") return length % 9 === 0 && (length > 0 || kind === "sum" || kind === "prod");
  if (length === 0) return kind === "sum" || kind === "prod";
  // Loops of other lengths have one accumulator: the kinds share them out.
  if (length % 4 !== 0 && (length + KINDS.indexOf(kind) + SOURCES.indexOf(source)) % 3 !== 0) return false;
  if (kind === "mean" || kind === "variance") return source === "f32" && length % 4 === 0;
  if (source === "bool" && kind !== "sum") return length % 16 === 0;
  return ALTERNATE[kind] === undefined || ALTERNATE[kind] === (length >> 2) % 4;
}

/** The place changes from one kind, dtype and length to the next. */
function cases(sources: readonly DType[]): Case[] {
  return SOURCES.filter((source) => sources.includes(source)).flatMap((source, s) =>
    KINDS.flatMap((kind, k) =>
      LENGTHS.filter((length) => takes(kind, source, length)).map((length) => {
        const place = length > 1000 ? 0 : (length + (length >> 2) + s + k) % PLACES.length;
        return { kind, source, ...PLACES[place](length) };
      }),
    ),
  );
}

/** A sequence that looks random and is the same everywhere. */
function* sequence(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    yield state >>> 8;
  }
}

/** Multiples of a quarter below 8 in size; factors are powers of two whose running product stays far from overflow. */
function valuesOf({ kind, source, shape }: Case): number[] {
  const count = shape.reduce((a, b) => a * b, 1);
  const numbers = sequence(count + 31 * KINDS.indexOf(kind) + 7 * SOURCES.indexOf(source));
  return Array.from({ length: count }, (_, i) => {
    const random = numbers.next().value;
    if (source === "bool") return random & 1;
    if (source === "u8") return random & 255;
    if (source === "i32") return kind === "prod" ? (random & 0xffff) | 1 : (random << 8) ^ (random >>> 3);
    if (kind === "prod") return (random & 1 ? -1 : 1) * (i % 7 === 3 ? 2 : i % 7 === 5 ? 0.5 : 1);
    return ((random & 63) - 32) / 4;
  });
}

function inputOf(one: Case): Tensor {
  const values = valuesOf(one);
  const options = { shape: [...one.shape] };
  if (one.source === "f32") return tensor(Float32Array.from(values), options);
  if (one.source === "f64") return tensor(Float64Array.from(values), options);
  if (one.source === "u8") return tensor(Uint8Array.from(values), options);
  const whole = tensor(Int32Array.from(values), options);
  return one.source === "bool" ? whole.ne(0) : whole;
}

const reduced = (x: Tensor, { kind, dim }: Case): Tensor =>
  kind === "variance" ? x.variance({ dim, correction: 0 }) : x[kind]({ dim });

/** The elements that belong to one result. */
function groupsOf({ shape, dim }: Case, values: readonly number[]): number[][] {
  if (dim === undefined) return [[...values]];
  const inner = shape.slice(dim + 1).reduce((a, b) => a * b, 1);
  const outer = shape.slice(0, dim).reduce((a, b) => a * b, 1);
  return Array.from({ length: outer * inner }, (_, item) => {
    const start = Math.floor(item / inner) * shape[dim] * inner + (item % inner);
    return Array.from({ length: shape[dim] }, (_, i) => values[start + i * inner]);
  });
}

/** Whole numbers wrap as 32 bits; sums and products of narrower types are of that type. */
function meaning({ kind, source }: Case, x: readonly number[]): number {
  const float = source === "f32" || source === "f64";
  const extreme = (sign: number) => x.reduce((best, value) => (sign * value > sign * best ? value : best), x[0]);
  switch (kind) {
    case "sum":
      return float ? x.reduce((a, b) => a + b, 0) : x.reduce((a, b) => (a + b) | 0, 0);
    case "prod":
      return float ? x.reduce((a, b) => a * b, 1) : x.reduce((a, b) => Math.imul(a, b), 1);
    case "max":
      return extreme(1);
    case "min":
      return extreme(-1);
    case "argmax":
      return x.indexOf(extreme(1));
    case "argmin":
      return x.indexOf(extreme(-1));
    case "mean":
      return x.reduce((a, b) => a + b, 0) / x.length;
    case "variance": {
      const mean = x.reduce((a, b) => a + b, 0) / x.length;
      return x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length;
    }
  }
}

const isClose = (a: number, b: number) => Math.abs(a - b) <= 4e-6 * Math.max(1, Math.abs(b));

function check(one: Case, found: ArrayLike<number>): string[] {
  const wanted = groupsOf(one, valuesOf(one)).map((x) => meaning(one, x));
  const equal = one.kind === "mean" || one.kind === "variance" ? isClose : Object.is;
  const name = `${one.kind} of ${one.source}[${one.shape}] over ${one.dim ?? "all"}`;
  if (found.length !== wanted.length) return [`${name} has ${found.length} results for ${wanted.length}`];
  const at = wanted.findIndex((value, i) => !equal(found[i] + 0, value + 0));
  return at < 0 ? [] : [`${name} is ${found[at]} for ${wanted[at]} at ${at}`];
}

/** How many reductions of the dtypes were computed on the device in use, and those that are wrong. */
export async function sweepReductions(dtypes: readonly DType[]): Promise<{ computed: number; wrong: string[] }> {
  const all = cases(dtypes);
  const wrong: string[] = [];
  for (let first = 0; first < all.length; first += PER_PROGRAM) {
    const some = all.slice(first, first + PER_PROGRAM);
    const program = compile((inputs: Tensor[]) => inputs.map((x, i) => reduced(x, some[i])));
    const results = await program(some.map(inputOf));
    for (const [i, result] of results.entries()) wrong.push(...check(some[i], await result.data()));
  }
  return { computed: all.length, wrong };
}
