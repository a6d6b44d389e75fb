/** Float64 loops for the softmax and the standardisation of rows and their gradients, as cases of the structural sweep. */
import { Tensor } from "../../src/index.js";
import { graph } from "../../src/ops/index.js";
import type { NdArray } from "../support/arrays.js";
import type { StructuralCase } from "./contraction-cases.js";

type Rows = readonly [number, number];

/** A function of rows of one or two inputs. */
function ofRows(shape: Rows, row: (...x: readonly number[][]) => number[]): (...x: NdArray[]) => NdArray {
  const [count, length] = shape;
  return (...x) => ({
    shape,
    values: Array.from({ length: count }, (_, i) =>
      row(...x.map(({ values }) => values.slice(i * length, (i + 1) * length))),
    ).flat(),
  });
}

const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);
const mean = (x: readonly number[]): number => sum(x) / x.length;

function softmax(x: readonly number[]): number[] {
  const peak = Math.max(...x);
  const powers = x.map((v) => Math.exp(v - peak));
  return powers.map((v) => v / sum(powers));
}

export const softmaxCase = (shape: Rows): StructuralCase => ({
  name: `rows [${shape}]`,
  shapes: [shape],
  build: (x) => x.mul(3).softmax(-1),
  meaning: ofRows(shape, (x) => softmax(x.map((v) => 3 * v))),
});

export const softmaxGradCase = (shape: Rows): StructuralCase => ({
  name: `rows [${shape}]`,
  shapes: [shape, shape],
  build: (y, g) => new Tensor(graph.make("softmaxGrad", [y.node, g.node], {})),
  meaning: ofRows(shape, (y, g) => y.map((v, i) => v * (g[i] - sum(g.map((w, k) => w * y[k]))))),
});

function standardise(x: readonly number[], eps: number): { readonly y: number[]; readonly scale: number } {
  const scale = 1 / Math.sqrt(mean(x.map((v) => (v - mean(x)) ** 2)) + eps);
  return { y: x.map((v) => (v - mean(x)) * scale), scale };
}

export const standardiseCase = (shape: Rows, eps: number): StructuralCase => ({
  name: `rows [${shape}] with ${eps}`,
  shapes: [shape],
  build: (x) => new Tensor(graph.make("standardise", [x.add(2).node], { eps })),
  meaning: ofRows(shape, (x) => standardise(x, eps).y),
});

export const standardiseGradCase = (shape: Rows, eps: number): StructuralCase => ({
  name: `rows [${shape}] with ${eps}`,
  shapes: [shape, shape],
  build: (x, g) => new Tensor(graph.make("standardiseGrad", [x.node, g.node], { eps })),
  meaning: ofRows(shape, (x, g) => {
    const { y, scale } = standardise(x, eps);
    const along = mean(g.map((v, i) => v * y[i]));
    return g.map((v, i) => scale * (v - mean(g) - y[i] * along));
  }),
});
