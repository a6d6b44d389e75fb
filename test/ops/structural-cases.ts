/**
 * The cases of the structural sweep: for every structural op, ways to reach it through the Tensor API, each with a plain
 * float64 loop that says what it means. A new structural op does not compile until it has cases here.
 */
import { arange, concat, eye, full, Tensor, zeros } from "../../src/index.js";
import type { StructuralName } from "../../src/ir/graph.js";
import { graph } from "../../src/ops/index.js";
import { fill, fold, get, type NdArray } from "../support/arrays.js";
import { attentionCases, attentionGradCases } from "./attention-cases.js";
import {
  convCase,
  foldCase,
  gatherCase,
  inputGradientCase,
  matmulCase,
  poolCases,
  type StructuralCase,
  takeCase,
  weightGradientCase,
  winogradCase,
  winogradFilterCase,
  winogradWeightCase,
} from "./contraction-cases.js";
import { customCase, recomputeCase } from "./gradient-cases.js";
import { argsortCase, gatherGradientCase, scanCase, scatterCase } from "./indexing-cases.js";
import { factorizationCases } from "./linalg-cases.js";
import { argmaxCase, bandMomentsCase, bandSumCase, reduceCases, varianceCase } from "./reduction-cases.js";
import { softmaxCase, softmaxGradCase, standardiseCase, standardiseGradCase } from "./rows-cases.js";

const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);
const reshaped = (x: NdArray, shape: readonly number[]): NdArray => ({ shape, values: x.values });
const permuted = (x: NdArray, order: readonly number[]): NdArray =>
  fill(
    order.map((axis) => x.shape[axis]),
    (at) =>
      get(
        x,
        order.map((_, axis) => at[order.indexOf(axis)]),
      ),
  );

const widths = [1, 3, 7, 17, 33, 65];

function reshapeCase(from: readonly number[], to: readonly number[]): StructuralCase {
  return {
    name: `[${from}] to [${to}]`,
    shapes: [from],
    build: (x) => x.reshape(to).mul(1.5),
    meaning: (x) => ({ shape: to, values: x.values.map((v) => v * 1.5) }),
  };
}

function permuteCase(shape: readonly number[], order: readonly number[]): StructuralCase {
  return {
    name: `[${shape}] by [${order}]`,
    shapes: [shape],
    build: (x) => x.permute(order),
    meaning: (x) => permuted(x, order),
  };
}

function sliceCase(shape: readonly number[], dim: number, start: number, end: number, step: number): StructuralCase {
  const clamp = (i: number) => Math.min(Math.max(i < 0 ? i + shape[dim] : i, 0), shape[dim]);
  const count = Math.max(0, Math.ceil((clamp(end) - clamp(start)) / step));
  return {
    name: `[${shape}] dim ${dim} ${start}:${end}:${step}`,
    shapes: [shape],
    build: (x) => x.slice(dim, start, end, { step }),
    meaning: (x) =>
      fill(
        shape.map((n, axis) => (axis === dim ? count : n)),
        (at) =>
          get(
            x,
            at.map((i, axis) => (axis === dim ? clamp(start) + i * step : i)),
          ),
      ),
  };
}

function padCase(
  shape: readonly number[],
  pads: readonly (readonly [number, number])[],
  value: number,
): StructuralCase {
  return {
    name: `[${shape}] by ${JSON.stringify(pads)} with ${value}`,
    shapes: [shape],
    build: (x) => x.pad(pads, { value }),
    meaning: (x) =>
      fill(
        shape.map((n, axis) => n + pads[axis][0] + pads[axis][1]),
        (at) =>
          get(
            x,
            at.map((i, axis) => i - pads[axis][0]),
            value,
          ),
      ),
  };
}

const identity = (
  name: string,
  shape: readonly number[],
  build: (x: Tensor) => Tensor,
  smooth = true,
): StructuralCase => ({
  name,
  shapes: [shape],
  build,
  meaning: (x) => x,
  smooth,
});

const picks = (count: number, below: number): number[] => Array.from({ length: count }, (_, i) => (i * 7 + 3) % below);
const images: readonly (readonly number[])[] = [
  [1, 1, 5, 5],
  [2, 3, 9, 7],
];

