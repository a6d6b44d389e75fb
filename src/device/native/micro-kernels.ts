/**
 * Small kernels that together cover the constructs of large ones: loops with several accumulators, folds, register
 * tiles, guards, casts, shuffles, gathers, elementary functions. They are written in the loop language, so that they
 * are printed and compiled like all kernels. Their numbers are small powers of two, so that sums are exact in every
 * order.
 */
import type { Algebra } from "../../ir/algebra.js";
import type { DType } from "../../ir/dtype.js";
import type { ReduceKind } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import {
  type BufferSpec,
  castTo,
  constantOf,
  declare,
  declareWithBarrier,
  type Expr,
  foldLanes,
  indexValue,
  type Kernel,
  LANE,
  load,
  loop,
  nameOf,
  operation,
  register,
  registerOf,
  type Stmt,
  set,
  shuffle,
  splat,
  store,
  unlikely,
} from "../../ir/loops.js";
import { type ScalarName, scalarOps } from "../../ir/scalar/index.js";

export interface MicroKernel {
  readonly kernel: Kernel;
  /** The kernel that gives the expected results: elementary functions not decomposed; else the same as `kernel`. */
  readonly meaning: Kernel;
  /** Tolerated error, relative for values above 1; 0 if results must be exact. */
  readonly tolerance: number;
}

const COMBINE: Readonly<Record<ReduceKind, ScalarName>> = { sum: "add", prod: "mul", max: "max", min: "min" };
const KINDS: readonly ReduceKind[] = ["sum", "prod", "max", "min"];
const IDENTITY: Readonly<Record<ReduceKind, number>> = { sum: 0, prod: 1, max: -1000, min: 1000 };

const reads = (name: string, dtype: DType, elements: number): BufferSpec => ({
  name,
  dtype,
  elements,
  access: "read",
});
const writes = (name: string, dtype: DType, elements: number): BufferSpec => ({
  name,
  dtype,
  elements,
  access: "write",
});

function kernelOf(label: string, buffers: readonly BufferSpec[], body: readonly Stmt[]): Kernel {
  return { label, buffers, scratch: [], parts: [{ tasks: 1, body }], flops: 0 };
}

const exact = (kernel: Kernel): MicroKernel => ({ kernel, meaning: kernel, tolerance: 0 });

/** The index `start` + lane. */
const vector = (start: ix.Index, lanes: number): ix.Index => ix.add(start, ix.variable({ name: LANE, extent: lanes }));

interface ScalarLoop {
  readonly kind: ReduceKind;
  readonly steps: number;
  /** Number of accumulators, used in rotation. */
  readonly width: number;
}

/** Scalar loops with several accumulators, as in short reductions. */
function scalarReductions(memory: DType, loops: readonly ScalarLoop[]): MicroKernel {
  const type = registerOf(memory === "bool" ? "i32" : memory);
  const longest = Math.max(...loops.map(({ steps, width }) => steps * width));
  const body = loops.flatMap(({ kind, steps, width }, k) => {
    const accumulators = Array.from({ length: width }, (_, i) => register(`a${k}_${i}`, type, 1));
    const step = ix.variable({ name: `i${k}`, extent: steps });
    const combine = (a: Expr, b: Expr) => operation(COMBINE[kind], [a, b]);
    return [
      ...accumulators.map((a) => declare(nameOf(a), constantOf(IDENTITY[kind], type))),
      loop(
        { name: `i${k}`, extent: steps },
        accumulators.map((a, i) => {
          const element = load("X", memory, ix.plus(ix.scale(step, width), i), [], 1);
          return set(nameOf(a), combine(a, castTo(element, type)));
        }),
      ),
      store("Y", type === "f32" ? "f32" : "i32", ix.constant(k), accumulators.reduce(combine), 1),
    ];
  });
  const result = writes("Y", type === "f32" ? "f32" : "i32", loops.length);
  return exact(kernelOf(`sums of ${memory}`, [reads("X", memory, longest), result], body));
}

/** Vector accumulators whose lanes are folded. */
function foldedReductions(memory: "f32" | "f64" | "i32", lanes: number): MicroKernel {
  const body = KINDS.flatMap((kind) => {
    const sum = register(`a_${kind}`, memory, lanes);
    const step = ix.variable({ name: `i_${kind}`, extent: 2 });
    const element = load("X", memory, vector(ix.scale(step, lanes), lanes), [], lanes);
    return [
      declare(nameOf(sum), splat(constantOf(IDENTITY[kind], memory), lanes)),
      loop({ name: `i_${kind}`, extent: 2 }, [set(nameOf(sum), operation(COMBINE[kind], [sum, element]))]),
      store("Y", memory, ix.constant(KINDS.indexOf(kind)), foldLanes(kind, sum), 1),
    ];
  });
  return exact(
    kernelOf(`folds of ${memory}`, [reads("X", memory, 2 * lanes), writes("Y", memory, KINDS.length)], body),
  );
}

