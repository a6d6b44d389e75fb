/**
 * The scalar algebra over expressions of the loop language: folds constants, decomposes ops that the target has no
 * instruction for, and applies the identities that index guards make common.
 */
import type { Algebra } from "../ir/algebra.js";
import { convert, isFloat, wrap } from "../ir/dtype.js";
import { castTo, constantOf, type Expr, extractFirst, operation, registerOf, splat, unlikely } from "../ir/loops.js";
import { type ScalarName, scalarOps } from "../ir/scalar/index.js";
import type { Target } from "../ir/target.js";

const isConst = (e: Expr, value: number): boolean => e.kind === "const" && Object.is(e.value, value);

/** The value of an op on constants, in the precision of the register. */
function fold(op: ScalarName, args: readonly Expr[], type: Expr["type"]): Expr {
  const { meaning, integerMeaning, result } = scalarOps[op];
  const values = args.map((arg) => (arg.kind === "const" ? arg.value : 0));
  const exact = type === "i32" && integerMeaning ? integerMeaning(...values) : meaning(...values);
  const into = result === "same" ? type : result;
  return constantOf(into === "f32" ? Math.fround(exact) : wrap(exact, into), into);
}

/** Builds expressions for a target. */
export function expressions(target: Target): Algebra<Expr> {
  const algebra: Algebra<Expr> = {
    constant: (value, like) => constantOf(like.type === "f32" ? Math.fround(value) : wrap(value, like.type), like.type),
    typed: (value, dtype) => constantOf(wrap(value, dtype), registerOf(dtype)),
    cast: (value, dtype) => {
      const type = registerOf(dtype);
      if (value.kind === "const") {
        const converted = isFloat(value.type) ? convert(value.value, dtype) : wrap(value.value, dtype);
        return constantOf(type === "f32" ? Math.fround(converted) : converted, type);
      }
      const cast = castTo(value, type);
      // A u8 register is an i32: storing wraps, but a value used in place must wrap here.
      return dtype === "u8" && value.type !== "bool" ? algebra.op("bitAnd", cast, constantOf(255, "i32")) : cast;
    },
    unlikely: (test, rare, usual) =>
      test.kind === "const" ? (test.value ? rare : usual) : unlikely(test, rare, usual),
    op: (name, ...args) => {
      const last = args[args.length - 1];
      if (args.every((arg) => arg.kind === "const")) return fold(name, args, last.type);
      if (name === "select") {
        const [condition, a, b] = args;
        if (condition.kind === "const") return condition.value ? a : b;
        if (a.key === b.key) return a;
      }
      if (name === "add" && last.type === "i32" && isConst(last, 0)) return args[0];
      if (name === "mul" && isConst(last, 1)) return args[0];
      if (name === "mul" && isConst(args[0], 1)) return last;
      const { decompose, ulps, libm } = scalarOps[name];
      // Decompositions have single precision, so doubles call libm.
      if (decompose && target.decompose && !(libm && last.type === "f64")) {
        // Scalars are computed by vector instructions: back ends contract products and sums of the two differently, and
        // a value must not depend on whether its element belongs to a full vector or to the scalar remainder.
        const scalar = ulps > 0 && args.every(({ lanes }) => lanes === 1);
        if (!scalar) return decompose(algebra, ...args);
        const vectors = args.map((arg) => (arg.kind === "const" ? arg : splat(arg, target.lanes)));
        return extractFirst(decompose(algebra, ...vectors));
      }
      return operation(name, args);
    },
  };
  return algebra;
}
