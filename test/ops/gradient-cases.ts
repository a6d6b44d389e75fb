/** Cases of ops that pass a value on and change how gradients are computed. */
import { customGradient, Tensor } from "../../src/index.js";
import { graph } from "../../src/ops/index.js";
import type { StructuralCase } from "./contraction-cases.js";

export const customCase = (): StructuralCase => ({
  name: "with the gradient of its value",
  shapes: [[3, 7], [7]],
  build: customGradient({
    forward: (x, y) => x.mul(y),
    backward: (g, { inputs: [x, y] }) => [g.mul(y), g.mul(x).sum({ dim: 0 })],
  }),
  meaning: (x, y) => ({ shape: [3, 7], values: x.values.map((v, i) => v * y.values[i % 7]) }),
});

export const recomputeCase = (): StructuralCase => ({
  name: "a square, after another value",
  shapes: [
    [3, 7],
    [3, 7],
  ],
  build: (x, y) => new Tensor(graph.make("recompute", [x.square().node, y.exp().node], {})).sin(),
  meaning: (x) => ({ shape: [3, 7], values: x.values.map((v) => Math.sin(v * v)) }),
});
