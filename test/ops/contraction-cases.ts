/**
 * Float64 loops for products, convolutions, pooling and picking, each as a case of the structural sweep. Knows the public
 * API and plain arrays only.
 */
import { avgPool2d, conv2d, full, grad, maxPool2d, Tensor, tensor } from "../../src/index.js";
import type { ConvAttrs, WinogradTile } from "../../src/ir/graph.js";
import { graph } from "../../src/ops/index.js";
import { coordinatesOf, fill, get, type NdArray, zerosOf } from "../support/arrays.js";

export interface StructuralCase {
  readonly name: string;
  /** Shapes of the inputs, which are all f32 (or f64). */
  readonly shapes: readonly (readonly number[])[];
  readonly build: (...x: Tensor[]) => Tensor;
  readonly meaning: (...x: NdArray[]) => NdArray;
  /** Whether central differences make sense; default true. */
  readonly smooth?: boolean;
}

const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);
const product = (x: readonly number[]): number => x.reduce((a, b) => a * b, 1);
const i32 = (values: readonly number[], shape: readonly number[]) => tensor(values, { dtype: "i32", shape });
const reshaped = (x: NdArray, shape: readonly number[]): NdArray => ({ shape, values: x.values });

export function matmulCase(a: readonly number[], b: readonly number[]): StructuralCase {
  const meaning = (x: NdArray, y: NdArray): NdArray => {
    const left = a.length === 1 ? reshaped(x, [1, ...a]) : x;
    const right = b.length === 1 ? reshaped(y, [...b, 1]) : y;
    const [m, k] = left.shape.slice(-2);
    const n = right.shape[right.shape.length - 1];
    const rank = Math.max(left.shape.length, right.shape.length) - 2;
    const lead = (z: NdArray, axis: number) => z.shape[axis - rank + z.shape.length - 2] ?? 1;
    const batch = Array.from({ length: rank }, (_, axis) =>
      lead(left, axis) === 1 ? lead(right, axis) : lead(left, axis),
    );
    const place = (z: NdArray, at: readonly number[]) =>
      at.slice(rank - z.shape.length + 2).map((i, axis) => (z.shape[axis] === 1 ? 0 : i));
    const result = fill([...batch, m, n], (at) => {
      const [row, column] = at.slice(rank);
      const head = at.slice(0, rank);
      return sum(
        Array.from(
          { length: k },
          (_, i) => get(left, [...place(left, head), row, i]) * get(right, [...place(right, head), i, column]),
        ),
      );
    });
    return reshaped(result, [...batch, ...(a.length === 1 ? [] : [m]), ...(b.length === 1 ? [] : [n])]);
  };
  return { name: `[${a}] · [${b}]`, shapes: [a, b], build: (x, y) => x.matmul(y), meaning };
}

interface Convolution {
  readonly stride?: number | readonly [number, number];
  readonly padding?: number | readonly [number, number];
  readonly dilation?: number | readonly [number, number];
  readonly groups?: number;
}

const pair = (value: number | readonly [number, number]): readonly [number, number] =>
  typeof value === "number" ? [value, value] : value;

/** The products of a convolution: where image, weight and output of each lie, and which image it is. */
interface Taps {
  readonly sample: number[];
  readonly image: number[];
  readonly weight: number[];
  readonly output: number[];
}

function outputShape(x: readonly number[], w: readonly number[], options: Convolution): number[] {
  const { stride = 1, padding = 0, dilation = 1 } = options;
  const [s, p, d] = [pair(stride), pair(padding), pair(dilation)];
  const size = ([0, 1] as const).map((i) => Math.floor((x[i + 2] + 2 * p[i] - d[i] * (w[i + 2] - 1) - 1) / s[i]) + 1);
  return [x[0], w[0], ...size];
}

