/**
 * Records of the fast convolutions F(4×4, 3×3) and F(2×2, 3×3) of Winograd, as Lavin and Gray (2015) use them: tiles of
 * 6 × 6 (4 × 4) pixels and filters of 3 × 3 taps are transformed, multiplied element by element and summed over
 * channels, and transformed back into 4 × 4 (2 × 2) results: 36 products where the direct sum needs 144 (16 where it
 * needs 36). The compiler replaces convolutions by them.
 */
import type { ConvAttrs, Node, StructuralName, WinogradTile } from "../ir/graph.js";
import { convProducts } from "./contraction.js";
import { permute, reduceSum, reshape } from "./helpers.js";
import type { Builder, StructuralRecord } from "./record.js";

type Matrix = readonly (readonly number[])[];

/**
 * The algorithm for one tile size: results and pixels along a side, and the number of points of the transformed tile.
 */
export interface Winograd {
  readonly results: number;
  readonly pixels: number;
  readonly points: number;
  /** The matrices that transform 3 taps, pixels, and results. */
  readonly filter: Matrix;
  readonly input: Matrix;
  readonly output: Matrix;
}

/** Interpolation at 0, ±1 and infinity. */
const small: Winograd = {
  results: 2,
  pixels: 4,
  points: 16,
  filter: [
    [1, 0, 0],
    [1 / 2, 1 / 2, 1 / 2],
    [1 / 2, -1 / 2, 1 / 2],
    [0, 0, 1],
  ],
  input: [
    [1, 0, -1, 0],
    [0, 1, 1, 0],
    [0, -1, 1, 0],
    [0, -1, 0, 1],
  ],
  output: [
    [1, 1, 1, 0],
    [0, 1, -1, 1],
  ],
};

/** Interpolation at 0, ±1, ±2 and infinity. */
const large: Winograd = {
  results: 4,
  pixels: 6,
  points: 36,
  filter: [
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
  ],
  input: [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
  ],
  output: [
    [1, 1, 1, 1, 1, 0],
    [0, 1, -1, 2, -2, 0],
    [0, 1, 1, 4, 4, 0],
    [0, 1, -1, 8, -8, 1],
  ],
};

export const winograd = (tile: WinogradTile): Winograd => (tile === 2 ? small : large);

/** Rows and columns swapped. */
export const transpose = (matrix: Matrix): number[][] => matrix[0].map((_, j) => matrix.map((row) => row[j]));

/** Multiplies along an axis by a matrix. */
function mix(e: Builder, x: Node, axis: number, matrix: Matrix): Node {
  const shape = x.shape.map((n, i) => (i === axis ? 1 : n));
  const step = x.shape.map(() => 1);
  const parts = x.shape.map(() => 0);
  const element = (j: number) =>
    e.make("slice", [x], { start: parts.map((_, i) => (i === axis ? j : 0)), step }, { shape });
  const rows = matrix.map((row) => {
    const terms = row.flatMap((factor, j) => {
      const part = element(j);
      return factor === 0 ? [] : [e.op("mul", part, e.constant(factor, part))];
    });
    return terms.reduce((sum, term) => e.op("add", sum, term));
  });
  return e.make("concat", rows, { axis });
}

const filterRecord: StructuralRecord<"winogradFilter"> = {
  kind: "template",
  type: ([w], { tile }) => {
    const { pixels } = winograd(tile);
    return { shape: [w.shape[0], w.shape[1], pixels, pixels], dtype: w.dtype };
  },
  gradient: null,
  decompose: (e, { inputs: [w], attrs }) => {
    const { filter } = winograd(attrs.tile);
    return mix(e, mix(e, w, 2, filter), 3, filter);
  },
};

/** Rows (or columns) of results of a 3 × 3 convolution with stride 1. */
const outputSize = (length: number, axis: 0 | 1, { before, after }: ConvAttrs): number =>
  length + before[axis] + after[axis] - 2;

