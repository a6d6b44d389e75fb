/** Parsing of sizes, such as `160x224` and `2GiB`. It must not know what they measure. */

const powers: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4 };
const decimal = 1000;
const binary = 1024;

/** `224` or `160x224` as [height, width]; undefined for anything else. */
export function parseSize(text: string | number): readonly [height: number, width: number] | undefined {
  const [, height, width = height] = /^\s*(\d{1,5})(?:\s*x\s*(\d{1,5}))?\s*$/i.exec(String(text)) ?? [];
  const size = [Number(height), Number(width)] as const;
  return size.every((side) => side >= 1) ? size : undefined;
}

/** `1000000`, `1MB` (decimal) or `1MiB` (binary; so is `1M`) as a number of bytes; undefined for anything else. */
export function parseBytes(text: string | number): number | undefined {
  const [, digits, kind = "", unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(ib|b|)\s*$/i.exec(String(text)) ?? [];
  if (digits === undefined) return undefined;
  const base = unit.toLowerCase() === "b" ? decimal : binary;
  return Math.floor(Number(digits) * base ** powers[kind.toLowerCase()]);
}
