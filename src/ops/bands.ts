/**
 * Records of sums over bands of rows, one per band and channel of each image: partial sums of a batch normalisation,
 * which the kernel of a convolution accumulates from the values in its registers. The compiler replaces whole sums by
 * them.
 */
import { formatShape, type Node, type StructuralName } from "../ir/graph.js";
import { ShapeError } from "../util/errors.js";
import { permute, reduceSum, reshape } from "./helpers.js";
import type { Builder, StructuralRecord } from "./record.js";

function checkBands(op: string, x: Node, rows: number): void {
  if (x.shape.length !== 4 || !(rows >= 1 && rows <= x.shape[2])) {
    throw new ShapeError(`[${op}] ${formatShape(x.shape)} has no bands of ${rows} rows`);
  }
}

/** Number of bands of an image. */
const bandsOf = (x: Node, rows: number): number => Math.ceil(x.shape[2] / rows);

/** [N, C, H, W] -> [N, C, B, rows, W], zeros below the last row. */
function cut(e: Builder, x: Node, rows: number): Node {
  const [n, c, h, w] = x.shape;
  const bands = bandsOf(x, rows);
  const padded =
    bands * rows === h ? x : e.make("pad", [x], { before: [0, 0, 0, 0], value: 0 }, { shape: [n, c, bands * rows, w] });
  return reshape(e, padded, [n, c, bands, rows, w]);
}

/** [N, C, B] -> [N · B, C] */
function inOrder(e: Builder, sums: Node): Node {
  const [n, c, bands] = sums.shape;
  return reshape(e, permute(e, sums, [0, 2, 1]), [n * bands, c]);
}

const sumRecord: StructuralRecord<"bandSum"> = {
  kind: "reduction",
  type: ([x], { rows }) => {
    checkBands("bandSum", x, rows);
    return { shape: [x.shape[0] * bandsOf(x, rows), x.shape[1]], dtype: x.dtype };
  },
  gradient: null,
  decompose: (e, { inputs: [x], attrs: { rows } }) => inOrder(e, reduceSum(e, cut(e, x, rows), [3, 4])),
};

const momentsRecord: StructuralRecord<"bandMoments"> = {
  kind: "reduction",
  type: ([x], { rows }) => {
    checkBands("bandMoments", x, rows);
    return { shape: [2, x.shape[0] * bandsOf(x, rows), x.shape[1]], dtype: x.dtype };
  },
  gradient: null,
  decompose: (e, { inputs: [x], attrs: { rows } }) => {
    const [n, c, h, w] = x.shape;
    const bands = bandsOf(x, rows);
    const pixels = cut(e, x, rows);
    const sums = reduceSum(e, pixels, [3, 4]);
    const mean = e.op("div", sums, e.cast(bandSizes(e, [n, c, bands], [rows, h, w]), x.dtype));
    const spread = e.make("expand", [reshape(e, mean, [n, c, bands, 1, 1])], {}, { shape: pixels.shape });
    // The zeros below the last row are no elements of the image: they have no deviation.
    const row = e.make("iota", [], { axis: 2 }, { shape: [n, c, bands * rows, w] });
    const real = reshape(e, e.op("lt", row, e.constant(h, row)), pixels.shape);
    const difference = e.op("select", real, e.op("sub", pixels, spread), e.constant(0, pixels));
    const squares = reduceSum(e, e.op("mul", difference, difference), [3, 4]);
    const parts = [mean, squares].map((part) => reshape(e, inOrder(e, part), [1, n * bands, c]));
    return e.make("concat", parts, { axis: 0 });
  },
};

/** The number of pixels of each band, along the last axis of a shape, as i32; the last band may have fewer. */
export function bandSizes(e: Builder, shape: readonly number[], [rows, h, w]: readonly number[]): Node {
  const axis = shape.length - 1;
  const last = h - rows * (shape[axis] - 1);
  const band = e.make("iota", [], { axis }, { shape });
  const isLast = e.op("eq", band, e.constant(shape[axis] - 1, band));
  return e.op("select", isLast, e.constant(last * w, band), e.constant(rows * w, band));
}

export const bandRecords = {
  bandSum: sumRecord,
  bandMoments: momentsRecord,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
