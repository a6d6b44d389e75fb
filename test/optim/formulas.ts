/**
 * Optimizers that PyTorch lacks, as the formulas of their papers in float64, one element or one tensor at a time. They
 * share nothing with the code that they check.
 */
import type { Gradients, Values } from "./problems.js";

/** One step: the new parameters, from the parameters and a function for the gradients at any parameters. */
type Step = (values: Values, gradients: (at: Values) => Gradients) => Values;
/** The formula of an optimizer for options as a user writes them, and the shapes of its parameters. */
type Formula = (options: Readonly<Record<string, unknown>>, shapes: readonly number[][]) => Step;
type Numbers = Readonly<Partial<Record<string, number>>>;

/** The step of a formula for one tensor, with its own state; a tensor without a gradient stays as it is. */
function tensorwise<State>(
  initial: (size: number) => State,
  update: (state: State, gradient: readonly number[], values: readonly number[]) => number[],
): Step {
  const states: State[] = [];
  return (values, gradients) =>
    gradients(values).map((gradient, i) => {
      states[i] ??= initial(values[i].length);
      return gradient ? update(states[i], gradient, values[i]) : values[i];
    });
}

/** The step of a formula for one element. */
const elementwise = <State>(
  initial: () => State,
  update: (state: State, gradient: number, value: number) => number,
): Step =>
  tensorwise(
    (size) => Array.from({ length: size }, initial),
    (states, gradient, values) => values.map((value, j) => update(states[j], gradient[j], value)),
  );

const norm = (values: readonly number[]): number => Math.hypot(...values);
const sum = (a: readonly number[], b: readonly number[], factor = 1): number[] => a.map((x, j) => x + factor * b[j]);

/** Momentum as in PyTorch's SGD. */
function momentumStep({ lr = 0.001, momentum = 0, weightDecay = 0, nesterov }: Numbers & { nesterov?: boolean }): Step {
  return elementwise(
    () => ({ buffer: 0 }),
    (s, gradient, p) => {
      const g = gradient + weightDecay * p;
      s.buffer = momentum * s.buffer + g;
      return p - lr * (nesterov ? g + momentum * s.buffer : s.buffer);
    },
  );
}

/** Schedule-free averaging (Algorithm 1 of the paper) of a direction: the iterate z, the average x, and y between. */
function scheduleFree(
  { lr = 1, r = 0, weightLrPower = 2 }: Numbers,
  beta: number,
  direction: (state: { v: number; t: number }, gradient: number, y: number) => number,
): Step {
  return elementwise(
    () => ({ z: 0, x: 0, v: 0, t: 0, total: 0 }),
    (s, gradient, y) => {
      if (s.t === 0) [s.z, s.x] = [y, y];
      s.t += 1;
      const weight = s.t ** r * lr ** weightLrPower;
      s.total += weight;
      const c = weight / s.total;
      s.z -= lr * direction(s, gradient, y);
      s.x = (1 - c) * s.x + c * s.z;
      return (1 - beta) * s.z + beta * s.x;
    },
  );
}

export const formulas: Readonly<Record<string, Formula>> = {
  LARS: (options) => {
    const { lr = 1, momentum = 0.9, trustCoefficient = 0.001, weightDecay = 0, eps = 1e-8 } = options as Numbers;
    return tensorwise(
      (size) => ({ v: new Array<number>(size).fill(0) }),
      (s, g, p) => {
        const rate = (trustCoefficient * norm(p)) / (norm(g) + weightDecay * norm(p) + eps);
        s.v = s.v.map((v, j) => momentum * v + lr * rate * (g[j] + weightDecay * p[j]));
        return sum(p, s.v, -1);
      },
    );
  },

  LAMB: (options) => {
    const { lr = 0.001, eps = 1e-6, weightDecay = 0.01 } = options as Numbers;
    const [b1, b2] = (options.betas as number[] | undefined) ?? [0.9, 0.999];
    return tensorwise(
      (size) => ({ m: new Array<number>(size).fill(0), v: new Array<number>(size).fill(0), t: 0 }),
      (s, g, p) => {
        s.t += 1;
        s.m = s.m.map((m, j) => b1 * m + (1 - b1) * g[j]);
        s.v = s.v.map((v, j) => b2 * v + (1 - b2) * g[j] ** 2);
        const r = s.m.map((m, j) => m / (1 - b1 ** s.t) / (Math.sqrt(s.v[j] / (1 - b2 ** s.t)) + eps));
        const u = sum(r, p, weightDecay);
        return sum(p, u, (-lr * norm(p)) / norm(u));
      },
    );
  },

  Lion: (options) => {
    const { lr = 1e-4, weightDecay = 0 } = options as Numbers;
    const [b1, b2] = (options.betas as number[] | undefined) ?? [0.9, 0.99];
    return elementwise(
      () => ({ m: 0 }),
      (s, g, p) => {
        const c = b1 * s.m + (1 - b1) * g;
        s.m = b2 * s.m + (1 - b2) * g;
        return p - lr * (Math.sign(c) + weightDecay * p);
      },
    );
  },

  SAM: (options) => {
    const { rho = 0.05 } = options as Numbers;
    const inner = momentumStep(options as Numbers & { nesterov?: boolean });
    return (values, gradients) => {
      const scaled = (g: readonly number[], i: number) =>
        options.adaptive ? g.map((x, j) => x * Math.abs(values[i][j])) : [...g];
      const first = gradients(values).map((g, i) => g && scaled(g, i));
      const length = norm(first.flatMap((g) => g ?? []));
      const moved = values.map((p, i) => {
        const g = first[i];
        return g ? sum(p, scaled(g, i), rho / length) : p;
      });
      return inner(values, () => gradients(moved));
    };
  },

  ScheduleFreeSGD: (options) => {
    const { momentum = 0.9, weightDecay = 0 } = options as Numbers;
    return scheduleFree(options as Numbers, momentum, (_, g, y) => g + weightDecay * y);
  },

  ScheduleFreeAdamW: (options) => {
    const { lr = 0.0025, eps = 1e-8, weightDecay = 0 } = options as Numbers;
    const [momentum, b2] = (options.betas as number[] | undefined) ?? [0.9, 0.999];
    return scheduleFree({ ...(options as Numbers), lr }, momentum, (s, g, y) => {
      s.v = b2 * s.v + (1 - b2) * g * g;
      return g / (Math.sqrt(s.v / (1 - b2 ** s.t)) + eps) + weightDecay * y;
    });
  },
};
