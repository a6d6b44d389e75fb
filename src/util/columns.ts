/** Tables as text. This file must not know what is in them. */

/**
 * Lines of a table whose columns are aligned: the first `left` to the left, as names need it, the others to the right.
 *
 * @param rows cells; the first row has the headings, and a rule follows it
 */
export function alignColumns(rows: readonly (readonly string[])[], left: number): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  const lines = rows.map((cells) =>
    cells
      .map((cell, i) => (i < left ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("  ")
      .trimEnd(),
  );
  return [lines[0], "─".repeat(Math.max(...lines.map(({ length }) => length))), ...lines.slice(1)];
}
