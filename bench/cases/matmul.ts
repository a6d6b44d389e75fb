/** `matmul`: products of matrices, square ones and the first layer of the `mlp` benchmark. */
import type { Tensor } from "../../src/tensor/index.js";
import type { Api } from "../models.js";
import { type BenchOptions, openOurs } from "../ours.js";
import { uniform } from "../pattern.js";
import { openPeak } from "../peak.js";
import type { Report } from "../report.js";
import { FEW, type Kernel, kernelBench, SWEPT_FLOATS } from "./kernels.js";

const SIZES: readonly (readonly [M: number, K: number, N: number])[] = [
  [512, 512, 512],
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [128, 784, 512],
];

/** Benchmarks products. */
export async function matmulBench(options: BenchOptions): Promise<Report> {
  const api = await openOurs(options);
  const peak = await openPeak(options.device);
  try {
    // One group: a host that is busy for some seconds then slows a few turns of each product, not all of one.
    const group = SIZES.map((size) => product(api, ...size));
    return await kernelBench("matmul", api, [group], ["contiguous"], peak, options);
  } finally {
    peak.close();
  }
}

function product({ fovea }: Api, m: number, k: number, n: number): Kernel {
  const matrix = (shape: readonly number[], stream: number) => fovea.tensor(uniform(shape, stream), { shape });
  return {
    name: `${m} × ${k} × ${n}`,
    flop: 2 * m * k * n,
    // Operands and results of the shorter program are more than any cache holds.
    few: Math.max(FEW, Math.ceil(SWEPT_FLOATS / (m * k + k * n + m * n))),
    work: { kind: "matmul", m, k, n },
    program: (repeats) => {
      // Operands of their own for each product: nothing can be shared between them.
      const left = Array.from({ length: repeats }, (_, i) => matrix([m, k], 1 + 2 * i));
      const right = Array.from({ length: repeats }, (_, i) => matrix([k, n], 2 + 2 * i));
      const run = fovea.compile((a: Tensor[], b: Tensor[]) => a.map((each, i) => each.matmul(b[i])));
      return () => run(left, right);
    },
  };
}
