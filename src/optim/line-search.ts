/**
 * Strong-Wolfe line search along a direction: brackets an acceptable step, then zooms into the bracket. Numbers of the
 * host only; it must not know tensors.
 */

/** The function along the direction at one step length. */
export interface LinePoint<Gradient> {
  /** Step length. */
  readonly t: number;
  readonly value: number;
  readonly gradient: Gradient;
  /** Derivative along the direction. */
  readonly slope: number;
}

/** The found point, and how often the function was evaluated. */
export interface LineSearchResult<Gradient> {
  readonly point: LinePoint<Gradient>;
  readonly evaluations: number;
}

/** Sufficient decrease, and curvature. */
const [C1, C2] = [1e-4, 0.9];

/**
 * The minimum of the cubic through two points with their slopes, within bounds; their middle if it has none.
 *
 * @see Nocedal & Wright 2006, "Numerical Optimization", equation 3.59
 */
function cubicMinimum(
  a: LinePoint<unknown>,
  b: LinePoint<unknown>,
  bounds: readonly [low: number, high: number] = a.t <= b.t ? [a.t, b.t] : [b.t, a.t],
): number {
  const [low, high] = bounds;
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.t - b.t);
  const square = d1 ** 2 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const d2 = Math.sqrt(square);
  const [from, to] = a.t <= b.t ? [a, b] : [b, a];
  const place = to.t - (to.t - from.t) * ((to.slope + d2 - d1) / (to.slope - from.slope + 2 * d2));
  return Math.min(Math.max(place, low), high);
}

/**
 * Searches for a step that satisfies the strong Wolfe conditions
 * `f(t) ≤ f(0) + c₁·t·f'(0)` and `|f'(t)| ≤ c₂·|f'(0)|`, with c₁ = 1e-4 and c₂ = 0.9.
 *
 * @param evaluate the function along the direction
 * @param start the point at step 0
 * @param first the first step to try
 * @param largest the largest absolute value of the direction's elements
 * @param tolerance change of the parameters below which a bracket is not divided further
 * @param limit number of evaluations after the first
 */
export async function strongWolfe<Gradient>(
  evaluate: (t: number) => Promise<LinePoint<Gradient>>,
  start: LinePoint<Gradient>,
  first: number,
  largest: number,
  tolerance: number,
  limit: number,
): Promise<LineSearchResult<Gradient>> {
  const { value, slope } = start;
  const tooHigh = (point: LinePoint<Gradient>) => point.value > value + C1 * point.t * slope;
  const isFlat = (point: LinePoint<Gradient>) => Math.abs(point.slope) <= -C2 * slope;

  let [before, now] = [start, await evaluate(first)];
  let round = 0;
  let bracket: [LinePoint<Gradient>, LinePoint<Gradient>] | undefined;
  for (; round < limit; round++) {
    if (tooHigh(now) || (round > 1 && now.value >= before.value)) bracket = [before, now];
    else if (isFlat(now)) return { point: now, evaluations: round + 1 };
    else if (now.slope >= 0) bracket = [before, now];
    if (bracket) break;
    const bounds = [now.t + 0.01 * (now.t - before.t), now.t * 10] as const;
    const t = cubicMinimum(before, now, bounds);
    [before, now] = [now, await evaluate(t)];
  }
  let [low, high] = bracket ?? [start, now];
  if (low.value > high.value) [low, high] = [high, low];

  let stuck = false;
  while (round < limit && Math.abs(high.t - low.t) * largest >= tolerance) {
    let t = cubicMinimum(low, high);
    const [left, right] = low.t <= high.t ? [low.t, high.t] : [high.t, low.t];
    const margin = 0.1 * (right - left);
    // A step near the end of the bracket twice in a row, or at the end, moves a tenth of the bracket away from it.
    if (Math.min(right - t, t - left) < margin) {
      if (stuck || t >= right || t <= left) {
        t = Math.abs(t - right) < Math.abs(t - left) ? right - margin : left + margin;
        stuck = false;
      } else stuck = true;
    } else stuck = false;
    const tried = await evaluate(t);
    round++;
    if (tooHigh(tried) || tried.value >= low.value) {
      high = tried;
      if (low.value > high.value) [low, high] = [high, low];
    } else {
      if (isFlat(tried)) return { point: tried, evaluations: round + 1 };
      if (tried.slope * (high.t - low.t) >= 0) high = low;
      low = tried;
    }
  }
  return { point: low, evaluations: round + 1 };
}
