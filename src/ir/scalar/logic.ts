/** Comparisons, logic and selection. */
import { numbers, one, pairs, record, type ScalarRecord, tricky, type WasmContext } from "./record.js";
import { bitwise, compare, helper, infix, ordered, stack } from "./templates.js";

const comparison = (
  symbol: string,
  meaning: (a: number, b: number) => boolean,
  wasm: (context: WasmContext) => string,
  operands: "any" | "number" = "any",
): ScalarRecord =>
  record(2, {
    operands,
    result: "bool",
    meaning: (a, b) => Number(meaning(a, b)),
    c: compare(symbol),
    wasm,
    smooth: false,
    cases: [...pairs(numbers, numbers), ...pairs(tricky, tricky)],
  });
const connective = (symbol: string, name: string, meaning: (a: number, b: number) => number): ScalarRecord =>
  record(2, {
    operands: "bool",
    meaning,
    c: infix(symbol),
    wasm: bitwise(name),
    smooth: false,
    cases: pairs([0, 1], [0, 1]),
  });
export type LogicName = "eq" | "ne" | "lt" | "le" | "and" | "or" | "not" | "select";

export const logic: Readonly<Record<LogicName, ScalarRecord>> = {
  eq: comparison("==", (a, b) => a === b, stack("eq")),
  ne: comparison("!=", (a, b) => a !== b, stack("ne")),
  lt: comparison("<", (a, b) => a < b, ordered("lt"), "number"),
  le: comparison("<=", (a, b) => a <= b, ordered("le"), "number"),
  and: connective("&", "and", (a, b) => a & b),
  or: connective("|", "or", (a, b) => a | b),
  not: record(1, {
    operands: "bool",
    meaning: (a) => 1 - a,
    c: ({ lanes }, a) => (lanes === 1 ? `(!${a})` : `(~${a})`),
    wasm: ({ lanes }) => (lanes === 1 ? "a i32.eqz" : "a v128.not"),
    smooth: false,
    cases: one([0, 1]),
  }),
  select: record(3, {
    operands: "any",
    meaning: (condition, a, b) => (condition ? a : b),
    gradient: (e, g, _, condition) => [
      null,
      e.op("select", condition, g, e.constant(0, g)),
      e.op("select", condition, e.constant(0, g), g),
    ],
    c: helper("select"),
    wasm: ({ lanes, constants: [, b, c] }) => {
      if (lanes === 1) return "b c a select";
      if (Object.is(c, 0)) return "b a v128.and";
      return Object.is(b, 0) ? "c a v128.andnot" : "b c a v128.bitselect";
    },
    cases: [
      [0, 1.5, 2.5],
      [1, 1.5, 2.5],
      [1, Number.NaN, 2],
      [0, Number.NaN, 2],
    ],
  }),
};
