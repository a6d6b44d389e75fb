/** `normalize` beside PyTorch 2.13 (`F.normalize` in float64): exponents, axes, and vectors shorter than eps. */
import { beforeAll, expect, it } from "vitest";
import { Parameter, tensor, useDevice } from "../../src/index.js";
import { functional as F } from "../../src/nn/index.js";

const X = [
  [3, 4, -12],
  [0, 0, 0],
  [0.1, -0.2, 0.05],
];
const G = [
  [1, -2, 3],
  [0.5, 1, 2],
  [-1, 2, 0.5],
];
/** The middle row is zero: its gradient is that of the result divided by eps. */
const zero = (eps: number) => [0.5 / eps, 1 / eps, 2 / eps];

const CASES = [
  {
    options: {},
    y: [0.230769231, 0.307692308, -0.923076923, 0, 0, 0, 0.43643578, -0.872871561, 0.21821789],
    gradient: [0.132908512, -0.0791989076, 0.00682749203, ...zero(1e-12), -0.415653124, 0.831306249, 4.15653124],
  },
  {
    options: { p: 1 },
    y: [0.157894737, 0.210526316, -0.631578947, 0, 0, 0, 0.285714286, -0.571428571, 0.142857143],
    gradient: [0.166204986, 0.00831024931, 0.0443213296, ...zero(1e-12), 1.02040816, 1.83673469, 5.30612245],
  },
  {
    options: { p: 3, dim: 0 },
    y: [0.999987655, 0.999958337, -0.999999976, 0, 0, 0, 0.033332922, -0.049997917, 0.004166667],
    gradient: [
      ...[0.0111229075, 0.0249333444, 0.000173629179, 0.166664609, 0.249989584, 0.166666663],
      ...[-0.333687225, 0.498666887, 0.0416710029],
    ],
  },
  {
    options: { p: Number.POSITIVE_INFINITY },
    y: [0.25, 0.333333333, -1, 0, 0, 0, 0.5, -1, 0.25],
    gradient: [0.0833333333, -0.166666667, -0.0347222222, ...zero(1e-12), -5, -1.875, 2.5],
  },
  {
    options: { p: 3, eps: 0.5, dim: -1 },
    y: [0.245759523, 0.327679364, -0.983038091, 0, 0, 0, 0.2, -0.4, 0.1],
    gradient: [0.0985379945, -0.134296298, -0.020130934, ...zero(0.5), -2, 4, 1],
  },
];

beforeAll(() => useDevice("interp"));

it.each(CASES)("normalize with $options", async ({ options, y, gradient }) => {
  const x = new Parameter(tensor(X, { dtype: "f64" }));
  const result = F.normalize(x, options);
  result
    .mul(tensor(G, { dtype: "f64" }))
    .sum()
    .backward();
  const [values, found] = [await result.data(), await x.grad!.data()];
  for (const [i, value] of y.entries()) {
    expect(Math.abs(values[i] - value)).toBeLessThan(1e-8);
    expect(Math.abs(found[i] - gradient[i])).toBeLessThan(1e-8 * Math.max(1, Math.abs(gradient[i])));
  }
});

it("normalize refuses an axis that is not there, and a negative exponent", () => {
  expect(() => F.normalize(tensor([1, 2]))).toThrow(/^\[normalize\] dim 1 is not in \[2\]/);
  expect(() => F.normalize(tensor([[1, 2]]), { p: -1 })).toThrow(/^\[normalize\] p must be /);
});
