/** Finds the known name nearest to a misspelled one, and formats values for messages. */

/** Names used by other libraries, and the camel-case names of PyTorch that replace them. */
const ALIASES: Readonly<Record<string, string>> = {
  axis: "dim",
  axes: "dim",
  dims: "dim",
  keepdims: "keepdim",
  unbiased: "correction",
  ddof: "correction",
  pad: "padding",
  strides: "stride",
  kernel: "kernelSize",
  kernelsize: "kernelSize",
  learningrate: "lr",
  epsilon: "eps",
  type: "dtype",
  size: "shape",
  usebias: "bias",
  probability: "p",
  rate: "p",
  low: "min",
  high: "max",
};

const plain = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, "");

/** Number of letters to insert, delete, replace or swap to turn `a` into `b` (optimal string alignment distance). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.length][b.length];
}

/** The known name nearest to `name`; undefined if none is similar. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  const same = known.find((each) => plain(each) === wanted) ?? known.find((each) => each === ALIASES[wanted]);
  if (same) return same;
  const near = known
    .map((each) => ({ each, steps: distance(wanted, plain(each)) }))
    .filter(({ each, steps }) => steps <= Math.max(1, Math.floor(each.length / 4)))
    .sort((a, b) => a.steps - b.steps);
  const start = known.filter((each) => wanted.length >= 3 && plain(each).startsWith(wanted));
  return near[0]?.each ?? (start.length === 1 ? start[0] : undefined);
}

const LONGEST = 40;

/** Formats a value for a message, on one short line: numbers and strings by value, objects by their class. */
export function spell(value: unknown): string {
  if (typeof value === "string") {
    const shown = value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value;
    return JSON.stringify(shown);
  }
  // Modules are functions with a class of their own.
  if (typeof value === "function" && /Function$/.test(value.constructor?.name ?? "Function")) {
    return `the function ${value.name || "without a name"}`;
  }
  if (typeof value === "symbol" || (typeof value !== "object" && typeof value !== "function") || value === null) {
    return String(value);
  }
  if (Array.isArray(value)) {
    const items = value.slice(0, 8).map(spell);
    const all = `[${items.join(", ")}${value.length > items.length ? ", …" : ""}]`;
    return all.length <= 2 * LONGEST ? all : `an array of ${value.length}`;
  }
  const name: unknown = value.constructor?.name;
  if (typeof name !== "string" || name === "Object" || name === "") {
    const keys = Object.keys(value);
    return keys.length === 0 ? "{}" : `{ ${keys.slice(0, 4).join(", ")}${keys.length > 4 ? ", …" : ""} }`;
  }
  return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
}
