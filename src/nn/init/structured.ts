/** Initial values that are a matrix as a whole: sparse, orthogonal, and the identity of layers and of convolutions. */
import { arange, concat, eye, type Generator, type Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, range, shape as shapeKind } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { initialiserEntry } from "../entries.js";
import { generatorKind } from "../kinds.js";
import { defaultGenerator } from "../random.js";

type Shape = readonly number[];

export interface SparseOptions {
  /** Standard deviation of the values that are not 0. Default 0.01, range ≥ 0. */
  readonly std?: number;
  /** Source of the numbers. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

const positive = range(0, Number.POSITIVE_INFINITY);
const sparseOptions = { std: positive, generator: generatorKind };
const share = range(0, 1);

/**
 * Normal values of which the same number in each column is 0, at random rows.
 *
 * Formula: `⌈sparsity · out⌉` zeros in each column of `[out, in]`, else `N(0, std²)`. Its cost is quadratic in `out`.
 *
 * @param shape shape of the weight, `[out, in]`
 * @param sparsity share of zeros, 0 to 1
 * @throws ConfigError if the shape has not two axes
 * @see Martens 2010, "Deep learning via Hessian-free optimization"
 * @example
 * const weight = sparse([64, 784], 0.9);
 */
export const sparse = checked(
  "sparse",
  takes<SparseOptions>({ shape: shapeKind, sparsity: share }, sparseOptions),
  (shape: Shape, sparsity: number, options: SparseOptions = {}): Tensor => {
    checkMatrix("sparse", shape);
    const { std = 0.01, generator = defaultGenerator() } = options;
    const [rows, columns] = shape;
    const zeros = Math.ceil(sparsity * rows);
    const keys = generator.uniform(shape);
    const [own, others] = [keys.unsqueeze(0), keys.unsqueeze(1)]; // [1, rows, columns], [rows, 1, columns]
    const row = arange(rows);
    // The rank of each key in its column; of equal keys, that of the lower row comes first.
    const above = row.reshape([rows, 1, 1]).lt(row.reshape([1, rows, 1]));
    const rank = others.lt(own).logicalOr(others.eq(own).logicalAnd(above)).sum({ dim: 0 });
    return rank.lt(zeros).where(0, generator.normal([rows, columns], { std }));
  },
);

export interface OrthogonalOptions {
  /** Factor on the matrix. Default 1, range ≥ 0. */
  readonly gain?: number;
  /** Source of the numbers. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

const orthogonalOptions = { gain: positive, generator: generatorKind };

/**
 * A random matrix with orthonormal rows, or columns if there are fewer of them, uniformly distributed among these. All
 * axes behind the first count as columns.
 *
 * Formula: the first n columns of `H₁ H₂ … Hₙ D`, with Hₖ the Householder reflection of a normal vector that is 0 above
 * k, and D the signs that make the distribution uniform.
 *
 * @param shape shape of the weight, rank ≥ 2
 * @throws ConfigError if the shape has fewer than two axes
 * @see Saxe, McClelland & Ganguli 2013, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
 * networks", arXiv:1312.6120; Stewart 1980, "The Efficient Generation of Random Orthogonal Matrices"
 * @example
 * const weight = orthogonal([64, 64], { gain: Math.SQRT2 });
 */
export const orthogonal = checked(
  "orthogonal",
  takes<OrthogonalOptions>({ shape: shapeKind }, orthogonalOptions),
  (shape: Shape, { gain = 1, generator = defaultGenerator() }: OrthogonalOptions = {}): Tensor => {
    if (shape.length < 2) {
      const hint = "Initialise vectors with zeros, ones or Generator.uniform";
      throw configError("orthogonal", `a weight needs the axes [out, in, ...kernel], got ${shapeText(shape)}`, hint);
    }
    const rows = shape[0];
    const columns = shape.slice(1).reduce((product, n) => product * n, 1);
    const [m, n] = [Math.max(rows, columns), Math.min(rows, columns)];
    const q = orthonormal(generator, m, n);
    return (rows < columns ? q.transpose() : q).mul(gain).reshape(shape);
  },
);

/**
 * `[m, n]` with orthonormal columns, m ≥ n. The product of reflections `I − 2 v vᵀ` is `I − V T Vᵀ` with a triangular T
 * (Schreiber & Van Loan 1989), so a few matrix products replace n passes over the matrix.
 */
function orthonormal(generator: Generator, m: number, n: number): Tensor {
  const [row, column] = [arange(m).unsqueeze(1), arange(n).unsqueeze(0)];
  const x = row.lt(column).where(0, generator.normal([m, n])); // column k is 0 above k
  const diagonal = row.eq(column);
  const length = x.square().sum({ dim: 0, keepdim: true }).sqrt();
  const signs = x.ge(0).where(length, length.neg());
  const v = diagonal.where(x.add(signs), x);
  const unit = v.div(v.square().sum({ dim: 0, keepdim: true }).sqrt());
  const products = unit.transpose().matmul(unit); // [n, n]
  const upper = arange(n).unsqueeze(1).lt(column);
  const inverse = upper.where(products, eye(n).mul(0.5));
  const top = unit.slice(0, 0, n).transpose();
  const first = diagonal.to("f32").sub(unit.matmul(inverseOfUpper(inverse)).matmul(top));
  const flips = diagonal.where(x, 0).sum({ dim: 0, keepdim: true }).lt(0); // a reflection gives column k this sign
  return first.mul(flips.where(1, -1));
}

/** The inverse of an upper triangular `[n, n]`, from those of its two diagonal blocks: log₂ n levels of products. */
function inverseOfUpper(a: Tensor): Tensor {
  const n = a.shape[0];
  if (n === 1) return a.reciprocal();
  const half = Math.ceil(n / 2);
  const block = (i: number, j: number) => a.slice(0, i, i === 0 ? half : n).slice(1, j, j === 0 ? half : n);
  const [first, last] = [inverseOfUpper(block(0, 0)), inverseOfUpper(block(half, half))];
  const corner = first.matmul(block(0, half)).matmul(last).neg();
  const above = concat([first, corner], { dim: 1 });
  return concat([
    above,
    last.pad([
      [0, 0],
      [half, 0],
    ]),
  ]);
}

/**
 * The identity matrix, with zeros where it is not square: a linear layer that starts by copying its input.
 *
 * @param shape shape of the weight, `[out, in]`
 * @throws ConfigError if the shape has not two axes
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.eye_
 * @example
 * const weight = identity([2, 3]); // [[1, 0, 0], [0, 1, 0]]
 */
export const identity = checked("identity", takes({ shape: shapeKind }), (shape: Shape): Tensor => {
  checkMatrix("identity", shape);
  return arange(shape[0]).unsqueeze(1).eq(arange(shape[1]).unsqueeze(0)).to("f32");
});

export interface DiracOptions {
  /** Groups of the convolution, each of which copies its input. Default 1, a divisor of `out`. */
  readonly groups?: number;
}

const diracOptions = { groups: count() };

/**
 * The identity of convolutions: as many channels as possible are copied, by a 1 in the middle of the kernel.
 *
 * @param shape shape of the weight, `[out, in, ...kernel]`, rank 3 to 5
 * @throws ConfigError if the shape has another rank, or `out` is no multiple of the groups
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.dirac_
 * @example
 * const weight = dirac([16, 16, 3, 3]);
 */
export const dirac = checked(
  "dirac",
  takes<DiracOptions>({ shape: shapeKind }, diracOptions),
  (shape: Shape, { groups = 1 }: DiracOptions = {}): Tensor => {
    if (shape.length < 3 || shape.length > 5) {
      const problem = `a kernel has the axes [out, in, ...kernel], three to five of them, got ${shapeText(shape)}`;
      throw configError("dirac", problem, "Initialise the weight of a linear layer with identity");
    }
    const [out, inputs, ...kernel] = shape;
    if (out % groups !== 0) {
      throw configError("dirac", `${out} outputs cannot be divided into ${groups} groups`, "Choose a divisor");
    }
    const column = (values: Tensor, axis: number) => values.reshape(shape.map((_, i) => (i === axis ? -1 : 1)));
    const copied = column(arange(out).mod(out / groups), 0).eq(column(arange(inputs), 1));
    const middle = kernel.map((size, i) => column(arange(size).eq(Math.floor(size / 2)), i + 2));
    return middle.reduce((all, one) => all.logicalAnd(one), copied).to("f32");
  },
);

function checkMatrix(op: string, shape: Shape): void {
  if (shape.length === 2) return;
  throw configError(op, `a weight needs the axes [out, in], got ${shapeText(shape)}`, "Reshape the result");
}

/** The registry row of {@link sparse}. */
export const sparseEntry = initialiserEntry({
  name: "sparse",
  schema: { sparsity: share, ...sparseOptions },
  make: ({ sparsity, ...options }: { readonly sparsity: number } & SparseOptions) => {
    return (shape: Shape) => sparse(shape, sparsity, options);
  },
});

/** The registry row of {@link orthogonal}. */
export const orthogonalEntry = initialiserEntry({
  name: "orthogonal",
  schema: orthogonalOptions,
  make: (options: OrthogonalOptions) => (shape: Shape) => orthogonal(shape, options),
});

/** The registry row of {@link identity}. */
export const identityEntry = initialiserEntry({ name: "identity", schema: {}, make: () => identity });

/** The registry row of {@link dirac}. */
export const diracEntry = initialiserEntry({
  name: "dirac",
  schema: diracOptions,
  make: (options: DiracOptions) => (shape: Shape) => dirac(shape, options),
});