/** A register tile of a matrix product: rows × two vectors of columns. */
function tile(lanes: number): MicroKernel {
  const [rows, vectors, depth] = [4, 2, 8];
  const k = ix.variable({ name: "k", extent: depth });
  const sums = Array.from({ length: rows * vectors }, (_, i) => register(`c${i}`, "f32", lanes));
  const products = sums.map((sum, i) => {
    const a = load("A", "f32", ix.plus(ix.scale(k, rows), Math.floor(i / vectors)), [], 1);
    const start = ix.plus(ix.scale(k, vectors * lanes), (i % vectors) * lanes);
    const product = operation("mul", [splat(a, lanes), load("B", "f32", vector(start, lanes), [], lanes)]);
    return set(nameOf(sum), operation("add", [sum, product]));
  });
  const results = sums.flatMap((sum, i) => [
    declareWithBarrier(`s${i}`, sum),
    store("Y", "f32", vector(ix.constant(i * lanes), lanes), register(`s${i}`, "f32", lanes), lanes),
  ]);
  const zero = splat(constantOf(0, "f32"), lanes);
  const body = [
    ...sums.map((sum) => declare(nameOf(sum), zero)),
    loop({ name: "k", extent: depth }, products),
    ...results,
  ];
  const operands = [reads("A", "f32", rows * depth), reads("B", "f32", vectors * lanes * depth)];
  return exact(kernelOf("a tile of a matrix product", [...operands, writes("Y", "f32", sums.length * lanes)], body));
}

/** A guarded sum over neighbours, some outside the buffer, with partially stored vectors. */
function window(lanes: number): MicroKernel {
  const elements = 3 * lanes - 1;
  const start = ix.scale(ix.variable({ name: "p", extent: 3 }), lanes);
  const at = (offset: number) => ix.plus(vector(start, lanes), offset);
  const taps = [-1, 0, 1].map((offset) => {
    const guard = [{ index: at(offset), extent: elements }];
    return load("X", "f32", at(offset), guard, lanes);
  });
  const sum = taps.reduce((a, b) => operation("add", [a, b]));
  const body = [
    loop({ name: "p", extent: 3 }, [store("Y", "f32", at(0), sum, lanes, [{ index: at(0), extent: elements }])]),
  ];
  return exact(kernelOf("a guarded window", [reads("X", "f32", elements), writes("Y", "f32", elements)], body));
}

/** Comparisons, selects and conversions between all types, for scalars or vectors. */
function conversions(lanes: number): MicroKernel {
  const elements = 4 * Math.max(lanes, 4);
  const count = elements / lanes;
  const at = vector(ix.scale(ix.variable({ name: "i", extent: count }), lanes), lanes);
  const [x, n, u, b] = (["f32", "i32", "u8", "bool"] as const).map((dtype) => load(dtype, dtype, at, [], lanes));
  const scalar = (value: number, type: "f32" | "i32") => splat(constantOf(value, type), lanes);
  const below = operation("lt", [x, scalar(0.75, "f32")]);
  const chosen = operation("select", [below, operation("add", [x, castTo(n, "f32")]), operation("abs", [x])]);
  const whole = operation("add", [castTo(x, "i32"), operation("shiftLeft", [n, scalar(3, "i32")])]);
  const position = castTo(indexValue(at, lanes), "f32");
  const turned = shuffle(
    operation("floor", [x]),
    operation("mul", [position, x]),
    Array.from({ length: lanes }, (_, i) => (i % 2) * lanes + (lanes - 1 - i)),
  );
  const body = [
    loop({ name: "i", extent: count }, [
      store("Y0", "f32", at, chosen, lanes),
      store("Y1", "i32", at, operation("select", [b, whole, u]), lanes),
      store("Y2", "u8", at, operation("add", [u, n]), lanes),
      store("Y3", "bool", at, operation("and", [operation("ne", [n, scalar(1, "i32")]), b]), lanes),
      store("Y4", "f32", at, lanes === 1 ? castTo(b, "f32") : turned, lanes),
    ]),
  ];
  const inputs = (["f32", "i32", "u8", "bool"] as const).map((dtype) => reads(dtype, dtype, elements));
  const outputs = (["f32", "i32", "u8", "bool", "f32"] as const).map((type, i) => writes(`Y${i}`, type, elements));
  const label = `conversions of ${lanes === 1 ? "scalars" : "vectors"}`;
  return exact(kernelOf(label, [...inputs, ...outputs], body));
}