/** Tiles of the padded image, transformed: [N, C, rows, columns, T + 2, T + 2]. */
function transformedPixels(
  e: Builder,
  x: Node,
  tiles: readonly number[],
  { before }: ConvAttrs,
  { results, pixels, input }: Winograd,
): Node {
  const sides = tiles.map((count) => results * count + 2);
  const shape = [...x.shape.slice(0, 2), ...sides];
  const padded = e.make("pad", [x], { before: [0, 0, ...before], value: 0 }, { shape });
  const axes = [2, 3].map((axis) => ({ axis, size: pixels, stride: results, dilation: 1 }));
  const windows = e.make("window", [padded], { axes });
  return mix(e, mix(e, windows, 4, input), 5, input);
}

const convRecord: StructuralRecord<"winogradConv2d"> = {
  kind: "template",
  type: ([x, u], attrs) => ({
    shape: [x.shape[0], u.shape[0], outputSize(x.shape[2], 0, attrs), outputSize(x.shape[3], 1, attrs)],
    dtype: x.dtype,
  }),
  gradient: null,
  // Counted for the convolution that it replaces, so that throughputs are comparable.
  multiplyAdds: ({ inputs: [x], attrs, shape }) => convProducts(x, shape, 9, attrs),
  decompose: (e, node) => {
    const [x, u] = node.inputs;
    const scheme = winograd(node.attrs.tile);
    const { results: size, pixels: side, output } = scheme;
    const [n, o, ho, wo] = node.shape;
    const c = x.shape[1];
    const tiles = [Math.ceil(ho / size), Math.ceil(wo / size)];
    const pixels = transformedPixels(e, x, tiles, node.attrs, scheme);
    const shape = [n, o, c, ...tiles, side, side];
    const left = reshape(e, pixels, [n, 1, c, ...tiles, side, side]);
    const right = reshape(e, u, [1, o, c, 1, 1, side, side]);
    const products = e.op("mul", e.make("expand", [left], {}, { shape }), e.make("expand", [right], {}, { shape }));
    const sums = reduceSum(e, products, [2]);
    const results = mix(e, mix(e, sums, 4, output), 5, output);
    const whole = tiles.map((count) => count * size);
    const rows = reshape(e, permute(e, results, [0, 1, 2, 4, 3, 5]), [n, o, ...whole]);
    return e.make("slice", [rows], { start: [0, 0, 0, 0], step: [1, 1, 1, 1] }, { shape: node.shape });
  },
};

/**
 * The gradient of filters: transformed pixels times transformed gradients, summed over tiles, transformed into taps.
 */
const weightRecord: StructuralRecord<"winogradWeightGrad"> = {
  kind: "template",
  type: ([x, g], { splits }) => ({ shape: [splits, g.shape[1], x.shape[1], 3, 3], dtype: x.dtype }),
  gradient: null,
  multiplyAdds: ({ inputs: [x, g], attrs }) => convProducts(x, g.shape, 9, attrs),
  decompose: (e, node) => {
    const [x, g] = node.inputs;
    const scheme = winograd(node.attrs.tile);
    const { results: size, pixels: side, output, filter } = scheme;
    const [splits, o, c] = node.shape;
    const [n, , ho, wo] = g.shape;
    const tiles = [Math.ceil(ho / size), Math.ceil(wo / size)];
    const points = [...tiles, side, side];
    const pixels = transformedPixels(e, x, tiles, node.attrs, scheme);
    const whole = tiles.map((count) => count * size);
    const padded = e.make("pad", [g], { before: [0, 0, 0, 0], value: 0 }, { shape: [n, o, ...whole] });
    const cut = reshape(e, padded, [n, o, tiles[0], size, tiles[1], size]);
    const spread = transpose(output);
    const incoming = mix(e, mix(e, permute(e, cut, [0, 1, 2, 4, 3, 5]), 4, spread), 5, spread);
    const shape = [splits, n / splits, o, c, ...points];
    const left = reshape(e, pixels, [splits, n / splits, 1, c, ...points]);
    const right = reshape(e, incoming, [splits, n / splits, o, 1, ...points]);
    const products = e.op("mul", e.make("expand", [left], {}, { shape }), e.make("expand", [right], {}, { shape }));
    const taps = transpose(filter);
    return mix(e, mix(e, reduceSum(e, products, [1, 4, 5]), 3, taps), 4, taps);
  },
};

export const winogradRecords = {
  winogradFilter: filterRecord,
  winogradConv2d: convRecord,
  winogradWeightGrad: weightRecord,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
