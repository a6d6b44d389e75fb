/**
 * A square transposition in registers: V vectors in, V vectors out, by log₂ V rounds of two-vector shuffles. Every
 * shuffle is one for which processors need no index vector: pairs interleaved within four lanes, or whole groups of
 * four exchanged.
 */
import { declare, type Expr, register, type Stmt, shuffle, splat } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";

/** Statements that transpose, and the registers that hold the result; the vector width is a multiple of four. */
export function transposed(builder: KernelBuilder, rows: readonly Expr[]): { statements: Stmt[]; rows: Expr[] } {
  const { lanes } = builder;
  const statements: Stmt[] = [];
  const named = (e: Expr): Expr => {
    const name = builder.fresh("x");
    statements.push(declare(name, splat(e, lanes)));
    return register(name, e.type, lanes);
  };
  const mask = (pick: (lane: number) => number) => Array.from({ length: lanes }, (_, lane) => pick(lane));
  // Positions within four lanes: 0 1 2 3 of a, 4 5 6 7 of b.
  const inFours = (a: Expr, b: Expr, order: readonly number[]) =>
    named(
      shuffle(
        a,
        b,
        mask((lane) => (lane & ~3) + (order[lane & 3] & 3) + (order[lane & 3] >= 4 ? lanes : 0)),
      ),
    );
  const half = lanes / 8;
  /** Every second group of four lanes, those of a before those of b. */
  const fours = (a: Expr, b: Expr, odd: number) =>
    named(
      shuffle(
        a,
        b,
        mask((lane) => {
          const group = lane >> 2;
          return 4 * (2 * (group % half) + odd) + (lane & 3) + (group >= half ? lanes : 0);
        }),
      ),
    );
  // columns[j][g]: lanes 4 l … 4 l + 3 are rows 4 g … 4 g + 3 of column 4 l + j.
  const columns: Expr[][] = [[], [], [], []];
  for (let g = 0; g < lanes; g += 4) {
    const [r0, r1, r2, r3] = rows.slice(g, g + 4).map(named);
    const low = [inFours(r0, r1, [0, 4, 1, 5]), inFours(r2, r3, [0, 4, 1, 5])];
    const high = [inFours(r0, r1, [2, 6, 3, 7]), inFours(r2, r3, [2, 6, 3, 7])];
    columns[0].push(inFours(low[0], low[1], [0, 1, 4, 5]));
    columns[1].push(inFours(low[0], low[1], [2, 3, 6, 7]));
    columns[2].push(inFours(high[0], high[1], [0, 1, 4, 5]));
    columns[3].push(inFours(high[0], high[1], [2, 3, 6, 7]));
  }
  const result: Expr[] = [];
  columns.forEach((groups, j) => {
    let list = groups;
    for (let round = 1; round < lanes / 4; round *= 2) {
      const pairs = list.flatMap((a, i) => (i % 2 === 0 ? [[a, list[i + 1]]] : []));
      list = [0, 1].flatMap((odd) => pairs.map(([a, b]) => fours(a, b, odd)));
    }
    list.forEach((e, l) => {
      result[4 * l + j] = e;
    });
  });
  return { statements, rows: result };
}
