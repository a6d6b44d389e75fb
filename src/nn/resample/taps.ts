/**
 * Resampling along one axis as data: which elements of the input an element of the output is a weighted sum of. This
 * file must not know tensors.
 */

/** Interpolation along an axis: the nearest element, a line through two, or a cubic through four. */
export type Kernel = "nearest" | "nearest-exact" | "linear" | "cubic";

/** How an axis is resampled. */
export interface AxisPlan {
  readonly kernel: Kernel;
  readonly input: number;
  readonly output: number;
  /** Input elements per output element. */
  readonly scale: number;
  readonly alignCorners: boolean;
  readonly antialias: boolean;
}

/** Positions, which may lie outside and then stand for the nearest element inside, and weights. */
export interface Taps {
  readonly positions: readonly number[];
  readonly weights: readonly number[];
}

/** PyTorch's parameter of the cubic; with antialiasing it is Keys' value. */
const CUBIC = -0.75;
const CUBIC_ANTIALIASED = -0.5;

/** Weight of a cubic convolution at a distance (Keys 1981). */
function cubic(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

const triangle = (distance: number): number => Math.max(0, 1 - Math.abs(distance));

/** The taps of each element of the output. */
export function tapsOf(plan: AxisPlan): Taps[] {
  return Array.from({ length: plan.output }, (_, o) => tapsAt(plan, o));
}

/** The taps of output element o. */
export function tapsAt(plan: AxisPlan, o: number): Taps {
  const { kernel, scale, alignCorners } = plan;
  // As PyTorch, in single precision: for scales that are no binary fractions rounding decides between two elements.
  if (kernel === "nearest" || kernel === "nearest-exact") {
    const at = Math.fround(o + (kernel === "nearest" ? 0 : 0.5));
    return { positions: [Math.floor(Math.fround(at * Math.fround(scale)))], weights: [1] };
  }
  if (plan.antialias) return antialiased(plan, o);
  const at = alignCorners ? o * scale : (o + 0.5) * scale - 0.5;
  const first = Math.floor(at);
  const part = at - first;
  if (kernel === "linear") return { positions: [first, first + 1], weights: [1 - part, part] };
  const positions = [first - 1, first, first + 1, first + 2];
  return { positions, weights: positions.map((position) => cubic(at - position, CUBIC)) };
}

/** Taps under the kernel, stretched by the scale where the output is smaller, so that no element is left out. */
function antialiased({ kernel, input, scale }: AxisPlan, o: number): Taps {
  const stretch = Math.max(1, scale);
  const support = (kernel === "cubic" ? 2 : 1) * stretch;
  const centre = (o + 0.5) * scale; // with aligned corners too, as in PyTorch
  const start = Math.max(0, Math.trunc(centre - support + 0.5));
  const end = Math.min(input, Math.trunc(centre + support + 0.5));
  const positions = Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);
  const raw = positions.map((position) => {
    const distance = (position - centre + 0.5) / stretch;
    return kernel === "cubic" ? cubic(distance, CUBIC_ANTIALIASED) : triangle(distance);
  });
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return { positions, weights: raw.map((weight) => (total === 0 ? weight : weight / total)) };
}