function tapsOf(x: readonly number[], w: readonly number[], options: Convolution): Taps {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [s, p, d] = [pair(stride), pair(padding), pair(dilation)];
  const taps: Taps = { sample: [], image: [], weight: [], output: [] };
  const kernel = coordinatesOf(w.slice(1));
  coordinatesOf(outputShape(x, w, options)).forEach(([n, o, oy, ox], output) => {
    const group = Math.floor(o / (w[0] / groups));
    kernel.forEach(([c, ky, kx], tap) => {
      const [y, column] = [oy * s[0] - p[0] + ky * d[0], ox * s[1] - p[1] + kx * d[1]];
      if (y < 0 || y >= x[2] || column < 0 || column >= x[3]) return;
      taps.sample.push(n);
      taps.image.push(((n * x[1] + group * w[1] + c) * x[2] + y) * x[3] + column);
      taps.weight.push(o * kernel.length + tap);
      taps.output.push(output);
    });
  });
  return taps;
}

/** Computes something once, when it is first needed. */
function once<T>(compute: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => {
    known ??= { value: compute() };
    return known.value;
  };
}

/** Σ left · right, added up where `to` says. */
function summed(
  shape: readonly number[],
  to: readonly number[],
  [left, leftAt]: readonly [NdArray, readonly number[]],
  [right, rightAt]: readonly [NdArray, readonly number[]],
  scale = 1,
): NdArray {
  const values = new Array<number>(product(shape)).fill(0);
  for (let i = 0; i < to.length; i++) values[to[i]] += left.values[leftAt[i]] * right.values[rightAt[i]] * scale;
  return { shape, values };
}

export function convCase(x: readonly number[], w: readonly number[], options: Convolution = {}): StructuralCase {
  const shape = outputShape(x, w, options);
  const taps = once(() => tapsOf(x, w, options));
  return {
    name: `[${x}] * [${w}] ${JSON.stringify(options)}`,
    shapes: [x, w],
    build: (image, weight) => conv2d(image, weight, options),
    meaning: (image, weight) => summed(shape, taps().output, [image, taps().image], [weight, taps().weight]),
  };
}

export function weightGradientCase(
  x: readonly number[],
  w: readonly number[],
  options: Convolution = {},
): StructuralCase {
  const dy = outputShape(x, w, options);
  const taps = once(() => tapsOf(x, w, options));
  return {
    name: `[${x}], dy [${dy}] to [${w}] ${JSON.stringify(options)}`,
    shapes: [x, dy],
    build: (image, gradOutput) => {
      const weight = full(w, 1, { dtype: image.dtype });
      return grad(conv2d(image, weight, options), [weight], { gradOutput })[0];
    },
    meaning: (image, gradOutput) => summed(w, taps().weight, [image, taps().image], [gradOutput, taps().output]),
  };
}

/** dx from dy and the weights; the gradients of that close the circle. */
export function inputGradientCase(x: readonly number[], w: readonly number[], options: Convolution): StructuralCase {
  const dy = outputShape(x, w, options);
  const taps = once(() => tapsOf(x, w, options));
  return {
    name: `dy [${dy}], [${w}] to [${x}] ${JSON.stringify(options)}`,
    shapes: [dy, w],
    build: (gradOutput, weight) => {
      const image = full(x, 1, { dtype: weight.dtype });
      return grad(conv2d(image, weight, options), [image], { gradOutput })[0];
    },
    meaning: (gradOutput, weight) => summed(x, taps().image, [gradOutput, taps().output], [weight, taps().weight]),
  };
}

/** Sums stay near 1, so that errors are measured against the largest value. */
const WINOGRAD_SCALE = 1 / 64;

const plainAttrs = (padding: number): ConvAttrs => ({
  stride: [1, 1],
  before: [padding, padding],
  after: [padding, padding],
  dilation: [1, 1],
  groups: 1,
});

