/** `conv`: direct 3×3 convolution, forward and both gradients, on the shapes of ResNet-18 and ResNet-20. */
import type { Tensor } from "../../src/tensor/index.js";
import type { Api } from "../models.js";
import { type BenchOptions, openOurs } from "../ours.js";
import { uniform } from "../pattern.js";
import { openPeak } from "../peak.js";
import type { Report } from "../report.js";
import { FEW, type Group, type Kernel, kernelBench, TIMES } from "./kernels.js";

const SHAPES: readonly (readonly [batch: number, channels: number, side: number])[] = [
  [64, 64, 32],
  [64, 128, 16],
  [64, 256, 8],
  [64, 512, 4],
  [128, 16, 32],
  [128, 32, 16],
  [128, 64, 8],
];
const MODES = ["contiguous", "channels-last"];

/** Benchmarks convolutions. */
export async function convBench(options: BenchOptions): Promise<Report> {
  // Direct sums unless FOVEA_CONV requests what the compiler would choose: the peak bounds only those.
  process.env.FOVEA_CONV ??= "direct";
  const api = await openOurs(options);
  const peak = await openPeak(options.device);
  try {
    return await kernelBench(
      "conv",
      api,
      SHAPES.map((shape) => group(api, ...shape)),
      MODES,
      peak,
      options,
    );
  } finally {
    peak.close();
  }
}

function group({ fovea }: Api, batch: number, channels: number, side: number): Group {
  const name = `${channels}@${side}² ×${batch}`;
  const imageShape = [batch, channels, side, side];
  const weightShape = [channels, channels, 3, 3];
  // The same weights serve every link of a chain: this bound keeps the variance from one link to the next.
  const bound = Math.sqrt(3 / (9 * channels));
  const x = fovea.tensor(uniform(imageShape, 1), { shape: imageShape });
  const g = fovea.tensor(uniform(imageShape, 2), { shape: imageShape });
  const moreShape = [batch + TIMES * FEW, channels, side, side];
  const [moreImages, moreGradients] = [4, 5].map((stream) =>
    fovea.tensor(uniform(moreShape, stream), { shape: moreShape }),
  );
  const w = fovea.tensor(uniform(weightShape, 3, -bound, bound), { shape: weightShape });
  const convolve = (image: Tensor, weight: Tensor) => fovea.conv2d(image, weight, { padding: 1 });
  const common = { flop: 2 * 9 * batch * channels ** 2 * side ** 2, few: FEW };
  const work = { kind: "conv", batch, channels, side } as const;

  const forward: Kernel = {
    ...common,
    name: `${name} forward`,
    work: { ...work, pass: "forward" },
    program: (repeats) => {
      const run = fovea.compile((image: Tensor, weight: Tensor) => {
        let y = image;
        for (let i = 0; i < repeats; i++) y = convolve(y, weight);
        return y;
      });
      return () => run(x, w);
    },
  };
  const inputGradient: Kernel = {
    ...common,
    name: `${name} input gradient`,
    work: { ...work, pass: "inputGradient" },
    program: (repeats) => {
      const run = fovea.compile((image: Tensor, weight: Tensor, gradient: Tensor) => {
        let result = gradient;
        for (let i = 0; i < repeats; i++) {
          [result] = fovea.grad(convolve(image, weight), [image], { gradOutput: result });
        }
        return result;
      });
      return () => run(x, w, g);
    },
  };
  // Every repetition needs another image and another gradient in the layout that a network would hand on: windows of a
  // larger batch that came out of a convolution.
  const weightGradient: Kernel = {
    ...common,
    name: `${name} weight gradient`,
    work: { ...work, pass: "weightGradient" },
    program: (repeats) => {
      const gradientOf = (image: Tensor, weight: Tensor, gradOutput: Tensor) =>
        fovea.grad(convolve(image, weight), [weight], { gradOutput })[0];
      if (repeats === 1) {
        const run = fovea.compile(gradientOf);
        return () => run(x, w, g);
      }
      const run = fovea.compile((images: Tensor, weight: Tensor, gradients: Tensor) => {
        const [ys, gs] = [images, gradients].map((each) => convolve(each, weight).detach());
        const one = (i: number) => gradientOf(ys.slice(0, i, i + batch), weight, gs.slice(0, i, i + batch));
        return Array.from({ length: repeats }, (_, i) => one(i)).reduce((total, each) => total.add(each));
      });
      return () => run(moreImages, w, moreGradients);
    },
  };
  return [forward, inputGradient, weightGradient];
}
