/** Keys of plain data: strings that are equal only for equal data. It must not know the meaning of the data. */

/** A JSON replacer that distinguishes NaN, the infinities, −0 and undefined, which JSON merges. */
function exact(_: string, value: unknown): unknown {
  const special = typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0));
  if (special) return `number ${Object.is(value, -0) ? "-0" : value}`;
  return value === undefined ? "undefined" : value;
}

/** The key of plain data. */
export const keyOf = (value: unknown): string => JSON.stringify(value, exact);