/** Comparison, select and conversions of doubles, whose vectors take two registers. */
function doubles(lanes: number): MicroKernel {
  const at = vector(ix.scale(ix.variable({ name: "i", extent: 2 }), lanes), lanes);
  const [x, n] = (["f64", "i32"] as const).map((dtype) => load(dtype, dtype, at, [], lanes));
  const below = operation("lt", [x, splat(constantOf(0.75, "f64"), lanes)]);
  const chosen = operation("select", [below, operation("add", [x, castTo(n, "f64")]), operation("abs", [x])]);
  const results = [chosen, castTo(x, "i32"), castTo(operation("floor", [x]), "f32"), below];
  const types = ["f64", "i32", "f32", "bool"] as const;
  const stores = results.map((value, k) => store(`Y${k}`, types[k], at, value, lanes));
  const inputs = (["f64", "i32"] as const).map((dtype) => reads(dtype, dtype, 2 * lanes));
  const outputs = types.map((type, k) => writes(`Y${k}`, type, 2 * lanes));
  return exact(kernelOf("vectors of f64", [...inputs, ...outputs], [loop({ name: "i", extent: 2 }, stores)]));
}

/** Gathers at computed positions, some of them out of range, and at stride 2. */
function gather(lanes: number): MicroKernel {
  const at = vector(ix.zero, lanes);
  const gathered = load("X", "f32", at, [], lanes, { value: load("N", "i32", at, [], lanes), step: lanes, extent: 3 });
  const strided = load("X", "f32", ix.scale(at, 2), [], lanes);
  const body = [
    store("Y", "f32", at, gathered, lanes),
    store("Y", "f32", ix.plus(ix.scale(at, 2), lanes), strided, lanes),
  ];
  const buffers = [reads("X", "f32", 3 * lanes), reads("N", "i32", lanes), writes("Y", "f32", 3 * lanes)];
  return exact(kernelOf("a gather", buffers, body));
}

/** The position of the first maximum (argmax). */
function argmax(memory: "f32" | "i32"): MicroKernel {
  const [best, place] = [register("best", memory, 1), register("place", "i32", 1)];
  const i = ix.variable({ name: "i", extent: 24 });
  const element = load("X", memory, i, [], 1);
  const better = operation("lt", [best, element]);
  const body = [
    declare("best", constantOf(IDENTITY.max, memory)),
    declare("place", constantOf(0, "i32")),
    loop({ name: "i", extent: 24 }, [
      set("place", operation("select", [better, indexValue(i, 1), place])),
      set("best", operation("max", [best, element])),
    ]),
    store("Y", "i32", ix.zero, place, 1),
  ];
  return exact(kernelOf(`a position in ${memory}`, [reads("X", memory, 24), writes("Y", "i32", 1)], body));
}

/** Expressions with elementary functions, decomposed as in all kernels, or left as ops for the interpreter. */
function expressions(decomposed: boolean): Algebra<Expr> {
  const algebra: Algebra<Expr> = {
    constant: (value, like) => constantOf(like.type === "f32" ? Math.fround(value) : value | 0, like.type),
    typed: (value, dtype) => constantOf(value, registerOf(dtype)),
    cast: (value, dtype) => castTo(value, registerOf(dtype)),
    op: (name, ...args) => {
      const { decompose } = scalarOps[name];
      return decompose && decomposed ? decompose(algebra, ...args) : operation(name, args);
    },
    unlikely,
  };
  return algebra;
}

const ELEMENTARY: readonly ScalarName[] = ["exp", "tanh", "sqrt"];

function elementary(lanes: number): MicroKernel {
  const kernel = (decomposed: boolean): Kernel => {
    const e = expressions(decomposed);
    const x = load("X", "f32", vector(ix.zero, lanes), [], lanes);
    const body = ELEMENTARY.map((name, k) => {
      const argument = name === "sqrt" ? e.op("abs", x) : x;
      return store("Y", "f32", vector(ix.constant(k * lanes), lanes), e.op(name, argument), lanes);
    });
    const buffers = [reads("X", "f32", lanes), writes("Y", "f32", ELEMENTARY.length * lanes)];
    return kernelOf("elementary functions", buffers, body);
  };
  return { kernel: kernel(true), meaning: kernel(false), tolerance: 1e-6 };
}

/** All micro-kernels for vectors of `lanes` lanes. */
export function microKernels(lanes: number): readonly MicroKernel[] {
  const each = (steps: number, width: number) => KINDS.map((kind): ScalarLoop => ({ kind, steps, width }));
  const sum = (steps: number, width: number): ScalarLoop => ({ kind: "sum", steps, width });
  return [
    scalarReductions("i32", [...each(4, 4), sum(6, 4), sum(15, 4), sum(8, 2)]),
    scalarReductions("f32", each(4, 4)),
    scalarReductions("u8", [sum(4, 4), sum(6, 4), sum(15, 4)]),
    scalarReductions("bool", [sum(4, 4), sum(6, 4)]),
    foldedReductions("f32", lanes),
    foldedReductions("i32", lanes),
    foldedReductions("f64", lanes),
    doubles(lanes),
    tile(lanes),
    window(lanes),
    conversions(lanes),
    conversions(1),
    gather(lanes),
    argmax("f32"),
    argmax("i32"),
    elementary(lanes),
  ];
}
