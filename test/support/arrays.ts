/** Plain float64 arrays with shapes: what references are written in. Knows nothing of the engine. */

export interface NdArray {
  readonly shape: readonly number[];
  readonly values: number[];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1);

/** Every coordinate of a shape, row by row. */
export function coordinatesOf(shape: readonly number[]): number[][] {
  const at = shape.map(() => 0);
  return Array.from({ length: sizeOf(shape) }, () => {
    const here = at.slice();
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++at[axis] < shape[axis]) break;
      at[axis] = 0;
    }
    return here;
  });
}

const positionOf = (shape: readonly number[], at: readonly number[]): number =>
  at.reduce((position, i, axis) => position * shape[axis] + i, 0);

/** The element at a coordinate; `outside` where there is none. */
export function get(x: NdArray, at: readonly number[], outside = Number.NaN): number {
  if (at.some((i, axis) => i < 0 || i >= x.shape[axis])) return outside;
  return x.values[positionOf(x.shape, at)];
}

/** An array computed element by element. */
export const fill = (shape: readonly number[], element: (at: readonly number[]) => number): NdArray => ({
  shape,
  values: coordinatesOf(shape).map(element),
});

/** Adds to one element. */
export function accumulate(x: NdArray, at: readonly number[], value: number): void {
  x.values[positionOf(x.shape, at)] += value;
}

export const zerosOf = (shape: readonly number[]): NdArray => fill(shape, () => 0);

/** Folds axes away with `combine`, dropping them. */
export function fold(x: NdArray, axes: readonly number[], combine: (elements: readonly number[]) => number): NdArray {
  const groups = new Map<string, number[]>();
  const shape = x.shape.filter((_, axis) => !axes.includes(axis));
  for (const at of coordinatesOf(shape)) groups.set(at.join(), []);
  for (const at of coordinatesOf(x.shape)) {
    groups.get(at.filter((_, axis) => !axes.includes(axis)).join())?.push(get(x, at));
  }
  return { shape, values: [...groups.values()].map(combine) };
}

/** Σ a · b */
export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);
