/** What peers answer: a line of JSON. Whatever else comes is a failure of the peer, which a report notes. */
import { z } from "zod";

const failure = z.object({ error: z.string() });
export type Failure = z.infer<typeof failure>;

/** Of a line that nobody can read, as much as tells what it is. */
const EXCERPT = 60;

const NOT_FINITE: Failure = { error: "it computes numbers that are not finite" };

/**
 * Reads an answer. Numbers that are not finite come as NaN or Infinity from Python, which is no JSON, and as null from
 * JavaScript.
 */
export function readAnswer<T>(line: string, answer: z.ZodType<T>): T | Failure {
  const excerpt = JSON.stringify(line.slice(0, EXCERPT));
  const value = parse(line);
  if (value === undefined) {
    const mended = parse(line.replaceAll(/-?\b(NaN|Infinity)\b/g, "null"));
    return mended === undefined ? { error: `its answer is no JSON: ${excerpt}` } : NOT_FINITE;
  }
  const read = z.union([failure, answer]).safeParse(value);
  if (read.success) return read.data;
  if (/[[:,]null\b/.test(JSON.stringify(value))) return NOT_FINITE;
  return { error: `its answer is not what was asked for: ${excerpt}` };
}

/** The value of a JSON text; undefined where it is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
