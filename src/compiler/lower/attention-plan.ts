/**
 * Into which blocks of queries and keys an attention is cut: those with the fewest cycles, by a model. Depends on
 * shapes and caches alone, never on the number of threads, since blocks of keys decide the order of sums.
 */
import type { Target } from "../../ir/target.js";
import { chooseTiles } from "./attention-blocks.js";

/** Lengths of an attention: queries [T, D], keys [S, D], values [S, E]. */
export interface Lengths {
  readonly t: number;
  readonly s: number;
  readonly d: number;
  readonly e: number;
}

export interface Blocks {
  /** Queries of a block, and blocks. */
  readonly rows: number;
  readonly rowBlocks: number;
  /** Keys of a block in whole vectors, and blocks. */
  readonly keys: number;
  readonly keyVectors: number;
  readonly keyBlocks: number;
  /** Keys that a sum over a block runs through: those that exist, if there is one block. */
  readonly depth: number;
}

const MAX_ROWS = 128;
const MAX_KEYS = 512;
/**
 * Blocks of scores in units of the first-level cache: they are read and written in order, so some may lie behind it.
 */
const SCORE_SHARE = 1.2;
/** Cycles to exponentiate a vector of scores, forward and backward. */
const FORWARD_CYCLES = 12;
const BACKWARD_CYCLES = 14;
/** Cycles for each row of a block: its largest score, its sum. */
const ROW_CYCLES = 40;
/** Cycles to begin a block. */
const BLOCK_CYCLES = 300;

/** Tries all blocks whose scores, `copies` of them, fit into the cache. */
function planBlocks(
  { lanes, l1Bytes }: Target,
  { t, s }: Lengths,
  copies: number,
  cyclesOf: (blocks: Blocks) => number,
): Blocks {
  const vectors = Math.ceil(s / lanes);
  const floats = (l1Bytes * SCORE_SHARE) / 4;
  let best: Blocks | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (let keyBlocks = 1; keyBlocks <= vectors; keyBlocks++) {
    const keyVectors = Math.ceil(vectors / keyBlocks);
    const keys = keyVectors * lanes;
    if (keys > MAX_KEYS || Math.ceil(vectors / keyVectors) !== keyBlocks) continue;
    const depth = keyBlocks === 1 ? s : keys;
    for (let rows = 1; rows <= Math.min(MAX_ROWS, t); rows++) {
      if (rows * keys * copies > floats && (rows > 2 || keyVectors > 1)) break;
      const rowBlocks = Math.ceil(t / rows);
      const blocks = { rows, rowBlocks, keys, keyVectors, keyBlocks, depth };
      const cycles = rowBlocks * keyBlocks * (cyclesOf(blocks) + BLOCK_CYCLES);
      if (cycles >= least) continue;
      least = cycles;
      best = blocks;
    }
  }
  if (!best) throw new Error("no block of an attention is small enough");
  return best;
}

/** Blocks of an attention. */
export function planForward(target: Target, lengths: Lengths): Blocks {
  const { d, e } = lengths;
  const valueVectors = Math.ceil(e / target.lanes);
  return planBlocks(target, lengths, 1, ({ rows, keyVectors, depth }) => {
    const scores = chooseTiles(target, { rows, vectors: keyVectors, depth: d }).cycles;
    const results = chooseTiles(target, { rows, vectors: valueVectors, depth }).cycles;
    return scores + results + rows * (keyVectors * FORWARD_CYCLES + ROW_CYCLES);
  });
}

/** Blocks of the gradient of an attention. */
export function planBackward(target: Target, lengths: Lengths): Blocks {
  const { d, e } = lengths;
  const [queryVectors, valueVectors] = [d, e].map((n) => Math.ceil(n / target.lanes));
  return planBlocks(target, lengths, 2, ({ rows, keys, keyVectors, depth }) => {
    const scores = [d, e].map((length) => chooseTiles(target, { rows, vectors: keyVectors, depth: length }));
    const keyed = [queryVectors, valueVectors].map((vectors) =>
      chooseTiles(target, { rows: keys, vectors, depth: rows }),
    );
    const queries = chooseTiles(target, { rows, vectors: queryVectors, depth });
    const products = [...scores, ...keyed, queries].reduce((sum, { cycles }) => sum + cycles, 0);
    return products + rows * keyVectors * BACKWARD_CYCLES;
  });
}
