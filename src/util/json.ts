/** JSON as a key: a text that is equal for equal plain data only. Knows nothing of what it spells. */

/** Spells what JSON does not tell apart: NaN, the infinities, −0 and undefined. */
function exact(_: string, value: unknown): unknown {
  const special = typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0));
  if (special) return `number ${Object.is(value, -0) ? "-0" : value}`;
  return value === undefined ? "undefined" : value;
}

/** The key of plain data. */
export const keyOf = (value: unknown): string => JSON.stringify(value, exact);
