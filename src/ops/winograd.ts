/**
 * Records of the fast convolution F(4×4, 3×3) of Winograd, as Lavin and Gray (2015) use it: tiles of 6 × 6 pixels and
 * filters of 3 × 3 taps are transformed, multiplied element by element and summed over channels, and transformed back
 * into 4 × 4 results: 36 products where the direct sum takes 144. The compiler puts them in place of convolutions.
 */
import type { ConvAttrs, Node, StructuralName } from "../ir/graph.js";
import { convProducts } from "./contraction.js";
import { permute, reduceSum, reshape } from "./helpers.js";
import type { Builder, StructuralRecord } from "./record.js";

/** Results along a side of a tile. */
export const WINOGRAD_OUT = 4;
/** Pixels along a side of a tile, for filters of 3 × 3. */
export const WINOGRAD_IN = 6;

/** Interpolation at 0, ±1, ±2 and infinity: filter 3 → 6, pixels 6 → 6, results 6 → 4. */
export const winogradFilterMatrix = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];
export const winogradInputMatrix = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
export const winogradOutputMatrix = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

/** Rows and columns swapped. */
export const turned = (matrix: readonly (readonly number[])[]): number[][] =>
  matrix[0].map((_, j) => matrix.map((row) => row[j]));

/** Multiplies along an axis by a matrix. */
function mix(e: Builder, x: Node, axis: number, matrix: readonly (readonly number[])[]): Node {
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
  type: ([w]) => ({ shape: [w.shape[0], w.shape[1], WINOGRAD_IN, WINOGRAD_IN], dtype: w.dtype }),
  gradient: null,
  decompose: (e, { inputs: [w] }) => mix(e, mix(e, w, 2, winogradFilterMatrix), 3, winogradFilterMatrix),
};

/** Rows (or columns) of results of a 3 × 3 convolution with stride 1. */
const outputSize = (length: number, axis: 0 | 1, { before, after }: ConvAttrs): number =>
  length + before[axis] + after[axis] - 2;

/** Tiles of the padded image, transformed: [N, C, rows, columns, 6, 6]. */
function transformedPixels(e: Builder, x: Node, tiles: readonly number[], { before }: ConvAttrs): Node {
  const sides = tiles.map((count) => WINOGRAD_OUT * count + 2);
  const shape = [...x.shape.slice(0, 2), ...sides];
  const padded = e.make("pad", [x], { before: [0, 0, ...before], value: 0 }, { shape });
  const axes = [2, 3].map((axis) => ({ axis, size: WINOGRAD_IN, stride: WINOGRAD_OUT, dilation: 1 }));
  const windows = e.make("window", [padded], { axes });
  return mix(e, mix(e, windows, 4, winogradInputMatrix), 5, winogradInputMatrix);
}

const convRecord: StructuralRecord<"winogradConv2d"> = {
  kind: "template",
  type: ([x, u], attrs) => ({
    shape: [x.shape[0], u.shape[0], outputSize(x.shape[2], 0, attrs), outputSize(x.shape[3], 1, attrs)],
    dtype: x.dtype,
  }),
  gradient: null,
  // Of the convolution that it stands for.
  multiplyAdds: ({ inputs: [x], attrs, shape }) => convProducts(x, shape, 9, attrs),
  decompose: (e, node) => {
    const [x, u] = node.inputs;
    const [n, o, ho, wo] = node.shape;
    const c = x.shape[1];
    const tiles = [Math.ceil(ho / WINOGRAD_OUT), Math.ceil(wo / WINOGRAD_OUT)];
    const pixels = transformedPixels(e, x, tiles, node.attrs);
    const shape = [n, o, c, ...tiles, WINOGRAD_IN, WINOGRAD_IN];
    const left = reshape(e, pixels, [n, 1, c, ...tiles, WINOGRAD_IN, WINOGRAD_IN]);
    const right = reshape(e, u, [1, o, c, 1, 1, WINOGRAD_IN, WINOGRAD_IN]);
    const products = e.op("mul", e.make("expand", [left], {}, { shape }), e.make("expand", [right], {}, { shape }));
    const sums = reduceSum(e, products, [2]);
    const results = mix(e, mix(e, sums, 4, winogradOutputMatrix), 5, winogradOutputMatrix);
    const whole = tiles.map((count) => count * WINOGRAD_OUT);
    const rows = reshape(e, permute(e, results, [0, 1, 2, 4, 3, 5]), [n, o, ...whole]);
    return e.make("slice", [rows], { start: [0, 0, 0, 0], step: [1, 1, 1, 1] }, { shape: node.shape });
  },
};

/** The gradient of filters: transformed pixels times transformed gradients, summed over tiles, transformed into taps. */
const weightRecord: StructuralRecord<"winogradWeightGrad"> = {
  kind: "template",
  type: ([x, g], { pieces }) => ({ shape: [pieces, g.shape[1], x.shape[1], 3, 3], dtype: x.dtype }),
  gradient: null,
  multiplyAdds: ({ inputs: [x, g], attrs }) => convProducts(x, g.shape, 9, attrs),
  decompose: (e, node) => {
    const [x, g] = node.inputs;
    const [pieces, o, c] = node.shape;
    const [n, , ho, wo] = g.shape;
    const tiles = [Math.ceil(ho / WINOGRAD_OUT), Math.ceil(wo / WINOGRAD_OUT)];
    const points = [...tiles, WINOGRAD_IN, WINOGRAD_IN];
    const pixels = transformedPixels(e, x, tiles, node.attrs);
    const whole = tiles.map((count) => count * WINOGRAD_OUT);
    const padded = e.make("pad", [g], { before: [0, 0, 0, 0], value: 0 }, { shape: [n, o, ...whole] });
    const cut = reshape(e, padded, [n, o, tiles[0], WINOGRAD_OUT, tiles[1], WINOGRAD_OUT]);
    const spread = turned(winogradOutputMatrix);
    const incoming = mix(e, mix(e, permute(e, cut, [0, 1, 2, 4, 3, 5]), 4, spread), 5, spread);
    const shape = [pieces, n / pieces, o, c, ...points];
    const left = reshape(e, pixels, [pieces, n / pieces, 1, c, ...points]);
    const right = reshape(e, incoming, [pieces, n / pieces, o, 1, ...points]);
    const products = e.op("mul", e.make("expand", [left], {}, { shape }), e.make("expand", [right], {}, { shape }));
    const taps = turned(winogradFilterMatrix);
    return mix(e, mix(e, reduceSum(e, products, [1, 4, 5]), 3, taps), 4, taps);
  },
};

export const winogradRecords = {
  winogradFilter: filterRecord,
  winogradConv2d: convRecord,
  winogradWeightGrad: weightRecord,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
