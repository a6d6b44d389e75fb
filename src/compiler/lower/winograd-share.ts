/**
 * Divides Winograd's convolution into tasks. The result depends on shapes and the target alone, so that passes over the
 * graph can use it before lowering.
 */
import type { Node } from "../../ir/graph.js";
import type { Target } from "../../ir/target.js";
import { winograd } from "../../ops/index.js";
import { divisorsOf } from "../divisors.js";

export interface Share {
  /** Images of a task, and tile rows of each. */
  readonly images: number;
  readonly rows: number;
  /** Vectors of output channels of a task. */
  readonly blocks: number;
}

/** Cycles per vector of channels to transform a tile of pixels or of results. */
const TRANSFORM = 130;
/** Bandwidth of filters in bytes per cycle: from the second-level cache, the third-level cache, and memory. */
const FILTERS = [96, 48, 8];
/**
 * Bandwidth of matrices in bytes per cycle, by their size in second-level caches: the excess comes from the third
 * level.
 */
const MATRICES = [
  [1 / 3, 48],
  [1, 20],
  [3, 8],
  [Number.POSITIVE_INFINITY, 5],
];
/** Number of threads that tasks are balanced for. */
const ASSUMED_THREADS = 4;

/**
 * Divides images, rows of tiles and output channels among tasks with the fewest modelled cycles: many tiles per task
 * read the filters seldom, few keep their matrices in the cache, and tasks that divide the channels all transform the
 * same pixels.
 */
export function chooseShare({ lanes, l2Bytes }: Target, conv: Node<"winogradConv2d">): Share {
  const { points, results } = winograd(conv.attrs.tile);
  const [images, o, ho, wo] = conv.shape;
  const [rows, columns] = [Math.ceil(ho / results), Math.ceil(wo / results)];
  const [blocks, c] = [o / lanes, conv.inputs[0].shape[1]];
  const allFilters = points * blocks * lanes * c * 4;
  const filterSpeed = FILTERS[allFilters <= l2Bytes ? 0 : allFilters <= 16 * l2Bytes ? 1 : 2];
  let best: Share = { images: 1, rows: 1, blocks };
  let least = Number.POSITIVE_INFINITY;
  const bands = [
    ...divisorsOf(rows).map((taskRows) => ({ images: 1, rows: taskRows })),
    ...divisorsOf(images).map((taskImages) => ({ images: taskImages, rows })),
  ];
  for (const band of bands) {
    const count = band.images * band.rows * columns;
    for (const taskBlocks of divisorsOf(blocks)) {
      const products = (points * c * taskBlocks * count) / 2;
      const transforms = count * (c / lanes + taskBlocks) * TRANSFORM;
      const filterBytes = points * c * taskBlocks * lanes * 4;
      const matrixBytes = points * count * (c + taskBlocks * lanes) * 4;
      const [, matrixSpeed] = MATRICES.find(([caches]) => matrixBytes <= caches * l2Bytes) ?? MATRICES[0];
      const moved = filterBytes / filterSpeed + (2 * matrixBytes) / matrixSpeed;
      const tasks = (images / band.images) * (rows / band.rows) * (blocks / taskBlocks);
      const cycles = (products + transforms + moved) * Math.ceil(tasks / ASSUMED_THREADS);
      if (cycles < least) {
        least = cycles;
        best = { ...band, blocks: taskBlocks };
      }
    }
  }
  return best;
}

/** Rows of results that a task computes of an image. */
export const rowsOf = ({ images, rows }: Share, { attrs, shape }: Node<"winogradConv2d">): number =>
  images > 1 ? shape[2] : Math.min(shape[2], rows * attrs.tile);