export const structuralCases: Readonly<Record<StructuralName, readonly StructuralCase[]>> = {
  leaf: [[], [0], [1], [65], [0, 3], [2, 0, 3], [3, 7]].map((shape) => identity(`[${shape}]`, shape, (x) => x)),
  const: [
    {
      name: "added to a tensor",
      shapes: [[7]],
      build: (x) => x.add(full([7], 2.5, { dtype: x.dtype })),
      meaning: (x) => fill([7], (at) => get(x, at) + 2.5),
    },
    { name: "alone", shapes: [], build: () => full([2, 3], -1.5), meaning: () => fill([2, 3], () => -1.5) },
    { name: "empty", shapes: [], build: () => zeros([0, 2]), meaning: () => fill([0, 2], () => 0) },
  ],
  iota: [
    { name: "arange", shapes: [], build: () => arange(17), meaning: () => fill([17], ([i]) => i) },
    {
      name: "arange with a step",
      shapes: [],
      build: () => arange(-4, { start: 5, step: -2 }),
      meaning: () => fill([5], ([i]) => 5 - 2 * i),
    },
    { name: "eye", shapes: [], build: () => eye(7), meaning: () => fill([7, 7], ([i, j]) => Number(i === j)) },
  ],
  cast: [
    identity("there and back", [33], (x) => x.to(x.dtype === "f32" ? "f32" : "f64").to(x.dtype)),
    {
      name: "to i32",
      shapes: [[33]],
      smooth: false,
      build: (x) => x.mul(100).to("i32"),
      meaning: (x) => fill([33], (at) => Math.trunc(Math.fround(get(x, at) * 100))),
    },
    {
      name: "to bool",
      shapes: [[3, 3]],
      smooth: false,
      build: (x) => x.maximum(0).to("bool"),
      meaning: (x) => fill([3, 3], (at) => Number(get(x, at) > 0)),
    },
    {
      name: "to u8",
      shapes: [[3, 7]],
      smooth: false,
      build: (x) => x.abs().mul(100).to("u8").to("i32"),
      meaning: (x) => fill([3, 7], (at) => Math.trunc(Math.fround(Math.abs(get(x, at)) * 100)) & 255),
    },
  ],
  softmax: [softmaxCase([3, 5]), softmaxCase([2, 71]), softmaxCase([3, 33]), softmaxCase([2, 1100])],
  softmaxGrad: [softmaxGradCase([3, 5]), softmaxGradCase([2, 71]), softmaxGradCase([3, 32])],
  standardise: [standardiseCase([3, 5], 0.1), standardiseCase([2, 71], 0.01), standardiseCase([2, 1100], 0.1)],
  standardiseGrad: [
    standardiseGradCase([3, 5], 0.1),
    standardiseGradCase([2, 71], 0.1),
    standardiseGradCase([3, 33], 0.2),
  ],
  custom: [customCase()],
  recompute: [recomputeCase()],
  detach: [identity("a value", [3, 7], (x) => x.detach(), false)],
  contiguous: [
    identity("stored on the way", [3, 7], (x) => new Tensor(graph.make("contiguous", [x.node], {}))),
    {
      name: "stored between two ops",
      shapes: [[17]],
      build: (x) => new Tensor(graph.make("contiguous", [x.square().node], {})).square(),
      meaning: (x) => fill([17], (at) => get(x, at) ** 4),
    },
  ],
  reshape: [
    reshapeCase([], [1, 1]),
    reshapeCase([6], [2, 3]),
    reshapeCase([2, 3, 5], [5, 6]),
    reshapeCase([4, 6], [3, 8]),
    reshapeCase([1, 33, 1], [33]),
    reshapeCase([0, 3], [3, 0]),
    reshapeCase([0], [0, 5]),
    {
      name: "of a transposed matrix",
      shapes: [[5, 7]],
      build: (x) => x.transpose().reshape([35]),
      meaning: (x) => reshaped(permuted(x, [1, 0]), [35]),
    },
  ],
  permute: [
    permuteCase([3, 7], [1, 0]),
    permuteCase([17, 33], [1, 0]),
    permuteCase([65, 65], [1, 0]),
    permuteCase([2, 3, 5], [2, 0, 1]),
    permuteCase([3, 5, 7], [0, 2, 1]),
    permuteCase([2, 3, 4, 5], [3, 1, 2, 0]),
    permuteCase([0, 3], [1, 0]),
  ],
  expand: [
    ...[
      [[1], [7]],
      [
        [3, 1],
        [3, 17],
      ],
      [
        [1, 33],
        [3, 33],
      ],
      [[], [2, 3]],
      [
        [1, 5, 1],
        [2, 5, 3],
      ],
      [
        [1, 3],
        [0, 3],
      ],
    ].map(([from, to]) => ({
      name: `[${from}] to [${to}]`,
      shapes: [from],
      build: (x: Tensor) => x.expand(to).mul(2),
      meaning: (x: NdArray) =>
        fill(
          to,
          (at) =>
            2 *
            get(
              x,
              at.slice(to.length - from.length).map((i, axis) => (from[axis] === 1 ? 0 : i)),
            ),
        ),
    })),
    ...[
      [
        [3, 1],
        [1, 7],
      ],
      [[17], [3, 17]],
      [[], [5]],
      [
        [2, 1, 3],
        [4, 1],
      ],
      [
        [0, 3],
        [1, 3],
      ],
    ].map(([a, b]) => {
      const rank = Math.max(a.length, b.length);
      const extent = (shape: readonly number[], axis: number) => shape[axis - rank + shape.length] ?? 1;
      const shape = Array.from({ length: rank }, (_, axis) =>
        extent(a, axis) === 1 ? extent(b, axis) : extent(a, axis),
      );
      const pick = (x: NdArray, at: readonly number[]) =>
        get(
          x,
          at.slice(rank - x.shape.length).map((i, axis) => (x.shape[axis] === 1 ? 0 : i)),
        );
      return {
        name: `[${a}] times [${b}]`,
        shapes: [a, b],
        build: (x: Tensor, y: Tensor) => x.mul(y),
        meaning: (x: NdArray, y: NdArray) => fill(shape, (at) => pick(x, at) * pick(y, at)),
      };
    }),
  ],
  slice: [
    sliceCase([17], 0, 2, 9, 1),
    sliceCase([17], 0, 1, 17, 3),
    sliceCase([5, 33], 1, -20, -1, 2),
    sliceCase([5, 7], 0, 3, 3, 1),
    sliceCase([5, 7], 0, 4, 100, 1),
    sliceCase([3, 5, 7], 1, 1, 5, 2),
    {
      name: "flip",
      shapes: [[3, 17]],
      build: (x) => x.flip(1),
      meaning: (x) => fill([3, 17], ([i, j]) => get(x, [i, 16 - j])),
    },
    {
      name: "flip of every second",
      shapes: [[33]],
      build: (x) => x.slice(0, 0, 33, { step: 2 }).flip(0),
      meaning: (x) => fill([17], ([i]) => get(x, [32 - 2 * i])),
    },
    {
      name: "select",
      shapes: [[3, 5, 2]],
      build: (x) => x.select(1, -2),
      meaning: (x) => fill([3, 2], ([i, j]) => get(x, [i, 3, j])),
    },
  ],
  pad: [
    padCase([7], [[2, 3]], 0),
    padCase(
      [5, 17],
      [
        [1, 0],
        [0, 2],
      ],
      -1.5,
    ),
    padCase(
      [3, 3],
      [
        [0, 0],
        [0, 0],
      ],
      1,
    ),
    padCase(
      [0, 2],
      [
        [1, 1],
        [0, 0],
      ],
      4,
    ),
    padCase(
      [1, 2, 5],
      [
        [0, 1],
        [1, 1],
        [3, 0],
      ],
      0,
    ),
  ],
  concat: [
    ...[
      { shapes: [[3], [5]], dim: 0 },
      {
        shapes: [
          [2, 3],
          [2, 1],
          [2, 17],
        ],
        dim: 1,
      },
      {
        shapes: [
          [1, 7],
          [0, 7],
          [2, 7],
        ],
        dim: 0,
      },
      {
        shapes: [
          [2, 3, 5],
          [2, 4, 5],
        ],
        dim: -2,
      },
    ].map(({ shapes, dim }) => {
      const axis = dim < 0 ? dim + shapes[0].length : dim;
      const total = sum(shapes.map((shape) => shape[axis]));
      return {
        name: `${JSON.stringify(shapes)} along ${dim}`,
        shapes,
        build: (...x: Tensor[]) => concat(x, { dim }),
        meaning: (...x: NdArray[]) =>
          fill(
            shapes[0].map((n, i) => (i === axis ? total : n)),
            (at) => {
              let position = at[axis];
              const part = x.find((y) => {
                if (position < y.shape[axis]) return true;
                position -= y.shape[axis];
                return false;
              });
              return part ? get(part, at.with(axis, position)) : Number.NaN;
            },
          ),
      };
    }),
    {
      name: "a tensor with itself",
      shapes: [[7]],
      build: (x) => concat([x, x.neg(), x]),
      meaning: (x) => ({ shape: [21], values: [...x.values, ...x.values.map((v) => -v), ...x.values] }),
    },
  ],
  window: [
    ...poolCases(images[0], { kernelSize: 2 }),
    ...poolCases(images[1], { kernelSize: 3, stride: 2, padding: 1 }),
    ...poolCases(images[1], { kernelSize: [2, 3], stride: [1, 2] }),
    ...poolCases(images[1], { kernelSize: 3, stride: 1, dilation: 2, padding: 1 }),
    ...poolCases([2, 5, 4, 4], { kernelSize: 4 }),
  ],
  fold: [
    foldCase(images[0], { kernelSize: 2 }),
    foldCase(images[1], { kernelSize: 3, stride: 2, padding: 1 }),
    foldCase(images[1], { kernelSize: [2, 3], stride: [1, 2] }),
    foldCase(images[1], { kernelSize: 2, stride: 3, dilation: 2 }),
    foldCase(images[1], { kernelSize: 2, stride: 3 }),
  ],
  reduce: [
    ...reduceCases([], undefined),
    ...reduceCases([1], 0),
    ...widths.slice(1).flatMap((n) => reduceCases([n], undefined)),
    ...reduceCases([3, 65], 1),
    ...reduceCases([65, 3], 0),
    ...reduceCases([17, 33], 0).slice(0, 3),
    ...reduceCases([2, 7, 5, 3], [0, 2]),
    ...reduceCases([2, 7, 5, 3], [1, -1]).slice(0, 3),
    ...reduceCases([2, 1, 3], 1),
    ...reduceCases([0, 3], 0),
    ...reduceCases([0, 3], 1),
    ...reduceCases([3, 0], undefined),
    {
      name: "sum of a transposed and flipped matrix",
      shapes: [[17, 7]],
      build: (x) => x.transpose().flip(1).mul(arange(17)).sum({ dim: 1 }),
      meaning: (x) =>
        fold(
          fill([7, 17], ([i, j]) => get(x, [16 - j, i]) * j),
          [1],
          sum,
        ),
    },
    {
      name: "kept axes",
      shapes: [[3, 17]],
      build: (x) => x.sub(x.mean({ dim: 1, keepdim: true })),
      meaning: (x) => fill([3, 17], ([i, j]) => get(x, [i, j]) - sum(x.values.slice(17 * i, 17 * i + 17)) / 17),
    },
  ],
  variance: [
    varianceCase([7], [0], 1),
    varianceCase([65, 3], [0], 0),
    varianceCase([2, 7, 5, 3], [0, 2, 3], 0),
    varianceCase([2, 3, 4], [1, 2], 2),
  ],
  bandSum: [bandSumCase([2, 3, 6, 5], 2), bandSumCase([1, 17, 7, 4], 3), bandSumCase([3, 2, 4, 4], 4)],
  bandMoments: [bandMomentsCase([2, 3, 6, 5], 2), bandMomentsCase([1, 17, 7, 4], 3), bandMomentsCase([3, 2, 4, 4], 4)],
  argmax: [
    argmaxCase([1], 0),
    argmaxCase([33], 0),
    argmaxCase([17, 65], 1),
    argmaxCase([65, 17], 0),
    argmaxCase([3, 5, 7], 1),
    argmaxCase([0, 3], 1),
    {
      name: "of everything",
      shapes: [[5, 7]],
      smooth: false,
      build: (x) => x.argmax(),
      meaning: (x) => fill([], () => x.values.indexOf(Math.max(...x.values))),
    },
    {
      name: "smallest",
      shapes: [[5, 7]],
      smooth: false,
      build: (x) => x.argmin({ dim: 0 }),
      meaning: (x) => fold(x, [0], (elements) => elements.indexOf(Math.min(...elements))),
    },
  ],
  attention: attentionCases,
  attentionGrad: attentionGradCases,
  matmul: [
    matmulCase([1, 1], [1, 1]),
    matmulCase([3, 7], [7, 17]),
    matmulCase([17, 33], [33, 5]),
    matmulCase([33, 17], [17, 65]),
    matmulCase([1, 65], [65, 1]),
    matmulCase([2, 3, 5], [2, 5, 7]),
    matmulCase([2, 1, 3, 5], [4, 5, 2]),
    matmulCase([5], [5]),
    matmulCase([5], [5, 3]),
    matmulCase([2, 3, 5], [5, 4]),
    matmulCase([0, 3], [3, 5]),
    matmulCase([3, 0], [0, 5]),
  ],
  conv2d: [
    convCase([1, 1, 1, 1], [1, 1, 1, 1]),
    convCase([2, 3, 7, 5], [4, 3, 3, 3]),
    convCase([2, 3, 7, 5], [4, 3, 3, 3], { padding: 1 }),
    convCase([1, 17, 5, 5], [3, 17, 3, 3], { padding: 1 }),
    convCase([1, 3, 5, 6], [33, 3, 2, 3], { stride: [2, 1], padding: [0, 2] }),
    convCase([1, 2, 9, 8], [3, 2, 3, 3], { stride: 2, padding: 1 }),
    convCase([1, 2, 9, 8], [3, 2, 3, 2], { dilation: 2 }),
    convCase([1, 2, 11, 11], [3, 2, 3, 3], { stride: 3, padding: 2, dilation: [2, 1] }),
    convCase([2, 4, 5, 5], [6, 2, 3, 3], { groups: 2, padding: 1 }),
    convCase([1, 3, 6, 6], [3, 1, 3, 3], { groups: 3, stride: 2, padding: 1 }),
    // Lanes of one group each, of several, and of groups that end within a vector.
    convCase([2, 17, 6, 5], [17, 1, 3, 3], { groups: 17, stride: [1, 2], padding: 1 }),
    convCase([1, 5, 7, 6], [10, 1, 2, 3], { groups: 5, padding: [2, 0], dilation: [1, 2] }),
    convCase([1, 32, 3, 4], [32, 4, 3, 3], { groups: 8, padding: 1 }),
    convCase([1, 6, 5, 6], [32, 3, 3, 3], { groups: 2, stride: 2, padding: 1 }),
    convCase([2, 8, 4, 4], [16, 8, 1, 1]),
    convCase([2, 5, 4, 4], [3, 5, 4, 4]),
    convCase([1, 1, 4, 4], [2, 1, 1, 1], { stride: 2, padding: 2 }),
    convCase([0, 2, 5, 5], [3, 2, 3, 3]),
  ],
  convInputGrad: [
    inputGradientCase([1, 2, 5, 6], [3, 2, 3, 3], { stride: 2, padding: 1 }),
    inputGradientCase([2, 17, 4, 5], [4, 17, 3, 2], { stride: [1, 2], padding: [1, 0] }),
    inputGradientCase([1, 3, 7, 8], [5, 3, 1, 1], { stride: 2 }),
    inputGradientCase([1, 16, 7, 6], [8, 16, 3, 3], { stride: [3, 2], padding: 2, dilation: [2, 1] }),
    inputGradientCase([1, 32, 5, 4], [4, 16, 3, 3], { stride: 2, padding: 1, groups: 2 }),
    inputGradientCase([2, 6, 5, 5], [6, 1, 3, 3], { stride: 2, padding: 1, groups: 6 }),
    inputGradientCase([1, 2, 9, 10], [3, 2, 4, 4], { stride: 4, padding: 1 }),
  ],
  convWeightGrad: [
    weightGradientCase([2, 3, 7, 5], [4, 3, 3, 3], { padding: 1 }),
    weightGradientCase([1, 17, 5, 5], [18, 17, 3, 3], { padding: 1 }),
    weightGradientCase([1, 2, 9, 8], [3, 2, 3, 3], { stride: 2, padding: 1 }),
    weightGradientCase([1, 2, 9, 8], [3, 2, 3, 2], { dilation: 2 }),
    weightGradientCase([2, 4, 5, 5], [6, 2, 3, 3], { groups: 2 }),
    weightGradientCase([3, 17, 6, 5], [17, 1, 3, 3], { groups: 17, stride: 2, padding: 1 }),
    weightGradientCase([1, 32, 2, 3], [32, 4, 3, 3], { groups: 8, padding: 1 }),
    weightGradientCase([1, 4, 3, 4], [32, 2, 3, 5], { groups: 2, padding: 2 }),
    weightGradientCase([2, 8, 4, 4], [16, 8, 1, 1]),
    weightGradientCase([7, 1, 3, 3], [1, 1, 3, 3], { padding: 1 }),
  ],
  winogradFilter: ([4, 2] as const).flatMap((tile) => [
    winogradFilterCase(tile, [3, 2, 3, 3]),
    winogradFilterCase(tile, [16, 5, 3, 3]),
  ]),
  winogradConv2d: ([4, 2] as const).flatMap((tile) => [
    winogradCase(tile, [1, 1, 4, 4], [1, 1, 3, 3], 1),
    winogradCase(tile, [2, 3, 7, 9], [5, 3, 3, 3], 0),
    winogradCase(tile, [3, 16, 8, 8], [16, 16, 3, 3], 1),
    winogradCase(tile, [2, 32, 7, 10], [48, 32, 3, 3], 2),
    winogradCase(tile, [5, 16, 3, 5], [32, 16, 3, 3], 1),
  ]),
  winogradWeightGrad: ([4, 2] as const).flatMap((tile) => [
    winogradWeightCase(tile, [1, 1, 4, 4], [1, 1, 3, 3], 1),
    winogradWeightCase(tile, [2, 3, 7, 9], [5, 3, 3, 3], 0, 2),
    winogradWeightCase(tile, [3, 16, 8, 8], [16, 16, 3, 3], 1),
    winogradWeightCase(tile, [4, 32, 7, 10], [48, 32, 3, 3], 2, 2),
    winogradWeightCase(tile, [6, 16, 3, 5], [32, 16, 3, 3], 1, 3),
    winogradWeightCase(tile, [2, 48, 9, 4], [16, 48, 3, 3], 1),
  ]),
  gather: [
    gatherCase([7], 0, [0, 6, 6, 3], [4]),
    gatherCase([5, 7], 1, picks(35, 7), [5, 7]),
    gatherCase([5, 7], 1, picks(6, 7), [3, 2]),
    gatherCase([5, 17], 0, picks(34, 5), [2, 17]),
    takeCase([17, 3], 0, picks(33, 17), [33]),
    takeCase([3, 7, 2], 1, picks(6, 7), [2, 3]),
    takeCase([5], 0, [2], []),
    takeCase([5, 2], 0, [], [0]),
  ],
  scatter: [
    gatherGradientCase([7], 0, [0, 6, 6, 3], [4]),
    gatherGradientCase([5, 7], 1, picks(35, 7), [5, 7]),
    gatherGradientCase([5, 7], 1, picks(6, 7), [3, 2]),
    gatherGradientCase([5, 17], 0, picks(34, 5), [2, 17]),
    ...(["sum", "prod", "max", "min", "set"] as const).flatMap((kind) => [
      scatterCase(kind, [2, 3, 5], 3, false),
      scatterCase(kind, [2, 7, 3], 9, false),
    ]),
    scatterCase("sum", [2, 5, 40], 11, true),
    scatterCase("sum", [1, 9, 70], 7, false),
    scatterCase("set", [2, 5, 35], 6, true),
    scatterCase("max", [1, 4, 64], 8, true),
    scatterCase("sum", [3, 4, 2], 0, false),
  ],
  argsort: [
    argsortCase([1, 1], false, 0),
    argsortCase([3, 7], false, 0),
    argsortCase([2, 33], true, 3),
    argsortCase([19, 12], false, 2),
    argsortCase([37, 5], true, 0),
    argsortCase([1, 100], true, 4),
  ],
  scan: [
    scanCase("sum", [2, 7, 3], false),
    scanCase("sum", [1, 5, 37], true),
    scanCase("sum", [3, 1, 2], false),
    scanCase("max", [2, 6, 3], false),
    scanCase("max", [1, 9, 35], true),
    scanCase("min", [3, 8, 1], true),
    scanCase("min", [1, 4, 17], false),
    scanCase("linear", [2, 6, 3], false),
    scanCase("linear", [1, 7, 36], true),
    scanCase("linear", [2, 1, 3], false),
  ],
  ...factorizationCases,
};
