/**
 * Random tensors from a counter: the same seed and stream give the same numbers on every device, with any number of
 * threads. A Generator is a key and a counter cell; every call takes the next counter.
 */
import { type Shape, sizeOfShape } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";
import { checkedConstructor, checkMethods, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { count, finite, number, shape, text, whole } from "../util/kinds.js";
import { hashStream } from "../util/philox.js";
import { checkShape } from "./check.js";
import { tensor } from "./create.js";
import { Tensor } from "./tensor.js";
import { Variable } from "./variable.js";

/** Name of a random stream. */
export interface GeneratorOptions {
  /** Keeps streams with one seed apart; default "default". */
  readonly stream?: string;
}
/** Interval of uniform values. */
export interface UniformOptions {
  /** Least value; default 0. */
  readonly low?: number;
  /** The value that all are below; default 1. */
  readonly high?: number;
}
/** Mean and spread of normal values. */
export interface NormalOptions {
  /** Default 0. */
  readonly mean?: number;
  /** Standard deviation; default 1. */
  readonly std?: number;
}

const checkGenerator = checkedConstructor("Generator", takes<GeneratorOptions>({ seed: whole }, { stream: text }));

/**
 * A named random stream (Philox 2×32-10, Salmon et al. 2011).
 *
 * @param seed - any whole number
 * @param options - `stream`, a name that keeps streams with one seed apart
 * @example
 * const generator = new Generator(0, { stream: "noise" });
 * const x = generator.normal([2, 3]);
 */
export class Generator {
  private readonly key: number;
  /** What keeps streams with one seed apart. */
  readonly stream: string;
  /** How many tensors this stream has made: its whole state. */
  readonly counter: Variable;

  constructor(
    readonly seed: number,
    options: GeneratorOptions = {},
  ) {
    checkGenerator([seed, options]);
    const { stream = "default" } = options;
    this.stream = stream;
    this.key = hashStream(seed, stream) | 0;
    this.counter = new Variable(tensor([0], { shape: [], dtype: "i32" }), { name: `${stream}.counter` });
  }

  /** Two words of random bits per element: i32, all values equally likely. */
  private bits(shape: Shape): { first: () => Tensor; second: () => Tensor } {
    checkShape("random", shape);
    const count = sizeOfShape(shape);
    const low = graph.make("iota", [], { axis: 0 }, { shape: [count] });
    const high = helpers.broadcast(graph, this.counter.node, [count]);
    this.counter.assign(this.counter.add(1));
    const key = graph.constant(this.key, low);
    const word = (name: "philox0" | "philox1") => () =>
      new Tensor(helpers.reshape(graph, graph.op(name, low, high, key), shape));
    return { first: word("philox0"), second: word("philox1") };
  }

  /** i32 bits to f32 in [0, 1): the upper 24 bits, so that every value is exact. */
  private static unit(bits: Tensor): Tensor {
    const shift = graph.constant(8, bits.node);
    return new Tensor(graph.op("shiftRight", bits.node, shift)).to("f32").mul(2 ** -24);
  }

  /** Uniform values in [low, high). */
  uniform(shape: Shape, { low = 0, high = 1 }: UniformOptions = {}): Tensor {
    return Generator.unit(this.bits(shape).first())
      .mul(high - low)
      .add(low);
  }

  /** Normal values (Box and Muller 1958): √(−2 ln u) cos 2πv with u in (0, 1]. */
  normal(shape: Shape, { mean = 0, std = 1 }: NormalOptions = {}): Tensor {
    const { first, second } = this.bits(shape);
    const u = Generator.unit(first()).neg().add(1);
    const angle = Generator.unit(second()).mul(2 * Math.PI);
    return u.log().mul(-2).sqrt().mul(angle.cos()).mul(std).add(mean);
  }

  /** true with probability p, as bool. */
  bernoulli(shape: Shape, p: number): Tensor {
    if (!(p >= 0 && p <= 1)) throw new ConfigError(`[bernoulli] p must be between 0 and 1, got ${p}`);
    return this.uniform(shape).lt(p);
  }

  /** The whole numbers below n in random order, as i32: each entry is the rank of a random key. */
  permutation(n: number): Tensor {
    const keys = this.bits([n]).first();
    const row = keys.unsqueeze(1);
    const column = keys.unsqueeze(0);
    const rows = new Tensor(graph.make("iota", [], { axis: 0 }, { shape: [n, n] }));
    const columns = new Tensor(graph.make("iota", [], { axis: 1 }, { shape: [n, n] }));
    const before = column.lt(row).logicalOr(column.eq(row).logicalAnd(columns.lt(rows)));
    return before.sum({ dim: 1 });
  }
}

checkMethods(Generator, {
  uniform: takes<UniformOptions>({ shape }, { low: finite, high: finite }),
  normal: takes<NormalOptions>({ shape }, { mean: finite, std: finite }),
  bernoulli: takes({ shape, p: number }),
  permutation: takes({ n: count(0) }),
});
