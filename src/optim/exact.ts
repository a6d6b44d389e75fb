/** Numbers of the host in cells of f32, so that a resumed run has the same numbers. */

/** Number of f32 for a number: three have all digits of a double. */
export const EXACT_PARTS = 3;

/** Numbers of f32 whose sum is the number; an infinity is its own first part. */
export function exactParts(value: number): number[] {
  const parts: number[] = [];
  for (let rest = value; parts.length < EXACT_PARTS; rest -= parts[parts.length - 1]) {
    parts.push(Number.isFinite(rest) || parts.length === 0 ? Math.fround(rest) : 0);
  }
  return parts;
}

/** The numbers whose parts these are. */
export function fromExactParts(parts: ArrayLike<number>): number[] {
  return Array.from({ length: parts.length / EXACT_PARTS }, (_, i) => {
    const at = EXACT_PARTS * i;
    return parts[at] + parts[at + 1] + parts[at + 2];
  });
}