/** So is the gradient of its filters, for each split of the images. */
export function winogradWeightCase(
  tile: WinogradTile,
  x: readonly number[],
  w: readonly number[],
  padding: number,
  splits = 1,
): StructuralCase {
  const dy = outputShape(x, w, { padding });
  const attrs = { ...plainAttrs(padding), splits, tile };
  return {
    name: `[${x}], dy [${dy}] to ${splits} × [${w}], padding ${padding}, tiles of ${tile}`,
    shapes: [x, dy],
    smooth: false,
    build: (image, gradient) =>
      new Tensor(graph.make("winogradWeightGrad", [image.mul(WINOGRAD_SCALE).node, gradient.node], attrs)),
    meaning: (image, gradient) => {
      const taps = tapsOf(x, w, { padding });
      const to = taps.weight.map((at, i) => Math.floor(taps.sample[i] / (x[0] / splits)) * product(w) + at);
      return summed([splits, ...w], to, [image, taps.image], [gradient, taps.output], WINOGRAD_SCALE);
    },
  };
}

/** Winograd's convolution is the direct one. */
export function winogradCase(
  tile: WinogradTile,
  x: readonly number[],
  w: readonly number[],
  padding: number,
): StructuralCase {
  const attrs = { ...plainAttrs(padding), tile };
  return {
    name: `[${x}] with [${w}], padding ${padding}, tiles of ${tile}`,
    shapes: [x, w],
    smooth: false,
    build: (image, weight) => {
      const filter = graph.make("winogradFilter", [weight.node], { tile });
      return new Tensor(graph.make("winogradConv2d", [image.mul(WINOGRAD_SCALE).node, filter], attrs));
    },
    meaning: (image, weight) => {
      const taps = tapsOf(x, w, { padding });
      const shape = outputShape(x, w, { padding });
      return summed(shape, taps.output, [image, taps.image], [weight, taps.weight], WINOGRAD_SCALE);
    },
  };
}

/** G w Gᵀ with the matrix of interpolation at 0, ±1 (for large tiles also ±2) and infinity. */
export function winogradFilterCase(tile: WinogradTile, w: readonly number[]): StructuralCase {
  const powers = [0, 1, -1, 2, -2].slice(0, tile + 1).map((p) => [1, p, p * p]);
  const scales = tile === 2 ? [1, 1 / 2, 1 / 2] : [1 / 4, -1 / 6, -1 / 6, 1 / 24, 1 / 24];
  const g = [...powers.map((row, i) => row.map((value) => value * scales[i])), [0, 0, 1]];
  const shape = [w[0], w[1], tile + 2, tile + 2];
  return {
    name: `[${w}], tiles of ${tile}`,
    shapes: [w],
    smooth: false,
    build: (weight) => new Tensor(graph.make("winogradFilter", [weight.node], { tile })),
    meaning: (weight) =>
      fill(shape, ([o, c, a, b]) =>
        sum(g[a].flatMap((left, u) => g[b].map((right, v) => left * right * get(weight, [o, c, u, v])))),
      ),
  };
}

interface Pooling {
  readonly kernelSize: number | readonly [number, number];
  readonly stride?: number | readonly [number, number];
  readonly padding?: number | readonly [number, number];
  readonly dilation?: number | readonly [number, number];
}

/** Shape of the results of a pooling, and where the elements lie that each of them is made of. */
function windowsOf(x: readonly number[], pooling: Pooling): { shape: number[]; windows: number[][] } {
  const kernel = pair(pooling.kernelSize);
  const options = { ...pooling, stride: pooling.stride ?? kernel };
  const [n, c, h, w] = x;
  // One channel at a time is one image of one channel.
  const [images, weights] = [
    [n * c, 1, h, w],
    [1, 1, ...kernel],
  ];
  const [, , height, width] = outputShape(images, weights, options);
  const shape = [n, c, height, width];
  const windows = Array.from({ length: product(shape) }, (): number[] => []);
  const { image, output } = tapsOf(images, weights, options);
  for (let i = 0; i < output.length; i++) windows[output[i]].push(image[i]);
  return { shape, windows };
}

/** Average pooling; of dilated windows, which the function does not have, as a mean of windows. */
function averages(image: Tensor, { kernelSize, dilation, ...options }: Pooling): Tensor {
  if (dilation === undefined) return avgPool2d(image, kernelSize, options);
  const { padding = 0, stride = kernelSize } = options;
  const [sizes, strides, dilations, pads] = [kernelSize, stride, dilation, padding].map(pair);
  const axes = [2, 3].map((axis, i) => ({ axis, size: sizes[i], stride: strides[i], dilation: dilations[i] }));
  const padded = image.pad([[0, 0], [0, 0], ...pads.map((p) => [p, p] as const)]);
  return new Tensor(graph.make("window", [padded.node], { axes })).mean({ dim: [-2, -1] });
}

export function poolCases(x: readonly number[], pooling: Pooling): StructuralCase[] {
  const { kernelSize, ...options } = pooling;
  const { shape, windows } = windowsOf(x, pooling);
  const area = product(pair(pooling.kernelSize));
  const text = `[${x}] ${JSON.stringify(pooling)}`;
  const each = (image: NdArray, combine: (elements: readonly number[]) => number): NdArray => ({
    shape,
    values: windows.map((window) => combine(window.map((i) => image.values[i]))),
  });
  const all: StructuralCase[] = [
    {
      name: `max ${text}`,
      shapes: [x],
      build: (image) => maxPool2d(image, kernelSize, options),
      meaning: (image) => each(image, (elements) => Math.max(...elements)),
    },
    {
      name: `average ${text}`,
      shapes: [x],
      build: (image) => averages(image, pooling),
      meaning: (image) => each(image, (elements) => sum(elements) / area),
    },
    {
      name: `average without padding ${text}`,
      shapes: [x],
      build: (image) => avgPool2d(image, kernelSize, { ...options, countIncludePad: false }),
      meaning: (image) => each(image, (elements) => sum(elements) / elements.length),
    },
  ];
  return pooling.padding && !pooling.dilation ? all : all.slice(0, 2);
}

/** The adjoint of average pooling. */
export function foldCase(x: readonly number[], pooling: Pooling): StructuralCase {
  const { shape, windows } = windowsOf(x, pooling);
  const area = product(pair(pooling.kernelSize));
  return {
    name: `[${shape}] to [${x}] ${JSON.stringify(pooling)}`,
    shapes: [shape],
    build: (gradOutput) => {
      const image = full(x, 1, { dtype: gradOutput.dtype });
      return grad(averages(image, pooling), [image], { gradOutput })[0];
    },
    meaning: (gradOutput) => {
      const result = zerosOf(x);
      windows.forEach((window, at) => {
        for (const position of window) result.values[position] += gradOutput.values[at] / area;
      });
      return result;
    },
  };
}

export function gatherCase(
  shape: readonly number[],
  dim: number,
  indices: readonly number[],
  as: readonly number[],
): StructuralCase {
  const index = { shape: as, values: [...indices] };
  return {
    name: `[${shape}] dim ${dim} at [${as}]`,
    shapes: [shape],
    build: (x) => x.gather(dim, i32(indices, as)),
    meaning: (x) =>
      fill(as, (at) =>
        get(
          x,
          at.map((i, axis) => (axis === dim ? get(index, at) : i)),
        ),
      ),
  };
}

export function takeCase(
  shape: readonly number[],
  dim: number,
  indices: readonly number[],
  as: readonly number[],
): StructuralCase {
  const index = { shape: as, values: [...indices] };
  const result = [...shape.slice(0, dim), ...as, ...shape.slice(dim + 1)];
  return {
    name: `take [${as}] from [${shape}] dim ${dim}`,
    shapes: [shape],
    build: (x) => x.take(i32(indices, as), { dim }),
    meaning: (x) =>
      fill(result, (at) => {
        const row = get(index, at.slice(dim, dim + as.length));
        return get(x, [...at.slice(0, dim), row, ...at.slice(dim + as.length)]);
      }),
  };
}
